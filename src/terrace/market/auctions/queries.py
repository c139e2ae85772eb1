"""Reads of auctions: what anybody may see, where a bidder stands, what is due."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.models import Case
from terrace.market.auctions.models import Agreement, Auction, AuctionResult, AuctionState, Bid, Bidder
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import Quote
from terrace.market.listings.models import Listing

PUBLIC_STATE_SQL = (
    "SELECT auction_public_state(a, s)::text, auction_phase(a, s, n.at), n.at FROM auctions_auction a"
    " JOIN auctions_state s ON s.auction_id = a.id CROSS JOIN (SELECT terrace_now() AS at) n WHERE a.id = %s"
)
DUE_SQL = (
    "SELECT a.id FROM auctions_auction a JOIN auctions_state s ON s.auction_id = a.id"
    " JOIN listings_listing l ON l.id = a.listing_id AND l.state = 'BIDDING'"
    " WHERE s.closed_at IS NULL AND a.free_until <= %s AND auction_ends_at(a, s) <= %s ORDER BY a.id LIMIT %s"
)


@dataclass(frozen=True, slots=True)
class PublicState:
    """The auction as anybody may see it at `now`; `values` is the object that live events carry, too."""

    values: dict[str, Any]
    phase: ascending.Phase
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class MyStanding:
    """Where one bidder stands. `own_best_fen` is None before its first quote."""

    bidder_id: int
    mask: str
    own_best_fen: int | None
    is_leading: bool
    limit_fen: int | None
    may_enter_timed: bool

    @property
    def words(self) -> Text:
        if self.own_best_fen is None:
            return Text("尚未报价", "You have not quoted yet")
        return (
            Text("领先", "You are leading") if self.is_leading else Text("已被超过", "You have been outbid")
        )


def instant(value: dt.datetime) -> str:
    """UTC with microseconds and Z, as the live events write it."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def get_public_state(auction_id: int) -> PublicState | None:
    """The state, the phase and the server's time in one round trip; None when there is no such auction."""
    with connection.cursor() as cursor:
        cursor.execute(PUBLIC_STATE_SQL, [auction_id])
        row = cursor.fetchone()
    if row is None:
        return None
    return PublicState(json.loads(row[0]), ascending.Phase(row[1]), row[2])


def phase_until(public: PublicState) -> dt.datetime | None:
    """When the present phase ends; None once the auction is over."""
    names = {
        ascending.Phase.BEFORE: "opens_at",
        ascending.Phase.FREE: "free_ends_at",
        ascending.Phase.WAIT: "timed_starts_at",
        ascending.Phase.TIMED: "ends_at",
    }
    name = names.get(public.phase)
    return None if name is None else dt.datetime.fromisoformat(public.values[name])


def get_result(auction_id: int) -> AuctionResult | None:
    """The recorded result with its winner; None while the auction runs."""
    return AuctionResult.objects.select_related("winner__organisation").filter(auction_id=auction_id).first()


def case_of(agreement: Agreement) -> Case:
    """The procedure case of an agreement."""
    assert agreement.case_id is not None
    return Case.objects.get(pk=agreement.case_id)


def list_auctions() -> QuerySet[Auction]:
    """Every auction, the latest opening first, with its state and result."""
    return Auction.objects.select_related("state_row", "result").order_by("-opens_at", "-id")


def list_bids(auction_id: int) -> QuerySet[Bid]:
    """Accepted quotes, the newest first, with their bidders."""
    return Bid.objects.filter(auction_id=auction_id).select_related("bidder__organisation").order_by("-seq")


def last_quotes(auction_id: int) -> list[Bid]:
    """Every bidder's last accepted quote, the highest first. One query."""
    last = (
        Bid.objects.filter(auction_id=auction_id)
        .order_by("bidder_id", "-seq")
        .distinct("bidder_id")
        .select_related("bidder__organisation")
    )
    return sorted(last, key=lambda bid: (-bid.price_fen, bid.seq))


def my_standing(auction_id: int, organisation_id: int | None) -> MyStanding | None:
    """Where the organisation stands in the auction; None for those who are not bidders in it."""
    if organisation_id is None:
        return None
    bidder = Bidder.objects.filter(auction_id=auction_id, organisation_id=organisation_id).first()
    if bidder is None:
        return None
    own = Bid.objects.filter(bidder=bidder).order_by("-seq").values_list("price_fen", flat=True).first()
    auction = Auction.objects.select_related("state_row").get(pk=auction_id)
    state = auction.state_row
    return MyStanding(
        bidder_id=bidder.pk,
        mask=bidder.mask,
        own_best_fen=own,
        is_leading=state.leader_id == bidder.pk,
        limit_fen=bidder.limit_fen,
        may_enter_timed=not auction.free_quoters_only or bidder.pk in state.free_quoters,
    )


def list_due(now: dt.datetime, *, limit: int = 50) -> list[int]:
    """Auctions in bidding whose end has passed and whose result is not recorded yet."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_SQL, [now, now, limit])
        return [row[0] for row in cursor.fetchall()]


def stopped(auction: Auction) -> Text | None:
    """Why an auction that was closed has no result: a court froze its right (R23); None for other reasons. One query."""
    state = Listing.objects.values_list("state", flat=True).get(pk=auction.listing_id)
    if state == "SUSPENDED":
        return Text(
            "标的排污权被法院冻结，竞价已停止。已交保证金继续冻结；法院解除或交易机构终止后退还。",
            "A court froze the right on offer and the auction was stopped. Deposits stay held; they go back when the"
            " court lifts the freeze or the trading institution ends the offer.",
        )
    if state in ("TERMINATED", "FAILED"):
        return Text(
            "竞价已停止，没有结果；出让已终止，保证金退还。",
            "The auction was stopped without a result; the offer has ended and deposits go back.",
        )
    return None


def quotes_of(auction_id: int, *, name_by: str = "id") -> list[Quote]:
    """The accepted quotes in sequence as the rules read them; bidders by "id" or by "mask"."""
    rows = (
        Bid.objects.filter(auction_id=auction_id)
        .order_by("seq")
        .values_list("bidder_id" if name_by == "id" else "bidder__mask", "price_fen", "at")
    )
    return [Quote(str(bidder), price, at, confirmed=True) for bidder, price, at in rows.iterator()]


def check_state(auction_id: int) -> str | None:
    """Replay the stored bids and compare with the hot row. None, or one line that names the first difference."""
    auction = Auction.objects.get(pk=auction_id)
    try:
        folded = ascending.replay(auction.terms, quotes_of(auction_id))
    except ValueError as error:
        return f"auction {auction_id}: {error}"
    stored = AuctionState.objects.get(pk=auction_id).as_rules()
    for name in ascending.State.__dataclass_fields__:
        if getattr(folded, name) != getattr(stored, name):
            return f"auction {auction_id}: {name} is {getattr(stored, name)!r}, the bids give {getattr(folded, name)!r}"
    return None


def sale_link(listing_id: int) -> tuple[Text, str] | None:
    """For the lot's page: where an offer is being, or was, auctioned. One query."""
    auction = Auction.objects.filter(listing_id=listing_id).values_list("pk", flat=True).first()
    if auction is None:
        return None
    return Text("查看竞价", "See the auction"), reverse("auctions:auction", args=[auction])
