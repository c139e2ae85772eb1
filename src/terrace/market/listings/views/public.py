"""What everybody sees: lots on sale, and one lot with its notice, calendar and the way to apply."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import EXPORT_MAX, page_as_json, page_of, stream_csv
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.market.listings import access, queries, rules, services
from terrace.market.listings.forms import LotFilterForm
from terrace.market.listings.models import Listing
from terrace.market.listings.services.notices import region_text, timed_text
from terrace.market.listings.views.shared import actor_of, key_of, see_other, tone_of
from terrace.market.rights.access import FIRM
from terrace.market.rights.rules import ratio_text


def _filtered(request: HttpRequest) -> tuple[LotFilterForm, Any]:
    """The filters of the address; a value that no list knows counts as no filter."""
    form = LotFilterForm(request.GET)
    form.is_valid()
    chosen = {name: form.cleaned_data.get(name, "") for name in ("pollutant", "area", "basin", "state")}
    return form, queries.public_listings(**chosen)


@require_safe
def lots(request: HttpRequest) -> HttpResponse:
    """Lots on sale with what can be done until when."""
    form, found = _filtered(request)
    page = page_of(request, found)
    now = clock.now()
    rows = [_row(listing, now) for listing in page]
    return render(
        request,
        "listings/lots.html",
        {
            "form": form,
            "page": page,
            "rows": rows,
            "csv_url": reverse("listings:lots_csv"),
            "json_url": reverse("listings:lots_json"),
        },
    )


def _row(listing: Listing, now: dt.datetime) -> dict[str, Any]:
    phase, until = rules.phase_at(listing.calendar, now)
    running = listing.state in ("ANNOUNCED", "BIDDING")
    return {
        "listing": listing,
        "lot": listing.lot,
        "state": phase.label if running else listing.state_label,
        "tone": tone_of(listing.state),
        "until": until if running else None,
        "amount": listing.start.amount(listing.lot.quantity),
        "area": listing.lot.parcel.right.area,
    }


@require_safe
def lots_json(request: HttpRequest) -> HttpResponse:
    """The list with the same filters as data, page by page."""
    _, found = _filtered(request)
    return page_as_json(request, found, queries.lot_document, "lots")


COLUMNS = (
    "lot", "notice", "name", "pollutant", "quantity_t_per_year", "years", "area", "start_yuan_per_tonne", "basis",
    "increment_yuan_per_tonne", "start_amount_yuan", "deposit_yuan", "signup_until", "quoting_from", "quoting_until",
    "state", "synthetic",
)  # fmt: skip


def _csv_row(listing: Listing) -> dict[str, Any]:
    lot, quantity = listing.lot, listing.lot.quantity
    return {
        "lot": lot.number,
        "notice": listing.number,
        "name": listing.project_name,
        "pollutant": lot.pollutant,
        "quantity_t_per_year": quantity.tonnes_text().replace(",", ""),
        "years": listing.years,
        "area": lot.parcel.right.area.code,
        "start_yuan_per_tonne": f"{Money(listing.start_fen_per_tonne).yuan:.2f}",
        "basis": listing.price_basis,
        "increment_yuan_per_tonne": f"{Money(listing.increment_fen_per_tonne).yuan:.2f}",
        "start_amount_yuan": f"{listing.start.amount(quantity).yuan:.2f}",
        "deposit_yuan": f"{listing.deposit.yuan:.2f}",
        "signup_until": clock.local(listing.signup_until).isoformat(),
        "quoting_from": clock.local(listing.quoting_from).isoformat(),
        "quoting_until": clock.local(listing.quoting_until).isoformat(),
        "state": listing.state,
        "synthetic": "yes" if lot.is_synthetic else "no",
    }


@require_safe
def lots_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The list with the same filters as a table that Excel opens."""
    _, found = _filtered(request)
    return stream_csv("terrace-lots.csv", COLUMNS, (_csv_row(listing) for listing in found[:EXPORT_MAX]))


@require_safe
def listing_by_number(request: HttpRequest, number: str) -> HttpResponse:
    """The page of a notice's number: the lot it offers."""
    lot_id = (
        Listing.objects.filter(number=number, announced_at__isnull=False)
        .values_list("lot_id", flat=True)
        .first()
    )
    if lot_id is None:
        raise NotFound(what=Text("该公告", "the notice"))
    return see_other("listings:lot", lot_id)


@require_safe
def lot(request: HttpRequest, lot_id: int) -> HttpResponse:
    """One lot: the notice, the calendar as a line, the price with its basis, how to apply, may my firm buy it."""
    return _lot_page(request, lot_id)


@require_POST
def apply(request: HttpRequest, lot_id: int) -> HttpResponse:
    """Begin an application; the page explains a refusal."""
    actor = actor_of(request)
    _, listing = access.get_lot_for(actor, lot_id)
    try:
        signup = services.start_signup(
            actor=actor, listing_id=listing.pk, now=clock.now(), key=key_of(request)
        )
    except Refusal as refusal:
        return _lot_page(request, lot_id, refusal=refusal)
    return see_other("listings:signup", signup.pk)


def _lot_page(request: HttpRequest, lot_id: int, refusal: Refusal | None = None) -> HttpResponse:
    actor = actor_of(request)
    found, listing = access.get_lot_for(actor, lot_id)
    now = clock.now()
    phase, until = rules.phase_at(listing.calendar, now)
    is_firm = actor.has_role(*FIRM) and actor.organisation_id is not None
    preview = None
    if is_firm and actor.organisation_id is not None:
        preview = services.preview_eligibility(listing, actor.organisation_id, now)
    participants = list(queries.participants(listing.pk))
    return render(
        request,
        "listings/lot.html",
        {
            "lot": found,
            "listing": listing,
            "state": listing.state_label,
            "tone": tone_of(listing.state),
            "phase": phase.label,
            "until": until if listing.state in ("ANNOUNCED", "BIDDING") else None,
            "facts": notice_facts(listing),
            "calendar": calendar_line(listing, now),
            "amount": listing.start.amount(found.quantity),
            "mine": queries.my_signup_for(actor, listing),
            "may_apply": _may_apply(actor, listing, now),
            "signup_text": _signup_text(listing, now),
            "signup_not_begun": listing.state == "ANNOUNCED" and now < listing.signup_from,
            "signup_open": listing.state == "ANNOUNCED" and listing.signup_from <= now < listing.signup_until,
            "is_firm": is_firm,
            "need": preview[0] if preview else None,
            "decision": preview[1].as_dict() if preview else None,
            "participants": [rules.mask_label(p.mask) for p in participants if p.mask is not None],
            "earlier": queries.earlier_rounds(listing),
            "sale_links": services.sale_links(listing.pk),
            "refusal": refusal,
        },
        status=refusal.http_status if refusal is not None else 200,
    )


def _may_apply(actor: Actor, listing: Listing, now: dt.datetime) -> bool:
    return (
        bool(access.may_sign_up(actor))
        and listing.state == "ANNOUNCED"
        and listing.signup_from <= now < listing.signup_until
    )


def _signup_text(listing: Listing, now: dt.datetime) -> Text:
    """Why nobody can sign up at this moment, with the instant that decides it."""
    if listing.state == "ANNOUNCED" and now < listing.signup_from:
        return Text("报名还没有开始，开始时间：", "Sign-up has not opened yet; it opens")
    if now >= listing.signup_until:
        return Text("报名已经截止，截止时间：", "Sign-up has closed; it closed")
    return Text("现在不能报名，原定截止时间：", "Sign-up is not possible now; it was to close")


def notice_facts(listing: Listing) -> list[tuple[Any, ...]]:
    """The notice's fields for the page, in the order a printed notice has them."""
    lot = listing.lot
    region = region_text(lot.parcel.right)
    return [
        (Text("公告编号", "Notice"), listing.number),
        (Text("标的编号", "Lot"), lot.number),
        (Text("出让方", "Seller"), lot.seller.name),
        (Text("所在区域", "Region"), Text(listing.region_text, region.en)),
        (
            Text("排污权来源", "Source of the right"),
            listing.source_text,
            reverse("rights:parcel", args=[lot.parcel_id]),
        ),
        (Text("污染物", "Pollutant"), lot.quantity.pollutant.label),
        (Text("数量", "Quantity"), lot.quantity.label()),
        (Text("出让年限", "Term"), Text(f"{listing.years}年", f"{listing.years} years")),
        (Text("替代比例", "Replacement ratio"), ratio_text(listing.ratio_hundredths)),
        (Text("起始价", "Starting price"), listing.start.label()),
        (
            Text("起始价的由来", "How it came about"),
            listing.price_reason or Text("公告未另行说明", "The notice gives no reason of its own"),
        ),
        (Text("起始总价", "Amount at the starting price"), listing.start.amount(lot.quantity).label()),
        (Text("加价幅度", "Increment"), listing.increment.label()),
        (
            Text("保证金", "Deposit"),
            Text(f"{listing.deposit.label().zh}（{listing.deposit_text}）", listing.deposit.label().en),
        ),
        (Text("限时竞价", "Timed bidding"), timed_text(listing)),
        (Text("成交规则", "Allocation"), listing.allocation_text),
        (
            Text("受让方条件", "Buyer conditions"),
            listing.buyer_conditions
            or Text(
                "没有附加条件；须有分局确认的项目需求，并符合现行规则",
                "None beyond the rules in force and a need of your project that the branch has confirmed",
            ),
        ),
        (Text("付款方式", "Payment"), listing.payment_text),
        (Text("联系方式", "Contact"), listing.contact),
    ]


def calendar_line(listing: Listing, now: dt.datetime) -> list[dict[str, Any]]:
    """The calendar as a line in time: what is over, what comes, in the language of the page."""
    language = get_language()
    steps = [
        {"label": rules.CALENDAR_LABELS[name].of(language), "at": at, "past": at <= now}
        for name, at in listing.calendar.items()
    ]
    return sorted(steps, key=lambda step: step["at"])
