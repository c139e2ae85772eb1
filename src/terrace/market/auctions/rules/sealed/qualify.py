"""From the bids as they came to the bids that compete: E8, steps 1 and 2, before the clearing itself.

1. A bid that is malformed is rejected whole.
2. Purchase limit, then holding limit: lots go from the lowest-priced up, over all bids of related bidders
   together (Québec, Q-2, r. 46.1, s. 52, first paragraph).
3. Bid guarantee: at no price may price x (quantity bid at it or above) pass what the bidder has guaranteed.
   Lots over it are taken out and tried again, from the next lower price downwards, at the prices that stand in
   valid bids *of anybody*; where they fit they are a new bid at that price (s. 52, third and fourth paragraphs).

Among equal prices the later bid loses first (then the greater bid_id), and a bidder's own bid at a price goes
before lots that come down to it, of these the highest-priced first. Integers throughout; the order of rows never matters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.clearing import Bids, Method, Terms, TermsInvalid, Tie
from terrace.market.auctions.rules.clearing.columns import show
from terrace.market.auctions.rules.clearing.terms import PRICE_PLACES_MAX, places_of
from terrace.market.auctions.rules.sealed.findings import Finding, Why
from terrace.market.auctions.rules.sealed.limits import Limit, Limits, party

SEALED_METHODS = (Method.UNIFORM, Method.PAY_AS_BID, Method.VICKREY)
CENTS = PRICE_PLACES_MAX
ID_KEPT = 150  # characters of a bid_id that a line made from it repeats; ids have at most 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTerms:
    """A clearing and what is asked of a bid before it. `purchase_percent` holds where no limit is stated."""

    clearing: Terms
    bid_minimum: Decimal | None = None
    purchase_percent: Decimal | None = None

    def __post_init__(self) -> None:
        """Raise TermsInvalid for a method that is not of the sealed form, and for a cap beside the limits."""
        if self.clearing.method not in SEALED_METHODS:
            names = ", ".join(method.value for method in SEALED_METHODS)
            raise TermsInvalid(option="--method", expected=Text(names, names))
        if self.clearing.bidder_cap is not None or self.clearing.bidder_cap_percent is not None:
            raise TermsInvalid(
                option="--bidder-cap",
                expected=Text("购买限额(purchase_limit)", "a purchase limit instead (purchase_limit)"),
            )
        if self.purchase_percent is not None and not 0 < self.purchase_percent <= 100:
            raise TermsInvalid(
                option="purchase_percent", expected=Text("0%至100%", "a share from above 0% to 100%")
            )
        if self.bid_minimum is not None and self.bid_minimum < 0:
            raise TermsInvalid(option="bid_minimum", expected=Text("不小于零的数量", "at least zero"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the qualified book: `units` of the bids `origins` at one price (more than one where tied bids were joined)."""

    bid_id: str
    bidder: str
    price_cents: int
    units: int
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Qualified:
    """The book that is cleared, what happened before, and both totals in units of 10^-places."""

    bids: Bids
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    places: int
    submitted: int
    qualified: int

    def show(self, units: int) -> str:
        return show(units, self.places)


def required_guarantee(schedule: Iterable[tuple[int, int]]) -> int:
    """The greatest price x (quantity bid at that price or above); in the product of both units.

    WAC 173-446-325; Québec s. 50. V8: 1,000 at 15, 2,000 at 12 and 5,000 at 10 require 80,000.
    """
    most = held = 0
    for price, quantity in sorted(schedule, reverse=True):
        held += quantity
        most = max(most, price * held)
    return most


@dataclass(slots=True)
class _Piece:
    """Lots of one bid at one price."""

    i: int
    price: int
    units: int


@dataclass(slots=True)
class _Desk:
    """The work table: bids in common units."""

    bids: Bids
    terms: SealedTerms
    limits: Limits | None
    places: int = 0
    quantities: Sequence[int] = ()
    lot: int = 1
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        clearing = self.terms.clearing
        stated = [clearing.supply, clearing.lot, self.terms.bid_minimum, *self._stated()]
        self.places = max([self.bids.quantity_places, *map(places_of, stated)])
        factor = 10 ** (self.places - self.bids.quantity_places)
        self.quantities = [int(quantity) * factor for quantity in self.bids.quantities]
        self.lot = 1 if clearing.lot is None else self.quantity(clearing.lot)

    def _stated(self) -> list[Decimal | None]:
        if self.limits is None:
            return []
        own = [self.limits.own(bidder) for bidder in set(self.bids.bidders) if bidder in self.limits]
        return [value for limit in own for value in (limit.purchase, limit.holding_room)]

    def quantity(self, value: Decimal) -> int:
        return int(value.scaleb(self.places))

    def minimum(self, i: int) -> int:
        minimums = self.bids.minimums
        return 0 if minimums is None else minimums[i] * 10 ** (self.places - self.bids.quantity_places)

    def limit(self, bidder: str) -> Limit:
        return Limit(bidder=bidder) if self.limits is None else self.limits.own(bidder)

    def order(self, piece: _Piece) -> tuple[Any, ...]:
        return (-piece.price, self.bids.first(piece.i))

    def note(self, i: int, why: Why, units: int, **numbers: object) -> None:
        self.findings.append(Finding(self.bids.ids[i], self.bids.bidders[i], why, units, numbers))

    def q(self, units: int) -> str:
        return show(units, self.places)


def qualify(bids: Bids, terms: SealedTerms, limits: Limits | None = None) -> Qualified:
    """The bids that compete. Run on one bidder's own bids it says at entry what would be rejected or cut.

    Without `limits` there are none but the terms' own purchase limit for each bidder.
    """
    desk = _Desk(bids, terms, limits)
    pieces = _well_formed(desk)
    ladder = sorted({piece.price for piece in pieces}, reverse=True)
    for why in (Why.PURCHASE_LIMIT, Why.HOLDING_LIMIT):
        _cut_to_limit(desk, pieces, why)
    pieces = _guaranteed(desk, [piece for piece in pieces if piece.units], ladder)
    lines, book = _book(desk, pieces)
    stages = list(Why)
    desk.findings.sort(key=lambda f: (stages.index(f.why), f.bid_id, -_cents(f.numbers.get("to_price"))))
    return Qualified(
        bids=book,
        lines=tuple(lines),
        findings=tuple(desk.findings),
        places=desk.places,
        submitted=sum(desk.quantities),
        qualified=sum(line.units for line in lines),
    )


def _cents(text: object) -> Decimal:
    return Decimal(str(text)) if text else Decimal(0)


def _well_formed(desk: _Desk) -> list[_Piece]:
    """Step 1: the first fault that applies rejects a bid whole."""
    bids, terms = desk.bids, desk.terms
    reserve = int(terms.clearing.reserve.scaleb(CENTS))
    least = 0 if terms.bid_minimum is None else desk.quantity(terms.bid_minimum)
    fine = 10 ** max(0, bids.price_places - CENTS)
    coarse = 10 ** max(0, CENTS - bids.price_places)
    pieces = []
    for i in range(len(bids)):
        bidder, units = bids.bidders[i], desk.quantities[i]
        price, part = divmod(int(bids.prices[i]) * coarse, fine)
        if part:
            desk.note(i, Why.NOT_WHOLE_CENTS, units, price=show(bids.prices[i], bids.price_places, CENTS))
        elif units % desk.lot:
            desk.note(i, Why.NOT_A_LOT, units, quantity=desk.q(units), lot=desk.q(desk.lot))
        elif price < reserve:
            desk.note(
                i,
                Why.BELOW_RESERVE,
                units,
                price=show(price, CENTS, CENTS),
                reserve=show(reserve, CENTS, CENTS),
            )
        elif units < least:
            desk.note(i, Why.BELOW_BID_MINIMUM, units, quantity=desk.q(units), bid_minimum=desk.q(least))
        elif desk.limits is not None and bidder not in desk.limits:
            desk.note(i, Why.NOT_ADMITTED, units, bidder=bidder)
        else:
            pieces.append(_Piece(i, price, units))
    return pieces


def _bound(desk: _Desk, limit: Limit, why: Why) -> int | None:
    """The units a party may buy, or still hold; whole lots."""
    if why is Why.HOLDING_LIMIT:
        bound = None if limit.holding_room is None else desk.quantity(limit.holding_room)
    elif limit.purchase is not None:
        bound = desk.quantity(limit.purchase)
    else:
        percent = limit.purchase_percent or desk.terms.purchase_percent
        supply = desk.terms.clearing.supply
        if percent is None or supply is None:
            return None
        share = Fraction(percent) / 100
        bound = desk.quantity(supply) * share.numerator // share.denominator
    return None if bound is None else bound // desk.lot * desk.lot


def _cut_to_limit(desk: _Desk, pieces: list[_Piece], why: Why) -> None:
    """Cut in place, for each party from its lowest-priced lots up."""
    parties: dict[tuple[bool, str], list[_Piece]] = {}
    for piece in pieces:
        parties.setdefault(party(desk.limit(desk.bids.bidders[piece.i])), []).append(piece)
    for (is_group, name), own in parties.items():
        limit = _bound(desk, desk.limit(desk.bids.bidders[own[0].i]), why)
        total = sum(piece.units for piece in own)
        if limit is None or total <= limit:
            continue
        label = Text(f"关联组 {name} ", f"The group {name}") if is_group else Text(f"报价人 {name} ", name)
        left = limit
        for piece in sorted(own, key=desk.order):
            possible = min(piece.units, left)
            kept = _not_below_minimum(desk, piece, possible)
            if kept == possible < piece.units:
                desk.note(
                    piece.i,
                    why,
                    piece.units - kept,
                    party=label,
                    party_name=name,
                    total=desk.q(total),
                    limit=desk.q(limit),
                    quantity=desk.q(piece.units - kept),
                )
            piece.units = kept
            left -= kept


def _not_below_minimum(desk: _Desk, piece: _Piece, kept: int) -> int:
    """`kept`, or nothing where that is less than the bid takes; says so."""
    least = desk.minimum(piece.i)
    if 0 < kept < least:
        desk.note(
            piece.i,
            Why.BELOW_MINIMUM,
            piece.units,
            left=desk.q(kept),
            minimum=desk.q(least),
            quantity=desk.q(piece.units),
        )
        return 0
    return kept


def _guaranteed(desk: _Desk, pieces: list[_Piece], ladder: Sequence[int]) -> list[_Piece]:
    """Step 3 for every bidder whose bids require more than it has guaranteed."""
    bidders: dict[str, list[_Piece]] = {}
    for piece in pieces:
        bidders.setdefault(desk.bids.bidders[piece.i], []).append(piece)
    fitted: list[_Piece] = []
    for bidder, own in bidders.items():
        guarantee = desk.limit(bidder).guarantee_cents
        if guarantee is None:
            fitted += own
            continue
        years = desk.terms.clearing.years
        required = years * required_guarantee((piece.price, piece.units) for piece in own)
        if required <= guarantee * 10**desk.places:
            fitted += own
        else:
            fitted += _fitted(desk, own, ladder, guarantee, required)
    return fitted


def _fitted(
    desk: _Desk, own: list[_Piece], ladder: Sequence[int], guarantee: int, required: int
) -> list[_Piece]:
    """One bidder's lots from the highest price down, each at the first price where the guarantee covers it."""
    unit = 10**desk.places
    numbers = {
        # Up to the next cent: what is printed would suffice.
        "required": show(-(-required // unit), CENTS, CENTS),
        "guarantee": show(guarantee, CENTS, CENTS),
    }
    waiting: list[
        _Piece
    ] = []  # lots that come down; at each price the highest-priced and earliest are tried first
    kept: list[_Piece] = []
    held = 0
    own = sorted(own, key=desk.order)
    for price in ladder:
        here = []
        while own and own[0].price == price:
            here.append(own.pop(0))
        if not here and not waiting:
            continue
        payable = price * desk.terms.clearing.years
        most = guarantee * unit // payable // desk.lot * desk.lot if payable else None
        coming, waiting = [*here, *sorted(waiting, key=desk.order)], []
        for piece in coming:
            room = piece.units if most is None else max(0, most - held)
            stays = min(piece.units, room)
            least = desk.minimum(piece.i)
            if stays < piece.units and least:
                # All or at least: what is left of such a bid is no new bid at another price.
                possible = stays
                stays = _not_below_minimum(desk, piece, possible)
                if stays == possible:
                    _note_unfit(desk, piece.i, piece.units - stays, numbers)
                piece.units = stays
            if stays:
                kept.append(_Piece(piece.i, price, stays))
                held += stays
                if piece.price != price:
                    desk.note(
                        piece.i,
                        Why.MOVED,
                        stays,
                        **numbers,
                        quantity=desk.q(stays),
                        price=show(piece.price, CENTS, CENTS),
                        to_price=show(price, CENTS, CENTS),
                    )
            if stays < piece.units:
                waiting.append(_Piece(piece.i, piece.price, piece.units - stays))
    for piece in waiting:
        _note_unfit(desk, piece.i, piece.units, numbers)
    return kept


def _note_unfit(desk: _Desk, i: int, units: int, numbers: Mapping[str, str]) -> None:
    desk.note(i, Why.GUARANTEE, units, **numbers, quantity=desk.q(units))


def _book(desk: _Desk, pieces: list[_Piece]) -> tuple[list[Line], Bids]:
    """The qualified book in cents and whole lots.

    Shares are counted by purchaser (Québec s. 61.5): under `pro-rata` a bidder's bids at one price are one
    line, under the id of the first of them, so that nobody gains by splitting a bid.
    """
    bids = desk.bids
    pieces = sorted(pieces, key=desk.order)
    together = desk.terms.clearing.tie is Tie.PRO_RATA and bids.minimums is None
    joined: dict[Any, list[_Piece]] = {}
    for n, piece in enumerate(pieces):
        joined.setdefault((bids.bidders[piece.i], piece.price) if together else n, []).append(piece)
    taken = set(bids.ids)
    lines: list[Line] = []
    times: list[dt.datetime | None] = []
    minimums: list[int] = []
    own_price = {piece.i: _own_cents(bids, piece.i) for piece in pieces}
    for same in joined.values():
        first = min(same, key=lambda piece: (own_price[piece.i] != piece.price, bids.first(piece.i)))
        i, price = first.i, first.price
        name = bids.ids[i]
        if own_price[i] != price:
            name = _name(name, price, taken)
        units = sum(piece.units for piece in same)
        lines.append(Line(name, bids.bidders[i], price, units, tuple(bids.ids[p.i] for p in same)))
        times.append(None if bids.times is None else bids.times[i])
        minimums.append(desk.minimum(i) if own_price[i] == price else 0)
    book = Bids(
        ids=[line.bid_id for line in lines],
        bidders=[line.bidder for line in lines],
        prices=[line.price_cents for line in lines],
        quantities=[line.units for line in lines],
        price_places=CENTS,
        quantity_places=desk.places,
        times=None if bids.times is None else times,
        minimums=None if bids.minimums is None else minimums,
    )
    return lines, book


def _own_cents(bids: Bids, i: int) -> int:
    return int(Fraction(int(bids.prices[i]) * 10**CENTS, 10**bids.price_places))


def _name(bid_id: str, price: int, taken: set[str]) -> str:
    """The id of lots that came down to another price; never one that is there already."""
    name = f"{bid_id[:ID_KEPT]}@{show(price, CENTS, CENTS)}"
    while name in taken:
        name += "+"
    taken.add(name)
    return name
