"""The case page of a trade and its steps, for everybody who takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import page_of
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import queries as documents
from terrace.kernel.ledger.access import may_see_everything
from terrace.kernel.procedures import queries as procedures
from terrace.market.settlement import access, queries, services
from terrace.market.settlement.forms import ReasonForm, SignForm
from terrace.market.settlement.models import Certificate, Objection, Outcome, PaymentInstruction, Trade
from terrace.market.settlement.rules.amounts import ratio_label, rest_to_pay
from terrace.market.settlement.rules.words import InstructionState, Purpose
from terrace.market.settlement.views.shared import actor_of, posted, see_other

TONES = {
    Outcome.OPEN: "water",
    Outcome.COMPLETED: "leaf",
    Outcome.BUYER_DEFAULTED: "cinnabar",
    Outcome.SELLER_DEFAULTED: "cinnabar",
    Outcome.VOIDED: "quiet",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One button of the case page: the transitions it stands for, its act, and what it says when done."""

    transitions: frozenset[str]
    act: Callable[..., Any]
    done: Text
    reason: bool = False


STEPS = {
    "publish": Step(
        frozenset({"publish_result"}),
        services.publish_result,
        Text("成交结果已公示。", "The result is public."),
    ),
    "certificate": Step(
        frozenset({"issue_certificate"}),
        services.issue_certificate,
        Text("鉴证书已出具。", "The certificate is issued."),
    ),
    "propose": Step(
        frozenset({"propose_delivery"}),
        services.propose_delivery,
        Text("已提出交割，待另一人复核。", "Delivery is proposed; another person checks it."),
    ),
    "return": Step(
        frozenset({"return_delivery"}),
        services.return_delivery,
        Text("已退回。", "Sent back."),
        reason=True,
    ),
    "deliver": Step(
        frozenset({"approve_delivery"}),
        services.approve_delivery,
        Text("已交割，价款已从专户划出。", "Delivered; the price has left escrow."),
    ),
    "income": Step(
        frozenset({"confirm_income", "confirm_income_last"}),
        services.confirm_income,
        Text("收入已确认。", "The income is confirmed."),
    ),
    "permit": Step(
        frozenset({"change_permit", "change_permit_first"}),
        services.change_permit,
        Text("许可证已变更。", "The permit is changed."),
    ),
    "buyer-default": Step(
        frozenset({"declare_buyer_default"}),
        services.declare_buyer_default,
        Text("已认定受让方违约。", "The buyer is declared in default."),
        reason=True,
    ),
    "seller-default": Step(
        frozenset({"declare_seller_default"}),
        services.declare_seller_default,
        Text("已认定出让方违约。", "The seller is declared in default."),
        reason=True,
    ),
    "void": Step(
        frozenset({"void"}), services.void_trade, Text("交易已终止。", "The trade is ended."), reason=True
    ),
}
SIGNING = frozenset({"buyer_signs", "buyer_signs_last", "seller_signs", "seller_signs_last"})
DECIDING = frozenset({"reject_objection", "uphold_objection"})


@require_safe
def trades(request: HttpRequest) -> HttpResponse:
    """The trades I take part in; staff see all. Two queries whatever the length."""
    actor = actor_of(request)
    access.may_list_trades(actor).require()
    page = page_of(request, access.trades_for(actor))
    return render(request, "settlement/trades.html", {"page": page})


@require_safe
def trade(request: HttpRequest, number: str) -> HttpResponse:
    """The case page: facts, money and papers; the procedure; what I may do now."""
    return _page(request, number)


@require_POST
def step(request: HttpRequest, number: str, name: str) -> HttpResponse:
    """One step of the procedure, by its button."""
    chosen = STEPS.get(name)
    if chosen is None:
        raise NotFound(what=Text("该步骤", "this step"))
    actor = actor_of(request)
    access.get_trade_for(actor, number)
    key = request.POST.get("idempotency_key") or None
    given: dict[str, Any] = {"actor": actor, "number": number, "now": clock.now(), "key": key}
    if chosen.reason:
        given["reason"] = request.POST.get("reason", "")
    try:
        chosen.act(**given)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, number, refusal=refusal, asked=name)
    return see_other(request, reverse("settlement:trade", args=[number]), chosen.done)


@require_POST
def sign(request: HttpRequest, number: str) -> HttpResponse:
    """Sign the contract for my side, under the digest of the text I was shown."""
    actor = actor_of(request)
    access.get_trade_for(actor, number)
    form = SignForm(request.POST)
    if not form.is_valid():
        return _page(request, number, form=form, asked="sign", status=422)
    try:
        services.sign_contract(
            actor=actor,
            number=number,
            contract_digest=form.cleaned_data["contract_digest"],
            now=clock.now(),
            key=request.POST.get("idempotency_key") or None,
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, number, refusal=refusal, asked="sign")
    return see_other(
        request, reverse("settlement:trade", args=[number]), Text("合同已签署。", "The contract is signed.")
    )


def _page(
    request: HttpRequest,
    number: str,
    *,
    refusal: Refusal | None = None,
    form: SignForm | None = None,
    asked: str = "",
    status: int | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    found = access.get_trade_for(actor, number)
    return render(
        request,
        "settlement/trade.html",
        {
            "trade": found,
            "refusal": refusal,
            "asked": asked,
            "typed_reason": request.POST.get("reason", ""),
            "tone": TONES[Outcome(found.outcome)],
            "state": found.case.state_now.staff if found.case.state_now else Text("", ""),
            "facts": _facts(found),
            "documents": documents.documents_of("settlement.trade", found.number),
            "instructions": [
                _instruction_row(i) for i in queries.instructions_of("settlement.trade", number)
            ],
            "refunds": found.refunds.select_related("organisation").order_by("id")
            if access.may_see_payments(actor)
            else [],
            "objections": Objection.objects.filter(trade=found).order_by("id"),
            "sees_objections": bool(access.may_see_objections(actor)),
            "signatures": found.signatures.select_related("organisation").order_by("id"),
            "certificate": Certificate.objects.filter(trade=found, state="VALID").first(),
            "entries": queries.ledger_entries(found) if may_see_everything(actor) else [],
            **_offers(found, actor, form),
        },
        status=status or (refusal.http_status if refusal else 200),
    )


def _offers(found: Trade, actor: Actor, form: SignForm | None) -> dict[str, Any]:
    """What the actor may do now: buttons, the signature, the decision of objections."""
    allowed = {o.code: o for o in procedures.options_for(found.case, actor) if o.allowed}
    buttons = []
    for name, item in STEPS.items():
        option = next((allowed[code] for code in item.transitions if code in allowed), None)
        if option is not None:
            buttons.append(
                {
                    "name": name,
                    "option": option,
                    "needs_reason": item.reason,
                    "consequence": _consequence(name, found),
                    "form": ReasonForm(),
                }
            )
    may_sign = not SIGNING.isdisjoint(allowed)
    return {
        "buttons": buttons,
        "sign_form": (form or SignForm(initial={"contract_digest": found.contract_digest}))
        if may_sign
        else None,
        "may_decide": not DECIDING.isdisjoint(allowed),
        "rest": rest_to_pay(found.amount_fen, found.deposit.amount_fen if found.deposit else 0)[1],
    }


def _consequence(name: str, found: Trade) -> list[tuple[Text, object]]:
    """What cannot be undone, in numbers."""
    deposit = Money(found.deposit.amount_fen).label() if found.deposit is not None else Text("无", "none")
    right = (Text("排污权", "Right"), found.quantity.label())
    if name == "deliver":
        return [
            right,
            (Text("由", "From"), found.seller.name),
            (Text("划至", "To"), found.buyer.name),
            (Text("价款划出专户", "Price out of escrow"), found.amount.label()),
        ]
    if name == "buyer-default":
        return [(Text("上缴国库的保证金", "Deposit to the treasury"), deposit), right]
    if name in ("void", "seller-default"):
        back = found.amount.label() if found.paid_at is not None else deposit
        return [(Text("退还受让方", "Back to the buyer"), back), right]
    if name == "certificate":
        return [right, (Text("金额", "Amount"), found.amount.label())]
    return []


def _facts(found: Trade) -> list[tuple[Any, ...]]:
    deposit = found.deposit
    public = (
        [
            (
                Text("公开结果页", "Public result"),
                found.number,
                reverse("settlement:result", args=[found.number]),
            )
        ]
        if found.publicised_at is not None
        else []
    )
    return [
        (Text("出让方", "Seller"), found.seller.name),
        (Text("受让方", "Buyer"), found.buyer.name),
        (Text("污染物指标", "Pollutant"), found.quantity.pollutant.label),
        (Text("数量", "Quantity"), found.quantity.label()),
        (Text("成交单价", "Unit price"), found.price.label()),
        (Text("成交金额", "Amount"), found.amount.label()),
        (Text("保证金", "Deposit"), Money(deposit.amount_fen).label() if deposit else Text("无", "none")),
        (
            Text("使用期限", "Term"),
            Text(
                f"{found.term_start.isoformat()} 至 {found.term_end.isoformat()}（{found.years}年）",
                f"{found.term_start.isoformat()} to {found.term_end.isoformat()} ({found.years} years)",
            ),
        ),
        (Text("区域（流域）", "Region or basin"), queries.region_label(found.region)),
        (Text("排污权来源", "Source of the right"), queries.source_label(found.source)),
        (Text("替代比例", "Replacement ratio"), ratio_label(found.ratio_hundredths)),
        *public,
    ]


def _instruction_row(instruction: PaymentInstruction) -> dict[str, Any]:
    state = InstructionState(instruction.state)
    return {
        "instruction": instruction,
        "purpose": Purpose(instruction.purpose).label,
        "state": state.label,
        "tone": {"DUE": "cinnabar", "PAID": "leaf", "CANCELLED": "quiet"}[state.value],
    }


@require_safe
def objections(request: HttpRequest) -> HttpResponse:
    """Objections that wait for a decision."""
    access.may_see_objections(actor_of(request)).require()
    page = page_of(request, queries.open_objections())
    return render(request, "settlement/objections.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, objection_id: int) -> HttpResponse:
    """One objection and its decision."""
    actor = actor_of(request)
    found = access.get_objection_for(actor, objection_id)
    refusal = None
    if request.method == "POST":
        try:
            services.decide_objection(
                actor=actor,
                objection_id=objection_id,
                uphold=request.POST.get("decision") == "uphold",
                reason=request.POST.get("reason", ""),
                now=clock.now(),
            )
        except Refusal as error:
            refusal = error
        else:
            return see_other(
                request,
                reverse("settlement:trade", args=[found.trade.number]),
                Text("异议已处理。", "The objection is decided."),
            )
    allowed = {o.code for o in procedures.options_for(found.trade.case, actor) if o.allowed}
    return render(
        request,
        "settlement/objection.html",
        {
            "objection": found,
            "form": ReasonForm(posted(request)[0]),
            "refusal": refusal,
            "may_decide": found.state == "OPEN" and not DECIDING.isdisjoint(allowed),
        },
        status=refusal.http_status if refusal else 200,
    )
