"""Reading documents and proving the store."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from terrace.kernel.documents.models import Document


def folder() -> Path:
    """Where the contents lie: TERRACE_DOCUMENT_DIR."""
    return Path(settings.TERRACE_DOCUMENT_DIR)


def content_path(digest: str) -> Path:
    """The file of a content: `aa/bb/<digest>` below the store's folder."""
    return folder() / digest[:2] / digest[2:4] / digest


def read_content(document: Document) -> bytes:
    """The bytes of a document. Raises FileNotFoundError when the store has lost them."""
    return content_path(document.digest).read_bytes()


def documents_of(subject_type: str, subject_id: object) -> QuerySet[Document]:
    """The current versions of a subject's documents, oldest first."""
    return Document.objects.filter(
        subject_type=subject_type, subject_id=str(subject_id), replaced_by__isnull=True
    ).order_by("id")


def versions_of(document: Document) -> list[Document]:
    """A document and the versions it replaced, newest first."""
    chain = [document]
    candidates = Document.objects.filter(subject_type=document.subject_type, subject_id=document.subject_id)
    by_id = {d.pk: d for d in candidates}
    while chain[-1].replaces_id is not None:
        chain.append(by_id[chain[-1].replaces_id])
    return chain


def first_damage() -> str | None:
    """The first document whose content is missing or differs from its digest, in words; None when all agree."""
    seen: set[str] = set()
    for document in Document.objects.order_by("id").only("id", "digest", "filename").iterator():
        if document.digest in seen:
            continue
        seen.add(document.digest)
        try:
            with content_path(document.digest).open("rb") as handle:
                found = hashlib.file_digest(handle, "sha256").hexdigest()
        except FileNotFoundError:
            return f"document {document.pk} ({document.filename}): its content is missing"
        if found != document.digest:
            return f"document {document.pk} ({document.filename}): its content does not match its digest"
    return None
