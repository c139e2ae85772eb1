"""Asking for money: the instruction, its code and account, and its refusals."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.market.settlement import services
from terrace.market.settlement.models import InstructionState, PaymentInstruction, Purpose, SettlementAccount
from terrace.market.settlement.rules import references
from terrace.market.settlement.tests.factories import NOW, make_accounts, make_actor, make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def exchange() -> object:
    return make_organisation("EXCHANGE")


def ask(exchange: object, **more: object) -> PaymentInstruction:
    firm = make_organisation()
    given = {
        "actor": make_actor(exchange, "EXCHANGE_MAKER"),
        "payer_id": firm.pk,
        "payee": "ESCROW",
        "amount_fen": 2_550_240,
        "purpose": Purpose.DEPOSIT,
        "subject_type": "listing.signup",
        "subject_id": 7,
        "due_at": NOW + dt.timedelta(days=3),
        "now": NOW,
    }
    return services.request_payment(**(given | more))


def test_an_instruction_has_a_code_of_its_own_and_the_account_of_record(exchange: object) -> None:
    make_accounts(exchange, make_organisation("FINANCE"))
    first, second = ask(exchange), ask(exchange)
    assert references.is_valid(first.reference)
    assert first.reference != second.reference
    assert first.payee_account_no == "1601000000000001"
    assert (first.state, first.paid_at, first.paid_line_id) == (InstructionState.DUE, None, None)


def test_a_later_change_of_the_account_does_not_redirect_an_old_instruction(exchange: object) -> None:
    make_accounts(exchange, make_organisation("FINANCE"))
    instruction = ask(exchange)
    SettlementAccount.objects.filter(purpose="ESCROW").update(account_no="999")
    instruction.refresh_from_db()
    assert instruction.payee_account_no == "1601000000000001"


def test_without_an_account_of_record_nothing_is_asked(exchange: object) -> None:
    with pytest.raises(services.AccountOfRecordMissing) as refusal:
        ask(exchange)
    assert refusal.value.code == "settlement.account.missing"
    assert "交易结算专户" in refusal.value.message("zh-hans")
    assert PaymentInstruction.objects.count() == 0


@pytest.mark.parametrize(("minutes", "refused"), [(0, True), (1, False)])
def test_the_due_time_lies_ahead(exchange: object, minutes: int, refused: bool) -> None:
    make_accounts(exchange, make_organisation("FINANCE"))
    due_at = NOW + dt.timedelta(minutes=minutes)
    if refused:
        with pytest.raises(services.DueInThePast) as refusal:
            ask(exchange, due_at=due_at)
        assert refusal.value.code == "settlement.payment.due_in_the_past"
    else:
        assert ask(exchange, due_at=due_at).due_at == due_at


def test_cancelling_twice_is_harmless(exchange: object) -> None:
    make_accounts(exchange, make_organisation("FINANCE"))
    instruction = ask(exchange)
    for _ in range(2):
        assert services.cancel_payment(instruction_id=instruction.pk).state == InstructionState.CANCELLED
