"""The public application for an account: four topics, check your answers, receipt.

The draft lives in the session of the visitor, without identity numbers (their digests stand in it), and is
forgotten when the application is sent or the session ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import queries, services
from terrace.kernel.orgs.forms import BankForm, FirmForm, PersonForm, account_data
from terrace.kernel.orgs.models import ApplicationState
from terrace.kernel.orgs.services import PersonData
from terrace.kernel.orgs.views.shared import actor_in, key_of, see_other

DRAFT = "orgs_application"
SENT = "orgs_applications_sent"


@dataclass(frozen=True, slots=True)
class Topic:
    """One page of the application."""

    name: str
    title: Text
    lead: Text
    form: type[forms.Form]


TOPICS = {
    topic.name: topic
    for topic in (
        Topic(
            "firm",
            Text("企业基本信息", "The firm"),
            Text("请对照营业执照填写。", "As the business licence says."),
            FirmForm,
        ),
        Topic(
            "bank",
            Text("结算账户", "Bank account"),
            Text("保证金和价款只通过这个账户收付。", "Deposits and prices pass through this account only."),
            BankForm,
        ),
        Topic(
            "clerk",
            Text("经办人", "The clerk"),
            Text(
                "日常办理申请、报名、报价的人员。",
                "The person who applies, signs up and bids for the firm.",
            ),
            PersonForm,
        ),
        Topic(
            "approver",
            Text("审批人", "The approver"),
            Text(
                "对经办人的重要事项进行复核签字的另一人，通常为法定代表人或其授权的负责人；不能与经办人为同一人。",
                "Another person, who gives the second signature: usually the legal representative or a manager.",
            ),
            PersonForm,
        ),
    )
}


def _draft(request: HttpRequest) -> dict[str, Any]:
    draft: dict[str, Any] = request.session.get(DRAFT, {})
    return draft


def _keep(topic: Topic, form: forms.Form) -> dict[str, Any]:
    if isinstance(form, PersonForm):
        return form.person().as_json()
    return dict(form.cleaned_data)


@never_cache
@require_safe
def apply(request: HttpRequest) -> HttpResponse:
    """The task list of the application."""
    draft = _draft(request)
    tasks = [
        {
            "title": topic.title,
            "state": "done" if topic.name in draft else "todo",
            "url": reverse("orgs:apply_step", args=[topic.name]),
            "note": topic.lead,
        }
        for topic in TOPICS.values()
    ]
    complete = draft.keys() >= TOPICS.keys()
    tasks.append(
        {
            "title": Text("核对并提交", "Check your answers and send"),
            "state": "todo" if complete else "blocked",
            "url": reverse("orgs:apply_check"),
            "note": Text("填完以上各项后即可提交。", "When everything above is filled in."),
        }
    )
    return render(request, "orgs/apply.html", {"tasks": tasks})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def apply_step(request: HttpRequest, topic_name: str) -> HttpResponse:
    """One topic; what is valid is kept at once."""
    topic = TOPICS.get(topic_name)
    if topic is None:
        raise Http404
    kept = _draft(request).get(topic.name, {})
    form = topic.form(request.POST if request.method == "POST" else None, initial=kept)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            values = _keep(topic, form)
        except Refusal as refused:
            refusal = refused
        else:
            request.session[DRAFT] = {**_draft(request), topic.name: values}
            return see_other("orgs:apply")
    status = 422 if request.method == "POST" else 200
    context = {"topic": topic, "form": form, "refusal": refusal, "known": "identity_digest" in kept}
    return render(request, "orgs/apply_step.html", context, status=status)


def _facts(draft: dict[str, Any]) -> list[dict[str, Any]]:
    areas = {area: Text(zh, en) for area, zh, en in queries.branch_areas()}
    sections = []
    for topic in TOPICS.values():
        rows = []
        for name, field in topic.form().fields.items():
            value = draft[topic.name].get(name, "")
            if name == "identity_number":
                digest = draft[topic.name]["identity_digest"]
                value = Text(f"已核对，摘要 {digest[:8]}…", f"checked; digest {digest[:8]}…")
            if name == "area":
                value = areas.get(value, value)
            rows.append((field.label, value or "—"))
        sections.append({"topic": topic, "facts": rows})
    return sections


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def apply_check(request: HttpRequest) -> HttpResponse:
    """Check your answers; POST sends the application."""
    draft = _draft(request)
    if not draft.keys() >= TOPICS.keys():
        return see_other("orgs:apply")
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            application = services.apply_for_account(
                actor=actor_in(request),
                account=account_data(draft["firm"], draft["bank"]),
                clerk=PersonData(**draft["clerk"]),
                approver=PersonData(**draft["approver"]),
                now=clock.now(),
                key=key_of(request),
            )
        except Refusal as refused:
            refusal = refused
        else:
            del request.session[DRAFT]
            request.session[SENT] = [*request.session.get(SENT, []), application.number][-10:]
            return see_other("orgs:apply_receipt", application.number)
    context = {"sections": _facts(draft), "refusal": refusal}
    return render(request, "orgs/apply_check.html", context, status=refusal.http_status if refusal else 200)


@never_cache
@require_safe
def apply_receipt(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt, for the browser that sent the application."""
    application = queries.application_by_number(number)
    if application is None or number not in request.session.get(SENT, []):
        raise NotFound(what=Text("该申请回执", "the receipt"))
    facts = [
        (Text("申请编号", "Number"), application.number),
        (Text("企业名称", "Firm"), application.content["name"]),
        (Text("统一社会信用代码", "Credit code"), application.content["credit_code"]),
        (Text("内容摘要(SHA-256)", "Digest of the content (SHA-256)"), application.digest),
    ]
    waiting = application.state == ApplicationState.WAITING
    context = {"application": application, "facts": facts, "waiting": waiting}
    return render(request, "orgs/apply_receipt.html", context)
