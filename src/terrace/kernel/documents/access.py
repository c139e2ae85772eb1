"""Who may read a document: asked of the context that owns its subject."""

from __future__ import annotations

from collections.abc import Callable

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document, ScanState
from terrace.kernel.orgs.roles import Role

MayRead = Callable[[Actor, Document], Verdict]

_readers: dict[str, MayRead] = {}


class FileInfected(Refusal):
    """The virus scan found something: the file is kept as evidence and never handed out."""

    code = "document.file_infected"
    text = Text(
        "文件“{filename}”含有病毒，不能下载。", "The file “{filename}” is infected and is not handed out."
    )
    hint = Text("请提交单位重新上传干净的文件。", "The organisation must upload a clean file.")
    http_status = 403


class FileNotScanned(Refusal):
    code = "document.file_not_scanned"
    text = Text(
        "文件“{filename}”正在进行病毒扫描。", "The file “{filename}” is still being scanned for viruses."
    )
    hint = Text("请一分钟后再试。", "Try again in a minute.")
    http_status = 409


def register_reader(subject_type: str, may_read: MayRead) -> None:
    """Say who may read the documents of a subject type: `may_read(actor, document) -> Verdict`.

    Call it in `AppConfig.ready()`. Without one only the uploading organisation and auditors may.
    """
    if _readers.setdefault(subject_type, may_read) is not may_read:
        raise ValueError(f"a reader for documents of {subject_type} is registered twice")


def may_read(actor: Actor, document: Document) -> Verdict:
    """Public documents: everybody. Others: auditors, the uploading organisation, and whom the subject's context allows."""
    if document.is_public:
        return Verdict(True)
    if actor.has_role(Role.AUDITOR):
        return Verdict(True)
    if actor.organisation_id is not None and actor.organisation_id == document.organisation_id:
        return Verdict(True)
    reader = _readers.get(document.subject_type)
    if reader is not None:
        return reader(actor, document)
    return Verdict(
        False, Text("此文件仅限有关单位查看", "only the organisations concerned may see this file")
    )


def get_document_for(actor: Actor, document_id: int) -> Document:
    """The document, if the actor may read it and it is safe to hand out.

    Raises NotFound, NotAllowed, FileInfected, FileNotScanned.
    """
    document = Document.objects.select_related("organisation").filter(pk=document_id).first()
    if document is None:
        raise NotFound(what=Text("文件", "The document"))
    may_read(actor, document).require()
    if document.scan_state == ScanState.INFECTED:
        raise FileInfected(filename=document.filename)
    if document.scan_state == ScanState.PENDING:
        raise FileNotScanned(filename=document.filename)
    return document
