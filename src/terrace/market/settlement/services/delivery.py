"""Delivery, income, permit: from the certificate to the changed permit (D17 to D19, R30)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel import workdays
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import queries as ledger_queries
from terrace.kernel.ledger import services as ledger
from terrace.kernel.orgs.models import OrganisationKind
from terrace.kernel.procedures import services as procedures
from terrace.kernel.publication.services import announce
from terrace.market.rights import services as rights
from terrace.market.settlement.models import (
    AccountPurpose,
    Certificate,
    InstructionState,
    Outcome,
    PaymentInstruction,
    Purpose,
    Trade,
)
from terrace.market.settlement.procedures import (
    CLAUSE_CERTIFICATE,
    CLAUSE_INCOME,
    CLAUSE_PERMIT,
    INCOME_WORKDAYS,
)
from terrace.market.settlement.services import content, money
from terrace.market.settlement.services.payments import (
    PayeeAccount,
    account_of_record,
    new_instruction,
    request_payment,
)
from terrace.market.settlement.services.trades import (
    SUBJECT,
    PartMissing,
    answered_before,
    end_trade,
    journal,
    lock_trade,
    lock_trade_of_case,
    quantity_text,
    tell_parties,
)


class IncomeNotArrived(Refusal):
    code = "settlement.income.not_arrived"
    text = Text(
        "上缴款尚未从结算专户付出，不能确认。",
        "The income has not left the settlement account yet; it cannot be confirmed.",
    )
    hint = Text(
        "请交易机构先付款并导入银行流水。", "The trading institution pays first and imports the statement."
    )


@act("settlement.delivery.propose")
def propose_delivery(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Trade:
    """The first person proposes delivery; nothing moves yet. Raises TradeNotFound, NotYourTurn, TransitionNotAllowed."""
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.delivery.propose", number, key):
        return trade
    procedures.advance(actor=actor, case=case, transition="propose_delivery", now=now)
    journal(actor, "settlement.delivery.propose", trade, now, clause=CLAUSE_CERTIFICATE, key=key)
    return trade


@act("settlement.delivery.return")
def return_delivery(
    *, actor: Actor, number: str, reason: str, now: dt.datetime, key: str | None = None
) -> Trade:
    """The second person sends the proposal back. Raises as propose_delivery, and ReasonMissing, OtherPersonNeeded."""
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.delivery.return", number, key, reason):
        return trade
    procedures.advance(actor=actor, case=case, transition="return_delivery", now=now, reason=reason)
    journal(
        actor,
        "settlement.delivery.return",
        trade,
        now,
        reason=reason.strip(),
        clause=CLAUSE_CERTIFICATE,
        key=key,
    )
    return trade


@act("settlement.delivery.approve")
def approve_delivery(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Trade:
    """Deliver: the right to the buyer against the price out of escrow, in one ledger entry: both or neither (D17).

    The price of a reserve lot is owed to the treasury, that of a firm's lot to the firm; the payment order is
    written with it. Raises TradeNotFound, NotYourTurn, OtherPersonNeeded, TransitionNotAllowed, ParcelShort, HoldGone,
    TermOver, InsufficientBalance, AccountOfRecordMissing.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.delivery.approve", number, key):
        return trade
    procedures.advance(actor=actor, case=case, transition="approve_delivery", now=now)
    certificate = Certificate.objects.filter(trade=trade, state="VALID").first()
    if certificate is None:
        raise PartMissing(part=Text("鉴证书", "the certificate"))
    need = trade.need_confirmation
    trade.delivered_parcel = rights.move_parcel(
        actor=actor,
        parcel_id=trade.parcel_id,
        quantity_g=trade.quantity_g,
        to_organisation_id=trade.buyer_id,
        to_unit_id=need.project.unit_id if need is not None else None,
        entry_key=f"settlement:trade:{trade.number}:delivery",
        source=certificate.number,
        now=now,
        hold_id=trade.rights_hold_id,
        against=_price_movements(trade),
    )
    trade.delivered_at = now
    trade.save(update_fields=["delivered_parcel", "delivered_at"])
    if need is not None:
        rights.use_need(need_id=need.pk, pollutant=Pollutant(trade.pollutant), quantity_g=trade.quantity_g)
    instruction = _order_payout(actor, trade, now)
    what = quantity_text(trade)
    announce(
        actor=actor,
        kind="settlement.delivered",
        title=Text(f"交割公告：{what.zh}", f"Delivered: {what.en}"),
        content=content.public_result(trade) | {"certificate": certificate.number},
        template="settlement/notices/delivered.html",
        subject_type=SUBJECT,
        subject_id=trade.number,
        now=now,
        number=trade.number,
        city=trade.city,
    )
    tell_parties(
        trade,
        Text(f"已交割：{trade.number}", f"Delivered: {trade.number}"),
        Text(
            f"{what.zh}已划入受让方账户，凭鉴证书{certificate.number}办理许可证变更。",
            f"{what.en} is now held by the buyer; the permit is changed with certificate {certificate.number}.",
        ),
        now,
        roles=["FINANCE", "PERMIT"],
    )
    journal(
        actor,
        "settlement.delivery.approve",
        trade,
        now,
        facts={
            "parcel": trade.delivered_parcel.pk,
            "quantity_g": trade.quantity_g,
            "amount_fen": trade.amount_fen,
            "payment": instruction.reference,
        },
        clause=CLAUSE_CERTIFICATE,
        key=key,
    )
    return trade


def is_reserve_sale(trade: Trade) -> bool:
    """Income of the reserve goes to the treasury; a firm is paid itself."""
    return trade.seller.kind == OrganisationKind.RESERVE_BODY


def _price_movements(trade: Trade) -> list[ledger.Movement]:
    """The price out of escrow: owed to the treasury, or to the selling firm and held for the bank."""
    escrow, amount = money.escrow(trade.city), trade.amount_fen
    if is_reserve_sale(trade):
        treasury = account_of_record(AccountPurpose.TREASURY, trade.city)
        return [ledger.Direct(escrow, money.treasury(treasury.organisation_id), amount)]
    seller = money.firm(trade.seller_id)
    return [ledger.Direct(escrow, seller, amount), ledger.Hold(seller, money.bank(trade.city), amount)]


def _order_payout(actor: Actor, trade: Trade, now: dt.datetime) -> PaymentInstruction:
    """The payment order that takes the price from the settlement account to the treasury or the seller (R30: 7 days)."""
    escrow_account = account_of_record(AccountPurpose.ESCROW, trade.city)
    due = workdays.deadline(trade.certified_at or now, INCOME_WORKDAYS)
    if due <= now:  # delivered later than the seven days: the order is due at once, by the next working day
        due = workdays.deadline(now, 1)
    if is_reserve_sale(trade):
        return request_payment(
            actor=actor,
            payer_id=escrow_account.organisation_id,
            payee="TREASURY",
            amount_fen=trade.amount_fen,
            purpose=Purpose.TREASURY,
            subject_type=SUBJECT,
            subject_id=trade.number,
            due_at=due,
            now=now,
        )
    assert trade.delivered_parcel is not None
    entry = ledger_queries.transfers_of(trade.delivered_parcel.ledger_entry_id)
    return new_instruction(
        payer=escrow_account.organisation,
        payee_id=trade.seller_id,
        account=PayeeAccount(trade.seller.bank_account_no, trade.seller.name, trade.seller.bank_name),
        amount_fen=trade.amount_fen,
        purpose=Purpose.SELLER_PAYOUT,
        subject_type=SUBJECT,
        subject_id=trade.number,
        due_at=due,
        now=now,
        hold_id=entry.get(phase="HOLD").pk,
    )


def seller_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part, called when the bank line of a payout to a firm is booked: the income step is done by itself."""
    if instruction.subject_type != SUBJECT:
        return
    trade, _ = lock_trade(instruction.subject_id)
    _confirm_income(SYSTEM, trade, now)


@act("settlement.income.confirm")
def confirm_income(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Trade:
    """The finance bureau confirms that the income of a reserve lot has arrived in the treasury.

    Raises TradeNotFound, IncomeNotArrived, NotYourTurn, TransitionNotAllowed. Clause: 财税〔2015〕61号.
    """
    trade, _ = lock_trade(number)
    if answered_before(actor, "settlement.income.confirm", number, key):
        return trade
    arrived = PaymentInstruction.objects.filter(
        subject_type=SUBJECT,
        subject_id=trade.number,
        purpose=Purpose.TREASURY,
        state=InstructionState.PAID,
    ).exists()
    if trade.delivered_at is not None and not arrived:
        raise IncomeNotArrived(clause=CLAUSE_INCOME)
    _confirm_income(actor, trade, now)
    journal(
        actor,
        "settlement.income.confirm",
        trade,
        now,
        facts={"amount_fen": trade.amount_fen},
        clause=CLAUSE_INCOME,
        key=key,
    )
    return trade


def _confirm_income(actor: Actor, trade: Trade, now: dt.datetime) -> None:
    case = procedures.lock_case(trade.case_id)
    last = case.state == "permit_changed"
    procedures.advance(
        actor=actor, case=case, transition="confirm_income_last" if last else "confirm_income", now=now
    )
    trade.income_confirmed_at = now
    trade.save(update_fields=["income_confirmed_at"])
    if last:
        _complete(trade, now)


@act("settlement.permit.change")
def change_permit(*, actor: Actor, number: str, now: dt.datetime, key: str | None = None) -> Trade:
    """The permit office writes the right into the buyer's permit (and out of a selling firm's), by the certificate.

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, PermitTooSmall, PartMissing (the buyer has no site).
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.permit.change", number, key):
        return trade
    last = case.state == "income_confirmed"
    procedures.advance(
        actor=actor, case=case, transition="change_permit" if last else "change_permit_first", now=now
    )
    parcel = trade.delivered_parcel
    certificate = Certificate.objects.filter(trade=trade, state="VALID").first()
    if parcel is None or certificate is None:
        raise PartMissing(part=Text("交割记录", "the delivery"))
    if parcel.unit_id is None:
        raise PartMissing(part=Text("受让方排污单位", "the buyer's site"))
    lines = [(parcel.unit_id, trade.quantity_g)]
    if trade.parcel.unit_id is not None:
        lines.append((trade.parcel.unit_id, -trade.quantity_g))
    for unit_id, change_g in sorted(lines):
        rights.write_permit(
            actor=actor,
            unit_id=unit_id,
            pollutant=Pollutant(trade.pollutant),
            change_g=change_g,
            certificate_no=certificate.number,
            subject_type=SUBJECT,
            subject_id=trade.number,
            now=now,
            parcel_id=parcel.pk,
        )
    trade.permit_changed_at = now
    trade.permit_number = parcel.unit.permit_no if parcel.unit is not None else ""
    trade.save(update_fields=["permit_changed_at", "permit_number"])
    if last:
        _complete(trade, now)
    tell_parties(
        trade,
        Text(f"排污许可证已变更：{trade.number}", f"Permit changed: {trade.number}"),
        Text(
            f"{quantity_text(trade).zh}已记入许可证。",
            f"{quantity_text(trade).en} is written into the permit.",
        ),
        now,
    )
    journal(
        actor,
        "settlement.permit.change",
        trade,
        now,
        facts={"certificate": certificate.number, "quantity_g": trade.quantity_g},
        clause=CLAUSE_PERMIT,
        key=key,
    )
    return trade


def _complete(trade: Trade, now: dt.datetime) -> None:
    end_trade(trade, Outcome.COMPLETED, now)


_REMINDERS = {
    "paid": ("remind_certificate", ("EXCHANGE_MAKER", "EXCHANGE_CHECKER")),
    "certified": ("remind_delivery", ("EXCHANGE_MAKER", "EXCHANGE_CHECKER")),
    "delivery_proposed": ("remind_check", ("EXCHANGE_CHECKER",)),
    "delivered": ("remind_income", ("EXCHANGE_MAKER", "FINANCE", "PERMIT")),
    "income_confirmed": ("remind_permit", ("PERMIT",)),
    "permit_changed": ("remind_income_after", ("EXCHANGE_MAKER", "FINANCE")),
}
REMINDERS = tuple(transition for transition, _ in _REMINDERS.values())


@act("settlement.trade.remind")
def remind(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act of the staff's steps: nothing is done in their place, but everybody concerned is told, day by day."""
    trade, case = lock_trade_of_case(case_id)
    transition, roles = _REMINDERS[case.state]
    facts = {"permit_due": workdays.deadline(now, 1)} if transition == "remind_permit" else None
    procedures.advance(actor=SYSTEM, case=case, transition=transition, now=now, facts=facts)
    state = case.state_now.staff if case.state_now is not None else Text("", "")
    tell_parties(
        trade,
        Text(f"逾期未办：{trade.number}", f"Overdue: {trade.number}"),
        Text(f"{state.zh}，已逾期，请尽快办理。", f"{state.en}: this is overdue."),
        now,
        roles=[*roles, "MONITOR"],
    )
    journal(SYSTEM, "settlement.trade.remind", trade, now, facts={"state": case.state})
    return trade
