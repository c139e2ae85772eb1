"""Every fault of a procedure is named; deadlines are counted as the law counts."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from terrace.kernel.base.clock import at_local
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import procedures
from terrace.kernel.procedures.apps import check_procedures
from terrace.kernel.procedures.rules import (
    Deadline,
    Procedure,
    State,
    Transition,
    after_pause,
    check,
    due_at,
)
from terrace.kernel.procedures.tests.factories import procedure, text
from terrace.kernel.workdays.rules import CalendarMissing

ROLES = [role.value for role in Role]
A, Z = State("A", text("a"), text("a")), State("Z", text("z"), text("z"), final=True)


def way(code: str, source: str, target: str, *roles: str, **more: object) -> Transition:
    return Transition(code, (source,), target, roles or ("BUREAU",), text(code), "", **more)  # type: ignore[arg-type]


def made(states: tuple[State, ...], transitions: tuple[Transition, ...], **more: object) -> Procedure:
    values = {"code": "t.x", "version": 1, "title": text("x"), "initial": "A", **more}
    return Procedure(states=states, transitions=transitions, **values)  # type: ignore[arg-type]


GO = way("go", "A", "Z")
SOUND = made((A, Z), (GO,))


def with_deadline(deadline: Deadline, *more: Transition) -> Procedure:
    return made((dataclasses.replace(A, deadline=deadline), Z), (GO, *more))


def test_a_sound_procedure_has_no_fault() -> None:
    assert check(SOUND, ROLES) == []
    assert check(procedure(), ROLES) == []


@pytest.mark.parametrize(
    ("faulty", "fault"),
    [
        (dataclasses.replace(SOUND, code="Bad Code"), "lower-case"),
        (dataclasses.replace(SOUND, version=0), "version"),
        (dataclasses.replace(SOUND, initial="Q"), "initial state Q is unknown"),
        (made((A, A, Z), (GO,)), "state A is written twice"),
        (made((A, Z), (GO, GO)), "transition go is written twice"),
        (made((A, Z), (GO, way("PAUSE", "A", "Z"))), "PAUSE: the code is reserved"),
        (made((A, dataclasses.replace(Z, final=False)), (GO,)), "no final state"),
        (made((A, Z), (GO, way("x" * 41, "A", "Z"))), "longer than 40"),
        (made((A, Z), (GO, way("x", "Q", "Z"))), "unknown source Q"),
        (made((A, Z), (GO, way("x", "A", "Q"))), "unknown target Q"),
        (made((A, Z), (GO, way("x", "Z", "A"))), "leaves the final state Z"),
        (made((A, Z), (GO, dataclasses.replace(GO, code="x", sources=()))), "starts nowhere"),
        (made((A, Z), (GO, dataclasses.replace(GO, code="x", roles=()))), "has no role"),
        (made((A, Z), (GO, way("x", "A", "Z", "CLOWN@buyer"))), "unknown role CLOWN@buyer"),
        (made((A, Z), (GO, way("x", "A", "Z", "SYSTEM@buyer"))), "SYSTEM is no party"),
        (made((A, Z), (GO, way("x", "A", "Z", other_person_than=("y",)))), "other person than unknown y"),
        (
            made((A, State("B", text("b"), text("b")), Z), (GO, way("b", "B", "Z"))),
            "state B cannot be reached",
        ),
        (
            made((A, State("B", text("b"), text("b")), Z), (GO, way("b", "A", "B"))),
            "state B is not final and has no exit",
        ),
        (
            made(
                (A, State("B", text("b"), text("b")), State("C", text("c"), text("c")), Z),
                (GO, way("b", "A", "B"), way("c", "B", "C"), way("d", "C", "B")),
            ),
            "state C is a dead end",
        ),
        (with_deadline(Deadline(1, "weeks", "go", "")), "unknown unit weeks"),
        (with_deadline(Deadline(0, "hours", "go", "")), "at least 1"),
        (with_deadline(Deadline("x", "hours", "go", "")), "at least 1"),
        (with_deadline(Deadline(3, "fact", "go", "")), "must name a fact"),
        (with_deadline(Deadline(1, "hours", "gone", "")), "gone is no transition from A"),
        (with_deadline(Deadline(1, "hours", "go", "")), "go lacks the role SYSTEM"),
        (
            made((A, dataclasses.replace(Z, deadline=Deadline(1, "hours", "go", ""))), (GO,)),
            "a final state has none",
        ),
    ],
)
def test_every_fault_is_named(faulty: Procedure, fault: str) -> None:
    found = check(faulty, ROLES)
    assert any(fault in line for line in found), found


def test_register_refuses_faults_and_two_meanings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "_procedures", {})
    monkeypatch.setattr(procedures, "_handlers", {})
    procedures.register(procedure())
    procedures.register(procedure())
    with pytest.raises(procedures.ProcedureFaulty, match="raise the version"):
        procedures.register(dataclasses.replace(procedure(), title=text("other")))
    with pytest.raises(procedures.ProcedureFaulty, match="unknown"):
        procedures.register(dataclasses.replace(SOUND, initial="Q"))
    procedures.register(procedure(version=3))
    assert [p.version for p in procedures.registered()] == [1, 3]
    latest = procedures.latest("test.permit")
    assert latest is not None
    assert latest.version == 3
    assert procedures.latest("none") is None
    procedures.on_deadline("test.permit", "lapse", print)
    assert check_procedures() == []
    with pytest.raises(procedures.ProcedureFaulty, match="twice"):
        procedures.on_deadline("test.permit", "lapse", repr)
    procedures.on_deadline("test.permit", "grant", print)
    assert [m.id for m in check_procedures()] == ["procedures.E001"]


FRIDAY = at_local(dt.date(2023, 12, 29), 10)  # before the New Year holiday, which lasts to Monday


@pytest.mark.parametrize(
    ("amount", "unit", "due"),
    [
        (1, "workdays", at_local(dt.date(2024, 1, 2), 17)),
        (5, "workdays", at_local(dt.date(2024, 1, 8), 17)),
        (
            1,
            "days",
            at_local(dt.date(2024, 1, 2), 17),
        ),  # the 30th and the holiday are free: the next working day
        (4, "days", at_local(dt.date(2024, 1, 2), 17)),
        (36, "hours", FRIDAY + dt.timedelta(hours=36)),
        (3, "minutes", FRIDAY + dt.timedelta(minutes=3)),
    ],
)
def test_how_long_a_deadline_is(amount: int, unit: str, due: dt.datetime) -> None:
    assert due_at(Deadline(amount, unit, "x", ""), FRIDAY, {}) == due


def test_a_fact_gives_the_instant_or_none_yet() -> None:
    deadline = Deadline("until", "fact", "x", "")
    assert due_at(deadline, FRIDAY, {}) is None
    assert due_at(deadline, FRIDAY, {"until": "2024-01-05T10:00:00+08:00"}) == at_local(
        dt.date(2024, 1, 5), 10
    )
    with pytest.raises(ValueError, match="aware"):
        due_at(deadline, FRIDAY, {"until": "2024-01-05T10:00:00"})


def test_beyond_the_last_calendar_there_is_no_guess() -> None:
    with pytest.raises(CalendarMissing):
        due_at(Deadline(1, "days", "x", ""), at_local(dt.date(2099, 1, 1)), {})


@pytest.mark.parametrize(
    ("paused", "resumed", "moved"),
    [
        ((2023, 12, 4, 9), (2023, 12, 4, 18), (2023, 12, 11, 17)),  # within one day: no working day lost
        ((2023, 12, 4, 18), (2023, 12, 5, 8), (2023, 12, 12, 17)),
        ((2023, 12, 8, 18), (2023, 12, 10, 8), (2023, 12, 11, 17)),  # a weekend costs nothing
    ],
)
def test_a_pause_moves_a_deadline_in_days_by_its_working_days(
    paused: tuple[int, int, int, int], resumed: tuple[int, int, int, int], moved: tuple[int, int, int, int]
) -> None:
    def instant(y: int, m: int, d: int, h: int) -> dt.datetime:
        return at_local(dt.date(y, m, d), h)

    due = at_local(dt.date(2023, 12, 11), 17)
    assert after_pause("workdays", due, instant(*paused), instant(*resumed)) == instant(*moved)
    exact = instant(*resumed) - instant(*paused)
    assert after_pause("hours", due, instant(*paused), instant(*resumed)) == due + exact


def test_the_length_in_words() -> None:
    assert Deadline(1, "workdays", "x", "").label().en == "1 working day"
    assert Deadline(2, "hours", "x", "").label().zh == "2 小时"
    assert Deadline("until", "fact", "x", "").label().zh == "按公告载明的时间"
