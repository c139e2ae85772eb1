"""Documents for tests."""

from __future__ import annotations

from typing import Any

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.documents import services
from terrace.kernel.documents.models import Document

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"


def document(**more: Any) -> Document:
    values: dict[str, Any] = {
        "actor": SYSTEM,
        "content": PDF,
        "filename": "许可证.pdf",
        "kind": "permit.copy",
        "subject_type": "permit",
        "subject_id": 1,
        "organisation_id": None,
        "now": clock.now(),
    }
    return services.store(**{**values, **more})
