"""Organisations, people and their roles in the demo city, and the means to act as one of them."""

from __future__ import annotations

import csv
import datetime as dt
from typing import Any

from django.conf import settings

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.orgs import services
from terrace.kernel.orgs.access import actor_of
from terrace.kernel.orgs.models import Organisation, OrganisationKind, User
from terrace.kernel.orgs.roles import Role
from terrace.site.checks import DEMO_PASSWORD

SEEDS = settings.REPOSITORY_ROOT / "seeds" / "demo"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a seed file."""
    with (SEEDS / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def at(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2023) -> dt.datetime:
    """A wall-clock time in Liaocheng."""
    return clock.at_local(dt.date(year, month, day), hour, minute)


def go_to(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2023) -> dt.datetime:
    """Move the platform's clock there and return what it shows."""
    clock.set_now(at(month, day, hour, minute, year))
    return clock.now()


def acting(username: str) -> Actor:
    """The person `username` as an actor, with the roles held on the platform's day."""
    return actor_of(User.objects.get(username=username))


def organisation(key: str) -> Organisation:
    """An organisation by its key in the seed file."""
    code = next(row["credit_code"] for row in rows("organisations.csv") if row["key"] == key)
    return Organisation.objects.get(credit_code=code)


def build() -> None:
    """The bodies of the city, twelve invented firms, and one person for every account."""
    now = go_to(11, 1)
    ids: dict[str, int] = {}
    for row in rows("organisations.csv"):
        facts: dict[str, Any] = {
            k: row[k] for k in ("area", "legal_representative", "bank_name", "bank_account_no")
        }
        made = services.found_organisation(
            actor=SYSTEM, credit_code=row["credit_code"], name=row["name"], name_en=row["name_en"],
            kind=OrganisationKind(row["kind"]), is_synthetic=True, now=now, **facts,
        )  # fmt: skip
        ids[row["key"]] = made.pk
    for row in rows("members.csv"):
        services.found_member(
            actor=SYSTEM, organisation_id=ids[row["organisation"]], role=Role(row["role"]), username=row["username"],
            name=row["name"], identity=f"demo:{row['username']}", password=DEMO_PASSWORD, now=now,
            email=f"{row['username']}@demo.example",
        )  # fmt: skip
