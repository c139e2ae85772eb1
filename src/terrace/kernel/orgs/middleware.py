"""Around every request: who acts (request.actor), in which language, and the rules of being signed in."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation

from terrace.kernel.base import problems
from terrace.kernel.base.actor import ANONYMOUS
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access
from terrace.kernel.orgs.rules import STAFF_ROLES

Handler = Callable[[HttpRequest], HttpResponse]

ACTING_FOR = "acting_for"  # session: the organisation chosen by the user
LAST_SEEN = "last_seen"  # session: seconds of the machine's clock, to the minute

# Pages that must stay reachable while a second factor is being set up, and those that need no sign-in.
OPEN_PREFIXES = ("/accounts/", "/static/", "/language/", "/demo/", "/healthz", "/readyz")


class ActorMiddleware:
    """Sets `request.actor` and `request.standing`: no query beyond those for session and user, none for a visitor."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated:
            request.standing = access.Standing()  # type: ignore[attr-defined]  # ADR 0005
            request.actor = ANONYMOUS  # type: ignore[attr-defined]  # ADR 0005
            return self.get_response(request)
        # SignInBackend read the standing together with the user; another backend would cost a query here.
        read = getattr(user, "standing_read", None)
        standing = access.standing_of(user) if read is None else access.standing_from(read)
        request.standing = standing  # type: ignore[attr-defined]  # ADR 0005
        request.actor = access.actor_from(  # type: ignore[attr-defined]  # ADR 0005
            user, standing, request.session.get(ACTING_FOR)
        )
        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        return self.get_response(request)


class SignInRulesMiddleware:
    """Staff and firms' approvers need a second factor (outside demo mode); staff are signed out when idle.

    Idleness is measured by the machine's clock, not the platform's: training may jump over days.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        standing = request.standing  # type: ignore[attr-defined]  # ADR 0005
        if not request.user.is_authenticated or request.path.startswith(OPEN_PREFIXES):
            return self.get_response(request)
        # Every active place counts: which of them the user acts for now must not decide how safe the door is.
        roles = frozenset().union(*(p.roles for p in standing.places if p.is_active))
        if not STAFF_ROLES.isdisjoint(roles) and self._idle(request):
            logout(request)
            return _turn_away(
                request,
                to=f"{reverse('account_login')}?next={request.get_full_path() if request.method == 'GET' else '/'}",
                code="sign_in.idle",
                why=Text(
                    f"您已超过{settings.TERRACE_STAFF_IDLE_MINUTES}分钟没有操作，请重新登录。",
                    f"You were signed out after {settings.TERRACE_STAFF_IDLE_MINUTES} minutes without activity.",
                ),
            )
        if not settings.TERRACE_DEMO and not standing.has_second_factor and access.needs_second_factor(roles):
            return _turn_away(
                request,
                to=reverse("mfa_index"),
                code="sign_in.second_factor_needed",
                why=Text(
                    "您的角色须启用动态口令或通行密钥后才能办理业务，请先完成设置。",
                    "Your role needs a one-time code or a passkey; set one up before you go on.",
                ),
            )
        return self.get_response(request)

    @staticmethod
    def _idle(request: HttpRequest) -> bool:
        seen = int(time.time())
        before = request.session.get(LAST_SEEN)
        if before is not None and seen - before > settings.TERRACE_STAFF_IDLE_MINUTES * 60:
            return True
        if before is None or seen - before >= 60:  # written once a minute, not with every click
            request.session[LAST_SEEN] = seen
        return False


def _turn_away(request: HttpRequest, *, to: str, code: str, why: Text) -> HttpResponse:
    words = why.of(translation.get_language())
    if request.path.startswith("/api/"):
        return problems.response(problems.document(code=code, title=words, status=403))
    messages.warning(request, words)
    response = HttpResponseRedirect(to)
    response.status_code = 303
    return response
