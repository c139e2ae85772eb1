"""Release plans: written by one person, approved by another; approved lots may then be listed (D 3a)."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Max, Sum

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.quantity import PriceBasis
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.reserve import access, rules
from terrace.market.reserve.models import PlannedLot, ReleasePlan
from terrace.market.reserve.procedures import PLAN_CLAUSE
from terrace.market.rights import services as rights
from terrace.market.rights.models import Parcel


class PlanNotDraft(Refusal):
    code = "reserve.plan.not_draft"
    text = Text("只有草拟中的计划可以修改。", "Only a draft can be changed.")
    hint = Text("被退回的计划请先重新编制。", "A plan that was sent back must be reopened first.")


class PlanEmpty(Refusal):
    code = "reserve.plan.empty"
    text = Text("计划中还没有标的。", "The plan has no lots yet.")


class LotUnsound(Refusal):
    code = "reserve.lot.unsound"
    text = Text("标的“{name}”：{fault}", "Lot “{name}”: {fault}")
    http_status = 422


class NotInReserve(Refusal):
    code = "reserve.lot.not_in_reserve"
    text = Text("该份额不在本储备机构名下。", "This parcel is not held by your reserve body.")


class LotNotListable(Refusal):
    code = "reserve.lot.not_listable"
    text = Text("该标的当前不能挂牌（{state}）。", "This lot cannot be listed now ({state}).")


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot as the maker plans it: grams per year, fen per tonne on the stated basis, ratio in hundredths."""

    name: str
    parcel_id: int
    quantity_g: int
    years: int
    floor_fen_per_tonne: int
    increment_fen_per_tonne: int
    price_basis: PriceBasis
    mode: rules.Mode = rules.Mode.ASCENDING
    ratio_hundredths: int = 100
    buyer_conditions: str = ""
    deposit_rule: rules.DepositRule = rules.DepositRule.PERCENT
    deposit_percent: int = 10
    deposit_fixed_fen: int = 0


@act("reserve.plan.create")
def create_plan(
    *,
    actor: Actor,
    year: int,
    title: str,
    grounds: str,
    now: dt.datetime,
    key: str | None = None,
    is_synthetic: bool = False,
) -> ReleasePlan:
    """Start a release plan. Raises NotAllowed."""
    access.may_prepare(actor).require()
    digest = digest_of([year, title, grounds, is_synthetic])
    if answer := first_answer(actor=actor, act="reserve.plan.create", key=key, request_digest=digest):
        return ReleasePlan.objects.get(pk=answer)
    assert actor.organisation_id is not None
    plan = ReleasePlan.objects.create(
        number=rights.next_number(series="JH", now=now),
        year=year,
        title=title.strip(),
        body_id=actor.organisation_id,
        grounds=grounds.strip(),
        created_at=now,
        is_synthetic=is_synthetic,
    )
    case = procedures.open_case(
        actor=actor,
        procedure="reserve.plan",
        subject_type="release_plan",
        subject_id=plan.pk,
        title=Text(f"{plan.number} {plan.title}", f"{plan.number} release plan {year}"),
        url=f"/reserve/plans/{plan.pk}/",
        parties={Role.RESERVE_MAKER: plan.body_id, Role.RESERVE_CHECKER: plan.body_id},
        now=now,
    )
    plan.case_id = case.pk
    plan.save(update_fields=["case_id"])
    record(
        actor=actor,
        act="reserve.plan.create",
        subject_type="release_plan",
        subject_id=plan.pk,
        at=now,
        facts={"number": plan.number, "year": year, "title": plan.title},
        key=key,
        request_digest=digest,
        result=plan.pk,
    )
    return plan


def _lock(plan_id: int) -> tuple[ReleasePlan, Case]:
    case_id = ReleasePlan.objects.filter(pk=plan_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该出让计划", "the release plan"))
    case = procedures.lock_case(case_id)
    return ReleasePlan.objects.select_for_update().get(pk=plan_id), case


def planned_elsewhere_g(parcel_id: int, *, but: int | None = None) -> int:
    """Grams per year of a parcel in plans that are still alive and not yet on sale, `but` one lot."""
    total = (
        PlannedLot.objects.filter(parcel_id=parcel_id, state__in=["PLANNED", "LISTABLE"])
        .exclude(plan__state="REJECTED")
        .exclude(pk=but or 0)
        .aggregate(total=Sum("quantity_g"))["total"]
    )
    return int(total or 0)


def _require_sound(lot: NewLot, parcel: Parcel, *, but: int | None = None) -> None:
    faults = rules.faults_of_lot(
        quantity_g=lot.quantity_g,
        free_g=parcel.free_g,
        planned_elsewhere_g=planned_elsewhere_g(parcel.pk, but=but),
        floor_fen=lot.floor_fen_per_tonne,
        increment_fen=lot.increment_fen_per_tonne,
        years=lot.years,
        years_of_right=parcel.right.years,
        percent=lot.deposit_percent,
        fixed_fen=lot.deposit_fixed_fen,
        rule=lot.deposit_rule,
    )
    if faults:
        raise LotUnsound(name=lot.name, fault=faults[0].text, field=faults[0].field)


@act("reserve.plan.add_lot")
def add_planned_lot(
    *, actor: Actor, plan_id: int, lot: NewLot, now: dt.datetime, key: str | None = None
) -> PlannedLot:
    """Add a lot to a draft. Raises NotAllowed, NotFound, PlanNotDraft, NotInReserve, LotUnsound."""
    access.may_prepare(actor).require()
    plan, _ = _lock(plan_id)
    digest = digest_of([plan_id, asdict(lot)])
    if answer := first_answer(actor=actor, act="reserve.plan.add_lot", key=key, request_digest=digest):
        return PlannedLot.objects.get(pk=answer)
    if plan.state != rules.PlanState.DRAFT:
        raise PlanNotDraft
    parcel = rights.lock_parcel(lot.parcel_id)
    if parcel.holder_id != plan.body_id:
        raise NotInReserve
    _require_sound(lot, parcel)
    last = plan.lots.aggregate(last=Max("position"))["last"]
    made = PlannedLot.objects.create(
        city=plan.city,
        plan=plan,
        position=(last or 0) + 1,
        name=lot.name.strip(),
        parcel=parcel,
        pollutant=parcel.right.pollutant,
        quantity_g=lot.quantity_g,
        years=lot.years,
        floor_fen_per_tonne=lot.floor_fen_per_tonne,
        increment_fen_per_tonne=lot.increment_fen_per_tonne,
        price_basis=lot.price_basis.value,
        mode=lot.mode.value,
        ratio_hundredths=lot.ratio_hundredths,
        buyer_conditions=lot.buyer_conditions.strip(),
        deposit_rule=lot.deposit_rule.value,
        deposit_percent=lot.deposit_percent if lot.deposit_rule is rules.DepositRule.PERCENT else 0,
        deposit_fixed_fen=lot.deposit_fixed_fen if lot.deposit_rule is rules.DepositRule.FIXED else 0,
    )
    record(
        actor=actor,
        act="reserve.plan.add_lot",
        subject_type="release_plan",
        subject_id=plan.pk,
        at=now,
        facts={"lot": made.pk, **line_of(made)},
        key=key,
        request_digest=digest,
        result=made.pk,
    )
    return made


@act("reserve.plan.remove_lot")
def remove_planned_lot(*, actor: Actor, planned_lot_id: int, now: dt.datetime) -> ReleasePlan:
    """Take a lot out of a draft. Raises NotAllowed, NotFound, PlanNotDraft."""
    access.may_prepare(actor).require()
    lot = PlannedLot.objects.filter(pk=planned_lot_id).first()
    if lot is None:
        raise NotFound(what=Text("该标的", "the lot"))
    plan, _ = _lock(lot.plan_id)
    if plan.state != rules.PlanState.DRAFT:
        raise PlanNotDraft
    facts = line_of(lot)
    lot.delete()
    record(
        actor=actor,
        act="reserve.plan.remove_lot",
        subject_type="release_plan",
        subject_id=plan.pk,
        at=now,
        facts={"lot": planned_lot_id, **facts},
    )
    return plan


@act("reserve.plan.submit")
def submit_plan(*, actor: Actor, plan_id: int, now: dt.datetime) -> ReleasePlan:
    """Submit a draft for approval; every lot is checked again. Raises NotAllowed, NotFound, PlanEmpty,
    LotUnsound and what procedures.advance and orgs.ask raise."""
    access.may_prepare(actor).require()
    plan, case = _lock(plan_id)
    lots = list(plan.lots.select_related("parcel__right"))
    if not lots:
        raise PlanEmpty
    for lot in lots:
        _require_sound(_as_new(lot), lot.parcel, but=lot.pk)
    step = procedures.advance(actor=actor, case=case, transition="submit", now=now)
    approval = orgs.ask(
        actor=actor,
        act="reserve.plan.decide",
        subject_type="release_plan",
        subject_id=plan.pk,
        payload=payload_of(plan, lots),
        checker_roles=[Role.RESERVE_CHECKER],
        summary=Text(
            f"{plan.number} {plan.title}：{len(lots)}个标的", f"{plan.number} release plan, {len(lots)} lots"
        ),
        now=now,
    )
    plan.state = case.state
    plan.submitted_at = now
    plan.approval_id = approval.pk
    plan.save(update_fields=["state", "submitted_at", "approval_id"])
    record(
        actor=actor,
        act="reserve.plan.submit",
        subject_type="release_plan",
        subject_id=plan.pk,
        at=now,
        facts=payload_of(plan, lots),
        clause=step.clause,
    )
    return plan


@act("reserve.plan.decide")
def decide_plan(*, actor: Actor, plan_id: int, approve: bool, reason: str, now: dt.datetime) -> ReleasePlan:
    """The second person approves (its lots become listable) or sends back. The maker can never do this.

    Raises NotAllowed, NotFound, SamePerson, PayloadChanged and what procedures.advance raises.
    """
    plan, case = _lock(plan_id)
    access.may_check(actor).require()
    lots = list(plan.lots.all())
    if plan.approval_id is None or plan.state != rules.PlanState.SUBMITTED:
        raise (
            PlanNotDraft
            if plan.state == rules.PlanState.DRAFT
            else orgs.AlreadyDecided(state=rules.PlanState(plan.state).label)
        )
    orgs.decide(
        actor=actor,
        approval_id=plan.approval_id,
        approve=approve,
        reason=reason,
        now=now,
        payload=payload_of(plan, lots),
    )
    step = procedures.advance(
        actor=actor, case=case, transition="approve" if approve else "reject", now=now, reason=reason
    )
    plan.state = case.state
    plan.decided_at = now
    plan.decision_reason = reason.strip()
    plan.save(update_fields=["state", "decided_at", "decision_reason"])
    if approve:
        plan.lots.update(state=rules.LotState.LISTABLE.value)
    record(
        actor=actor,
        act="reserve.plan.decide",
        subject_type="release_plan",
        subject_id=plan.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state, "lots": [lot.pk for lot in lots]},
        reason=reason.strip(),
        clause=PLAN_CLAUSE,
    )
    return plan


@act("reserve.plan.reopen")
def reopen_plan(*, actor: Actor, plan_id: int, now: dt.datetime) -> ReleasePlan:
    """Take a plan that was sent back to work on it again. Raises NotAllowed and what procedures.advance raises."""
    access.may_prepare(actor).require()
    plan, case = _lock(plan_id)
    procedures.advance(actor=actor, case=case, transition="reopen", now=now)
    plan.state = case.state
    plan.submitted_at = plan.decided_at = plan.approval_id = None
    plan.decision_reason = ""
    plan.save(update_fields=["state", "submitted_at", "decided_at", "approval_id", "decision_reason"])
    record(actor=actor, act="reserve.plan.reopen", subject_type="release_plan", subject_id=plan.pk, at=now)
    return plan


def line_of(lot: PlannedLot) -> dict[str, Any]:
    """A planned lot in figures, for the journal and the second person."""
    return {
        "name": lot.name,
        "parcel": lot.parcel_id,
        "pollutant": lot.pollutant,
        "quantity_g": lot.quantity_g,
        "years": lot.years,
        "floor_fen_per_tonne": lot.floor_fen_per_tonne,
        "increment_fen_per_tonne": lot.increment_fen_per_tonne,
        "price_basis": lot.price_basis,
        "mode": lot.mode,
        "ratio_hundredths": lot.ratio_hundredths,
        "deposit_rule": lot.deposit_rule,
        "deposit_percent": lot.deposit_percent,
        "deposit_fixed_fen": lot.deposit_fixed_fen,
    }


def payload_of(plan: ReleasePlan, lots: list[PlannedLot]) -> dict[str, Any]:
    """What the second person approves: the plan and every lot of it."""
    return {
        "number": plan.number,
        "year": plan.year,
        "title": plan.title,
        "lots": [line_of(lot) for lot in sorted(lots, key=lambda lot: lot.position)],
    }


def _as_new(lot: PlannedLot) -> NewLot:
    return NewLot(
        name=lot.name,
        parcel_id=lot.parcel_id,
        quantity_g=lot.quantity_g,
        years=lot.years,
        floor_fen_per_tonne=lot.floor_fen_per_tonne,
        increment_fen_per_tonne=lot.increment_fen_per_tonne,
        price_basis=PriceBasis(lot.price_basis),
        mode=rules.Mode(lot.mode),
        ratio_hundredths=lot.ratio_hundredths,
        buyer_conditions=lot.buyer_conditions,
        deposit_rule=rules.DepositRule(lot.deposit_rule),
        deposit_percent=lot.deposit_percent,
        deposit_fixed_fen=lot.deposit_fixed_fen,
    )


def _advance_lot(planned_lot_id: int, sources: tuple[rules.LotState, ...], to: rules.LotState) -> PlannedLot:
    lot = PlannedLot.objects.select_for_update().filter(pk=planned_lot_id).first()
    if lot is None:
        raise NotFound(what=Text("该标的", "the lot"))
    if lot.state not in sources:
        raise LotNotListable(state=rules.LotState(lot.state).label)
    lot.state = to.value
    lot.save(update_fields=["state"])
    return lot


def mark_listed(planned_lot_id: int) -> PlannedLot:
    """Part: the lot goes on sale; once only until it is returned. Raises NotFound, LotNotListable."""
    return _advance_lot(planned_lot_id, (rules.LotState.LISTABLE,), rules.LotState.LISTED)


def mark_returned(planned_lot_id: int) -> PlannedLot:
    """Part: the offer ended without a sale, or the sale came to nothing; the lot may be listed again.

    Raises NotFound, LotNotListable.
    """
    return _advance_lot(
        planned_lot_id, (rules.LotState.LISTED, rules.LotState.RELEASED), rules.LotState.LISTABLE
    )


def mark_released(planned_lot_id: int) -> PlannedLot:
    """Part: the lot was sold. Raises NotFound, LotNotListable."""
    return _advance_lot(planned_lot_id, (rules.LotState.LISTED,), rules.LotState.RELEASED)
