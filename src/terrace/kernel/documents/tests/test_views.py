"""Files leave as attachments, only through the access checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from terrace.kernel.base.texts import Text
from terrace.kernel.documents import access
from terrace.kernel.documents.forms import DocumentField
from terrace.kernel.documents.models import ScanState
from terrace.kernel.documents.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_store(settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TERRACE_DOCUMENT_DIR = tmp_path  # type: ignore[attr-defined]
    settings.TERRACE_VIRUS_SCAN = []  # type: ignore[attr-defined]
    monkeypatch.setattr(access, "_readers", {})


def test_a_public_file_is_an_attachment_that_no_browser_interprets(client: Client) -> None:
    document = make.document(is_public=True)
    response = client.get(reverse("documents:download", args=[document.pk]))
    assert response.status_code == 200
    assert response.content == make.PDF
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert document.digest in response["ETag"]


def test_a_private_file_is_refused_to_the_public(client: Client) -> None:
    document = make.document()
    response = client.get(reverse("documents:download", args=[document.pk]))
    assert response.status_code in (302, 403)
    assert make.PDF not in response.content
    assert client.get(reverse("documents:download", args=[987_654])).status_code == 404
    assert client.post(reverse("documents:download", args=[document.pk])).status_code == 405


def test_the_partial_shows_name_size_digest_and_version() -> None:
    document = make.document(content=make.PDF + b"%%EOF", replaces=make.document())
    html = render_to_string("documents/_file.html", {"document": document})
    for part in ("许可证.pdf", document.size_words, document.digest, "2"):
        assert part in html
    document.scan_state = ScanState.INFECTED
    assert "发现病毒" in render_to_string("documents/_file.html", {"document": document})


def test_the_field_says_what_is_allowed() -> None:
    field = DocumentField(
        kind="permit.copy", label=Text("许可证", "Permit"), help_text=Text("副本。", "A copy.")
    )
    assert "20.0 MB" in str(field.help_text)
    assert ".pdf" in str(field.widget.attrs["accept"])
