"""Into the reserve: registered by one person, approved by another, then posted in the ledger (R14)."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.market.reserve import access, rules
from terrace.market.reserve.models import Intake
from terrace.market.reserve.procedures import TWO_PERSONS
from terrace.market.rights import services as rights
from terrace.market.rights.models import Area, Parcel
from terrace.market.rights.rules import TERM_YEARS, MoveKind, RightSource

SOURCES = {
    rules.IntakeKind.RESERVED_QUOTA: RightSource.RESERVED_QUOTA,
    rules.IntakeKind.PAID_REDUCTION: RightSource.PAID_REDUCTION,
    rules.IntakeKind.BEYOND_INITIAL: RightSource.BEYOND_INITIAL,
}


class FormerHolderNeeded(Refusal):
    code = "reserve.intake.parcel_needed"
    text = Text("“{kind}”须指明从哪一份排污权收回。", "“{kind}” must name the parcel that is taken back.")


class ParcelNotExpected(Refusal):
    code = "reserve.intake.parcel_not_expected"
    text = Text(
        "“{kind}”是新核发的储备，不能指定原持有份额。", "“{kind}” is newly issued and names no former parcel."
    )


class CompensationWrong(Refusal):
    code = "reserve.intake.compensation"
    text = Text(
        "有偿取得的排污权回购须填补偿金额；无偿收回不得填。",
        "A paid right is bought back for a sum; a free one is reclaimed without any.",
    )
    clause = "关停、破产单位：无偿取得的无偿收回，有偿取得的回购"


@dataclass(frozen=True, slots=True)
class NewIntake:
    """What the maker fills in. Quantities in grams per year, money in fen.

    When a firm's parcel is taken back, area, basin, sector and term are those of the parcel.
    """

    kind: rules.IntakeKind
    quantity_g: int
    paper_no: str
    grounds: str
    pollutant: Pollutant | None = None
    area_code: str = ""
    basin: str = ""
    sector: str = ""
    thermal_power: bool = False
    agriculture: bool = False
    term_start: dt.date | None = None
    years: int = TERM_YEARS
    from_parcel_id: int | None = None
    compensation_fen: int = 0
    is_synthetic: bool = False


@act("reserve.intake.register")
def register_intake(*, actor: Actor, intake: NewIntake, now: dt.datetime, key: str | None = None) -> Intake:
    """Register an intake and ask a second person. Nothing is posted before the approval.

    Raises NotAllowed, InputInvalid, NotFound, FormerHolderNeeded, ParcelNotExpected, CompensationWrong and
    what orgs.ask raises.
    """
    access.may_prepare(actor).require()
    digest = digest_of(asdict(intake))
    if answer := first_answer(actor=actor, act="reserve.intake.register", key=key, request_digest=digest):
        return Intake.objects.get(pk=answer)
    assert actor.organisation_id is not None
    _check(intake)
    described = _described(intake)
    made = Intake.objects.create(
        number=rights.next_number(series="SC", now=now),
        kind=intake.kind.value,
        body_id=actor.organisation_id,
        quantity_g=intake.quantity_g,
        from_parcel_id=intake.from_parcel_id,
        compensation_fen=intake.compensation_fen,
        paper_no=intake.paper_no.strip(),
        grounds=intake.grounds.strip(),
        state=rules.IntakeState.SUBMITTED.value,
        submitted_at=now,
        is_synthetic=intake.is_synthetic,
        **described,
    )
    title = Text(
        f"{made.number} {intake.kind.label.zh} {made.quantity.pollutant.label.zh} {made.quantity.label().zh}",
        f"{made.number} {intake.kind.label.en}, {made.pollutant} {made.quantity.label().en}",
    )
    case = procedures.open_case(
        actor=actor,
        procedure="reserve.intake",
        subject_type="intake",
        subject_id=made.pk,
        title=title,
        url=f"/reserve/intakes/{made.pk}/",
        parties={Role.RESERVE_CHECKER: made.body_id},
        now=now,
    )
    approval = orgs.ask(
        actor=actor,
        act="reserve.intake.decide",
        subject_type="intake",
        subject_id=made.pk,
        payload=payload_of(made),
        checker_roles=[Role.RESERVE_CHECKER],
        summary=title,
        now=now,
    )
    made.case_id = case.pk
    made.approval_id = approval.pk
    made.save(update_fields=["case_id", "approval_id"])
    record(
        actor=actor,
        act="reserve.intake.register",
        subject_type="intake",
        subject_id=made.pk,
        at=now,
        facts=payload_of(made),
        clause=TWO_PERSONS,
        key=key,
        request_digest=digest,
        result=made.pk,
    )
    return made


@act("reserve.intake.decide")
def decide_intake(*, actor: Actor, intake_id: int, approve: bool, reason: str, now: dt.datetime) -> Intake:
    """The second person approves (the quantity enters the reserve's account and a parcel is made) or sends back.

    Raises NotAllowed, NotFound, SamePerson, what procedures.advance and orgs.decide raise, and ParcelShort when
    the former holder no longer has the quantity free.
    """
    case_id = Intake.objects.filter(pk=intake_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该入库记录", "the intake"))
    case = procedures.lock_case(case_id)
    intake = Intake.objects.select_for_update(of=("self",)).select_related("area").get(pk=intake_id)
    access.may_check(actor).require()
    assert intake.approval_id is not None
    orgs.decide(
        actor=actor,
        approval_id=intake.approval_id,
        approve=approve,
        reason=reason,
        now=now,
        payload=payload_of(intake),
    )
    step = procedures.advance(
        actor=actor, case=case, transition="approve" if approve else "reject", now=now, reason=reason
    )
    intake.state = case.state
    intake.decided_at = now
    intake.decision_reason = reason.strip()
    if approve:
        intake.parcel = _take_in(actor, intake, now)
    intake.save(update_fields=["state", "decided_at", "decision_reason", "parcel"])
    record(
        actor=actor,
        act="reserve.intake.decide",
        subject_type="intake",
        subject_id=intake.pk,
        at=now,
        facts={
            "from": step.from_state,
            "to": step.to_state,
            "parcel": intake.parcel.pk if intake.parcel else None,
        },
        reason=reason.strip(),
        clause=step.clause,
    )
    return intake


def payload_of(intake: Intake) -> dict[str, Any]:
    """What the second person approves, to the gram and the fen."""
    return {
        "number": intake.number,
        "kind": intake.kind,
        "pollutant": intake.pollutant,
        "quantity_g": intake.quantity_g,
        "area": intake.area.code,
        "basin": intake.basin,
        "term_start": intake.term_start.isoformat(),
        "years": intake.years,
        "from_parcel": intake.from_parcel_id,
        "compensation_fen": intake.compensation_fen,
        "paper_no": intake.paper_no,
    }


def _check(intake: NewIntake) -> None:
    if intake.quantity_g <= 0:
        raise InputInvalid(
            where=Text("数量", "quantity"),
            got=str(intake.quantity_g),
            expected=Text("大于零的数量", "a quantity above zero"),
        )
    if not intake.paper_no.strip() or not intake.grounds.strip():
        raise InputInvalid(
            where=Text("依据文号和理由", "number of the decision and grounds"),
            got="''",
            expected=Text("不能为空", "both filled in"),
        )
    if intake.kind.is_new_issue and intake.from_parcel_id is not None:
        raise ParcelNotExpected(kind=intake.kind.label)
    if not intake.kind.is_new_issue and intake.from_parcel_id is None:
        raise FormerHolderNeeded(kind=intake.kind.label)
    if intake.kind.is_paid_for != (intake.compensation_fen > 0):
        raise CompensationWrong


def _described(intake: NewIntake) -> dict[str, Any]:
    """Pollutant, place and term: from the parcel taken back, or as filled in. Raises NotFound, InputInvalid."""
    if intake.from_parcel_id is not None:
        parcel = Parcel.objects.select_related("right__area").filter(pk=intake.from_parcel_id).first()
        if parcel is None:
            raise NotFound(what=Text("原持有份额", "the former parcel"))
        if intake.quantity_g > parcel.free_g:
            raise rights.ParcelShort(
                free=parcel.free.label(),
                wanted=Quantity(Pollutant(parcel.right.pollutant), intake.quantity_g).label(),
            )
        right = parcel.right
        return {
            "city": right.city,
            "pollutant": right.pollutant,
            "area": right.area,
            "basin": right.basin,
            "sector": right.sector,
            "thermal_power": right.thermal_power,
            "agriculture": right.agriculture,
            "term_start": right.term_start,
            "years": right.years,
        }
    area = Area.objects.filter(code=intake.area_code).first()
    if area is None or intake.pollutant is None or intake.term_start is None or not intake.sector:
        raise InputInvalid(
            where=Text("入库内容", "the intake"),
            got="''",
            expected=Text("污染物、区域、行业和期限起始日", "pollutant, area, sector and start of the term"),
        )
    rights.region_of(intake.pollutant, basin=intake.basin, city=area.city)
    return {
        "city": area.city,
        "pollutant": intake.pollutant.value,
        "area": area,
        "basin": intake.basin if intake.pollutant.is_water else "",
        "sector": intake.sector,
        "thermal_power": intake.thermal_power,
        "agriculture": intake.agriculture,
        "term_start": intake.term_start,
        "years": intake.years,
    }


def _take_in(actor: Actor, intake: Intake, now: dt.datetime) -> Parcel:
    kind = rules.IntakeKind(intake.kind)
    if intake.from_parcel_id is not None:
        return rights.move_parcel(
            actor=actor,
            parcel_id=intake.from_parcel_id,
            quantity_g=intake.quantity_g,
            to_organisation_id=intake.body_id,
            to_unit_id=None,
            entry_key=f"intake:{intake.pk}",
            source=intake.number,
            now=now,
            kind=MoveKind.INTAKE,
        )
    return rights.issue_right(
        actor=actor,
        holder_id=intake.body_id,
        unit_id=None,
        pollutant=Pollutant(intake.pollutant),
        quantity_g=intake.quantity_g,
        area=intake.area,
        basin=intake.basin,
        sector=intake.sector,
        thermal_power=intake.thermal_power,
        agriculture=intake.agriculture,
        paid=False,
        source=SOURCES[kind],
        term_start=intake.term_start,
        years=intake.years,
        entry_key=f"intake:{intake.pk}",
        paper_no=intake.number,
        now=now,
        is_synthetic=intake.is_synthetic,
    )
