"""Cases move as their procedure says, and no other way."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.clock import at_local
from terrace.kernel.base.errors import NotFound, Stale
from terrace.kernel.procedures import procedures, services
from terrace.kernel.procedures.models import Case, CaseStep
from terrace.kernel.procedures.tests import factories as make

pytestmark = pytest.mark.django_db
NOON = make.NOON
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def test_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "_procedures", {})
    monkeypatch.setattr(procedures, "_handlers", {})
    procedures.register(make.procedure())


def submitted() -> tuple[Case, object]:
    firm = make.organisation()
    clerk = make.actor(firm, "FIRM_CLERK")
    case = make.case(firm, clerk)
    services.advance(actor=clerk, case=case, transition="submit", now=NOON + HOUR)
    return case, clerk


def test_a_case_opens_in_the_initial_state_and_waits_for_its_party() -> None:
    firm = make.organisation()
    case = make.case(firm, make.actor(firm, "FIRM_CLERK"), facts={"area": "guanxian"})
    assert (case.state, case.turns, case.deadline_at) == ("DRAFT", [f"FIRM_CLERK:{firm.pk}"], None)
    assert case.facts == {"area": "guanxian"}
    step = CaseStep.objects.get()
    assert (step.transition, step.from_state, step.to_state, step.position) == ("OPEN", "", "DRAFT", 1)


def test_submitting_sets_the_deadline_in_working_days() -> None:
    case, _ = submitted()
    assert case.deadline_at == at_local(dt.date(2023, 12, 11), 17)
    assert case.turns == ["EXCHANGE_MAKER", "EXCHANGE_CHECKER"]
    step = case.steps.get(position=2)
    assert (step.from_state, step.to_state, step.deadline_at, step.clause) == (
        "DRAFT", "REVIEW", case.deadline_at, "第1条",
    )  # fmt: skip


def test_wrong_state_says_which_state_is_needed() -> None:
    case, clerk = submitted()
    with pytest.raises(services.TransitionNotAllowed) as refused:
        services.advance(actor=clerk, case=case, transition="submit", now=NOON)
    assert refused.value.code == "procedure.transition_not_allowed"
    assert "draft(中)" in str(refused.value)
    assert "review(中)" in str(refused.value)


def test_the_other_firm_and_the_wrong_role_are_refused() -> None:
    firm = make.organisation()
    case = make.case(firm, make.actor(firm, "FIRM_CLERK"))
    for stranger in (make.actor(make.organisation(), "FIRM_CLERK"), make.actor(firm, "FIRM_APPROVER")):
        with pytest.raises(services.NotYourTurn) as refused:
            services.advance(actor=stranger, case=case, transition="submit", now=NOON)
        assert refused.value.code == "procedure.not_your_turn"
    assert case.state == "DRAFT"


def test_a_reason_of_blanks_is_none() -> None:
    case, _ = submitted()
    officer = make.actor(make.organisation(), "EXCHANGE_MAKER")
    with pytest.raises(services.ReasonMissing) as refused:
        services.advance(actor=officer, case=case, transition="return", now=NOON, reason="  ")
    assert refused.value.code == "procedure.reason_missing"


def test_the_same_person_with_another_sign_in_is_refused() -> None:
    case, clerk = submitted()
    exchange = make.organisation()
    maker = make.actor(exchange, "EXCHANGE_MAKER", person=77)
    services.advance(actor=maker, case=case, transition="return", now=NOON + HOUR, reason="缺少材料")
    services.advance(actor=clerk, case=case, transition="submit", now=NOON + HOUR)  # type: ignore[arg-type]
    same = make.actor(exchange, "EXCHANGE_CHECKER", person=77)
    with pytest.raises(services.OtherPersonNeeded) as refused:
        services.advance(actor=same, case=case, transition="grant", now=NOON + HOUR)
    assert refused.value.code == "procedure.other_person_needed"
    other = make.actor(exchange, "EXCHANGE_CHECKER", person=78)
    services.advance(actor=other, case=case, transition="grant", now=NOON + HOUR)
    assert case.state == "GRANTED"


def test_a_final_state_closes_the_case_and_a_new_one_may_open() -> None:
    case, clerk = submitted()
    with pytest.raises(services.CaseAlreadyOpen) as refused:
        services.open_case(
            actor=clerk, procedure="test.permit", subject_type="permit", subject_id=case.subject_id,
            title=make.text("x"), url="/", parties={"FIRM_CLERK@buyer": clerk.organisation_id}, now=NOON,
        )  # fmt: skip
    assert refused.value.code == "procedure.case_already_open"
    services.advance(actor=clerk, case=case, transition="withdraw", now=NOON + HOUR)
    assert (case.closed_at, case.deadline_at, case.turns) == (NOON + HOUR, None, [])
    services.open_case(
        actor=clerk, procedure="test.permit", subject_type="permit", subject_id=case.subject_id,
        title=make.text("x"), url="/", parties={"FIRM_CLERK@buyer": clerk.organisation_id}, now=NOON,
    )  # fmt: skip


def test_a_stale_copy_changes_nothing() -> None:
    case, clerk = submitted()
    stale = Case.objects.get(pk=case.pk)
    services.advance(actor=clerk, case=case, transition="withdraw", now=NOON + HOUR)
    with pytest.raises(Stale):
        services.advance(actor=clerk, case=stale, transition="withdraw", now=NOON + HOUR)
    assert CaseStep.objects.filter(case=case).count() == 3


def test_a_case_keeps_its_version_and_a_forgotten_one_is_refused() -> None:
    case, clerk = submitted()
    procedures.register(make.procedure(version=2))
    firm = make.organisation()
    assert make.case(firm, make.actor(firm, "FIRM_CLERK")).procedure_version == 2
    assert case.procedure_version == 1
    del procedures._procedures[("test.permit", 1)]
    with pytest.raises(services.CaseVersionUnknown) as refused:
        services.advance(actor=clerk, case=case, transition="withdraw", now=NOON)
    assert refused.value.code == "procedure.version_unknown"


def test_unknown_cases_and_missing_parties() -> None:
    with transaction.atomic(), pytest.raises(NotFound):
        services.lock_case(987_654)
    with pytest.raises(ValueError, match="FIRM_CLERK@buyer"):
        services.open_case(
            actor=SYSTEM, procedure="test.permit", subject_type="permit", subject_id=1,
            title=make.text("x"), url="/", parties={}, now=NOON,
        )  # fmt: skip


def test_a_pause_stops_everything_and_moves_the_deadline_by_working_days() -> None:
    case, clerk = submitted()
    due = case.deadline_at
    services.pause(actor=SYSTEM, case=case, now=NOON + HOUR, reason="接到举报")
    with pytest.raises(services.CasePaused) as refused:
        services.advance(actor=clerk, case=case, transition="withdraw", now=NOON + HOUR)
    assert refused.value.code == "procedure.case_paused"
    with pytest.raises(services.CasePaused):
        services.pause(actor=SYSTEM, case=case, now=NOON, reason="x")
    assert services.pass_deadlines(now=due + HOUR) == []
    # Monday 4 to Wednesday 13 December: seven working days
    services.resume(actor=SYSTEM, case=case, now=at_local(dt.date(2023, 12, 13), 9))
    assert due == at_local(dt.date(2023, 12, 11), 17)
    assert case.deadline_at == at_local(dt.date(2023, 12, 20), 17)
    with pytest.raises(services.CaseNotPaused) as refused_again:
        services.resume(actor=SYSTEM, case=case, now=NOON)
    assert refused_again.value.code == "procedure.case_not_paused"
    assert [s.transition for s in case.steps.order_by("position")] == ["OPEN", "submit", "PAUSE", "RESUME"]


def test_a_closed_case_is_neither_paused_nor_amended() -> None:
    case, clerk = submitted()
    services.advance(actor=clerk, case=case, transition="withdraw", now=NOON + HOUR)
    with pytest.raises(services.CaseClosed) as refused:
        services.pause(actor=SYSTEM, case=case, now=NOON, reason="x")
    assert refused.value.code == "procedure.case_closed"
    with pytest.raises(services.CaseClosed):
        services.amend(actor=SYSTEM, case=case, now=NOON, facts={"a": 1})


def test_a_fact_deadline_is_read_when_known_and_again_when_amended() -> None:
    case, _ = submitted()
    checker = make.actor(make.organisation(), "EXCHANGE_CHECKER")
    services.advance(actor=checker, case=case, transition="grant", now=NOON + HOUR)
    assert case.deadline_at is None
    for hours in (5, 9):
        until = NOON + hours * HOUR
        services.amend(actor=SYSTEM, case=case, now=NOON + 2 * HOUR, facts={"until": until})
        assert case.deadline_at == until
    assert Case.objects.get().deadline_at == NOON + 9 * HOUR


def test_a_pause_moves_the_fact_too_so_that_a_later_state_reads_the_moved_instant() -> None:
    case, _ = submitted()
    checker = make.actor(make.organisation(), "EXCHANGE_CHECKER")
    until = NOON + 5 * HOUR
    services.advance(actor=checker, case=case, transition="grant", now=NOON + HOUR, facts={"until": until})
    services.pause(actor=SYSTEM, case=case, now=NOON + 2 * HOUR, reason="不可抗力")
    step = services.resume(actor=SYSTEM, case=case, now=NOON + 6 * HOUR)
    assert case.deadline_at == until + 4 * HOUR
    assert dt.datetime.fromisoformat(case.facts["until"]) == until + 4 * HOUR
    assert step.facts == {"until": case.facts["until"]}


def test_a_passed_deadline_advances_the_case_once() -> None:
    case, _ = submitted()
    assert services.pass_deadlines(now=case.deadline_at - dt.timedelta(seconds=1)) == []
    due = case.deadline_at
    assert services.pass_deadlines(now=due) == [services.Passed(case.pk, "lapse")]
    assert services.pass_deadlines(now=due) == []
    case.refresh_from_db()
    assert (case.state, case.closed_at) == ("LAPSED", due)
    step = case.steps.latest("position")
    assert (step.via, step.reason) == ("system", "期限届满")


def test_steps_and_parties_cannot_be_changed() -> None:
    submitted()
    for table in ("procedures_casestep", "procedures_caseparty"):
        for statement in (f"UPDATE {table} SET case_id = case_id", f"DELETE FROM {table}"):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                connection.cursor().execute(statement)
