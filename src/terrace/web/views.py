"""Pages that combine contexts."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from terrace.kernel import workdays
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import (
    EXPORT_MAX,
    as_csv,
    as_json,
    as_workbook,
    page_as_json,
    page_of,
    stream_csv,
)
from terrace.kernel.base.quantity import Money, Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.notify.services import retry_mail
from terrace.kernel.procedures import queries as procedures
from terrace.kernel.procedures.services import retry_deadline
from terrace.kernel.publication.services import retry_notice
from terrace.market.reserve import queries as reserve_queries
from terrace.market.reserve.queries import Movement, Movements
from terrace.market.settlement.models import Trade
from terrace.web import charts, operator, page, pictures, queries, services
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
    rows = page_of(request, found)
    context = {
        "form": form,
        "chart": _price_chart(found, rows.paginator.count, _with_query(request, "web:prices_csv")),
        "page": rows,
        "deals": [queries.Deal(trade) for trade in rows],
    }
    return render(request, "web/prices.html", context)


def _price_chart(found: QuerySet[Trade], count: int, csv_url: str) -> dict[str, Any]:
    """Every deal as a dot, or the means of the months when there are more than fit. One query."""
    if count > queries.DEALS_CHARTED:
        return charts.prices_by_month(queries.deals_by_month(found), csv_url=csv_url)
    return charts.prices(queries.deals_for_chart(found), csv_url=csv_url)


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


def _deals(request: HttpRequest) -> QuerySet[Trade]:
    """The deals that the filters in the address leave, for both exports."""
    return queries.deals_found(**PriceFilterForm(request.GET or None).criteria())


@require_GET
def prices_csv(request: HttpRequest) -> StreamingHttpResponse:
    rows = (_deal_row(queries.Deal(trade)) for trade in _deals(request)[:EXPORT_MAX])
    return stream_csv("terrace-prices.csv", DEAL_COLUMNS, rows)


@require_GET
def prices_json(request: HttpRequest) -> HttpResponse:
    """The same rows for programs, page by page."""
    return page_as_json(request, _deals(request), lambda trade: _deal_row(queries.Deal(trade)), "deals")


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
    return as_csv("terrace-reserve.csv", RESERVE_COLUMNS, _reserve_rows())


@require_GET
def reserve_json(request: HttpRequest) -> HttpResponse:
    return as_json({"reserve": _reserve_rows()})


@require_GET
def reserve_line(request: HttpRequest, pollutant: str, region: str) -> HttpResponse:
    """The intakes and releases beneath one figure of the reserve."""
    found = _movements(pollutant, region)
    context = {
        "pollutant": Pollutant(pollutant),
        "csv_url": reverse("web:reserve_line_csv", args=[pollutant, region]),
        "json_url": reverse("web:reserve_line_json", args=[pollutant, region]),
        "region": reserve_queries.region_label(region),
        "page": page_of(request, found),
    }
    return render(request, "web/reserve_line.html", context)


MOVEMENT_COLUMNS = (
    "at",
    "direction",
    "pollutant",
    "quantity_t_per_year",
    "what",
    "what_en",
    "paper",
    "parcel",
)


def _movements(pollutant: str, region: str) -> Movements:
    """The entries beneath one figure; 404 where there is no such figure."""
    if pollutant not in {p.value for p in Pollutant}:
        raise Http404
    found = reserve_queries.movements(Pollutant(pollutant), region)
    if not found.count():
        raise Http404
    return found


def _movement_row(line: Movement) -> dict[str, Any]:
    return {
        "at": clock.local(line.at).isoformat(timespec="seconds"),
        "direction": "in" if line.incoming else "out",
        "pollutant": line.quantity.pollutant.value,
        "quantity_t_per_year": line.quantity.tonnes_text().replace(",", ""),
        "what": line.what.zh,
        "what_en": line.what.en,
        "paper": line.paper,
        "parcel": line.parcel.serial_block,
    }


@require_GET
def reserve_line_csv(request: HttpRequest, pollutant: str, region: str) -> HttpResponse:
    """The same entries as a spreadsheet."""
    rows = _movements(pollutant, region)[:EXPORT_MAX]
    return as_csv("terrace-reserve-entries.csv", MOVEMENT_COLUMNS, (_movement_row(line) for line in rows))


@require_GET
def reserve_line_json(request: HttpRequest, pollutant: str, region: str) -> HttpResponse:
    """The same entries for programs, page by page."""
    return page_as_json(request, _movements(pollutant, region), _movement_row)


@require_GET
def workbook(request: HttpRequest, address: str) -> HttpResponseBase:
    """The Excel twin of any list: `/lots.xlsx` holds what `/lots.csv` does, under the same right to see it."""
    try:
        match = resolve(f"/{address}.csv")
    except Resolver404:
        raise Http404 from None
    answer = match.func(request, *match.args, **match.kwargs)
    if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/csv"):
        return cast(HttpResponseBase, answer)  # the way to sign in, or what the list refused
    language = get_language()
    facts = [
        (Text("内容", "Content"), request.build_absolute_uri(f"/{address}")),
        (Text("筛选", "Filters"), request.GET.urlencode() or "—"),
        (Text("导出时间", "Exported"), f"{clock.local(page.now()):%Y-%m-%d %H:%M:%S} UTC+8"),
    ]
    name = answer.headers["Content-Disposition"].partition('filename="')[2].rpartition(".csv")[0] or "list"
    return as_workbook(f"{name}.xlsx", iter(answer), [(label.of(language), value) for label, value in facts])


STAGE_COLUMNS = ("stage", "name_zh", "name_en", "lots")


def _stage_rows() -> list[dict[str, str]]:
    return [
        {"stage": s.code, "name_zh": s.name.zh, "name_en": s.name.en, "lots": str(s.lots)}
        for s in pictures.stages()
    ]


@require_GET
def stages_csv(request: HttpRequest) -> HttpResponse:
    return as_csv("terrace-stages.csv", STAGE_COLUMNS, _stage_rows())


@require_GET
def stages_json(request: HttpRequest) -> HttpResponse:
    return as_json({"stages": _stage_rows()})


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
    return as_csv("terrace-map.csv", MAP_COLUMNS, _map_rows())


@require_GET
def map_json(request: HttpRequest) -> HttpResponse:
    return as_json({"lines": _map_rows()})


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
    return as_csv("terrace-flow.csv", FLOW_COLUMNS, _flow_rows())


@require_GET
def flow_json(request: HttpRequest) -> HttpResponse:
    return as_json({"flows": _flow_rows()})


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


@require_http_methods(["GET", "HEAD", "POST"])
def operator_page(request: HttpRequest) -> HttpResponse:
    """What is stuck and what runs; the administrator tries again what failed."""
    actor = _actor(request)
    operator.may_see_operator(actor).require()
    refusal: Refusal | None = None
    if request.method == "POST":
        operator.may_operate(actor).require()
        try:
            _try_again(actor, request.POST.get("kind", ""), request.POST.get("number", ""))
        except NotFound:
            raise
        except Refusal as raised:
            refusal = raised
        else:
            done = Text("已安排，平台随即再办一次。", "Done: the platform tries once more at once.")
            messages.success(request, done.of(get_language()))
            response = HttpResponseRedirect(reverse("web:operator"))
            response.status_code = 303
            return response
    return render(
        request,
        "web/operator.html",
        {
            "lights": operator.lights(clock.now()),
            "parts": _operator_parts(),
            "may_operate": bool(operator.may_operate(actor)),
            "refusal": refusal,
        },
        status=refusal.http_status if refusal else 200,
    )


def _try_again(actor: Actor, kind: str, number: str) -> None:
    """Raises NotFound for anything that is not on the page, and what the acts raise."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise NotFound(what=Text("该事项", "this"))
    given: dict[str, Any] = {"actor": actor, "now": clock.now()}
    if kind == "deadline":
        retry_deadline(case_id=int(number), **given)
    elif kind == "mail":
        retry_mail(message_id=int(number), **given)
    elif kind == "job":
        services.retry_job(job_id=int(number), **given)
    elif kind == "notice":
        retry_notice(announcement_id=int(number), **given)
    else:
        raise NotFound(what=Text("该事项", "this"))


def _operator_parts() -> list[dict[str, Any]]:
    """The four lists of what failed, each with its number and its first lines. Nine queries."""
    cases, mails, notices = operator.stuck_cases(), operator.failed_mails(), operator.stuck_notices()
    failed = operator.failed_jobs()
    return [
        {
            "code": "deadline",
            "title": Text("未能自动办理的期限", "Deadlines that could not be passed"),
            "total": cases.count(),
            "rows": [
                {
                    "what": case.title, "url": case.url, "at": case.deadline_at,
                    "tries": case.pass_tries, "why": case.pass_error, "number": case.pk,
                }
                for case in cases[: operator.LINES]
            ],
        },
        {
            "code": "mail",
            "title": Text("未能送达的邮件", "Mails that could not be sent"),
            "total": mails.count(),
            "rows": [
                {
                    "what": Text(f"{m.user.username}：{m.subject_zh}", f"{m.user.username}: {m.subject_en}"),
                    "url": "", "at": m.at, "tries": m.mail_tries, "why": m.mail_error, "number": m.pk,
                }
                for m in mails[: operator.LINES]
            ],
        },
        {
            "code": "job",
            "title": Text("失败的后台任务", "Jobs that failed"),
            "total": len(failed),
            "rows": [
                {
                    "what": Text(row["job"].task_name, row["job"].task_name), "url": "", "at": row["at"],
                    "tries": row["job"].attempts, "why": row["job"].queue_name, "number": row["job"].pk,
                }
                for row in failed
            ],
        },
        {
            "code": "notice",
            "title": Text("未能发布的公告", "Notices that could not be published"),
            "total": notices.count(),
            "rows": [
                {
                    "what": Text(p.announcement.title_zh, p.announcement.title_en), "url": "",
                    "at": p.announcement.at, "tries": p.tries, "why": p.error, "number": p.announcement_id,
                }
                for p in notices[: operator.LINES]
            ],
        },
    ]  # fmt: skip


@login_required
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of a list under a name, and go back to it."""
    view = services.save_view(
        actor=_actor(request),
        path=request.POST.get("path", ""),
        query=request.POST.get("query", ""),
        name=request.POST.get("name", ""),
        now=clock.now(),
    )
    messages.success(
        request,
        Text(f"筛选已保存为“{view.name}”。", f"The filters are saved as “{view.name}”.").of(get_language()),
    )
    return _see_other(view.url)


@login_required
@require_POST
def remove_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Take one of my saved filters away."""
    view = services.remove_view(actor=_actor(request), view_id=view_id, now=clock.now())
    messages.success(request, Text(f"已删除“{view.name}”。", f"“{view.name}” is removed.").of(get_language()))
    return _see_other(view.path)
