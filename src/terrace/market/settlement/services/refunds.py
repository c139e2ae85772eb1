"""Money that goes back: asked for by one person, approved by another, paid by the bank (domain D15, R26)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel import workdays
from terrace.kernel.audit.services import digest_of, record
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import services as ledger
from terrace.kernel.notify.services import tell
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.settlement.models import (
    AccountPurpose,
    BankLine,
    DepositState,
    LineState,
    PaymentInstruction,
    Purpose,
    Refund,
    RefundCause,
    RefundState,
    Trade,
)
from terrace.market.settlement.procedures import CLAUSE_REFUND, REFUND, REFUND_WORKDAYS
from terrace.market.settlement.services import money
from terrace.market.settlement.services.deposits import deposit_of
from terrace.market.settlement.services.numbers import paper_number
from terrace.market.settlement.services.payments import (
    AccountOfRecordMissing,
    PayeeAccount,
    account_of_record,
    new_instruction,
)
from terrace.market.settlement.services.trades import answered_before

SUBJECT = "settlement.refund"


def open_refund(
    *,
    actor: Actor,
    cause: RefundCause,
    now: dt.datetime,
    deposit: PaymentInstruction | None = None,
    trade: Trade | None = None,
    organisation: Organisation | None = None,
    bank_line: BankLine | None = None,
    amount_fen: int | None = None,
) -> Refund:
    """Part: note that money must go back, and open its case (5 working days to ask for it).

    What goes back is a held deposit, an unassigned bank line, or `amount_fen` (fen) of a firm's own money
    in the ledger. Opening it moves nothing. Raises workdays.CalendarMissing.
    """
    if deposit is not None:
        organisation, amount_fen, city, whom = (
            deposit.payer,
            deposit.amount_fen,
            deposit.city,
            deposit.payer.name,
        )
    elif bank_line is not None:
        amount_fen, city, whom = bank_line.amount_fen, bank_line.city, bank_line.other_name
    else:
        assert organisation is not None
        city, whom = organisation.city, organisation.name
    assert amount_fen is not None
    number = paper_number("PQTK", city, clock.local(now).year)
    case = procedures.open_case(
        actor=actor,
        procedure=REFUND,
        subject_type=SUBJECT,
        subject_id=number,
        title=Text(
            f"退款 {Money(amount_fen).label().zh} · {whom}", f"Refund {Money(amount_fen).label().en} · {whom}"
        ),
        url=f"/settlement/refunds/{number}/",
        parties={},
        now=now,
        facts={"cause": cause.value, "amount_fen": amount_fen},
        city=city,
    )
    assert case.deadline_at is not None
    return Refund.objects.create(
        city=city,
        number=number,
        case=case,
        organisation=organisation,
        bank_line=bank_line,
        deposit=deposit,
        trade=trade,
        cause=cause.value,
        amount_fen=amount_fen,
        due_at=case.deadline_at,
    )


def refund_deposit(*, actor: Actor, deposit_hold_id: int, cause: str, now: dt.datetime) -> Refund:
    """Part: a deposit must go back although there was no trade. `cause` is a RefundCause (NOT_QUALIFIED, NO_TRADE, WITHDRAWN).

    Raises DepositUnknown.
    """
    return open_refund(actor=actor, deposit=deposit_of(deposit_hold_id), cause=RefundCause(cause), now=now)


@act("settlement.refund.ask")
def ask_refund(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Refund:
    """The first person asks for the refund. Raises NotFound, NotYourTurn, TransitionNotAllowed."""
    refund, case = _lock(number)
    if answered_before(actor, "settlement.refund.ask", number, key):
        return refund
    procedures.advance(actor=actor, case=case, transition="ask", now=now)
    refund.state = RefundState.ASKED
    refund.save(update_fields=["state"])
    _record(actor, "settlement.refund.ask", refund, now, key=key)
    return refund


@act("settlement.refund.send_back")
def send_back_refund(
    *, actor: Actor, number: str, reason: str, now: dt.datetime, key: str | None = None
) -> Refund:
    """The second person does not agree; the refund is due again. Raises as ask_refund, and ReasonMissing, OtherPersonNeeded."""
    refund, case = _lock(number)
    if answered_before(actor, "settlement.refund.send_back", number, key, reason):
        return refund
    procedures.advance(actor=actor, case=case, transition="send_back", now=now, reason=reason)
    refund.state = RefundState.DUE
    refund.save(update_fields=["state"])
    _record(actor, "settlement.refund.send_back", refund, now, reason=reason, key=key)
    return refund


@act("settlement.refund.approve")
def approve_refund(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Refund:
    """The second person approves: the deposit's hold ends, the sum is held for the bank, the payment order is written.

    Raises NotFound, NotYourTurn, OtherPersonNeeded, TransitionNotAllowed, AccountOfRecordMissing, InsufficientBalance.
    """
    refund, case = _lock(number)
    if answered_before(actor, "settlement.refund.approve", number, key):
        return refund
    procedures.advance(actor=actor, case=case, transition="approve", now=now)
    escrow = account_of_record(AccountPurpose.ESCROW, refund.city)
    transfers: list[ledger.Movement] = []
    if refund.deposit is not None:
        assert refund.deposit.hold_id is not None
        transfers.append(ledger.Void(refund.deposit.hold_id))
        refund.deposit.deposit_state = DepositState.RELEASED
        refund.deposit.save(update_fields=["deposit_state"])
    source = (
        money.firm(refund.organisation_id)
        if refund.organisation_id is not None
        else money.suspense(refund.city)
    )
    transfers.append(ledger.Hold(source, money.bank(refund.city), refund.amount_fen))
    posted = money.post(
        actor=actor,
        key=f"refund:{refund.number}:approved",
        code="refund.approved",
        at=now,
        reason=RefundCause(refund.cause).label.zh,
        subject_type=SUBJECT,
        subject_id=refund.number,
        transfers=transfers,
    )
    refund.instruction = new_instruction(
        payer=escrow.organisation,
        payee_id=refund.organisation_id,
        account=_account(refund),
        amount_fen=refund.amount_fen,
        purpose=Purpose.REFUND,
        subject_type=SUBJECT,
        subject_id=refund.number,
        due_at=workdays.deadline(now, REFUND_WORKDAYS),
        now=now,
        hold_id=posted.transfer_ids[-1],
    )
    refund.state = RefundState.APPROVED
    refund.save(update_fields=["state", "instruction"])
    _record(actor, "settlement.refund.approve", refund, now, key=key)
    return refund


def refund_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part, called when the bank line of a refund is booked: the case ends and the firm is told."""
    if instruction.subject_type != SUBJECT:
        return
    refund, case = _lock(instruction.subject_id)
    procedures.advance(actor=SYSTEM, case=case, transition="bank_paid", now=now)
    refund.state = RefundState.PAID
    refund.save(update_fields=["state"])
    if refund.bank_line_id is not None:
        BankLine.objects.filter(pk=refund.bank_line_id).update(state=LineState.RETURNED)
    if refund.organisation_id is not None:
        amount = Money(refund.amount_fen).label()
        tell(
            subject=Text("退款已付出", "Your refund has been paid"),
            body=Text(
                f"{RefundCause(refund.cause).label.zh}：{amount.zh}，已付至贵单位登记账户。",
                f"{RefundCause(refund.cause).label.en}: {amount.en} was paid to your account of record.",
            ),
            url=case.url,
            now=now,
            organisation_ids=[refund.organisation_id],
        )


@act("settlement.refund.remind")
def remind_refund(*, case_id: int, now: dt.datetime) -> None:
    """Deadline act: nobody asked for the refund in time; the checker is told and five more working days run."""
    case = procedures.lock_case(case_id)
    procedures.advance(actor=SYSTEM, case=case, transition="remind", now=now)
    tell(
        subject=Text(f"逾期未办：{case.title_zh}", f"Overdue: {case.title_en}"),
        body=Text("退款已逾5个工作日未申请，请督办。", "The refund was not asked for within 5 working days."),
        url=case.url,
        now=now,
        roles=["EXCHANGE_MAKER", "EXCHANGE_CHECKER"],
    )
    record(
        actor=SYSTEM,
        act="settlement.refund.remind",
        subject_type=SUBJECT,
        subject_id=case.subject_id,
        at=now,
        clause=CLAUSE_REFUND,
    )


def _lock(number: str) -> tuple[Refund, Case]:
    case_id = Refund.objects.filter(number=number).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该笔退款", "the refund"))
    case = procedures.lock_case(case_id)
    refund = (
        Refund.objects.select_for_update(of=("self",))
        .select_related("organisation", "deposit", "bank_line")
        .get(number=number)
    )
    return refund, case


def _account(refund: Refund) -> PayeeAccount:
    """Back to where it came from: the line's account, else the firm's account of record."""
    if refund.bank_line is not None:
        return PayeeAccount(refund.bank_line.other_account_no, refund.bank_line.other_name)
    firm = refund.organisation
    assert firm is not None
    if not firm.bank_account_no:
        raise AccountOfRecordMissing(account=Text(f"“{firm.name}”的银行账户", f"bank account of {firm.name}"))
    return PayeeAccount(firm.bank_account_no, firm.name, firm.bank_name)


def _record(
    actor: Actor, name: str, refund: Refund, now: dt.datetime, reason: str = "", key: str | None = None
) -> None:
    record(
        actor=actor,
        act=name,
        subject_type=SUBJECT,
        subject_id=refund.number,
        at=now,
        facts={"amount_fen": refund.amount_fen, "cause": refund.cause, "state": refund.state},
        reason=reason,
        clause=CLAUSE_REFUND,
        key=key,
        request_digest=digest_of([refund.number, reason.strip()]) if key else "",
        result=refund.number if key else None,
    )
