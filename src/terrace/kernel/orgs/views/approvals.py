"""What waits for my second signature, and one such matter."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.lists import PAGE_SIZE, page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, queries, services
from terrace.kernel.orgs.forms import DecisionForm
from terrace.kernel.orgs.models import Approval, ApprovalState
from terrace.kernel.orgs.views.shared import actor_in, see_other


@login_required
@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """Waits for me; I wait for; decided with me."""
    actor = actor_in(request)
    context = {
        "page": page_of(request, queries.pending_for(actor)),
        "asked": queries.asked_by(actor)[:PAGE_SIZE],
        "decided": queries.decided_with(actor)[:PAGE_SIZE],
    }
    return render(request, "orgs/approvals.html", context)


def facts_of(approval: Approval) -> list[tuple[Any, Any]]:
    """The payload in words, as its context says; else its names and values as they are."""
    shown = services.decision_for(approval.act)
    if shown.facts is not None:
        return list(shown.facts(approval.payload))
    return [(Text(name, name), _plain(value)) for name, value in approval.payload.items()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return "；".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "、".join(str(_plain(v)) for v in value)
    return "—" if value in (None, "") else value


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def approval(request: HttpRequest, approval_id: int) -> HttpResponse:
    """One matter: what was asked, by whom; the decision here, or the link to the page of its business."""
    actor = actor_in(request)
    found = access.get_approval_for(actor, approval_id)
    may = access.may_check(actor, found)
    if request.method == "POST":
        may.require()
    form = DecisionForm(request.POST if request.method == "POST" else None)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.decide_proposal(
                actor=actor,
                approval_id=approval_id,
                approve=form.approves(),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as refused:
            refusal = refused
        else:
            done = (
                Text("已同意并生效。", "Approved and in force.")
                if form.approves()
                else Text("已退回。", "Sent back.")
            )
            messages.success(request, done.of(get_language()))
            return see_other("orgs:approvals")
    shown = services.decision_for(found.act)
    is_maker = actor.person_id is not None and actor.person_id == found.maker_person_id
    context = {
        "approval": found,
        "label": shown.label,
        "summary": Text(found.summary_zh, found.summary_en),
        "facts": facts_of(found),
        "own": services.own_waiting(found),
        "url": shown.url(found) if shown.url is not None else "",
        "is_waiting": found.state == ApprovalState.WAITING,
        "is_maker": is_maker,
        "may": may,
        "may_decide": bool(may) and not is_maker and found.state == ApprovalState.WAITING,
        "state": services.approval_state_text(found.state),
        "form": form,
        "refusal": refusal,
    }
    wrong = refusal is not None or (form.is_bound and bool(form.errors))
    status = refusal.http_status if refusal else 422 if wrong else 200
    return render(request, "orgs/approval.html", context, status=status)


@login_required
@require_POST
def withdraw(request: HttpRequest, approval_id: int) -> HttpResponse:
    """The maker takes the request back."""
    services.withdraw(
        actor=actor_in(request),
        approval_id=approval_id,
        reason=request.POST.get("reason", "")[:500],
        now=clock.now(),
    )
    return see_other("orgs:approvals")
