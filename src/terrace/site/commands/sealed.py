"""`terrace sealed BIDS.csv --preset P --supply Q`: the sealed form whole, with limits and bid guarantees (E8)."""

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.market.auctions.rules.clearing import TieNeedsTime, read_bids
from terrace.market.auctions.rules.clearing.columns import decode
from terrace.market.auctions.rules.clearing.terms import PLACES_MAX, PRICE_PLACES_MAX, decimal_option
from terrace.market.auctions.rules.modes import SEALED_MODES, Mode, mode_of
from terrace.market.auctions.rules.sealed import SealedResult, SealedTerms, read_limits, run_sealed
from terrace.market.auctions.rules.sealed.limits import COLUMNS
from terrace.site.cli import BadInput, Output, read_file, table

HELP = "a sealed auction whole: reject, cut to limits and guarantee, clear, report"
LIMITS_SIZE_MAX = 200_000_000
SHOWN_MAX = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bids", metavar="BIDS.csv", help="columns as for `terrace clear`")
    parser.add_argument("--preset", choices=SEALED_MODES, required=True, help="the rules of which place")
    parser.add_argument("--supply", required=True, metavar="Q", help="the quantity on sale")
    parser.add_argument("--reserve", metavar="P", default="0", help="the lowest valid price")
    parser.add_argument("--lot", metavar="Q", help="instead of the lot of the preset")
    parser.add_argument(
        "--limits",
        metavar="LIMITS.csv",
        help=f"columns {','.join(COLUMNS)}; an empty cell is no limit, purchase_limit may be N%% of supply; "
        "who is not in it is not admitted",
    )
    parser.add_argument(
        "--seed", metavar="TEXT", default="", help="for random and the residual lots of pro-rata"
    )
    parser.add_argument("--years", metavar="N", default="1", help="amount = price x quantity x years")


def run(options: argparse.Namespace) -> Output:
    try:
        mode = mode_of(options.preset)
        result = _result(options, mode)
    except TieNeedsTime as refusal:
        raise BadInput(f"{options.bids}: {refusal.message(options.lang)}") from None
    except Refusal as refusal:
        raise BadInput(f"{refusal.message(options.lang)} {refusal.advice(options.lang)}".strip()) from None
    data = {
        "preset": mode.name,
        "mark": mode.mark.value,
        "sources": {
            name: {
                "mark": mode.source(name).mark.value,
                "zh": mode.source(name).clause.zh,
                "en": mode.source(name).clause.en,
            }
            for name in mode.fields_set()
        },
        "terms": _terms_data(result.terms),
        **result.as_dict(),
        "seed_commitment": result.terms.clearing.seed_commitment,
    }
    return Output(data, "" if options.json else _readable(result, mode, data, options.lang))


def _result(options: argparse.Namespace, mode: Mode) -> SealedResult:
    terms = _terms(options, mode)
    # Fractions of a cent are a rejected bid here, not an unreadable file.
    bids = read_bids(decode(read_file(options.bids), options.bids), options.bids, PLACES_MAX)
    limits = None
    if options.limits is not None:
        limits = read_limits(read_file(options.limits, LIMITS_SIZE_MAX), options.limits)
    return run_sealed(bids, terms, limits)


def _terms(options: argparse.Namespace, mode: Mode) -> SealedTerms:
    years = options.years.strip()
    if not (years.isascii() and years.isdigit() and len(years) < 5):
        raise BadInput(f"--years {options.years!r}: expected a whole number")
    return mode.sealed_terms(
        supply=decimal_option("--supply", options.supply),
        reserve=decimal_option("--reserve", options.reserve, PRICE_PLACES_MAX),
        lot=None if options.lot is None else decimal_option("--lot", options.lot),
        seed=options.seed,
        years=int(years),
    )


def _terms_data(terms: SealedTerms) -> dict[str, Any]:
    def plain(value: Decimal | None) -> str | None:
        return None if value is None else f"{value.normalize():f}"

    return {
        **terms.clearing.as_dict(),
        "bid_minimum": plain(terms.bid_minimum),
        "purchase_percent": plain(terms.purchase_percent),
    }


def _readable(result: SealedResult, mode: Mode, data: dict[str, Any], language: str) -> str:
    zh = language == "zh"
    words = (
        ("状态", "价格", "供应", "成交", "未售", "金额", "合格报价", "为供应的", "收到", "报价分布", "报价人", "数量", "金额", "价格", "家数", "数量", "累计", "剔除与削减")
        if zh
        else (
            "status", "price", "supply", "sold", "unsold", "revenue", "qualified bids", "times supply", "received",
            "distribution", "bidder", "quantity", "amount", "price", "bidders", "quantity", "cumulative",
            "rejected, cut and moved",
        )
    )  # fmt: skip
    outcome = result.outcome
    lines = [
        mode.title.of(language),
        f"{words[0]} {outcome.status} · {outcome.method.value} · {words[1]} {outcome.price or '—'}",
        f"{words[2]} {outcome.supply} · {words[3]} {outcome.sold} · {words[4]} {outcome.unsold} · {words[5]} {data['revenue']}",
        f"{words[6]} {data['qualified']} · {result.cover_ratio} {words[7]} ({words[8]} {data['submitted']} · {result.submitted_ratio})",
        "",
    ]
    if result.winners:
        won = [tuple(winner.values()) for winner in data["winners"][:SHOWN_MAX]]
        lines += [*table([words[10:13], *won], 1), *_more(len(result.winners), zh), ""]
    if result.steps:
        lines.append(f"{words[9]}: {result.lowest} – {result.median} – {result.highest} (⌀ {result.mean})")
        steps = [tuple(map(str, step.values())) for step in data["distribution"]["steps"][:SHOWN_MAX]]
        lines += [*table([words[13:17], *steps], 0), *_more(len(result.steps), zh), ""]
    if result.qualified.findings:
        lines.append(f"{words[17]}: {len(result.qualified.findings)}")
        lines += [f"  {f.bid_id}: {f.text.of(language)}" for f in result.qualified.findings[:SHOWN_MAX]]
        lines += _more(len(result.qualified.findings), zh)
    return "\n".join(lines).rstrip()


def _more(count: int, zh: bool) -> list[str]:
    return [f"… {count} ({'其余见' if zh else 'the rest with'} --json)"] if count > SHOWN_MAX else []
