"""Random procedures and random histories: a case never stands outside its procedure, whatever is tried."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.clock import at_local
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import procedures, services
from terrace.kernel.procedures.models import Case, CaseStep
from terrace.kernel.procedures.rules import (
    AMEND,
    PAUSE,
    RESUME,
    Deadline,
    Procedure,
    State,
    Transition,
    check,
    turns_of,
)

pytestmark = pytest.mark.django_db

ROLES = ("EXCHANGE_MAKER", "EXCHANGE_CHECKER", "BUREAU")
START = at_local(dt.date(2023, 12, 4), 9)
_numbers = itertools.count(1)
ANY = Text("任意", "any")


@st.composite
def sound_procedures(draw: st.DrawFn) -> Procedure:
    """States in a row, each entered from an earlier one and left to a later one, plus anything else at random."""
    count = draw(st.integers(1, 5))
    codes = [f"S{n}" for n in range(count)] + ["END"]
    transitions = []

    def add(code: str, source: str, target: str, system: bool) -> None:
        roles = tuple(draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True)))
        earlier = [t.code for t in transitions]
        transitions.append(
            Transition(
                code, (source,), target, (*roles, "SYSTEM") if system else roles, ANY, f"第{len(earlier)}条",
                needs_reason=draw(st.booleans()),
                other_person_than=tuple(draw(st.lists(st.sampled_from(earlier), max_size=1))) if earlier else (),
                expected=draw(st.booleans()),
            )
        )  # fmt: skip

    for n in range(count):
        if n:
            add(f"into_{n}", codes[draw(st.integers(0, n - 1))], codes[n], system=False)
        add(f"out_{n}", codes[n], codes[draw(st.integers(n + 1, count))], system=True)
    for n in range(draw(st.integers(0, 4))):
        add(f"extra_{n}", draw(st.sampled_from(codes[:-1])), draw(st.sampled_from(codes)), system=False)

    def deadline(n: int) -> Deadline | None:
        unit = draw(st.sampled_from(["", "workdays", "days", "hours", "minutes", "fact"]))
        amount: int | str = "until" if unit == "fact" else draw(st.integers(1, 9))
        return Deadline(amount, unit, f"out_{n}", "第9条") if unit else None

    states = [State(codes[n], ANY, ANY, deadline=deadline(n)) for n in range(count)]
    return Procedure(
        f"random.p{next(_numbers)}",
        1,
        ANY,
        codes[0],
        (*states, State("END", ANY, ANY, final=True)),
        tuple(transitions),
    )


moves = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", PAUSE, RESUME, AMEND, "deadline"]),
        st.integers(0, 20),
        st.sampled_from(ROLES),
        st.integers(1, 3),
        st.booleans(),
        st.integers(0, 100),
    ),
    max_size=14,
)


@pytest.fixture(autouse=True)
def own_register(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(procedures, "_procedures", {})
    monkeypatch.setattr(procedures, "_handlers", {})
    yield


def actor(role: str, person: int) -> Actor:
    return Actor(person, person, None, None, frozenset({role}), name=f"人员{person}")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(procedure=sound_procedures(), moves=moves)
def test_a_case_never_leaves_its_procedure(
    procedure: Procedure, moves: list[tuple[str, int, str, int, bool, int]]
) -> None:
    assert check(procedure, roles=ROLES) == []
    procedures.register(procedure)
    now = START
    case = services.open_case(
        actor=SYSTEM, procedure=procedure.code, subject_type="random", subject_id=1, title=ANY, url="/",
        parties={}, now=now,
    )  # fmt: skip
    for kind, which, role, person, with_reason, hours in moves:
        now += dt.timedelta(hours=hours)
        before = Case.objects.get(pk=case.pk)
        row = Case.objects.filter(pk=case.pk).values().get()
        way = procedure.transitions[which % len(procedure.transitions)]
        reason = "理由" if with_reason else ""
        who = actor(role, person)
        try:
            if kind == "take":
                services.advance(actor=who, case=case, transition=way.code, now=now, reason=reason)
                assert before.state in way.sources
                assert role in way.roles
                assert before.paused_at is None
                assert with_reason or not way.needs_reason
                assert case.state == way.target
            elif kind == PAUSE:
                services.pause(actor=who, case=case, now=now, reason=reason)
            elif kind == RESUME:
                services.resume(actor=who, case=case, now=now)
                if before.deadline_at is not None:
                    assert case.deadline_at is not None
                    assert case.deadline_at >= before.deadline_at
            elif kind == AMEND:
                services.amend(
                    actor=who, case=case, now=now, facts={"until": now + dt.timedelta(hours=which - 5)}
                )
            elif services.pass_deadline(actor=SYSTEM, case_id=case.pk, now=now) is not None:
                assert before.deadline_at is not None
                assert before.deadline_at <= now
                assert before.paused_at is None
        except Refusal:
            assert Case.objects.filter(pk=case.pk).values().get() == row
        case = Case.objects.get(pk=case.pk)
        _holds(case, procedure)


def _holds(case: Case, procedure: Procedure) -> None:
    state = procedure.state(case.state)
    steps = list(CaseStep.objects.filter(case=case).order_by("position"))
    assert [s.position for s in steps] == list(range(1, case.position + 1))
    assert steps[0].from_state == ""
    assert steps[0].to_state == procedure.initial
    for earlier, later in itertools.pairwise(steps):
        assert later.from_state == earlier.to_state
        assert later.at >= earlier.at
        if later.transition in (PAUSE, RESUME, AMEND):
            assert later.to_state == later.from_state
        else:
            way = procedure.transition(later.transition)
            assert later.from_state in way.sources
            assert later.to_state == way.target
    assert steps[-1].to_state == case.state
    assert (case.closed_at is not None) == state.final
    assert case.deadline_at is None or (state.deadline is not None and case.deadline_at > case.state_since)
    assert case.turns == turns_of(procedure, case.state, {})
