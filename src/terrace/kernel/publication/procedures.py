"""The register of notice kinds: filled by each context in `AppConfig.ready()`, read-only afterwards."""

from __future__ import annotations

from terrace.kernel.base.texts import Text
from terrace.kernel.publication.rules import NoticeKind

__all__ = ["CORRECTION", "NoticeKind", "kind_of", "kinds", "register_kind"]

CORRECTION = NoticeKind("correction", Text("更正公告", "Correction"))

_kinds: dict[str, NoticeKind] = {}


def register_kind(kind: NoticeKind) -> None:
    """Declare a kind of notice with its masks. ValueError when it is declared twice differently."""
    if _kinds.setdefault(kind.code, kind) != kind:
        raise ValueError(f"the notice kind {kind.code} is registered twice with different content")


def kind_of(code: str) -> NoticeKind:
    """The declared kind. ValueError when there is none: nothing is published whose masks nobody declared."""
    try:
        return _kinds[code]
    except KeyError:
        raise ValueError(
            f"the notice kind {code!r} is not registered: call"
            " publication.procedures.register_kind(NoticeKind(code, label, masks)) in AppConfig.ready()"
        ) from None


def kinds() -> list[NoticeKind]:
    """All declared kinds, by code."""
    return [_kinds[code] for code in sorted(_kinds)]
