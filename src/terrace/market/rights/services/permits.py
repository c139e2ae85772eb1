"""Lines of a unit's permit."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.rights.models import DischargeUnit, PermitEntry


class PermitTooSmall(Refusal):
    code = "rights.permit.too_small"
    text = Text(
        "许可量为{total}，不能减少{less}。", "The permit allows {total}; it cannot be reduced by {less}."
    )


def write_permit(
    *,
    actor: Actor,
    unit_id: int,
    pollutant: Pollutant,
    change_g: int,
    certificate_no: str,
    subject_type: str,
    subject_id: object,
    now: dt.datetime,
    parcel_id: int | None = None,
    note: str = "",
) -> PermitEntry:
    """Part: write one line on a unit's permit; `change_g` in grams per year, negative on a seller's permit (R30).

    A repeat for the same unit, pollutant and certificate returns the line of the first time. Raises NotFound,
    PermitTooSmall.
    """
    unit = DischargeUnit.objects.select_for_update().filter(pk=unit_id).first()
    if unit is None:
        raise NotFound(what=Text("该排污单位", "the site"))
    lines = PermitEntry.objects.filter(unit=unit, pollutant=pollutant.value)
    if first := lines.filter(certificate_no=certificate_no).first():
        return first
    last = lines.order_by("-id").first()
    total = last.total_g if last is not None else 0
    if total + change_g < 0:
        raise PermitTooSmall(
            total=Quantity(pollutant, total).label(), less=Quantity(pollutant, -change_g).label()
        )
    return PermitEntry.objects.create(
        city=unit.city,
        unit=unit,
        pollutant=pollutant.value,
        change_g=change_g,
        total_g=total + change_g,
        parcel_id=parcel_id,
        certificate_no=certificate_no,
        note=note,
        subject_type=subject_type,
        subject_id=str(subject_id),
        written_by=actor.name,
        written_at=now,
    )
