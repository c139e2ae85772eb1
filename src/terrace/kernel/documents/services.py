"""Storing documents, handing them out, scanning them."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import hashlib
import logging
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

from django.conf import settings
from procrastinate.contrib.django import app as jobs

from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import queries, rules
from terrace.kernel.documents.access import get_document_for
from terrace.kernel.documents.models import Document, ScanState
from terrace.kernel.documents.procedures import kind_of
from terrace.kernel.documents.procedures import register_kind as register_kind
from terrace.kernel.documents.rules import DocumentKind

log = logging.getLogger(__name__)

SCAN_SECONDS_MAX = 120
SCAN_TASK = "documents.scan"
QUEUE = "scan"


class ScannerFailed(RuntimeError):
    """The virus scanner did not run or did not decide: a fault of the installation, tried again by the job."""


class Readable(Protocol):
    """An open file, an upload of a form."""

    def seek(self, offset: int, /) -> object: ...

    def read(self, size: int, /) -> bytes: ...


class StoreFull(Refusal):
    """The disk of the document store is full or cannot be written; nothing was kept."""

    code = "document.store_full"
    text = Text(
        "文件未能保存：服务器存储空间不足或不可写。",
        "The file could not be saved: the server's storage is full or cannot be written.",
    )
    hint = Text(
        "您的其他内容没有改变。请稍后重试；如仍不行，请联系平台管理员。",
        "Nothing else has changed. Try again later; if it persists, ask the platform's administrator.",
    )
    http_status = 507


class DocumentReplaced(Refusal):
    """Only the newest version can be replaced, and only within its own subject."""

    code = "document.already_replaced"
    text = Text("该文件已有新版本。", "This file already has a newer version.")
    hint = Text("请刷新页面，替换最新版本。", "Reload the page and replace the newest version.")


def store(
    *,
    actor: Actor,
    content: bytes | Readable,
    filename: str,
    media_type: str = "",
    kind: str,
    subject_type: str,
    subject_id: object,
    organisation_id: int | None,
    now: dt.datetime,
    replaces: Document | None = None,
    is_public: bool | None = None,
) -> Document:
    """Keep a file and its row. Part; the row comes and goes with the caller's transaction.

    `media_type` is what the browser claimed and is not believed: the type is found in the content. The
    bytes are written under their digest before the row; a rolled back transaction leaves at most an
    unreferenced file. Raises FileEmpty, FileTooLarge, FileTypeNotAllowed, FileTruncated, StoreFull,
    DocumentReplaced.
    """
    limits = kind_of(kind)
    name = rules.clean_filename(filename)
    data = content if isinstance(content, bytes) else _read(content, limits.size_bytes_max + 1)
    found = rules.accept(data, name, limits)
    if replaces is not None:
        newest = Document.objects.select_for_update().get(pk=replaces.pk)
        same_subject = (newest.subject_type, newest.subject_id) == (subject_type, str(subject_id))
        if not same_subject or Document.objects.filter(replaces=newest).exists():
            raise DocumentReplaced
    digest = hashlib.sha256(data).hexdigest()
    _keep(data, digest)
    has_scanner = bool(_scanner())
    document = Document.objects.create(
        digest=digest,
        size_bytes=len(data),
        media_type=found.value,
        filename=name,
        kind=kind,
        subject_type=subject_type,
        subject_id=str(subject_id),
        organisation_id=organisation_id,
        version=replaces.version + 1 if replaces is not None else 1,
        replaces=replaces,
        is_public=limits.is_public if is_public is None else is_public,
        uploaded_at=now,
        uploaded_by_id=actor.user_id,
        uploaded_by_name=actor.name,
        retain_until=_retain_until(limits, now),
        scan_state=ScanState.PENDING if has_scanner else ScanState.NOT_CONFIGURED,
    )
    if has_scanner:
        jobs.configure_task(SCAN_TASK, queue=QUEUE).defer(document_id=document.pk)
    return document


@act("document.file.read")
def read_document(*, actor: Actor, document_id: int, now: dt.datetime) -> tuple[Document, bytes]:
    """Hand out one document. A file that is not public leaves a journal entry: who read what, when.

    Raises NotFound (no such document, or the store has lost its content), NotAllowed, FileInfected, FileNotScanned.
    """
    document = get_document_for(actor, document_id)
    try:
        content = queries.read_content(document)
    except FileNotFoundError:
        log.error("the content of document %s (%s) is missing from the store", document.pk, document.digest)
        raise NotFound(what=Text("文件内容", "The content of the document")) from None
    if not document.is_public:
        audit.record(
            actor=actor,
            act="document.file.read",
            subject_type="document",
            subject_id=document.pk,
            at=now,
            facts={"digest": document.digest, "of": f"{document.subject_type}:{document.subject_id}"},
        )
    return document, content


@act("document.file.scan")
def record_scan(*, actor: Actor, document_id: int, infected: bool, note: str, now: dt.datetime) -> Document:
    """Write down what the virus scan found. `note` is the scanner's own line. Raises NotFound."""
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        raise NotFound(what=Text("文件", "The document"))
    document.scan_state = ScanState.INFECTED if infected else ScanState.CLEAN
    document.scanned_at = now
    document.scan_note = note[:300]
    document.save(update_fields=["scan_state", "scanned_at", "scan_note"])
    audit.record(
        actor=actor,
        act="document.file.scan",
        subject_type="document",
        subject_id=document.pk,
        at=now,
        facts={"state": document.scan_state, "digest": document.digest},
        reason=document.scan_note,
    )
    return document


def scan_document(*, document_id: int, now: dt.datetime) -> ScanState:
    """Run the scanner over one document and record its finding; the job of `store`. Not an act itself.

    The command of TERRACE_VIRUS_SCAN gets the file's path and answers 0 clean, 1 infected (clamdscan's
    convention). Anything else decides nothing: ScannerFailed is raised, the file stays closed, and the
    job tries again. Raises NotFound.
    """
    document = Document.objects.filter(pk=document_id).first()
    if document is None:
        raise NotFound(what=Text("文件", "The document"))
    if document.scan_state != ScanState.PENDING:
        return ScanState(document.scan_state)
    try:
        done = subprocess.run(
            [*_scanner(), str(queries.content_path(document.digest))],
            capture_output=True, text=True, timeout=SCAN_SECONDS_MAX, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerFailed(f"document {document.pk}: {error}") from error
    if done.returncode not in (0, 1):
        raise ScannerFailed(f"document {document.pk}: the scanner answered {done.returncode}")
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    note = lines[0].replace(str(queries.folder()), "") if lines else ""
    found = record_scan(
        actor=SYSTEM, document_id=document.pk, infected=done.returncode == 1, note=note, now=now
    )
    return ScanState(found.scan_state)


def _read(content: Readable, size: int) -> bytes:
    content.seek(0)  # a form may have looked into the file already
    data: bytes = content.read(size)
    return data


def _scanner() -> list[str]:
    command = getattr(settings, "TERRACE_VIRUS_SCAN", ())
    return command.split() if isinstance(command, str) else list(command)


def _retain_until(kind: DocumentKind, now: dt.datetime) -> dt.date | None:
    if kind.retain_years is None:
        return None
    today = local(now).date()
    try:
        return today.replace(year=today.year + kind.retain_years)
    except ValueError:  # 29 February
        return today.replace(year=today.year + kind.retain_years, day=28)


def _keep(data: bytes, digest: str) -> None:
    """Write the content once: to a temporary file, through to the disk, then under its name."""
    path = queries.content_path(digest)
    if path.exists() and path.stat().st_size == len(data):
        return
    partial: Path | None = None
    try:
        queries.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o440)
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG, errno.ENOTDIR):
            log.error("the document store cannot be written: %s", error.strerror)
            raise StoreFull from error
        raise


def _sync_folder(folder: Path) -> None:
    """A renamed file survives a power cut only when its folder reached the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
