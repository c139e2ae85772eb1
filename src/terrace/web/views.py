"""Pages that combine contexts."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods

from terrace.kernel import workdays
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Money, Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import queries as procedures
from terrace.market.reserve import queries as reserve_queries
from terrace.web import charts, page, pictures, queries, services
from terrace.web.desk import blocks_for
from terrace.web.forms import ClockForm, PriceFilterForm
from terrace.web.glossary import GLOSSARY, STAGES, term
from terrace.web.navigation import address

DESK_LINES = 25


def _actor(request: HttpRequest) -> Actor:
    return getattr(request, "actor", ANONYMOUS)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is on sale, until when, and how to take part; notices, prices, the reserve."""
    now = page.now()
    recent = queries.deals_for_chart(queries.deals_found())
    offers = queries.offers(now)
    context = {
        "offers": offers,
        "notices": queries.notices(),
        "deals": recent[:5],
        "price_chart": charts.prices(recent, offers=offers, height="sm") if recent or offers else None,
        "reserve": reserve_queries.figures(),
        "terraces": charts.terraces(pictures.stages()),
    }
    return render(request, "web/home.html", context)


@login_required
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """What waits for me, what I wait for, what I did: the same page for every role."""
    actor = _actor(request)
    now = page.now()
    start = _whole_number(request.GET.get("from", "0"))
    waiting = procedures.waiting_for(actor, now=now, offset=start, limit=DESK_LINES)
    approval_url = address("orgs:approval", 0)
    approvals = queries.approvals_for(actor, approval_url) if start == 0 else []
    count = procedures.count_waiting_for(actor)
    context = {
        "actor": actor,
        "roles": sorted(actor.roles),
        "organisation": _organisation(request),
        "approvals": approvals,
        "waiting": waiting,
        "waiting_count": count + len(approvals),
        "shown": start + len(waiting) + len(approvals),
        "rest": count - start - len(waiting),
        "start": start,
        "previous": max(0, start - DESK_LINES) or None,
        "following": start + DESK_LINES,
        "overdue": sum(1 for item in waiting if item.due is not None and item.due.overdue),
        "asked": queries.approvals_asked_by(actor, approval_url),
        "waited": procedures.waited_on_by(actor, now=now),
        "done": procedures.recently_done(actor),
        "blocks": blocks_for(actor),
    }
    return render(request, "web/desk.html", context)


def _organisation(request: HttpRequest) -> Text | None:
    """The organisation the actor acts for, as the sign-in middleware read it."""
    standing = getattr(request, "standing", None)
    place = standing.place(_actor(request).organisation_id) if standing is not None else None
    return place.label() if place is not None else None


def _whole_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


@require_GET
def prices(request: HttpRequest) -> HttpResponse:
    """Every deal with its price and basis: chart, table, and the same rows as CSV and JSON."""
    form = PriceFilterForm(request.GET or None)
    found = queries.deals_found(**form.criteria())
    rows = Paginator(found, 25).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "chart": charts.prices(
            queries.deals_for_chart(found), csv_url=_with_query(request, "web:prices_csv")
        ),
        "page": rows,
        "deals": [queries.Deal(trade) for trade in rows],
    }
    return render(request, "web/prices.html", context)


DEAL_COLUMNS = (
    "number", "awarded_on", "pollutant", "quantity_t_per_year", "price_yuan_per_tonne", "price_basis", "years",
    "price_yuan_per_tonne_year", "amount_yuan", "seller", "buyer",
)  # fmt: skip


def _deal_row(deal: queries.Deal) -> dict[str, str]:
    trade = deal.trade
    values = (
        trade.number, clock.local(trade.awarded_at).date().isoformat(), trade.pollutant,
        deal.quantity.tonnes_text().replace(",", ""), f"{trade.price_fen_per_tonne / 100:.2f}", trade.price_basis,
        str(trade.years), str(deal.yuan_per_tonne_year), f"{Money(trade.amount_fen).yuan:.2f}",
        trade.seller.name, trade.buyer.name,
    )  # fmt: skip
    return dict(zip(DEAL_COLUMNS, values, strict=True))


def _deal_rows(request: HttpRequest) -> list[dict[str, str]]:
    """The rows that the filters in the address leave, for both exports."""
    found = queries.deals_found(**PriceFilterForm(request.GET or None).criteria())
    return [_deal_row(deal) for deal in queries.deals(found)]


@require_GET
def prices_csv(request: HttpRequest) -> HttpResponse:
    rows = _deal_rows(request)
    return _as_csv("terrace-prices.csv", DEAL_COLUMNS, rows)


@require_GET
def prices_json(request: HttpRequest) -> JsonResponse:
    rows = _deal_rows(request)
    return JsonResponse({"deals": rows}, json_dumps_params={"ensure_ascii": False})


@require_GET
def reserve(request: HttpRequest) -> HttpResponse:
    """What the government reserve holds, from which sources, and what is on offer."""
    lines = reserve_queries.figures()
    context = {"lines": lines, "chart": charts.reserve(lines) if lines else None}
    return render(request, "web/reserve.html", context)


RESERVE_COLUMNS = ("pollutant", "region", "taken_in_t", "released_t", "offered_t", "free_t")


def _reserve_rows() -> list[dict[str, str]]:
    def tonnes(quantity: Quantity) -> str:
        return quantity.tonnes_text().replace(",", "")

    return [
        dict(
            zip(
                RESERVE_COLUMNS,
                (line.pollutant.value, line.region, tonnes(line.taken_in), tonnes(line.released),
                 tonnes(line.frozen), tonnes(line.available)),
                strict=True,
            )
        )
        for line in reserve_queries.figures()
    ]  # fmt: skip


@require_GET
def reserve_csv(request: HttpRequest) -> HttpResponse:
    return _as_csv("terrace-reserve.csv", RESERVE_COLUMNS, _reserve_rows())


@require_GET
def reserve_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"reserve": _reserve_rows()}, json_dumps_params={"ensure_ascii": False})


@require_GET
def reserve_line(request: HttpRequest, pollutant: str, region: str) -> HttpResponse:
    """The intakes and releases beneath one figure of the reserve."""
    if pollutant not in {p.value for p in Pollutant}:
        raise Http404
    found = reserve_queries.movements(Pollutant(pollutant), region)
    if not found:
        raise Http404
    context = {
        "pollutant": Pollutant(pollutant),
        "region": reserve_queries.region_label(region),
        "page": Paginator(found, 25).get_page(request.GET.get("page")),
    }
    return render(request, "web/reserve_line.html", context)


STAGE_COLUMNS = ("stage", "name_zh", "name_en", "lots")


def _stage_rows() -> list[dict[str, str]]:
    return [
        {"stage": s.code, "name_zh": s.name.zh, "name_en": s.name.en, "lots": str(s.lots)}
        for s in pictures.stages()
    ]


@require_GET
def stages_csv(request: HttpRequest) -> HttpResponse:
    return _as_csv("terrace-stages.csv", STAGE_COLUMNS, _stage_rows())


@require_GET
def stages_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"stages": _stage_rows()}, json_dumps_params={"ensure_ascii": False})


@require_GET
def area_map(request: HttpRequest) -> HttpResponse:
    """Lots on sale and sold by area and by the region in which they may be used, as a schematic map."""
    places = pictures.places()
    context = {"map": charts.area_tiles(places, reverse("listings:lots")), "lines": places.lines}
    return render(request, "web/map.html", context)


MAP_COLUMNS = (
    "area", "area_name", "region", "pollutant", "on_sale_lots", "on_sale_t_per_year", "sold_lots", "sold_t_per_year",
)  # fmt: skip


def _map_rows() -> list[dict[str, str]]:
    return [
        {
            "area": line.area.code,
            "area_name": line.area.name,
            "region": line.region,
            "pollutant": line.pollutant.value,
            "on_sale_lots": str(line.sums.on_sale),
            "on_sale_t_per_year": line.on_sale.tonnes_text().replace(",", ""),
            "sold_lots": str(line.sums.sold),
            "sold_t_per_year": line.sold.tonnes_text().replace(",", ""),
        }
        for line in pictures.places().lines
    ]


@require_GET
def map_csv(request: HttpRequest) -> HttpResponse:
    return _as_csv("terrace-map.csv", MAP_COLUMNS, _map_rows())


@require_GET
def map_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"lines": _map_rows()}, json_dumps_params={"ensure_ascii": False})


@require_GET
def flow(request: HttpRequest) -> HttpResponse:
    """Where the rights came from and lie now, one pollutant at a time: the mass balance out of the ledger."""
    balances = pictures.balances(clock.local(page.now()).date())
    wanted = request.GET.get("pollutant", "")
    shown = next((b for b in balances if b.pollutant.value == wanted), balances[0] if balances else None)
    context = {
        "balances": balances,
        "shown": shown,
        "chart": None
        if shown is None
        else charts.mass_balance(shown, csv_url=reverse("web:flow_csv"), json_url=reverse("web:flow_json")),
    }
    return render(request, "web/flow.html", context)


FLOW_COLUMNS = ("pollutant", "from", "to", "t_per_year")


def _flow_rows() -> list[dict[str, str]]:
    return [
        {
            "pollutant": balance.pollutant.value,
            "from": stream.source.of(get_language()),
            "to": stream.target.of(get_language()),
            "t_per_year": stream.quantity.tonnes_text().replace(",", ""),
        }
        for balance in pictures.balances(clock.local(page.now()).date())
        for stream in balance.streams
    ]


@require_GET
def flow_csv(request: HttpRequest) -> HttpResponse:
    return _as_csv("terrace-flow.csv", FLOW_COLUMNS, _flow_rows())


@require_GET
def flow_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"flows": _flow_rows()}, json_dumps_params={"ensure_ascii": False})


def _as_csv(filename: str, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> HttpResponse:
    """Rows as a CSV that spreadsheets open with the right characters."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.write("\ufeff")  # Excel reads UTF-8 only with this mark
    writer = csv.DictWriter(response, columns)
    writer.writeheader()
    writer.writerows(rows)
    return response


def _with_query(request: HttpRequest, name: str) -> str:
    query = request.GET.urlencode()
    return reverse(name) + (f"?{query}" if query else "")


@require_GET
def how_to(request: HttpRequest) -> HttpResponse:
    """The seven steps of a buyer and every word of the market."""
    stages = [
        {
            "title": stage.title,
            "text": stage.text,
            "who": stage.who,
            "bring": stage.bring,
            "terms": [term(anchor) for anchor in stage.terms],
        }
        for stage in STAGES
    ]
    return render(request, "web/how_to.html", {"stages": stages, "glossary": GLOSSARY})


@require_http_methods(["GET", "POST"])
def demo_clock(request: HttpRequest) -> HttpResponse:
    """Moves the demo city's time: to the next deadline, by one working day, or to an instant."""
    if not settings.TERRACE_DEMO:
        raise Http404
    now = page.now()
    due = queries.next_deadline(now)
    form = ClockForm(request.POST if request.POST.get("step") == "at" else None)
    refusal: Refusal | None = None
    if request.method == "POST":
        target = _clock_target(request.POST.get("step", ""), form, now, due)
        if target is not None:
            try:
                services.set_clock(actor=_actor(request), instant=target, reason="demo", now=now)
            except Refusal as error:
                refusal = error
            else:
                messages.success(request, Text("平台时间已调整。", "The clock was moved.").of(get_language()))
                return _see_other(request.path)
    context: dict[str, Any] = {
        "form": form,
        "refusal": refusal,
        "due": due,
        "tomorrow": _next_workday(now),
        "now": now,
    }
    return render(request, "web/demo_clock.html", context, status=refusal.http_status if refusal else 200)


def _clock_target(
    step: str, form: ClockForm, now: dt.datetime, due: dt.datetime | None
) -> dt.datetime | None:
    """The instant that the pressed button means; None when the form has to be shown again."""
    if step == "next":
        return due + dt.timedelta(seconds=1) if due is not None else None
    if step == "workday":
        return _next_workday(now)
    return form.cleaned_data["at"] if form.is_valid() else None


def _next_workday(now: dt.datetime) -> dt.datetime:
    """Nine o'clock of the next working day."""
    return clock.at_local(workdays.add(clock.local(now).date(), 1), 9)


def _see_other(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
