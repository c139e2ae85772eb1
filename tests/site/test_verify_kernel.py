"""`terrace verify` looks at documents, notices and procedures too."""

from __future__ import annotations

from pathlib import Path

import pytest

from terrace.kernel.documents import queries
from terrace.kernel.documents.tests import factories as documents
from terrace.kernel.procedures import procedures
from terrace.kernel.procedures.tests import factories as cases
from terrace.site.checks import verify_database

pytestmark = pytest.mark.django_db


def test_damage_of_a_document_and_a_forgotten_version_are_found(
    settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TERRACE_DOCUMENT_DIR = tmp_path  # type: ignore[attr-defined]
    settings.TERRACE_VIRUS_SCAN = []  # type: ignore[attr-defined]
    monkeypatch.setattr(procedures, "_procedures", {})
    procedures.register(cases.procedure())
    document = documents.document()
    firm = cases.organisation()
    cases.case(firm, cases.actor(firm, "FIRM_CLERK"))
    assert verify_database() == []
    queries.content_path(document.digest).unlink()
    procedures._procedures.clear()
    assert {(f.check, f.where.split(" ")[0]) for f in verify_database()} == {
        ("documents", "document"),
        ("procedures", "test.permit"),
    }
