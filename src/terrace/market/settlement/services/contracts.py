"""Contract and payment: the text, two signatures under its digest, the rest of the price (D13, D14)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel import workdays
from terrace.kernel.audit.services import digest_of, first_answer
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, Refusal
from terrace.kernel.base.quantity import Money
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import services as documents
from terrace.kernel.ledger import services as ledger
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.settlement.models import (
    ContractSignature,
    DepositState,
    PaymentInstruction,
    Purpose,
    RefundCause,
    Side,
    Trade,
)
from terrace.market.settlement.procedures import CLAUSE_CONTRACT, CLAUSE_PAYMENT, CONTRACT_WORKDAYS
from terrace.market.settlement.rules.amounts import rest_to_pay
from terrace.market.settlement.services import content, money
from terrace.market.settlement.services.papers import render
from terrace.market.settlement.services.payments import request_payment
from terrace.market.settlement.services.refunds import open_refund
from terrace.market.settlement.services.signing import sign
from terrace.market.settlement.services.trades import (
    SUBJECT,
    journal,
    lock_trade,
    lock_trade_of_case,
    tell_parties,
)


class AlreadySigned(Refusal):
    code = "settlement.contract.already_signed"
    text = Text("贵方已签署该合同。", "Your side has signed this contract already.")


class ContractChanged(Refusal):
    code = "settlement.contract.changed"
    text = Text(
        "所签合同与当前文本不一致，未签署。",
        "The text you confirmed is not the present contract; nothing was signed.",
    )
    hint = Text("请重新打开合同核对后再签。", "Open the contract again, read it, and sign.")


def open_contract(*, trade: Trade, case: Case, now: dt.datetime) -> dict[str, Any]:
    """Part: render, sign and store the contract; the parties have 3 working days. Returns facts for the journal."""
    due = workdays.deadline(now, CONTRACT_WORKDAYS)
    procedures.advance(
        actor=SYSTEM, case=case, transition="close_publicity", now=now, facts={"contract_due": due}
    )
    signed = sign(
        render("contract", content.contract(trade), at=now), reason="交易合同 Contract", location=trade.city
    )
    trade.contract_document = documents.store(
        actor=SYSTEM,
        content=signed.content,
        filename=f"排污权交易合同-{trade.number}.pdf",
        kind="settlement.contract",
        subject_type=SUBJECT,
        subject_id=trade.number,
        organisation_id=trade.buyer_id,
        now=now,
    )
    trade.contract_digest = trade.contract_document.digest
    trade.save(update_fields=["contract_document", "contract_digest"])
    tell_parties(
        trade,
        Text(f"请签订合同：{trade.number}", f"Contract to sign: {trade.number}"),
        Text(
            f"公示期满无异议。请于{clock.local(due):%Y-%m-%d %H:%M}前签署合同；受让方逾期不签，保证金不予退还。",
            f"The publicity is over. Sign the contract by {clock.local(due):%Y-%m-%d %H:%M}; a buyer who does not sign loses the deposit.",
        ),
        now,
    )
    return {"contract": trade.contract_digest, "contract_due": due}


_STEPS = {
    (Side.BUYER, "contracting"): "buyer_signs",
    (Side.BUYER, "seller_signed"): "buyer_signs_last",
    (Side.SELLER, "contracting"): "seller_signs",
    (Side.SELLER, "buyer_signed"): "seller_signs_last",
}


@act("settlement.contract.sign")
def sign_contract(
    *, actor: Actor, number: str, contract_digest: str, now: dt.datetime, key: str | None = None
) -> ContractSignature:
    """Sign for the side of the actor's organisation, under the digest of the text that was shown.

    The second signature asks for the rest of the price within 7 working days; the deposit counts as price. When the
    deposit covers the price, the trade is paid at once. Raises TradeNotFound, NotAllowed, ContractChanged,
    AlreadySigned, NotYourTurn, TransitionNotAllowed. Clause: R29.
    """
    trade, case = lock_trade(number)
    digest = digest_of([number, contract_digest])
    if answer := first_answer(actor=actor, act="settlement.contract.sign", key=key, request_digest=digest):
        return ContractSignature.objects.get(pk=answer)
    side = _side(actor, trade)
    if trade.signatures.filter(side=side.value).exists():
        raise AlreadySigned
    if not trade.contract_digest or contract_digest != trade.contract_digest:
        raise ContractChanged
    step = procedures.advance(
        actor=actor,
        case=case,
        transition=_STEPS.get((side, case.state), _STEPS[side, "contracting"]),
        now=now,
    )
    assert actor.user_id is not None
    signature = ContractSignature.objects.create(
        city=trade.city,
        trade=trade,
        side=side.value,
        user_id=actor.user_id,
        person_id=actor.person_id or 0,
        organisation_id=trade.buyer_id if side is Side.BUYER else trade.seller_id,
        signer_name=actor.name,
        contract_digest=contract_digest,
        signed_at=now,
    )
    facts: dict[str, Any] = {"side": side.value, "contract": contract_digest}
    if step.to_state == "paying":
        facts |= _ask_for_the_rest(actor, trade, case, now)
    journal(
        actor,
        "settlement.contract.sign",
        trade,
        now,
        facts=facts,
        clause=CLAUSE_CONTRACT,
        key=key,
        request_digest=digest,
        result=signature.pk,
    )
    return signature


def _side(actor: Actor, trade: Trade) -> Side:
    if actor.organisation_id == trade.buyer_id:
        return Side.BUYER
    if actor.organisation_id == trade.seller_id:
        return Side.SELLER
    raise NotAllowed(reason=Text("只有交易双方可以签署", "only the two parties sign"))


def _ask_for_the_rest(actor: Actor, trade: Trade, case: Case, now: dt.datetime) -> dict[str, Any]:
    """Both have signed: ask for what the deposit does not cover, or take the price at once when it does."""
    trade.signed_at = now
    trade.save(update_fields=["signed_at"])
    deposit_fen = trade.deposit.amount_fen if trade.deposit is not None else 0
    counted, rest = rest_to_pay(trade.amount_fen, deposit_fen)
    if rest == 0:
        _take_price(SYSTEM, trade, case, now)
        return {"rest_fen": 0, "deposit_counted_fen": counted}
    assert case.deadline_at is not None
    instruction = request_payment(
        actor=actor,
        payer_id=trade.buyer_id,
        payee="ESCROW",
        amount_fen=rest,
        purpose=Purpose.PRICE,
        subject_type=SUBJECT,
        subject_id=trade.number,
        due_at=case.deadline_at,
        now=now,
    )
    due = clock.local(case.deadline_at)
    tell_parties(
        trade,
        Text(f"请支付成交价款：{trade.number}", f"Payment due: {trade.number}"),
        Text(
            f"合同已签订。请受让方于{due:%Y-%m-%d %H:%M}前从本单位账户付款{Money(rest).label().zh}，附言写缴款码 {instruction.reference}。",
            f"The contract is signed. The buyer is to pay {Money(rest).label().en} by {due:%Y-%m-%d %H:%M} with the code {instruction.reference}.",
        ),
        now,
    )
    return {"rest_fen": rest, "deposit_counted_fen": counted, "reference": instruction.reference}


def price_paid(instruction: PaymentInstruction, now: dt.datetime) -> None:
    """Part, called when the bank line of a price is booked: the price goes into escrow and the trade is paid."""
    if instruction.subject_type != SUBJECT:
        return
    trade, case = lock_trade(instruction.subject_id)
    _take_price(SYSTEM, trade, case, now, rest=instruction.amount_fen)


def _take_price(actor: Actor, trade: Trade, case: Case, now: dt.datetime, rest: int = 0) -> None:
    """One entry: the rest from the buyer's money, the deposit out of its hold, both into escrow."""
    transfers: list[ledger.Movement] = []
    escrow = money.escrow(trade.city)
    if rest:
        transfers.append(ledger.Direct(money.firm(trade.buyer_id), escrow, rest))
    if trade.deposit is not None:
        assert trade.deposit.hold_id is not None
        transfers.append(ledger.Post(trade.deposit.hold_id, trade.amount_fen - rest))
        trade.deposit.deposit_state = DepositState.APPLIED
        trade.deposit.save(update_fields=["deposit_state"])
    money.post(
        actor=actor,
        key=f"trade:{trade.number}:price",
        code="trade.price",
        at=now,
        reason=f"{trade.number} {trade.amount.label().zh}",
        subject_type=SUBJECT,
        subject_id=trade.number,
        transfers=transfers,
    )
    trade.paid_at = now
    trade.save(update_fields=["paid_at"])
    excess = 0 if trade.deposit is None else trade.deposit.amount_fen - (trade.amount_fen - rest)
    if excess > 0:
        open_refund(
            actor=actor,
            cause=RefundCause.EXCESS,
            organisation=trade.buyer,
            amount_fen=excess,
            trade=trade,
            now=now,
        )
    paused = case.paused_at is not None
    if paused:  # money that has arrived is booked, though the trade stands still for a court
        procedures.resume(actor=SYSTEM, case=case, now=now)
    procedures.advance(actor=actor, case=case, transition="pay", now=now)
    if paused:
        procedures.pause(actor=SYSTEM, case=case, now=now, reason="中止期间收到价款，交易仍中止")
    tell_parties(
        trade,
        Text(f"价款已付清：{trade.number}", f"Paid in full: {trade.number}"),
        Text("交易机构将出具鉴证书。", "The trading institution will issue the certificate."),
        now,
        roles=["EXCHANGE_MAKER"],
    )


@act("settlement.contract.overdue")
def contract_overdue(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: the buyer has not signed in time; the checker decides on the default (R27)."""
    return _overdue(case_id, "contract_overdue", "settlement.contract.overdue", CLAUSE_CONTRACT, now)


@act("settlement.contract.seller_overdue")
def seller_sign_overdue(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: the buyer has signed, the seller has not."""
    return _overdue(
        case_id, "seller_sign_overdue", "settlement.contract.seller_overdue", CLAUSE_CONTRACT, now
    )


@act("settlement.payment.overdue")
def payment_overdue(*, case_id: int, now: dt.datetime) -> Trade:
    """Deadline act: signed but not paid in time. A payment that arrives before the default is declared still counts."""
    return _overdue(case_id, "payment_overdue", "settlement.payment.overdue", CLAUSE_PAYMENT, now)


def _overdue(case_id: int, transition: str, name: str, clause: str, now: dt.datetime) -> Trade:
    trade, case = lock_trade_of_case(case_id)
    step = procedures.advance(actor=SYSTEM, case=case, transition=transition, now=now)
    label = case.state_now.staff if case.state_now is not None else Text("", "")
    tell_parties(
        trade,
        Text(f"逾期：{trade.number}", f"Overdue: {trade.number}"),
        Text(f"{label.zh}。", f"{label.en}."),
        now,
        roles=["EXCHANGE_CHECKER"],
    )
    journal(SYSTEM, name, trade, now, facts={"from": step.from_state, "to": step.to_state}, clause=clause)
    return trade
