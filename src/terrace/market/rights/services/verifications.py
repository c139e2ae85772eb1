"""Verification of a right or of a surplus: the firm applies, the branch reviews, the bureau decides (D1)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.orgs.models import Organisation, OrganisationKind
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.rights import access, rules
from terrace.market.rights.models import Area, Parcel, Verification
from terrace.market.rights.procedures import BRANCH_THEN_BUREAU
from terrace.market.rights.services.numbers import next_number
from terrace.market.rights.services.parcels import issue_right, lock_parcel, require_unit
from terrace.market.rights.services.permits import write_permit


class AlreadyVerified(Refusal):
    code = "rights.verification.already"
    text = Text(
        "该排污单位同一污染物的初始排污权已核定或正在核定。",
        "The initial right of this site for this pollutant is verified or being verified.",
    )


class SurplusTooLarge(Refusal):
    code = "rights.verification.surplus_too_large"
    text = Text(
        "富余量不能超过所持排污权中尚未认定的部分（{left}）。",
        "A surplus cannot exceed the part of the held right not yet counted ({left}).",
    )


class MeasureMissing(Refusal):
    code = "rights.verification.measure_missing"
    text = Text("富余排污权须由不可逆的减排措施形成。", "A surplus needs an irreversible measure behind it.")
    clause = "富余排污权来源：淘汰产能、清洁生产、污染治理升级"


def branch_of(area: Area) -> int | None:
    """The organisation of the branch in charge of an area, or None when none is registered."""
    return (
        Organisation.objects.filter(kind=OrganisationKind.BRANCH, area=area.code)
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )


def parties_of(area: Area) -> dict[str, int]:
    """The parties of a case that a branch handles."""
    branch = branch_of(area)
    return {Role.BRANCH.value: branch} if branch is not None else {}


@act("rights.verification.apply")
def apply_for_verification(
    *,
    actor: Actor,
    unit_id: int,
    kind: rules.VerificationKind,
    pollutant: Pollutant,
    claimed_g: int,
    measure: rules.Measure,
    grounds: str,
    paid: bool,
    term_start: dt.date,
    now: dt.datetime,
    years: int = rules.TERM_YEARS,
    parcel_id: int | None = None,
    key: str | None = None,
) -> Verification:
    """A firm's clerk claims a right (grams per year) for a site, or a surplus of a parcel it holds (R22).

    Opens the procedure "rights.verification". Raises NotAllowed, NotFound, InputInvalid, AlreadyVerified,
    MeasureMissing, SurplusTooLarge.
    """
    unit = require_unit(unit_id)
    access.may_act_for_firm(actor, unit.organisation_id).require()
    parcel = lock_parcel(parcel_id) if parcel_id is not None else None
    digest = digest_of(
        [unit_id, kind, pollutant, claimed_g, measure, grounds, paid, term_start, years, parcel_id]
    )
    if answer := first_answer(actor=actor, act="rights.verification.apply", key=key, request_digest=digest):
        return Verification.objects.get(pk=answer)
    if claimed_g <= 0 or not grounds.strip():
        raise InputInvalid(
            where=Text("申请", "application"),
            got=str(claimed_g),
            expected=Text("大于零的数量和核算说明", "a quantity above zero and how it was worked out"),
        )
    if kind is rules.VerificationKind.INITIAL:
        if (
            Verification.objects.filter(unit=unit, pollutant=pollutant.value, kind=kind.value)
            .exclude(state="REFUSED")
            .exists()
        ):
            raise AlreadyVerified
        measure, parcel = rules.Measure.NONE, None
    else:
        if measure is rules.Measure.NONE:
            raise MeasureMissing
        parcel = _surplus_parcel(parcel, unit.organisation_id, pollutant)
        if claimed_g > parcel.held_g - parcel.surplus_g:
            raise SurplusTooLarge(left=Quantity(pollutant, parcel.held_g - parcel.surplus_g).label())
    verification = Verification.objects.create(
        city=unit.city,
        number=next_number(series="HD", now=now, city=unit.city),
        unit=unit,
        kind=kind.value,
        pollutant=pollutant.value,
        claimed_g=claimed_g,
        measure=measure.value,
        parcel=parcel,
        grounds=grounds.strip(),
        paid=paid,
        term_start=term_start,
        years=years,
        state=rules.VerificationState.APPLIED.value,
        applied_at=now,
    )
    case = procedures.open_case(
        actor=actor,
        procedure="rights.verification",
        subject_type="verification",
        subject_id=verification.pk,
        title=Text(
            f"{verification.number} {unit.organisation.name} {pollutant.label.zh}核定",
            f"{verification.number} verification, {pollutant.value}",
        ),
        url=f"/rights/verifications/{verification.pk}/",
        parties=parties_of(unit.area),
        now=now,
    )
    verification.case_id = case.pk
    verification.save(update_fields=["case_id"])
    record(
        actor=actor,
        act="rights.verification.apply",
        subject_type="verification",
        subject_id=verification.pk,
        at=now,
        facts={
            "number": verification.number,
            "unit": unit.pk,
            "pollutant": pollutant,
            "claimed_g": claimed_g,
        },
        clause=BRANCH_THEN_BUREAU,
        key=key,
        request_digest=digest,
        result=verification.pk,
    )
    return verification


def _surplus_parcel(parcel: Parcel | None, organisation_id: int, pollutant: Pollutant) -> Parcel:
    if parcel is None or parcel.holder_id != organisation_id or parcel.right.pollutant != pollutant.value:
        raise NotFound(
            what=Text("本单位所持的该污染物排污权", "a parcel of this pollutant held by your firm")
        )
    return parcel


def _lock(verification_id: int) -> tuple[Verification, Case]:
    """Case first, then the verification. Raises NotFound."""
    case_id = Verification.objects.filter(pk=verification_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该核定申请", "the verification"))
    case = procedures.lock_case(case_id)
    verification = (
        Verification.objects.select_for_update(of=("self",))
        .select_related("unit__area", "unit__organisation")
        .get(pk=verification_id)
    )
    return verification, case


@act("rights.verification.review")
def review_verification(
    *, actor: Actor, verification_id: int, accept: bool, reason: str, now: dt.datetime
) -> Verification:
    """The branch's first review: pass to the bureau, or refuse with reasons. Raises NotAllowed and what
    procedures.advance raises."""
    verification, case = _lock(verification_id)
    access.may_review(actor, verification.unit).require()
    step = procedures.advance(
        actor=actor,
        case=case,
        transition="review" if accept else "refuse_review",
        now=now,
        reason=reason,
    )
    verification.state = case.state
    if not accept:
        verification.decision_reason = reason.strip()
        verification.decided_at = now
    verification.save(update_fields=["state", "decision_reason", "decided_at"])
    _tell_firm(verification, now)
    record(
        actor=actor,
        act="rights.verification.review",
        subject_type="verification",
        subject_id=verification.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state},
        reason=reason.strip(),
        clause=step.clause,
    )
    return verification


@act("rights.verification.decide")
def decide_verification(
    *,
    actor: Actor,
    verification_id: int,
    accept: bool,
    verified_g: int | None,
    reason: str,
    now: dt.datetime,
) -> Verification:
    """The bureau's final decision. Verifying an initial right issues it in the ledger and writes the permit line;
    verifying a surplus marks that much of the held parcel as sellable. `verified_g` grams per year, at most
    what was claimed (all of it when None).

    Raises NotAllowed, InputInvalid, SurplusTooLarge and what procedures.advance raises (the person who did the
    first review cannot decide).
    """
    verification, case = _lock(verification_id)
    access.may_decide_verification(actor).require()
    step = procedures.advance(
        actor=actor,
        case=case,
        transition="verify" if accept else "refuse_decision",
        now=now,
        reason=reason,
    )
    quantity = verification.claimed_g if verified_g is None else verified_g
    if accept and not 0 < quantity <= verification.claimed_g:
        raise InputInvalid(
            where=Text("核定数量", "verified quantity"),
            got=str(quantity),
            expected=Text("大于零且不超过申请数量", "above zero and at most what was claimed"),
        )
    verification.state = case.state
    verification.decided_at = now
    verification.decision_reason = reason.strip()
    if accept:
        verification.verified_g = quantity
    verification.save(update_fields=["state", "decided_at", "decision_reason", "verified_g"])
    parcel = _take_effect(actor, verification, quantity, now) if accept else None
    _tell_firm(verification, now)
    record(
        actor=actor,
        act="rights.verification.decide",
        subject_type="verification",
        subject_id=verification.pk,
        at=now,
        facts={
            "from": step.from_state,
            "to": step.to_state,
            "verified_g": verification.verified_g,
            "parcel": parcel.pk if parcel else None,
        },
        reason=reason.strip(),
        clause=step.clause,
    )
    return verification


def _tell_firm(verification: Verification, now: dt.datetime) -> None:
    """The firm hears of every decision, with its reason."""
    label = rules.VerificationState(verification.state).label
    notify.tell(
        subject=Text(f"{verification.number} {label.zh}", f"{verification.number}: {label.en}"),
        body=Text(verification.decision_reason or label.zh, verification.decision_reason or f"{label.en}."),
        url=f"/rights/verifications/{verification.pk}/",
        now=now,
        organisation_ids=[verification.unit.organisation_id],
    )


def _take_effect(actor: Actor, verification: Verification, quantity_g: int, now: dt.datetime) -> Parcel:
    pollutant = Pollutant(verification.pollutant)
    unit = verification.unit
    if verification.parcel_id is not None:
        held = lock_parcel(verification.parcel_id)
        if quantity_g > held.held_g - held.surplus_g:
            raise SurplusTooLarge(left=Quantity(pollutant, held.held_g - held.surplus_g).label())
        held.surplus_g += quantity_g
        held.save(update_fields=["surplus_g"])
        return held
    parcel = issue_right(
        actor=actor,
        holder_id=unit.organisation_id,
        unit_id=unit.pk,
        pollutant=pollutant,
        quantity_g=quantity_g,
        area=unit.area,
        basin=unit.basin,
        sector=unit.sector,
        thermal_power=unit.thermal_power,
        agriculture=unit.agriculture,
        paid=verification.paid,
        source=rules.RightSource.INITIAL,
        term_start=verification.term_start,
        years=verification.years,
        entry_key=f"verification:{verification.pk}",
        paper_no=verification.number,
        now=now,
        verification=verification,
        is_synthetic=unit.organisation.is_synthetic,
    )
    write_permit(
        actor=actor,
        unit_id=unit.pk,
        pollutant=pollutant,
        change_g=quantity_g,
        parcel_id=parcel.pk,
        certificate_no=parcel.right.serial,
        subject_type="verification",
        subject_id=verification.pk,
        now=now,
        note=verification.number,
    )
    return parcel
