"""The money desk: what is asked for, the bank statement, suspense, refunds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.lists import EXPORT_MAX, as_csv, page_of
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import queries as procedures
from terrace.market.settlement import access, queries, services
from terrace.market.settlement.forms import AssignForm, InstructionFilter, ReasonForm, StatementForm
from terrace.market.settlement.models import (
    BankLine,
    ImportState,
    InstructionState,
    Purpose,
    RefundCause,
    RefundState,
    StatementImport,
)
from terrace.market.settlement.rules.statements import BOOKED_TO_SUSPENSE, Finding
from terrace.market.settlement.views.shared import actor_of, posted, see_other

INSTRUCTION_TONES = {"DUE": "cinnabar", "PAID": "leaf", "CANCELLED": "quiet"}
REFUND_TONES = {"DUE": "cinnabar", "ASKED": "water", "APPROVED": "water", "PAID": "leaf"}
IMPORT_TONES = {"CHECKED": "cinnabar", "CONFIRMED": "leaf", "DISCARDED": "quiet"}
LINES_PER_PAGE = 100


@require_safe
def payments(request: HttpRequest) -> HttpResponse:
    """Payment instructions: the desk sees all, a firm its own. Fixed number of queries."""
    actor = actor_of(request)
    access.may_list_trades(actor).require()
    form = InstructionFilter(request.GET)
    page = page_of(request, access.instructions_for(actor).filter(**form.chosen()))
    rows = [
        {
            "instruction": i,
            "purpose": Purpose(i.purpose).label,
            "state": InstructionState(i.state).label,
            "tone": INSTRUCTION_TONES[i.state],
        }
        for i in page
    ]
    desk = bool(access.may_see_payments(actor))
    return render(
        request,
        "settlement/payments.html",
        {
            "form": form,
            "page": page,
            "rows": rows,
            "desk": desk,
            "may_import": bool(access.may_import_statements(actor)),
            "suspense_count": queries.suspense_lines().count() if desk else 0,
        },
    )


@require_safe
def payments_csv(request: HttpRequest) -> HttpResponse:
    """Exactly what the list shows, as a spreadsheet: also the reconciliation file."""
    actor = actor_of(request)
    access.may_list_trades(actor).require()
    found = access.instructions_for(actor).filter(**InstructionFilter(request.GET).chosen())[:EXPORT_MAX]
    columns = ("reference", "purpose", "payer", "payee_account_name", "amount_yuan", "state", "due_at", "paid_at", "bank_serial")  # fmt: skip
    rows = (
        {
            "reference": i.reference,
            "purpose": i.purpose,
            "payer": i.payer.name,
            "payee_account_name": i.payee_account_name,
            "amount_yuan": f"{i.amount_fen // 100}.{i.amount_fen % 100:02d}",
            "state": i.state,
            "due_at": i.due_at.isoformat(),
            "paid_at": i.paid_at.isoformat() if i.paid_at else "",
            "bank_serial": i.paid_line.bank_serial if i.paid_line else "",
        }
        for i in found
    )
    return as_csv("payments.csv", columns, rows)


@require_safe
def payment(request: HttpRequest, reference: str) -> HttpResponse:
    """One instruction: how much, to which account, with which code, by when."""
    found = access.get_instruction_for(actor_of(request), reference)
    return render(
        request,
        "settlement/payment.html",
        {
            "instruction": found,
            "purpose": Purpose(found.purpose).label,
            "state": InstructionState(found.state).label,
            "tone": INSTRUCTION_TONES[found.state],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def statements(request: HttpRequest) -> HttpResponse:
    """Uploaded statements, and the upload of the next one."""
    actor = actor_of(request)
    access.may_see_payments(actor).require()
    form = StatementForm(*posted(request))
    refusal = None
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            statement = services.upload_statement(
                actor=actor,
                content=upload.read(),
                filename=upload.name or "statement.csv",
                now=clock.now(),
                key=request.POST.get("idempotency_key") or None,
            )
        except Refusal as error:
            refusal = error
        else:
            return see_other(request, reverse("settlement:statement", args=[statement.pk]))
    found = StatementImport.objects.select_related("uploaded_by").order_by("-id")
    page = page_of(request, found)
    rows = [
        {"statement": s, "state": ImportState(s.state).label, "tone": IMPORT_TONES[s.state]} for s in page
    ]
    return render(
        request,
        "settlement/statements.html",
        {
            "form": form,
            "refusal": refusal,
            "page": page,
            "rows": rows,
            "may_import": bool(access.may_import_statements(actor)),
        },
        status=refusal.http_status if refusal else 422 if form.is_bound and not form.is_valid() else 200,
    )


@require_safe
def statement(request: HttpRequest, statement_id: int) -> HttpResponse:
    """What each line of a statement does, before and after it is booked."""
    return _statement_page(request, statement_id)


@require_POST
def statement_confirm(request: HttpRequest, statement_id: int) -> HttpResponse:
    """Book a statement as it was shown."""
    try:
        services.confirm_statement(
            actor=actor_of(request),
            statement_id=statement_id,
            seen_digest=request.POST.get("seen", ""),
            now=clock.now(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _statement_page(request, statement_id, refusal)
    return see_other(
        request,
        reverse("settlement:statement", args=[statement_id]),
        Text("已入账。", "The statement is booked."),
    )


@require_POST
def statement_discard(request: HttpRequest, statement_id: int) -> HttpResponse:
    """Drop an uploaded statement."""
    try:
        services.discard_statement(actor=actor_of(request), statement_id=statement_id, now=clock.now())
    except NotFound:
        raise
    except Refusal as refusal:
        return _statement_page(request, statement_id, refusal)
    return see_other(
        request, reverse("settlement:statements"), Text("已放弃，未入账。", "Discarded; nothing was booked.")
    )


def _statement_page(request: HttpRequest, statement_id: int, refusal: Refusal | None = None) -> HttpResponse:
    actor = actor_of(request)
    found = access.get_statement_for(actor, statement_id)
    review = queries.review_statement(found) if found.state == ImportState.CHECKED else None
    lines: Any = review.judged if review is not None else queries.booked_lines(found)
    page = page_of(request, lines, LINES_PER_PAGE)
    rows = [_judged_row(item) if review is not None else _line_row(item) for item in page]
    return render(
        request,
        "settlement/statement.html",
        {
            "statement": found,
            "state": ImportState(found.state).label,
            "tone": IMPORT_TONES[found.state],
            "page": page,
            "rows": rows,
            "seen": review.digest if review is not None else "",
            "may_confirm": review is not None and found.uploaded_by_id == actor.user_id,
            "refusal": refusal,
        },
        status=refusal.http_status if refusal else 200,
    )


def _tone(finding: Finding) -> str:
    if finding is Finding.MATCHED:
        return "leaf"
    return "cinnabar" if finding in BOOKED_TO_SUSPENSE or finding in REFUSED else "quiet"


REFUSED = (Finding.MALFORMED, Finding.UNKNOWN_SPENDING)


def _judged_row(item: Any) -> dict[str, Any]:
    return {"line": item.line, "finding": item.finding.label, "why": item.why, "tone": _tone(item.finding)}


def _line_row(line: BankLine) -> dict[str, Any]:
    finding = Finding(line.finding)
    return {
        "line": queries.line_of(line),
        "finding": finding.label,
        "why": Text("", ""),
        "tone": _tone(finding),
    }


@require_safe
def suspense(request: HttpRequest) -> HttpResponse:
    """Money that came without a known reference."""
    access.may_see_payments(actor_of(request)).require()
    page = page_of(request, queries.suspense_lines())
    rows = [{"line": line, "finding": Finding(line.finding).label} for line in page]
    return render(request, "settlement/suspense.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def suspense_line(request: HttpRequest, line_id: int) -> HttpResponse:
    """One payment in suspense: whose it is."""
    actor = actor_of(request)
    line = access.get_suspense_line_for(actor, line_id)
    form = AssignForm(posted(request)[0])
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            services.assign_line(actor=actor, line_id=line_id, now=clock.now(), **form.cleaned_data)
        except Refusal as error:
            refusal = error
        else:
            return see_other(
                request, reverse("settlement:suspense"), Text("已认领入账。", "Assigned and booked.")
            )
    return _suspense_page(request, line, form, refusal)


@require_POST
def suspense_return(request: HttpRequest, line_id: int) -> HttpResponse:
    """Send a payment back to where it came from."""
    actor = actor_of(request)
    line = access.get_suspense_line_for(actor, line_id)
    try:
        refund = services.return_line(
            actor=actor, line_id=line_id, reason=request.POST.get("reason", ""), now=clock.now()
        )
    except Refusal as refusal:
        return _suspense_page(request, line, AssignForm(), refusal)
    return see_other(
        request,
        reverse("settlement:refund", args=[refund.number]),
        Text("已列入退款，待申请和复核。", "It is now a refund, to be asked for and checked."),
    )


def _suspense_page(
    request: HttpRequest, line: BankLine, form: AssignForm, refusal: Refusal | None
) -> HttpResponse:
    actor = actor_of(request)
    return render(
        request,
        "settlement/suspense_line.html",
        {
            "line": line,
            "finding": Finding(line.finding).label,
            "form": form,
            "reason_form": ReasonForm(prefix="back", auto_id="id_back_%s"),
            "refusal": refusal,
            "candidates": queries.open_incoming().filter(amount_fen=line.amount_fen)[:10],
            "may_act": bool(access.may_import_statements(actor)),
        },
        status=refusal.http_status if refusal else 200,
    )


@require_safe
def refunds(request: HttpRequest) -> HttpResponse:
    """Money that must go back, the earliest due first."""
    actor = actor_of(request)
    access.may_list_trades(actor).require()
    page = page_of(request, access.refunds_for(actor))
    rows = [
        {
            "refund": r,
            "cause": RefundCause(r.cause).label,
            "state": RefundState(r.state).label,
            "tone": REFUND_TONES[r.state],
        }
        for r in page
    ]
    return render(request, "settlement/refunds.html", {"page": page, "rows": rows})


REFUND_STEPS: dict[str, tuple[Callable[..., Any], Text]] = {
    "ask": (services.ask_refund, Text("已申请，待复核。", "Asked for; it waits for its check.")),
    "approve": (
        services.approve_refund,
        Text("已复核，付款指令已生成。", "Approved; the payment order is written."),
    ),
    "send_back": (services.send_back_refund, Text("已退回。", "Sent back.")),
}


@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: HttpRequest, number: str) -> HttpResponse:
    """One refund, its procedure and its steps."""
    actor = actor_of(request)
    found = access.get_refund_for(actor, number)
    refusal = None
    chosen = REFUND_STEPS.get(request.POST.get("step", ""))
    if request.method == "POST":
        if chosen is None:
            raise NotFound(what=Text("该步骤", "this step"))
        service, done = chosen
        key = request.POST.get("idempotency_key") or None
        given: dict[str, Any] = {"actor": actor, "number": number, "now": clock.now(), "key": key}
        if service is services.send_back_refund:
            given["reason"] = request.POST.get("reason", "")
        try:
            service(**given)
        except Refusal as error:
            refusal = error
        else:
            return see_other(request, reverse("settlement:refund", args=[number]), done)
        found = access.get_refund_for(actor, number)
    return render(
        request,
        "settlement/refund.html",
        {
            "refund": found,
            "cause": RefundCause(found.cause).label,
            "state": RefundState(found.state).label,
            "tone": REFUND_TONES[found.state],
            "options": [o for o in procedures.options_for(found.case, actor) if o.allowed],
            "form": ReasonForm(posted(request)[0]),
            "refusal": refusal,
        },
        status=refusal.http_status if refusal else 200,
    )
