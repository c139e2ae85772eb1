"""Storing decisions; changing parameters by two persons."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.roles import Role
from terrace.market.rulebooks import access, queries, rules
from terrace.market.rulebooks.models import EligibilityDecision, ParameterState, RulebookParameter

PROPOSE = "rulebooks.parameter.propose"
DECIDE = "rulebooks.parameter.decide"


class ParameterUnknown(Refusal):
    code = "rulebooks.parameter_unknown"
    text = Text("规则集 {rulebook} 没有参数 {name}。", "Rulebook {rulebook} has no parameter {name}.")
    http_status = 422


class ParameterTooEarly(Refusal):
    code = "rulebooks.parameter_too_early"
    text = Text("生效日期须晚于今天({today})。", "The first day must be later than today ({today}).")
    hint = Text(
        "规则参数不溯及既往，已作出的判定不变。",
        "A parameter has no effect on the past; decisions made stay.",
    )
    http_status = 422


class ParameterExists(Refusal):
    code = "rulebooks.parameter_exists"
    text = Text("该参数在{day}已有一项变更。", "A change of this parameter from {day} is there already.")
    hint = Text("请改用其他生效日期，或先退回原变更。", "Choose another day, or have the first one rejected.")


class ReasonMissing(Refusal):
    code = "rulebooks.reason_missing"
    text = Text("请填写依据文件和理由。", "State the document and the reason.")
    http_status = 422


def record_decision(
    *,
    actor: Actor,
    case: rules.EligibilityCase,
    subject_type: str,
    subject_id: object,
    organisation_id: int | None,
    now: dt.datetime,
    rulebook_name: str = "",
    on: dt.date | None = None,
) -> EligibilityDecision:
    """Part: decide a case and keep the decision with clause, version, facts and every rule's answer.

    Without `rulebook_name` the city's rulebook in force on `on` decides; without `on` the Shanghai day of
    `now`. The caller's act journals it. Raises RulebookUnknown.
    """
    day = on or local(now).date()
    book = queries.get_rulebook(rulebook_name) if rulebook_name else queries.get_rulebook_on(day)
    decision = rules.decide(case, book, day)
    return EligibilityDecision.objects.create(
        subject_type=subject_type,
        subject_id=str(subject_id),
        organisation_id=organisation_id,
        rulebook=decision.rulebook,
        version=decision.version,
        on=day,
        verdict=decision.verdict.value,
        clause=decision.clause,
        replacement_ratio=decision.replacement_ratio or "",
        facts=rules.case_as_document(case),
        result=decision.as_dict(),
        decided_at=now,
        decided_by_user_id=actor.user_id,
        decided_by_name=actor.name,
    )


@act(PROPOSE)
def propose_parameter(
    *,
    actor: Actor,
    rulebook: str,
    name: str,
    value: str,
    effective_from: dt.date,
    clause: str,
    reason: str,
    key: str | None,
    now: dt.datetime,
) -> RulebookParameter:
    """A bureau officer proposes a parameter's value from a future day on; a checker must approve it.

    Raises NotAllowed, RulebookUnknown, ParameterUnknown, FieldInvalid (the value), ParameterTooEarly,
    ParameterExists, ReasonMissing. The rulebook's clause is what `clause` names.
    """
    access.may_propose_parameter(actor).require()
    book = rules.rulebook(rulebook)
    request = {
        "rulebook": book.name,
        "name": name,
        "value": value.strip(),
        "effective_from": effective_from.isoformat(),
        "clause": clause.strip(),
        "reason": reason.strip(),
    }
    _lock(book.name)
    digest = digest_of(request)
    first = first_answer(actor=actor, act=PROPOSE, key=key, request_digest=digest)
    if first is not None:
        return RulebookParameter.objects.get(pk=first["parameter_id"])
    known = {parameter.name: parameter for parameter in book.parameters}
    if name not in known:
        raise ParameterUnknown(rulebook=book.name, name=name)
    if not request["clause"] or not request["reason"]:
        raise ReasonMissing
    checked = rules.check_parameter(name, request["value"])
    today = local(now).date()
    if effective_from <= today:
        raise ParameterTooEarly(today=today.isoformat())
    taken = RulebookParameter.objects.filter(rulebook=book.name, name=name, effective_from=effective_from)
    if taken.exclude(state=ParameterState.REJECTED).exists():
        raise ParameterExists(day=effective_from.isoformat())
    parameter = RulebookParameter.objects.create(
        rulebook=book.name,
        name=name,
        value=checked,
        unit=known[name].unit,
        clause=request["clause"],
        effective_from=effective_from,
        reason=request["reason"],
        proposed_at=now,
        proposed_by_name=actor.name,
    )
    parameter.approval = orgs.ask(
        actor=actor,
        act=PROPOSE,
        subject_type="rulebook_parameter",
        subject_id=parameter.pk,
        payload=_payload(parameter),
        checker_roles=[Role.BUREAU_CHECKER],
        summary=Text(
            f"{book.name} {name} 自{effective_from}起改为 {checked}",
            f"{book.name} {name} becomes {checked} from {effective_from}",
        ),
        now=now,
    )
    parameter.save(update_fields=["approval"])
    record(
        actor=actor,
        act=PROPOSE,
        subject_type="rulebook_parameter",
        subject_id=parameter.pk,
        at=now,
        facts=_payload(parameter),
        reason=parameter.reason,
        clause=parameter.clause,
        key=key,
        request_digest=digest,
        result={"parameter_id": parameter.pk},
    )
    return parameter


@act(DECIDE)
def decide_parameter(
    *, actor: Actor, parameter_id: int, approve: bool, reason: str, now: dt.datetime
) -> RulebookParameter:
    """The second person approves or rejects a change; approved, it counts from its first day.

    Raises NotFound, NotAllowed, SamePerson, AlreadyDecided, ParameterTooEarly (its first day has come
    while it waited), orgs.ReasonMissing (a rejection needs a reason).
    """
    access.may_decide_parameter(actor).require()
    parameter = RulebookParameter.objects.select_for_update().filter(pk=parameter_id).first()
    if parameter is None or parameter.approval_id is None:
        raise NotFound(what=Text("该参数变更", "the change"))
    today = local(now).date()
    if approve and parameter.state == ParameterState.WAITING and parameter.effective_from <= today:
        raise ParameterTooEarly(today=today.isoformat())
    orgs.decide(
        actor=actor,
        approval_id=parameter.approval_id,
        approve=approve,
        reason=reason,
        now=now,
        payload=_payload(parameter),
    )
    parameter.state = ParameterState.APPROVED if approve else ParameterState.REJECTED
    parameter.decided_at = now
    parameter.decided_by_name = actor.name
    parameter.decision_reason = reason.strip()
    parameter.save(update_fields=["state", "decided_at", "decided_by_name", "decision_reason"])
    record(
        actor=actor,
        act=DECIDE,
        subject_type="rulebook_parameter",
        subject_id=parameter.pk,
        at=now,
        facts={**_payload(parameter), "approved": approve},
        reason=reason.strip(),
        clause=parameter.clause,
    )
    return parameter


def _payload(parameter: RulebookParameter) -> dict[str, Any]:
    return {
        "rulebook": parameter.rulebook,
        "name": parameter.name,
        "value": parameter.value,
        "effective_from": parameter.effective_from.isoformat(),
        "clause": parameter.clause,
    }


def parameter_facts(payload: dict[str, Any]) -> list[tuple[Text, Text]]:
    """What the second person is asked to sign, in words."""
    labels = {
        "rulebook": Text("规则集", "Rulebook"),
        "name": Text("参数", "Parameter"),
        "value": Text("新值", "New value"),
        "effective_from": Text("生效日期", "First day"),
        "clause": Text("依据", "Basis"),
    }
    return [(label, Text(str(payload[name]), str(payload[name]))) for name, label in labels.items()]


def _lock(rulebook: str) -> None:
    """One proposal at a time for a rulebook, so that two of one day cannot pass each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('rulebooks.parameter'), hashtext(%s))", [rulebook]
        )
