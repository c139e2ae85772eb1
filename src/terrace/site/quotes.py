"""The short way of a quote: POST /api/v1/auctions/{id}/bids without what only pages need (ADR 0006).

It answers one case alone, the accepted quote of somebody whose session it remembers: CSRF as Django checks
it, then one statement that judges the sign-in, the bidder and the quote together. Everything else, every
refusal and every doubt, goes the long way through the whole site; the idempotency key makes that safe,
because there the same quote gets the same answer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Money
from terrace.kernel.orgs import access as orgs
from terrace.kernel.orgs.middleware import ACTING_FOR
from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.rules import STAFF_ROLES
from terrace.market.auctions import access, services
from terrace.market.auctions.schemas import bid_answer

PATH = re.compile(r"^/api/v1/auctions/(\d{1,18})/bids$")
BODY_BYTES_MAX = 2_000
REMEMBER_SECONDS = 30.0  # roles of other memberships may change; what counts for a quote is judged each time
REMEMBERED_MAX = 10_000
HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Vary", "Cookie"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
logger = logging.getLogger("terrace.request")


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check; a rejection comes back as its reason."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponse(reason, status=403)


@dataclass(frozen=True, slots=True)
class _SignIn:
    actor: Actor
    proof: services.SignInProof
    until: float


class ShortWay:
    """WSGI: the short way where it applies, else the whole site."""

    def __init__(self, site: Application) -> None:
        self.site = site
        self.known: dict[str, _SignIn] = {}
        self.csrf = _CsrfCheck(_nothing)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and (match := PATH.match(environ.get("PATH_INFO", ""))):
            started = time.perf_counter()
            placed = self._placed(environ, int(match[1]))
            if placed is not None:
                reference = uuid.uuid4().hex[:12]
                body = json.dumps(bid_answer(placed)).encode()
                headers = [
                    *HEADERS,
                    ("Content-Length", str(len(body))),
                    ("X-Request-Reference", reference),
                    *([("Idempotency-Replayed", "true")] if placed.repeated else []),
                ]
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                logger.info(
                    "POST %s 201 %s ms", environ["PATH_INFO"], milliseconds, extra={"reference": reference}
                )
                start_response("201 Created", headers)
                return [body]
        return self.site(environ, start_response)

    def _placed(self, environ: dict[str, Any], auction_id: int) -> services.PlacedBid | None:
        """The accepted quote; None sends the request the long way, with its body put back."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)
        try:
            typed = json.loads(body)
            price, confirm = typed["price"], typed.get("confirm", False)
            if not isinstance(price, str) or not isinstance(confirm, bool) or len(typed) > 2:
                return None
            request = WSGIRequest(environ)
            request.get_host()
            sign_in = self._sign_in(request)
            if sign_in is None or not self._comes_from_us(request):
                return None
            return services.place_bid(
                actor=sign_in.actor,
                auction_id=auction_id,
                price_fen=Money.from_yuan(price).fen,
                key=environ.get("HTTP_IDEMPOTENCY_KEY", ""),
                confirmed=confirm,
                client=access.client_digest(environ),
                proof=sign_in.proof,
            )
        except services.ProofStale:
            self.known.pop(sign_in.proof.session_key if sign_in else "", None)
        except (DatabaseError, InterfaceError):
            connection.close()
        except (Refusal, DisallowedHost, ValueError, KeyError, TypeError, AttributeError):
            pass  # the long way says it in the right words
        return None

    def _comes_from_us(self, request: WSGIRequest) -> bool:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return False
        self.csrf.process_request(request)
        return self.csrf.process_view(request, _nothing, (), {}) is None

    def _sign_in(self, request: WSGIRequest) -> _SignIn | None:
        """Who the session belongs to, remembered for a while; None for those whom the short way does not serve."""
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not key:
            return None
        known = self.known.get(key)
        if known is not None and known.until > time.monotonic():
            return known
        stored = Session.objects.filter(session_key=key).values_list("session_data", flat=True).first()
        request.session = SessionStore(key)
        user = get_user(request)
        if stored is None or not isinstance(user, User):
            return None
        standing = orgs.standing_of(user)
        roles = frozenset().union(*(place.roles for place in standing.places if place.is_active))
        if not STAFF_ROLES.isdisjoint(roles) or (
            not settings.TERRACE_DEMO and not standing.has_second_factor and orgs.needs_second_factor(roles)
        ):
            return None
        actor = orgs.actor_from(user, standing, request.session.get(ACTING_FOR))
        if actor.membership_id is None or actor.scope is not None:
            return None
        if len(self.known) >= REMEMBERED_MAX:
            self.known.clear()
        proof = services.SignInProof(
            session_key=key,
            session_digest=_md5(stored),
            password_digest=_md5(user.password),
            membership_id=actor.membership_id,
        )
        self.known[key] = _SignIn(actor, proof, time.monotonic() + REMEMBER_SECONDS)
        return self.known[key]


def _nothing(_request: HttpRequest) -> HttpResponse:
    """What the CSRF check believes to stand before: never called."""
    return HttpResponse(status=204)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
