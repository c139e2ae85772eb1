"""Problem documents (RFC 9457): what every address under /api/ answers when it does not do what was asked.

One place makes them, whoever refuses: the API, the pages' middleware, the sign-in, the short way of a quote.
`code` is stable and is what programs compare; title and detail are words for people.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

CONTENT_TYPE = "application/problem+json"


def document(*, code: str, title: str, status: int, detail: str = "", **more: Any) -> dict[str, Any]:
    """One problem document; empty parts of `more` (clause, facts, instance, reference) are left out."""
    return {
        "type": f"about:blank#{code}",
        "code": code,
        "title": title,
        "detail": detail or title,
        "status": status,
        **{name: value for name, value in more.items() if value},
    }


def of_refusal(refusal: Refusal, language: str | None, **more: Any) -> dict[str, Any]:
    """A refusal as a problem document in `language`, with the facts that its texts use."""
    return document(
        code=refusal.code,
        title=refusal.message(language),
        detail=refusal.advice(language),
        status=refusal.http_status,
        clause=refusal.clause,
        facts={k: v.of(language) if isinstance(v, Text) else str(v) for k, v in refusal.facts.items()},
        **more,
    )


def encoded(problem: dict[str, Any]) -> bytes:
    """The bytes of a problem document as they go over the wire."""
    return json.dumps(problem, ensure_ascii=False).encode()


def response(problem: dict[str, Any]) -> HttpResponse:
    """The answer that carries a problem document."""
    return HttpResponse(encoded(problem), status=problem["status"], content_type=CONTENT_TYPE)
