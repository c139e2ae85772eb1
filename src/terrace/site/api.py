"""The HTTP API: every context brings a router; errors are RFC 9457 problem details with a stable code."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from terrace.kernel.base import problems
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.market.auctions.api import router as auctions
from terrace.market.listings.api import router as lots

api = NinjaAPI(
    title="Terrace",
    version="1",
    description="Emission-rights market of a city: public data without sign-in, acts with a session and an Idempotency-Key.",
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url=None,
)


def problem_of(refusal: Refusal) -> HttpResponse:
    """A refusal as a problem document, in the request's language."""
    return problems.response(problems.of_refusal(refusal, get_language()))


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, error: Refusal) -> HttpResponse:
    return problem_of(error)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0] if error.errors else {}
    where = ".".join(str(part) for part in first.get("loc", ("body",)))
    refusal = InputInvalid(where=where, got=repr(first.get("input"))[:60], expected=str(first.get("msg", "")))
    return problem_of(refusal)


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    title = Text("请先登录。", "Sign in first.").of(get_language())
    return problems.response(problems.document(code="access.sign_in", title=title, status=401))


@api.exception_handler(Http404)
def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem_of(NotFound(what=Text("该资源", "the resource")))


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problems.response(
        problems.document(code=f"http.{error.status_code}", title=str(error), status=error.status_code)
    )


api.add_router("/auctions", auctions)
api.add_router("/lots", lots)
