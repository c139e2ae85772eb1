"""A deposit has arrived: the bidder is admitted and gets its mask (D 8)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.procedures import services as procedures
from terrace.market.listings import rules
from terrace.market.listings.models import SignUp
from terrace.market.listings.services.locking import lock_listing, lock_signup
from terrace.market.listings.services.signals import tell_admitted
from terrace.market.settlement import services as settlement
from terrace.market.settlement.models import PaymentInstruction


def deposit_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part, called by settlement in the transaction that matches the bank line (`on_paid("DEPOSIT", …)`).

    In time and still wanted: the sign-up is admitted with its mask. Otherwise (late, or the sign-up has ended)
    the money goes back.
    """
    if instruction.subject_type != "signup":
        return
    signup_id = int(instruction.subject_id)
    listing_id = SignUp.objects.values_list("listing_id", flat=True).get(pk=signup_id)
    lock_listing(listing_id)
    signup, case = lock_signup(signup_id)
    assert instruction.hold_id is not None
    signup.deposit_hold_id = instruction.hold_id
    signup.deposit_ok_at = now
    wanted = signup.state == rules.SignUpState.QUALIFIED and now < signup.listing.deposit_until
    if not wanted:
        settlement.refund_deposit(
            actor=SYSTEM, deposit_hold_id=instruction.hold_id, cause="WITHDRAWN", now=now
        )
        signup.save(update_fields=["deposit_hold_id", "deposit_ok_at"])
        return
    procedures.advance(actor=SYSTEM, case=case, transition="admit", now=now)
    masks = SignUp.objects.filter(listing_id=listing_id).values_list("mask", flat=True)
    taken = {mask for mask in masks if mask is not None}
    signup.state = case.state
    signup.admitted_at = now
    signup.mask = rules.mask_number(signup.listing.mask_seed, signup.receipt_no or "", taken)
    signup.save()
    tell_admitted(signup, now)
