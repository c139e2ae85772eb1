"""Clearing of sealed bids: the published vectors, every tie rule, and what must hold for any bids (E2, E3, E8)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.market.auctions.rules.clearing import (
    BidFileInvalid,
    Bids,
    IfShort,
    Method,
    Outcome,
    PriceRule,
    Terms,
    TermsInvalid,
    Tie,
    TieNeedsTime,
    clear,
    read_bids,
)

# The worked example of the Hunter River scheme (NSW EPA): bidder, credits, dollars per credit.
HUNTER_RIVER = [
    (101, 1, 10861), (101, 2, 6294), (102, 1, 7857), (102, 2, 2387), (103, 1, 13983), (103, 2, 13523),
    (103, 1, 6460), (103, 1, 2925), (104, 1, 11591), (104, 3, 6049), (105, 1, 14021), (105, 1, 13379),
    (105, 2, 11304), (105, 1, 10607), (105, 2, 6586), (105, 1, 5793), (105, 1, 2319), (105, 2, 1663),
    (106, 4, 13596), (106, 2, 13355), (106, 1, 11676), (106, 1, 10300), (106, 2, 9384), (106, 3, 4989),
    (106, 2, 3879), (106, 2, 3084), (107, 2, 8867), (107, 1, 8652), (107, 2, 6260), (107, 1, 5798),
    (108, 1, 13571), (108, 3, 12472), (108, 1, 9579), (108, 1, 8446), (108, 1, 8054), (108, 2, 4620),
]  # fmt: skip
EPA_2023 = "bid_id,bidder,price,quantity\n1,Nebraska,0.07,3000\n2,Prairie State,0.04,70000\n"


def bids(rows: list[str], columns: str = "bid_id,bidder,price,quantity") -> Bids:
    return read_bids("\n".join([columns, *rows]) + "\n", "bids.csv")


def timed(rows: list[str]) -> Bids:
    """Rows `id,bidder,price,quantity,second` of one minute."""
    full = [row.rsplit(",", 1)[0] + f",2025-03-27T09:00:{int(row.rsplit(',', 1)[1]):02}" for row in rows]
    return bids(full, "bid_id,bidder,price,quantity,submitted_at")


def hunter_river() -> Bids:
    return bids([f"b{n:02},{who},{price},{units}" for n, (who, units, price) in enumerate(HUNTER_RIVER)])


def terms(method: str = "uniform", supply: str | None = None, **more: Any) -> Terms:
    return Terms(method=Method(method), supply=None if supply is None else Decimal(supply), **more)


def got(outcome: Outcome) -> dict[str, str]:
    return {award.bid_id: award.quantity for award in outcome.awards}


def by_bidder(outcome: Outcome) -> dict[str, int]:
    totals: dict[str, int] = {}
    for award in outcome.awards:
        totals[award.bidder] = totals.get(award.bidder, 0) + int(award.quantity)
    return totals


def reasons(outcome: Outcome) -> dict[str, str]:
    return {bid_id: reason.value for bid_id, reason in outcome.rejected}


# --- published vectors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["python", "numpy"])
@pytest.mark.parametrize(
    ("method", "rule", "price", "cents"),
    [
        ("pay-as-bid", "lowest-accepted", None, 46_368_600),
        ("uniform", "lowest-accepted", "3879.00", 19_395_000),
        ("uniform", "highest-rejected", "3084.00", 15_420_000),
        ("vickrey", "lowest-accepted", None, 9_750_800),
    ],
)
def test_hunter_river(engine: str, method: str, rule: str, price: str | None, cents: int) -> None:
    """V2."""
    outcome = clear(hunter_river(), terms(method, "50", price_rule=PriceRule(rule)), engine=engine)
    assert (outcome.status, outcome.price, outcome.sold) == ("sold", price, "50")
    assert outcome.revenue_cents == cents
    assert by_bidder(outcome) == {
        "101": 3, "102": 1, "103": 4, "104": 4, "105": 8, "106": 15, "107": 6, "108": 9,
    }  # fmt: skip
    assert (outcome.lowest_accepted, outcome.highest_rejected) == ("3879.00", "3084.00")


def test_epa_2023_pays_each_its_own_bid_and_sells_short() -> None:
    """V3."""
    outcome = clear(read_bids(EPA_2023, "epa.csv"), terms("pay-as-bid", "125000"))
    assert (outcome.status, outcome.sold, outcome.unsold) == ("short", "73000", "52000")
    assert outcome.revenue_cents == 301_000
    assert [award.amount_cents for award in outcome.awards] == [21_000, 280_000]


def test_epa_2023_under_the_european_rule_is_cancelled() -> None:
    """V3."""
    outcome = clear(read_bids(EPA_2023, "epa.csv"), terms("uniform", "125000", if_short=IfShort.CANCEL))
    assert (outcome.status, outcome.price, outcome.sold, outcome.revenue_cents) == ("cancelled", None, "0", 0)
    assert set(reasons(outcome).values()) == {"cancelled"}


def test_guangdong_2015_sells_everything_bid_at_the_lowest_bid() -> None:
    """V10. The seven bids are not published: these are synthetic, with the published sum, highest and lowest."""
    rows = [
        "1,f1,37.05,20000", "2,f2,36.50,50000", "3,f3,36.00,80000", "4,f4,35.80,60000",
        "5,f5,35.50,100000", "6,f6,35.10,70000", "7,f7,35.00,42461",
    ]  # fmt: skip
    outcome = clear(bids(rows), terms("uniform", "1000000", reserve=Decimal(35)))
    assert (outcome.status, outcome.price, outcome.sold) == ("short", "35.00", "422461")
    assert (outcome.revenue_cents, outcome.unsold) == (1_478_613_500, "577539")
    assert len(outcome.awards) == 7


@pytest.mark.parametrize(("n", "winners"), [(1, 1), (2, 1), (3, 2), (5, 4), (9, 6), (10, 7), (15, 11)])
def test_the_top_seventy_per_cent_win(n: int, winners: int) -> None:
    """E3, V11: half is rounded up; rounding to even would give 10 of 15."""
    outcome = clear(bids([f"{i:02},f{i},{6000 + 50 * i},10" for i in range(n)]), terms("top-share"))
    assert len(outcome.awards) == winners
    assert {award.bid_id for award in outcome.awards} == {f"{i:02}" for i in range(n - winners, n)}
    assert outcome.price is None
    assert sorted(reasons(outcome).values()) == ["below_rank"] * (n - winners)


def test_top_share_counts_each_bidders_highest_quote_and_only_those_that_quoted() -> None:
    """E3: the earlier of two equal quotes takes rank 6; a quote below the floor is none."""
    rows = [f"{i},f{i},{7000 - i},10,{i}" for i in range(1, 6)]
    rows += [
        "6,f6,6500,10,30",
        "7,f7,6500,10,20",
        "8,f8,6400,10,1",
        "9,f9,6300,10,2",
        "x,f9,6200,99,3",
        "y,f10,5999,10,4",
    ]
    outcome = clear(timed(rows), terms("top-share", reserve=Decimal(6000)))
    assert sorted(got(outcome)) == ["1", "2", "3", "4", "5", "7"]
    assert reasons(outcome) == {
        "6": "below_rank",
        "8": "below_rank",
        "9": "below_rank",
        "x": "superseded",
        "y": "below_reserve",
    }
    assert outcome.revenue_cents == sum(100 * 10 * p for p in (6999, 6998, 6997, 6996, 6995, 6500))


def test_descending_fills_each_bidders_highest_price_the_last_one_partly() -> None:
    """E2 (Ningxia)."""
    rows = ["a,f1,21500,2.000,5", "b,f1,22000,1.500,9", "c,f2,22000,1.500,3", "d,f3,21000,3.000,1"]
    outcome = clear(timed(rows), terms("descending", "4.048"))
    assert got(outcome) == {"b": "1.5", "c": "1.5", "d": "1.048"}
    assert reasons(outcome) == {"a": "superseded"}
    assert [a.amount_cents for a in outcome.awards] == [3_300_000, 3_300_000, 2_200_800]


def test_years_and_one_rounding_per_line() -> None:
    """V6, by clearing: 8.074 t at 6,000 a year for five years."""
    outcome = clear(bids(["1,f,6000,8.074"]), terms("pay-as-bid", "8.074", years=5))
    assert outcome.revenue_cents == 24_222_000
    half = clear(bids(["1,f,0.01,0.5", "2,g,0.01,0.5"]), terms("uniform", "1"))
    assert [award.amount_cents for award in half.awards] == [1, 1]


# --- price rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("supply", "reserve", "rule", "price"),
    [
        ("30", "0", "lowest-accepted", "10.00"),  # exactly sold out
        ("30", "0", "highest-rejected", "0.00"),  # nothing is rejected: the reserve
        ("30", "8", "highest-rejected", "8.00"),
        ("25", "0", "lowest-accepted", "10.00"),
        ("25", "0", "highest-rejected", "10.00"),  # the last bid loses units
        ("20", "0", "lowest-accepted", "20.00"),
        ("20", "0", "highest-rejected", "10.00"),
        ("30", "15", "highest-rejected", "15.00"),  # a bid below the reserve sets no price
        ("100", "0", "lowest-accepted", "10.00"),
        ("100", "7", "highest-rejected", "7.00"),
    ],
)
def test_price_rules(supply: str, reserve: str, rule: str, price: str) -> None:
    book = bids(["1,a,30,10", "2,b,20,10", "3,c,10,10"])
    outcome = clear(book, terms("uniform", supply, reserve=Decimal(reserve), price_rule=PriceRule(rule)))
    assert outcome.price == price


def test_nothing_at_or_above_the_reserve_is_unsold() -> None:
    outcome = clear(bids(["1,a,5,10"]), terms("uniform", "10", reserve=Decimal(6)))
    assert (outcome.status, outcome.price, outcome.awards) == ("unsold", None, ())
    assert reasons(outcome) == {"1": "below_reserve"}
    assert clear(bids(["1,a,6,10"]), terms("uniform", "10", reserve=Decimal(6))).status == "sold"


def test_vickrey_pays_the_reserve_where_no_bid_is_displaced() -> None:
    outcome = clear(bids(["1,a,30,10", "2,b,20,5"]), terms("vickrey", "12", reserve=Decimal(4)))
    # a displaced b's 3 lost units at 20 and 7 that nobody else wanted; b displaced none.
    assert {a.bid_id: a.amount_cents for a in outcome.awards} == {
        "1": 100 * (3 * 20 + 7 * 4),
        "2": 100 * 2 * 4,
    }


def test_vickrey_leaves_out_a_bidders_own_losing_bids() -> None:
    outcome = clear(bids(["1,a,30,10", "2,a,29,10", "3,b,5,10"]), terms("vickrey", "10"))
    assert [(a.bid_id, a.amount_cents) for a in outcome.awards] == [("1", 5_000)]


# --- ties -------------------------------------------------------------------------------------------------

TIED = ["a,f1,10,30,3", "b,f2,10,20,1", "c,f3,10,10,2", "d,f4,12,10,9"]


@pytest.mark.parametrize("engine", ["python", "numpy"])
@pytest.mark.parametrize(
    ("tie", "expected"),
    [
        (Tie.TIME, {"d": "10", "b": "20", "c": "5"}),
        (Tie.PRO_RATA_MINIMUM, {"d": "10", "a": "12", "b": "8", "c": "4"}),
    ],
)
def test_the_rest_at_the_marginal_price(engine: str, tie: Tie, expected: dict[str, str]) -> None:
    outcome = clear(timed(TIED), terms("uniform", "35", tie=tie), engine=engine)
    assert got(outcome) == expected


def test_residual_lots_of_pro_rata_go_by_the_seed() -> None:
    shares = {"a": 12, "b": 8, "c": 4}
    seen = set()
    for seed in "pqrstuvw":
        outcome = clear(timed(TIED), terms("uniform", "35", tie=Tie.PRO_RATA, seed=seed))
        given = {k: int(v) for k, v in got(outcome).items() if k != "d"}
        assert sum(given.values()) == 25
        extra = {k for k in shares if given[k] == shares[k] + 1}
        assert len(extra) == 1
        seen |= extra
    assert len(seen) > 1  # the seed decides


def test_random_order_follows_the_seed_and_not_the_rows() -> None:
    first = clear(timed(TIED), terms("uniform", "35", tie=Tie.RANDOM, seed="s"))
    assert got(clear(timed(TIED[::-1]), terms("uniform", "35", tie=Tie.RANDOM, seed="s"))) == got(first)
    others = [got(clear(timed(TIED), terms("uniform", "35", tie=Tie.RANDOM, seed=s))) for s in "tuvwxyz"]
    assert any(other != got(first) for other in others)


def test_lots_floor_the_shares() -> None:
    outcome = clear(timed(TIED), terms("uniform", "35", tie=Tie.PRO_RATA, lot=Decimal(5), seed="s"))
    given = got(outcome)
    assert all(int(units) % 5 == 0 for units in given.values())
    assert sum(map(int, given.values())) == 35
    left = clear(timed(TIED), terms("uniform", "33", lot=Decimal(5)))
    assert (left.sold, left.unsold) == ("30", "3")


def test_equal_times_fall_back_to_the_bid_id() -> None:
    outcome = clear(timed(["b,f1,10,5,1", "a,f2,10,5,1", "c,f3,10,5,1"]), terms("uniform", "10"))
    assert sorted(got(outcome)) == ["a", "b"]
    assert reasons(outcome) == {"c": "tie_lost"}


def test_a_tie_by_time_needs_times_only_between_different_bidders() -> None:
    with pytest.raises(TieNeedsTime) as refusal:
        clear(bids(["1,a,10,5", "2,b,10,5"]), terms("uniform", "5"))
    assert refusal.value.code == "auctions.clearing.tie_needs_time"
    assert "submitted_at" in refusal.value.message("en")
    assert got(clear(bids(["1,a,10,5", "2,a,10,5"]), terms("uniform", "5"))) == {"1": "5"}
    assert clear(bids(["1,a,10,5", "2,b,10,5"]), terms("uniform", "10")).status == "sold"
    with pytest.raises(TieNeedsTime):
        clear(bids(["1,a,10,5", "2,b,10,5"]), terms("top-share", share=Decimal("0.5")))


@pytest.mark.parametrize(
    ("tie", "expected"),
    [
        # a asks for 30 of 60 tied with 25 to share: 12 is below its minimum of 15, so b and c share.
        (Tie.PRO_RATA_MINIMUM, {"b": "16", "c": "8"}),
        (Tie.TIME, {"b": "20", "c": "5"}),
    ],
)
def test_all_or_at_least(tie: Tie, expected: dict[str, str]) -> None:
    rows = [
        "a,f1,10,30,2025-03-27T09:00:03,15",
        "b,f2,10,20,2025-03-27T09:00:01,",
        "c,f3,10,10,2025-03-27T09:00:02,4",
    ]
    book = bids(rows, "bid_id,bidder,price,quantity,submitted_at,minimum")
    outcome = clear(book, terms("uniform", "25", tie=tie))
    assert got(outcome) == expected
    if tie is Tie.PRO_RATA_MINIMUM:
        assert reasons(outcome) == {"a": "below_minimum"}


def test_a_bid_that_could_only_get_less_than_its_minimum_is_passed_over() -> None:
    rows = ["a,f1,10,30,2025-03-27T09:00:01,28", "b,f2,10,20,2025-03-27T09:00:02,0"]
    book = bids(rows, "bid_id,bidder,price,quantity,submitted_at,minimum")
    outcome = clear(book, terms("uniform", "25"))
    assert got(outcome) == {"b": "20"}
    assert reasons(outcome) == {"a": "below_minimum"}


def test_the_largest_shortfall_drops_first() -> None:
    rows = ["a,f1,10,30,2025-03-27T09:00:01,25", "b,f2,10,30,2025-03-27T09:00:02,20"]
    book = bids(rows, "bid_id,bidder,price,quantity,submitted_at,minimum")
    assert got(clear(book, terms("uniform", "30", tie=Tie.PRO_RATA_MINIMUM))) == {"b": "30"}


# --- caps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        ({"bidder_cap": Decimal(12)}, {"a1": "10", "a2": "2", "b1": "8"}),
        ({"bidder_cap_percent": Decimal(50)}, {"a1": "10", "b1": "10"}),
        ({"bidder_cap_percent": Decimal(25)}, {"a1": "5", "b1": "5"}),
        ({"bidder_cap": Decimal(100)}, {"a1": "10", "a2": "10"}),
    ],
)
def test_a_cap_cuts_from_the_lowest_price_up(cap: dict[str, Decimal], expected: dict[str, str]) -> None:
    book = timed(["a1,a,30,10,1", "a2,a,20,10,2", "a3,a,10,10,3", "b1,b,5,10,4"])
    for engine in ("python", "numpy"):
        outcome = clear(book, terms("uniform", "20", **cap), engine=engine)
        assert got(outcome) == expected
        if "bidder_cap_percent" in cap:
            assert reasons(outcome)["a3"] == "bidder_cap"


def test_a_cap_in_percent_is_floored_to_the_lot() -> None:
    book = bids(["1,a,30,10", "2,b,20,10"])
    assert got(clear(book, terms("uniform", "20", bidder_cap_percent=Decimal(49), lot=Decimal(5)))) == {
        "1": "5",
        "2": "5",
    }


# --- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, "header"),
        ("bid_id,bidder,price\n1,a,3\n", 1, "quantity"),
        ("bid_id,bidder,price,quantity,colour\n1,a,3,4,x\n", 1, "colour"),
        ("bid_id,bidder,price,quantity,price\n1,a,3,4,5\n", 1, "price"),
        ("bid_id,bidder,price,quantity\n", 2, "row"),
        ("bid_id,bidder,price,quantity\n1,a,3\n", 2, "row"),
        ("bid_id,bidder,price,quantity\n1,a,3,4\n\n2,b,x,4\n", 4, "price"),
        ("bid_id,bidder,price,quantity\n1,a,-3,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,NaN,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,1e3,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,1.005,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,1" + "0" * 50 + ",4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,1.2.3,4\n", 2, "price"),
        ("bid_id,bidder,price,quantity\n1,a,3,0.0000001\n", 2, "quantity"),
        ("bid_id,bidder,price,quantity\n1,a,3,0\n", 2, "quantity"),
        ("bid_id,bidder,price,quantity\n1,a,3,inf\n", 2, "quantity"),
        ('bid_id,bidder,price,quantity\n1,"a\nb",3,4\n2,c,3,zero\n', 4, "quantity"),
        ("bid_id,bidder,price,quantity\n1,a,3,4\n1,b,3,4\n", 3, "bid_id"),
        ("bid_id,bidder,price,quantity\n,a,3,4\n", 2, "bid_id"),
        ("bid_id,bidder,price,quantity\n1, ,3,4\n", 2, "bidder"),
        ("bid_id,bidder,price,quantity,submitted_at\n1,a,3,4,noon\n", 2, "submitted_at"),
        (
            "bid_id,bidder,price,quantity,submitted_at\n1,a,3,4,2025-01-01T09:00:00Z\n2,b,3,4,2025-01-01T09:00:00\n",
            3,
            "submitted_at",
        ),
        ("bid_id,bidder,price,quantity,minimum\n1,a,3,4,5\n", 2, "minimum"),
        ("bid_id,bidder,price,quantity,minimum\n1,a,3,4,few\n", 2, "minimum"),
    ],
)
def test_a_wrong_file_is_named_by_line_and_field(text: str, line: int, field: str) -> None:
    with pytest.raises(BidFileInvalid) as refusal:
        read_bids(text, "bids.csv")
    assert refusal.value.code == "auctions.clearing.bids_invalid"
    assert (refusal.value.facts["line"], refusal.value.facts["field"]) == (line, field)


def test_full_width_digits_and_thousands_are_understood() -> None:
    book = bids(['1,甲,"１３，９８３．５",４'])
    assert (book.prices, book.price_places, book.quantities) == ([139_835], 1, [4])


def test_a_quantity_must_be_a_multiple_of_the_lot() -> None:
    with pytest.raises(BidFileInvalid) as refusal:
        clear(bids(["1,a,3,10", "2,b,3,7"]), terms("uniform", "10", lot=Decimal(5)))
    assert (refusal.value.facts["line"], refusal.value.facts["field"]) == (3, "quantity")


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"supply": None}, "--supply"),
        ({"supply": Decimal(0)}, "--supply"),
        ({"lot": Decimal(0)}, "--lot"),
        ({"bidder_cap": Decimal(1), "bidder_cap_percent": Decimal(1)}, "--bidder-cap"),
        ({"bidder_cap_percent": Decimal(101)}, "--bidder-cap"),
        ({"method": Method.TOP_SHARE, "supply": None, "bidder_cap_percent": Decimal(10)}, "--supply"),
        ({"share": Decimal(0)}, "--share"),
        ({"share": Decimal("1.1")}, "--share"),
        ({"years": 0}, "--years"),
        ({"method": Method.DESCENDING, "tie": Tie.RANDOM}, "--tie"),
        ({"method": Method.VICKREY, "price_rule": PriceRule.HIGHEST_REJECTED}, "--price-rule"),
    ],
)
def test_terms_that_do_not_fit_are_refused(changes: dict[str, Any], option: str) -> None:
    with pytest.raises(TermsInvalid) as refusal:
        Terms(**{"supply": Decimal(10), **changes})
    assert refusal.value.code == "auctions.clearing.terms_invalid"
    assert refusal.value.facts["option"] == option


def test_numbers_beyond_64_bits_are_cleared_exactly() -> None:
    big = 10**17
    rows = [f"{i},f{i},{big + i}.01,{big}" for i in range(5)]
    outcome = clear(bids(rows), terms("uniform", str(3 * big)), engine="numpy")
    assert outcome.price == f"{big + 2}.01"
    assert outcome.revenue_cents == 3 * big * ((big + 2) * 100 + 1)


# --- what holds for any bids ------------------------------------------------------------------------------

START = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)


@st.composite
def books(draw: st.DrawFn, minimums: bool = True) -> Bids:
    n = draw(st.integers(1, 24))
    column = lambda low, high: draw(st.lists(st.integers(low, high), min_size=n, max_size=n))  # noqa: E731 - three columns alike
    quantities = column(1, 12)
    least = [min(q, m) for q, m in zip(quantities, column(0, 12), strict=True)] if minimums else None
    return Bids(
        ids=[f"b{i}" for i in range(n)],
        bidders=[f"f{i}" for i in column(0, 6)],
        prices=column(0, 8),
        quantities=quantities,
        price_places=draw(st.integers(0, 2)),
        quantity_places=draw(st.sampled_from([0, 3])),
        times=[START + dt.timedelta(seconds=s) for s in column(0, 4)],
        minimums=least if minimums and draw(st.booleans()) else None,
    )


@st.composite
def any_terms(draw: st.DrawFn, methods: tuple[Method, ...] = tuple(Method)) -> Terms:
    method = draw(st.sampled_from(methods))
    ranked = method in (Method.TOP_SHARE, Method.DESCENDING)
    return Terms(
        method=method,
        supply=Decimal(draw(st.integers(1, 60_000))) / draw(st.sampled_from([1, 1000])),
        reserve=Decimal(draw(st.integers(0, 8))) / draw(st.sampled_from([1, 10])),
        price_rule=draw(st.sampled_from(PriceRule))
        if method is Method.UNIFORM
        else PriceRule.LOWEST_ACCEPTED,
        tie=Tie.TIME if ranked else draw(st.sampled_from(Tie)),
        seed=draw(st.sampled_from(["", "s", "t"])),
        if_short=draw(st.sampled_from(IfShort)),
        bidder_cap=draw(st.sampled_from([None, Decimal(5), Decimal("0.01")])),
        share=draw(st.sampled_from([Decimal("0.7"), Decimal("0.5"), Decimal(1)])),
        years=draw(st.sampled_from([1, 5])),
    )


def shuffled(book: Bids, seed: int) -> Bids:
    order = list(range(len(book)))
    random.Random(seed).shuffle(order)
    picked = {
        name: None if getattr(book, name) is None else [getattr(book, name)[i] for i in order]
        for name in ("ids", "bidders", "prices", "quantities", "times", "minimums")
    }
    return dataclasses.replace(book, **picked)


@settings(max_examples=300, deadline=None)
@given(books(), any_terms(), st.integers(0, 1000))
def test_row_order_never_matters_and_both_engines_agree(book: Bids, each: Terms, seed: int) -> None:
    """V9."""
    outcome = clear(book, each, engine="python")
    assert clear(shuffled(book, seed), each, engine="python") == outcome
    assert clear(book, each, engine="numpy") == outcome
    assert clear(shuffled(book, seed), each, engine="numpy") == outcome
    assert shuffled(book, seed).rows() == book.rows()


@settings(max_examples=300, deadline=None)
@given(books(), any_terms())
def test_what_any_clearing_keeps(book: Bids, each: Terms) -> None:
    outcome = clear(book, each)
    asked = {row[0]: row for row in book.rows()}
    least = {row[0]: Decimal(row[5] or 0) for row in book.rows()}
    sold = Decimal(0)
    for award in outcome.awards:
        row = asked[award.bid_id]
        units = Decimal(award.quantity)
        sold += units
        assert least[award.bid_id] <= units <= Decimal(str(row[3]))
        assert units > 0
        assert Decimal(str(row[2])) >= each.reserve
        if each.method is not Method.VICKREY:
            exact = Fraction(award.price) * Fraction(award.quantity) * each.years * 100
            assert abs(award.amount_cents - exact) <= Fraction(1, 2)
            assert Decimal(award.price) <= Decimal(str(row[2]))
            assert Decimal(award.price) >= each.reserve
    assert sold == Decimal(outcome.sold)
    if each.method is not Method.TOP_SHARE:
        assert each.supply is not None and sold <= each.supply
    assert outcome.revenue_cents == sum(award.amount_cents for award in outcome.awards)
    assert {a.bid_id for a in outcome.awards}.isdisjoint(reasons(outcome))
    assert len(outcome.awards) + len(outcome.rejected) == len(book)
    if each.bidder_cap is not None:
        totals: dict[str, Decimal] = {}
        for award in outcome.awards:
            totals[award.bidder] = totals.get(award.bidder, Decimal(0)) + Decimal(award.quantity)
        assert all(total <= each.bidder_cap for total in totals.values())


@settings(max_examples=150, deadline=None)
@given(books(minimums=False), any_terms((Method.UNIFORM,)))
def test_uniform_lies_between_highest_rejected_and_pay_as_bid(book: Bids, each: Terms) -> None:
    def revenue(method: Method, rule: PriceRule) -> Fraction:
        outcome = clear(book, dataclasses.replace(each, method=method, price_rule=rule))
        return sum((Fraction(a.price) * Fraction(a.quantity) for a in outcome.awards), start=Fraction(0))

    low = revenue(Method.UNIFORM, PriceRule.HIGHEST_REJECTED)
    accepted = revenue(Method.UNIFORM, PriceRule.LOWEST_ACCEPTED)
    own = revenue(Method.PAY_AS_BID, PriceRule.LOWEST_ACCEPTED)
    assert low <= accepted <= own


def _one_by_one(book: Bids, supply: int, cap: int, reserve: int, tie: Tie, seed: str) -> dict[str, int]:
    """The same by hand: every unit is a ball with its price and place; the first `supply` balls win."""
    assert book.times is not None
    times = book.times

    def place(i: int) -> tuple[Any, ...]:
        return (-book.prices[i], times[i], book.ids[i])

    balls = []
    for bidder in set(book.bidders):
        own = [
            i
            for i in sorted(range(len(book)), key=place)
            if book.bidders[i] == bidder and book.prices[i] >= reserve
            for _ in range(book.quantities[i])
        ]
        balls += own[:cap]

    def drawn(i: int) -> tuple[Any, ...]:
        digest = hashlib.sha256(f"{seed}\n{book.ids[i]}".encode()).digest()
        return (-book.prices[i], digest, book.ids[i])

    balls.sort(key=drawn if tie is Tie.RANDOM else place)
    won: dict[str, int] = {}
    for i in balls[:supply]:
        won[book.ids[i]] = won.get(book.ids[i], 0) + 1
    return won


@settings(max_examples=200, deadline=None)
@given(
    books(minimums=False),
    st.integers(1, 80),
    st.integers(1, 20),
    st.integers(0, 8),
    st.sampled_from([Tie.TIME, Tie.RANDOM]),
    st.sampled_from(["", "s", "公开"]),
)
def test_units_go_as_if_given_out_one_by_one(
    book: Bids, supply: int, cap: int, reserve: int, tie: Tie, seed: str
) -> None:
    book = dataclasses.replace(book, price_places=0, quantity_places=0)
    expected = _one_by_one(book, supply, cap, reserve, tie, seed)
    prices = dict(zip(book.ids, book.prices, strict=True))
    for rule in PriceRule:
        outcome = clear(
            book,
            terms(
                "uniform",
                str(supply),
                bidder_cap=Decimal(cap),
                reserve=Decimal(reserve),
                tie=tie,
                seed=seed,
                price_rule=rule,
            ),
        )
        assert {bid_id: int(units) for bid_id, units in got(outcome).items()} == expected
        if expected and rule is PriceRule.LOWEST_ACCEPTED:
            assert Decimal(outcome.price or 0) == min(prices[bid_id] for bid_id in expected)


def _welfare(book: Bids, supply: int, without: str) -> int:
    units = sorted(
        (
            p
            for p, q, who in zip(book.prices, book.quantities, book.bidders, strict=True)
            if who != without
            for _ in range(q)
        ),
        reverse=True,
    )
    return sum(units[:supply])


@settings(max_examples=200, deadline=None)
@given(books(minimums=False), st.integers(1, 60))
def test_vickrey_pays_what_its_presence_costs_the_others(book: Bids, supply: int) -> None:
    """The definition itself: welfare of the others without the bidder, less their welfare with it."""
    book = dataclasses.replace(book, price_places=0, quantity_places=0)
    outcome = clear(book, Terms(method=Method.VICKREY, supply=Decimal(supply)))
    paid: dict[str, int] = {}
    won: dict[str, int] = {}
    for award in outcome.awards:
        paid[award.bidder] = paid.get(award.bidder, 0) + award.amount_cents
        index = book.ids.index(award.bid_id)
        won[award.bidder] = won.get(award.bidder, 0) + book.prices[index] * int(award.quantity)
    total = sum(won.values())
    for bidder, cents in paid.items():
        assert cents == 100 * (_welfare(book, supply, bidder) - (total - won[bidder]))


@pytest.mark.parametrize("seed", range(12))
def test_large_books_agree_between_the_engines(seed: int) -> None:
    """Books past the sampling threshold of the fast engine, sorted, periodic and with few prices."""
    rng = random.Random(seed)
    n = 12_000
    span = rng.choice([3, 50, 10_000, 10**9])
    prices = [rng.randrange(span) for _ in range(n)]
    if seed % 3 == 1:
        prices.sort()
    if seed % 3 == 2:
        prices = [(i % 7) * span for i in range(n)]
    book = Bids(
        ids=[f"b{i:05}" for i in range(n)],
        bidders=[f"f{rng.randrange(900)}" for _ in range(n)],
        prices=prices,
        quantities=[rng.choice([1, 5, 1000]) for _ in range(n)],
        times=[START + dt.timedelta(seconds=rng.randrange(50)) for _ in range(n)],
    )
    total = sum(book.quantities)
    for part in (1, total // 3, total - 1, total, total + 1):
        each = terms(
            "uniform", str(max(1, part)), reserve=Decimal(prices[0] // 2), bidder_cap_percent=Decimal(5)
        )
        assert clear(book, each, engine="numpy") == clear(book, each, engine="python")
