"""Error answers: what happened, what is kept, what to do, a reference number; problem details under /api/.

`handler400` … `handler500` and `csrf_failure` are named in `site`.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language

from terrace.kernel.base import problems
from terrace.kernel.base.errors import KeyReused, Refusal
from terrace.kernel.base.texts import Text
from terrace.web import page

logger = logging.getLogger("terrace.web")

# What the platform keeps of a request that failed: one honest sentence for each kind of failure.
NOTHING_CHANGED = Text(
    "系统中的数据没有任何改动。", "Nothing was changed in the system."
)  # a refusal rolls its transaction back
UNCERTAIN = Text(
    "未完成的操作已整体撤销，已提交成功的数据都在。",
    "The unfinished step was undone as a whole; everything you had submitted successfully is kept.",
)


def refused(request: HttpRequest, refusal: Refusal, reference: str) -> HttpResponse:
    """The page of a refusal that no form could show; its own words for a repeated click."""
    language = get_language()
    if wants_problem(request):
        return problems.response(
            problems.of_refusal(refusal, language, instance=request.path, reference=reference)
        )
    template = "web/errors/repeated.html" if isinstance(refusal, KeyReused) else "web/errors/refused.html"
    return _page(
        request,
        template,
        refusal.http_status,
        {"refusal": refusal, "reference": reference, "kept": NOTHING_CHANGED},
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, and 413 where the request was too large."""
    reference = page.reference_of(request)
    too_big = isinstance(exception, (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent))
    status = 413 if too_big else 400
    logger.warning("bad request %s (%s)", request.path, type(exception).__name__)
    if wants_problem(request):
        title = (
            Text("提交的内容过大", "The request is too large")
            if too_big
            else Text("请求无法识别", "The request could not be understood")
        )
        code = "request.too_large" if too_big else "request.invalid"
        return problem(request, status=status, title=title.of(get_language()), code=code, reference=reference)
    return _page(
        request,
        "web/errors/too_large.html" if too_big else "web/errors/bad_request.html",
        status,
        {"reference": reference, "kept": NOTHING_CHANGED},
    )


def not_allowed(
    request: HttpRequest,
    exception: Exception | None = None,
) -> HttpResponse:
    """403 raised by Django itself (a context raises NotAllowed, which says why)."""
    reference = page.reference_of(request)
    logger.info("forbidden %s", request.path)
    if wants_problem(request):
        title = Text("您无权执行此操作", "You may not do this").of(get_language())
        return problem(request, status=403, title=title, code="access.denied", reference=reference)
    return _page(
        request, "web/errors/not_allowed.html", 403, {"reference": reference, "kept": NOTHING_CHANGED}
    )


def not_found(
    request: HttpRequest,
    exception: Exception | None = None,
) -> HttpResponse:
    """404: a dead link has its own words."""
    if wants_problem(request):
        title = Text("没有这个地址", "There is nothing at this address").of(get_language())
        return problem(
            request, status=404, title=title, code="access.not_found", reference=page.reference_of(request)
        )
    return _page(request, "web/errors/not_found.html", 404, {})


def fault(request: HttpRequest) -> HttpResponse:
    """500: our fault. The page needs neither database nor session, because either may be what failed."""
    reference = page.reference_of(request)
    logger.error("fault on %s %s", request.method, request.path)
    if wants_problem(request):
        title = Text("系统内部出错", "Something went wrong on our side").of(get_language())
        return problem(request, status=500, title=title, code="service.fault", reference=reference)
    html = render_to_string(
        "web/errors/fault.html", {"reference": reference, "kept": UNCERTAIN, "bare": True}
    )
    return HttpResponse(html, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """An expired form: the page lay open too long, or the session ended in another window."""
    reference = page.reference_of(request)
    logger.info("expired form %s: %s", request.path, reason)
    if wants_problem(request):
        title = Text("请求缺少有效的安全令牌", "The request lacks a valid security token").of(get_language())
        return problem(request, status=403, title=title, code="request.expired", reference=reference)
    return _page(request, "web/errors/expired.html", 403, {"reference": reference, "kept": NOTHING_CHANGED})


def wants_problem(request: HttpRequest) -> bool:
    """API addresses answer in RFC 9457 problem details, everything else in pages."""
    return request.path.startswith("/api/") or request.path.endswith(".json")


def problem(
    request: HttpRequest, *, status: int, title: str, code: str, reference: str, detail: str = ""
) -> HttpResponse:
    """A problem document that names the address and the reference number of the log."""
    return problems.response(
        problems.document(
            code=code, title=title, status=status, detail=detail, instance=request.path, reference=reference
        )
    )


def _page(request: HttpRequest, template: str, status: int, context: dict[str, Any]) -> HttpResponse:
    return HttpResponse(render_to_string(template, context, request=request), status=status)
