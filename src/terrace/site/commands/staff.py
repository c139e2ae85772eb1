"""`terrace staff`: enter the first people of a body on the machine; later roles are two-person acts on the pages."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from terrace.site.cli import BadInput, Output

HELP = "enter the first person of a role in a body of the city (needs the database)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--code", required=True, help="unified social credit code of the organisation")
    parser.add_argument("--kind", required=True, help="PLATFORM, EXCHANGE, RESERVE_BODY, BUREAU, BRANCH, …")
    parser.add_argument("--organisation", required=True, help="its name in Chinese")
    parser.add_argument("--organisation-en", default="", help="its name in English")
    parser.add_argument("--area", default="", help="area of a county branch, in pinyin")
    parser.add_argument("--role", required=True, help="ADMIN, ADMIN_CHECKER, EXCHANGE_MAKER, …")
    parser.add_argument("--username", required=True)
    parser.add_argument("--name", required=True, help="name of the person")
    parser.add_argument("--email", required=True, help="where the invitation goes")


def _identity() -> str:
    """The identity number, from the terminal or the first line of standard input; never an argument."""
    if sys.stdin.isatty():
        return getpass.getpass("identity number (kept as a digest only): ")
    return sys.stdin.readline()


def run(options: argparse.Namespace) -> Output:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "terrace.site.settings.prod")
    try:
        django.setup()
        return _enter(options)
    except ImproperlyConfigured as error:
        raise BadInput(str(error)) from error
    except OperationalError as error:
        raise BadInput(f"the database cannot be used: {' '.join(str(error).split())}") from error


def _enter(options: argparse.Namespace) -> Output:
    from terrace.kernel.base import clock
    from terrace.kernel.base.actor import SYSTEM
    from terrace.kernel.base.errors import Refusal
    from terrace.kernel.orgs import queries, services
    from terrace.kernel.orgs.models import OrganisationKind
    from terrace.kernel.orgs.roles import Role

    try:
        kind, role = OrganisationKind(options.kind), Role(options.role)
    except ValueError as error:
        raise BadInput(f"{error}; see docs/guides/accounts.md") from error
    number = _identity()
    try:
        person = services.person_data(
            name=options.name,
            identity_number=number,
            username=options.username,
            email=options.email,
        )
        now = clock.now()
        organisation = queries.organisation_by_code(services.checked_code(options.code))
        if organisation is None:
            organisation = services.found_organisation(
                actor=SYSTEM,
                credit_code=options.code,
                name=options.organisation,
                name_en=options.organisation_en,
                kind=kind,
                now=now,
                area=options.area,
            )
        elif queries.members_of(organisation.pk, on=clock.today()).filter(role=role).exists():
            raise BadInput(f"{organisation.name} has a {role} already: later ones are proposed on the pages")
        user = services.found_member(
            actor=SYSTEM,
            organisation_id=organisation.pk,
            role=role,
            username=person.username,
            name=person.name,
            identity=number,
            password=None,
            email=person.email,
            now=now,
        )
    except Refusal as refused:
        raise BadInput(refused.message(options.lang)) from refused
    return Output(
        {"user": user.username, "role": role, "organisation": organisation.credit_code},
        f"{user.username} is {role.label.of(options.lang)}, {organisation.name}; the invitation is queued",
    )
