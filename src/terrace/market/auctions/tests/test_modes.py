"""The trading modes as data: complete, sourced or marked as proposed, and run by the engines that are there."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.clearing import IfShort, Method, TermsInvalid, Tie, clear
from terrace.market.auctions.rules.modes import (
    MODES,
    SEALED_MODES,
    Counts,
    Deal,
    Form,
    Mark,
    Mode,
    ModeUnknown,
    OneBidder,
    QuoteLimit,
    Round,
    RoundQuote,
    Stage,
    least_price,
    mode_of,
    take_quotes,
)
from terrace.market.auctions.rules.modes.quotes import TEXTS, Why
from terrace.market.rulebooks.rules.deposits import deposit_preset

NINE = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def test_every_form_of_the_domain_has_a_mode() -> None:
    assert {mode.form for mode in MODES.values()} == set(Form)
    assert {"liaocheng", "ningxia", "hengshui", "wuyi", "yiwu", "eu", "quebec", "guangdong"} <= set(MODES)
    assert SEALED_MODES == ("eu", "quebec", "guangdong", "epa", "hunter-river")


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_every_value_of_a_mode_has_its_source(mode: Mode) -> None:
    for name in mode.fields_set():
        source = mode.source(name)
        assert source.clause.zh and source.clause.en
    assert set(mode.sources) - {"*"} <= set(mode.fields_set())
    assert mode.title.zh and mode.title.en
    if mode.deposit is not None:
        assert deposit_preset(mode.deposit).name == mode.deposit
        if deposit_preset(mode.deposit).proposed:
            assert mode.source("deposit").mark is Mark.PROPOSED
    if mode.form in (Form.DESCENDING_FILL, Form.TOP_SHARE, Form.SEALED):
        terms = mode.clearing_terms(supply=Decimal(1000), reserve=Decimal(1))
        assert terms.tie is mode.tie
    assert (mode.average_days is not None) == (mode.one_bidder is OneBidder.AGREEMENT_AT_AVERAGE)


def test_liaocheng_is_proposed_throughout_and_the_others_say_what_is_printed() -> None:
    city = mode_of("liaocheng")
    assert all(city.source(name).mark is Mark.PROPOSED for name in city.fields_set())
    ningxia = mode_of("ningxia")
    assert (ningxia.source("increment_fen").mark, ningxia.increment_fen) == (Mark.SOURCED, 50_000)
    assert ningxia.source("periods").mark is Mark.PROPOSED
    hengshui = mode_of("hengshui")
    assert (hengshui.source("share").mark, hengshui.average_days) == (Mark.SOURCED, 10)
    assert all(mode.mark is Mark.PROPOSED for mode in MODES.values())


def test_names_are_read_as_written_by_people() -> None:
    assert mode_of(" Quebec ").form is Form.SEALED
    with pytest.raises(ModeUnknown, match="liaocheng"):
        mode_of("atlantis")


def test_a_mode_is_handed_to_the_engine_of_its_form_only() -> None:
    with pytest.raises(TermsInvalid):
        mode_of("liaocheng").clearing_terms(supply=Decimal(1), reserve=Decimal(0))
    with pytest.raises(TermsInvalid):
        mode_of("ningxia").sealed_terms(supply=Decimal(1), reserve=Decimal(0))
    with pytest.raises(TermsInvalid):
        mode_of("eu").ascending_terms(
            start_price_fen=1, increment_fen=1, opens_at=NINE, free_until=NINE + MINUTE
        )
    with pytest.raises(TermsInvalid):
        mode_of("liaocheng").ascending_terms(start_price_fen=1, opens_at=NINE, free_until=NINE + MINUTE)


def test_liaocheng_runs_on_the_ascending_engine() -> None:
    terms = mode_of("liaocheng").ascending_terms(
        start_price_fen=2_100_000, increment_fen=50_000, opens_at=NINE, free_until=NINE + 10 * MINUTE
    )
    assert (terms.wait, terms.window, terms.timed_period) == (4 * MINUTE, 4 * MINUTE, True)
    answer = ascending.place(terms, ascending.opening(terms), ascending.Quote("a", 2_100_000, NINE))
    assert isinstance(answer, ascending.Accepted)


def test_the_sealed_presets_say_what_their_rules_say() -> None:
    eu, quebec, guangdong = (mode_of(name) for name in ("eu", "quebec", "guangdong"))
    assert (eu.if_short, eu.tie, eu.lot) == (IfShort.CANCEL, Tie.RANDOM, Decimal(500))
    assert (quebec.if_short, quebec.tie, quebec.lot) == (IfShort.SELL, Tie.PRO_RATA, Decimal(1000))
    assert (guangdong.tie, guangdong.bid_minimum, guangdong.purchase_percent) == (Tie.TIME, 1000, 50)
    methods = [mode_of(n).clearing_terms(supply=Decimal(1), reserve=Decimal(0)).method for n in SEALED_MODES]
    assert methods == [Method.UNIFORM] * 3 + [Method.PAY_AS_BID, Method.VICKREY]


# --- rounds with a limit of quotes (E2, E3) ---------------------------------------------------------------


def a_round(mode: str, **more: Any) -> Round:
    preset = mode_of(mode)
    length = preset.length(Stage.ROUND)
    assert preset.quotes is not None
    if length is None:
        length = 60 * MINUTE
    return Round(
        **{
            "floor_fen": 600_000,
            "opens_at": NINE,
            "closes_at": NINE + length,
            "limit": preset.quotes,
            "increment_fen": preset.increment_fen,
            **more,
        }
    )


def quote(seq: int, who: str, yuan: int, *, grams: int = 1_000_000, second: int | None = None) -> RoundQuote:
    return RoundQuote(
        seq, who, yuan * 100, grams, NINE + dt.timedelta(seconds=seq if second is None else second)
    )


def counted(taken: Any) -> dict[str, int]:
    return {each.bidder: each.price_fen // 100 for each in taken.counted}


def test_ten_quotes_and_the_eleventh_is_refused() -> None:
    quotes = [quote(n, "a", 6000 + n) for n in range(1, 12)]
    taken = take_quotes(a_round("wuyi"), quotes)
    assert counted(taken) == {"a": 6010}
    assert [(each.seq, why) for each, why in taken.refused] == [(11, Why.TOO_MANY)]
    assert len(taken.superseded) == 9


def test_a_refused_quote_uses_up_no_number() -> None:
    quotes = [quote(1, "a", 5999), *(quote(n, "a", 6000 + n) for n in range(2, 12))]
    taken = take_quotes(a_round("wuyi"), quotes)
    assert counted(taken) == {"a": 6011}
    assert [why for _, why in taken.refused] == [Why.BELOW_FLOOR]


def test_in_wuyi_the_final_quote_counts_in_hengshui_the_highest() -> None:
    quotes = [quote(1, "a", 6100), quote(2, "a", 6000)]
    assert counted(take_quotes(a_round("wuyi"), quotes)) == {"a": 6000}
    assert counted(take_quotes(a_round("hengshui"), quotes)) == {"a": 6100}
    repeated = take_quotes(a_round("hengshui"), [quote(1, "a", 6100), quote(2, "a", 6100)])
    assert [each.seq for each in repeated.counted] == [1]
    every = a_round("wuyi", limit=QuoteLimit(None, Counts.EVERY))
    assert len(take_quotes(every, quotes).counted) == 2


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        (quote(1, "a", 6000, second=0), quote(1, "a", 6000, second=-1), Why.OUTSIDE_ROUND),
        (quote(1, "a", 6000, second=3599), quote(1, "a", 6000, second=3600), Why.OUTSIDE_ROUND),
        (quote(1, "a", 6000, grams=1), quote(1, "a", 6000, grams=0), Why.NO_QUANTITY),
        (quote(1, "a", 6000), quote(1, "a", 5999), Why.BELOW_FLOOR),
        (quote(1, "a", 6050), quote(1, "a", 6049), Why.NOT_A_STEP),
        (quote(1, "a", 10**13 - 8000 + 8000), quote(1, "a", 10**13 + 50), Why.TOO_HIGH),
    ],
)
def test_what_a_round_refuses_on_both_sides(good: RoundQuote, bad: RoundQuote, why: Why) -> None:
    terms = a_round("hengshui")
    assert take_quotes(terms, [good]).refused == ()
    assert take_quotes(terms, [bad]).refused == ((bad, why),)
    assert TEXTS[why].zh and TEXTS[why].en


def test_hengshui_nine_quoted_six_win_and_the_earlier_of_rank_six_and_seven() -> None:
    """V11: ranks 6 and 7 tie; the tenth signed up and never quoted."""
    prices = [6900, 6850, 6800, 6750, 6700, 6500, 6500, 6450, 6400]
    quotes = [quote(n + 1, f"f{n}", price) for n, price in enumerate(prices)]
    taken = take_quotes(a_round("hengshui"), reversed(quotes))
    terms = mode_of("hengshui").clearing_terms(supply=None, reserve=Decimal(6000))
    outcome = clear(taken.bids(), terms)
    assert [award.bidder for award in outcome.awards] == [f"f{n}" for n in range(6)]
    assert outcome.awards[0].amount_cents == 690_000
    # The same second: the sequence decides.
    same = [quote(each.seq, each.bidder, each.price_fen // 100, second=5) for each in quotes]
    outcome = clear(take_quotes(a_round("hengshui"), same).bids(), terms)
    assert [award.bidder for award in outcome.awards] == [f"f{n}" for n in range(6)]


def test_ningxia_fills_from_the_highest_price_and_the_last_one_partly() -> None:
    terms = a_round("ningxia", floor_fen=2_100_000)
    quotes = [
        quote(1, "a", 21_000, grams=3_000_000), quote(2, "b", 21_500, grams=2_000_000),
        quote(3, "a", 22_000, grams=2_500_000), quote(4, "c", 21_250, grams=1_000_000),
        quote(5, "d", 21_000, grams=1_000_000),
    ]  # fmt: skip
    taken = take_quotes(terms, quotes)
    assert [why for _, why in taken.refused] == [Why.NOT_A_STEP]
    outcome = clear(
        taken.bids(), mode_of("ningxia").clearing_terms(supply=Decimal("4.048"), reserve=Decimal(21_000))
    )
    assert {award.bidder: award.quantity for award in outcome.awards} == {"a": "2.5", "b": "1.548"}
    assert outcome.revenue_cents == 5_500_000 + 3_328_200


@pytest.mark.parametrize("mode", ["ningxia", "wuyi", "hengshui"])
def test_a_round_without_quotes_sells_nothing(mode: str) -> None:
    taken = take_quotes(a_round(mode), [])
    outcome = clear(taken.bids(), mode_of(mode).clearing_terms(supply=Decimal(1), reserve=Decimal(6000)))
    assert (outcome.status, outcome.awards) == ("unsold", ())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(5999, 6003)), max_size=14),
    st.sampled_from(Counts),
    st.one_of(st.none(), st.integers(0, 3)),
    st.randoms(use_true_random=False),
)
def test_no_quote_is_lost_and_the_order_of_rows_never_matters(
    rows: Any, counts: Counts, most: int | None, mixed: Any
) -> None:
    terms = a_round("wuyi", limit=QuoteLimit(most, counts))
    quotes = [quote(n, f"f{who}", yuan) for n, (who, yuan) in enumerate(rows)]
    taken = take_quotes(terms, quotes)
    seen = [*taken.counted, *taken.superseded, *(each for each, _ in taken.refused)]
    assert sorted(each.seq for each in seen) == list(range(len(rows)))
    for who in {each.bidder for each in quotes}:
        own = [each for each in (*taken.counted, *taken.superseded) if each.bidder == who]
        assert most is None or len(own) <= most
        if counts is not Counts.EVERY:
            assert sum(each.bidder == who for each in taken.counted) == min(1, len(own))
    mixed.shuffle(quotes)
    assert take_quotes(terms, quotes) == taken


# --- one bidder (E4, R42) ---------------------------------------------------------------------------------


def test_one_bidder_pays_at_least_the_floor() -> None:
    deals = [Deal(700_000, 1_000_000)]
    assert least_price(mode_of("liaocheng"), 600_000, deals).price_fen == 600_000


def test_in_hengshui_at_least_the_average_of_ten_trading_days() -> None:
    """R42; weighted by quantity and half up, the floor without deals: proposed."""
    hengshui = mode_of("hengshui")
    deals = [Deal(610_000, 3_000_000), Deal(650_000, 1_000_000), Deal(1, 0)]
    found = least_price(hengshui, 600_000, deals)
    assert found.price_fen == 620_000
    assert "2" in found.text.zh and "10" in found.text.en
    assert least_price(hengshui, 620_001, deals).price_fen == 620_001
    assert least_price(hengshui, 600_000).price_fen == 600_000
    assert least_price(hengshui, 0, [Deal(1, 1), Deal(2, 1)]).price_fen == 2
