"""The desk of the trading institution: what to list, what to qualify, which deposits are out, the calendar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import PAGE_SIZE, page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures.models import Case
from terrace.market.listings import access, queries, rules, services
from terrace.market.listings.forms import CalendarForm, ListingForm
from terrace.market.listings.models import Listing
from terrace.market.listings.views.public import calendar_line, notice_facts
from terrace.market.listings.views.shared import (
    actor_of,
    key_of,
    options,
    posted,
    see_other,
    tone_of,
)
from terrace.market.reserve.models import PlannedLot
from terrace.market.rights.forms import ReasonForm

FORM_METHODS = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """Lots to list, applications to qualify, deposits outstanding, every offer with its numbers."""
    actor = actor_of(request)
    access.may_see_desk(actor).require()
    page = page_of(request, queries.exchange_listings())
    now = clock.now()
    rows = []
    for listing in page:
        phase, until = rules.phase_at(listing.calendar, now)
        running = listing.state in ("ANNOUNCED", "BIDDING")
        rows.append(
            {
                "listing": listing,
                "state": listing.state_label,
                "tone": tone_of(listing.state),
                "phase": phase.label if running else None,
                "until": until if running else None,
            }
        )
    return render(
        request,
        "listings/desk.html",
        {
            "page": page,
            "rows": rows,
            "listable": queries.listable_lots()[:PAGE_SIZE],
            "queue": queries.qualification_queue()[:PAGE_SIZE],
            "deposits": queries.deposits_outstanding()[:PAGE_SIZE],
            "may_prepare": bool(access.may_prepare(actor)),
        },
    )


@FORM_METHODS
def new_listing(request: HttpRequest, planned_lot_id: int) -> HttpResponse:
    """Draft the offer of an approved lot."""
    actor = actor_of(request)
    access.may_prepare(actor).require()
    planned = (
        PlannedLot.objects.select_related("plan", "parcel__right__area").filter(pk=planned_lot_id).first()
    )
    if planned is None:
        raise NotFound(what=Text("该标的", "the lot"))
    now = clock.now()
    form = ListingForm(posted(request), initial={"project_name": planned.name, "notice_from": now})
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft_listing(
                actor=actor, planned_lot_id=planned.pk, terms=form.terms(), now=now, key=key_of(request)
            )
            return see_other("listings:listing_case", made.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "listings/listing_form.html",
        {"form": form, "refusal": refusal, "planned": planned, "back": reverse("listings:desk")},
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def change_listing(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Change a draft."""
    actor = actor_of(request)
    access.may_prepare(actor).require()
    listing = access.get_listing_for(actor, listing_id)
    form = ListingForm(posted(request), initial=_initial(listing))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.change_listing(actor=actor, listing_id=listing.pk, terms=form.terms(), now=clock.now())
            return see_other("listings:listing_case", listing.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "listings/listing_form.html",
        {
            "form": form,
            "refusal": refusal,
            "planned": listing.lot.planned_lot,
            "back": reverse("listings:listing_case", args=[listing.pk]),
        },
        status=422 if request.method == "POST" else 200,
    )


def _initial(listing: Listing) -> dict[str, Any]:
    plan = listing.workday_plan or {}
    return {
        "project_name": listing.project_name,
        "price_reason": listing.price_reason,
        "allocation_text": listing.allocation_text,
        "wait_seconds": listing.wait_seconds,
        "window_seconds": listing.window_seconds,
        "payment_text": listing.payment_text,
        "contact": listing.contact,
        "calendar_kind": listing.calendar_kind,
        "start_fen": str(listing.start_fen_per_tonne / 100),
        "notice_days": plan.get("notice"),
        "signup_days": plan.get("signup"),
        "qualification_days": plan.get("qualification"),
        "deposit_days": plan.get("deposit"),
        "quoting_hours": plan.get("quoting_hours"),
        **dict(listing.calendar.items()),
    }


def _take_step(request: HttpRequest, listing: Listing, reason: str) -> None:
    """Do what the pressed button says. Raises what the service raises, NotFound for an unknown button."""
    actor, now = actor_of(request), clock.now()
    taken = request.POST.get("action", "")
    if taken == "accept":
        services.accept_listing(actor=actor, listing_id=listing.pk, now=now)
    elif taken == "announce":
        services.announce_listing(actor=actor, listing_id=listing.pk, now=now)
    elif taken == "withdraw":
        services.withdraw_listing(actor=actor, listing_id=listing.pk, reason=reason, now=now)
    elif taken == "terminate":
        services.terminate_listing(actor=actor, listing_id=listing.pk, reason=reason, now=now)
    elif taken == "suspend":
        services.suspend_listing(actor=actor, listing_id=listing.pk, reason=reason, now=now)
    elif taken == "resume":
        services.resume_listing(actor=actor, listing_id=listing.pk, reason=reason, now=now)
    else:
        raise NotFound(what=Text("该步骤", "this step"))


@FORM_METHODS
def listing_case(request: HttpRequest, listing_id: int) -> HttpResponse:
    """The case page of an offer: notice, calendar, applications, the steps I may take."""
    actor = actor_of(request)
    listing = access.get_listing_for(actor, listing_id)
    access.may_see_case(actor).require()
    form = ReasonForm(posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            _take_step(request, listing, form.cleaned_data["reason"])
            return see_other("listings:listing_case", listing.pk)
        except Refusal as raised:
            refusal = raised
    case = Case.objects.filter(pk=listing.case_id or 0).first()
    allowed = options(case, actor)
    prepares = bool(access.may_prepare(actor))
    stoppable = prepares and listing.quoting_opened_at is None
    applications = []
    if access.may_see_desk(actor):
        applications = [
            {"row": row, "state": rules.SignUpState(row.state).label, "tone": tone_of(row.state)}
            for row in queries.signups_of_listing(listing.pk)
        ]
    return render(
        request,
        "listings/listing_case.html",
        {
            "listing": listing,
            "case": case,
            "state": listing.state_label,
            "tone": tone_of(listing.state),
            "facts": notice_facts(listing),
            "calendar": calendar_line(listing, clock.now()),
            "applications": applications,
            "form": form,
            "refusal": refusal,
            "steps": {
                "change": prepares and listing.state == "DRAFT",
                "accept": "accept" in allowed,
                "announce": "announce" in allowed,
                "withdraw": "withdraw" in allowed and bool(access.may_withdraw(actor, listing)),
                "terminate": (stoppable and listing.state == "ANNOUNCED")
                or (prepares and listing.state == "SUSPENDED"),
                "suspend": stoppable and listing.state == "ANNOUNCED",
                "resume": prepares and listing.state == "SUSPENDED",
                "relist": prepares and listing.state in ("FAILED", "TERMINATED", "WITHDRAWN"),
            },
            "consequence": [
                (
                    Text("冻结的排污权", "Right that is frozen"),
                    Text(
                        f"{listing.lot.quantity.pollutant.label.zh} {listing.lot.quantity.label().zh}",
                        f"{listing.lot.pollutant} {listing.lot.quantity.label().en}",
                    ),
                )
            ],
        },
        status=422 if request.method == "POST" else 200,
    )


@FORM_METHODS
def relist(request: HttpRequest, listing_id: int) -> HttpResponse:
    """Offer a lot again with a new calendar."""
    actor = actor_of(request)
    access.may_prepare(actor).require()
    listing = access.get_listing_for(actor, listing_id)
    form = CalendarForm(posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.relist(
                actor=actor,
                listing_id=listing.pk,
                calendar=form.calendar(),
                now=clock.now(),
                key=key_of(request),
            )
            return see_other("listings:listing_case", made.pk)
        except Refusal as raised:
            refusal = raised
    return render(
        request,
        "listings/relist.html",
        {"form": form, "refusal": refusal, "listing": listing},
        status=422 if request.method == "POST" else 200,
    )
