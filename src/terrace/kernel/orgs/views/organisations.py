"""The list of organisations for those who admit and oversee them, and one organisation."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.lists import PAGE_SIZE, page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, queries, rules, services
from terrace.kernel.orgs.forms import DecisionForm, OrganisationFilter, ReasonForm
from terrace.kernel.orgs.models import ApplicationState, Organisation
from terrace.kernel.orgs.views.shared import actor_in, see_other

TONES = {
    "APPLIED": "water",
    "ACTIVE": "leaf",
    "SUSPENDED": "cinnabar",
    "FROZEN": "cinnabar",
    "CLOSED": "quiet",
}


@login_required
@require_safe
def organisations(request: HttpRequest) -> HttpResponse:
    """All organisations with filters in the address; applications that wait stand on top."""
    actor = actor_in(request)
    access.may_list_organisations(actor).require()
    form = OrganisationFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    page = page_of(
        request,
        queries.list_organisations(
            state=chosen.get("state", ""), kind=chosen.get("kind", ""), words=chosen.get("words", "").strip()
        ),
    )
    waits = queries.with_waiting_application([o.pk for o in page])
    rows = [
        {
            "organisation": o,
            "state": services.state_text(o.state),
            "tone": TONES[o.state],
            "kind": rules.KIND_TEXTS[o.kind],
            "waits": o.pk in waits,
        }
        for o in page
    ]
    context = {
        "form": form,
        "page": page,
        "rows": rows,
        "waiting": queries.waiting_applications()[:PAGE_SIZE],
        "may_decide": access.may_decide_applications(actor),
    }
    return render(request, "orgs/organisations.html", context)


def _page(
    request: HttpRequest, organisation: Organisation, *, status: int = 200, **more: Any
) -> HttpResponse:
    actor, today = actor_in(request), clock.today()
    application = organisation.applications.order_by("-id").first()
    steps = [
        {
            "name": name,
            "label": step.label,
            "form": ReasonForm(prefix=name),
            "consequence": _closing(organisation) if name == "close" else (),
        }
        for name, step in rules.STATE_STEPS.items()
        if organisation.state in step.sources and access.may_change_state(actor, organisation, name)
    ]
    context = {
        "organisation": organisation,
        "state": services.state_text(organisation.state),
        "tone": TONES[organisation.state],
        "kind": rules.KIND_TEXTS[organisation.kind],
        "members": queries.members_of(organisation.pk, on=today),
        "application": application,
        "is_waiting": application is not None and application.state == ApplicationState.WAITING,
        "may_decide": access.may_decide_applications(actor),
        "may_propose": access.may_propose_roles(actor, organisation),
        "steps": steps,
        "decision_form": DecisionForm(),
        "refusal": None,
    } | more
    return render(request, "orgs/organisation.html", context, status=status)


def _closing(organisation: Organisation) -> list[tuple[Text, Text]]:
    return [
        (Text("账户", "Account"), Text(organisation.name, organisation.name_en or organisation.name)),
        (
            Text("结果", "Result"),
            Text(
                "账户永久注销，本单位人员不能再办理业务；历史记录保留。",
                "The account ends for good and its people can no longer act; its history stays.",
            ),
        ),
    ]


@login_required
@require_safe
def organisation(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """One organisation: facts, people, its application, and the steps that I may take."""
    actor = actor_in(request)
    access.may_list_organisations(actor).require()
    return _page(request, access.get_organisation_for(actor, organisation_id))


@login_required
@require_POST
def application_decide(request: HttpRequest, application_id: int) -> HttpResponse:
    """Admit a firm or send its application back."""
    actor = actor_in(request)
    access.may_decide_applications(actor).require()
    form = DecisionForm(request.POST)
    refusal: Refusal | None = None
    if form.is_valid():
        try:
            decided = services.decide_application(
                actor=actor,
                application_id=application_id,
                approve=form.approves(),
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as refused:
            refusal = refused
        else:
            done = (
                Text("已通过，设置密码的邀请已发出。", "Admitted; the invitations are on their way.")
                if form.approves()
                else Text("已退回。", "Sent back.")
            )
            messages.success(request, done.of(get_language()))
            return see_other("orgs:organisation", decided.organisation_id)
    application = queries.application_by_id(application_id)
    if application is None:
        raise Http404
    return _page(request, application.organisation, status=422, decision_form=form, refusal=refusal)


@login_required
@require_POST
def organisation_step(request: HttpRequest, organisation_id: int, step: str) -> HttpResponse:
    """Suspend, resume, freeze, unfreeze or close an account."""
    service = services.STEPS.get(step)
    if service is None:
        raise Http404
    actor = actor_in(request)
    found = access.get_organisation_for(actor, organisation_id)
    access.may_change_state(actor, found, step).require()
    form = ReasonForm(request.POST, prefix=step)
    refusal: Refusal | None = None
    if form.is_valid():
        try:
            service(
                actor=actor,
                organisation_id=organisation_id,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refusal as refused:
            refusal = refused
        else:
            return see_other("orgs:organisation", organisation_id)
    elif form.errors:
        refusal = services.ReasonMissing()
    assert refusal is not None
    return _page(request, found, status=refusal.http_status, refusal=refusal)
