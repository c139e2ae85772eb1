"""What every page of this context needs: the actor, the way on, the key of a form."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from terrace.kernel.base.actor import Actor
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.queries import options_for

TONES = {
    "SOLD": "leaf",
    "ADMITTED": "leaf",
    "QUALIFIED": "leaf",
    "FAILED": "quiet",
    "TERMINATED": "cinnabar",
    "SUSPENDED": "cinnabar",
    "REFUSED": "cinnabar",
    "NOT_PAID": "cinnabar",
    "WITHDRAWN": "quiet",
    "LAPSED": "quiet",
}


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    return actor


def see_other(name: str, *args: object) -> HttpResponseRedirect:
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def key_of(request: HttpRequest) -> str | None:
    return request.POST.get("idempotency_key") or None


def posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def tone_of(state: str) -> str:
    return TONES.get(state, "water")


def options(case: Case | None, actor: Actor) -> set[str]:
    """The codes of the steps that the actor may take now."""
    if case is None or actor.user_id is None:
        return set()
    return {option.code for option in options_for(case, actor) if option.allowed}
