"""Open to everybody: results, objections, the check of certificates."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import EXPORT_MAX, as_csv, as_json, page_as_json, page_of, stream_csv
from terrace.kernel.base.texts import Text
from terrace.market.settlement import queries, services
from terrace.market.settlement.forms import CheckForm, ObjectionForm, ResultFilter
from terrace.market.settlement.models import Certificate, CertificateState, Trade
from terrace.market.settlement.rules import certificates
from terrace.market.settlement.rules.amounts import ratio_label
from terrace.market.settlement.rules.words import ReissueCause
from terrace.market.settlement.services.papers import qr_svg
from terrace.market.settlement.services.signing import certificate_pem
from terrace.market.settlement.views.shared import actor_of, posted, see_other

COLUMNS = (
    "number", "awarded_at", "pollutant", "quantity_t_per_year", "price_yuan_per_tonne", "price_basis", "years",
    "amount_yuan", "seller", "buyer", "region", "term_start", "term_end", "state", "outcome", "bundle", "synthetic",
)  # fmt: skip
TONES = {
    CertificateState.VALID: "leaf",
    CertificateState.SUPERSEDED: "quiet",
    CertificateState.VOID: "cinnabar",
}


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """All published results, newest first. Two queries whatever the length."""
    form = ResultFilter(request.GET)
    page = page_of(request, queries.results(**form.chosen()))
    return render(request, "settlement/results.html", {"form": form, "page": page})


@require_safe
def results_json(request: HttpRequest) -> HttpResponse:
    """The same list for programs, page by page."""
    return page_as_json(request, queries.results(**ResultFilter(request.GET).chosen()), queries.result_row)


@require_safe
def results_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same list as a spreadsheet, as the filters leave it."""
    found = queries.results(**ResultFilter(request.GET).chosen())[:EXPORT_MAX]
    return stream_csv("results.csv", COLUMNS, (queries.result_row(trade) for trade in found))


def _result(number: str) -> Trade:
    trade = queries.result_of(number)
    if trade is None:
        raise NotFound(what=Text("该成交结果", "this result"))
    return trade


@require_safe
def result(request: HttpRequest, number: str) -> HttpResponse:
    """One result: what was sold to whom at which price, the publicity, the bundle that proves it."""
    trade = _result(number)
    certificate = Certificate.objects.filter(trade=trade, state=CertificateState.VALID).first()
    return render(
        request,
        "settlement/result.html",
        {
            "trade": trade,
            "region": queries.region_label(trade.region),
            "source": queries.source_label(trade.source),
            "ratio": ratio_label(trade.ratio_hundredths),
            "bundle": queries.bundle_link(trade),
            "certificate": certificate,
            "open_for_objections": trade.case.state in ("publicity", "objected", "escalated"),
        },
    )


@require_safe
def result_json(request: HttpRequest, number: str) -> HttpResponse:
    return as_json(queries.result_row(_result(number)))


@require_safe
def result_csv(request: HttpRequest, number: str) -> HttpResponse:
    return as_csv(f"{number}.csv", COLUMNS, [queries.result_row(_result(number))])


@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, number: str) -> HttpResponse:
    """Raise an objection: anybody who says who they are."""
    trade = _result(number)
    form = ObjectionForm(posted(request)[0])
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            services.raise_objection(
                actor=actor_of(request),
                number=number,
                now=clock.now(),
                key=request.POST.get("idempotency_key") or None,
                **form.cleaned_data,
            )
        except Refusal as error:
            refusal = error
        else:
            done = Text(
                "异议已收到，公示中止，处理结果将告知您。",
                "Your objection was received and suspends the publicity.",
            )
            return see_other(request, reverse("settlement:result", args=[number]), done)
    return render(
        request,
        "settlement/objection_form.html",
        {"form": form, "trade": trade, "refusal": refusal},
        status=422 if request.method == "POST" else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Check a certificate by its number or by its file. The file is read here and thrown away."""
    form = CheckForm(*posted(request))
    context: dict[str, Any] = {"form": form}
    status = 200
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        number = form.cleaned_data["number"].strip()
        if upload:
            context |= _checked_file(upload)
        elif number:
            certificate = queries.certificate_by_number(number)
            if certificate is not None:
                return see_other(request, reverse("settlement:certificate", args=[certificate.number]))
            context["unknown"] = number
        else:
            form.add_error(
                "number",
                Text("请填写编号或选择文件", "Write the number or choose the file").of(get_language()),
            )
            status = 422
    return render(request, "settlement/check.html", context, status=status)


def _checked_file(upload: Any) -> dict[str, Any]:
    """What the file says about itself, and whether the register knows exactly this file."""
    content = upload.read(certificates.FILE_BYTES_MAX + 1)
    try:
        found = certificates.check_file(content, certificate_pem())
    except certificates.Unreadable as error:
        return {"unreadable": error.reason}
    registered = queries.certificate_by_digest(hashlib.sha256(content).hexdigest())
    return {"check": found, "registered": registered, **(_shown(registered) if registered else {})}


@require_safe
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """Where the QR code leads: valid, superseded or void, and the facts with names masked."""
    found = _certificate(number)
    digest = request.GET.get("d", "")
    agrees = None if not digest else found.facts_digest.startswith(digest.lower()) and len(digest) >= 8
    return render(
        request, "settlement/certificate.html", {"certificate": found, "agrees": agrees, **_shown(found)}
    )


@require_safe
def certificate_print(request: HttpRequest, number: str) -> HttpResponse:
    """What the register says of a certificate now, as one sheet of paper with the code that leads back to it."""
    found = _certificate(number)
    address = (
        f"{settings.TERRACE_PUBLIC_URL.rstrip('/')}{reverse('settlement:certificate', args=[found.number])}"
    )
    return render(
        request,
        "settlement/certificate_print.html",
        {
            "certificate": found,
            "address": address,
            "qr": base64.b64encode(qr_svg(f"{address}?d={found.facts_digest[:16]}").encode()).decode(),
            "checked_at": clock.now(),
            **_shown(found),
        },
    )


def _certificate(number: str) -> Certificate:
    found = queries.certificate_by_number(number)
    if found is None:
        raise NotFound(what=Text(f"编号为{number}的鉴证书", f"certificate {number}"))
    return found


@require_safe
def certificate_json(request: HttpRequest, number: str) -> HttpResponse:
    """The same for programs."""
    found = _certificate(number)
    after = queries.replaced_by(found)
    return as_json(
        {
            "number": found.number,
            "version": found.version,
            "state": found.state,
            "replaces": found.replaces.number if found.replaces is not None else None,
            "replaced_by": after.number if after is not None else None,
            "issued_at": found.issued_at,
            "ended_at": found.ended_at,
            "file_sha256": found.file_digest,
            "facts_sha256": found.facts_digest,
        }
    )


@require_safe
def signer_pem(request: HttpRequest) -> HttpResponse:
    """The signer's certificate: what `terrace verify-certificate --trust` takes."""
    response = HttpResponse(certificate_pem(), content_type="application/x-pem-file")
    response["Content-Disposition"] = 'attachment; filename="terrace-signer.pem"'
    return response


def _shown(found: Certificate) -> dict[str, Any]:
    state = CertificateState(found.state)
    after = queries.replaced_by(found)
    cause = str(after.facts.get("reissue_cause", "")) if after is not None else ""
    return {
        "state_label": state.label,
        "tone": TONES[state],
        "facts": queries.checked_facts(found),
        "replaced_by": after,
        "cause": ReissueCause(cause).label if cause else None,
    }
