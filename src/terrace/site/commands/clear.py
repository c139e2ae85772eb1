"""`terrace clear BIDS.csv`: sealed bids cleared exactly, by every method and tie rule of interfaces.md."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.market.auctions.rules.bundle import DIGEST, canonical, make_bundle
from terrace.market.auctions.rules.clearing import (
    IfShort,
    Method,
    Outcome,
    PriceRule,
    Terms,
    Tie,
    TieNeedsTime,
    clear,
    read_bids,
)
from terrace.market.auctions.rules.clearing.columns import decode
from terrace.market.auctions.rules.clearing.terms import PRICE_PLACES_MAX, decimal_option
from terrace.site.cli import BadInput, Output, read_file, table

HELP = "clear sealed bids: uniform, pay-as-bid, Vickrey, top-share, descending"
SHOWN_MAX = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bids", metavar="BIDS.csv")
    parser.add_argument("--method", choices=[m.value for m in Method], default=Method.UNIFORM.value)
    parser.add_argument("--supply", metavar="Q", help="the quantity on sale (not needed for top-share)")
    parser.add_argument("--reserve", metavar="P", default="0", help="the lowest valid price")
    parser.add_argument("--lot", metavar="Q", help="quantities must be multiples of it")
    parser.add_argument(
        "--price-rule",
        choices=[r.value for r in PriceRule],
        default=PriceRule.LOWEST_ACCEPTED.value,
        help="uniform only",
    )
    parser.add_argument("--tie", choices=[t.value for t in Tie], default=Tie.TIME.value)
    parser.add_argument(
        "--seed", metavar="TEXT", default="", help="for random and the residual lots of pro-rata"
    )
    parser.add_argument("--if-short", choices=[s.value for s in IfShort], default=IfShort.SELL.value)
    parser.add_argument(
        "--bidder-cap", metavar="Q|N%", help="most that one bidder can get; in percent: of supply"
    )
    parser.add_argument(
        "--share", metavar="S", default="0.7", help="top-share: the part of the bidders that wins"
    )
    parser.add_argument("--years", metavar="N", default="1", help="amount = price x quantity x years")
    parser.add_argument(
        "--rounding", choices=["half-up"], default="half-up", help="to the cent, once per line"
    )
    parser.add_argument("--bundle", metavar="FILE", help="write the re-runnable bundle")


def run(options: argparse.Namespace) -> Output:
    # One pass over data without cycles: the collector would only walk a million rows again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _run(options)
    except TieNeedsTime as refusal:
        raise BadInput(
            f"{options.bids}: {refusal.message(options.lang)} {refusal.advice(options.lang)}"
        ) from None
    except Refusal as refusal:
        raise BadInput(f"{refusal.message(options.lang)} {refusal.advice(options.lang)}".strip()) from None
    finally:
        if collecting:
            gc.enable()


def _run(options: argparse.Namespace) -> Output:
    terms = _terms(options)
    if options.bundle is not None:
        _check_target(options.bundle, options.bids)
    bids = read_bids(decode(read_file(options.bids), options.bids), options.bids)
    outcome = clear(bids, terms)
    bundle = make_bundle(bids, terms, outcome)
    if options.bundle:
        write_whole(Path(options.bundle), canonical(bundle) + b"\n")
    data = {**bundle["outcome"], "seed_commitment": terms.seed_commitment, DIGEST: bundle[DIGEST]}
    return Output(data, "" if options.json else _readable(outcome, data, options.lang))


def _check_target(target: str, source: str) -> None:
    """A bundle is a file of its own: never the bids, a folder or a device. Raises BadInput."""
    try:
        path = Path(target)
        taken = path.exists() and (not path.is_file() or path.resolve() == Path(source).resolve())
    except (OSError, ValueError):
        taken = True
    if taken or not target.strip() or "\0" in target:
        raise BadInput(f"--bundle {target!r}: expected the name of a file of its own")


def _terms(options: argparse.Namespace) -> Terms:
    cap: dict[str, Any] = {}
    if options.bidder_cap is not None:
        text = options.bidder_cap.strip()
        percent = text.endswith(("%", "％"))
        cap["bidder_cap_percent" if percent else "bidder_cap"] = decimal_option(
            "--bidder-cap", text[:-1] if percent else text
        )
    years = options.years.strip()
    if not (years.isascii() and years.isdigit() and len(years) < 5):
        raise BadInput(f"--years {options.years!r}: expected a whole number")
    return Terms(
        method=Method(options.method),
        supply=None if options.supply is None else decimal_option("--supply", options.supply),
        reserve=decimal_option("--reserve", options.reserve, PRICE_PLACES_MAX),
        lot=None if options.lot is None else decimal_option("--lot", options.lot),
        price_rule=PriceRule(options.price_rule),
        tie=Tie(options.tie),
        seed=options.seed,
        if_short=IfShort(options.if_short),
        share=decimal_option("--share", options.share),
        years=int(years),
        **cap,
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises BadInput."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent or Path(), prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes private files; a bundle is meant to be published.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        if not isinstance(error, OSError):
            raise
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None


def _readable(outcome: Outcome, data: dict[str, Any], language: str) -> str:
    zh = language == "zh"
    words = (
        ("状态", "价格", "供应", "成交", "未售", "金额", "编号", "报价人", "数量", "单价", "金额", "未成交")
        if zh
        else (
            "status", "price", "supply", "sold", "unsold", "revenue",
            "bid_id", "bidder", "quantity", "price", "amount", "without award",
        )
    )  # fmt: skip
    lines = [
        f"{words[0]} {outcome.status} · {outcome.method.value} · {words[1]} {outcome.price or '—'}",
        f"{words[2]} {outcome.supply} · {words[3]} {outcome.sold} · {words[4]} {outcome.unsold} · {words[5]} {data['revenue']}",
        "",
    ]
    rows = [tuple(words[6:11])]
    rows += [tuple(a.as_dict().values()) for a in outcome.awards[:SHOWN_MAX]]
    lines += table(rows, 2)
    if len(outcome.awards) > SHOWN_MAX:
        lines.append(f"… {len(outcome.awards)} ({'其余见' if zh else 'the rest with'} --json)")
    if outcome.rejected:
        shown = ", ".join(f"{bid_id} ({reason.value})" for bid_id, reason in outcome.rejected[:10])
        lines.append(
            f"{words[11]}: {len(outcome.rejected)}: {shown}{'…' if len(outcome.rejected) > 10 else ''}"
        )
    lines.append(f"{DIGEST} {data[DIGEST]}")
    return "\n".join(lines)
