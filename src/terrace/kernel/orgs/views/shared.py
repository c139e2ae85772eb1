"""What the pages of this context have in common: the actor of a request, and the answer after a success."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs.access import Standing


def actor_in(request: HttpRequest) -> Actor:
    """Who acts, as ActorMiddleware found out."""
    actor: Actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    return actor


def standing_in(request: HttpRequest) -> Standing:
    standing: Standing = request.standing  # type: ignore[attr-defined]  # ADR 0005
    return standing


def key_of(request: HttpRequest) -> str | None:
    """The idempotency key that every write form carries."""
    return request.POST.get("idempotency_key") or None


def see_other(name: str, *args: object) -> HttpResponseRedirect:
    """The answer to a successful POST: look there (303), so that a reload repeats nothing."""
    return see_other_path(reverse(name, args=args))


def see_other_path(path: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(path)
    response.status_code = 303
    return response
