"""E8 whole: rejections, limits shared by related bidders, the bid guarantee, the report; and the published cases."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from terrace.kernel.base.errors import InputInvalid
from terrace.market.auctions.rules.clearing import (
    Bids,
    IfShort,
    Method,
    PriceRule,
    Terms,
    TermsInvalid,
    Tie,
    clear,
    read_bids,
)
from terrace.market.auctions.rules.modes import SEALED_MODES, mode_of
from terrace.market.auctions.rules.sealed import (
    REJECTED,
    Limit,
    Limits,
    SealedResult,
    SealedTerms,
    Why,
    qualify,
    read_limits,
    required_guarantee,
    run_sealed,
)
from terrace.market.auctions.rules.sealed.findings import TEXTS
from terrace.market.auctions.tests.test_clearing import EPA_2023, bids, hunter_river

LIMITS_HEAD = "bidder,group,purchase_limit,holding_room,guarantee\n"


def plain(supply: str = "100", *, sealed: dict[str, Any] | None = None, **more: Any) -> SealedTerms:
    more.setdefault("tie", Tie.RANDOM)
    return SealedTerms(clearing=Terms(supply=Decimal(supply), **more), **(sealed or {}))


def fine(rows: list[str]) -> Bids:
    """Bids whose prices may have fractions of a cent, as the sealed form reads them."""
    return read_bids("\n".join(["bid_id,bidder,price,quantity", *rows]) + "\n", "bids.csv", 6)


def limits(*rows: str) -> Limits:
    return read_limits((LIMITS_HEAD + "\n".join(rows) + "\n").encode(), "limits.csv")


def book(result: SealedResult) -> dict[str, tuple[str, str]]:
    """Price and quantity of each line that competed."""
    return {line["bid_id"]: (line["price"], line["quantity"]) for line in result.as_dict()["lines"]}


def found(result: SealedResult) -> list[tuple[str, str, str]]:
    return [(f["bid_id"], f["reason"], f["quantity"]) for f in result.as_dict()["findings"]]


# --- the published cases ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "cents"), [("hunter-river", 9_750_800), ("epa", 46_368_600), ("eu", 19_395_000)]
)
def test_hunter_river_under_three_presets(preset: str, cents: int) -> None:
    """V2: the sealed form without limits is the clearing itself."""
    terms = mode_of(preset).sealed_terms(supply=Decimal(50), reserve=Decimal(0), lot=Decimal(1))
    result = run_sealed(hunter_river(), terms)
    assert result.outcome.revenue_cents == cents
    assert {w.bidder: w.quantity for w in result.winners} == {
        "101": "3", "102": "1", "103": "4", "104": "4", "105": "8", "106": "15", "107": "6", "108": "9",
    }  # fmt: skip
    assert (result.cover_ratio, result.submitted_ratio) == ("1.16", "1.16")
    assert result.qualified.findings == ()
    assert sum(winner.amount_cents for winner in result.winners) == cents


def test_hunter_river_at_the_highest_rejected_price() -> None:
    """V2."""
    result = run_sealed(hunter_river(), plain("50", price_rule=PriceRule.HIGHEST_REJECTED))
    assert (result.outcome.price, result.outcome.revenue_cents) == ("3084.00", 15_420_000)


def test_epa_2023_sells_short_at_home_and_is_cancelled_in_europe() -> None:
    """V3: 73,000 of 125,000; the cover ratio says why."""
    supply = Decimal(125_000)
    own = run_sealed(
        read_bids(EPA_2023, "epa.csv"), mode_of("epa").sealed_terms(supply=supply, reserve=Decimal(0))
    )
    assert (own.outcome.status, own.outcome.sold, own.outcome.revenue_cents) == ("short", "73000", 301_000)
    assert (own.mean, own.lowest, own.highest) == ("0.04", "0.04", "0.07")
    europe = run_sealed(
        read_bids(EPA_2023, "epa.csv"), mode_of("eu").sealed_terms(supply=supply, reserve=Decimal(0))
    )
    assert (europe.outcome.status, europe.outcome.sold, europe.winners) == ("cancelled", "0", ())
    assert europe.cover_ratio == "0.58"


def test_guangdong_2015_to_the_yuan() -> None:
    """V10. The seven bids are not published: synthetic ones with the published sum, highest and lowest."""
    rows = [
        "1,f1,37.05,20000", "2,f2,36.50,50000", "3,f3,36.00,80000", "4,f4,35.80,60000",
        "5,f5,35.50,100000", "6,f6,35.10,70000", "7,f7,35.00,42461", "8,f8,34.99,900000", "9,f9,36.00,999",
    ]  # fmt: skip
    terms = mode_of("guangdong").sealed_terms(supply=Decimal(1_000_000), reserve=Decimal(35))
    result = run_sealed(bids(rows), terms)
    assert (result.outcome.status, result.outcome.price, result.outcome.sold) == ("short", "35.00", "422461")
    assert (result.outcome.revenue_cents, result.outcome.unsold) == (1_478_613_500, "577539")
    assert (result.cover_ratio, len(result.winners)) == ("0.42", 7)
    assert found(result) == [("8", "below_reserve", "900000"), ("9", "below_bid_minimum", "999")]


def test_guangdong_lets_nobody_have_more_than_half() -> None:
    terms = mode_of("guangdong").sealed_terms(supply=Decimal(100_000), reserve=Decimal(35))
    result = run_sealed(bids(["1,f1,36,40000", "2,f1,35.5,10001", "3,f2,35,20000"]), terms)
    assert found(result) == [("2", "purchase_limit", "1")]
    assert {w.bidder: w.quantity for w in result.winners} == {"f1": "50000", "f2": "20000"}


def test_the_cover_ratio_counts_qualified_bids_only() -> None:
    """California, November 2012: 3.10 as submitted was 1.06 within the limits."""
    rows = ["1,big,50,200000", "2,b,12,30000", "3,c,11,30000", "4,d,10.50,26000", "5,e,10.20,24000"]
    given = limits("big,,20000,,", "b,,25%,,", "c,,25000,,", "d,,,20000,", "e,,16000,,")
    terms = mode_of("quebec").sealed_terms(supply=Decimal(100_000), reserve=Decimal(10))
    result = run_sealed(bids(rows), terms, given)
    assert (result.submitted_ratio, result.cover_ratio) == ("3.10", "1.06")
    assert result.outcome.status == "sold"
    assert result.outcome.demand == "106000"


def test_at_entry_a_bidders_own_bids_say_what_would_be_cut() -> None:
    terms = mode_of("quebec").sealed_terms(supply=Decimal(100_000), reserve=Decimal(10))
    own = qualify(bids(["1,big,50,200000"]), terms, limits("big,,,,"))
    assert [(f.why, f.numbers["limit"], f.numbers["quantity"]) for f in own.findings] == [
        (Why.PURCHASE_LIMIT, "25000", "175000")
    ]


# --- the guarantee ----------------------------------------------------------------------------------------


def test_the_required_guarantee_is_the_greatest_of_price_times_quantity_at_or_above() -> None:
    """V8."""
    schedule = [(15, 1000), (12, 2000), (10, 5000)]
    assert required_guarantee(schedule) == 80_000
    assert required_guarantee(reversed(schedule)) == 80_000
    assert required_guarantee([(15, 1000), (12, 2000)]) == 36_000
    assert required_guarantee([]) == 0


V8 = ["1,a,15,1000", "2,a,12,2000", "3,a,10,5000"]


@pytest.mark.parametrize(
    ("guarantee", "expected"),
    [
        ("80000", {"1": ("15.00", "1000"), "2": ("12.00", "2000"), "3": ("10.00", "5000")}),
        ("79999.99", {"1": ("15.00", "1000"), "2": ("12.00", "2000"), "3": ("10.00", "4000")}),
        ("70000", {"1": ("15.00", "1000"), "2": ("12.00", "2000"), "3": ("10.00", "4000")}),
        ("35999.99", {"1": ("15.00", "1000"), "2": ("12.00", "1000"), "3": ("10.00", "1000")}),
        ("14999.99", {"2": ("12.00", "1000")}),
        ("12000", {"2": ("12.00", "1000")}),
        ("11999.99", {"3": ("10.00", "1000")}),
        ("9999.99", {}),
        ("0", {}),
    ],
)
def test_lots_over_the_guarantee_are_tried_at_the_next_lower_prices(
    guarantee: str, expected: dict[str, tuple[str, str]]
) -> None:
    """V8 with less than 80,000; one cent decides each time. An own bid at a price goes before what comes down."""
    result = run_sealed(bids(V8), plain("9000", lot=Decimal(1000)), limits(f"a,,,,{guarantee}"))
    assert book(result) == expected
    kept = sum(int(quantity) for _, quantity in expected.values())
    lost = sum(int(q) for _, why, q in found(result) if why == "guarantee")
    assert kept + lost == 8000


def test_lots_come_down_to_prices_that_others_bid() -> None:
    """Québec s. 52: the prices tried are those in the bids of all bidders, and the lots become a new bid there."""
    rows = ["1,a,15,3000", "2,b,14,1000", "3,b,12,1000", "4,b,9,1000"]
    result = run_sealed(bids(rows), plain("9000", lot=Decimal(1000)), limits("a,,,,24000", "b,,,,"))
    assert book(result) == {
        "1": ("15.00", "1000"), "2": ("14.00", "1000"), "1@12.00": ("12.00", "1000"),
        "3": ("12.00", "1000"), "4": ("9.00", "1000"),
    }  # fmt: skip
    moved, lost = result.qualified.findings[1], result.qualified.findings[0]
    assert (moved.why, lost.why) == (Why.MOVED, Why.GUARANTEE)
    assert moved.numbers == {
        "required": "45000.00", "guarantee": "24000.00", "quantity": "1000",
        "price": "15.00", "to_price": "12.00",
    }  # fmt: skip
    assert found(result) == [("1", "guarantee", "1000"), ("1", "moved", "1000")]
    assert "45000.00" in moved.text.zh and "12.00" in moved.text.en


def test_a_price_nobody_validly_bid_is_not_tried() -> None:
    rows = ["1,a,15,2000", "2,b,12,1500", "3,b,9,1000"]
    result = run_sealed(bids(rows), plain("9000", lot=Decimal(1000)), limits("a,,,,24000", "b,,,,"))
    assert book(result) == {"1": ("15.00", "1000"), "1@9.00": ("9.00", "1000"), "3": ("9.00", "1000")}
    assert ("2", "not_a_lot", "1500") in found(result)


def test_the_guarantee_is_for_all_years_and_comes_after_the_limits() -> None:
    """Basis per year: five years cost five times; what a limit has cut needs no guarantee."""
    five = plain("100", years=5)
    assert book(run_sealed(bids(["1,a,2,3"]), five, limits("a,,,,30"))) == {"1": ("2.00", "3")}
    assert book(run_sealed(bids(["1,a,2,3"]), five, limits("a,,,,29.99"))) == {"1": ("2.00", "2")}
    assert found(run_sealed(bids(["1,a,2,3"]), five, limits("a,,2,,20"))) == [("1", "purchase_limit", "1")]


def test_a_price_of_nothing_needs_no_guarantee() -> None:
    result = run_sealed(bids(["1,a,0,3", "2,a,1,2"]), plain(), limits("a,,,,1"))
    assert book(result) == {"1": ("0.00", "3"), "2@0.00": ("0.00", "1"), "2": ("1.00", "1")}


def test_a_line_that_came_down_never_takes_the_id_of_a_bid() -> None:
    rows = ["1,a,15,2", "1@12.00,b,12,1", "1@12.00+,b,11,1"]
    result = run_sealed(bids(rows), plain(), limits("a,,,,24", "b,,,,"))
    assert book(result)["1@12.00++"] == ("12.00", "1")
    long = "x" * 200
    result = run_sealed(bids([f"{long},a,15,2", "2,b,12,1"]), plain(), limits("a,,,,24", "b,,,,"))
    assert all(len(line.bid_id) <= 200 for line in result.qualified.lines)


# --- limits -----------------------------------------------------------------------------------------------


def test_lots_go_from_the_lowest_priced_up() -> None:
    rows = ["1,a,15,10", "2,a,12,10", "3,a,10,10"]
    assert found(run_sealed(bids(rows), plain(), limits("a,,30,,"))) == []
    assert found(run_sealed(bids(rows), plain(), limits("a,,29,,"))) == [("3", "purchase_limit", "1")]
    assert found(run_sealed(bids(rows), plain(), limits("a,,19,,"))) == [
        ("2", "purchase_limit", "1"), ("3", "purchase_limit", "10"),
    ]  # fmt: skip
    assert book(run_sealed(bids(rows), plain(), limits("a,,0,,"))) == {}


def test_related_bidders_share_one_limit_over_all_their_bids() -> None:
    rows = ["1,a,15,10", "2,b,14,10", "3,a,13,10", "4,c,1,10"]
    shared = run_sealed(bids(rows), plain(), limits("a,G,15,,", "b,G,,,", "c,,,,"))
    assert found(shared) == [("2", "purchase_limit", "5"), ("3", "purchase_limit", "10")]
    apart = run_sealed(bids(rows), plain(), limits("a,,15,,", "b,,15,,", "c,,,,"))
    assert found(apart) == [("3", "purchase_limit", "5")]
    # A group is never taken for the bidder of the same name.
    named = run_sealed(bids(rows), plain(), limits("a,c,15,,", "b,c,,,", "c,,15,,"))
    assert found(named) == [("2", "purchase_limit", "5"), ("3", "purchase_limit", "10")]


def test_the_purchase_limit_comes_before_the_holding_limit() -> None:
    result = run_sealed(bids(["1,a,15,10"]), plain(), limits("a,,8,5,"))
    assert found(result) == [("1", "purchase_limit", "2"), ("1", "holding_limit", "3")]
    assert [f.numbers["total"] for f in result.qualified.findings] == ["10", "8"]


def test_a_limit_in_percent_is_of_supply_and_whole_lots() -> None:
    thousand = plain("10000", lot=Decimal(1000))
    result = run_sealed(bids(["1,a,15,9000"]), thousand, limits("a,,25%,,"))
    assert book(result) == {"1": ("15.00", "2000")}
    full_width = run_sealed(bids(["1,a,15,9000"]), thousand, limits("a,,30％,,"))
    assert book(full_width) == {"1": ("15.00", "3000")}


def test_the_presets_limit_holds_where_none_is_stated() -> None:
    terms = mode_of("quebec").sealed_terms(supply=Decimal(100_000), reserve=Decimal(0))
    rows = ["1,a,15,30000", "2,b,15,30000"]
    assert found(run_sealed(bids(rows), terms)) == [
        ("1", "purchase_limit", "5000"),
        ("2", "purchase_limit", "5000"),
    ]
    stated = run_sealed(bids(rows), terms, limits("a,,4%,,", "b,,,,"))
    assert found(stated) == [("1", "purchase_limit", "26000"), ("2", "purchase_limit", "5000")]


def test_who_is_not_in_the_table_is_not_admitted() -> None:
    result = run_sealed(bids(["1,a,15,1", "2,x,16,1"]), plain(), limits("a,,,,"))
    assert found(result) == [("2", "not_admitted", "1")]
    assert run_sealed(bids(["1,a,15,1"]), plain(), None).qualified.findings == ()


def test_a_bid_cut_below_its_own_minimum_falls_away_whole() -> None:
    rows = ["1,a,15,10,8", "2,a,12,10,2"]
    with_minimum = bids(rows, "bid_id,bidder,price,quantity,minimum")
    assert found(run_sealed(with_minimum, plain(), limits("a,,8,,"))) == [
        ("1", "purchase_limit", "2"), ("2", "purchase_limit", "10"),
    ]  # fmt: skip
    assert found(run_sealed(with_minimum, plain(), limits("a,,7,,"))) == [
        ("2", "purchase_limit", "3"), ("1", "below_minimum", "10"),
    ]  # fmt: skip
    # All or at least: nothing of such a bid is tried at another price.
    assert found(run_sealed(with_minimum, plain(), limits("a,,,,119.99"))) == [
        ("2", "guarantee", "1"), ("1", "below_minimum", "10"),
    ]  # fmt: skip
    assert found(run_sealed(with_minimum, plain(), limits("a,,,,14"))) == [
        ("1", "guarantee", "10"), ("2", "below_minimum", "10"),
    ]  # fmt: skip


# --- rejections -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        ("1,a,10.01,10", "1,a,10.011,10", Why.NOT_WHOLE_CENTS),
        ("1,a,10,10", "1,a,10,11", Why.NOT_A_LOT),
        ("1,a,10,10", "1,a,9.99,10", Why.BELOW_RESERVE),
        ("1,a,10,20", "1,a,10,10", Why.BELOW_BID_MINIMUM),
    ],
)
def test_a_malformed_bid_is_rejected_with_its_reason(good: str, bad: str, why: Why) -> None:
    least = Decimal(20) if why is Why.BELOW_BID_MINIMUM else None
    terms = plain(lot=Decimal(5), reserve=Decimal(10), sealed={"bid_minimum": least})
    assert run_sealed(fine([good]), terms).qualified.findings == ()
    result = run_sealed(fine([bad]), terms)
    assert [f.why for f in result.qualified.findings] == [why]
    assert (result.outcome.status, result.cover_ratio, result.lowest, result.mean) == (
        "unsold",
        "0.00",
        None,
        None,
    )
    assert why in REJECTED


@pytest.mark.parametrize("why", Why)
def test_every_reason_is_said_in_both_languages(why: Why) -> None:
    assert TEXTS[why].zh and TEXTS[why].en


def test_numbers_used_stand_with_every_reason() -> None:
    rows = ["1,a,10.011,10", "2,a,10,11", "3,a,9,10", "4,x,10,10", "5,a,20,50", "6,b,20,50"]
    terms = plain(lot=Decimal(5), reserve=Decimal(10), sealed={"bid_minimum": Decimal(10)})
    result = run_sealed(fine(rows), terms, limits("a,G,60,40,", "b,G,,,300"))
    for finding in result.as_dict()["findings"]:
        assert "{" not in finding["zh"] + finding["en"]
        assert all(isinstance(value, str) for value in finding["numbers"].values())
    assert [(f.why, f.bid_id) for f in result.qualified.findings] == [
        (Why.NOT_WHOLE_CENTS, "1"), (Why.NOT_A_LOT, "2"), (Why.BELOW_RESERVE, "3"), (Why.NOT_ADMITTED, "4"),
        (Why.PURCHASE_LIMIT, "6"), (Why.HOLDING_LIMIT, "5"), (Why.HOLDING_LIMIT, "6"),
    ]  # fmt: skip


# --- the margin, the report -------------------------------------------------------------------------------


def test_quebec_shares_the_margin_by_purchaser_and_draws_for_the_rest() -> None:
    """s. 61.5: share of each, rounded down, then one lot each in the order of random numbers."""
    rows = ["1,a,20,3000", "2,b,10,4000", "3,c,10,4000", "4,d,10,2000"]
    terms = mode_of("quebec").sealed_terms(supply=Decimal(10_000), reserve=Decimal(10), seed="2013-12")
    free = limits("a,,,10000,", "b,,100%,,", "c,,100%,,", "d,,100%,,")
    result = run_sealed(bids(rows), terms, free)
    won = {w.bidder: int(w.quantity) for w in result.winners}
    # 8,000 are left after the cut of a to 25%: 4/10, 4/10 and 2/10 of 8,000 rounded down to the lot.
    assert found(result) == [("1", "purchase_limit", "1000")]
    floors = {"b": 3000, "c": 3000, "d": 1000}
    assert won["a"] == 2000 and result.outcome.price == "10.00"
    assert sum(won.values()) == 10_000
    assert {name: won[name] - least for name, least in floors.items()} in [
        {"b": 1000, "c": 0, "d": 0}, {"b": 0, "c": 1000, "d": 0}, {"b": 0, "c": 0, "d": 1000},
    ]  # fmt: skip


def test_splitting_a_bid_wins_nothing_more_at_the_margin() -> None:
    terms = plain("3", tie=Tie.PRO_RATA, seed="s")
    whole = run_sealed(bids(["1,a,10,4", "5,b,10,4"]), terms)
    split = run_sealed(bids(["1,a,10,1", "2,a,10,1", "3,a,10,1", "4,a,10,1", "5,b,10,4"]), terms)
    assert split.winners == whole.winners
    assert book(split) == {"1": ("10.00", "4"), "5": ("10.00", "4")}
    assert split.as_dict()["lines"][0]["from"] == ["1", "2", "3", "4"]


def test_the_distribution_of_the_qualified_lots() -> None:
    result = run_sealed(
        bids(["1,a,10,1", "2,b,20,1", "3,c,30,1", "4,a,30,1", "5,b,1,1"]), plain(reserve=Decimal(2))
    )
    report = result.as_dict()["distribution"]
    assert (report["lowest"], report["median"], report["mean"], report["highest"]) == (
        "10.00", "20.00", "22.50", "30.00",
    )  # fmt: skip
    assert report["steps"] == [
        {"price": "30.00", "bidders": 2, "quantity": "2", "cumulative": "2"},
        {"price": "20.00", "bidders": 1, "quantity": "1", "cumulative": "3"},
        {"price": "10.00", "bidders": 1, "quantity": "1", "cumulative": "4"},
    ]


def test_decimals_are_exact() -> None:
    result = run_sealed(
        bids(["1,a,4000.55,0.500001", "2,b,4000.54,1.5"]), plain("2.000001"), limits("a,,0.3,,", "b,,,,")
    )
    assert book(result) == {"1": ("4000.55", "0.3"), "2": ("4000.54", "1.5")}
    assert (result.outcome.sold, result.outcome.unsold, result.cover_ratio) == ("1.8", "0.200001", "0.90")


def test_row_order_changes_nothing() -> None:
    rows = [f"{n},f{n % 5},{10 + n % 4},{1 + n % 3}" for n in range(24)]
    given = limits("f0,G,9,,", "f1,G,,,", "f2,,,6,", "f3,,,,70", "f4,,,,40.5")
    for tie in (Tie.RANDOM, Tie.PRO_RATA):
        terms = plain("20", tie=tie, seed="x")
        first = run_sealed(bids(rows), terms, given).as_dict()
        for seed in range(5):
            assert (
                run_sealed(bids(random.Random(seed).sample(rows, len(rows))), terms, given).as_dict() == first
            )


@pytest.mark.parametrize("preset", SEALED_MODES)
def test_without_limits_the_engine_alone_gives_the_same(preset: str) -> None:
    terms = mode_of(preset).sealed_terms(supply=Decimal(50), reserve=Decimal(3000), lot=Decimal(1))
    alone = clear(hunter_river(), terms.clearing)
    if preset == "quebec" or preset == "guangdong":
        terms = SealedTerms(clearing=terms.clearing)
    result = run_sealed(hunter_river(), terms).outcome
    assert (result.status, result.price, result.sold, result.revenue_cents, result.awards) == (
        alone.status, alone.price, alone.sold, alone.revenue_cents, alone.awards,
    )  # fmt: skip


# --- terms and the table of limits ------------------------------------------------------------------------


def test_terms_that_are_not_of_the_sealed_form() -> None:
    for method in (Method.TOP_SHARE, Method.DESCENDING):
        with pytest.raises(TermsInvalid):
            plain(method=method, tie=Tie.TIME)
    with pytest.raises(TermsInvalid):
        plain(bidder_cap=Decimal(1))
    with pytest.raises(TermsInvalid):
        plain(bidder_cap_percent=Decimal(1))
    for percent in ("0", "100.1"):
        with pytest.raises(TermsInvalid):
            plain(sealed={"purchase_percent": Decimal(percent)})
    with pytest.raises(TermsInvalid):
        plain(sealed={"bid_minimum": Decimal(-1)})
    assert plain(sealed={"purchase_percent": Decimal(100)}, if_short=IfShort.CANCEL).bid_minimum is None


@pytest.mark.parametrize(
    ("rows", "line", "column"),
    [
        (["a,,1,,", "a,,1,,"], 3, "bidder"),
        (["a,G,1,,", "b,G,2,,"], 3, "purchase_limit"),
        (["a,G,1,,", "b,G,1%,,"], 3, "purchase_limit"),
        (["a,G,,,", "b,G,1,2,", "c,G,1,3,"], 4, "holding_room"),
        (["a,,0%,,"], 2, "purchase_limit"),
        (["a,,101%,,"], 2, "purchase_limit"),
        (["a,,-1,,"], 2, "purchase_limit"),
        (["a,,,x,"], 2, "holding_room"),
        (["a,,,,1.005"], 2, "guarantee"),
        ([",,,,1"], 2, "bidder"),
    ],
)
def test_a_table_of_limits_names_line_and_field(rows: list[str], line: int, column: str) -> None:
    with pytest.raises(InputInvalid, match=rf"limits.csv 第{line}行 {column}"):
        limits(*rows)


def test_limits_without_a_file_are_checked_too() -> None:
    with pytest.raises(ValueError, match="two rows"):
        Limits([Limit(bidder="a"), Limit(bidder="a")])
    with pytest.raises(ValueError, match="purchase_limit"):
        Limits(
            [
                Limit(bidder="a", group="G", purchase=Decimal(1)),
                Limit(bidder="b", group="G", purchase=Decimal(2)),
            ]
        )
