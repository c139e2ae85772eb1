"""Qualification: the trading institution decides with reasons; a qualified firm is asked for its deposit (D 7, 8)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.procedures import services as procedures
from terrace.market.listings import access, rules
from terrace.market.listings.models import SignUp
from terrace.market.listings.services.locking import lock_signup
from terrace.market.settlement import services as settlement


class QualificationClosed(Refusal):
    code = "listings.qualification.closed"
    text = Text("资格审查已于{closed}截止。", "Qualification closed at {closed}.")


@act("listings.signup.qualify")
def qualify_signup(
    *,
    actor: Actor,
    signup_id: int,
    accept: bool,
    reason: str,
    now: dt.datetime,
    bureau_opinion: str = "",
) -> SignUp:
    """Qualify or refuse a submitted application. Accepting asks the firm for the deposit, from its own account and
    with a unique reference, until the time the notice prints. The firm sees the reasons.

    Raises NotAllowed, NotFound, QualificationClosed and what procedures.advance and request_payment raise.
    """
    signup, case = lock_signup(signup_id)
    access.may_qualify(actor).require()
    listing = signup.listing
    if now >= listing.qualification_until:
        raise QualificationClosed(closed=local(listing.qualification_until).strftime("%Y-%m-%d %H:%M:%S"))
    step = procedures.advance(
        actor=actor, case=case, transition="qualify" if accept else "refuse", now=now, reason=reason
    )
    signup.state = case.state
    signup.qualified_at = now
    signup.qualification_reason = reason.strip()
    signup.bureau_opinion = bureau_opinion.strip()
    if accept:
        instruction = settlement.request_payment(
            actor=actor,
            payer_id=signup.organisation_id,
            payee="ESCROW",
            amount_fen=listing.deposit_fen,
            purpose="DEPOSIT",
            subject_type="signup",
            subject_id=signup.pk,
            due_at=listing.deposit_until,
            now=now,
        )
        signup.deposit_instruction_id = instruction.pk
        signup.deposit_reference = instruction.reference
    else:
        signup.ended_at = now
    signup.save()
    notify.tell(
        subject=Text(
            f"{listing.number} {rules.SignUpState(signup.state).label.zh}",
            f"{listing.lot.number}: {rules.SignUpState(signup.state).label.en}",
        ),
        body=Text(
            f"{reason.strip() or '资格审查通过。'}"
            + (
                f"请于{local(listing.deposit_until):%Y-%m-%d %H:%M}前缴纳保证金{listing.deposit.label().zh}，"
                f"附言填写{signup.deposit_reference}。"
                if accept
                else ""
            ),
            f"{reason.strip() or 'Qualified.'} "
            + (
                f"Pay the deposit of {listing.deposit.label().en} by {local(listing.deposit_until):%Y-%m-%d %H:%M} "
                f"with the reference {signup.deposit_reference}."
                if accept
                else ""
            ),
        ),
        url=f"/signups/{signup.pk}/",
        now=now,
        organisation_ids=[signup.organisation_id],
    )
    record(
        actor=actor,
        act="listings.signup.qualify",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state, "deposit": signup.deposit_reference},
        reason=reason.strip(),
        clause=step.clause,
    )
    return signup
