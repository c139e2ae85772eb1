"""How a trade ends without delivery: default of a side, an upheld objection, a void trade (R27, R34)."""

from __future__ import annotations

import datetime as dt

from terrace.kernel import workdays
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import services as ledger
from terrace.kernel.procedures import services as procedures
from terrace.kernel.publication.services import announce
from terrace.market.rights import services as rights
from terrace.market.settlement.models import (
    AccountPurpose,
    Certificate,
    CertificateState,
    DepositState,
    InstructionState,
    Outcome,
    PaymentInstruction,
    Purpose,
    RefundCause,
    Trade,
)
from terrace.market.settlement.procedures import CLAUSE_FORFEIT, CLAUSE_SELLER, CLAUSE_VOID, INCOME_WORKDAYS
from terrace.market.settlement.services import content, money
from terrace.market.settlement.services.court import right_is_held
from terrace.market.settlement.services.payments import account_of_record, cancel_payment, request_payment
from terrace.market.settlement.services.refunds import open_refund
from terrace.market.settlement.services.trades import (
    SUBJECT,
    answered_before,
    end_trade,
    journal,
    lock_trade,
    quantity_text,
    tell_parties,
)


@act("settlement.default.buyer")
def declare_buyer_default(
    *, actor: Actor, number: str, reason: str, now: dt.datetime, key: str | None = None
) -> Trade:
    """The buyer did not sign or pay: the deposit is forfeited to the treasury, the right is free again (R27).

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, ReasonMissing, AccountOfRecordMissing.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.default.buyer", number, key, reason):
        return trade
    procedures.advance(actor=actor, case=case, transition="declare_buyer_default", now=now, reason=reason)
    forfeited = 0
    if trade.deposit is not None and trade.deposit.deposit_state == DepositState.HELD:
        forfeited = forfeit_deposit(
            actor=actor, deposit=trade.deposit, subject_type=SUBJECT, subject_id=trade.number, now=now
        )
    _free_right(actor, trade, "受让方违约", now)
    _cancel_price(trade)
    _finish(actor, trade, Outcome.BUYER_DEFAULTED, reason, now)
    journal(
        actor,
        "settlement.default.buyer",
        trade,
        now,
        facts={"forfeited_fen": forfeited},
        reason=reason.strip(),
        clause=CLAUSE_FORFEIT,
        key=key,
    )
    return trade


@act("settlement.default.seller")
def declare_seller_default(
    *, actor: Actor, number: str, reason: str, now: dt.datetime, key: str | None = None
) -> Trade:
    """The seller did not sign: everything goes back to the buyer, the right stays with the seller (R27).

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, ReasonMissing.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.default.seller", number, key, reason):
        return trade
    procedures.advance(actor=actor, case=case, transition="declare_seller_default", now=now, reason=reason)
    _give_back(actor, trade, now)
    _finish(actor, trade, Outcome.SELLER_DEFAULTED, reason, now)
    journal(
        actor, "settlement.default.seller", trade, now, reason=reason.strip(), clause=CLAUSE_SELLER, key=key
    )
    return trade


@act("settlement.trade.void")
def void_trade(*, actor: Actor, number: str, reason: str, now: dt.datetime, key: str | None = None) -> Trade:
    """End a trade before delivery (fraud, collusion, force majeure): money back, right free, certificate void (R34).

    A trade that a court's freeze suspended can be ended, too; the right stays with the court.

    Raises TradeNotFound, NotYourTurn, TransitionNotAllowed, ReasonMissing.
    """
    trade, case = lock_trade(number)
    if answered_before(actor, "settlement.trade.void", number, key, reason):
        return trade
    if case.paused_at is not None and not right_is_held(trade):
        procedures.resume(actor=actor, case=case, now=now, reason=reason)
    procedures.advance(actor=actor, case=case, transition="void", now=now, reason=reason)
    unwind(actor=actor, trade=trade, reason=reason.strip(), now=now)
    journal(actor, "settlement.trade.void", trade, now, reason=reason.strip(), clause=CLAUSE_VOID, key=key)
    return trade


def unwind(*, actor: Actor, trade: Trade, reason: str, now: dt.datetime) -> None:
    """Part: a trade that ends without anybody's default. The case has been advanced already."""
    Certificate.objects.filter(trade=trade, state=CertificateState.VALID).update(
        state=CertificateState.VOID, ended_at=now, end_reason=reason[:300]
    )
    _give_back(actor, trade, now)
    _finish(actor, trade, Outcome.VOIDED, reason, now)


def forfeit_deposit(
    *, actor: Actor, deposit: PaymentInstruction, subject_type: str, subject_id: object, now: dt.datetime
) -> int:
    """Part: a held deposit goes to the treasury, in one entry, and the payment order is written (R27).

    Returns the amount in fen. Higher contexts call it for a bidder that did not take part. Raises AccountOfRecordMissing.
    """
    assert deposit.hold_id is not None
    treasury = account_of_record(AccountPurpose.TREASURY, deposit.city)
    money.post(
        actor=actor,
        key=f"deposit:{deposit.pk}:forfeited",
        code="deposit.forfeited",
        at=now,
        reason=CLAUSE_FORFEIT,
        subject_type=subject_type,
        subject_id=subject_id,
        transfers=[
            ledger.Post(deposit.hold_id),
            ledger.Direct(
                money.escrow(deposit.city), money.treasury(treasury.organisation_id), deposit.amount_fen
            ),
        ],
    )
    deposit.deposit_state = DepositState.FORFEITED
    deposit.save(update_fields=["deposit_state"])
    request_payment(
        actor=actor,
        payer_id=account_of_record(AccountPurpose.ESCROW, deposit.city).organisation_id,
        payee="TREASURY",
        amount_fen=deposit.amount_fen,
        purpose=Purpose.TREASURY,
        subject_type=subject_type,
        subject_id=subject_id,
        due_at=workdays.deadline(now, INCOME_WORKDAYS),
        now=now,
    )
    return deposit.amount_fen


def _give_back(actor: Actor, trade: Trade, now: dt.datetime) -> None:
    """The right is free again; a held deposit or a paid price becomes a refund to be approved by two people."""
    _free_right(actor, trade, "交易终止", now)
    _cancel_price(trade)
    if trade.paid_at is not None:
        money.post(
            actor=actor,
            key=f"trade:{trade.number}:price_back",
            code="trade.price_back",
            at=now,
            reason=trade.number,
            subject_type=SUBJECT,
            subject_id=trade.number,
            transfers=[ledger.Direct(money.escrow(trade.city), money.firm(trade.buyer_id), trade.amount_fen)],
        )
        open_refund(
            actor=actor,
            cause=RefundCause.TRADE_ENDED,
            organisation=trade.buyer,
            amount_fen=trade.amount_fen,
            trade=trade,
            now=now,
        )
    elif trade.deposit is not None and trade.deposit.deposit_state == DepositState.HELD:
        open_refund(actor=actor, cause=RefundCause.TRADE_ENDED, deposit=trade.deposit, trade=trade, now=now)


def _free_right(actor: Actor, trade: Trade, reason: str, now: dt.datetime) -> None:
    if not right_is_held(trade):  # a court's freeze took its place
        return
    rights.release_hold(
        actor=actor,
        hold_id=trade.rights_hold_id,
        reason=f"{trade.number} {reason}",
        entry_key=f"settlement:trade:{trade.number}:unfreeze",
        now=now,
    )


def _cancel_price(trade: Trade) -> None:
    for instruction_id in PaymentInstruction.objects.filter(
        subject_type=SUBJECT,
        subject_id=trade.number,
        purpose=Purpose.PRICE,
        state=InstructionState.DUE,
    ).values_list("id", flat=True):
        cancel_payment(instruction_id=instruction_id)


def _finish(actor: Actor, trade: Trade, outcome: Outcome, reason: str, now: dt.datetime) -> None:
    end_trade(trade, outcome, now)
    what = quantity_text(trade)
    if trade.publicised_at is not None:
        announce(
            actor=actor,
            kind="settlement.ended",
            title=Text(f"交易终止公告：{what.zh}", f"Trade ended without delivery: {what.en}"),
            content=content.public_result(trade) | {"reason": reason.strip()[:1000]},
            template="settlement/notices/ended.html",
            subject_type=SUBJECT,
            subject_id=trade.number,
            now=now,
            number=trade.number,
            city=trade.city,
        )
    tell_parties(
        trade,
        Text(f"{outcome.label.zh}：{trade.number}", f"{outcome.label.en}: {trade.number}"),
        Text(f"理由：{reason.strip()}", f"Reason: {reason.strip()}"),
        now,
    )
