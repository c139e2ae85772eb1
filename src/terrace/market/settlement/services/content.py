"""What papers and notices print: plain values in both languages, built from a trade."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

from django.conf import settings

from terrace.kernel.base import clock
from terrace.kernel.base.quantity import Money, Price
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.market.settlement import queries
from terrace.market.settlement.models import AccountPurpose, Certificate, Trade
from terrace.market.settlement.procedures import CONTRACT_WORKDAYS, PAYMENT_WORKDAYS, PERMIT_WORKDAYS
from terrace.market.settlement.rules import certificates
from terrace.market.settlement.rules.amounts import (
    amount_in_words,
    date_in_words,
    date_label,
    number_in_words,
    ratio_label,
    rest_to_pay,
)
from terrace.market.settlement.rules.words import ReissueCause
from terrace.market.settlement.services.payments import account_of_record

Pair = dict[str, str]


def pair(text: Text) -> Pair:
    """Both languages for a paper; subscripts become plain digits, which the font has."""
    return {"zh": text.zh, "en": unicodedata.normalize("NFKC", text.en)}


def _party(organisation: Organisation) -> dict[str, str]:
    return {
        "name": organisation.name,
        "name_en": organisation.name_en,
        "credit_code": organisation.credit_code,
    }


def _issuer(trade: Trade) -> Organisation:
    """The trading institution: the holder of the settlement account."""
    return account_of_record(AccountPurpose.ESCROW, trade.city).organisation


def _common(trade: Trade, now: dt.datetime) -> dict[str, Any]:
    issuer = _issuer(trade)
    term = Text(
        f"{date_label(trade.term_start).zh}至{date_label(trade.term_end).zh}（{trade.years}年）",
        f"{date_label(trade.term_start).en} to {date_label(trade.term_end).en} ({trade.years} years)",
    )
    return {
        "number": trade.number,
        "issuer": {"name": issuer.name, "name_en": issuer.name_en or issuer.name},
        "synthetic": trade.buyer.is_synthetic or trade.seller.is_synthetic,
        "seller": _party(trade.seller),
        "buyer": _party(trade.buyer),
        "pollutant": pair(trade.quantity.pollutant.label),
        "quantity": pair(trade.quantity.label()),
        "price": pair(trade.price.label()),
        "amount": pair(trade.amount.label()),
        "amount_words": f"人民币{amount_in_words(trade.amount_fen)}",
        "term": pair(term),
        "region": pair(queries.region_label(trade.region)),
        "source": pair(queries.source_label(trade.source)),
        "ratio": ratio_label(trade.ratio_hundredths),
        "issued_on": pair(date_in_words(clock.local(now).date())),
        "check_url": f"{_base()}/results/{trade.number}/",
        "check_address": f"{_base()}/results/{trade.number}/",
    }


def _base() -> str:
    return str(settings.TERRACE_PUBLIC_URL).rstrip("/")


def award(trade: Trade, now: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    """The notice of award."""
    end = clock.local(until)
    steps = (
        Text(
            f"一、成交结果公示至{end:%Y年%m月%d日 %H:%M}。公示期间有异议的，暂停办理后续手续。",
            f"1. The result is public until {end:%Y-%m-%d %H:%M}. An objection suspends the next steps.",
        ),
        Text(
            f"二、公示期满后{CONTRACT_WORKDAYS}个工作日内，请登录平台签署交易合同；逾期不签的，保证金不予退还。",
            f"2. Sign the contract on the platform within {CONTRACT_WORKDAYS} working days after the publicity; otherwise the deposit is forfeited.",
        ),
        Text(
            f"三、合同签订后{PAYMENT_WORKDAYS}个工作日内付清价款，已交保证金抵作价款。请从本单位账户付款，附言只写缴款码。",
            f"3. Pay within {PAYMENT_WORKDAYS} working days after signing; the deposit counts as price. Pay from your own account and write only the reference code.",
        ),
    )
    return _common(trade, now) | {"next": [pair(step) for step in steps]}


def contract(trade: Trade) -> dict[str, Any]:
    """The contract: its figures and its clauses."""
    deposit = trade.deposit.amount_fen if trade.deposit is not None else 0
    counted, rest = rest_to_pay(trade.amount_fen, deposit)
    return _common(trade, trade.awarded_at) | {
        "deposit": pair(Money(counted).label()),
        "rest": pair(Money(rest).label()),
        "clauses": [
            {
                "ordinal": {"zh": number_in_words(place)},
                "title": pair(title),
                "text": pair(text),
            }
            for place, (title, text) in enumerate(_clauses(trade, rest), start=1)
        ],
    }


def _clauses(trade: Trade, rest: int) -> list[tuple[Text, Text]]:
    """The articles. The seller of a reserve lot is the reserve body, whose income is the treasury's."""
    amount, due = trade.amount.label(), Money(rest).label()
    quantity = trade.quantity.label()
    return [
        (
            Text("标的", "Subject"),
            Text(
                f"甲方将上表所列排污权（{trade.quantity.pollutant.label.zh}{quantity.zh}）转让给乙方。数量为每年允许排放量，使用期限以上表为准。",
                f"The seller transfers to the buyer the right stated above ({trade.quantity.pollutant.label.en}, {quantity.en}). The quantity is a yearly allowance for the term stated.",
            ),
        ),
        (
            Text("价款", "Price"),
            Text(
                f"单价{trade.price.label().zh}，总价{amount.zh}（人民币{amount_in_words(trade.amount_fen)}）。",
                f"The unit price is {trade.price.label().en}, the total {amount.en}.",
            ),
        ),
        (
            Text("付款", "Payment"),
            Text(
                f"乙方已交保证金自合同生效起抵作价款，尚应支付{due.zh}，于合同签订之日起{PAYMENT_WORKDAYS}个工作日内从本单位账户一次付至交易结算专户。",
                f"The deposit counts as price. The remaining {due.en} is paid at once from the buyer's own account into the settlement account within {PAYMENT_WORKDAYS} working days of signing.",
            ),
        ),
        (
            Text("鉴证与交割", "Certificate and delivery"),
            Text(
                "价款付清后，交易机构出具排污权交易鉴证书，交易自鉴证书出具之日起生效，并于当日办理排污权交割。",
                "When the price is paid in full the trading institution issues the certificate. The trade takes effect on its issue and the right is delivered the same day.",
            ),
        ),
        (
            Text("许可证变更", "Change of permit"),
            Text(
                f"乙方凭鉴证书于{PERMIT_WORKDAYS}个工作日内办理排污许可证变更；变更前不得按所购数量排放。",
                f"With the certificate the buyer has the permit changed within {PERMIT_WORKDAYS} working days and does not emit the quantity bought before that.",
            ),
        ),
        (
            Text("用途与限制", "Use and limits"),
            Text(
                "所购排污权仅用于经确认的建设项目；取得排污权不免除依法缴纳环境保护税及履行其他环保义务的责任。",
                "The right serves only the project for which the need was confirmed. It frees from neither environmental tax nor any other duty of environmental law.",
            ),
        ),
        (
            Text("违约责任", "Default"),
            Text(
                "乙方逾期不付款的，保证金不予退还并上缴国库，甲方可另行出让；甲方违约的，全额退还乙方已付款项。",
                "If the buyer does not pay in time the deposit is forfeited to the treasury and the seller may sell again. If the seller defaults, everything paid is returned to the buyer.",
            ),
        ),
        (
            Text("争议", "Disputes"),
            Text(
                "因本合同发生争议，双方协商解决；协商不成的，依法向有管辖权的人民法院提起诉讼。",
                "The parties settle disputes by agreement, failing which by the competent people's court.",
            ),
        ),
        (
            Text("签署", "Signing"),
            Text(
                "本合同以电子方式签署，双方电子签名对应本文件的摘要值，与书面合同具有同等效力。",
                "The contract is signed electronically. Both signatures refer to the digest of this file and have the effect of a written contract.",
            ),
        ),
    ]


def certificate_facts(trade: Trade, number: str, now: dt.datetime) -> dict[str, Any]:
    """The machine-readable facts inside the certificate. Quantities and amounts are exact texts."""
    issuer = _issuer(trade)
    price: Price = trade.price
    return {
        "schema": certificates.SCHEMA,
        "number": number,
        "trade_number": trade.number,
        "issued_at": clock.local(now).isoformat(timespec="seconds"),
        "city": trade.city,
        "issuer": {"name": issuer.name, "credit_code": issuer.credit_code},
        "seller": {"name": trade.seller.name, "credit_code": trade.seller.credit_code},
        "buyer": {"name": trade.buyer.name, "credit_code": trade.buyer.credit_code},
        "pollutant": trade.pollutant,
        "quantity_t_per_year": trade.quantity.tonnes_text().replace(",", ""),
        "price_yuan_per_tonne": str(Money(price.fen_per_tonne).yuan),
        "price_basis": price.basis.value,
        "years": trade.years,
        "amount_yuan": trade.amount.yuan_text().replace(",", ""),
        "region": trade.region,
        "source": trade.source,
        "ratio": ratio_label(trade.ratio_hundredths),
        "term_start": trade.term_start.isoformat(),
        "term_end": trade.term_end.isoformat(),
        "contract_sha256": trade.contract_digest,
        "check_url": f"{_base()}/certificates/{number}/",
        "synthetic": trade.buyer.is_synthetic or trade.seller.is_synthetic,
    }


def reissue_facts(trade: Trade, old: Certificate, cause: str) -> dict[str, Any]:
    """What a certificate says more when it stands in place of an earlier one. The trade took effect with the first."""
    return {
        "version": old.version + 1,
        "replaces": old.number,
        "reissue_cause": cause,
        "effective_since": clock.local(trade.certified_at or old.issued_at).isoformat(timespec="seconds"),
    }


def _replacing(trade: Trade, facts: dict[str, Any]) -> Pair:
    """The line on a certificate that was issued again; empty on a first one."""
    if "replaces" not in facts or trade.certified_at is None:
        return {"zh": "", "en": ""}
    since = clock.local(trade.certified_at).date()
    cause = ReissueCause(facts["reissue_cause"]).label
    return pair(
        Text(
            f"第{facts['version']}版（{cause.zh}）：替代{facts['replaces']}，原件不再有效；交易自{date_label(since).zh}起生效。",
            f"Version {facts['version']} ({cause.en}): in place of {facts['replaces']}, which is no longer valid; the trade has been in effect since {date_label(since).en}.",
        )
    )


def certificate(trade: Trade, number: str, facts: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """What the certificate prints; the QR code leads to its public check and carries the start of the facts' digest."""
    digest = certificates.digest_of(facts)
    deposit = trade.deposit.amount_fen if trade.deposit is not None else 0
    counted, _ = rest_to_pay(trade.amount_fen, deposit)
    paid = Text("一次付清", "Paid in full at once")
    if counted:
        paid = Text(
            f"一次付清（其中保证金 {Money(counted).label().zh} 抵作价款）",
            f"Paid in full at once (deposit of {Money(counted).label().en} counted as price)",
        )
    return _common(trade, now) | {
        "number": number,
        "trade_number": trade.number,
        "contract_digest": trade.contract_digest,
        "facts_digest": digest,
        "payment": pair(paid),
        "replacing": _replacing(trade, facts),
        "check_url": f"{_base()}/certificates/{number}/?d={digest[:16]}",
        "check_address": f"{_base()}/certificates/check/",
    }


def public_result(trade: Trade) -> dict[str, Any]:
    """A result as a public notice shows it: names after the close, price with its basis."""
    return {
        "number": trade.number,
        "seller": trade.seller.name,
        "buyer": trade.buyer.name,
        "pollutant": pair(trade.quantity.pollutant.label),
        "quantity": pair(trade.quantity.label()),
        "price": pair(trade.price.label()),
        "amount": pair(trade.amount.label()),
        "years": trade.years,
        "region": pair(queries.region_label(trade.region)),
        "ratio": ratio_label(trade.ratio_hundredths),
        "awarded_at": clock.local(trade.awarded_at).isoformat(timespec="seconds"),
        "synthetic": trade.buyer.is_synthetic or trade.seller.is_synthetic,
    }
