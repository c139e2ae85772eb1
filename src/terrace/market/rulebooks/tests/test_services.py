"""Stored decisions and two-person parameters."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.errors import KeyReused, NotAllowed, NotFound, Refusal, SamePerson
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.services import AlreadyDecided
from terrace.kernel.orgs.tests import factories as people
from terrace.market.rulebooks import access, queries, rules, services
from terrace.market.rulebooks.models import EligibilityDecision, RulebookParameter
from terrace.market.rulebooks.tests.factories import case_document

pytestmark = pytest.mark.django_db


def proposed(actor=None, **changes) -> RulebookParameter:
    values = {
        "rulebook": "liaocheng-2025",
        "name": "ratio_not_attaining",
        "value": "1.5",
        "effective_from": clock.today() + dt.timedelta(days=10),
        "clause": "聊环发〔2026〕1号",
        "reason": "水质改善",
        "key": None,
        **changes,
    }
    return services.propose_parameter(actor=actor or people.actor(Role.BUREAU), now=clock.now(), **values)


def decide(parameter: RulebookParameter, actor=None, approve: bool = True, reason: str = "同意"):
    return services.decide_parameter(
        actor=actor or people.actor(Role.BUREAU_CHECKER),
        parameter_id=parameter.pk,
        approve=approve,
        reason=reason,
        now=clock.now(),
    )


def stored(organisation=None, on: dt.date | None = dt.date(2026, 6, 1), **changes) -> EligibilityDecision:
    with transaction.atomic():
        return services.record_decision(
            actor=people.actor(Role.BRANCH),
            case=rules.read_case(case_document(**changes)),
            subject_type="need",
            subject_id=7,
            organisation_id=organisation.pk if organisation else None,
            now=clock.now(),
            on=on,
        )


def test_a_decision_keeps_facts_version_and_every_rule() -> None:
    decision = stored(needs_t={"COD": "2"}, lot={"mortgaged": True})
    decision.refresh_from_db()
    assert (decision.verdict, decision.rulebook, decision.version) == ("barred", "liaocheng-2025", "2025.1")
    assert decision.clause.startswith("R23")
    assert decision.facts["project"]["needs_t"] == {"COD": "2"}
    assert decision.result["rules"][-2]["id"] == "R23"
    again = rules.decide(rules.read_case(decision.facts), rules.rulebook(decision.rulebook), decision.on)
    assert again.as_dict() == decision.result
    assert queries.decisions_of("need", 7).first() == decision


def test_without_a_day_the_law_of_today_decides() -> None:
    assert stored(on=None).on == clock.today()


def test_a_decision_is_never_changed() -> None:
    decision = stored()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        EligibilityDecision.objects.filter(pk=decision.pk).update(verdict="exempt")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        decision.delete()


def test_decisions_are_seen_by_the_firm_and_the_bodies_that_work_with_them() -> None:
    firm = people.organisation()
    decision = stored(firm)
    assert access.get_decision_for(people.actor(Role.FIRM_CLERK, of=firm), decision.pk) == decision
    assert access.get_decision_for(people.actor(Role.AUDITOR), decision.pk) == decision
    with pytest.raises(NotAllowed):
        access.get_decision_for(people.actor(Role.FIRM_CLERK), decision.pk)
    with pytest.raises(NotFound):
        access.get_decision_for(people.actor(Role.AUDITOR), decision.pk + 1000)


def test_an_approved_change_counts_from_its_day() -> None:
    parameter = decide(proposed())
    assert parameter.state == "APPROVED"
    book = queries.get_rulebook("liaocheng-2025")
    assert book.version == "2025.1+1"
    before = parameter.effective_from - dt.timedelta(days=1)
    assert book.parameter("ratio_not_attaining", before).value == "2"
    assert book.parameter("ratio_not_attaining", parameter.effective_from).value == "1.5"
    assert [b.version for b in queries.list_rulebooks() if b.name == "liaocheng-2025"] == ["2025.1+1"]
    acts = JournalEntry.objects.filter(subject_type="rulebook_parameter", subject_id=str(parameter.pk))
    assert list(acts.order_by("id").values_list("act", flat=True)) == [
        "rulebooks.parameter.propose",
        "rulebooks.parameter.decide",
    ]


def test_a_waiting_or_rejected_change_counts_for_nothing() -> None:
    waiting = proposed()
    assert queries.get_rulebook("liaocheng-2025").version == "2025.1"
    decide(waiting, approve=False, reason="依据不足")
    assert queries.get_rulebook("liaocheng-2025").version == "2025.1"
    assert proposed().pk != waiting.pk  # the day is free again


def test_the_same_person_cannot_approve_even_with_both_roles() -> None:
    both = people.actor(Role.BUREAU, Role.BUREAU_CHECKER)
    with pytest.raises(SamePerson):
        decide(proposed(actor=both), actor=both)


def test_only_the_bureau_proposes_and_only_its_checker_decides() -> None:
    with pytest.raises(NotAllowed):
        proposed(actor=people.actor(Role.BRANCH))
    with pytest.raises(NotAllowed):
        decide(proposed(), actor=people.actor(Role.EXCHANGE_CHECKER))
    with pytest.raises(NotFound):
        services.decide_parameter(
            actor=people.actor(Role.BUREAU_CHECKER), parameter_id=0, approve=True, reason="", now=clock.now()
        )


def test_a_change_is_decided_once_and_never_edited() -> None:
    parameter = decide(proposed())
    with pytest.raises(AlreadyDecided):
        decide(parameter)
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        RulebookParameter.objects.filter(pk=parameter.pk).update(value="9")
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        parameter.delete()


def test_the_same_key_proposes_once() -> None:
    actor = people.actor(Role.BUREAU)
    day = clock.today() + dt.timedelta(days=5)
    first = proposed(actor=actor, key="k1", effective_from=day)
    assert proposed(actor=actor, key="k1", effective_from=day).pk == first.pk
    with pytest.raises(KeyReused):
        proposed(actor=actor, key="k1", effective_from=day, value="3")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "colour"}, "rulebooks.parameter_unknown"),
        ({"rulebook": "mars"}, "rulebooks.unknown"),
        ({"value": "0.5"}, "rulebooks.field_invalid"),
        ({"value": "two"}, "input.invalid"),
        ({"name": "exempt_boundary", "value": "about"}, "rulebooks.field_invalid"),
        ({"name": "covered", "value": "COD CO2"}, "rulebooks.field_invalid"),
        ({"reason": " "}, "rulebooks.reason_missing"),
        ({"effective_from": dt.date(2020, 1, 1)}, "rulebooks.parameter_too_early"),
    ],
)
def test_refused_proposals(changes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        proposed(**changes)
    assert refusal.value.code == code


def test_one_change_of_a_parameter_for_a_day() -> None:
    proposed()
    with pytest.raises(services.ParameterExists) as refusal:
        proposed()
    assert refusal.value.code == "rulebooks.parameter_exists"


def test_a_change_whose_day_has_come_cannot_be_approved() -> None:
    parameter = proposed(effective_from=clock.today() + dt.timedelta(days=1))
    with pytest.raises(services.ParameterTooEarly):
        services.decide_parameter(
            actor=people.actor(Role.BUREAU_CHECKER),
            parameter_id=parameter.pk,
            approve=True,
            reason="",
            now=clock.now() + dt.timedelta(days=2),
        )


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("ratio_attaining", "1.20", "1.2"),
        ("exempt_t", "０.05", "0.05"),
        ("covered", "cod nh3n", "COD NH3N"),
        ("voluntary_allowed", "no", "no"),
        ("agriculture_sectors", " Pig_Farm  farming", "pig_farm farming"),
        ("scope_sum_t", "10", "10"),
    ],
)
def test_values_are_kept_in_one_form(name: str, value: str, kept: str) -> None:
    assert rules.check_parameter(name, value) == kept
