"""Every address x every role, on the demo city: the answers stand in access_matrix.csv, and nothing else is served.

A new address makes this test fail until its line is written. `TERRACE_WRITE_MATRIX=1 pytest <this file>`
writes the answers as they are now: read the diff before you commit it, that is the review.
Every request runs inside a savepoint that is rolled back, so also acts can be tried by everybody.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from terrace.kernel.orgs.models import User

MATRIX = Path(__file__).with_name("access_matrix.csv")
ROLES = {
    "public": None,
    "firm clerk": "buyer1",
    "firm approver": "buyer1-approver",
    "other firm": "buyer2",
    "reserve": "reserve",
    "reserve checker": "reserve2",
    "exchange": "exchange",
    "exchange checker": "exchange2",
    "bureau": "bureau",
    "bureau checker": "bureau2",
    "branch": "branch-linqing",
    "finance": "finance",
    "permit": "permit",
    "auditor": "auditor",
    "monitor": "monitor",
    "admin": "admin",
}
# Addresses of libraries whose own tests cover them; ours are only their looks.
LIBRARY = ("account_", "mfa_")
SIGN_IN = "/accounts/login/"


def addresses(
    resolver: URLResolver | None = None, namespace: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names of all addresses with their parameters."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = (
                f"{namespace}:{pattern.namespace}"
                if namespace and pattern.namespace
                else pattern.namespace or namespace
            )
            for name, parameters in addresses(pattern, inner):
                yield name, {**pattern.pattern.converters, **parameters}
        elif isinstance(pattern, URLPattern):
            name = f"{namespace}:{pattern.name}" if namespace else str(pattern.name)
            yield name, dict(pattern.pattern.converters)


def sample_of(model: str, field: str = "pk", **filters: object) -> Callable[[], object]:
    def find() -> object:
        from django.apps import apps

        row = apps.get_model(model).objects.filter(**filters).order_by("pk").first()
        return getattr(row, field) if row is not None else 0

    return find


# What stands for a parameter: buyer1's own things where a firm has some, so that "other firm" means something.
SAMPLES: dict[str, Callable[[], object]] = {
    "auction_id": sample_of("auctions.Auction"),
    "membership_id": sample_of("orgs.Membership", user__username="buyer1"),
    "letter_id": sample_of("orgs.DelegationLetter"),
    "approval_id": sample_of("orgs.Approval"),
    "organisation_id": sample_of("orgs.Organisation", memberships__user__username="buyer1"),
    "change_id": sample_of("orgs.Approval", act="settlement.account.change"),
    "application_id": sample_of("orgs.AccountApplication"),
    "entry_id": sample_of("audit.JournalEntry"),
    "decision_id": sample_of(
        "rulebooks.EligibilityDecision", organisation__memberships__user__username="buyer1"
    ),
    "parameter_id": sample_of("rulebooks.RulebookParameter"),
    "document_id": sample_of("documents.Document", organisation__memberships__user__username="buyer1"),
    "sequence": sample_of("publication.Notice", "sequence"),
    "ledger:entry_id": sample_of("ledger.Entry"),
    "account_id": sample_of("ledger.Account"),
    "intake_id": sample_of("reserve.Intake"),
    "plan_id": sample_of("reserve.ReleasePlan"),
    "planned_lot_id": sample_of("reserve.PlannedLot"),
    "lot_id": sample_of("listings.Lot"),
    "listing_id": sample_of("listings.Listing"),
    "signup_id": sample_of("listings.SignUp", organisation__memberships__user__username="buyer1"),
    "address": lambda: "lots",
    "view_id": sample_of("web.SavedView"),
    "message_id": sample_of("notify.Message"),
    "unit_id": sample_of("rights.DischargeUnit", organisation__memberships__user__username="buyer1"),
    "verification_id": sample_of("rights.Verification"),
    "parcel_id": sample_of("rights.Parcel"),
    "hold_id": sample_of("rights.ParcelHold", kind="COURT"),
    "conduct_id": sample_of("rights.ConductRecord"),
    "project_id": sample_of("rights.Project", unit__organisation__memberships__user__username="buyer1"),
    "need_id": sample_of(
        "rights.NeedConfirmation", project__unit__organisation__memberships__user__username="buyer1"
    ),
    "agreement_id": sample_of("auctions.Agreement"),
    "objection_id": sample_of("settlement.Objection"),
    "statement_id": sample_of("settlement.StatementImport"),
    "line_id": sample_of("settlement.BankLine"),
    "number": lambda: "none",
    "topic_name": lambda: "firm",
    "step": lambda: "suspend",
    "name": lambda: "liaocheng-2023-trial",
    "pollutant": lambda: "NOX",
    "region": lambda: "none",
}


def keyword_arguments(name: str, parameters: Iterable[str], samples: dict[str, object]) -> dict[str, object]:
    """What stands for each parameter of an address; an address may have a sample of its own ("ledger:entry_id")."""
    space = name.partition(":")[0]
    return {key: samples.get(f"{space}:{key}", samples.get(key, "none")) for key in parameters}


def tried(client: Client, method: str, url: str) -> str:
    """The status, or "sign-in" for a redirect to the sign-in page."""
    point = transaction.savepoint()
    try:
        response = client.get(url) if method == "GET" else client.post(url, data={})
        if response.status_code in (302, 303) and response["Location"].startswith(SIGN_IN):
            return "sign-in"
        return str(response.status_code)
    finally:
        transaction.savepoint_rollback(point)


@pytest.mark.django_db
@pytest.mark.xdist_group("matrix")
def test_every_address_answers_every_role_as_the_matrix_says(settings: Any, tmp_path: Path) -> None:
    from terrace.site import demo

    settings.TERRACE_DOCUMENT_DIR = tmp_path
    demo.build_once()
    samples = {name: find() for name, find in SAMPLES.items()}
    clients: dict[str, Client] = {}
    for role, username in ROLES.items():
        client = Client(raise_request_exception=False)
        if username is not None:
            client.force_login(
                User.objects.get(username=username),
                backend="allauth.account.auth_backends.AuthenticationBackend",
            )
        clients[role] = client
    lines = []
    for name, parameters in sorted(addresses(), key=lambda pair: pair[0]):
        if name.startswith(LIBRARY):
            continue
        url = reverse(name, kwargs=keyword_arguments(name, parameters, samples))
        for method in ("GET", "POST"):
            answers = [tried(client, method, url) for client in clients.values()]
            if set(answers) != {"405"}:
                lines.append([name, method, *answers])
    # no worker runs in this test, so readyz says 503: that is its answer
    faults = [line for line in lines if line[0] != "readyz" and any(a.startswith("5") for a in line[2:])]
    assert faults == [], "an address breaks instead of answering"
    if os.environ.get("TERRACE_WRITE_MATRIX"):
        with MATRIX.open("w", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows([["address", "method", *ROLES], *lines])
    with MATRIX.open(newline="") as handle:
        expected = list(csv.reader(handle))
    assert expected[0] == ["address", "method", *ROLES]
    wanted = {(row[0], row[1]): row[2:] for row in expected[1:]}
    found = {(row[0], row[1]): row[2:] for row in lines}
    assert sorted(set(found) - set(wanted)) == [], "new addresses: write their lines"
    assert sorted(set(wanted) - set(found)) == [], "lines of addresses that are gone"
    different = {
        f"{name} {method}": list(zip(ROLES, wanted[name, method], got, strict=True))
        for (name, method), got in found.items()
        if got != wanted[name, method]
    }
    assert different == {}


def test_no_act_is_open_to_the_public() -> None:
    """Whoever is not signed in may read, sign in, apply for an account, and change the language; nothing else."""
    open_acts = {
        "orgs:apply",
        "orgs:apply_step",
        "orgs:apply_check",
        "set_language",
        "demo_sign_in",
        "web:demo_clock",
        "settlement:check",
        "api:openapi-json",  # Ninja answers any method with the description
    }
    with MATRIX.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    answers_given = ("200", "302", "303", "422")
    acts = {row["address"] for row in rows if row["method"] == "POST" and row["public"] in answers_given}
    assert acts - open_acts == set()
