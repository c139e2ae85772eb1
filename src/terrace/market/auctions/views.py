"""The auction page: for bidders, and for everybody who watches."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal, ServiceBusy
from terrace.kernel.base.lists import as_csv, as_json, page_of
from terrace.kernel.base.quantity import Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import queries as procedure_queries
from terrace.market.auctions import access, queries, services
from terrace.market.auctions.forms import QuoteForm
from terrace.market.auctions.models import Auction, Bid
from terrace.market.auctions.rules.ascending import Phase

BIDS_PER_PAGE = 25
CHART_POINTS_MAX = 400
QUICK_STEPS = (1, 2, 5)
PHASES = {
    Phase.BEFORE: Text("尚未开始", "Not open yet"),
    Phase.FREE: Text("自由竞价", "Free period"),
    Phase.WAIT: Text("等待限时竞价", "Waiting for the timed period"),
    Phase.TIMED: Text("限时竞价", "Timed period"),
    Phase.CLOSED: Text("已结束", "Over"),
}
PHASE_ENDS = {
    Phase.BEFORE: Text("距开始", "Opens in"),
    Phase.FREE: Text("距自由竞价结束", "Free period ends in"),
    Phase.WAIT: Text("距限时竞价开始", "Timed period opens in"),
    Phase.TIMED: Text("距结束(无新报价时)", "Ends, without a new quote, in"),
    Phase.CLOSED: Text("已结束", "Over"),
}


@require_safe
def auction_page(request: HttpRequest, auction_id: int) -> HttpResponse:
    """The auction as it stands; live from here on by server-sent events, or by reloading without scripts."""
    return _page(request, auction_id)


@require_POST
@login_required
def post_bid(request: HttpRequest, auction_id: int) -> HttpResponse:
    """A quote by plain form: 303 to the page when accepted, the page with the refusal when not."""
    form = QuoteForm(request.POST)
    try:
        placed = services.place_bid(
            actor=request.actor,  # type: ignore[attr-defined]  # ADR 0005
            auction_id=auction_id,
            price_fen=form.price_fen(),
            key=request.POST.get("idempotency_key", ""),
            confirmed=request.POST.get("confirm") == "on",
            client=access.client_digest(request.META),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, auction_id, refusal=refusal, typed=request.POST)
    label = access.get_auction_for(request.actor, auction_id).price(placed.price_fen).label()  # type: ignore[attr-defined]  # ADR 0005
    words = Text(
        f"报价 {label.zh} 已生效，序号 {placed.seq}。",
        f"Your quote of {label.en} stands, number {placed.seq}.",
    )
    messages.success(request, words.of(get_language()))
    response = HttpResponseRedirect(reverse("auctions:auction", args=[auction_id]))
    response.status_code = 303
    return response


@require_safe
def bids_csv(request: HttpRequest, auction_id: int) -> HttpResponse:
    """Every accepted quote, masked until the close."""
    auction = access.get_auction_for(request.actor, auction_id)  # type: ignore[attr-defined]  # ADR 0005
    columns = ("seq", "bidder", "name", "price_yuan", "at", "phase", "ends_at")
    return as_csv(f"auction-{auction_id}-bids.csv", columns, _bid_rows(auction))


@require_safe
def bids_json(request: HttpRequest, auction_id: int) -> HttpResponse:
    """Every accepted quote, masked until the close."""
    auction = access.get_auction_for(request.actor, auction_id)  # type: ignore[attr-defined]  # ADR 0005
    return as_json(
        {
            "auction": auction_id,
            "number": auction.number,
            "price_basis": auction.price_basis,
            "years": auction.years,
            "bids": _bid_rows(auction),
        }
    )


@require_safe
def bundle_json(request: HttpRequest, auction_id: int) -> HttpResponse:
    """The re-runnable bundle of a finished auction: `terrace verify FILE` computes it again, offline."""
    auction = access.get_auction_for(request.actor, auction_id)  # type: ignore[attr-defined]  # ADR 0005
    result = queries.get_result(auction_id)
    if result is None:
        raise NotFound(what=Text("该竞价的结果", "The result of this auction"))
    response = JsonResponse(result.bundle, json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="auction-{auction.pk}-bundle.json"'
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def agreement_page(request: HttpRequest, agreement_id: int) -> HttpResponse:
    """The agreement with the only bidder: what was agreed so far, and the step that waits for the reader."""
    actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    agreement = access.get_agreement_for(actor, agreement_id)
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            _agreement_step(request, agreement_id)
        except NotFound:
            raise
        except Refusal as refused:
            refusal = refused
            agreement.refresh_from_db()
        else:
            messages.success(request, Text("已办理。", "Done.").of(get_language()))
            response = HttpResponseRedirect(reverse("auctions:agreement", args=[agreement_id]))
            response.status_code = 303
            return response
    case = queries.case_of(agreement)
    context = {
        "agreement": agreement,
        "case": case,
        "options": {o.code for o in procedure_queries.options_for(case, actor) if o.allowed},
        "price": None if agreement.price_fen is None else agreement.price(agreement.price_fen),
        "amount": None
        if agreement.price_fen is None
        else agreement.price(agreement.price_fen).amount(agreement.quantity),
        "price_yuan": "" if agreement.price_fen is None else f"{agreement.price_fen / 100:.2f}",
        "floor_yuan": f"{agreement.floor_fen / 100:.2f}",
        "refusal": refusal,
        "typed": request.POST if refusal else {},
    }
    return render(
        request, "auctions/agreement.html", context, status=200 if refusal is None else refusal.http_status
    )


def _agreement_step(request: HttpRequest, agreement_id: int) -> None:
    """Translate the pressed button into one act."""
    fixed = {"actor": request.actor, "agreement_id": agreement_id, "now": clock.now()}  # type: ignore[attr-defined]  # ADR 0005
    reason = request.POST.get("reason", "")
    step = request.POST.get("step", "")
    if step in ("propose", "accept"):
        price_fen = QuoteForm(request.POST).price_fen()
        act = services.propose_price if step == "propose" else services.accept_price
        act(**fixed, price_fen=price_fen)
    elif step == "ask":
        services.ask_award(**fixed)
    elif step in ("award", "send_back"):
        services.decide_award(**fixed, approve=step == "award", reason=reason)
    elif step == "return_price":
        services.return_price(**fixed, reason=reason)
    elif step == "refuse":
        services.refuse_agreement(**fixed, reason=reason)
    else:
        raise InputInvalid(
            where=Text("操作", "step"),
            got=repr(step[:20]),
            expected=Text("页面上的按钮", "a button of the page"),
        )


def _bid_rows(auction: Auction) -> list[dict[str, Any]]:
    over = queries.get_result(auction.pk) is not None
    return [
        {
            "seq": bid.seq,
            "bidder": bid.bidder.mask,
            "name": bid.bidder.organisation.name if over else "",
            "price_yuan": f"{bid.price_fen / 100:.2f}",
            "at": queries.instant(bid.at),
            "phase": bid.phase,
            "ends_at": queries.instant(bid.ends_at),
        }
        for bid in queries.list_bids(auction.pk)
    ]


def _page(
    request: HttpRequest, auction_id: int, refusal: Refusal | None = None, typed: Any = None
) -> HttpResponse:
    actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    auction = access.get_auction_for(actor, auction_id)
    public = queries.get_public_state(auction_id)
    assert public is not None
    page = page_of(request, queries.list_bids(auction_id), BIDS_PER_PAGE)
    mine = queries.my_standing(auction_id, actor.organisation_id)
    verdict = access.may_bid(actor, auction)
    next_fen = public.values["next_fen"]
    steps = [
        {
            "steps": n,
            "yuan": f"{(next_fen + (n - 1) * auction.increment_fen) / 100:.2f}",
            "price": auction.price(next_fen + (n - 1) * auction.increment_fen),
        }
        for n in QUICK_STEPS
    ]
    result = queries.get_result(auction_id)
    keep_key = isinstance(
        refusal, ServiceBusy
    )  # the same click may be repeated; anything else is a new quote
    best_fen = public.values["best_fen"]
    context = {
        "auction": auction,
        "public": public,
        "state": public.values,
        "phase": public.phase.value,
        "phase_label": PHASES[public.phase],
        "phases": {phase.value: label for phase, label in PHASES.items()},
        "phase_ends": {phase.value: label for phase, label in PHASE_ENDS.items()},
        "ends_label": PHASE_ENDS[public.phase],
        "until": queries.phase_until(public),
        "server_now": queries.instant(public.now),
        "now": public.now,
        "best": None if best_fen is None else auction.price(best_fen),
        "next": auction.price(next_fen),
        "start": auction.price(auction.start_price_fen),
        "increment": auction.price(auction.increment_fen),
        "amount": None if best_fen is None else auction.price(best_fen).amount(auction.quantity),
        "mine": mine,
        "may_bid": verdict,
        "can_quote": bool(verdict) and public.phase in (Phase.FREE, Phase.TIMED),
        "steps": steps,
        "keys": [typed["idempotency_key"] if keep_key and typed else str(uuid.uuid4()) for _ in range(2)],
        "refusal": refusal,
        "typed": typed,
        "needs_confirm": refusal is not None and refusal.code == "auction.bid.confirm_jump",
        "page": page,
        "result": result,
        "stopped": queries.stopped(auction) if public.values["closed"] and result is None else None,
        "chart": _chart(auction, public, result.ended_at if result is not None else None),
        "depth": _depth(auction) if result is not None else None,
    }
    return render(
        request, "auctions/auction.html", context, status=200 if refusal is None else refusal.http_status
    )


def _chart(auction: Auction, public: queries.PublicState, ended_at: dt.datetime | None) -> dict[str, Any]:
    """Quotes over time: the best price as a stair, one colour for each bidder, upright lines between the periods.

    Bidders stand under their mask until the close, by name after it.
    """
    over = ended_at is not None
    latest: list[Bid] = list(queries.list_bids(auction.pk)[:CHART_POINTS_MAX])[::-1]
    by_mask: dict[str, list[Bid]] = {}
    for bid in latest:
        by_mask.setdefault(bid.bidder.mask, []).append(bid)
    stair = [[queries.instant(bid.at), bid.price_fen / 100, bid.bidder.mask] for bid in latest]
    series: list[dict[str, Any]] = [
        {"name": Text("最高报价", "Best quote"), "kind": "step", "quiet": True, "points": stair}
    ]
    series += [
        {
            "name": _bidder_name(bids[0], over=over),
            "kind": "dots",
            "points": [[queries.instant(bid.at), bid.price_fen / 100, f"{bid.seq}"] for bid in bids],
        }
        for _, bids in sorted(by_mask.items())
    ]
    return {
        "id": "auction-prices",
        "title": Text("报价走势", "Quotes over time"),
        "note": Text("竞价结束后公布名称", "Names are published after the close")
        if not over
        else Text("每点一次有效报价", "One dot for each accepted quote"),
        "unit": _unit(auction),
        "x": "time",
        "from_zero": False,
        "height": "md",
        "x_from": queries.instant(auction.opens_at),
        "x_until": queries.instant(ended_at or max(public.now, auction.opens_at)),
        "series": series if latest else [],
        "lines": _period_lines(public) if latest else [],
        "columns": [
            Text("序号", "No."), Text("竞买人", "Bidder"), _unit(auction), Text("时间", "Time"), Text("阶段", "Period"),
        ],
        "rows": [
            [
                bid.seq,
                _bidder_name(bid, over=over),
                f"{bid.price_fen / 100:,.2f}",
                f"{clock.local(bid.at):%Y-%m-%d %H:%M:%S.%f}"[:-3],
                Text("自由", "free") if bid.phase == "FREE" else Text("限时", "timed"),
            ]
            for bid in latest
        ],
        "csv_url": reverse("auctions:bids_csv", args=[auction.pk]),
        "json_url": reverse("auctions:bids_json", args=[auction.pk]),
    }  # fmt: skip


def _bidder_name(bid: Bid, *, over: bool) -> Text:
    mask = bid.bidder.mask
    if over:
        name = bid.bidder.organisation.name
        return Text(f"竞买人{mask} {name}", f"Bidder {mask} {name}")
    return Text(f"竞买人{mask}", f"Bidder {mask}")


def _period_lines(public: queries.PublicState) -> list[dict[str, Any]]:
    """Where the free period ended and, if there was one, where the timed period began."""
    lines = [
        {"at": public.values["free_ends_at"], "name": Text("自由竞价截止", "Free period ends")},
    ]
    if public.phase in (Phase.TIMED, Phase.CLOSED) and public.values.get("timed_starts_at"):
        lines.append(
            {"at": public.values["timed_starts_at"], "name": Text("限时竞价开始", "Timed period opens")}
        )
    return lines if public.phase in (Phase.TIMED, Phase.CLOSED, Phase.WAIT) else []


def _depth(auction: Auction) -> dict[str, Any] | None:
    """The book at the close: how much the bidders together would have taken at each price, against what was offered.

    Each bidder's last quote stands for the whole lot (one lot, one winner). None where fewer than two quoted:
    one quote is no book.
    """
    last = queries.last_quotes(auction.pk)
    if len(last) < 2:
        return None
    offered = auction.quantity
    rows = []
    stair: list[list[Any]] = []
    for place, bid in enumerate(last, start=1):
        wanted = Quantity(offered.pollutant, offered.grams_per_year * place)
        stair.append([bid.price_fen / 100, float(wanted.tonnes), bid.bidder.mask])
        rows.append(
            [
                _bidder_name(bid, over=True),
                f"{bid.price_fen / 100:,.2f}",
                offered.tonnes_text(),
                wanted.tonnes_text(),
            ]
        )
    lowest, highest = auction.start_price_fen / 100, stair[0][0]
    stair.append([lowest, stair[-1][1], ""])
    supply = float(offered.tonnes)
    return {
        "id": "auction-depth",
        "title": Text("结束时的需求深度", "The book at the close"),
        "note": Text(
            "每家以最后一次报价计；阶梯是出价不低于横轴价格的数量合计",
            "Each bidder by its last quote; the stair is what all want at or above the price below",
        ),
        "unit": Text("吨/年", "t/yr"),
        "x": "value",
        "x_unit": _unit(auction),
        "from_zero": True,
        "height": "sm",
        "series": [
            {"name": Text("累计需求", "Wanted in all"), "kind": "stair", "points": stair[::-1]},
            {
                "name": Text("出让数量", "On offer"),
                "kind": "line",
                "points": [[lowest, supply, ""], [highest, supply, ""]],
            },
        ],
        "columns": [
            Text("竞买人", "Bidder"), _unit(auction), Text("数量(吨/年)", "Quantity (t/yr)"),
            Text("不低于此价的累计(吨/年)", "In all at or above (t/yr)"),
        ],
        "rows": rows,
        "csv_url": reverse("auctions:bids_csv", args=[auction.pk]),
        "json_url": reverse("auctions:bids_json", args=[auction.pk]),
    }  # fmt: skip


def _unit(auction: Auction) -> Text:
    if auction.price_basis == "TERM":
        return Text(f"元/吨({auction.years}年期)", f"CNY per tonne ({auction.years}-year term)")
    return Text("元/吨·年", "CNY per tonne-year")
