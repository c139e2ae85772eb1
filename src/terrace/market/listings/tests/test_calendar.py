"""The calendar of a notice: the printed Ningxia calendar of 2025, working days, and both sides of each boundary."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.kernel.base.clock import at_local
from terrace.market.listings.rules import (
    Calendar,
    Mode,
    Phase,
    WorkdayPlan,
    calendar_from_workdays,
    faults_of_calendar,
    mask_label,
    mask_number,
    mode_for,
    phase_at,
    receipt_digest,
    tasks_of,
)


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2025) -> dt.datetime:
    return at_local(dt.date(year, month, day), hour, minute)


NINGXIA = Calendar(
    notice_from=at(3, 26, 9),
    notice_until=at(4, 2, 9),
    signup_from=at(4, 2, 9),
    signup_until=at(4, 7, 9),
    qualification_until=at(4, 10, 9),
    deposit_until=at(4, 10, 9),
    quoting_from=at(4, 2, 9),
    quoting_until=at(4, 10, 10),
)


def test_the_printed_ningxia_calendar_is_sound_and_quoting_begins_before_the_decision() -> None:
    assert faults_of_calendar(NINGXIA) == []
    assert NINGXIA.quoting_overlaps
    assert NINGXIA.decision_at == at(4, 10, 9)
    assert NINGXIA.quoting_until - NINGXIA.qualification_until == dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("instant", "phase", "ends"),
    [
        (at(3, 26, 8, 59), Phase.BEFORE, at(3, 26, 9)),
        (at(3, 26, 9), Phase.NOTICE, at(4, 2, 9)),
        (at(4, 2, 9), Phase.SIGNUP, at(4, 7, 9)),
        (at(4, 7, 9) - dt.timedelta(seconds=1), Phase.SIGNUP, at(4, 7, 9)),
        (at(4, 7, 9), Phase.QUOTING, at(4, 10, 10)),
        (at(4, 10, 10), Phase.AFTER, None),
    ],
)
def test_phases_change_at_the_second(instant: dt.datetime, phase: Phase, ends: dt.datetime | None) -> None:
    assert phase_at(NINGXIA, instant) == (phase, ends)


def test_working_days_skip_the_new_year_of_2024() -> None:
    calendar = calendar_from_workdays(WorkdayPlan(5, 3, 3, 2, 2), at(12, 22, 9, year=2023))
    assert calendar.notice_until == at(12, 29, 17, year=2023)
    assert calendar.signup_until == at(1, 4, 17, year=2024)
    assert calendar.qualification_until == at(1, 9, 17, year=2024)
    assert calendar.deposit_until == at(1, 11, 17, year=2024)
    assert calendar.quoting_from == at(1, 12, 9, year=2024)
    assert calendar.quoting_until == at(1, 12, 11, year=2024)
    assert faults_of_calendar(calendar) == []
    assert not calendar.quoting_overlaps
    waiting = at(1, 11, 18, year=2024)
    assert phase_at(calendar, waiting) == (Phase.WAITING, calendar.quoting_from)
    assert phase_at(calendar, at(1, 8, 10, year=2024))[0] is Phase.QUALIFYING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("notice_until", at(3, 26, 9)),
        ("signup_until", at(4, 2, 9)),
        ("qualification_until", at(4, 7, 8)),
        ("deposit_until", at(4, 10, 8)),
        ("quoting_from", at(4, 2, 8)),
        ("quoting_until", at(4, 10, 9)),
    ],
)
def test_an_instant_out_of_order_is_named(field: str, value: dt.datetime) -> None:
    calendar = Calendar(**{**dict(NINGXIA.items()), field: value})
    assert field in {fault.field for fault in faults_of_calendar(calendar)}


def test_a_notice_cannot_end_in_the_past() -> None:
    assert faults_of_calendar(NINGXIA, now=at(4, 2, 9) - dt.timedelta(seconds=1)) == []
    assert [f.field for f in faults_of_calendar(NINGXIA, now=at(4, 2, 9))] == ["notice_until"]


def test_a_suspension_moves_only_what_is_still_to_come() -> None:
    moved = NINGXIA.shifted(dt.timedelta(days=2), after=at(4, 3, 0))
    assert moved.notice_until == NINGXIA.notice_until
    assert moved.signup_until == at(4, 9, 9)
    assert moved.quoting_until == at(4, 12, 10)


def test_mode_follows_the_number_of_admitted_bidders() -> None:
    assert [mode_for(n) for n in (0, 1, 2, 7)] == [Mode.FAILED, Mode.AGREEMENT, Mode.BIDDING, Mode.BIDDING]
    with pytest.raises(ValueError, match="negative"):
        mode_for(-1)


def test_masks_are_reproducible_and_never_collide() -> None:
    taken: list[int] = []
    for n in range(120):
        taken.append(mask_number("seed", f"R{n}", taken))
    again: list[int] = []
    for n in range(120):
        again.append(mask_number("seed", f"R{n}", again))
    assert taken == again
    assert len(set(taken)) == 120
    assert taken[:90] != [mask_number("other", f"R{n}", []) for n in range(90)]
    assert mask_label(7).zh == "竞买人07"


def test_the_receipt_digest_ignores_the_order_of_keys() -> None:
    assert receipt_digest({"a": 1, "b": "二"}) == receipt_digest({"b": "二", "a": 1})
    assert receipt_digest({"a": 1}) != receipt_digest({"a": 2})


def test_the_task_list_says_what_is_missing() -> None:
    tasks = tasks_of(
        need_confirmed=True,
        quantity_g=4_048_001,
        lot_quantity_g=4_048_000,
        need_left_g=5_000_000,
        papers=["APPLICATION_FORM"],
        eligible=None,
    )
    missing = {task.code for task in tasks if not task.done}
    assert missing == {
        "quantity",
        "paper-PROMISE_LETTER",
        "paper-BUSINESS_LICENCE",
        "paper-PERMIT_OR_EIA",
        "eligibility",
    }
