"""What the auction API takes and gives."""

from __future__ import annotations

from typing import Any

from ninja import Field, Schema

from terrace.kernel.base.quantity import Money
from terrace.market.auctions.queries import instant
from terrace.market.auctions.services import PlacedBid


class BidIn(Schema):
    """A quote in yuan per tonne on the basis of the lot, at most two decimals."""

    price: str | int = Field(examples=["21500.00"])
    confirm: bool = Field(False, description="needed for a price more than ten times the next valid one")


class BidOut(Schema):
    """The answer to an accepted quote; a repeat of the Idempotency-Key gets the same one."""

    auction: int
    seq: int
    price: str
    price_fen: int
    at: str
    phase: str
    ends_at: str


def bid_answer(placed: PlacedBid) -> dict[str, Any]:
    """The body of the answer to an accepted quote, the same for the first time and for a repeat."""
    return {
        "auction": placed.auction_id,
        "seq": placed.seq,
        "price": f"{Money(placed.price_fen).yuan:.2f}",
        "price_fen": placed.price_fen,
        "at": instant(placed.at),
        "phase": placed.phase.value,
        "ends_at": instant(placed.ends_at),
    }


class StandingOut(Schema):
    mask: str
    leading: bool
    own_best_fen: int | None
    limit_fen: int | None
    may_enter_timed: bool


class PlacedOut(Schema):
    seq: int
    mask: str
    price_fen: int
    at: str
    phase: str


class AuctionOut(Schema):
    """An auction as it stands. Instants are UTC; `server_now` is the platform's clock that decides."""

    id: int
    number: str
    title_zh: str
    title_en: str
    price_basis: str
    years: int
    quantity_g: int
    start_price_fen: int
    increment_fen: int
    phase: str
    server_now: str
    state: dict[str, Any]
    me: StandingOut | None
    bids: list[PlacedOut]


class ClockOut(Schema):
    server_now: str


class Problem(Schema):
    """RFC 9457 problem details; `code` is stable."""

    type: str
    code: str
    title: str
    detail: str
    status: int
    clause: str | None = None
    facts: dict[str, Any] | None = None
