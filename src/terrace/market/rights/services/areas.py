"""Areas of the city and whether they met their targets: loaded from files, kept with their year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.market.rights import access
from terrace.market.rights.models import Area, AreaQuality
from terrace.market.rights.rules import AreaRow


@act("rights.area.load")
def load_areas(*, actor: Actor, areas: Sequence[AreaRow], now: dt.datetime) -> int:
    """Write the areas of the city; those that exist get the new names. Returns how many lines were read.

    Raises NotAllowed.
    """
    access.may_load_areas(actor).require()
    for position, row in enumerate(areas, start=1):
        Area.objects.update_or_create(
            code=row.code,
            defaults={
                "name": row.name,
                "name_en": row.name_en,
                "division_code": row.division_code,
                "is_zone": row.is_zone,
                "position": position,
            },
        )
    record(
        actor=actor,
        act="rights.area.load",
        subject_type="area",
        subject_id="*",
        at=now,
        facts={"codes": [row.code for row in areas]},
    )
    return len(areas)


@act("rights.quality.record")
def record_quality(
    *,
    actor: Actor,
    area_code: str,
    year: int,
    water_met: bool,
    air_met: bool,
    source: str,
    is_synthetic: bool,
    now: dt.datetime,
) -> AreaQuality:
    """Say whether an area met its water and air targets in a year (R18, R20). Raises NotAllowed, NotFound."""
    access.may_record_quality(actor).require()
    area = Area.objects.filter(code=area_code).first()
    if area is None:
        raise NotFound(what=Text(f"区域 {area_code}", f"area {area_code}"))
    quality, _ = AreaQuality.objects.update_or_create(
        area=area,
        year=year,
        defaults={
            "water_met": water_met,
            "air_met": air_met,
            "source": source,
            "is_synthetic": is_synthetic,
        },
    )
    record(
        actor=actor,
        act="rights.quality.record",
        subject_type="area",
        subject_id=area.pk,
        at=now,
        facts={"area": area_code, "year": year, "water_met": water_met, "air_met": air_met, "source": source},
    )
    return quality
