"""E1 by worked example and on both sides of each boundary."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace

import pytest

from terrace.kernel.base.clock import at_local
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import (
    Accepted,
    Phase,
    Quote,
    Refused,
    Standing,
    State,
    Terms,
    Why,
    ends_at,
    minimum,
    moment,
    opening,
    outcome,
    place,
)

# The Ningxia notice of 2025: quoting from 2 April 09:00 to 10 April 10:00, then 4 minutes, then timed.
OPENS = at_local(dt.date(2025, 4, 2), 9)
T1 = at_local(dt.date(2025, 4, 10), 10)
NINGXIA = Terms(start_price_fen=2_100_000, increment_fen=50_000, opens_at=OPENS, free_until=T1)
MINUTE = dt.timedelta(minutes=1)
TICK = dt.timedelta(microseconds=1)


def run(terms: Terms, *quotes: tuple[str, int, dt.datetime]) -> tuple[State, list[Accepted | Refused]]:
    state = opening(terms)
    answers: list[Accepted | Refused] = []
    for bidder, price, at in quotes:
        answer = place(terms, state, Quote(bidder, price, at))
        answers.append(answer)
        if isinstance(answer, Accepted):
            state = answer.state
    return state, answers


def why(answer: Accepted | Refused) -> Why | None:
    return answer.why if isinstance(answer, Refused) else None


def test_two_bidders_reach_the_timed_period_and_each_accepted_quote_starts_the_window_again() -> None:
    timed = T1 + 4 * MINUTE
    state, answers = run(
        NINGXIA,
        ("A", 2_100_000, OPENS),
        ("B", 2_150_000, T1 - TICK),
        ("A", 2_200_000, T1),  # the wait has begun
        ("A", 2_200_000, timed + 3 * MINUTE),
        ("B", 2_250_000, timed + 6 * MINUTE),
        ("A", 2_250_000, timed + 7 * MINUTE),  # refused: does not extend
        ("A", 2_300_000, timed + 10 * MINUTE),  # the window of B ended at this instant
    )
    assert [why(a) for a in answers] == [None, None, Why.WAITING, None, None, Why.TOO_LOW, Why.CLOSED]
    result = outcome(NINGXIA, state)
    assert (result.status, result.winner, result.price_fen) == ("sold", "B", 2_250_000)
    assert result.ended_at == timed + 10 * MINUTE
    assert result.extensions == 2


def test_phases_are_half_open() -> None:
    state, _ = run(NINGXIA, ("A", 2_100_000, OPENS), ("B", 2_150_000, OPENS))
    timed = T1 + NINGXIA.wait
    expected = [
        (OPENS - TICK, Phase.BEFORE, OPENS),
        (OPENS, Phase.FREE, T1),
        (T1 - TICK, Phase.FREE, T1),
        (T1, Phase.WAIT, timed),
        (timed - TICK, Phase.WAIT, timed),
        (timed, Phase.TIMED, timed + NINGXIA.window),
        (timed + NINGXIA.window - TICK, Phase.TIMED, timed + NINGXIA.window),
        (timed + NINGXIA.window, Phase.CLOSED, None),
    ]
    for now, phase, until in expected:
        here = moment(NINGXIA, state, now)
        assert (here.phase, here.until) == (phase, until)


def test_one_quote_in_the_free_period_sells_at_the_end_of_it() -> None:
    state, answers = run(NINGXIA, ("A", 2_100_000, OPENS), ("B", 2_150_000, T1))
    assert why(answers[1]) is Why.CLOSED
    result = outcome(NINGXIA, state)
    assert (result.status, result.winner, result.price_fen, result.ended_at) == ("sold", "A", 2_100_000, T1)


def test_no_quote_is_not_sold() -> None:
    result = outcome(NINGXIA, opening(NINGXIA))
    assert (result.status, result.winner, result.price_fen, result.winning_seq) == (
        "unsold",
        None,
        None,
        None,
    )


def test_price_boundaries() -> None:
    first = opening(NINGXIA)

    def quote(state: State, price: int, **more: object) -> Why | None:
        return why(place(NINGXIA, state, Quote("A", price, OPENS, **more)))  # type: ignore[arg-type]

    assert quote(first, 2_099_999) is Why.TOO_LOW
    assert quote(first, 2_100_000) is None
    assert quote(first, 2_100_001) is Why.NOT_A_STEP
    assert quote(first, 0) is Why.TOO_LOW
    assert quote(first, -50_000) is Why.TOO_LOW
    after = place(NINGXIA, first, Quote("A", 2_100_000, OPENS))
    assert isinstance(after, Accepted)
    assert minimum(NINGXIA, after.state) == 2_150_000
    assert quote(after.state, 2_149_999) is Why.TOO_LOW
    assert quote(after.state, 2_150_000) is None
    assert quote(first, 21_000_000) is None  # ten times the next valid price
    assert quote(first, 21_050_000) is Why.CONFIRM_JUMP
    assert quote(first, 21_050_000, confirmed=True) is None
    assert quote(first, ascending.PRICE_FEN_MAX + 1, confirmed=True) is Why.TOO_HIGH


def test_steps_need_not_be_whole_where_the_terms_say_so() -> None:
    terms = replace(NINGXIA, whole_steps=False)
    state, answers = run(terms, ("A", 2_100_001, OPENS), ("B", 2_150_000, OPENS), ("B", 2_150_001, OPENS))
    assert [why(a) for a in answers] == [None, Why.TOO_LOW, None]
    assert state.best_fen == 2_150_001


def test_only_those_who_quoted_in_the_free_period_enter_the_timed_one() -> None:
    timed = T1 + 4 * MINUTE
    free = (("A", 2_100_000, OPENS), ("B", 2_150_000, OPENS))
    _, answers = run(NINGXIA, *free, ("C", 2_200_000, timed))
    assert why(answers[2]) is Why.NOT_IN_FREE_PERIOD
    _, answers = run(replace(NINGXIA, free_quoters_only=False), *free, ("C", 2_200_000, timed))
    assert why(answers[2]) is None


def test_a_timed_period_follows_from_the_printed_number_of_quoters_on() -> None:
    terms = replace(NINGXIA, timed_quoters_min=3)
    two = (("A", 2_100_000, OPENS), ("B", 2_150_000, OPENS))
    assert ends_at(terms, run(terms, *two)[0]) == T1
    assert ends_at(terms, run(terms, *two, ("C", 2_200_000, OPENS))[0]) == T1 + 8 * MINUTE


def test_a_bidder_quoting_twice_is_one_bidder() -> None:
    state, _ = run(NINGXIA, ("A", 2_100_000, OPENS), ("A", 2_150_000, OPENS))
    assert state.free_quoters == ("A",)
    assert ends_at(NINGXIA, state) == T1


def test_the_leader_may_raise_only_where_the_terms_allow() -> None:
    quotes = (("A", 2_100_000, OPENS), ("A", 2_150_000, OPENS))
    assert why(run(NINGXIA, *quotes)[1][1]) is None
    assert why(run(replace(NINGXIA, leader_may_raise=False), *quotes)[1][1]) is Why.ALREADY_LEADING


def test_late_quotes_extend_a_free_period_without_a_timed_one() -> None:
    terms = replace(NINGXIA, timed_period=False, late_quote=5 * MINUTE)
    state, _ = run(terms, ("A", 2_100_000, T1 - 6 * MINUTE), ("B", 2_150_000, T1 - 5 * MINUTE))
    assert (state.free_ends_at, state.extensions) == (T1, 0)
    state, _ = run(terms, ("A", 2_100_000, T1 - 4 * MINUTE))
    assert (state.free_ends_at, state.extensions) == (T1 + MINUTE, 1)


def test_extensions_may_be_capped() -> None:
    terms = replace(NINGXIA, extensions_max=10)
    start = T1 + terms.wait
    quotes = [("A", 2_100_000, OPENS), ("B", 2_150_000, OPENS)]
    quotes += [("AB"[n % 2], 2_200_000 + n * 50_000, start + n * MINUTE) for n in range(11)]
    state, answers = run(terms, *quotes)
    assert all(isinstance(a, Accepted) for a in answers)
    assert state.extensions == 10
    assert ends_at(terms, state) == start + 9 * MINUTE + terms.window


def test_standing_is_checked_before_time_and_price() -> None:
    cases = [
        (Standing(admitted=False), Why.NOT_ADMITTED),
        (Standing(organisation_active=False), Why.ORGANISATION_INACTIVE),
        (Standing(deposit_held=False), Why.DEPOSIT_MISSING),
        (Standing(limit_fen=2_099_999), Why.OVER_OWN_LIMIT),
        (Standing(limit_fen=2_100_000), None),
    ]
    for standing, expected in cases:
        answer = place(NINGXIA, opening(NINGXIA), Quote("A", 2_100_000, OPENS, standing=standing))
        assert why(answer) is expected


def test_equal_instants_are_ordered_by_sequence_and_a_clock_that_runs_back_is_held() -> None:
    same = OPENS + MINUTE
    state, answers = run(NINGXIA, ("A", 2_100_000, same), ("B", 2_100_000, same), ("C", 2_150_000, OPENS))
    assert [why(a) for a in answers] == [None, Why.TOO_LOW, None]
    assert state.last_at == same


def test_terms_that_make_no_sense_are_refused() -> None:
    for change in (
        {"start_price_fen": 0},
        {"increment_fen": 0},
        {"free_until": OPENS},
        {"wait": -MINUTE},
        {"window": dt.timedelta(0)},
        {"late_quote": MINUTE},
        {"timed_period": False, "late_quote": dt.timedelta(0)},
        {"extensions_max": -1},
        {"confirm_factor": 1},
        {"timed_quoters_min": 0},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            replace(NINGXIA, **change)


def test_a_bundle_runs_again_and_shows_any_change() -> None:
    quotes = [Quote("A2", 2_100_000, OPENS), Quote("K7", 2_150_000, OPENS + MINUTE)]
    bundle = ascending.bundle(NINGXIA, quotes, about={"number": "10"})
    assert ascending.rerun(bundle) == bundle
    assert bundle["outcome"]["winner"] == "K7"
    for change in (
        lambda b: b["bids"].pop(),
        lambda b: b["outcome"].update(price_fen=1),
        lambda b: b["about"].update(number="11"),
        lambda b: b["bids"][1].update(price_fen=2_200_000),
    ):
        touched = copy.deepcopy(bundle)
        change(touched)
        with_again = touched
        try:
            with_again = ascending.rerun(touched)
        except ascending.BundleInvalid:
            continue
        assert with_again != touched


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "uniform"},
        {"bids": [{"seq": 2, "bidder": "A", "price_fen": 2_100_000, "at": "2025-04-02T09:00:00+08:00"}]},
        {"bids": [{"seq": 1, "bidder": "A", "price_fen": "2100000", "at": "2025-04-02T09:00:00+08:00"}]},
        {"bids": [{"seq": 1, "bidder": "A", "price_fen": 2_100_000, "at": "2025-04-02T09:00:00"}]},
        {"bids": [{"seq": 1, "bidder": "A", "price_fen": 1, "at": "2025-04-02T09:00:00+08:00"}]},
        {"bids": [{"bidder": "A"}]},
        {"terms": {}},
    ],
)
def test_a_bundle_that_cannot_be_read_says_why(change: dict[str, object]) -> None:
    bundle = ascending.bundle(NINGXIA, [], about={}) | change
    with pytest.raises(ascending.BundleInvalid):
        ascending.rerun(bundle)
