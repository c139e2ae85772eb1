"""A small city for tests of the market: bodies, people, areas, sites, rights. Plain functions without surprises."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as orgs
from terrace.market.rights import rules, services
from terrace.market.rights.models import Area, AreaQuality, DischargeUnit, NeedConfirmation, Parcel, Project

NOW = clock.at_local(dt.date(2023, 12, 4), 10)  # a Monday
TERM_START = dt.date(2024, 1, 1)


def area(code: str = "guanxian", name: str = "冠县") -> Area:
    made, _ = Area.objects.get_or_create(
        code=code, defaults={"name": name, "name_en": code.title(), "position": Area.objects.count() + 1}
    )
    AreaQuality.objects.get_or_create(
        area=made,
        year=2022,
        defaults={"water_met": True, "air_met": True, "source": "test", "is_synthetic": True},
    )
    return made


def actor(of: Organisation, *roles: str) -> Actor:
    """A new person with these roles in the organisation; the area is that of the organisation."""
    user = orgs.member(of, *roles)
    return Actor(
        user_id=user.pk,
        person_id=user.person_id,
        organisation_id=of.pk,
        membership_id=user.memberships.get(role=roles[0]).pk,
        roles=frozenset(roles),
        area=of.area,
        name=user.person.name,
    )


@dataclass
class City:
    """The bodies of a city and one person for each role."""

    reserve_body: Organisation
    reserve: Actor
    reserve2: Actor
    exchange_body: Organisation
    exchange: Actor
    exchange2: Actor
    bureau: Actor
    branch: Actor
    auditor: Actor


def city() -> City:
    area()
    body = orgs.organisation("RESERVE_BODY", name="测试储备中心")
    exchange = orgs.organisation("EXCHANGE", name="测试交易机构")
    return City(
        reserve_body=body,
        reserve=actor(body, Role.RESERVE_MAKER),
        reserve2=actor(body, Role.RESERVE_CHECKER),
        exchange_body=exchange,
        exchange=actor(exchange, Role.EXCHANGE_MAKER),
        exchange2=actor(exchange, Role.EXCHANGE_CHECKER),
        bureau=actor(orgs.organisation("BUREAU"), Role.BUREAU),
        branch=actor(orgs.organisation("BRANCH"), Role.BRANCH),
        auditor=actor(orgs.organisation("AUDIT_OFFICE"), Role.AUDITOR),
    )


@dataclass
class Firm:
    organisation: Organisation
    clerk: Actor
    approver: Actor
    unit: DischargeUnit


def firm(*, sector: rules.Sector = rules.Sector.PAPER, thermal: bool = False) -> Firm:
    """An enterprise with a clerk, an approver and one site in Guanxian, basin Tuhai."""
    organisation = orgs.organisation()
    unit = DischargeUnit.objects.create(
        organisation=organisation,
        name="一厂",
        permit_no=f"{organisation.credit_code}001",
        area=area(),
        basin="tuhai",
        sector=sector.value,
        thermal_power=thermal,
        agriculture=False,
        created_at=NOW,
    )
    return Firm(
        organisation, actor(organisation, Role.FIRM_CLERK), actor(organisation, Role.FIRM_APPROVER), unit
    )


def verified_parcel(
    town: City, of: Firm, *, pollutant: Pollutant = Pollutant.COD, grams: int = 10_000_000
) -> Parcel:
    """An initial right that went through branch and bureau."""
    verification = services.apply_for_verification(
        actor=of.clerk,
        unit_id=of.unit.pk,
        kind=rules.VerificationKind.INITIAL,
        pollutant=pollutant,
        claimed_g=grams,
        measure=rules.Measure.NONE,
        grounds="按排放标准核算",
        paid=True,
        term_start=TERM_START,
        now=NOW,
    )
    services.review_verification(
        actor=town.branch, verification_id=verification.pk, accept=True, reason="", now=NOW
    )
    services.decide_verification(
        actor=town.bureau, verification_id=verification.pk, accept=True, verified_g=None, reason="", now=NOW
    )
    return Parcel.objects.get(right__verification=verification)


def project(of: Firm, name: str = "技改项目") -> Project:
    return services.create_project(
        actor=of.clerk,
        unit_id=of.unit.pk,
        name=name,
        kind=rules.ProjectKind.NEW,
        eia_stage=rules.EiaStage.APPROVED,
        eia_no="聊环审〔2023〕1号",
        description="",
        now=NOW,
    )


def confirmed_need(
    town: City,
    of: Firm,
    *,
    pollutant: Pollutant = Pollutant.NOX,
    grams: int = 20_000_000,
    name: str = "技改项目",
) -> NeedConfirmation:
    """A need that the branch has confirmed."""
    need = services.apply_for_need(
        actor=of.clerk, project_id=project(of, name).pk, emissions_g={pollutant: grams}, now=NOW
    )
    return services.confirm_need(actor=town.branch, need_id=need.pk, reason="", now=NOW)
