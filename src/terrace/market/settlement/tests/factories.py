"""What tests of settlement start from: plain functions without surprises."""

from __future__ import annotations

import datetime as dt
import itertools

from terrace.kernel.base import clock, credit_code
from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs.models import Membership, Organisation, OrganisationKind, Person, User
from terrace.market.settlement.models import SettlementAccount

_numbers = itertools.count(1)
NOW = clock.at_local(dt.date(2023, 12, 4), 10)  # a Monday


def make_organisation(kind: str = OrganisationKind.ENTERPRISE, name: str = "") -> Organisation:
    n = next(_numbers)
    return Organisation.objects.create(
        credit_code=credit_code.make("9", "1", "371500", f"TEST{n:05d}".replace("S", "5")),
        name=name or f"测试单位{n}",
        kind=kind,
        state="ACTIVE",
        area="guanxian",
        bank_account_no=f"6222{n:08d}",
        bank_name="测试银行",
        is_synthetic=True,
    )


def make_actor(organisation: Organisation, *roles: str, name: str = "") -> Actor:
    """A new person with these roles in the organisation."""
    n = next(_numbers)
    person = Person.objects.create(name=name or f"测试人员{n}", identity_digest=f"{n:064d}")
    user = User.objects.create(username=f"user{n}", person=person)
    memberships = [
        Membership.objects.create(user=user, organisation=organisation, role=role, since=dt.date(2023, 1, 1))
        for role in roles
    ]
    return Actor(
        user_id=user.pk,
        person_id=person.pk,
        organisation_id=organisation.pk,
        membership_id=memberships[0].pk if memberships else None,
        roles=frozenset(roles),
        area=organisation.area,
        name=person.name,
    )


def make_accounts(exchange: Organisation, finance: Organisation) -> None:
    """The escrow and treasury accounts of record."""
    for purpose, organisation, number in (
        ("ESCROW", exchange, "1601000000000001"),
        ("TREASURY", finance, "1601000000000002"),
    ):
        SettlementAccount.objects.create(
            organisation=organisation,
            purpose=purpose,
            account_no=number,
            account_name=organisation.name,
            bank_name="测试银行",
            since=clock.at_local(dt.date(2023, 1, 1)),
        )
