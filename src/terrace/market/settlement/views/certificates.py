"""A certificate issued again: asked for by one person, decided by another, on one page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.access import may_check
from terrace.kernel.orgs.forms import DecisionForm
from terrace.kernel.orgs.models import Approval, ApprovalState
from terrace.kernel.orgs.queries import approval_of
from terrace.market.settlement import access, queries, services
from terrace.market.settlement.forms import ReissueForm
from terrace.market.settlement.models import Certificate, CertificateState
from terrace.market.settlement.rules.words import ReissueCause
from terrace.market.settlement.views.shared import actor_of, posted, see_other


@require_http_methods(["GET", "HEAD", "POST"])
def reissue(request: HttpRequest, number: str) -> HttpResponse:
    """Ask for a new certificate, or decide what was asked: which of the two depends on whether a request waits."""
    actor = actor_of(request)
    found = access.get_certificate_for(actor, number)
    approval = approval_of(access.CERTIFICATE_REISSUE, "settlement.certificate", found.number)
    waiting = approval if approval is not None and approval.state == ApprovalState.WAITING else None
    if request.method == "POST":
        (may_check(actor, waiting) if waiting else access.may_ask_reissue(actor)).require()
    form: DecisionForm | ReissueForm = (DecisionForm if waiting else ReissueForm)(posted(request)[0])
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            return _run(request, actor, found, waiting, form)
        except Refusal as error:
            refusal = error
    is_maker = waiting is not None and actor.person_id == waiting.maker_person_id
    valid = found.state == CertificateState.VALID
    return render(
        request,
        "settlement/reissue.html",
        {
            "certificate": found,
            "state_label": CertificateState(found.state).label,
            "valid": valid,
            "waiting": waiting,
            "asked": services.reissue_facts_of(waiting.payload) if waiting is not None else [],
            "is_maker": is_maker,
            "may_decide": waiting is not None and not is_maker and bool(may_check(actor, waiting)),
            "may_ask": waiting is None and valid and bool(access.may_ask_reissue(actor)),
            "history": queries.certificates_of(found.trade),
            "form": form,
            "refusal": refusal,
        },
        status=refusal.http_status if refusal else 422 if form.is_bound and not form.is_valid() else 200,
    )


def _run(
    request: HttpRequest, actor: Actor, found: Certificate, waiting: Approval | None, form: Any
) -> HttpResponse:
    page = reverse("settlement:reissue", args=[found.number])
    if waiting is None:
        services.ask_reissue(
            actor=actor,
            number=found.number,
            cause=ReissueCause(form.cleaned_data["cause"]),
            reason=form.cleaned_data["reason"],
            now=clock.now(),
        )
        return see_other(request, page, Text("已提出，待另一人复核。", "Asked for; another person decides."))
    made = services.decide_reissue(
        actor=actor,
        approval_id=waiting.pk,
        approve=form.approves(),
        reason=form.cleaned_data["reason"],
        now=clock.now(),
    )
    if made is None:
        return see_other(
            request, page, Text("已退回，原鉴证书仍然有效。", "Sent back; the certificate stays valid.")
        )
    return see_other(
        request,
        reverse("settlement:certificate", args=[made.number]),
        Text(
            "新鉴证书已签发，原件已标记为被替代。",
            "The new certificate is issued, the old one marked as replaced.",
        ),
    )
