"""A trade from award to permit: every step, its amounts in the ledger, its refusals and both sides of its deadlines."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.actor import ANONYMOUS
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.ledger.services import InsufficientBalance
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.services import (
    NotYourTurn,
    OtherPersonNeeded,
    ReasonMissing,
    TransitionNotAllowed,
    pass_deadlines,
)
from terrace.kernel.publication.models import Announcement
from terrace.market.rights.models import PermitEntry
from terrace.market.settlement import services
from terrace.market.settlement.models import (
    Certificate,
    DepositState,
    Outcome,
    PaymentInstruction,
    Purpose,
    Refund,
    Trade,
)
from terrace.market.settlement.services import money
from terrace.market.settlement.tests.factories import (
    NOW,
    Market,
    after,
    contracting,
    delivered,
    make_actor,
    make_market,
    make_organisation,
    make_trade,
    paid,
    pay,
    paying,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return make_market()


def balance(account_id: int) -> tuple[int, int]:
    found = ledger.balance_of(account_id)
    return found.posted, found.held


def money_of(market: Market) -> dict[str, tuple[int, int]]:
    with transaction.atomic():
        accounts = {
            "bank": money.bank("371500"),
            "buyer": money.firm(market.buyer.pk),
            "escrow": money.escrow("371500"),
            "suspense": money.suspense("371500"),
            "treasury": money.treasury(market.finance.pk),
        }
    return {name: balance(number) for name, number in accounts.items()}


def state(trade: Trade) -> str:
    trade.case.refresh_from_db()
    return trade.case.state


def test_the_ningxia_lot_goes_from_award_to_permit_with_every_fen(market: Market) -> None:
    trade = make_trade(market)
    assert (trade.amount_fen, state(trade)) == (8_500_800, "awarded")
    assert money_of(market)["buyer"] == (2_550_240, 2_550_240)

    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    assert state(trade) == "publicity"
    trade.refresh_from_db()
    assert trade.award_document is not None

    signing_day = after(NOW, 5)
    assert [p.transition for p in pass_deadlines(now=signing_day)] == ["close_publicity"]
    trade.refresh_from_db()
    assert state(trade) == "contracting"

    services.sign_contract(
        actor=market.reserve_checker,
        number=trade.number,
        contract_digest=trade.contract_digest,
        now=signing_day,
    )
    assert state(trade) == "seller_signed"
    services.sign_contract(
        actor=market.buyer_approver,
        number=trade.number,
        contract_digest=trade.contract_digest,
        now=signing_day,
    )
    assert state(trade) == "paying"
    rest = PaymentInstruction.objects.get(purpose=Purpose.PRICE, subject_id=trade.number)
    assert rest.amount_fen == 5_950_560

    pay(market, rest, signing_day)
    assert state(trade) == "paid"
    assert money_of(market) == {
        "bank": (-8_500_800, 0),
        "buyer": (0, 0),
        "escrow": (8_500_800, 0),
        "suspense": (0, 0),
        "treasury": (0, 0),
    }
    trade.refresh_from_db()
    assert trade.deposit is not None
    assert trade.deposit.deposit_state == DepositState.APPLIED

    certificate = services.issue_certificate(actor=market.maker, number=trade.number, now=signing_day)
    assert certificate.number == "PQJZ-371500-2023-0001"
    services.propose_delivery(actor=market.maker, number=trade.number, now=signing_day)
    services.approve_delivery(actor=market.checker, number=trade.number, now=signing_day)
    trade.refresh_from_db()
    assert state(trade) == "delivered"
    assert trade.delivered_parcel is not None
    assert (trade.delivered_parcel.holder_id, trade.delivered_parcel.quantity_g) == (
        market.buyer.pk,
        4_048_000,
    )
    assert trade.delivered_parcel.source == certificate.number
    assert money_of(market)["treasury"] == (8_500_800, 0)
    assert money_of(market)["escrow"] == (0, 0)

    with pytest.raises(services.IncomeNotArrived) as refusal:
        services.confirm_income(actor=market.finance_officer, number=trade.number, now=signing_day)
    assert refusal.value.code == "settlement.income.not_arrived"
    pay(market, PaymentInstruction.objects.get(purpose=Purpose.TREASURY), signing_day)
    assert money_of(market)["bank"] == (0, 0)
    services.confirm_income(actor=market.finance_officer, number=trade.number, now=signing_day)
    services.change_permit(actor=market.permit_officer, number=trade.number, now=signing_day)
    trade.refresh_from_db()
    assert (state(trade), trade.outcome) == ("registered", Outcome.COMPLETED)
    line = PermitEntry.objects.get()
    assert (line.change_g, line.certificate_no) == (4_048_000, certificate.number)
    assert list(Announcement.objects.order_by("id").values_list("kind", flat=True)) == [
        "settlement.result",
        "settlement.delivered",
    ]
    acts = list(
        JournalEntry.objects.filter(subject_id=trade.number, act__startswith="settlement.")
        .order_by("id")
        .values_list("act", flat=True)
    )
    assert acts == [
        "settlement.result.publish",
        "settlement.result.close_publicity",
        "settlement.contract.sign",
        "settlement.contract.sign",
        "settlement.certificate.issue",
        "settlement.delivery.propose",
        "settlement.delivery.approve",
        "settlement.income.confirm",
        "settlement.permit.change",
    ]


def test_permit_first_and_income_after_end_the_same_way(market: Market) -> None:
    trade, now = delivered(market)
    services.change_permit(actor=market.permit_officer, number=trade.number, now=now)
    assert state(trade) == "permit_changed"
    pay(market, PaymentInstruction.objects.get(purpose=Purpose.TREASURY), now)
    services.confirm_income(actor=market.finance_officer, number=trade.number, now=now)
    trade.refresh_from_db()
    assert (state(trade), trade.outcome) == ("registered", Outcome.COMPLETED)


def test_a_firm_that_sells_is_paid_itself(market: Market) -> None:
    seller = make_organisation(name="测试铜业有限公司")
    trade, now = delivered(market, seller=seller)
    payout = PaymentInstruction.objects.get(purpose=Purpose.SELLER_PAYOUT)
    assert (payout.payee_id, payout.amount_fen) == (seller.pk, 8_500_800)
    pay(market, payout, now)
    assert state(trade) == "income_confirmed"
    assert money_of(market)["bank"] == (0, 0)


# Publicity -------------------------------------------------------------------------------------------------------


def object_to(market: Market, trade: Trade, now: dt.datetime, **more: object) -> object:
    given: dict[str, object] = {
        "actor": ANONYMOUS,
        "number": trade.number,
        "name": "王某",
        "contact": "13800000000",
        "organisation_name": "",
        "grounds": "受让方项目不在本流域",
        "now": now,
    }
    return services.raise_objection(**(given | more))  # type: ignore[arg-type]


def test_nobody_publishes_so_the_platform_does_after_one_working_day(market: Market) -> None:
    trade = make_trade(market)
    assert pass_deadlines(now=after(NOW, 1) - dt.timedelta(minutes=2)) == []
    assert [p.transition for p in pass_deadlines(now=after(NOW, 1))] == ["publish_result"]
    assert state(trade) == "publicity"


def test_an_objection_suspends_and_a_rejection_gives_the_days_back(market: Market) -> None:
    trade = make_trade(market)
    services.publish_result(
        actor=market.maker, number=trade.number, now=NOW
    )  # Monday 4 December, until the 11th
    objected = NOW + dt.timedelta(days=1)
    objection = object_to(market, trade, objected)
    assert state(trade) == "objected"
    assert pass_deadlines(now=after(NOW, 5)) == []
    decided = NOW + dt.timedelta(days=4)  # Friday: three working days stood still
    services.decide_objection(
        actor=market.checker,
        objection_id=objection.pk,
        uphold=False,
        reason="经核实符合流域规定",
        now=decided,
    )
    assert state(trade) == "publicity"
    assert trade.case.deadline_at == dt.datetime(2023, 12, 14, 9, 0, tzinfo=dt.UTC)


def test_two_objections_are_both_decided_before_publicity_goes_on(market: Market) -> None:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    first, second = object_to(market, trade, NOW), object_to(market, trade, NOW, name="李某")
    decide = {"actor": market.checker, "uphold": False, "reason": "不成立", "now": NOW}
    services.decide_objection(objection_id=first.pk, **decide)
    assert state(trade) == "objected"
    services.decide_objection(objection_id=second.pk, **decide)
    assert state(trade) == "publicity"
    with pytest.raises(services.ObjectionDecided) as refusal:
        services.decide_objection(objection_id=second.pk, **decide)
    assert refusal.value.code == "settlement.objection.decided"


def test_an_upheld_objection_gives_everything_back(market: Market) -> None:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    objection = object_to(market, trade, NOW)
    services.decide_objection(
        actor=market.checker, objection_id=objection.pk, uphold=True, reason="受让方资格不符", now=NOW
    )
    trade.refresh_from_db()
    assert (state(trade), trade.outcome) == ("voided", Outcome.VOIDED)
    trade.parcel.refresh_from_db()
    assert trade.parcel.free_g == 4_048_000
    refund = Refund.objects.get()
    assert (refund.cause, refund.amount_fen) == ("TRADE_ENDED", 2_550_240)


@pytest.mark.parametrize(("minutes", "refused"), [(-1, False), (0, True)])
def test_objections_are_taken_until_the_last_minute(market: Market, minutes: int, refused: bool) -> None:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    trade.case.refresh_from_db()
    assert trade.case.deadline_at is not None
    at = trade.case.deadline_at + dt.timedelta(minutes=minutes)
    if refused:
        with pytest.raises(services.ObjectionTooLate) as refusal:
            object_to(market, trade, at)
        assert refusal.value.code == "settlement.objection.too_late"
    else:
        object_to(market, trade, at)
        assert state(trade) == "objected"


def test_an_objection_needs_a_name_and_comes_once(market: Market) -> None:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    with pytest.raises(Exception, match="姓名"):
        object_to(market, trade, NOW, name="  ")
    first = object_to(market, trade, NOW, key="k1")
    assert object_to(market, trade, NOW, key="k1").pk == first.pk
    assert trade.objections.count() == 1


def test_an_overdue_objection_goes_to_the_bureau(market: Market) -> None:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    objection = object_to(market, trade, NOW)
    late = after(NOW, 10)
    assert [p.transition for p in pass_deadlines(now=late)] == ["escalate"]
    with pytest.raises(Exception, match="市生态环境局"):
        services.decide_objection(
            actor=market.checker, objection_id=objection.pk, uphold=False, reason="x", now=late
        )
    services.decide_objection(
        actor=market.bureau_checker, objection_id=objection.pk, uphold=False, reason="不成立", now=late
    )
    assert state(trade) == "publicity"


# Contract and payment -------------------------------------------------------------------------------------------


def test_signing_refusals(market: Market) -> None:
    trade, now = contracting(market)
    sign = {"number": trade.number, "contract_digest": trade.contract_digest, "now": now}
    with pytest.raises(services.ContractChanged) as changed:
        services.sign_contract(actor=market.buyer_approver, **(sign | {"contract_digest": "0" * 64}))
    assert changed.value.code == "settlement.contract.changed"
    with pytest.raises(Exception, match="只有交易双方"):
        services.sign_contract(actor=market.checker, **sign)
    with pytest.raises(NotYourTurn):
        services.sign_contract(actor=make_actor(market.buyer, "FIRM_CLERK"), **sign)
    services.sign_contract(actor=market.buyer_approver, **sign, key="a")
    services.sign_contract(actor=market.buyer_approver, **sign, key="a")
    with pytest.raises(services.AlreadySigned) as signed:
        services.sign_contract(actor=market.buyer_approver, **sign)
    assert signed.value.code == "settlement.contract.already_signed"
    assert trade.signatures.count() == 1
    assert state(trade) == "buyer_signed"


def test_the_three_days_of_the_contract_run_on_while_one_has_signed(market: Market) -> None:
    trade, now = contracting(market)
    due = trade.case.deadline_at
    trade.case.refresh_from_db()
    due = trade.case.deadline_at
    services.sign_contract(
        actor=market.buyer_approver,
        number=trade.number,
        contract_digest=trade.contract_digest,
        now=now + dt.timedelta(hours=1),
    )
    trade.case.refresh_from_db()
    assert trade.case.deadline_at == due
    assert due is not None
    assert pass_deadlines(now=due - dt.timedelta(seconds=1)) == []
    assert [p.transition for p in pass_deadlines(now=due)] == ["seller_sign_overdue"]


def test_a_buyer_who_does_not_sign_loses_the_deposit_to_the_treasury(market: Market) -> None:
    trade, now = contracting(market)
    ended: list[tuple[str, str]] = []
    services.on_ended("test.auction", lambda t, at: ended.append((t.number, t.outcome)))
    late = after(now, 3)
    assert [p.transition for p in pass_deadlines(now=late)] == ["contract_overdue"]
    with pytest.raises(ReasonMissing):
        services.declare_buyer_default(actor=market.checker, number=trade.number, reason=" ", now=late)
    services.declare_buyer_default(actor=market.checker, number=trade.number, reason="逾期未签", now=late)
    trade.refresh_from_db()
    assert (state(trade), trade.outcome) == ("buyer_defaulted", Outcome.BUYER_DEFAULTED)
    assert money_of(market)["buyer"] == (0, 0)
    assert money_of(market)["treasury"] == (2_550_240, 0)
    trade.parcel.refresh_from_db()
    assert trade.parcel.free_g == 4_048_000
    assert trade.deposit is not None
    assert trade.deposit.deposit_state == DepositState.FORFEITED
    assert PaymentInstruction.objects.get(purpose=Purpose.TREASURY).amount_fen == 2_550_240
    assert ended[-1] == (trade.number, Outcome.BUYER_DEFAULTED)


def test_a_buyer_who_does_not_pay_and_then_pays_before_the_default_is_declared(market: Market) -> None:
    trade, now = paying(market)
    late = after(now, 7)
    assert pass_deadlines(now=late - dt.timedelta(minutes=2)) == []
    assert [p.transition for p in pass_deadlines(now=late)] == ["payment_overdue"]
    assert state(trade) == "buyer_overdue"
    pay(market, PaymentInstruction.objects.get(purpose=Purpose.PRICE), late)
    assert state(trade) == "paid"


def test_after_the_default_is_declared_a_late_payment_waits_in_suspense(market: Market) -> None:
    trade, now = paying(market)
    late = after(now, 7)
    pass_deadlines(now=late)
    services.declare_buyer_default(actor=market.checker, number=trade.number, reason="逾期未付款", now=late)
    pay(market, PaymentInstruction.objects.get(purpose=Purpose.PRICE), late)
    assert money_of(market)["suspense"] == (5_950_560, 0)


def test_a_seller_who_does_not_sign_is_in_default_and_the_buyer_gets_everything_back(market: Market) -> None:
    trade, now = contracting(market)
    services.sign_contract(
        actor=market.buyer_approver, number=trade.number, contract_digest=trade.contract_digest, now=now
    )
    late = after(now, 3)
    pass_deadlines(now=late)
    services.declare_seller_default(actor=market.checker, number=trade.number, reason="逾期未签", now=late)
    trade.refresh_from_db()
    assert trade.outcome == Outcome.SELLER_DEFAULTED
    assert Refund.objects.get().amount_fen == 2_550_240


def test_a_deposit_that_covers_the_price_pays_at_once_and_the_excess_goes_back(market: Market) -> None:
    trade, _ = paying(market, deposit_fen=8_600_000)
    assert state(trade) == "paid"
    assert money_of(market)["escrow"] == (8_500_800, 0)
    refund = Refund.objects.get()
    assert (refund.cause, refund.amount_fen) == ("EXCESS", 99_200)


def test_without_a_deposit_the_whole_price_is_asked_for(market: Market) -> None:
    trade, _ = paid(market, deposit_fen=0)
    assert state(trade) == "paid"
    assert PaymentInstruction.objects.get(purpose=Purpose.PRICE).amount_fen == 8_500_800


# Certificate and delivery ---------------------------------------------------------------------------------------


def test_no_certificate_before_payment(market: Market) -> None:
    trade, now = paying(market)
    with pytest.raises(TransitionNotAllowed):
        services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    assert Certificate.objects.count() == 0


def test_delivery_needs_two_people(market: Market) -> None:
    trade, now = paid(market)
    both = make_actor(market.exchange, "EXCHANGE_MAKER", "EXCHANGE_CHECKER")
    services.issue_certificate(actor=both, number=trade.number, now=now)
    with pytest.raises(TransitionNotAllowed):
        services.approve_delivery(actor=market.checker, number=trade.number, now=now)
    services.propose_delivery(actor=both, number=trade.number, now=now)
    with pytest.raises(OtherPersonNeeded):
        services.approve_delivery(actor=both, number=trade.number, now=now)
    services.return_delivery(actor=market.checker, number=trade.number, reason="场所待核", now=now)
    assert state(trade) == "certified"
    services.propose_delivery(actor=both, number=trade.number, now=now)
    services.approve_delivery(actor=market.checker, number=trade.number, now=now)
    with pytest.raises(TransitionNotAllowed):
        services.approve_delivery(actor=market.checker, number=trade.number, now=now)


def test_a_delivery_whose_money_is_missing_leaves_nothing_half_done(market: Market) -> None:
    """The escrow is short, so the right must not move either: one transaction."""
    trade, now = paid(market)
    services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    services.propose_delivery(actor=market.maker, number=trade.number, now=now)
    with transaction.atomic():
        from terrace.kernel.ledger.services import Direct

        money.post(
            actor=market.maker,
            key="test:drain",
            code="test",
            at=now,
            reason="测试",
            subject_type="test",
            subject_id="1",
            transfers=[Direct(money.escrow("371500"), money.suspense("371500"), 1)],
        )
    with pytest.raises(InsufficientBalance):
        services.approve_delivery(actor=market.checker, number=trade.number, now=now)
    trade.refresh_from_db()
    assert (state(trade), trade.delivered_at, trade.delivered_parcel) == ("delivery_proposed", None, None)
    trade.parcel.refresh_from_db()
    assert (trade.parcel.held_g, trade.parcel.frozen_g) == (4_048_000, 4_048_000)
    assert not PaymentInstruction.objects.filter(purpose=Purpose.TREASURY).exists()


def test_voiding_after_the_certificate_returns_the_price_and_voids_the_paper(market: Market) -> None:
    trade, now = paid(market)
    certificate = services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    services.void_trade(actor=market.checker, number=trade.number, reason="串通竞价", now=now)
    certificate.refresh_from_db()
    assert (certificate.state, certificate.end_reason) == ("VOID", "串通竞价")
    assert money_of(market)["buyer"] == (8_500_800, 0)
    assert Refund.objects.get().amount_fen == 8_500_800


def test_a_delivered_trade_cannot_be_voided(market: Market) -> None:
    trade, now = delivered(market)
    with pytest.raises(TransitionNotAllowed):
        services.void_trade(actor=market.checker, number=trade.number, reason="x", now=now)


@pytest.mark.parametrize("step", ["certificate", "delivery", "check", "income"])
def test_staff_are_reminded_and_nothing_is_done_in_their_place(market: Market, step: str) -> None:
    trade, now = paid(market)
    days = 2
    if step != "certificate":
        services.issue_certificate(actor=market.maker, number=trade.number, now=now)
        days = 1
    if step in ("check", "income"):
        services.propose_delivery(actor=market.maker, number=trade.number, now=now)
    if step == "income":
        services.approve_delivery(actor=market.checker, number=trade.number, now=now)
        days = 7
    before = state(trade)
    late = after(now, days)
    assert [p.error for p in pass_deadlines(now=late)] == [""]
    assert state(trade) == before
    assert trade.case.deadline_at is not None
    assert trade.case.deadline_at > late


def test_the_permit_office_is_reminded_day_by_day_after_fifteen_days(market: Market) -> None:
    trade, now = delivered(market)
    pay(market, PaymentInstruction.objects.get(purpose=Purpose.TREASURY), now)
    services.confirm_income(actor=market.finance_officer, number=trade.number, now=now)
    trade.case.refresh_from_db()
    due = trade.case.deadline_at
    assert due is not None
    assert pass_deadlines(now=due - dt.timedelta(seconds=1)) == []
    assert [p.transition for p in pass_deadlines(now=due)] == ["remind_permit"]
    assert state(trade) == "income_confirmed"


def test_an_unknown_trade_is_not_found(market: Market) -> None:
    with pytest.raises(services.TradeNotFound) as refusal:
        services.publish_result(actor=market.maker, number="PQJY-0", now=NOW)
    assert refusal.value.code == "settlement.trade.not_found"


def test_a_buyer_without_a_site_has_no_permit_to_change(market: Market) -> None:
    trade, now = delivered(market)
    parcel = trade.delivered_parcel
    assert parcel is not None
    parcel.unit = None
    parcel.save(update_fields=["unit"])
    with pytest.raises(services.PartMissing) as refusal:
        services.change_permit(actor=market.permit_officer, number=trade.number, now=now)
    assert refusal.value.code == "settlement.trade.part_missing"
    assert state(trade) == "delivered"
    assert not PermitEntry.objects.exists()


def test_a_price_that_arrives_while_a_court_holds_the_right_is_booked_and_the_trade_stands_still() -> None:
    market = make_market()
    trade, now = paying(market)
    services.stop_for_court(
        rights_hold_id=trade.rights_hold_id, actor=market.maker, ruling_no="（2023）鲁15执1号", now=now
    )
    instruction = PaymentInstruction.objects.get(subject_id=trade.number, purpose="PRICE")
    pay(market, instruction, now)
    trade.refresh_from_db()
    case = Case.objects.get(pk=trade.case_id)
    assert (trade.paid_at is not None, case.state, case.paused_at is not None) == (True, "paid", True)
    _, hold_id = services.go_on_after_court(
        rights_hold_id=trade.rights_hold_id, actor=market.maker, ruling_no="解除", now=after(now, 3)
    )
    trade.refresh_from_db()
    case.refresh_from_db()
    assert (trade.rights_hold_id, case.paused_at) == (hold_id, None)
