"""A deposit has arrived: the bidder is admitted and gets its mask (D 8)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import SYSTEM
from terrace.market.listings import rules
from terrace.market.listings.models import SignUp
from terrace.market.listings.services.locking import lock_listing, lock_signup
from terrace.market.listings.services.offers import admit
from terrace.market.settlement import services as settlement
from terrace.market.settlement.models import PaymentInstruction


def deposit_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part, called by settlement in the transaction that matches the bank line (`on_paid("DEPOSIT", …)`).

    In time and still wanted: the sign-up is admitted with its mask. Otherwise (late, or the sign-up has ended)
    the money goes back. While the offer is suspended the deposit is held, too, and admits when it goes on.
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
    in_time = now < signup.listing.deposit_until or case.paused_at is not None  # the clock stands still
    wanted = signup.state == rules.SignUpState.QUALIFIED and in_time
    if not wanted:
        settlement.refund_deposit(
            actor=SYSTEM, deposit_hold_id=instruction.hold_id, cause="WITHDRAWN", now=now
        )
        signup.save(update_fields=["deposit_hold_id", "deposit_ok_at"])
        return
    if case.paused_at is not None:  # suspended: held like the others, admitted when the offer goes on
        signup.save(update_fields=["deposit_hold_id", "deposit_ok_at"])
        return
    admit(signup, case, now)
