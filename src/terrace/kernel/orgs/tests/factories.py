"""People, organisations, memberships and actors for tests: plain functions without surprises."""

from __future__ import annotations

import datetime as dt
import itertools

from terrace.kernel.base import clock, credit_code
from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs import access, services
from terrace.kernel.orgs.models import Membership, Organisation, OrganisationKind, Person, User
from terrace.kernel.orgs.roles import Role

PASSWORD = "for-tests-only-1"
_numbers = itertools.count(1)

KIND_OF_ROLE = {
    Role.RESERVE_MAKER: "RESERVE_BODY",
    Role.RESERVE_CHECKER: "RESERVE_BODY",
    Role.EXCHANGE_MAKER: "EXCHANGE",
    Role.EXCHANGE_CHECKER: "EXCHANGE",
    Role.BUREAU: "BUREAU",
    Role.BUREAU_CHECKER: "BUREAU",
    Role.BRANCH: "BRANCH",
    Role.FINANCE: "FINANCE",
    Role.PERMIT: "PERMIT_OFFICE",
    Role.FIRM_CLERK: "ENTERPRISE",
    Role.FIRM_APPROVER: "ENTERPRISE",
    Role.AUDITOR: "AUDIT_OFFICE",
    Role.MONITOR: "PLATFORM",
    Role.ADMIN: "PLATFORM",
    Role.ADMIN_CHECKER: "PLATFORM",
}


def credit(n: int | None = None) -> str:
    """A valid credit code that no other test has."""
    return credit_code.make("9", "1", "371500", f"MA{next(_numbers) if n is None else n:07d}")


def identity_number(n: int | None = None) -> str:
    """A well-formed identity number of nobody."""
    first = f"371500199001{1 + (n or 0) % 28:02d}{next(_numbers) % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(c) * w for c, w in zip(first, weights, strict=True)) % 11]


def organisation(
    kind: str = OrganisationKind.ENTERPRISE, state: str = "ACTIVE", name: str = "", reason: str = ""
) -> Organisation:
    n = next(_numbers)
    return Organisation.objects.create(
        credit_code=credit(n),
        name=name or f"测试单位{n}",
        kind=kind,
        state=state,
        state_reason=reason,
        area="guanxian",
        bank_name="测试银行",
        bank_account_no=f"6222{n:08d}",
        is_synthetic=True,
    )


def person(name: str = "") -> Person:
    n = next(_numbers)
    return Person.objects.create(name=name or f"测试人员{n}", identity_digest=f"{n:064d}")


def user(of: Person | None = None, username: str = "") -> User:
    """A sign-in with PASSWORD; `of` gives a second one to a human who has one."""
    n = next(_numbers)
    made = User(username=username or f"user{n}", person=of or person(), email=f"user{n}@example.com")
    made.set_password(PASSWORD)
    made.save()
    return made


def member(
    of: Organisation, *roles: str, of_user: User | None = None, since: dt.date = dt.date(2023, 1, 1)
) -> User:
    who = of_user or user()
    for role in roles:
        Membership.objects.create(user=who, organisation=of, role=role, since=since)
    return who


def actor(*roles: Role, of: Organisation | None = None, of_user: User | None = None) -> Actor:
    """A new person with these roles, as the middleware would see them; the organisation fits the first role."""
    place = of or organisation(KIND_OF_ROLE[roles[0]])
    return access.actor_of(member(place, *roles, of_user=of_user), place.pk)


def person_data(name: str = "王敏", number: str = "", username: str = "") -> services.PersonData:
    n = next(_numbers)
    return services.person_data(
        name=name,
        identity_number=number or identity_number(n),
        username=username or f"new{n}",
        email=f"new{n}@example.com",
    )


def account_data(code: str = "", name: str = "聊城测试纸业有限公司") -> services.AccountData:
    return services.AccountData(
        credit_code=code or credit(),
        name=name,
        name_en="Liaocheng Test Paper",
        legal_representative="李强",
        area="guanxian",
        address="冠县测试路1号",
        phone="0635-1234567",
        email="firm@example.com",
        bank_name="测试银行",
        bank_account_no="6222000011112222",
    )


def today() -> dt.date:
    return clock.today()
