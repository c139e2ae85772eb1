"""The short way of a quote: POST /api/v1/auctions/{id}/bids without what only pages need (ADR 0006).

It answers what the database answered to somebody whose session it remembers, accepted or refused: CSRF as Django
checks it, then one statement that judges the sign-in, the bidder and the quote together. Status, headers and body
are those of the long way. Every doubt before that statement (no session, a body that cannot be read, staff) goes
the long way through the whole site; so does a lost connection, where the idempotency key makes a repeat safe.
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
from http.client import responses
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
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.translation import get_language_from_request

from terrace.kernel.base import problems
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal, ServiceBusy
from terrace.kernel.base.quantity import Money
from terrace.kernel.orgs import access as orgs
from terrace.kernel.orgs.middleware import ACTING_FOR
from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.rules import STAFF_ROLES
from terrace.market.auctions import access, services
from terrace.market.auctions.schemas import bid_answer
from terrace.web.middleware import CONTENT_SECURITY_POLICY, PERMISSIONS_POLICY

PATH = re.compile(r"^/api/v1/auctions/(\d{1,18})/bids$")
BODY_BYTES_MAX = 2_000
REMEMBER_SECONDS = 30.0  # roles of other memberships may change; what counts for a quote is judged each time
REMEMBERED_MAX = 10_000
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
    language: str
    until: float


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class ShortWay:
    """WSGI: the short way where it applies, else the whole site."""

    def __init__(self, site: Application) -> None:
        self.site = site
        self.known: dict[str, _SignIn] = {}
        self.csrf = _CsrfCheck(_nothing)
        self.headers = {is_secure: _site_headers(is_secure) for is_secure in (False, True)}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and (match := PATH.match(environ.get("PATH_INFO", ""))):
            started = time.perf_counter()
            answer = self._answer(environ, int(match[1]))
            if answer is not None:
                reference = uuid.uuid4().hex[:12]
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                logger.info(
                    "POST %s %s %s ms", environ["PATH_INFO"], answer.status, milliseconds,
                    extra={"reference": reference},
                )  # fmt: skip
                answer.headers.append(("X-Request-Reference", reference))
                start_response(f"{answer.status} {responses[answer.status]}", answer.headers)
                return [answer.body]
        return self.site(environ, start_response)

    def _answer(self, environ: dict[str, Any], auction_id: int) -> _Answer | None:
        """What the database says to the quote; None sends the request the long way, with its body put back."""
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
            answer: services.PlacedBid | Refusal
            try:
                answer = services.quote(
                    actor=sign_in.actor,
                    auction_id=auction_id,
                    price_fen=Money.from_yuan(price).fen,
                    key=environ.get("HTTP_IDEMPOTENCY_KEY", ""),
                    confirmed=confirm,
                    client=access.client_digest(environ),
                    proof=sign_in.proof,
                )
            except ServiceBusy as busy:
                answer = busy  # asking again at once would only make it busier
            return self._worded(request, sign_in, answer)
        except services.ProofStale:
            self.known.pop(sign_in.proof.session_key if sign_in else "", None)
        except (DatabaseError, InterfaceError):
            connection.close()
        except (Refusal, DisallowedHost, ValueError, KeyError, TypeError, AttributeError):
            pass  # the long way says it in the right words
        return None

    def _worded(
        self, request: WSGIRequest, sign_in: _SignIn, answer: services.PlacedBid | Refusal
    ) -> _Answer:
        """The answer as the whole site would send it, in the language it would choose."""
        language = sign_in.language
        if settings.LANGUAGE_COOKIE_NAME in request.COOKIES:
            language = get_language_from_request(request)
        if isinstance(answer, Refusal):
            status, kind = answer.http_status, problems.CONTENT_TYPE
            body = problems.encoded(problems.of_refusal(answer, language))
        else:
            status, kind = 201, "application/json"
            body = json.dumps(bid_answer(answer)).encode()
        headers = [
            *self.headers[request.is_secure()],
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Content-Language", language),
        ]
        if isinstance(answer, services.PlacedBid) and answer.repeated:
            headers.append(("Idempotency-Replayed", "true"))
        return _Answer(status, headers, body)

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
        self.known[key] = _SignIn(actor, proof, user.language, time.monotonic() + REMEMBER_SECONDS)
        return self.known[key]


def _site_headers(is_secure: bool) -> list[tuple[str, str]]:
    """The headers that the middleware of the site puts on every answer, asked of the middleware itself."""
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "https" if is_secure else "http",
        }
    )
    if is_secure and settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        request.META[name] = value
    response: HttpResponse = HttpResponse()
    for guard in (XFrameOptionsMiddleware(_nothing), SecurityMiddleware(_nothing)):
        guard.process_response(request, response)
    del response.headers["Content-Type"]
    return [
        *response.items(),
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("Permissions-Policy", PERMISSIONS_POLICY),
        ("Vary", "Accept-Language, Cookie"),
    ]


def _nothing(_request: HttpRequest) -> HttpResponse:
    """What the CSRF check believes to stand before: never called."""
    return HttpResponse(status=204)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
