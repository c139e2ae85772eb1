"""Parcels and approved plans of the reserve for tests."""

from __future__ import annotations

from terrace.kernel.base.quantity import Pollutant, PriceBasis
from terrace.market.reserve import rules, services
from terrace.market.reserve.models import Intake, PlannedLot, ReleasePlan
from terrace.market.rights.models import Parcel
from terrace.market.rights.tests import factories as rights

NOW = rights.NOW


def intake(town: rights.City, **more: object) -> Intake:
    """An intake of 10 t NOx of reserved initial quota in Guanxian, waiting for the second person."""
    given: dict[str, object] = {
        "kind": rules.IntakeKind.RESERVED_QUOTA,
        "pollutant": Pollutant.NOX,
        "quantity_g": 10_000_000,
        "area_code": "guanxian",
        "basin": "",
        "sector": "other",
        "term_start": rights.TERM_START,
        "paper_no": "聊环储〔2023〕1号",
        "grounds": "预留初始排污权入库",
    }
    return services.register_intake(
        actor=town.reserve,
        intake=services.NewIntake(**(given | more)),  # type: ignore[arg-type]
        now=NOW,
    )


def reserve_parcel(town: rights.City, **more: object) -> Parcel:
    made = services.decide_intake(
        actor=town.reserve2, intake_id=intake(town, **more).pk, approve=True, reason="", now=NOW
    )
    assert made.parcel is not None
    return made.parcel


def new_lot(parcel: Parcel, **more: object) -> services.NewLot:
    """The Ningxia terms: 4.048 t, 21,000 yuan per tonne for the five-year term, increment 500, ratio 1:1."""
    given: dict[str, object] = {
        "name": "氮氧化物 4.048 吨",
        "parcel_id": parcel.pk,
        "quantity_g": 4_048_000,
        "years": 5,
        "floor_fen_per_tonne": 2_100_000,
        "increment_fen_per_tonne": 50_000,
        "price_basis": PriceBasis.TERM,
        "deposit_percent": 10,
    }
    return services.NewLot(**(given | more))  # type: ignore[arg-type]


def plan(town: rights.City) -> ReleasePlan:
    return services.create_plan(
        actor=town.reserve, year=2023, title="2023年第一批出让计划", grounds="", now=NOW, is_synthetic=True
    )


def listable_lot(town: rights.City, parcel: Parcel | None = None, **more: object) -> PlannedLot:
    """A lot of a plan that two persons have approved."""
    made = plan(town)
    lot = services.add_planned_lot(
        actor=town.reserve, plan_id=made.pk, lot=new_lot(parcel or reserve_parcel(town), **more), now=NOW
    )
    services.submit_plan(actor=town.reserve, plan_id=made.pk, now=NOW)
    services.decide_plan(actor=town.reserve2, plan_id=made.pk, approve=True, reason="", now=NOW)
    lot.refresh_from_db()
    return lot
