"""What the pages of settlement share: who asks, and the answer after a successful act."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text


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
