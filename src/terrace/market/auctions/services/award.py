"""From a winner to a trade: what both ways of finding a price end with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.market.listings import services as listings
from terrace.market.listings.models import Listing, SignUp
from terrace.market.settlement import services as settlement
from terrace.market.settlement.models import Trade


def award(
    *,
    actor: Actor,
    listing: Listing,
    winner_id: int,
    price_fen: int,
    losers: Sequence[settlement.LosingDeposit],
    origin_type: str,
    origin_id: object,
    now: dt.datetime,
) -> Trade:
    """Part: open the trade of a locked listing with its winner and end the offer as sold (D 11)."""
    lot, right = listing.lot, listing.lot.parcel.right
    signup = SignUp.objects.get(listing=listing, organisation_id=winner_id, state="ADMITTED")
    assert listing.rights_hold_id is not None
    trade = settlement.open_trade(
        actor=actor,
        seller_id=lot.seller_id,
        buyer_id=winner_id,
        parcel_id=lot.parcel_id,
        rights_hold_id=listing.rights_hold_id,
        quantity_g=lot.quantity_g,
        price_fen_per_tonne=price_fen,
        price_basis=listing.price_basis,
        years=listing.years,
        ratio=listing.ratio_hundredths,
        need_confirmation_id=signup.need_id,
        deposit_hold_id=signup.deposit_hold_id,
        losers=losers,
        origin_type=origin_type,
        origin_id=origin_id,
        term_start=right.term_start,
        term_end=right.term_end,
        now=now,
    )
    listings.mark_sold(actor=actor, listing_id=listing.pk, now=now)
    notify.tell(
        subject=Text(f"成交通知 {trade.number}", f"Award {trade.number}"),
        body=Text(
            f"“{listing.project_name}”已成交，单价 {trade.price.label().zh}，请按程序办理后续手续。",
            f"{listing.number} has been sold at {trade.price.label().en}; the next steps wait in the trade.",
        ),
        url=f"/trades/{trade.number}/",
        now=now,
        organisation_ids=[winner_id, lot.seller_id],
    )
    return trade
