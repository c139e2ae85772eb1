"""What bars a firm or a right: records of conduct (R24) and orders of a court (R23), entered and ended by the bureau."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import page_of
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.access import may_read
from terrace.kernel.documents.queries import documents_of
from terrace.kernel.orgs.queries import organisation_by_code
from terrace.market.rights import access, rules, services
from terrace.market.rights.forms import ConductEndForm, ConductForm, CourtLiftForm, CourtOrderForm
from terrace.market.rights.models import ConductRecord, ParcelHold
from terrace.market.rights.views.registry import FORM_METHODS, actor_of, see_other


def _posted(request: HttpRequest) -> tuple[Any, Any]:
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _status(request: HttpRequest, refusal: Refusal | None) -> int:
    if refusal is not None:
        return refusal.http_status
    return 422 if request.method == "POST" else 200


def _counts(entry: ConductRecord, today: dt.date) -> bool:
    return entry.since <= today and (entry.until is None or entry.until >= today)


@FORM_METHODS
def conduct(request: HttpRequest) -> HttpResponse:
    """Records the actor may see; bureau and branch enter a new one on the same page."""
    actor = actor_of(request)
    access.may_list_bars(actor).require()
    may_enter = access.may_enter_conduct(actor)
    if request.method == "POST":
        may_enter.require()
    form = ConductForm(_posted(request)[0], initial={"since": clock.today()})
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            firm = organisation_by_code(data["credit_code"].strip().upper())
            if firm is None:
                raise NotFound(what=Text("该信用代码的单位", "an organisation with this credit code"))
            made = services.record_conduct(
                actor=actor,
                organisation_id=firm.pk,
                kind=rules.ConductKind(data["kind"]),
                paper_no=data["paper_no"],
                issuer=data["issuer"],
                since=data["since"],
                now=clock.now(),
            )
            return see_other("rights:conduct_record", made.pk)
        except Refusal as raised:
            refusal = raised
    today = clock.today()
    page = page_of(request, access.conduct_for(actor))
    rows = [
        {"row": row, "kind": rules.ConductKind(row.kind).label, "counts": _counts(row, today)} for row in page
    ]
    return render(
        request,
        "rights/conduct.html",
        {
            "page": page,
            "rows": rows,
            "form": form,
            "refusal": refusal,
            "may_enter": bool(may_enter),
            "is_firm": actor.has_role(*access.FIRM),
        },
        status=_status(request, refusal),
    )


@FORM_METHODS
def conduct_record(request: HttpRequest, conduct_id: int) -> HttpResponse:
    """One record: what it is, what it bars, and the form that ends it."""
    actor = actor_of(request)
    found = access.get_conduct_for(actor, conduct_id)
    may = access.may_record_conduct(actor, found.organisation_id)
    if request.method == "POST":
        may.require()
    form = ConductEndForm(_posted(request)[0], initial={"until": clock.today()})
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.end_conduct(actor=actor, conduct_id=found.pk, now=clock.now(), **form.cleaned_data)
            return see_other("rights:conduct_record", found.pk)
        except Refusal as raised:
            refusal = raised
    facts = [
        (Text("单位", "Organisation"), found.organisation.name),
        (Text("类型", "Kind"), rules.ConductKind(found.kind).label),
        (Text("文书编号", "Number of the decision"), found.paper_no),
        (Text("作出单位", "Authority that decided"), found.issuer or "—"),
        (Text("起始日", "First day"), found.since.isoformat()),
        (
            Text("最后一日", "Last day"),
            found.until.isoformat() if found.until else Text("尚未终止", "not ended yet"),
        ),
    ]
    if found.end_reason:
        facts.append((Text("终止理由", "Why it ended"), found.end_reason))
    return render(
        request,
        "rights/conduct_record.html",
        {
            "record": found,
            "facts": facts,
            "counts": _counts(found, clock.today()),
            "form": form,
            "refusal": refusal,
            "may_end": bool(may) and found.until is None,
        },
        status=_status(request, refusal),
    )


@require_safe
def court_orders(request: HttpRequest) -> HttpResponse:
    """Freezes by courts: a firm sees those on its own rights."""
    actor = actor_of(request)
    access.may_list_bars(actor).require()
    page = page_of(request, access.court_orders_for(actor))
    rows = [_order_row(hold) for hold in page]
    return render(
        request,
        "rights/court_orders.html",
        {"page": page, "rows": rows, "may_freeze": bool(access.may_freeze_by_court(actor))},
    )


def _order_row(hold: ParcelHold) -> dict[str, Any]:
    active = hold.state == rules.HoldState.ACTIVE
    return {
        "hold": hold,
        "quantity": Quantity(Pollutant(hold.parcel.right.pollutant), hold.quantity_g),
        "state": rules.HoldState(hold.state).label,
        "tone": "cinnabar" if active else "quiet",
        "over": active and hold.until is not None and hold.until < clock.today(),
    }


@FORM_METHODS
def freeze(request: HttpRequest, parcel_id: int) -> HttpResponse:
    """Freeze part of a parcel on a court's order."""
    actor = actor_of(request)
    access.may_freeze_by_court(actor).require()
    parcel = access.get_parcel_for(actor, parcel_id)
    form = CourtOrderForm(*_posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            hold = services.freeze_by_court(
                actor=actor,
                parcel_id=parcel.pk,
                quantity_g=data["quantity_g"] or 0,
                ruling_no=data["ruling_no"],
                court=data["court"],
                applicant=data["applicant"],
                until=data["until"],
                content=data["file"].file,
                filename=data["file"].name,
                now=clock.now(),
            )
            return see_other("rights:court_order", hold.pk)
        except Refusal as raised:
            refusal = raised
    facts = [
        (Text("份额", "Parcel"), parcel.serial_block, reverse("rights:parcel", args=[parcel.pk])),
        (Text("持有单位", "Holder"), parcel.holder.name),
        (Text("污染物", "Pollutant"), Pollutant(parcel.right.pollutant).label),
        (Text("持有", "Held"), parcel.held.label()),
        (Text("其中已冻结", "Frozen of it"), parcel.frozen.label()),
        (Text("可冻结", "Free"), parcel.free.label()),
    ]
    return render(
        request,
        "rights/freeze.html",
        {
            "parcel": parcel,
            "facts": facts,
            "form": form,
            "refusal": refusal,
            "listed": parcel.holds.filter(kind=rules.HoldKind.LISTING.value, state="ACTIVE").exists(),
        },
        status=_status(request, refusal),
    )


@FORM_METHODS
def court_order(request: HttpRequest, hold_id: int) -> HttpResponse:
    """One freeze by a court, its papers, and the form that lifts it."""
    actor = actor_of(request)
    hold = access.get_court_order_for(actor, hold_id)
    may_lift = access.may_freeze_by_court(actor)
    if request.method == "POST":
        may_lift.require()
    form = CourtLiftForm(*_posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.lift_court_freeze(
                actor=actor,
                parcel_hold_id=hold.pk,
                ruling_no=form.cleaned_data["ruling_no"],
                content=form.cleaned_data["file"].file,
                filename=form.cleaned_data["file"].name,
                now=clock.now(),
            )
            return see_other("rights:court_order", hold.pk)
        except Refusal as raised:
            refusal = raised
    row = _order_row(hold)
    facts = [
        (Text("份额", "Parcel"), hold.parcel.serial_block, reverse("rights:parcel", args=[hold.parcel_id])),
        (Text("持有单位", "Holder"), hold.parcel.holder.name),
        (Text("冻结数量", "Quantity frozen"), row["quantity"].label()),
        (Text("法院", "Court"), hold.court or "—"),
        (Text("申请人", "For whom"), hold.applicant or "—"),
        (
            Text("冻结至", "Last day"),
            hold.until.isoformat() if hold.until else Text("文书未写", "not named in the order"),
        ),
    ]
    if hold.lift_reason:
        facts.append((Text("解除文书", "Order that lifted it"), hold.lift_reason))
    papers = [d for d in documents_of("court_order", hold.pk) if may_read(actor, d)]
    return render(
        request,
        "rights/court_order.html",
        {
            **row,
            "facts": facts,
            "papers": papers,
            "form": form,
            "refusal": refusal,
            "may_lift": bool(may_lift) and hold.state == rules.HoldState.ACTIVE,
        },
        status=_status(request, refusal),
    )
