"""`terrace abate FIRMS.csv --cap Q`: the cheapest way to keep a cap, its market price, and what an equal cut costs."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import Any

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import read_decimal
from terrace.kernel.base.table import read_table
from terrace.kernel.base.texts import Text
from terrace.market.abatement.rules import (
    COLUMNS,
    PLACES_MAX,
    Firm,
    Plan,
    exact,
    least_cost,
    read_firms,
    shown,
)
from terrace.site.cli import BadInput, Output, read_file, table

HELP = "least-cost abatement under a cap, market price, cost of an equal-percentage cut"
SIZE_MAX = 200_000_000
SHOWN_MAX = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "firms",
        metavar="FIRMS.csv",
        help=f"columns {','.join(COLUMNS)}: tonnes a year, tonnes a year, yuan per tonne; several rows a firm",
    )
    parser.add_argument("--cap", required=True, metavar="Q", help="emissions allowed together, tonnes a year")


def run(options: argparse.Namespace) -> Output:
    try:
        where = Text("--cap", "--cap")
        cap = Fraction(read_decimal(options.cap, where=where, places_max=PLACES_MAX))
        firms = read_firms(read_table(read_file(options.firms, SIZE_MAX), options.firms, COLUMNS))
    except InputInvalid as refusal:
        raise BadInput(refusal.message(options.lang)) from None
    if cap < 0:
        raise BadInput(f"--cap {options.cap!r}: expected a number of at least zero")
    plan = least_cost(firms, cap)
    return Output(_data(firms, plan), _readable(firms, plan, options.lang))


def _money(value: Fraction | None) -> str | None:
    return None if value is None else shown(value, 2)


def _data(firms: list[Firm], plan: Plan) -> dict[str, Any]:
    saving = None if plan.missing or plan.cost_uniform_cut is None else plan.cost_uniform_cut - plan.cost
    return {
        "status": "infeasible" if plan.missing else "feasible",
        "cap": exact(plan.cap),
        "baseline": exact(plan.baseline),
        "price": None if plan.price is None else exact(plan.price, 2),
        "abated": exact(sum(plan.abated.values(), start=Fraction(0))),
        "missing": exact(plan.missing),
        "cost": _money(plan.cost),
        "cost_uniform_cut": _money(plan.cost_uniform_cut),
        "saving": _money(saving),
        "firms": [_firm(each, plan) for each in firms],
    }


def _firm(each: Firm, plan: Plan) -> dict[str, Any]:
    abated, uniform = plan.abated[each.name], plan.uniform[each.name]
    possible = each.name not in plan.cannot_cut
    return {
        "firm": each.name,
        "baseline": exact(each.baseline),
        "abated": exact(abated),
        "emissions": exact(each.baseline - abated),
        "cost": _money(each.cost_of(abated)),
        "uniform_cut": shown(uniform, PLACES_MAX),
        "cost_uniform_cut": _money(each.cost_of(uniform)) if possible else None,
        # With rights shared out by equal percentage: what it sells at the market price (negative: buys).
        "sells": shown(abated - uniform, PLACES_MAX),
    }


def _readable(firms: list[Firm], plan: Plan, language: str) -> str:
    zh = language == "zh"
    data = _data(firms, plan)
    none = "—"
    if zh:
        lines = [
            f"基准排放 {data['baseline']} 吨/年 · 总量上限 {data['cap']} 吨/年 · 减排 {data['abated']} 吨/年",
            f"市场价格 {data['price'] or none} 元/吨 · 最低成本 {data['cost']} 元/年"
            f" · 等比例减排成本 {data['cost_uniform_cut'] or none} 元/年",
        ]
        head = ["单位", "基准排放", "减排", "成本", "等比例减排", "成本"]
    else:
        lines = [
            f"baseline {data['baseline']} t/yr · cap {data['cap']} t/yr · abated {data['abated']} t/yr",
            f"market price CNY {data['price'] or none} per tonne · least cost CNY {data['cost']} a year"
            f" · equal-percentage cut CNY {data['cost_uniform_cut'] or none} a year",
        ]
        head = ["firm", "baseline", "abated", "cost", "equal cut", "cost"]
    if plan.missing:
        lines.append(
            f"上限无法达到：全部措施用尽仍差 {data['missing']} 吨/年。"
            if zh
            else f"The cap cannot be kept: with every measure {data['missing']} t/yr are still missing."
        )
    if plan.cannot_cut:
        names = "、".join(plan.cannot_cut) if zh else ", ".join(plan.cannot_cut)
        lines.append(f"不能按等比例减排：{names}" if zh else f"Cannot cut by the common percentage: {names}")
    keys = ("firm", "baseline", "abated", "cost", "uniform_cut", "cost_uniform_cut")
    rows = [head] + [[row[key] or none for key in keys] for row in data["firms"][:SHOWN_MAX]]
    lines += ["", *table(rows, 1)]
    if len(firms) > SHOWN_MAX:
        lines.append(f"… {len(firms)} ({'其余见' if zh else 'the rest with'} --json)")
    return "\n".join(lines)
