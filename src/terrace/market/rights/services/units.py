"""Sites of an organisation."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotAllowed, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.market.rights import access, rules
from terrace.market.rights.models import Area, DischargeUnit


class UnitNameTaken(Refusal):
    code = "rights.unit.name_taken"
    text = Text("本单位已有名为“{name}”的排污单位。", "Your organisation already has a site named “{name}”.")


class PermitNumberTaken(Refusal):
    code = "rights.unit.permit_taken"
    text = Text(
        "许可证编号 {permit_no} 已登记在另一排污单位。", "Permit {permit_no} is registered for another site."
    )


def check_permit_no(permit_no: str, organisation: Organisation, *, but: int | None = None) -> None:
    """Raises InputInvalid for a wrong form and PermitNumberTaken; an empty number is allowed (no permit yet)."""
    if not permit_no:
        return
    if fault := rules.permit_no_fault(permit_no, organisation.credit_code):
        raise InputInvalid(where=Text("许可证编号", "permit number"), got=repr(permit_no), expected=fault)
    if DischargeUnit.objects.filter(permit_no=permit_no).exclude(pk=but or 0).exists():
        raise PermitNumberTaken(permit_no=permit_no)


@act("rights.unit.add")
def add_unit(
    *,
    actor: Actor,
    name: str,
    permit_no: str,
    area_code: str,
    basin: rules.Basin,
    sector: rules.Sector,
    thermal_power: bool,
    agriculture: bool,
    now: dt.datetime,
    key: str | None = None,
) -> DischargeUnit:
    """A firm's clerk registers a site. Raises NotAllowed, NotFound, InputInvalid, UnitNameTaken, PermitNumberTaken."""
    access.may_act_for_firm(actor, actor.organisation_id).require()
    organisation = Organisation.objects.select_for_update().get(pk=actor.organisation_id or 0)
    digest = digest_of([name, permit_no, area_code, basin, sector, thermal_power, agriculture])
    if answer := first_answer(actor=actor, act="rights.unit.add", key=key, request_digest=digest):
        return DischargeUnit.objects.get(pk=answer)
    area = Area.objects.filter(code=area_code).first()
    if area is None:
        raise NotFound(what=Text("该区域", "the area"))
    check_permit_no(permit_no, organisation)
    if DischargeUnit.objects.filter(organisation=organisation, name=name).exists():
        raise UnitNameTaken(name=name)
    unit = DischargeUnit.objects.create(
        organisation=organisation,
        name=name,
        permit_no=permit_no,
        area=area,
        basin=basin.value,
        sector=sector.value,
        thermal_power=thermal_power,
        agriculture=agriculture,
        created_at=now,
    )
    record(
        actor=actor,
        act="rights.unit.add",
        subject_type="unit",
        subject_id=unit.pk,
        at=now,
        facts={"name": name, "permit_no": permit_no, "area": area_code, "basin": basin, "sector": sector},
        key=key,
        request_digest=digest,
        result=unit.pk,
    )
    return unit


@act("rights.unit.set_permit")
def set_permit_no(*, actor: Actor, unit_id: int, permit_no: str, now: dt.datetime) -> DischargeUnit:
    """Enter the number of the permit once it has been issued. Raises NotAllowed, InputInvalid, PermitNumberTaken."""
    unit = (
        DischargeUnit.objects.select_for_update(of=("self",))
        .select_related("organisation")
        .filter(pk=unit_id)
        .first()
    )
    if unit is None:
        raise NotFound(what=Text("该排污单位", "the site"))
    access.may_act_for_firm(actor, unit.organisation_id).require()
    if unit.permit_no:
        raise NotAllowed(
            reason=Text(
                "许可证编号已登记，变更请由许可部门办理。", "the number is set; the permit office changes it."
            )
        )
    if not permit_no:
        raise InputInvalid(
            where=Text("许可证编号", "permit number"), got="''", expected=Text("编号", "a number")
        )
    check_permit_no(permit_no, unit.organisation, but=unit.pk)
    unit.permit_no = permit_no
    unit.save(update_fields=["permit_no"])
    record(
        actor=actor,
        act="rights.unit.set_permit",
        subject_type="unit",
        subject_id=unit.pk,
        at=now,
        facts={"permit_no": permit_no},
    )
    return unit
