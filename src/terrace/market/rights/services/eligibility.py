"""Facts for the rulebooks: who asks, for which project, and what the register knows about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db.models import Q

from terrace.kernel.base.quantity import Pollutant
from terrace.market.rights import rules
from terrace.market.rights.models import AreaQuality, ConductRecord, Parcel, Project
from terrace.market.rulebooks import rules as rulebooks
from terrace.market.rulebooks.queries import get_rulebook_on


def project_facts(project: Project, needs_g: Mapping[Pollutant, int], on: dt.date) -> rulebooks.ProjectFacts:
    """Part: the project as the rulebooks see it on a day; attainment is that of the year before (R18, R20)."""
    unit = project.unit
    quality = AreaQuality.objects.filter(area=unit.area, year=on.year - 1).first()
    voluntary = project.kind == rules.ProjectKind.VOLUNTARY
    return rulebooks.ProjectFacts(
        new=not voluntary,
        needs_g=dict(needs_g),
        area=unit.area.code,
        basin=unit.basin,
        sector=unit.sector,
        thermal_power=unit.thermal_power,
        agriculture=unit.agriculture,
        water_attained=quality.water_met if quality else None,
        air_attained=quality.air_met if quality else None,
        voluntary=voluntary,
    )


def buyer_facts(organisation_id: int, on: dt.date) -> rulebooks.BuyerFacts:
    """Part: what stands on record against a buyer on a day (R24)."""
    kinds = set(
        ConductRecord.objects.filter(organisation_id=organisation_id, since__lte=on)
        .filter(Q(until__isnull=True) | Q(until__gte=on))
        .values_list("kind", flat=True)
    )
    return rulebooks.BuyerFacts(
        penalties=bool(kinds & {rules.ConductKind.PENALTY.value, rules.ConductKind.SUPERVISION.value}),
        dishonest=rules.ConductKind.DISHONEST.value in kinds,
    )


def lot_facts(parcel: Parcel) -> rulebooks.LotFacts:
    """Part: a parcel on sale as the rulebooks see it. Being frozen for its own listing is no bar."""
    right = parcel.right
    kinds = set(parcel.holds.filter(state="ACTIVE").values_list("kind", flat=True))
    return rulebooks.LotFacts(
        pollutant=Pollutant(right.pollutant),
        area=right.area.code,
        basin=right.basin or None,
        sector=right.sector,
        thermal_power=right.thermal_power,
        agriculture=right.agriculture,
        frozen=rules.HoldKind.COURT.value in kinds,
        mortgaged=rules.HoldKind.MORTGAGE.value in kinds,
        leased=False,
    )


def eligibility_case(
    *, project: Project, needs_g: Mapping[Pollutant, int], on: dt.date, parcel: Parcel | None = None
) -> rulebooks.EligibilityCase:
    """Part: the question to the rulebook: the project, and with `parcel` the purchase of it by the project's firm."""
    return rulebooks.EligibilityCase(
        project=project_facts(project, needs_g, on),
        lot=lot_facts(parcel) if parcel is not None else None,
        buyer=buyer_facts(project.unit.organisation_id, on) if parcel is not None else None,
    )


def decide_case(case: rulebooks.EligibilityCase, on: dt.date) -> rulebooks.Decision:
    """Part: what the city's rulebook of that day says. Nothing is stored."""
    return rulebooks.decide(case, get_rulebook_on(on), on)
