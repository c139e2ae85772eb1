"""The desk: what waits for me, what I wait for, what I did; the case page: options and the vertical line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.clock import at_local
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures import procedures, queries, services
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.tests import factories as make

pytestmark = pytest.mark.django_db
NOON = make.NOON
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def test_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "_procedures", {})
    monkeypatch.setattr(procedures, "_handlers", {})
    procedures.register(make.procedure())


@pytest.fixture
def firm() -> Organisation:
    return make.organisation()


@pytest.fixture
def clerk(firm: Organisation) -> Actor:
    return make.actor(firm, "FIRM_CLERK")


@pytest.fixture
def maker() -> Actor:
    return make.actor(make.organisation(), "EXCHANGE_MAKER")


def submit(firm: Organisation, clerk: Actor, after: dt.timedelta = HOUR) -> Case:
    case = make.case(firm, clerk)
    services.advance(actor=clerk, case=case, transition="submit", now=NOON + after)
    return case


def test_the_case_moves_from_one_desk_to_the_other(firm: Organisation, clerk: Actor, maker: Actor) -> None:
    case = make.case(firm, clerk)
    (item,) = queries.waiting_for(clerk, now=NOON)
    assert (item.case_id, item.actions, item.due) == (case.pk, (make.text("submit"),), None)
    assert queries.waiting_for(maker, now=NOON) == []
    services.advance(actor=clerk, case=case, transition="submit", now=NOON)
    assert queries.waiting_for(clerk, now=NOON) == []
    (item,) = queries.waiting_for(maker, now=NOON)
    assert item.actions == (make.text("return"),)
    assert item.due is not None
    assert (item.due.workdays_left, item.due.overdue, item.due.on_pass) == (5, False, make.text("lapse"))
    assert item.due.length.zh == "5 个工作日"
    (waited,) = queries.waited_on_by(clerk, now=NOON)
    assert [who.zh for who in waited.who] == ["交易机构经办", "交易机构复核"]
    services.advance(actor=maker, case=case, transition="return", now=NOON + HOUR, reason="缺少材料")
    (waited,) = queries.waited_on_by(maker, now=NOON)
    assert waited.who[0].zh == f"{firm.name}(企业经办人)"
    (done,) = queries.recently_done(maker)
    assert (done.action, done.state_now, done.closed) == (make.text("return"), make.text("draft"), False)
    assert queries.count_waited_on_by(maker) == 1
    assert queries.count_waiting_for(clerk) == 1


def test_another_firm_sees_nothing(firm: Organisation, clerk: Actor) -> None:
    make.case(firm, clerk)
    stranger = make.actor(make.organisation(), "FIRM_CLERK")
    assert queries.waiting_for(stranger) == []
    assert queries.waited_on_by(stranger) == []
    assert queries.recently_done(SYSTEM) == []
    assert queries.waited_on_by(SYSTEM) == []
    assert queries.waiting_for(SYSTEM) == []


def test_the_nearest_deadline_comes_first(firm: Organisation, clerk: Actor, maker: Actor) -> None:
    late = submit(firm, clerk, dt.timedelta(days=3))
    soon = submit(firm, clerk)
    assert [i.case_id for i in queries.waiting_for(maker, now=NOON)] == [soon.pk, late.pk]
    assert [i.case_id for i in queries.waiting_for(maker, now=NOON, offset=1)] == [late.pk]


def test_a_deadline_is_overdue_from_its_very_instant(firm: Organisation, clerk: Actor) -> None:
    case = submit(firm, clerk)
    assert case.deadline_at is not None
    for moment, overdue in (
        (case.deadline_at - dt.timedelta(microseconds=1), False),
        (case.deadline_at, True),
    ):
        due = queries.due_of(case, moment)
        assert due is not None
        assert (due.overdue, due.workdays_left) == (overdue, 0)


def test_beyond_the_last_calendar_the_days_left_are_not_guessed(firm: Organisation, clerk: Actor) -> None:
    case = submit(firm, clerk)
    due = queries.due_of(case, at_local(dt.date(2099, 1, 4)))
    assert due is not None
    assert due.workdays_left is None


def test_options_say_why_not(firm: Organisation, clerk: Actor, maker: Actor) -> None:
    case = submit(firm, clerk)
    by_code = {o.code: o for o in queries.options_for(case, maker)}
    assert set(by_code) == {"return", "grant", "refuse", "withdraw"}
    assert by_code["return"].allowed
    assert by_code["return"].needs_reason
    assert not by_code["grant"].allowed
    assert "交易机构复核" in by_code["grant"].reason.zh
    services.advance(actor=maker, case=case, transition="return", now=NOON + HOUR, reason="x")
    services.advance(actor=clerk, case=case, transition="submit", now=NOON + HOUR)
    both = make.actor(None, "EXCHANGE_CHECKER", person=maker.person_id)
    grant = next(o for o in queries.options_for(case, both) if o.code == "grant")
    assert not grant.allowed
    assert "另一人" in grant.reason.zh
    services.pause(actor=SYSTEM, case=case, now=NOON + HOUR, reason="x")
    refuse = next(o for o in queries.options_for(case, both) if o.code == "refuse")
    assert (refuse.allowed, refuse.reason) == (False, queries.PAUSED)
    assert queries.waiting_for(maker) == []
    assert queries.waited_on_by(maker)[0].paused


def test_the_vertical_line_shows_done_now_and_next(firm: Organisation, clerk: Actor) -> None:
    case = submit(firm, clerk)
    line = queries.timeline_of(case, now=NOON + HOUR)
    assert [(s.label.zh, s.actor_name, s.clause) for s in line.steps] == [
        ("立案", clerk.name, ""),
        ("submit(中)", clerk.name, "第1条"),
    ]
    assert {n.code: (n.is_on_pass, n.expected) for n in line.next} == {
        "return": (False, True), "grant": (False, True), "refuse": (False, True),
        "withdraw": (False, False), "lapse": (True, True),
    }  # fmt: skip
    assert line.next[0].who[0].zh == "交易机构经办"
    assert line.due is not None
    services.advance(actor=clerk, case=case, transition="withdraw", now=NOON + HOUR)
    line = queries.timeline_of(case)
    assert (line.next, line.due, line.closed_at) == ((), None, NOON + HOUR)
    assert queries.options_for(case, clerk) == []


def test_a_forgotten_version_is_shown_not_hidden(firm: Organisation, clerk: Actor) -> None:
    case = submit(firm, clerk)
    assert queries.unknown_versions() == []
    procedures._procedures.clear()
    assert queries.unknown_versions() == ["test.permit v1"]
    assert "未知" in queries.timeline_of(case).state.zh
    assert queries.options_for(case, clerk) == []


def test_cases_of_finds_the_newest_of_each_subject(firm: Organisation, clerk: Actor) -> None:
    one, two = make.case(firm, clerk), make.case(firm, clerk)
    found = queries.cases_of("test.permit", "permit", [one.subject_id, two.subject_id, "none"])
    assert found == {one.subject_id: one, two.subject_id: two}
    assert queries.case_of("test.permit", "permit", one.subject_id) == one
    assert queries.case_of("test.permit", "permit", "none") is None


@pytest.mark.parametrize(
    ("question", "number"),
    [
        (lambda maker, clerk: queries.waiting_for(maker, now=NOON), 1),
        (lambda maker, clerk: queries.waited_on_by(clerk, now=NOON), 1),
        (lambda maker, clerk: queries.recently_done(clerk), 1),
    ],
)
def test_the_number_of_queries_is_fixed(
    question: Callable[[Actor, Actor], list[object]],
    number: int,
    firm: Organisation,
    clerk: Actor,
    maker: Actor,
) -> None:
    for count in (1, 3):
        while Case.objects.count() < count:
            submit(firm, clerk)
        with CaptureQueriesContext(connection) as queries_made:
            assert len(question(maker, clerk)) >= count
        assert len(queries_made) == number
