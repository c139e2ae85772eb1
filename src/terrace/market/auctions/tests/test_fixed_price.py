"""E5 and E7: one posted price, first come first served, never more than was posted or needed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.kernel.base.quantity import Pollutant, Price, PriceBasis, Quantity
from terrace.market.auctions.rules.clearing import TermsInvalid
from terrace.market.auctions.rules.fixed_price import (
    TEXTS,
    Fill,
    Filled,
    Offer,
    OverCap,
    Passed,
    Request,
    Why,
    fill_all,
    opening,
    take,
)
from terrace.market.auctions.rules.modes import mode_of

NINE = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)
TONNE = 1_000_000
PRICE = Price(400_000, PriceBasis.PER_YEAR, 5)  # 4,000 yuan per tonne and year


def cod(grams: int) -> Quantity:
    return Quantity(Pollutant.COD, grams)


def asks(n: int, who: str, grams: int | None, second: int = 0, **more: Any) -> Request:
    return Request(f"r{n}", who, grams, NINE + dt.timedelta(seconds=second), n, **more)


def board(grams: int = 10 * TONNE, **more: Any) -> Offer:
    return mode_of("take-listing").offer(quantity=cod(grams), price=PRICE, **more)


def small(grams: int, needs: dict[str, int], **more: Any) -> Offer:
    return mode_of("small-needs").offer(quantity=cod(grams), price=PRICE, needs=needs, **more)


def shown(filled: Filled) -> list[tuple[str, int, Why | None]]:
    return [(fill.request.id, fill.quantity.grams_per_year, fill.less) for fill in filled.fills]


def reasons(filled: Filled) -> dict[str, Why]:
    return {each.request.id: each.why for each in filled.passed}


def test_takes_in_the_order_of_arrival_and_the_balance_stays() -> None:
    filled = fill_all(board(), [asks(1, "a", 4 * TONNE, 5), asks(2, "b", 3 * TONNE, 1)])
    assert shown(filled) == [("r2", 3 * TONNE, None), ("r1", 4 * TONNE, None)]
    assert filled.state.balance_g == 3 * TONNE
    # 3 t x 4,000 x 5 years.
    assert filled.fills[0].amount.fen == 6_000_000
    assert filled.fills[0].text.zh == ""


def test_equal_instants_are_decided_by_the_sequence() -> None:
    filled = fill_all(board(), [asks(2, "a", 8 * TONNE), asks(1, "b", 8 * TONNE)])
    assert shown(filled) == [("r1", 8 * TONNE, None)]
    assert reasons(filled) == {"r2": Why.OVER_BALANCE}


def test_more_than_is_left_is_a_part_only_for_who_accepts_one() -> None:
    queue = [asks(1, "a", 8 * TONNE), asks(2, "b", 3 * TONNE), asks(3, "c", 2 * TONNE), asks(4, "d", 1)]
    filled = fill_all(board(), queue)
    assert reasons(filled) == {"r2": Why.OVER_BALANCE, "r4": Why.SOLD_OUT}
    assert shown(filled) == [("r1", 8 * TONNE, None), ("r3", 2 * TONNE, None)]
    queue[1] = asks(2, "b", 3 * TONNE, accepts_less=True)
    filled = fill_all(board(), queue)
    assert shown(filled) == [("r1", 8 * TONNE, None), ("r2", 2 * TONNE, Why.CUT_TO_BALANCE)]
    assert "3.000" in filled.fills[1].text.zh and "2.000" in filled.fills[1].text.en


def test_a_full_take_takes_what_is_left() -> None:
    filled = fill_all(board(), [asks(1, "a", TONNE), asks(2, "b", None), asks(3, "c", None)])
    assert shown(filled) == [("r1", TONNE, None), ("r2", 9 * TONNE, None)]
    assert reasons(filled) == {"r3": Why.SOLD_OUT}


def test_a_listing_that_is_not_divided_is_taken_whole() -> None:
    whole = board(partial=False)
    filled = fill_all(whole, [asks(1, "a", 10 * TONNE - 1), asks(2, "b", 10 * TONNE)])
    assert (reasons(filled), shown(filled)) == ({"r1": Why.WHOLE_ONLY}, [("r2", 10 * TONNE, None)])
    assert shown(fill_all(whole, [asks(1, "a", None)])) == [("r1", 10 * TONNE, None)]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (asks(1, "seller", TONNE), Why.OWN_LISTING),
        (asks(1, "a", 0), Why.NOT_POSITIVE),
        (asks(1, "a", -TONNE), Why.NOT_POSITIVE),
        (asks(1, "a", TONNE + 1), Why.NOT_A_LOT),
        (asks(1, "stranger", TONNE), Why.NO_NEED),
        (asks(1, "a", 3 * TONNE), Why.OVER_NEED),
        (asks(1, "b", 11 * TONNE), Why.OVER_BALANCE),
    ],
)
def test_a_take_that_is_passed_over_changes_nothing_and_says_why(request_: Request, why: Why) -> None:
    offer = board(seller="seller", lot_g=1000, needs={"a": 2 * TONNE, "b": 20 * TONNE, "seller": TONNE})
    state, answer = take(offer, opening(offer), request_)
    assert isinstance(answer, Passed) and answer.why is why
    assert state == opening(offer)
    assert "{" not in answer.text.zh + answer.text.en


def test_a_take_up_to_the_confirmed_need_and_not_beyond() -> None:
    offer = board(needs={"a": 2 * TONNE})
    filled = fill_all(
        offer, [asks(1, "a", TONNE), asks(2, "a", TONNE + 1), asks(3, "a", TONNE), asks(4, "a", 1)]
    )
    assert shown(filled) == [("r1", TONNE, None), ("r3", TONNE, None)]
    assert reasons(filled) == {"r2": Why.OVER_NEED, "r4": Why.NO_NEED}


def test_small_needs_are_filled_up_to_the_need_in_the_order_of_application() -> None:
    """E7: 0.5 t for small works; who asks for more than its need gets its need."""
    offer = small(500_000, {"a": 200_000, "b": 250_000, "c": 100_000})
    queue = [asks(3, "c", 100_000, 3), asks(1, "a", 300_000, 1), asks(2, "b", 250_000, 2), asks(4, "x", 1, 4)]
    filled = fill_all(offer, queue)
    assert shown(filled) == [("r1", 200_000, Why.CUT_TO_NEED), ("r2", 250_000, None)]
    assert reasons(filled) == {"r3": Why.OVER_BALANCE, "r4": Why.NO_NEED}
    assert (filled.state.balance_g, filled.state.taken) == (50_000, {"a": 200_000, "b": 250_000})
    assert filled.fills[0].amount.fen == 400_000


def test_small_needs_are_never_released_without_needs() -> None:
    with pytest.raises(TermsInvalid):
        mode_of("small-needs").offer(quantity=cod(1), price=PRICE)


def test_what_is_no_offer() -> None:
    for quantity, lot in ((0, 1), (10, 0), (10, 3)):
        with pytest.raises(ValueError, match="offer"):
            Offer(cod(quantity), PRICE, lot_g=lot)


@pytest.mark.parametrize("why", Why)
def test_every_reason_is_said_in_both_languages(why: Why) -> None:
    assert TEXTS[why].zh and TEXTS[why].en


requests = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 3), st.booleans()),
    max_size=9,
)
offers = st.builds(
    lambda quantity, partial, lot, needs, over: Offer(
        cod(quantity * lot),
        PRICE,
        seller="f9",
        partial=partial,
        lot_g=lot,
        needs=None if needs is None else {f"f{n}": need for n, need in enumerate(needs)},
        over_cap=over,
    ),
    st.integers(1, 20),
    st.booleans(),
    st.sampled_from([1, 2]),
    st.one_of(st.none(), st.lists(st.integers(0, 12), max_size=4)),
    st.sampled_from(OverCap),
)


@settings(max_examples=150, deadline=None)
@given(offers, requests, st.randoms(use_true_random=False))
def test_never_more_than_offered_needed_or_asked_and_time_decides(
    offer: Offer, rows: Any, mixed: Any
) -> None:
    queue = [
        asks(n, f"f{who}", grams, second, accepts_less=less)
        for n, (who, grams, second, less) in enumerate(rows)
    ]
    filled = fill_all(offer, queue)
    given_all = sum(fill.quantity.grams_per_year for fill in filled.fills)
    assert given_all + filled.state.balance_g == offer.quantity.grams_per_year
    assert filled.state.balance_g >= 0 and filled.state.balance_g % offer.lot_g == 0
    assert len(filled.fills) + len(filled.passed) == len(queue)
    for fill in filled.fills:
        got = fill.quantity.grams_per_year
        asked = fill.request.grams
        assert got > 0 and got % offer.lot_g == 0
        assert asked is None or got <= asked
        assert (fill.less is None) == (asked in (None, got)) or asked is None
        if fill.less is Why.CUT_TO_BALANCE:
            assert fill.request.accepts_less and fill is filled.fills[-1] and filled.state.balance_g == 0
    for who, taken in filled.state.taken.items():
        assert offer.needs is None or taken <= offer.needs.get(who, 0)
    # Time priority: leaving out everybody who came later changes nothing for who came before.
    order = sorted(queue, key=lambda request: (request.at, request.seq))
    for n in range(len(order)):
        early = fill_all(offer, order[: n + 1])
        assert early.fills == filled.fills[: len(early.fills)]
        assert early.passed == filled.passed[: len(early.passed)]
    mixed.shuffle(queue)
    assert fill_all(offer, queue) == filled


@settings(max_examples=100, deadline=None)
@given(offers, requests)
def test_a_request_after_a_refusal_is_answered_as_if_the_refused_had_not_come(
    offer: Offer, rows: Any
) -> None:
    queue = [
        asks(n, f"f{who}", grams, second, accepts_less=less)
        for n, (who, grams, second, less) in enumerate(rows)
    ]
    filled = fill_all(offer, queue)
    again = fill_all(offer, [fill.request for fill in filled.fills])
    assert again.fills == filled.fills and again.passed == ()
    assert all(isinstance(fill, Fill) for fill in again.fills)
