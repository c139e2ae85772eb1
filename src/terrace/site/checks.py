"""What must be true before production starts, and what `terrace verify` proves of the stored data."""

from __future__ import annotations

from dataclasses import dataclass

DEMO_PASSWORD = "terrace-demo"  # noqa: S105 - the published password of the demo, refused everywhere else


class NotFitForProduction(Exception):
    """One line: what of the demo is still there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault that the verification found; `where` names the first bad row."""

    check: str
    where: str
    what: str


def refuse_demo_leftovers() -> None:
    """Raise NotFitForProduction when demo users, their password, or a shifted clock are in this database."""
    from django.contrib.auth.hashers import check_password
    from django.db import connection

    from terrace.kernel.orgs.models import Organisation, User

    if Organisation.objects.filter(is_synthetic=True).exists():
        raise NotFitForProduction(
            "this database holds the demo city (synthetic organisations): production needs a database of its own"
        )
    for user in User.objects.filter(is_active=True).only("username", "password").iterator():
        if check_password(DEMO_PASSWORD, user.password):
            raise NotFitForProduction(
                f"user {user.username} has the demo password: change it or close the account"
            )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM base_clock_setting WHERE \"offset\" <> interval '0'")
        row = cursor.fetchone()
    if row is not None and row[0]:
        raise NotFitForProduction(
            "the platform clock of this database is shifted: production runs on the database clock"
        )


def verify_database(published: dict[str, str] | None = None) -> list[Finding]:
    """Recompute the journal's chain, the notices, the documents' digests, the ledger and the digests of earlier days; an
    empty list when everything agrees. `published`: digests by day that were kept elsewhere. Django must be set up."""
    from terrace.kernel.audit.queries import verify_chain
    from terrace.kernel.documents.queries import first_damage
    from terrace.kernel.ledger.queries import verify as verify_ledger
    from terrace.kernel.procedures.queries import unknown_versions
    from terrace.kernel.publication.queries import verify_digests, verify_notices

    findings = []
    if (notice := verify_notices()) is not None:
        findings.append(Finding("notices", notice, "chain"))
    if (document := first_damage()) is not None:
        findings.append(Finding("documents", document, "content"))
    findings += [
        Finding("procedures", version, "open cases of a version this release does not know")
        for version in unknown_versions()
    ]
    fault = verify_chain()
    if fault is not None:
        findings.append(
            Finding(
                "journal",
                f"stream {fault.stream}, entry {fault.entry_id}, position {fault.position}",
                fault.what,
            )
        )
    if (wrong := verify_ledger()) is not None:
        findings.append(Finding("ledger", f"{wrong.table} {wrong.row_id}", f"{wrong.check}: {wrong.text.en}"))
    if (day := verify_digests(published)) is not None:
        findings.append(Finding("digests", day, "differs from what was published"))
    return findings
