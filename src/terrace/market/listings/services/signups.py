"""A firm's application for a lot: its clerk fills in, its approver confirms, the receipt has number and digest (D 6)."""

from __future__ import annotations

import datetime as dt
from typing import BinaryIO

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal, Stale
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.documents.models import Document
from terrace.kernel.procedures import services as procedures
from terrace.market.listings import access, queries, rules
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.procedures import SIGNUP
from terrace.market.listings.services.locking import lock_signup
from terrace.market.listings.services.offers import signup_facts
from terrace.market.rights import services as rights
from terrace.market.rights.models import NeedConfirmation
from terrace.market.rights.rules import NeedState
from terrace.market.rulebooks import services as rulebooks
from terrace.market.rulebooks.models import EligibilityDecision
from terrace.market.rulebooks.rules import Verdict
from terrace.market.settlement import services as settlement

MAY_BUY = (Verdict.MUST_BUY, Verdict.VOLUNTARY)


class SignUpNotOpen(Refusal):
    code = "listings.signup.not_open"
    text = Text("报名尚未开始，开始时间为{opens}。", "Sign-up opens at {opens}.")


class SignUpClosed(Refusal):
    code = "listings.signup.closed"
    text = Text(
        "报名已于{closed}截止，服务器收到的时间为{received}。",
        "Sign-up closed at {closed}; the server received this at {received}.",
    )
    hint = Text("请关注其他标的或重新挂牌公告。", "Look at other lots or wait for a new listing.")
    clause = SIGNUP


class AlreadySignedUp(Refusal):
    code = "listings.signup.already"
    text = Text("本单位已有该标的的报名。", "Your organisation has signed up for this lot already.")


class NotEditable(Refusal):
    code = "listings.signup.not_editable"
    text = Text("报名已送审批或提交，不能修改。", "The application has been sent on and cannot be changed.")
    hint = Text("如需修改，请本单位审批人退回。", "Ask your approver to send it back.")


class TasksMissing(Refusal):
    code = "listings.signup.tasks_missing"
    text = Text("报名材料还不完整：{missing}。", "The application is not complete: {missing}.")
    http_status = 422


class NotEligible(Refusal):
    code = "listings.signup.not_eligible"
    text = Text("不符合受让条件：{reason}", "The conditions are not met: {reason}")
    hint = Text(
        "每条规则的依据和补正办法见“受让条件核对”。",
        "See the eligibility check for each rule and what would help.",
    )


class OfferClosed(Refusal):
    code = "listings.signup.offer_closed"
    text = Text("该公告当前不接受报名（{state}）。", "This offer does not take sign-ups now ({state}).")


def _require_window(listing: Listing, now: dt.datetime) -> None:
    """To the second and by the server's clock: at the closing instant itself it is too late."""
    if listing.state != rules.ListingState.ANNOUNCED:
        raise OfferClosed(state=listing.state_label)
    if now < listing.signup_from:
        raise SignUpNotOpen(opens=_clock(listing.signup_from))
    if now >= listing.signup_until:
        raise SignUpClosed(closed=_clock(listing.signup_until), received=_clock(now))


def _clock(instant: dt.datetime) -> str:
    return local(instant).strftime("%Y-%m-%d %H:%M:%S")


@act("listings.signup.start")
def start_signup(*, actor: Actor, listing_id: int, now: dt.datetime, key: str | None = None) -> SignUp:
    """A firm's clerk begins an application. One per firm and offer.

    Raises NotAllowed, NotFound, OfferClosed, SignUpNotOpen, SignUpClosed, AlreadySignedUp.
    """
    access.may_sign_up(actor).require()
    listing = (
        Listing.objects.select_for_update(of=("self",), no_key=True)
        .select_related("lot__parcel__right")
        .filter(pk=listing_id)
        .first()
    )
    if listing is None or not access.may_see_listing(actor, listing):
        raise NotFound(what=Text("该公告", "the listing"))
    digest = digest_of([listing_id])
    if answer := first_answer(actor=actor, act="listings.signup.start", key=key, request_digest=digest):
        return SignUp.objects.get(pk=answer)
    assert actor.organisation_id is not None
    _require_window(listing, now)
    if (
        SignUp.objects.filter(listing=listing, organisation_id=actor.organisation_id)
        .exclude(state__in=["WITHDRAWN", "LAPSED"])
        .exists()
    ):
        raise AlreadySignedUp
    signup = SignUp.objects.create(
        city=listing.city,
        listing=listing,
        organisation_id=actor.organisation_id,
        quantity_g=listing.lot.quantity_g,
        filled_by_person_id=actor.person_id,
        created_at=now,
    )
    case = procedures.open_case(
        actor=actor,
        procedure="listings.signup",
        subject_type="signup",
        subject_id=signup.pk,
        title=Text(f"报名 {listing.number} {listing.project_name}", f"Sign-up for {listing.lot.number}"),
        url=f"/signups/{signup.pk}/",
        parties={
            "FIRM_CLERK@firm": actor.organisation_id,
            "FIRM_APPROVER@firm": actor.organisation_id,
        },
        now=now,
        facts=signup_facts(listing),
    )
    signup.case_id = case.pk
    signup.save(update_fields=["case_id"])
    record(
        actor=actor,
        act="listings.signup.start",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={"listing": listing.pk},
        key=key,
        request_digest=digest,
        result=signup.pk,
    )
    return signup


@act("listings.signup.fill")
def fill_signup(
    *,
    actor: Actor,
    signup_id: int,
    version: int,
    need_id: int,
    quantity_g: int,
    now: dt.datetime,
) -> SignUp:
    """Choose the confirmed need and the quantity (grams per year); the rulebook's answer is stored with the draft.

    `version` is the one the page showed. Raises NotAllowed, NotFound, Stale, NotEditable, InputInvalid and the
    refusals of the sign-up window.
    """
    signup, _ = lock_signup(signup_id)
    access.may_fill(actor, signup).require()
    _require_editable(signup, now)
    if version != signup.version:
        raise Stale
    need = (
        NeedConfirmation.objects.select_related("project__unit__area")
        .filter(pk=need_id, project__unit__organisation_id=signup.organisation_id)
        .first()
    )
    if need is None or need.state != NeedState.CONFIRMED:
        raise NotFound(what=Text("已确认的需求", "the confirmed need"))
    if quantity_g <= 0:
        raise InputInvalid(
            where=Text("受让数量", "quantity"),
            got=str(quantity_g),
            expected=Text("大于零的吨/年数", "tonnes per year above zero"),
        )
    signup.need = need
    signup.unit = need.project.unit
    signup.quantity_g = quantity_g
    signup.filled_by_person_id = actor.person_id
    stored = _decide(actor, signup, now)
    signup.draft_decision_id = stored.pk
    signup.eligible = stored.verdict in MAY_BUY
    signup.version += 1
    signup.save()
    record(
        actor=actor,
        act="listings.signup.fill",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={"need": need.number, "quantity_g": quantity_g, "verdict": stored.verdict},
        clause=stored.clause,
    )
    return signup


def _require_editable(signup: SignUp, now: dt.datetime) -> None:
    if signup.state != rules.SignUpState.DRAFT:
        raise NotEditable
    _require_window(signup.listing, now)


def _decide(actor: Actor, signup: SignUp, now: dt.datetime) -> EligibilityDecision:
    need = signup.need
    assert need is not None
    case = rights.eligibility_case(
        project=need.project,
        needs_g={Pollutant(line.pollutant): line.emission_g for line in need.lines.all()},
        on=local(now).date(),
        parcel=signup.listing.lot.parcel,
    )
    return rulebooks.record_decision(
        actor=actor,
        case=case,
        subject_type="signup",
        subject_id=signup.pk,
        organisation_id=signup.organisation_id,
        now=now,
    )


@act("listings.signup.attach")
def attach_paper(
    *,
    actor: Actor,
    signup_id: int,
    kind: rules.PaperKind,
    content: bytes | BinaryIO,
    filename: str,
    media_type: str,
    now: dt.datetime,
) -> Document:
    """Add one of the listed papers, or replace it. Raises NotAllowed, NotFound, NotEditable, the refusals of the
    sign-up window and what documents.store raises."""
    signup, _ = lock_signup(signup_id)
    access.may_fill(actor, signup).require()
    _require_editable(signup, now)
    earlier = queries.papers_of(signup).get(kind.value)
    document = documents.store(
        actor=actor,
        content=content,
        filename=filename,
        media_type=media_type,
        kind=kind.value,
        subject_type="signup",
        subject_id=signup.pk,
        organisation_id=signup.organisation_id,
        now=now,
        replaces=earlier,
    )
    signup.version += 1
    signup.save(update_fields=["version"])
    record(
        actor=actor,
        act="listings.signup.attach",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={"kind": kind, "document": document.pk, "digest": document.digest},
    )
    return document


def _require_complete(signup: SignUp) -> None:
    missing = [task for task in queries.tasks_of(signup) if not task.done and task.code != "eligibility"]
    if missing:
        raise TasksMissing(
            missing=Text(
                "、".join(task.label.zh for task in missing), ", ".join(task.label.en for task in missing)
            )
        )


@act("listings.signup.send")
def send_signup(*, actor: Actor, signup_id: int, now: dt.datetime) -> SignUp:
    """The clerk sends a complete application to the firm's approver. Raises NotAllowed, NotFound, NotEditable,
    TasksMissing, NotEligible, the refusals of the window and what procedures.advance raises."""
    signup, case = lock_signup(signup_id)
    access.may_fill(actor, signup).require()
    _require_editable(signup, now)
    _require_complete(signup)
    stored = _decide(actor, signup, now)
    _require_eligible(stored)
    procedures.advance(actor=actor, case=case, transition="send", now=now)
    signup.state = case.state
    signup.draft_decision_id = stored.pk
    signup.eligible = True
    signup.sent_by_person_id = actor.person_id
    signup.version += 1
    signup.save()
    record(actor=actor, act="listings.signup.send", subject_type="signup", subject_id=signup.pk, at=now)
    return signup


def _require_eligible(stored: EligibilityDecision) -> None:
    if stored.verdict not in MAY_BUY:
        raise NotEligible(
            reason=Text(stored.result["statement_zh"], stored.result["statement_en"]), clause=stored.clause
        )


@act("listings.signup.return")
def return_signup(*, actor: Actor, signup_id: int, reason: str, now: dt.datetime) -> SignUp:
    """The approver sends the application back to the clerk. Raises NotAllowed, NotFound and what
    procedures.advance raises (a reason is needed)."""
    signup, case = lock_signup(signup_id)
    access.may_confirm(actor, signup).require()
    procedures.advance(actor=actor, case=case, transition="return_draft", now=now, reason=reason)
    signup.state = case.state
    signup.sent_by_person_id = None
    signup.version += 1
    signup.save()
    record(
        actor=actor,
        act="listings.signup.return",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        reason=reason.strip(),
    )
    return signup


@act("listings.signup.confirm")
def confirm_signup(*, actor: Actor, signup_id: int, now: dt.datetime, key: str | None = None) -> SignUp:
    """The firm's approver, another person than the clerk, submits the application; eligibility is decided again and
    that decision counts. Returns the sign-up with its receipt number and digest.

    Raises NotAllowed, NotFound, TasksMissing, NotEligible, SignUpClosed (late by a second is late) and what
    procedures.advance raises.
    """
    signup, case = lock_signup(signup_id)
    digest = digest_of([signup_id])
    if first_answer(actor=actor, act="listings.signup.confirm", key=key, request_digest=digest):
        return signup
    access.may_confirm(actor, signup).require()
    _require_window(signup.listing, now)
    _require_complete(signup)
    stored = _decide(actor, signup, now)
    _require_eligible(stored)
    step = procedures.advance(actor=actor, case=case, transition="confirm", now=now)
    signup.state = case.state
    signup.decision_id = stored.pk
    signup.eligible = True
    signup.confirmed_by_person_id = actor.person_id
    signup.submitted_at = now
    signup.receipt_no = rights.next_number(series="BM", now=now, city=signup.city)
    signup.receipt_digest = rules.receipt_digest(queries.receipt_facts(signup))
    signup.version += 1
    signup.save()
    record(
        actor=actor,
        act="listings.signup.confirm",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={
            "receipt_no": signup.receipt_no,
            "receipt_digest": signup.receipt_digest,
            "verdict": stored.verdict,
        },
        clause=step.clause,
        key=key,
        request_digest=digest,
        result=signup.pk,
    )
    return signup


@act("listings.signup.withdraw")
def withdraw_signup(*, actor: Actor, signup_id: int, reason: str, now: dt.datetime) -> SignUp:
    """The firm takes its application back, until the deposit has been paid. Raises NotAllowed, NotFound and what
    procedures.advance raises."""
    signup, case = lock_signup(signup_id)
    access.may_withdraw_signup(actor, signup).require()
    procedures.advance(actor=actor, case=case, transition="withdraw", now=now, reason=reason)
    _close(signup, case.state, now)
    record(
        actor=actor,
        act="listings.signup.withdraw",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        reason=reason.strip(),
    )
    return signup


def _close(signup: SignUp, state: str, now: dt.datetime) -> None:
    if signup.deposit_instruction_id is not None:
        settlement.cancel_payment(instruction_id=signup.deposit_instruction_id)
    signup.state = state
    signup.ended_at = now
    signup.save()


@act("listings.signup.deadline")
def pass_signup_deadline(*, case_id: int, now: dt.datetime) -> SignUp:
    """A sign-up's time is over: an unsubmitted draft lapses, one not qualified in time is refused, one without its
    deposit is not admitted. By the system; does nothing when the instant has moved."""
    signup, case = lock_signup(SignUp.objects.values_list("pk", flat=True).get(case_id=case_id))
    state, procedure = case.state_now, case.definition
    if case.deadline_at is None or case.deadline_at > now or state is None or procedure is None:
        return signup
    assert state.deadline is not None
    step = procedures.advance(actor=SYSTEM, case=case, transition=state.deadline.on_pass, now=now)
    if case.state == rules.SignUpState.REFUSED:
        signup.qualified_at = now
        signup.qualification_reason = "资格审查期限届满，交易机构未作出通过决定"
    _close(signup, case.state, now)
    record(
        actor=SYSTEM,
        act="listings.signup.deadline",
        subject_type="signup",
        subject_id=signup.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state},
        clause=step.clause,
    )
    return signup
