"""The cuts before a sealed clearing against a slow reading of their words, one lot at a time, written apart."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.market.auctions.rules.clearing import Bids, Terms, Tie
from terrace.market.auctions.rules.sealed import Limit, Limits, Qualified, SealedTerms, qualify, run_sealed
from terrace.market.auctions.rules.sealed.findings import Why

START = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)
GROUPS = {"f0": "G", "f1": "G", "f2": "", "f3": ""}


@dataclass(slots=True)
class Lot:
    """One single lot: whose it is, from which bid, and the price at which it is bid."""

    bidder: str
    bid: str
    second: int
    price: int
    came_from: int


bid_rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)
maybe = st.one_of(st.none(), st.integers(0, 12))
caps = st.fixed_dictionaries(
    {
        "purchase": st.fixed_dictionaries({"G": maybe, "f2": maybe, "f3": maybe}),
        "holding": st.fixed_dictionaries({"G": maybe, "f2": maybe, "f3": maybe}),
        "guarantee": st.fixed_dictionaries(
            {name: st.one_of(st.none(), st.integers(0, 60)) for name in GROUPS}
        ),
    }
)


def whose(bidder: str) -> str:
    return GROUPS[bidder] or bidder


def by_hand(rows: Any, given_caps: dict[str, dict[str, int | None]], years: int) -> Counter[tuple[str, int]]:
    """How many lots of each bid compete at each price."""
    lots = [
        Lot(f"f{who}", f"b{n}", second, price, price)
        for n, (who, price, units, second) in enumerate(rows)
        for _ in range(units)
    ]
    prices = sorted({lot.price for lot in lots}, reverse=True)
    for kind in ("purchase", "holding"):
        for party, cap in given_caps[kind].items():
            while cap is not None and sum(whose(lot.bidder) == party for lot in lots) > cap:
                own = [lot for lot in lots if whose(lot.bidder) == party]
                lots.remove(max(own, key=lambda lot: (-lot.price, lot.second, lot.bid)))
    for bidder, money in given_caps["guarantee"].items():
        if money is None:
            continue
        own = [lot for lot in lots if lot.bidder == bidder]
        lots = [lot for lot in lots if lot.bidder != bidder]
        waiting = sorted(own, key=lambda lot: (-lot.price, lot.second, lot.bid))
        kept: list[Lot] = []
        for price in prices:
            # At a price the bidder's own bids first, then what comes down.
            here = [lot for lot in waiting if lot.came_from == price]
            here += [lot for lot in waiting if lot.came_from > price]
            for lot in here:
                tried = [*kept, Lot(lot.bidder, lot.bid, lot.second, price, lot.came_from)]
                worth = max(
                    years * each.price * sum(other.price >= each.price for other in tried) for each in tried
                )
                if worth <= money:
                    kept = tried
                    waiting.remove(lot)
        lots += kept
    return Counter((lot.bid, lot.price) for lot in lots)


def engine(rows: Any, given_caps: Any, years: int, lot: int, tie: Tie = Tie.TIME) -> Qualified:
    bids, terms, limits = prepared(rows, given_caps, years, lot, tie)
    return qualify(bids, terms, limits)


def prepared(rows: Any, given_caps: Any, years: int, lot: int, tie: Tie) -> tuple[Bids, SealedTerms, Limits]:
    bids = Bids(
        ids=[f"b{n}" for n in range(len(rows))],
        bidders=[f"f{who}" for who, _, _, _ in rows],
        prices=[price for _, price, _, _ in rows],
        quantities=[units * lot for _, _, units, _ in rows],
        times=[START + dt.timedelta(seconds=second) for _, _, _, second in rows],
    )

    def scaled(value: int | None) -> Decimal | None:
        # A limit that is no whole number of lots counts as the whole lots in it.
        return None if value is None else Decimal(value * lot + lot - 1)

    limits = Limits(
        Limit(
            bidder=name,
            group=group,
            purchase=scaled(given_caps["purchase"][group or name]),
            holding_room=scaled(given_caps["holding"][group or name]),
            guarantee_cents=None
            if given_caps["guarantee"][name] is None
            else 100 * lot * given_caps["guarantee"][name],
        )
        for name, group in GROUPS.items()
    )
    terms = SealedTerms(
        clearing=Terms(supply=Decimal(10 * lot), lot=Decimal(lot), tie=tie, seed="s", years=years)
    )
    return bids, terms, limits


def units(book: Qualified, lot: int) -> Counter[tuple[str, int]]:
    counted: Counter[tuple[str, int]] = Counter()
    for line in book.lines:
        counted[line.origins[0], line.price_cents // 100] += line.units // lot
    return counted


@settings(max_examples=250, deadline=None)
@given(bid_rows, caps, st.sampled_from([1, 2, 5]), st.sampled_from([1, 1000]))
def test_the_cuts_as_the_words_say(rows: Any, given_caps: Any, years: int, lot: int) -> None:
    assert units(engine(rows, given_caps, years, lot), lot) == by_hand(rows, given_caps, years)


@settings(max_examples=120, deadline=None)
@given(bid_rows, caps, st.sampled_from([Tie.TIME, Tie.PRO_RATA, Tie.RANDOM]))
def test_nothing_is_lost_and_no_limit_is_passed(rows: Any, given_caps: Any, tie: Tie) -> None:
    book = engine(rows, given_caps, 1, 10, tie)
    lost = sum(finding.units for finding in book.findings if finding.why is not Why.MOVED)
    assert book.qualified + lost == book.submitted == 10 * sum(wants for _, _, wants, _ in rows)
    for kind in ("purchase", "holding"):
        for party, cap in given_caps[kind].items():
            held = sum(line.units for line in book.lines if whose(line.bidder) == party)
            assert cap is None or held <= cap * 10
    for bidder, money in given_caps["guarantee"].items():
        own = [line for line in book.lines if line.bidder == bidder]
        for price in {line.price_cents for line in own}:
            value = price * sum(line.units for line in own if line.price_cents >= price)
            assert money is None or value <= money * 1000
    assert len({line.bid_id for line in book.lines}) == len(book.lines)


@settings(max_examples=100, deadline=None)
@given(bid_rows, caps, st.permutations(range(8)), st.sampled_from([Tie.TIME, Tie.PRO_RATA, Tie.RANDOM]))
def test_the_order_of_rows_never_matters(rows: Any, given_caps: Any, order: list[int], tie: Tie) -> None:
    bids, terms, limits = prepared(rows, given_caps, 1, 10, tie)
    mixed = [i for i in order if i < len(rows)]
    other = Bids(
        ids=[bids.ids[i] for i in mixed],
        bidders=[bids.bidders[i] for i in mixed],
        prices=[bids.prices[i] for i in mixed],
        quantities=[bids.quantities[i] for i in mixed],
        times=None if bids.times is None else [bids.times[i] for i in mixed],
    )
    assert run_sealed(other, terms, limits).as_dict() == run_sealed(bids, terms, limits).as_dict()


@settings(max_examples=100, deadline=None)
@given(bid_rows, caps)
def test_who_guarantees_more_never_competes_with_less(rows: Any, given_caps: Any) -> None:
    before = engine(rows, given_caps, 1, 1)
    more = {
        **given_caps,
        "guarantee": {
            name: None if money is None else money + 1 for name, money in given_caps["guarantee"].items()
        },
    }
    after = engine(rows, more, 1, 1)
    for bidder in GROUPS:
        held = [sum(line.units for line in book.lines if line.bidder == bidder) for book in (before, after)]
        assert held[0] <= held[1]
