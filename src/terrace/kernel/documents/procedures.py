"""The register of document kinds: filled by each context in `AppConfig.ready()`, read-only afterwards."""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.kernel.documents.rules import DocumentKind

__all__ = ["DocumentKind", "kind_of", "register_kind"]

_kinds: dict[str, DocumentKind] = {}


def register_kind(kind: DocumentKind) -> None:
    """Declare the limits of a kind of document. ValueError when it is declared twice differently."""
    if _kinds.setdefault(kind.code, kind) != kind:
        raise ValueError(f"the document kind {kind.code} is registered twice with different content")


def kind_of(code: str) -> DocumentKind:
    """The declared kind, or one with the platform's limits: 20 MB, every allowed type, not public, kept for good."""
    return _kinds.get(code) or DocumentKind(code, Text("文件", "Document"))
