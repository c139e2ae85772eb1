"""Handing out files: always as an attachment, never interpreted by the browser."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from terrace.kernel.base import clock
from terrace.kernel.documents import services


@require_safe
def download(request: HttpRequest, document_id: int) -> HttpResponse:
    """One document. Refusals become error pages of the site."""
    actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    document, content = services.read_document(actor=actor, document_id=document_id, now=clock.now())
    response = HttpResponse(content, content_type=document.media_type)
    response["Content-Disposition"] = content_disposition_header(True, document.filename) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "public, max-age=3600" if document.is_public else "private, no-store"
    response["ETag"] = f'"{document.digest}"'
    return response
