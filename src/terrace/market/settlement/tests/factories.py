"""What tests of settlement start from: plain functions without surprises."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

from django.db import transaction

from terrace.kernel import workdays
from terrace.kernel.base import clock, credit_code
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.orgs.models import Membership, Organisation, OrganisationKind, Person, User
from terrace.market.rights import services as rights
from terrace.market.rights.models import Area, DischargeUnit, NeedConfirmation, NeedLine, ParcelHold, Project
from terrace.market.rights.rules import HoldKind, RightSource
from terrace.market.settlement import services
from terrace.market.settlement.models import (
    PaymentInstruction,
    Purpose,
    SettlementAccount,
    StatementImport,
    Trade,
)

_numbers = itertools.count(1)
NOW = clock.at_local(dt.date(2023, 12, 4), 10)  # a Monday


def make_organisation(kind: str = OrganisationKind.ENTERPRISE, name: str = "") -> Organisation:
    n = next(_numbers)
    return Organisation.objects.create(
        credit_code=credit_code.make("9", "1", "371500", f"TEST{n:05d}".replace("S", "5")),
        name=name or f"测试单位{n}",
        kind=kind,
        state="ACTIVE",
        area="guanxian",
        bank_account_no=f"6222{n:08d}",
        bank_name="测试银行",
        is_synthetic=True,
    )


def make_actor(organisation: Organisation, *roles: str, name: str = "") -> Actor:
    """A new person with these roles in the organisation."""
    n = next(_numbers)
    person = Person.objects.create(name=name or f"测试人员{n}", identity_digest=f"{n:064d}")
    user = User.objects.create(username=f"user{n}", person=person)
    memberships = [
        Membership.objects.create(user=user, organisation=organisation, role=role, since=dt.date(2023, 1, 1))
        for role in roles
    ]
    return Actor(
        user_id=user.pk,
        person_id=person.pk,
        organisation_id=organisation.pk,
        membership_id=memberships[0].pk if memberships else None,
        roles=frozenset(roles),
        area=organisation.area,
        name=person.name,
    )


def make_accounts(exchange: Organisation, finance: Organisation) -> None:
    """The escrow and treasury accounts of record."""
    for purpose, organisation, number in (
        ("ESCROW", exchange, "1601000000000001"),
        ("TREASURY", finance, "1601000000000002"),
    ):
        SettlementAccount.objects.create(
            organisation=organisation,
            purpose=purpose,
            account_no=number,
            account_name=organisation.name,
            bank_name="测试银行",
            since=clock.at_local(dt.date(2023, 1, 1)),
        )


@dataclass
class Market:
    """The bodies of a small city and their people, with the accounts of record."""

    exchange: Organisation
    finance: Organisation
    reserve: Organisation
    buyer: Organisation
    maker: Actor
    checker: Actor
    reserve_checker: Actor
    buyer_approver: Actor
    finance_officer: Actor
    permit_officer: Actor
    bureau_checker: Actor
    auditor: Actor


def make_market() -> Market:
    exchange = make_organisation("EXCHANGE", "测试交易中心")
    finance = make_organisation("FINANCE", "测试财政局")
    reserve = make_organisation("RESERVE_BODY", "测试储备中心")
    buyer = make_organisation(name="测试清源化工有限公司")
    make_accounts(exchange, finance)
    return Market(
        exchange=exchange,
        finance=finance,
        reserve=reserve,
        buyer=buyer,
        maker=make_actor(exchange, "EXCHANGE_MAKER", name="经办"),
        checker=make_actor(exchange, "EXCHANGE_CHECKER", name="复核"),
        reserve_checker=make_actor(reserve, "RESERVE_CHECKER", name="储备复核"),
        buyer_approver=make_actor(buyer, "FIRM_APPROVER", name="企业审批"),
        finance_officer=make_actor(finance, "FINANCE", name="财政"),
        permit_officer=make_actor(make_organisation("PERMIT_OFFICE"), "PERMIT", name="许可"),
        bureau_checker=make_actor(make_organisation("BUREAU"), "BUREAU_CHECKER", name="市局"),
        auditor=make_actor(make_organisation("AUDIT_OFFICE"), "AUDITOR", name="审计"),
    )


def make_area() -> Area:
    return Area.objects.get_or_create(
        code="guanxian", defaults={"name": "冠县", "division_code": "371525", "position": 1}
    )[0]


def make_need(buyer: Organisation, pollutant: str = "NOX", grams: int = 4_048_000) -> NeedConfirmation:
    """A confirmed need of a project on a site of the buyer."""
    n = next(_numbers)
    unit = DischargeUnit.objects.create(
        organisation=buyer,
        name=f"厂区{n}",
        permit_no=f"{buyer.credit_code}{n % 1000:03d}",
        area=make_area(),
        basin="tuhai",
        sector="chemical",
        created_at=NOW,
    )
    project = Project.objects.create(
        unit=unit, name=f"项目{n}", kind="NEW", eia_stage="PREPARING", created_at=NOW
    )
    need = NeedConfirmation.objects.create(
        number=f"XQ-{n}", project=project, state="CONFIRMED", applied_at=NOW, decided_at=NOW
    )
    NeedLine.objects.create(need=need, pollutant=pollutant, emission_g=grams, required_g=grams)
    return need


def make_frozen_parcel(holder: Organisation, grams: int = 4_048_000, pollutant: str = "NOX") -> ParcelHold:
    """A parcel of the holder with all of it frozen for an auction."""
    n = next(_numbers)
    with transaction.atomic():
        parcel = rights.issue_right(
            actor=SYSTEM,
            holder_id=holder.pk,
            unit_id=None,
            pollutant=Pollutant(pollutant),
            quantity_g=grams,
            area=make_area(),
            basin="tuhai",
            sector="chemical",
            thermal_power=False,
            agriculture=False,
            paid=True,
            source=RightSource.RESERVED_QUOTA,
            term_start=dt.date(2024, 1, 1),
            years=5,
            entry_key=f"issue:{n}",
            paper_no=f"储备{n}",
            now=NOW,
        )
        return rights.freeze_parcel(
            actor=SYSTEM,
            parcel_id=parcel.pk,
            quantity_g=grams,
            kind=HoldKind.LISTING,
            reason="挂牌",
            subject_type="listing",
            subject_id=n,
            entry_key=f"freeze:{n}",
            now=NOW,
        )


def make_statement(*rows: tuple[str, str, str, str, str, str], header: str = "") -> bytes:
    """A CSV statement; rows are (date, serial, account, name, amount, remark)."""
    head = header or "交易日期,交易流水号,对方账号,对方户名,金额,附言"
    return "\n".join([head, *(",".join(f'"{cell}"' for cell in row) for row in rows)]).encode()


def import_rows(
    market: Market, *rows: tuple[str, str, str, str, str, str], now: dt.datetime = NOW
) -> StatementImport:
    """Upload and confirm a statement with these rows."""
    statement = services.upload_statement(
        actor=market.maker, content=make_statement(*rows), filename="流水.csv", now=now
    )
    return services.confirm_statement(
        actor=market.maker, statement_id=statement.pk, seen_digest=statement.findings_digest, now=now
    )


def pay(market: Market, instruction: PaymentInstruction, now: dt.datetime = NOW) -> None:
    """The bank line that pays an instruction, in or out, imported and confirmed."""
    n = next(_numbers)
    account = instruction.payer.bank_account_no if instruction.is_incoming else instruction.payee_account_no
    sign = "" if instruction.is_incoming else "-"
    amount = f"{sign}{instruction.amount_fen // 100}.{instruction.amount_fen % 100:02d}"
    day = clock.local(now).date().isoformat()
    import_rows(market, (day, f"S{n:06d}", account, "某单位", amount, instruction.reference), now=now)
    instruction.refresh_from_db()


def make_deposit(
    market: Market, firm: Organisation, amount_fen: int = 2_550_240, now: dt.datetime = NOW
) -> PaymentInstruction:
    """A deposit that has been asked for and paid: held in the ledger."""
    with transaction.atomic():
        instruction = services.request_payment(
            actor=market.maker,
            payer_id=firm.pk,
            payee="ESCROW",
            amount_fen=amount_fen,
            purpose=Purpose.DEPOSIT,
            subject_type="listing.signup",
            subject_id=next(_numbers),
            due_at=now + dt.timedelta(days=2),
            now=now,
        )
    pay(market, instruction, now)
    return instruction


def make_trade(
    market: Market,
    *,
    deposit_fen: int = 2_550_240,
    losers: int = 0,
    seller: Organisation | None = None,
    now: dt.datetime = NOW,
) -> Trade:
    """The Ningxia lot: 4.048 t NOx at 21,000 yuan per tonne for the five-year term, awarded to the buyer."""
    seller = seller or market.reserve
    hold = make_frozen_parcel(seller)
    deposit = make_deposit(market, market.buyer, deposit_fen) if deposit_fen else None
    lost = [make_deposit(market, make_organisation()) for _ in range(losers)]
    with transaction.atomic():
        return services.open_trade(
            actor=market.maker,
            seller_id=seller.pk,
            buyer_id=market.buyer.pk,
            parcel_id=hold.parcel_id,
            rights_hold_id=hold.ledger_hold_id,
            quantity_g=4_048_000,
            price_fen_per_tonne=2_100_000,
            price_basis="TERM",
            years=5,
            ratio=100,
            need_confirmation_id=make_need(market.buyer).pk,
            deposit_hold_id=deposit.hold_id if deposit else None,
            losers=[services.LosingDeposit(d.payer_id, d.hold_id) for d in lost if d.hold_id],
            origin_type="test.auction",
            origin_id=next(_numbers),
            term_start=dt.date(2024, 1, 1),
            term_end=dt.date(2028, 12, 31),
            now=now,
        )


def after(now: dt.datetime, workdays_later: int) -> dt.datetime:
    """One minute past the end of that working day."""
    return workdays.deadline(now, workdays_later) + dt.timedelta(minutes=1)


def contracting(market: Market, **more: object) -> tuple[Trade, dt.datetime]:
    """A trade whose publicity is over; the contract lies ready."""
    trade = make_trade(market, **more)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    now = after(NOW, 5)
    services.close_publicity(case_id=trade.case_id, now=now)
    trade.refresh_from_db()
    return trade, now


def paying(market: Market, **more: object) -> tuple[Trade, dt.datetime]:
    """A trade with both signatures."""
    trade, now = contracting(market, **more)
    signers = [market.buyer_approver]
    signers.append(
        market.reserve_checker
        if trade.seller_id == market.reserve.pk
        else make_actor(trade.seller, "FIRM_APPROVER")
    )
    for actor in signers:
        services.sign_contract(
            actor=actor, number=trade.number, contract_digest=trade.contract_digest, now=now
        )
    trade.refresh_from_db()
    return trade, now


def paid(market: Market, **more: object) -> tuple[Trade, dt.datetime]:
    """A trade whose price lies in escrow."""
    trade, now = paying(market, **more)
    for instruction in PaymentInstruction.objects.filter(
        subject_id=trade.number, purpose=Purpose.PRICE, state="DUE"
    ):
        pay(market, instruction, now)
    trade.refresh_from_db()
    return trade, now


def delivered(market: Market, **more: object) -> tuple[Trade, dt.datetime]:
    """A trade with its certificate, delivered by two people."""
    trade, now = paid(market, **more)
    services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    services.propose_delivery(actor=market.maker, number=trade.number, now=now)
    services.approve_delivery(actor=market.checker, number=trade.number, now=now)
    trade.refresh_from_db()
    return trade, now
