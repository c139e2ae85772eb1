"""What an announced offer turns into when its calendar says so, and how the auctions above report its end (D 9)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.listings import rules
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.procedures import MODE, NOTICE
from terrace.market.listings.services.locking import lock_listing
from terrace.market.listings.services.offers import deadline_facts, release_offer
from terrace.market.listings.services.signals import tell_mode
from terrace.market.reserve import services as reserve

_TRANSITIONS = {
    rules.Mode.BIDDING: "to_bidding",
    rules.Mode.AGREEMENT: "to_agreement",
    rules.Mode.FAILED: "fail",
}
NOBODY = "报名、资格审查和保证金截止后无合格竞买人"


def open_quoting(listing: Listing, case: Case, now: dt.datetime) -> None:
    """Part: the quoting period of a notice begins before its mode is decided (Ningxia): the auction opens now."""
    procedures.advance(
        actor=SYSTEM,
        case=case,
        transition="open_quoting",
        now=now,
        facts=deadline_facts(listing.calendar, quoting_open=True),
    )
    listing.quoting_opened_at = now
    listing.save(update_fields=["quoting_opened_at"])
    tell_mode(rules.Mode.BIDDING, listing, now)


def decide_mode(listing: Listing, case: Case, now: dt.datetime) -> rules.Mode:
    """Part: count the admitted bidders of a locked listing and go on to bidding, agreement or failure; the
    handlers of the mode run in the same transaction."""
    admitted = SignUp.objects.filter(listing=listing, state=rules.SignUpState.ADMITTED.value).count()
    mode = rules.mode_for(admitted)
    procedures.advance(
        actor=SYSTEM,
        case=case,
        transition=_TRANSITIONS[mode],
        now=now,
        reason=NOBODY if mode is rules.Mode.FAILED else "",
        facts={"admitted": admitted, "mode": mode.value},
    )
    listing.state = case.state
    listing.mode = mode.value
    listing.mode_decided_at = now
    if mode is rules.Mode.FAILED:
        listing.ended_at = now
        listing.end_reason = NOBODY
        release_offer(SYSTEM, listing, rules.LotState.FAILED, NOBODY, now)
    elif listing.quoting_opened_at is None and mode is rules.Mode.BIDDING:
        listing.quoting_opened_at = now
    listing.save(
        update_fields=["state", "mode", "mode_decided_at", "ended_at", "end_reason", "quoting_opened_at"]
    )
    tell_mode(mode, listing, now)
    return mode


@act("listings.listing.deadline")
def pass_listing_deadline(*, case_id: int, now: dt.datetime) -> Listing:
    """The instant an announced offer waited for has come: quoting opens, or the mode is decided. By the system.

    Does nothing when the instant has moved or another process was faster.
    """
    listing_id = Listing.objects.values_list("pk", flat=True).get(case_id=case_id)
    listing, case = lock_listing(listing_id)
    if case.deadline_at is None or case.deadline_at > now or listing.state != rules.ListingState.ANNOUNCED:
        return listing
    calendar = listing.calendar
    if calendar.quoting_overlaps and listing.quoting_opened_at is None and now < calendar.decision_at:
        open_quoting(listing, case, now)
        done = "open_quoting"
    else:
        done = decide_mode(listing, case, now).value
    record(
        actor=SYSTEM,
        act="listings.listing.deadline",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"done": done, "state": listing.state},
        clause=NOTICE if done == "open_quoting" else MODE,
    )
    return listing


def mark_sold(*, actor: Actor, listing_id: int, now: dt.datetime, reason: str = "") -> Listing:
    """Part: the offer ended with an award; the freeze stays until settlement delivers. Called by auctions.

    Raises NotFound and what procedures.advance raises (only from bidding or agreement).
    """
    listing, case = lock_listing(listing_id)
    procedures.advance(actor=actor, case=case, transition="sell", now=now, reason=reason)
    listing.state = case.state
    listing.ended_at = now
    listing.save(update_fields=["state", "ended_at"])
    lot = listing.lot
    lot.state = rules.LotState.SOLD.value
    lot.save(update_fields=["state"])
    if lot.planned_lot_id is not None:
        reserve.mark_released(lot.planned_lot_id)
    return listing


def mark_failed(*, actor: Actor, listing_id: int, reason: str, now: dt.datetime) -> Listing:
    """Part: bidding or agreement ended without a sale: the freeze is released, deposits go back, the lot may be
    listed again. Called by auctions. Raises NotFound and what procedures.advance raises."""
    listing, case = lock_listing(listing_id)
    procedures.advance(actor=actor, case=case, transition="fail", now=now, reason=reason)
    listing.state = case.state
    listing.ended_at = now
    listing.end_reason = reason
    listing.save(update_fields=["state", "ended_at", "end_reason"])
    release_offer(actor, listing, rules.LotState.FAILED, reason, now)
    return listing
