"""What the auction API takes and gives."""

from __future__ import annotations

from typing import Any

from ninja import Field, Schema


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
