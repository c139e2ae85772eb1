"""Around every page: security headers, the page's clock, and refusals that no view caught."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from terrace.kernel.base.errors import Refusal
from terrace.web import errors, page

logger = logging.getLogger("terrace.web")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Tabler draws check marks and arrows as data addresses
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "manifest-src 'self'",
    )
)
PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


class PageMiddleware:
    """Gives each request its own page clock and each answer the headers that keep it safe.

    No page needs an inline script or style, so the policy allows none and needs no nonce.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = page.begin()
        try:
            response = self.get_response(request)
        finally:
            page.end(token)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that escaped its view becomes a page (or problem details) instead of a fault."""
        if isinstance(exception, Refusal):
            reference = page.reference_of(request)
            logger.info("refused %s %s: %s", request.method, request.path, exception.code)
            return errors.refused(request, exception, reference)
        return None
