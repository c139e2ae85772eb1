"""Money that goes back: asked for by one person, approved by another, paid by the bank (domain D15, R26)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures import services as procedures
from terrace.market.settlement.models import BankLine, PaymentInstruction, Refund, RefundCause, Trade
from terrace.market.settlement.procedures import REFUND
from terrace.market.settlement.services.deposits import deposit_of
from terrace.market.settlement.services.numbers import paper_number

SUBJECT = "settlement.refund"


def open_refund(
    *,
    actor: Actor,
    cause: str,
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
        organisation, amount_fen = deposit.payer, deposit.amount_fen
    elif bank_line is not None:
        amount_fen = bank_line.amount_fen
    assert amount_fen is not None
    city = trade.city if trade is not None else (organisation or bank_line).city  # type: ignore[union-attr]
    number = paper_number("PQTK", city, clock.local(now).year)
    whom = organisation.name if organisation is not None else bank_line.other_name  # type: ignore[union-attr]
    reason = RefundCause(cause).label
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
        facts={"cause": str(reason), "amount_fen": amount_fen},
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
        cause=cause,
        amount_fen=amount_fen,
        due_at=case.deadline_at,
    )


def refund_deposit(*, actor: Actor, deposit_hold_id: int, cause: str, now: dt.datetime) -> Refund:
    """Part: a deposit must go back although there was no trade (not qualified, nothing sold, withdrawn).

    `cause` is one of RefundCause. Raises DepositUnknown.
    """
    return open_refund(actor=actor, deposit=deposit_of(deposit_hold_id), cause=cause, now=now)
