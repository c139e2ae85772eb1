"""A sale that came to nothing after the award: the lot may be listed again (side states `defaulted`, `voided`)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.procedures import services as procedures
from terrace.market.listings import rules
from terrace.market.listings.models import Listing
from terrace.market.listings.services.locking import lock_listing
from terrace.market.reserve import services as reserve
from terrace.market.settlement.models import Outcome, Trade

AFTER_END = "sale_ended"


def sale_ended(trade: Trade, now: dt.datetime) -> None:
    """Part, called by settlement when a trade ends. Without delivery the listing and its case count as failed, the
    planned lot is listable again and a new round may be drafted; settlement has released the freeze and handles the
    deposits.

    A completed trade changes nothing here. The listing is found by the hold that the trade was to deliver. A case of
    version 1 has no step for this and keeps its end; its listing says what happened.
    """
    if trade.outcome == Outcome.COMPLETED:
        return
    sold = rules.ListingState.SOLD.value
    listing_id = (
        Listing.objects.filter(rights_hold_id=trade.rights_hold_id, state=sold)
        .values_list("pk", flat=True)
        .first()
    )
    if listing_id is None:
        return
    listing, case = lock_listing(listing_id)
    if listing.state != sold:
        return
    reason = f"成交后未完成（{Outcome(trade.outcome).label.zh}）：{trade.number}"
    if case.definition is not None and any(t.code == AFTER_END for t in case.definition.transitions):
        procedures.advance(actor=SYSTEM, case=case, transition=AFTER_END, now=now, reason=reason)
    listing.state = rules.ListingState.FAILED.value
    listing.end_reason = reason
    listing.ended_at = now
    listing.save(update_fields=["state", "end_reason", "ended_at"])
    lot = listing.lot
    lot.state = rules.LotState.FAILED.value
    lot.save(update_fields=["state"])
    if lot.planned_lot_id is not None:
        reserve.mark_returned(lot.planned_lot_id)
