"""`terrace index PRICES.csv --base zhejiang`: four sub-indices and the composite of every period (E9)."""

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import Any

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.table import read_table
from terrace.market.prices.rules import BASES, COLUMNS, Base, PeriodIndex, index_of, read_points
from terrace.site.cli import BadInput, Output, read_file, table

HELP = "price index of discharge rights: sub-indices and composite by period"
SIZE_MAX = 200_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prices", metavar="PRICES.csv", help=f"columns {','.join(COLUMNS)}")
    parser.add_argument("--base", choices=tuple(BASES), default="zhejiang", help="base prices and weights")


def run(options: argparse.Namespace) -> Output:
    base = BASES[options.base]
    try:
        points = read_points(read_table(read_file(options.prices, SIZE_MAX), options.prices, COLUMNS))
    except InputInvalid as refusal:
        raise BadInput(refusal.message(options.lang)) from None
    periods = index_of(points, base)
    data = {
        "base": base.name,
        "title_zh": base.title.zh,
        "title_en": base.title.en,
        "price_basis": "yuan per tonne and year",
        "base_prices": {name.value: str(price) for name, price in base.prices.items()},
        "weights": {name.value: str(weight) for name, weight in base.weights.items()},
        "weights_inferred": base.weights_inferred,
        "weights_note_zh": base.weights_from.zh,
        "weights_note_en": base.weights_from.en,
        "periods": [_period(each) for each in periods],
    }
    return Output(data, _readable(base, periods, options.lang))


def _period(each: PeriodIndex) -> dict[str, Any]:
    return {
        "period": each.period,
        "composite": _text(each.composite),
        **{name.value: _text(point) for name, point in each.points.items()},
        "missing": [name.value for name in each.missing],
        "quantities": {name.value: f"{quantity:f}" for name, quantity in each.quantities.items()},
        "outside_index": [name.value for name in each.quantities if name not in each.points],
    }


def _text(point: Decimal | None) -> str | None:
    return None if point is None else f"{point:.2f}"


def _readable(base: Base, periods: list[PeriodIndex], language: str) -> str:
    zh = language == "zh"
    head = ["时期" if zh else "period", "综合" if zh else "composite", *(name.value for name in base.prices)]
    rows = [head] + [
        [each.period, *(_text(point) or "—" for point in (each.composite, *each.points.values()))]
        for each in periods
    ]
    lines = [base.title.of(language), "", *table(rows, 1)]
    if any(each.missing for each in periods):
        lines.append(
            "—：该时期缺少该污染物均价；缺任一项则不计算综合指数。"
            if zh
            else "—: no average price in that period; without all of them there is no composite."
        )
    parts = " + ".join(f"{weight} {name.value}" for name, weight in base.weights.items())
    lines.append(f"{parts}；{base.weights_from.zh}" if zh else f"{parts}; {base.weights_from.en}")
    return "\n".join(lines)
