"""Projects and what they must buy: the firm applies, the branch confirms with the rulebook of the day (D2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from django.db.models import F

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.rights import access, rules
from terrace.market.rights.models import NeedConfirmation, NeedLine, Project
from terrace.market.rights.services.eligibility import decide_case, eligibility_case
from terrace.market.rights.services.numbers import next_number
from terrace.market.rights.services.parcels import require_unit
from terrace.market.rights.services.verifications import parties_of
from terrace.market.rulebooks import rules as rulebooks
from terrace.market.rulebooks import services as rulebook_services


class ProjectNameTaken(Refusal):
    code = "rights.project.name_taken"
    text = Text("该排污单位已有名为“{name}”的项目。", "This site already has a project named “{name}”.")


class NeedAlreadyOpen(Refusal):
    code = "rights.need.already_open"
    text = Text(
        "该项目已有一份需求在核对中（{number}）。",
        "A need of this project is being checked already ({number}).",
    )


@act("rights.project.create")
def create_project(
    *,
    actor: Actor,
    unit_id: int,
    name: str,
    kind: rules.ProjectKind,
    eia_stage: rules.EiaStage,
    eia_no: str,
    description: str,
    now: dt.datetime,
    key: str | None = None,
) -> Project:
    """A firm's clerk registers a project of a site. Raises NotAllowed, NotFound, InputInvalid, ProjectNameTaken."""
    unit = require_unit(unit_id)
    access.may_act_for_firm(actor, unit.organisation_id).require()
    digest = digest_of([unit_id, name, kind, eia_stage, eia_no, description])
    if answer := first_answer(actor=actor, act="rights.project.create", key=key, request_digest=digest):
        return Project.objects.get(pk=answer)
    if eia_stage is rules.EiaStage.APPROVED and not eia_no.strip():
        raise InputInvalid(
            where=Text("环评批复文号", "number of the EIA approval"),
            got="''",
            expected=Text("已批复项目的文号", "the number, because the EIA is approved"),
        )
    if Project.objects.filter(unit=unit, name=name).exists():
        raise ProjectNameTaken(name=name)
    project = Project.objects.create(
        city=unit.city,
        unit=unit,
        name=name,
        kind=kind.value,
        eia_stage=eia_stage.value,
        eia_no=eia_no.strip(),
        description=description.strip(),
        created_at=now,
    )
    record(
        actor=actor,
        act="rights.project.create",
        subject_type="project",
        subject_id=project.pk,
        at=now,
        facts={"name": name, "unit": unit.pk, "kind": kind, "eia_stage": eia_stage},
        key=key,
        request_digest=digest,
        result=project.pk,
    )
    return project


@act("rights.need.apply")
def apply_for_need(
    *,
    actor: Actor,
    project_id: int,
    emissions_g: Mapping[Pollutant, int],
    now: dt.datetime,
    key: str | None = None,
) -> NeedConfirmation:
    """A firm's clerk states what the project will emit (grams per year by pollutant); the branch has 5 working days.

    Opens the procedure "rights.need". Raises NotAllowed, NotFound, InputInvalid, NeedAlreadyOpen.
    """
    project = (
        Project.objects.select_for_update(of=("self",))
        .select_related("unit__area", "unit__organisation")
        .filter(pk=project_id)
        .first()
    )
    if project is None:
        raise NotFound(what=Text("该项目", "the project"))
    access.may_act_for_firm(actor, project.unit.organisation_id).require()
    digest = digest_of([project_id, sorted((p.value, g) for p, g in emissions_g.items())])
    if answer := first_answer(actor=actor, act="rights.need.apply", key=key, request_digest=digest):
        return NeedConfirmation.objects.get(pk=answer)
    wanted = {pollutant: grams for pollutant, grams in emissions_g.items() if grams}
    if not wanted or min(wanted.values()) < 0:
        raise InputInvalid(
            where=Text("新增排放量", "new emissions"),
            got=str(dict(emissions_g)),
            expected=Text("至少一种污染物的数量大于零", "at least one pollutant above zero"),
        )
    if open_need := NeedConfirmation.objects.filter(project=project, state="APPLIED").first():
        raise NeedAlreadyOpen(number=open_need.number)
    need = NeedConfirmation.objects.create(
        city=project.city,
        number=next_number(series="XQ", now=now, city=project.city),
        project=project,
        state=rules.NeedState.APPLIED.value,
        applied_at=now,
    )
    NeedLine.objects.bulk_create(
        NeedLine(city=project.city, need=need, pollutant=pollutant.value, emission_g=grams, required_g=grams)
        for pollutant, grams in sorted(wanted.items())
    )
    case = procedures.open_case(
        actor=actor,
        procedure="rights.need",
        subject_type="need",
        subject_id=need.pk,
        title=Text(f"{need.number} {project.name}需求核对", f"{need.number} need check"),
        url=f"/projects/needs/{need.pk}/",
        parties=parties_of(project.unit.area),
        now=now,
    )
    need.case_id = case.pk
    need.save(update_fields=["case_id"])
    record(
        actor=actor,
        act="rights.need.apply",
        subject_type="need",
        subject_id=need.pk,
        at=now,
        facts={
            "number": need.number,
            "project": project.pk,
            "emissions_g": {p.value: g for p, g in wanted.items()},
        },
        key=key,
        request_digest=digest,
        result=need.pk,
    )
    return need


def _lock(need_id: int) -> tuple[NeedConfirmation, Case]:
    case_id = NeedConfirmation.objects.filter(pk=need_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该需求确认", "the need confirmation"))
    case = procedures.lock_case(case_id)
    need = (
        NeedConfirmation.objects.select_for_update(of=("self",))
        .select_related("project__unit__area", "project__unit__organisation")
        .get(pk=need_id)
    )
    return need, case


def _tell_firm(need: NeedConfirmation, now: dt.datetime) -> None:
    """The firm hears of the answer, with its reason."""
    label = rules.NeedState(need.state).label
    notify.tell(
        subject=Text(f"{need.number} {label.zh}", f"{need.number}: {label.en}"),
        body=Text(need.decision_reason or label.zh, need.decision_reason or f"{label.en}."),
        url=f"/projects/needs/{need.pk}/",
        now=now,
        organisation_ids=[need.project.unit.organisation_id],
    )


@act("rights.need.confirm")
def confirm_need(*, actor: Actor, need_id: int, reason: str, now: dt.datetime) -> NeedConfirmation:
    """The branch finds what must be bought by the rulebook of the day: confirmed with the ratio, or exempt.

    The decision is stored with its clauses and figures. Raises NotAllowed and what
    procedures.advance raises.
    """
    need, case = _lock(need_id)
    project = need.project
    access.may_review(actor, project.unit).require()
    lines = list(need.lines.all())
    stored = rulebook_services.record_decision(
        actor=actor,
        case=eligibility_case(
            project=project,
            needs_g={Pollutant(line.pollutant): line.emission_g for line in lines},
            on=local(now).date(),
        ),
        subject_type="need",
        subject_id=need.pk,
        organisation_id=project.unit.organisation_id,
        now=now,
    )
    # A bar concerns a purchase (R20, R24) and is asked again at every sign-up; the need itself is there.
    buys = stored.verdict not in (rulebooks.Verdict.EXEMPT, rulebooks.Verdict.NOT_COVERED)
    step = procedures.advance(
        actor=actor, case=case, transition="confirm" if buys else "exempt", now=now, reason=reason
    )
    need.state = case.state
    need.verdict = stored.verdict
    need.ratio_hundredths = _hundredths(stored.replacement_ratio)
    need.decision_reason = reason.strip()
    need.decision_record_id = stored.pk
    need.decided_at = now
    need.save()
    for line in lines:
        line.required_g = rules.required_g(line.emission_g, need.ratio_hundredths)
        line.save(update_fields=["required_g"])
    _tell_firm(need, now)
    record(
        actor=actor,
        act="rights.need.confirm",
        subject_type="need",
        subject_id=need.pk,
        at=now,
        facts={
            "from": step.from_state,
            "to": step.to_state,
            "verdict": need.verdict,
            "ratio_hundredths": need.ratio_hundredths,
        },
        reason=reason.strip(),
        clause=stored.clause,
    )
    return need


def preview_need(need: NeedConfirmation, now: dt.datetime) -> rulebooks.Decision:
    """What the rulebook of the day would say to a need that waits; nothing is stored."""
    on = local(now).date()
    needs_g = {Pollutant(line.pollutant): line.emission_g for line in need.lines.all()}
    return decide_case(eligibility_case(project=need.project, needs_g=needs_g, on=on), on)


@act("rights.need.refuse")
def refuse_need(*, actor: Actor, need_id: int, reason: str, now: dt.datetime) -> NeedConfirmation:
    """The branch does not confirm, with reasons. Raises NotAllowed and what procedures.advance raises."""
    need, case = _lock(need_id)
    access.may_review(actor, need.project.unit).require()
    step = procedures.advance(actor=actor, case=case, transition="refuse", now=now, reason=reason)
    need.state = case.state
    need.decision_reason = reason.strip()
    need.decided_at = now
    need.save(update_fields=["state", "decision_reason", "decided_at"])
    _tell_firm(need, now)
    record(
        actor=actor,
        act="rights.need.refuse",
        subject_type="need",
        subject_id=need.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state},
        reason=reason.strip(),
        clause=step.clause,
    )
    return need


def use_need(*, need_id: int, pollutant: Pollutant, quantity_g: int) -> None:
    """Part: count `quantity_g` grams per year as bought against a need; settlement calls it at delivery.

    Raises NotFound when the need has no such pollutant.
    """
    if not NeedLine.objects.filter(need_id=need_id, pollutant=pollutant.value).update(
        bought_g=F("bought_g") + quantity_g
    ):
        raise NotFound(what=Text("需求中的该污染物", "this pollutant of the need"))


def _hundredths(ratio: str) -> int:
    """A ratio of the rulebook ("1.2") in hundredths; an unknown one counts as 1:1, and the page says it is unknown."""
    return int(Decimal(ratio) * 100) if ratio else rules.RATIO_ONE
