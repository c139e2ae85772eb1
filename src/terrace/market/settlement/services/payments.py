"""Asking for money: instructions with a reference code, and who is told when one is paid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.market.settlement.models import (
    INCOMING,
    AccountPurpose,
    InstructionState,
    PaymentInstruction,
    Purpose,
    SettlementAccount,
)
from terrace.market.settlement.rules import references
from terrace.market.settlement.services.numbers import next_number

PaidHandler = Callable[[PaymentInstruction, dt.datetime], None]
_handlers: dict[str, list[PaidHandler]] = {}


class AccountOfRecordMissing(Refusal):
    code = "settlement.account.missing"
    text = Text(
        "尚未登记{account}，不能开具缴款通知。", "No {account} is on record, so payment cannot be asked for."
    )
    hint = Text("请交易机构先登记银行账户。", "The trading institution must register the bank account first.")


class DueInThePast(Refusal):
    code = "settlement.payment.due_in_the_past"
    text = Text("缴款期限须晚于当前时间。", "The payment must be due after the present time.")


def on_paid(purpose: str, handler: PaidHandler) -> None:
    """Register what follows when an instruction of `purpose` is paid: `handler(instruction, now)`, a part.

    It runs inside the transaction that books the bank line, after the ledger entries. Handlers look at
    `instruction.subject_type` and leave those of others alone. Called in AppConfig.ready(); repeating is harmless.
    """
    handlers = _handlers.setdefault(Purpose(purpose).value, [])
    if handler not in handlers:
        handlers.append(handler)


def tell_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part: run the handlers of a paid instruction, in the order they were registered."""
    for handler in _handlers.get(instruction.purpose, []):
        handler(instruction, now)


def account_of_record(purpose: str, city: str | None = None) -> SettlementAccount:
    """The open bank account of the market for a purpose. Raises AccountOfRecordMissing."""
    account = (
        SettlementAccount.objects.select_related("organisation")
        .filter(city=city or settings.TERRACE_CITY, purpose=purpose, until__isnull=True)
        .first()
    )
    if account is None:
        labels = {
            "ESCROW": Text("交易结算专户", "settlement account"),
            "TREASURY": Text("非税收入专户", "treasury account"),
        }
        raise AccountOfRecordMissing(account=labels[purpose])
    return account


def request_payment(
    *,
    actor: Actor,
    payer_id: int,
    payee: int | Literal["ESCROW", "TREASURY"],
    amount_fen: int,
    purpose: str,
    subject_type: str,
    subject_id: object,
    due_at: dt.datetime,
    now: dt.datetime,
) -> PaymentInstruction:
    """Part: ask an organisation to pay `amount_fen` (fen, > 0) by `due_at`; returns the instruction with its code.

    `payee` is "ESCROW" (the market's settlement account: every DEPOSIT and PRICE), "TREASURY", or the id of an
    organisation that gets money from the escrow account (its own account of record is copied into the
    instruction). Raises AccountOfRecordMissing, DueInThePast. Clause: domain R26, R29.
    """
    if amount_fen <= 0:
        raise ValueError("a payment instruction is for a positive amount of fen")
    if purpose in INCOMING and payee != AccountPurpose.ESCROW:
        raise ValueError("deposits and prices are paid into the escrow account")
    if due_at <= now:
        raise DueInThePast
    payer = Organisation.objects.get(pk=payer_id)
    if isinstance(payee, int):
        organisation = Organisation.objects.get(pk=payee)
        account_no, account_name = organisation.bank_account_no, organisation.name
        bank_name, payee_id = organisation.bank_name, organisation.pk
        if not account_no:
            raise AccountOfRecordMissing(
                account=Text(f"“{organisation.name}”的银行账户", f"bank account of {organisation.name}")
            )
    else:
        account = account_of_record(payee, payer.city)
        account_no, account_name = account.account_no, account.account_name
        bank_name, payee_id = account.bank_name, account.organisation_id
    return new_instruction(
        payer=payer,
        payee_id=payee_id,
        account=PayeeAccount(account_no, account_name, bank_name),
        amount_fen=amount_fen,
        purpose=purpose,
        subject_type=subject_type,
        subject_id=subject_id,
        due_at=due_at,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class PayeeAccount:
    """Where the money goes, as it is written into an instruction."""

    account_no: str
    account_name: str
    bank_name: str = ""


def new_instruction(
    *,
    payer: Organisation,
    payee_id: int | None,
    account: PayeeAccount,
    amount_fen: int,
    purpose: str,
    subject_type: str,
    subject_id: object,
    due_at: dt.datetime,
    now: dt.datetime,
    hold_id: int | None = None,
) -> PaymentInstruction:
    """Part: write an instruction with the next reference code of the year."""
    year = clock.local(now).year
    return PaymentInstruction.objects.create(
        city=payer.city,
        reference=references.make(year, next_number(f"reference-{year}")),
        purpose=purpose,
        payer=payer,
        payee_id=payee_id,
        payee_account_no=account.account_no,
        payee_account_name=account.account_name,
        payee_bank_name=account.bank_name,
        amount_fen=amount_fen,
        subject_type=subject_type,
        subject_id=str(subject_id),
        requested_at=now,
        due_at=due_at,
        hold_id=hold_id,
    )


def cancel_payment(*, instruction_id: int) -> PaymentInstruction:
    """Part: withdraw an instruction that nobody has paid. A paid or cancelled one is left as it is.

    A sum that arrives afterwards goes to the suspense queue.
    """
    instruction = PaymentInstruction.objects.select_for_update(of=("self",)).get(pk=instruction_id)
    if instruction.state == InstructionState.DUE:
        instruction.state = InstructionState.CANCELLED
        instruction.save(update_fields=["state"])
    return instruction
