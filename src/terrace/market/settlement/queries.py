"""Reads of settlement: trades, results, instructions, statements and what a public check may show."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from terrace.kernel.base import clock
from terrace.kernel.base.quantity import Money, Pollutant
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import queries as documents
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.orgs.models import Organisation
from terrace.market.rights.rules import Basin, RightSource
from terrace.market.settlement.models import (
    BankLine,
    Certificate,
    InstructionState,
    Objection,
    PaymentInstruction,
    Purpose,
    SettlementAccount,
    StatementImport,
    Trade,
)
from terrace.market.settlement.rules import references, statements

BundleLink = Callable[[str], str]
_bundle_links: dict[str, BundleLink] = {}


def register_bundle_link(origin_type: str, link: BundleLink) -> None:
    """Say where the re-runnable bundle of a result lies: `link(origin_id) -> address` ("" when there is none).

    Called by the context that found the price, in AppConfig.ready().
    """
    _bundle_links[origin_type] = link


def bundle_link(trade: Trade) -> str:
    """The address of the bundle that proves this result, or an empty text."""
    link = _bundle_links.get(trade.origin_type)
    return link(trade.origin_id) if link is not None else ""


def region_label(code: str) -> Text:
    """A basin or the city in words."""
    try:
        return Basin(code).label
    except ValueError:
        return {"371500": Text("聊城市", "Liaocheng")}.get(code, Text(code, code))


def source_label(code: str) -> Text:
    return RightSource(code).label


def results(*, pollutant: str = "", year: int | None = None) -> QuerySet[Trade]:
    """Published results, newest first: only what has been publicised is public (names after the close)."""
    found = Trade.objects.filter(publicised_at__isnull=False).select_related("seller", "buyer", "case")
    if pollutant:
        found = found.filter(pollutant=pollutant)
    if year is not None:
        start = clock.at_local(dt.date(year, 1, 1))
        end = clock.at_local(dt.date(year + 1, 1, 1))
        found = found.filter(awarded_at__gte=start, awarded_at__lt=end)
    return found.order_by("-awarded_at", "-id")


def result_of(number: str) -> Trade | None:
    """One published result by the trade's number."""
    return (
        Trade.objects.filter(publicised_at__isnull=False)
        .select_related("seller", "buyer", "case")
        .filter(number=number)
        .first()
    )


def result_row(trade: Trade) -> dict[str, Any]:
    """A result as open data: exact decimals as texts, price always with its basis."""
    return {
        "number": trade.number,
        "awarded_at": clock.local(trade.awarded_at).isoformat(timespec="seconds"),
        "pollutant": trade.pollutant,
        "quantity_t_per_year": trade.quantity.tonnes_text().replace(",", ""),
        "price_yuan_per_tonne": str(Money(trade.price_fen_per_tonne).yuan),
        "price_basis": trade.price_basis,
        "years": trade.years,
        "amount_yuan": trade.amount.yuan_text().replace(",", ""),
        "seller": trade.seller.name,
        "buyer": trade.buyer.name,
        "region": trade.region,
        "term_start": trade.term_start.isoformat(),
        "term_end": trade.term_end.isoformat(),
        "state": trade.case.state,
        "outcome": trade.outcome,
        "bundle": bundle_link(trade),
        "synthetic": trade.buyer.is_synthetic,
    }


def instructions_of(subject_type: str, subject_id: object) -> QuerySet[PaymentInstruction]:
    """What was asked for one subject, oldest first."""
    return (
        PaymentInstruction.objects.filter(subject_type=subject_type, subject_id=str(subject_id))
        .select_related("payer", "payee", "paid_line")
        .order_by("id")
    )


def suspense_lines() -> QuerySet[BankLine]:
    """Money that came and belongs to nobody yet, the oldest first."""
    return BankLine.objects.filter(state="SUSPENSE").select_related("statement").order_by("booked_on", "id")


def open_account(purpose: str, city: str) -> SettlementAccount | None:
    """The bank account of record for a purpose."""
    return (
        SettlementAccount.objects.select_related("organisation")
        .filter(city=city, purpose=purpose, until__isnull=True)
        .first()
    )


def accounts_of_record(city: str) -> QuerySet[SettlementAccount]:
    """Every account of record, those in use first, then the newest."""
    return (
        SettlementAccount.objects.filter(city=city)
        .select_related("organisation")
        .order_by(F("until").desc(nulls_first=True), "purpose", "-id")
    )


def open_on_account(account: SettlementAccount) -> QuerySet[PaymentInstruction]:
    """Unpaid instructions that name this account: a change does not touch them."""
    return PaymentInstruction.objects.filter(
        city=account.city, state=InstructionState.DUE, payee_account_no=account.account_no
    )


def open_on_former_accounts(city: str) -> QuerySet[PaymentInstruction]:
    """Unpaid instructions that name an account which is no longer of record, the earliest due first."""
    accounts = SettlementAccount.objects.filter(city=city)
    current = accounts.filter(until__isnull=True).values("account_no")
    former = accounts.filter(until__isnull=False).exclude(account_no__in=current).values("account_no")
    return (
        PaymentInstruction.objects.filter(city=city, state=InstructionState.DUE, payee_account_no__in=former)
        .select_related("payer")
        .order_by("due_at", "id")
    )


def open_objections() -> QuerySet[Objection]:
    return Objection.objects.filter(state="OPEN").select_related("trade__buyer", "trade__case").order_by("id")


def certificate_by_number(number: str) -> Certificate | None:
    return (
        Certificate.objects.select_related("trade__seller", "trade__buyer", "document", "replaces")
        .filter(number=number.strip().upper())
        .first()
    )


def certificate_by_digest(file_digest: str) -> Certificate | None:
    return (
        Certificate.objects.select_related("trade__seller", "trade__buyer", "document", "replaces")
        .filter(file_digest=file_digest)
        .first()
    )


def replaced_by(certificate: Certificate) -> Certificate | None:
    """The certificate that stands in place of this one."""
    return Certificate.objects.filter(replaces=certificate).first()


def certificates_of(trade: Trade) -> QuerySet[Certificate]:
    """Every certificate of a trade, the first one first."""
    return Certificate.objects.filter(trade=trade).order_by("id")


def masked(name: str) -> str:
    """A firm's name as the check of a certificate shows it: enough to compare, not enough to list firms."""
    return name if len(name) <= 4 else f"{name[:2]}{'*' * (len(name) - 4)}{name[-2:]}"


def checked_facts(certificate: Certificate) -> list[tuple[Text, object]]:
    """What the public check shows of a certificate: amounts and terms in full, names masked."""
    trade = certificate.trade
    return [
        (Text("出让方", "Seller"), masked(trade.seller.name)),
        (Text("受让方", "Buyer"), masked(trade.buyer.name)),
        (Text("污染物指标", "Pollutant"), Pollutant(trade.pollutant).label),
        (Text("数量", "Quantity"), trade.quantity.label()),
        (Text("成交单价", "Unit price"), trade.price.label()),
        (Text("成交金额", "Amount"), trade.amount.label()),
        (
            Text("使用期限", "Term"),
            Text(
                f"{trade.term_start.isoformat()} 至 {trade.term_end.isoformat()}",
                f"{trade.term_start.isoformat()} to {trade.term_end.isoformat()}",
            ),
        ),
    ]


@dataclass(frozen=True, slots=True)
class StatementReview:
    """What a statement would do if it were confirmed now."""

    judged: tuple[statements.Judged, ...]
    digest: str

    def count(self, *findings: statements.Finding) -> int:
        return sum(1 for item in self.judged if item.finding in findings)


def review_file(content: bytes, filename: str, city: str) -> StatementReview:
    """Read and judge a statement file against the books as they are. Raises NotAStatement. Three queries."""
    return judge_lines(statements.read(content, filename), city)


def review_statement(statement: StatementImport) -> StatementReview:
    """The same for an uploaded statement that waits for its confirmation."""
    return review_file(documents.read_content(statement.document), statement.filename, statement.city)


def judge_lines(lines: Sequence[statements.Line], city: str) -> StatementReview:
    """Findings of the lines with the books as they are, and the digest of what is shown."""
    codes = {code for line in lines for code in references.find_in(line.remark)[0]}
    asked = {i.reference: asked_of(i) for i in _instructions_by_code(codes)}
    serials = {line.bank_serial for line in lines if line.bank_serial}
    booked = frozenset(
        BankLine.objects.filter(city=city, bank_serial__in=serials).values_list("bank_serial", flat=True)
    )
    judged = tuple(statements.judge(lines, asked=asked, booked=booked))
    shown = [
        (j.line.row, j.line.bank_serial, j.line.amount_fen, j.finding.value, j.asked and j.asked.reference)
        for j in judged
    ]
    return StatementReview(judged, hashlib.sha256(json.dumps(shown).encode()).hexdigest())


def _instructions_by_code(codes: set[str]) -> QuerySet[PaymentInstruction]:
    return PaymentInstruction.objects.filter(reference__in=codes).select_related("payer", "payee")


def asked_of(instruction: PaymentInstruction) -> statements.Asked:
    """An instruction as a bank line is compared with it."""
    payer: Organisation = instruction.payer
    return statements.Asked(
        instruction_id=instruction.pk,
        reference=instruction.reference,
        purpose=instruction.purpose,
        state=instruction.state,
        amount_fen=instruction.amount_fen,
        payer_name=payer.name if instruction.is_incoming else instruction.payee_account_name,
        payer_account=payer.bank_account_no,
        payee_account=instruction.payee_account_no,
        due_on=clock.local(instruction.due_at).date(),
    )


def line_of(line: BankLine) -> statements.Line:
    """A booked line as it was read."""
    return statements.Line(
        row=line.row_number,
        bank_serial=line.bank_serial,
        booked_on=line.booked_on,
        direction=line.direction,
        amount_fen=line.amount_fen,
        other_account=line.other_account_no,
        other_name=line.other_name,
        remark=line.remark,
    )


def open_incoming() -> QuerySet[PaymentInstruction]:
    """Instructions that money from suspense could still pay."""
    return (
        PaymentInstruction.objects.filter(state="DUE", purpose__in=[Purpose.DEPOSIT, Purpose.PRICE])
        .select_related("payer")
        .order_by("id")
    )


def booked_lines(statement: StatementImport) -> QuerySet[BankLine]:
    """What a confirmed statement booked, in the order of the file."""
    return BankLine.objects.filter(statement=statement).order_by("row_number")


def ledger_entries(trade: Trade) -> list[Any]:
    """Everything this trade moved in the ledger, oldest first: deposit, price, delivery, payout. Three queries."""
    entries = list(ledger.entries_of("settlement.trade", trade.number))
    if trade.deposit is not None:
        entries += ledger.entries_of(trade.deposit.subject_type, trade.deposit.subject_id)
    if trade.delivered_parcel is not None:
        entries += ledger.entries_of("parcel", trade.parcel_id).filter(
            pk=trade.delivered_parcel.ledger_entry_id
        )
    return sorted(entries, key=lambda entry: entry.pk)
