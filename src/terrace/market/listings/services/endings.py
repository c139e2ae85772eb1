"""A sale that came to nothing after the award: the lot may be listed again (side states `defaulted`, `voided`)."""

from __future__ import annotations

import datetime as dt

from terrace.market.listings import rules
from terrace.market.listings.models import Listing
from terrace.market.reserve import services as reserve
from terrace.market.settlement.models import Outcome, Trade


def sale_ended(trade: Trade, now: dt.datetime) -> None:
    """Part, called by settlement when a trade ends. Without delivery the listing counts as failed, the planned lot is
    listable again and a new round may be drafted; settlement has released the freeze and handles the deposits.

    A completed trade changes nothing here. The listing is found by the hold that the trade was to deliver.
    """
    if trade.outcome == Outcome.COMPLETED:
        return
    listing = (
        Listing.objects.select_for_update(of=("self",))
        .select_related("lot")
        .filter(rights_hold_id=trade.rights_hold_id, state=rules.ListingState.SOLD.value)
        .first()
    )
    if listing is None:
        return
    listing.state = rules.ListingState.FAILED.value
    listing.end_reason = f"成交后未完成：{trade.number}"
    listing.ended_at = now
    listing.save(update_fields=["state", "end_reason", "ended_at"])
    lot = listing.lot
    lot.state = rules.LotState.FAILED.value
    lot.save(update_fields=["state"])
    if lot.planned_lot_id is not None:
        reserve.mark_returned(lot.planned_lot_id)
