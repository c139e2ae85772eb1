"""A firm's applications: task list, one topic per page, check, receipt; and the institution's qualification."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.models import Case
from terrace.market.listings import access, queries, rules, services
from terrace.market.listings.forms import NeedQuantityForm, PaperForm, QualifyForm
from terrace.market.listings.models import SignUp
from terrace.market.listings.views.shared import (
    actor_of,
    key_of,
    options,
    posted,
    see_other,
    tone_of,
)
from terrace.market.rights.access import FIRM, role_verdict

FORM_METHODS = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def signups(request: HttpRequest) -> HttpResponse:
    """My organisation's applications."""
    actor = actor_of(request)
    role_verdict(actor, *FIRM).require()
    assert actor.organisation_id is not None
    page = page_of(request, queries.my_signups(actor.organisation_id))
    rows = [
        {"row": row, "state": rules.SignUpState(row.state).label, "tone": tone_of(row.state)} for row in page
    ]
    return render(request, "listings/signups.html", {"page": page, "rows": rows})


@FORM_METHODS
def signup(request: HttpRequest, signup_id: int) -> HttpResponse:
    """The application: task list for the firm, facts and decision for the trading institution, receipt for both."""
    actor = actor_of(request)
    found = access.get_signup_for(actor, signup_id)
    case = Case.objects.filter(pk=found.case_id or 0).first()
    allowed = options(case, actor)
    form = QualifyForm(posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            _take_step(request, found, form.cleaned_data)
            return see_other("listings:signup", found.pk)
        except Refusal as raised:
            refusal = raised
    papers = queries.papers_of(found)
    decision = queries.decision_of(found)
    return render(
        request,
        "listings/signup.html",
        {
            "signup": found,
            "listing": found.listing,
            "case": case,
            "state": rules.SignUpState(found.state).label,
            "tone": tone_of(found.state),
            "facts": _facts(found),
            "tasks": _tasks(found),
            "sale_links": services.sale_links(found.listing_id) if found.state == "ADMITTED" else [],
            "editable": found.state == rules.SignUpState.DRAFT and bool(access.may_fill(actor, found)),
            "papers": [
                {
                    "url": document.url,
                    "filename": document.filename,
                    "size": document.size_bytes,
                    "digest": document.digest,
                    "at": document.uploaded_at,
                    "kind_label": rules.PaperKind(document.kind).label,
                }
                for document in papers.values()
            ],
            "decision": decision.result if decision is not None else None,
            "allowed": allowed,
            "form": form,
            "refusal": refusal,
        },
        status=422 if request.method == "POST" else 200,
    )


def _take_step(request: HttpRequest, found: SignUp, data: dict[str, Any]) -> None:
    """Do what the pressed button says. Raises what the service raises, NotFound for an unknown button."""
    actor, now, taken = actor_of(request), clock.now(), request.POST.get("action", "")
    if taken == "send":
        services.send_signup(actor=actor, signup_id=found.pk, now=now)
    elif taken == "return_draft":
        services.return_signup(actor=actor, signup_id=found.pk, reason=data["reason"], now=now)
    elif taken == "confirm":
        services.confirm_signup(actor=actor, signup_id=found.pk, now=now, key=key_of(request))
    elif taken == "withdraw":
        services.withdraw_signup(actor=actor, signup_id=found.pk, reason=data["reason"], now=now)
    elif taken in ("qualify", "refuse"):
        services.qualify_signup(
            actor=actor,
            signup_id=found.pk,
            accept=taken == "qualify",
            reason=data["reason"],
            bureau_opinion=data["bureau_opinion"],
            now=now,
        )
    else:
        raise NotFound(what=Text("该步骤", "this step"))


def _facts(found: SignUp) -> list[tuple[Any, ...]]:
    listing = found.listing
    facts: list[tuple[Any, ...]] = [
        (Text("标的", "Lot"), listing.project_name, reverse("listings:lot", args=[listing.lot_id])),
        (Text("公告编号", "Notice"), listing.number),
        (Text("报名单位", "Firm"), found.organisation.name),
        (Text("受让数量", "Quantity"), found.quantity.label() if found.quantity is not None else "—"),
        (
            Text("起始价", "Starting price"),
            listing.start.label(),
        ),
        (Text("保证金", "Deposit"), listing.deposit.label()),
    ]
    if found.need is not None:
        facts.append(
            (
                Text("需求确认", "Need"),
                f"{found.need.number} {found.need.project.name}",
                reverse("rights:need", args=[found.need.pk]),
            )
        )
    if found.qualification_reason:
        facts.append((Text("审查意见", "Reason given"), found.qualification_reason))
    if found.bureau_opinion:
        facts.append((Text("生态环境部门意见", "Opinion of the bureau"), found.bureau_opinion))
    if found.mask_text is not None:
        facts.append((Text("竞买人编号", "Bidder number"), found.mask_text))
    return facts


def _tasks(found: SignUp) -> list[dict[str, Any]]:
    """The task list with the address of each topic."""
    rows = []
    for task in queries.tasks_of(found):
        if task.code.startswith("paper-"):
            url = reverse("listings:signup_paper", args=[found.pk, task.code.removeprefix("paper-")])
        elif task.code == "eligibility":
            url = ""
        else:
            url = reverse("listings:signup_need", args=[found.pk])
        wrong = task.code == "eligibility" and found.eligible is False
        state = "done" if task.done else "wrong" if wrong else "todo"
        rows.append({"title": task.label, "state": state, "url": url, "note": task.missing or ""})
    return rows


@FORM_METHODS
def signup_need(request: HttpRequest, signup_id: int) -> HttpResponse:
    """One topic: which confirmed need, how much."""
    actor = actor_of(request)
    found = access.get_signup_for(actor, signup_id)
    access.may_fill(actor, found).require()
    lot = found.listing.lot
    form = NeedQuantityForm(
        posted(request),
        organisation_id=found.organisation_id,
        pollutant=lot.pollutant,
        initial={
            "need_id": found.need_id,
            "quantity_g": lot.quantity.tonnes_text().replace(",", ""),
            "version": found.version,
        },
    )
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.fill_signup(
                actor=actor,
                signup_id=found.pk,
                version=data["version"],
                need_id=data["need_id"],
                quantity_g=data["quantity_g"] or 0,
                now=clock.now(),
            )
            return see_other("listings:signup", found.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "listings/signup_need.html",
        {"signup": found, "lot": lot, "form": form, "refusal": refusal},
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def signup_paper(request: HttpRequest, signup_id: int, kind: str) -> HttpResponse:
    """One topic: one paper, uploaded or replaced."""
    actor = actor_of(request)
    found = access.get_signup_for(actor, signup_id)
    access.may_fill(actor, found).require()
    if kind not in {k.value for k in rules.PaperKind}:
        raise NotFound(what=Text("该材料", "this paper"))
    paper = rules.PaperKind(kind)
    form = PaperForm(posted(request), request.FILES if request.method == "POST" else None)
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            services.attach_paper(
                actor=actor,
                signup_id=found.pk,
                kind=paper,
                content=upload.file,
                filename=upload.name,
                media_type=upload.content_type or "",
                now=clock.now(),
            )
            return see_other("listings:signup", found.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "listings/signup_paper.html",
        {"signup": found, "paper": paper.label, "form": form, "refusal": refusal},
        status=422 if request.method == "POST" else 200,
    )
