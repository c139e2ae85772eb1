"""`terrace settle --quantity 8.074 --price 6000 --basis per-year --years 5`: what a purchase costs, and its deposit."""

from __future__ import annotations

import argparse
from decimal import Decimal

from terrace.kernel.base.errors import InputInvalid, Refusal
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks.rules import deposit_preset
from terrace.market.rulebooks.rules.deposits import deposit_presets
from terrace.site.cli import BadInput, Output

HELP = "amount and deposit of a purchase; repeat --quantity and --price for several lines"
BASES = {"per-year": PriceBasis.PER_YEAR, "term": PriceBasis.TERM}
YEARS_MAX = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quantity", action="append", required=True, metavar="T", help="tonnes per year")
    parser.add_argument("--price", action="append", required=True, metavar="YUAN", help="yuan per tonne")
    parser.add_argument(
        "--basis",
        choices=tuple(BASES),
        required=True,
        help="per-year: times the years; term: once for the term",
    )
    parser.add_argument("--years", default="5", metavar="N", help="years of the term (5)")
    names = ", ".join(preset.name for preset in deposit_presets())
    parser.add_argument("--preset", default="liaocheng", metavar="PLACE", help=f"deposit rule: {names}")


def run(options: argparse.Namespace) -> Output:
    if len(options.quantity) != len(options.price):
        raise BadInput("expected as many --price as --quantity")
    if (
        not options.years.isascii()
        or not options.years.isdigit()
        or not 1 <= int(options.years[:9]) <= YEARS_MAX
    ):
        raise BadInput(f"--years {options.years!r}: expected a whole number from 1 to {YEARS_MAX}")
    years, basis = int(options.years), BASES[options.basis]
    lines = []
    amount, deposit = Money(0), Money(0)
    try:
        preset = deposit_preset(options.preset)
        for quantity_text, price_text in zip(options.quantity, options.price, strict=True):
            # The amount does not depend on the pollutant; the quantity type carries one.
            quantity = Quantity.from_tonnes(
                Pollutant.COD, quantity_text, where=Text("--quantity", "--quantity")
            )
            price = Price.from_yuan(price_text, basis, years, where=Text("--price", "--price"))
            cost, part = price.amount(quantity), preset.deposit(price, quantity)
            amount, deposit = amount + cost, deposit + part
            lines.append((quantity, price, cost, part))
    except InputInvalid as refusal:
        raise BadInput(refusal.message(options.lang)) from None
    except Refusal as refusal:
        raise BadInput(f"--preset: {refusal.message(options.lang)}") from None
    data = {
        "amount": _plain(amount),
        "deposit": _plain(deposit),
        "basis": options.basis,
        "years": years,
        "preset": preset.name,
        "deposit_rule_zh": preset.text.zh,
        "deposit_rule_en": preset.text.en,
        "deposit_clause": preset.clause,
        "deposit_proposed": preset.proposed,
        "lines": [
            {"quantity": str(q.tonnes), "price": str(_yuan(p)), "amount": _plain(c), "deposit": _plain(d)}
            for q, p, c, d in lines
        ],
    }
    words = ("合计", "保证金") if options.lang == "zh" else ("total", "deposit")
    text = [
        f"{q.label().of(options.lang)} × {p.label().of(options.lang)} = {c.label().of(options.lang)}"
        for q, p, c, _ in lines
    ]
    text.append(f"{words[0]} {amount.label().of(options.lang)}")
    text.append(
        f"{words[1]} {deposit.label().of(options.lang)} ({preset.text.of(options.lang)}; {preset.basis.of(options.lang)})"
    )
    return Output(data, "\n".join(text))


def _plain(money: Money) -> str:
    return f"{money.yuan:.2f}"


def _yuan(price: Price) -> Decimal:
    return Decimal(price.fen_per_tonne) / 100
