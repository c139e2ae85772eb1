"""`terrace verify-certificate FILE [--trust CERT.pem]`: is this certificate exactly what was signed?

Needs no server, no database and no network. Exit code 0 valid, 1 invalid, 2 unreadable.
"""

from __future__ import annotations

import argparse
from typing import Any

from terrace.kernel.base.texts import Text
from terrace.site.cli import BadInput, Output, read_file

HELP = "check the signature of a transaction certificate (PDF), offline"
SIZE_MAX = 100_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the certificate, as it was downloaded")
    parser.add_argument(
        "--trust", metavar="CERT.pem", help="the signer's certificate as the platform publishes it"
    )


def run(options: argparse.Namespace) -> Output:
    from terrace.market.settlement.rules import certificates

    content = read_file(options.file, SIZE_MAX, text=False)
    trust = read_file(options.trust, SIZE_MAX, text=False) if options.trust else None
    try:
        check = certificates.check_file(content, trust)
    except certificates.Unreadable as error:
        raise BadInput(f"{options.file}: {error.reason.of(options.lang)}") from error
    except ValueError as error:
        message = Text("不是PEM或DER格式的证书", "not a certificate in PEM or DER form")
        raise BadInput(f"{options.trust}: {message.of(options.lang)}") from error
    return Output(_data(check, options.lang), _text(check, options.lang), 0 if check.valid else 1)


def _data(check: Any, lang: str) -> dict[str, Any]:
    return {
        "status": "valid" if check.valid else "invalid",
        "trusted": check.trusted,
        "number": check.number,
        "file_sha256": check.file_digest,
        "facts_sha256": check.facts_digest,
        "signer": check.signer,
        "signer_sha256": check.signer_fingerprint,
        "signed_at": check.signed_at,
        "findings": [{"code": f.code, "passed": f.passed, "text": f.text.of(lang)} for f in check.findings],
        "facts": check.facts,
    }


_LABELS = {
    "number": Text("编号", "Number"),
    "trade_number": Text("交易编号", "Trade"),
    "issued_at": Text("签发时间", "Issued"),
    "seller": Text("出让方", "Seller"),
    "buyer": Text("受让方", "Buyer"),
    "pollutant": Text("污染物", "Pollutant"),
    "quantity_t_per_year": Text("数量（吨/年）", "Quantity (t/yr)"),
    "price_yuan_per_tonne": Text("单价（元/吨）", "Price (CNY per tonne)"),
    "price_basis": Text("计价方式", "Price basis"),
    "years": Text("年数", "Years"),
    "amount_yuan": Text("金额（元）", "Amount (CNY)"),
    "region": Text("区域", "Region"),
    "source": Text("来源", "Source"),
    "ratio": Text("替代比例", "Replacement ratio"),
    "term_start": Text("起始日", "From"),
    "term_end": Text("截止日", "Until"),
}


def _text(check: Any, lang: str) -> str:
    verdict = Text("有效", "VALID") if check.valid else Text("无效", "INVALID")
    marks = {True: "✓", False: "✗", None: "?"}
    lines = [f"{verdict.of(lang)}  {check.number}".rstrip()]
    lines += [f"  {marks[f.passed]} {f.text.of(lang)}" for f in check.findings]
    for key, label in _LABELS.items():
        if key in check.facts:
            value = check.facts[key]
            shown = value.get("name", "") if isinstance(value, dict) else value
            lines.append(f"  {label.of(lang)}: {shown}")
    lines.append(f"  SHA-256: {check.file_digest}")
    if check.signer:
        lines.append(f"  {Text('签名人', 'Signer').of(lang)}: {check.signer}")
        lines.append(f"  {Text('签名证书指纹', 'Signer fingerprint').of(lang)}: {check.signer_fingerprint}")
    return "\n".join(lines)
