"""What the pages of settlement share: who asks, and the answer after a successful act."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.translation import get_language

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text

PAGE_SIZE = 25
EXPORT_MAX = 10_000


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware of `orgs` put on the request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    return actor


def posted(request: HttpRequest) -> tuple[Any, Any]:
    """What a form is bound to: the posted fields and files, or nothing when the page is only looked at."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def see_other(request: HttpRequest, url: str, done: Text | None = None) -> HttpResponse:
    """303 to a page, with a word about what was done."""
    if done is not None:
        messages.success(request, done.of(get_language()))
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def as_json(value: Any) -> JsonResponse:
    return JsonResponse(value, safe=False, json_dumps_params={"ensure_ascii": False})


def as_csv(filename: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> HttpResponse:
    """A spreadsheet with a byte-order mark, so that Excel reads the Chinese."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.DictWriter(buffer, fieldnames=list(columns), extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(value) for name, value in row.items()})
    response = HttpResponse(buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is written as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" else value
