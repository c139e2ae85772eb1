"""Clearing against a slow reading of `interfaces.md`, one lot at a time, written apart from the engine.

Numbers are whole lots here; that lots and decimals are only a scale is a property of its own below.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from terrace.market.auctions.rules.clearing import Bids, IfShort, Method, PriceRule, Terms, Tie, clear

START = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)
PRICED = (Method.UNIFORM, Method.PAY_AS_BID, Method.VICKREY)


@dataclass(slots=True)
class Slip:
    """One bid on paper."""

    id: str
    bidder: str
    price: int
    wants: int
    second: int
    least: int = 0

    @property
    def place(self) -> tuple[int, int, str]:
        return (-self.price, self.second, self.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """Units and cents by bid, cents by bidder, the one price, and the status."""

    status: str
    units: dict[str, int]
    price: int | None
    cents: dict[str, int]


slips = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(1, 8), st.integers(0, 3), st.integers(0, 8)),
    min_size=1,
    max_size=9,
)


def on_paper(rows: list[tuple[int, int, int, int, int]], *, minimums: bool = False) -> list[Slip]:
    return [
        Slip(f"b{n}", f"f{who}", price, wants, second, min(least, wants) if minimums else 0)
        for n, (who, price, wants, second, least) in enumerate(rows)
    ]


def book_of(paper: list[Slip], lot: int = 1) -> Bids:
    return Bids(
        ids=[slip.id for slip in paper],
        bidders=[slip.bidder for slip in paper],
        prices=[slip.price for slip in paper],
        quantities=[slip.wants * lot for slip in paper],
        times=[START + dt.timedelta(seconds=slip.second) for slip in paper],
        minimums=[slip.least * lot for slip in paper] if any(slip.least for slip in paper) else None,
    )


def cut(paper: list[Slip], cap: int | None) -> None:
    """Lots go one by one from a bidder's lowest price, of equal ones from the later bid."""
    for bidder in {slip.bidder for slip in paper}:
        own = sorted((slip for slip in paper if slip.bidder == bidder), key=lambda slip: slip.place)
        while cap is not None and sum(slip.wants for slip in own) > cap:
            [slip for slip in own if slip.wants][-1].wants -= 1


def highest_of_each(paper: list[Slip]) -> list[Slip]:
    best: dict[str, Slip] = {}
    for slip in sorted(paper, key=lambda slip: slip.place):
        best.setdefault(slip.bidder, slip)
    return list(best.values())


def margin_by_minimum(tied: list[Slip], rest: int) -> dict[str, int] | None:
    """None where two equal shortfalls leave the order open."""
    left = list(tied)
    while left:
        total = sum(slip.wants for slip in left)
        share = {slip.id: min(slip.wants, slip.wants * rest // total) for slip in left}
        short = [slip for slip in left if share[slip.id] < slip.least]
        if not short:
            return share
        most = max(slip.least - share[slip.id] for slip in short)
        worst = [slip for slip in short if slip.least - share[slip.id] == most]
        if len(worst) > 1:
            return None
        left.remove(worst[0])
    return {}


def by_hand(paper: list[Slip], each: Terms, cap: int | None) -> Answer | None:
    """What the words of `interfaces.md` give; None where they leave the order open."""
    assert each.supply is not None
    supply, reserve = int(each.supply), int(each.reserve)
    paper = [slip for slip in paper if slip.price >= reserve]
    if each.method is Method.DESCENDING:
        paper = highest_of_each(paper)
    cut(paper, cap)
    paper = [slip for slip in paper if slip.wants]
    wanted = sum(slip.wants for slip in paper)
    if not wanted:
        return Answer("unsold", {}, None, {})
    if wanted < supply and each.if_short is IfShort.CANCEL:
        return Answer("cancelled", {}, None, {})
    units: dict[str, int] = {}
    rest = supply
    for price in sorted({slip.price for slip in paper}, reverse=True):
        tied = sorted((slip for slip in paper if slip.price == price), key=lambda slip: slip.place)
        if sum(slip.wants for slip in tied) > rest and each.tie is Tie.PRO_RATA_MINIMUM:
            shares = margin_by_minimum(tied, rest)
            if shares is None:
                return None
            units |= shares
            break
        for slip in tied:
            units[slip.id] = min(slip.wants, rest)
            rest -= units[slip.id]
    units = {name: given for name, given in units.items() if given}
    lost = [slip for slip in paper for _ in range(slip.wants - units.get(slip.id, 0))]
    won = [slip for slip in paper if slip.id in units]
    if not won:
        return Answer("unsold", {}, None, {})
    price_paid: int | None = None
    if each.method is Method.UNIFORM:
        lowest, highest = min(slip.price for slip in won), max((slip.price for slip in lost), default=reserve)
        price_paid = lowest if each.price_rule is PriceRule.LOWEST_ACCEPTED else highest
    cents: dict[str, int] = {}
    for bidder in {slip.bidder for slip in won}:
        own = [slip for slip in won if slip.bidder == bidder]
        if each.method is Method.VICKREY:
            count = sum(units[slip.id] for slip in own)
            others = sorted((slip.price for slip in lost if slip.bidder != bidder), reverse=True)
            displaced = (others + [reserve] * count)[:count]
            cents[bidder] = 100 * each.years * sum(displaced)
        else:
            cents[bidder] = sum(
                100 * each.years * units[slip.id] * (slip.price if price_paid is None else price_paid)
                for slip in own
            )
    return Answer("short" if wanted < supply else "sold", units, price_paid, cents)


def compare(outcome: Any, expected: Answer, lot: int = 1) -> None:
    cents: dict[str, int] = {}
    for award in outcome.awards:
        cents[award.bidder] = cents.get(award.bidder, 0) + award.amount_cents
    units = {award.bid_id: int(award.quantity) for award in outcome.awards}
    assert units == {name: given * lot for name, given in expected.units.items()}
    assert cents == {name: given * lot for name, given in expected.cents.items()}
    assert outcome.status == expected.status
    assert (None if outcome.price is None else Decimal(outcome.price)) == expected.price


@st.composite
def all_terms(draw: st.DrawFn) -> tuple[Terms, int | None, int]:
    """Terms in lots of 1, 5 or 1,000; the cap in whole lots, however it is written."""
    method = draw(st.sampled_from([*PRICED, Method.DESCENDING]))
    lot = draw(st.sampled_from([1, 5, 1000]))
    supply = draw(st.integers(1, 30))
    cap: int | None = None
    caps: dict[str, Decimal] = {}
    kind = draw(st.sampled_from(["none", "quantity", "percent"]))
    tie = draw(st.sampled_from([Tie.TIME, Tie.PRO_RATA_MINIMUM])) if method in PRICED else Tie.TIME
    if kind == "quantity":
        cap = draw(st.integers(0, 9))
        caps["bidder_cap"] = Decimal(cap * lot + draw(st.integers(0, lot - 1)))
    if kind == "percent":
        percent = draw(st.integers(1, 100))
        cap = percent * supply // 100
        caps["bidder_cap_percent"] = Decimal(percent)
    each = Terms(
        method=method,
        supply=Decimal(supply),
        reserve=Decimal(draw(st.integers(0, 3))),
        price_rule=draw(st.sampled_from(PriceRule))
        if method is Method.UNIFORM
        else PriceRule.LOWEST_ACCEPTED,
        tie=tie,
        if_short=draw(st.sampled_from(IfShort)),
        years=draw(st.sampled_from([1, 5])),
    )
    whole = Terms(
        **{name: getattr(each, name) for name in ("method", "reserve", "price_rule", "tie", "if_short")},
        supply=Decimal(supply * lot),
        lot=Decimal(lot),
        years=each.years,
        **caps,
    )
    return whole, cap, lot


@settings(max_examples=400, deadline=None)
@given(slips, all_terms())
def test_every_method_as_the_words_say(rows: Any, drawn: tuple[Terms, int | None, int]) -> None:
    whole, cap, lot = drawn
    assert whole.supply is not None
    minimums = whole.tie is Tie.PRO_RATA_MINIMUM and cap is None
    plain = Terms(
        method=whole.method,
        supply=whole.supply / lot,
        reserve=whole.reserve,
        price_rule=whole.price_rule,
        tie=whole.tie,
        if_short=whole.if_short,
        years=whole.years,
    )
    expected = by_hand(on_paper(rows, minimums=minimums), plain, cap)
    assume(expected is not None)
    assert expected is not None
    compare(clear(book_of(on_paper(rows, minimums=minimums), lot), whole), expected, lot)


@settings(max_examples=200, deadline=None)
@given(slips, st.sampled_from(["0.7", "0.5", "0.25", "1"]), st.integers(0, 4))
def test_top_share_as_the_words_say(rows: Any, share: str, reserve: int) -> None:
    paper = highest_of_each([slip for slip in on_paper(rows) if slip.price >= reserve])
    rank = sorted(paper, key=lambda slip: slip.place)
    winners = int(Fraction(share) * len(rank) + Fraction(1, 2))
    outcome = clear(
        book_of(on_paper(rows)),
        Terms(method=Method.TOP_SHARE, share=Decimal(share), reserve=Decimal(reserve)),
    )
    assert {award.bid_id: (int(award.quantity), award.amount_cents) for award in outcome.awards} == {
        slip.id: (slip.wants, 100 * slip.wants * slip.price) for slip in rank[:winners]
    }


@settings(max_examples=200, deadline=None)
@given(slips, st.integers(1, 30), st.sampled_from(["", "s", "t"]), st.sampled_from([1, 5]))
def test_pro_rata_is_the_floor_and_at_most_one_lot_more(rows: Any, supply: int, seed: str, lot: int) -> None:
    paper = on_paper(rows)
    each = Terms(supply=Decimal(supply * lot), tie=Tie.PRO_RATA, seed=seed, lot=Decimal(lot))
    outcome = clear(book_of(paper, lot), each)
    got = {award.bid_id: int(award.quantity) // lot for award in outcome.awards}
    assert sum(got.values()) == min(supply, sum(slip.wants for slip in paper))
    for price in {slip.price for slip in paper}:
        tied = [slip for slip in paper if slip.price == price]
        rest = max(0, supply - sum(slip.wants for slip in paper if slip.price > price))
        total = sum(slip.wants for slip in tied)
        for slip in tied:
            floor = slip.wants if total <= rest else slip.wants * rest // total
            assert got.get(slip.id, 0) - floor in (0, 1)
            assert got.get(slip.id, 0) <= slip.wants
