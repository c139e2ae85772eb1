"""Storing, replacing, handing out and scanning."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import sys
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, SYSTEM, Actor, Verdict
from terrace.kernel.base.errors import NotAllowed, NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import access, procedures, queries, rules, services
from terrace.kernel.documents.models import Document, ScanState
from terrace.kernel.documents.tests import factories as make

pytestmark = pytest.mark.django_db
READER = Actor(user_id=5, person_id=5, organisation_id=None, membership_id=None, name="读者")
AUDITOR = Actor(
    user_id=6, person_id=6, organisation_id=None, membership_id=None, roles=frozenset({"AUDITOR"})
)


@pytest.fixture(autouse=True)
def own_store(settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.TERRACE_DOCUMENT_DIR = tmp_path / "documents"  # type: ignore[attr-defined]
    settings.TERRACE_VIRUS_SCAN = []  # type: ignore[attr-defined]
    monkeypatch.setattr(access, "_readers", {})
    monkeypatch.setattr(procedures, "_kinds", {})
    return tmp_path / "documents"


def test_the_content_lies_under_its_digest(own_store: Path) -> None:
    document = make.document(content=io.BytesIO(make.PDF))
    digest = hashlib.sha256(make.PDF).hexdigest()
    assert document.digest == digest
    path = own_store / digest[:2] / digest[2:4] / digest
    assert path.read_bytes() == make.PDF
    assert not list(own_store.rglob(".partial-*"))
    assert (document.version, document.scan_state, document.media_type) == (
        1,
        "NOT_CONFIGURED",
        "application/pdf",
    )


def test_the_same_content_is_kept_once() -> None:
    make.document(subject_id=1)
    make.document(subject_id=2)
    files = [p for p in queries.folder().rglob("*") if p.is_file()]
    assert len(files) == 1
    assert queries.first_damage() is None


def test_versions_chain_and_only_the_newest_can_be_replaced() -> None:
    first = make.document()
    second = make.document(content=make.PDF + b"2%%EOF", replaces=first)
    assert second.version == 2
    assert list(queries.documents_of("permit", 1)) == [second]
    assert queries.versions_of(second) == [second, first]
    with pytest.raises(services.DocumentReplaced) as refused:
        make.document(replaces=first)
    assert refused.value.code == "document.already_replaced"
    with pytest.raises(services.DocumentReplaced):
        make.document(replaces=second, subject_id=99)


def test_a_kind_sets_limit_publicity_and_retention() -> None:
    procedures.register_kind(
        rules.DocumentKind(
            "permit.copy", Text("许可证", "permit"), size_bytes_max=10, is_public=True, retain_years=10
        )
    )
    with pytest.raises(rules.FileTooLarge):
        make.document(content=io.BytesIO(make.PDF))
    document = make.document(content=b"abc", filename="a.txt")
    assert document.is_public
    assert document.retain_until is not None
    assert document.retain_until.year == clock.today().year + 10


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_full_disk_is_a_clear_refusal_and_leaves_nothing(
    fault: int, monkeypatch: pytest.MonkeyPatch, own_store: Path
) -> None:
    def full(_: int) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(services.StoreFull) as refused:
        make.document()
    assert refused.value.code == "document.store_full"
    assert [p for p in own_store.rglob("*") if p.is_file()] == []
    assert not Document.objects.exists()


def test_readers_the_uploader_and_auditors_may_read_others_not() -> None:
    document = make.document()
    for actor in (READER, ANONYMOUS):
        with pytest.raises(NotAllowed):
            access.get_document_for(actor, document.pk)
    assert access.get_document_for(AUDITOR, document.pk) == document
    access.register_reader("permit", lambda actor, _: Verdict(actor.user_id == 5))
    assert access.get_document_for(READER, document.pk) == document
    with pytest.raises(NotFound):
        access.get_document_for(READER, 987_654)


def test_handing_out_leaves_a_journal_entry_unless_public() -> None:
    private, public = make.document(), make.document(is_public=True)
    _, content = services.read_document(actor=AUDITOR, document_id=private.pk, now=clock.now())
    services.read_document(actor=ANONYMOUS, document_id=public.pk, now=clock.now())
    assert content == make.PDF
    entry = JournalEntry.objects.get()
    assert (entry.act, entry.subject_id, entry.actor_user_id) == ("document.file.read", str(private.pk), 6)


def test_a_lost_or_changed_content_is_found() -> None:
    document = make.document(is_public=True)
    path = queries.content_path(document.digest)
    path.chmod(0o640)
    path.write_bytes(b"other")
    assert "does not match" in str(queries.first_damage())
    path.unlink()
    assert "missing" in str(queries.first_damage())
    with pytest.raises(NotFound):
        services.read_document(actor=ANONYMOUS, document_id=document.pk, now=clock.now())


SCANNER = "import sys; data = open(sys.argv[1], 'rb').read(); bad = b'EICAR' in data; print('FOUND' if bad else 'OK'); sys.exit(bad)"


def test_nothing_is_handed_out_before_its_scan_and_nothing_infected_ever(settings: object) -> None:
    settings.TERRACE_VIRUS_SCAN = [sys.executable, "-c", SCANNER]  # type: ignore[attr-defined]
    clean = make.document(is_public=True)
    bad = make.document(is_public=True, content=b"%PDF-1.4 EICAR %%EOF")
    with pytest.raises(access.FileNotScanned) as waiting:
        access.get_document_for(ANONYMOUS, clean.pk)
    assert waiting.value.code == "document.file_not_scanned"
    jobs = ProcrastinateJob.objects.filter(task_name="documents.scan").order_by("id")
    assert [job.args for job in jobs] == [{"document_id": clean.pk}, {"document_id": bad.pk}]
    for _ in range(2):  # a job that was killed after its work runs again and changes nothing
        assert services.scan_document(document_id=clean.pk, now=clock.now()) == ScanState.CLEAN
        assert services.scan_document(document_id=bad.pk, now=clock.now()) == ScanState.INFECTED
    assert JournalEntry.objects.filter(act="document.file.scan").count() == 2
    assert access.get_document_for(ANONYMOUS, clean.pk).scan_state == ScanState.CLEAN
    with pytest.raises(access.FileInfected) as infected:
        access.get_document_for(AUDITOR, bad.pk)
    assert infected.value.code == "document.file_infected"


@pytest.mark.parametrize("command", [[sys.executable, "-c", "raise SystemExit(2)"], ["/nowhere/clamdscan"]])
def test_a_scanner_that_fails_decides_nothing(settings: object, command: list[str]) -> None:
    settings.TERRACE_VIRUS_SCAN = command  # type: ignore[attr-defined]
    document = make.document()
    with pytest.raises(services.ScannerFailed):
        services.scan_document(document_id=document.pk, now=clock.now())
    document.refresh_from_db()
    assert document.scan_state == ScanState.PENDING


def test_a_scan_of_nothing_is_refused() -> None:
    with pytest.raises(NotFound):
        services.record_scan(actor=SYSTEM, document_id=1, infected=False, note="", now=clock.now())
    with pytest.raises(NotFound):
        services.scan_document(document_id=1, now=clock.now())


def test_the_database_refuses_a_broken_version_chain() -> None:
    document = make.document()
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(version=2)
