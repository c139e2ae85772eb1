"""What the charts of this tier show, as the chart component takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from terrace.kernel.base.clock import local
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.reserve.queries import Figure
from terrace.web.queries import Deal, Month, Offer, yuan_per_tonne_year

PER_YEAR = Text("元/吨·年", "CNY per tonne-year")


def prices(
    deals: list[Deal], *, offers: Sequence[Offer] = (), height: str = "md", csv_url: str = ""
) -> dict[str, Any]:
    """Deals as dots, one series for each pollutant, and the starting prices on offer, all per tonne-year."""
    series = []
    for pollutant in Pollutant:
        points = [
            [local(deal.trade.awarded_at).isoformat(), float(deal.yuan_per_tonne_year), deal.trade.number]
            for deal in reversed(deals)
            if deal.trade.pollutant == pollutant
        ]
        if points:
            series.append({"name": pollutant.label, "kind": "dots", "points": points})
    if offers:
        points = [
            [
                local(offer.listing.notice_from).isoformat(),
                float(yuan_per_tonne_year(offer.listing.start)),
                Text(
                    f"{offer.pollutant.label.zh} {offer.listing.number}",
                    f"{offer.pollutant.label.en} {offer.listing.number}",
                ),
            ]
            for offer in offers
        ]
        series.append({"name": Text("挂牌起始价", "Starting price"), "kind": "marks", "points": points})
    return {
        "id": "chart-prices",
        "title": Text("单价", "Unit prices"),
        "note": Text(
            "统一换算为元/吨·年；按年限一次计价的，除以年限",
            "All as CNY per tonne-year; a price for the whole term is divided by its years",
        ),
        "unit": PER_YEAR,
        "x": "time",
        "from_zero": True,
        "height": height,
        "series": series,
        "columns": [
            Text("日期", "Date"),
            Text("污染物", "Pollutant"),
            Text("单价(元/吨·年)", "Price (CNY per tonne-year)"),
            Text("数量(吨/年)", "Quantity (t/yr)"),
        ],
        "rows": [
            [
                f"{local(deal.trade.awarded_at):%Y-%m-%d}",
                Pollutant(deal.trade.pollutant).label,
                f"{deal.yuan_per_tonne_year:,.2f}",
                deal.quantity.tonnes_text(),
            ]
            for deal in deals[:100]
        ]
        + [
            [
                Text(
                    f"挂牌 {local(offer.listing.notice_from):%Y-%m-%d}",
                    f"offered {local(offer.listing.notice_from):%Y-%m-%d}",
                ),
                offer.pollutant.label,
                f"{yuan_per_tonne_year(offer.listing.start):,.2f}",
                offer.listing.lot.quantity.tonnes_text(),
            ]
            for offer in offers
        ],
        "csv_url": csv_url,
    }


def prices_by_month(months: list[Month], *, csv_url: str = "") -> dict[str, Any]:
    """The same for more deals than fit as dots: the mean of each month, a line for each pollutant."""
    series = []
    for pollutant in Pollutant:
        points = [
            [
                local(month.start).isoformat(),
                float(month.yuan_per_tonne_year),
                Text(f"{month.deals}笔", f"{month.deals} deals"),
            ]
            for month in reversed(months)
            if month.pollutant is pollutant
        ]
        if points:
            series.append({"name": pollutant.label, "kind": "line", "points": points})
    return {
        "id": "chart-prices",
        "title": Text("月均单价", "Unit prices by month"),
        "note": Text(
            "各月成交按数量加权平均，统一换算为元/吨·年",
            "The mean of each month weighted by quantity, all as CNY per tonne-year",
        ),
        "unit": PER_YEAR,
        "x": "time",
        "from_zero": True,
        "height": "md",
        "series": series,
        "columns": [
            Text("月份", "Month"),
            Text("污染物", "Pollutant"),
            Text("均价(元/吨·年)", "Mean price (CNY per tonne-year)"),
            Text("数量(吨/年)", "Quantity (t/yr)"),
            Text("笔数", "Deals"),
        ],
        "rows": [
            [
                f"{local(month.start):%Y-%m}",
                month.pollutant.label,
                f"{month.yuan_per_tonne_year:,.2f}",
                month.quantity.tonnes_text(),
                str(month.deals),
            ]
            for month in months[:120]
        ],
        "csv_url": csv_url,
    }


def reserve(lines: list[Figure]) -> dict[str, Any]:
    """The reserve by pollutant and region: free to release and on offer, stacked, in tonnes a year."""
    return {
        "id": "chart-reserve",
        "title": Text("政府储备排污权", "The government reserve"),
        "note": Text("单位：吨/年", "tonnes a year"),
        "unit": Text("吨/年", "t/yr"),
        "x": "category",
        "from_zero": True,
        "height": "sm",
        "categories": [
            Text(
                f"{line.pollutant.label.zh}\n{line.region_label.zh}",
                f"{line.pollutant.value}\n{line.region_label.en}",
            )
            for line in lines
        ],
        "series": [
            {
                "name": Text("可出让", "Free to release"),
                "kind": "bars",
                "stack": "held",
                "points": [float(line.available.tonnes) for line in lines],
            },
            {
                "name": Text("挂牌中", "On offer"),
                "kind": "bars",
                "stack": "held",
                "points": [float(line.frozen.tonnes) for line in lines],
            },
        ],
        "columns": [
            Text("污染物", "Pollutant"),
            Text("可出让(吨/年)", "Free to release (t/yr)"),
            Text("挂牌中(吨/年)", "On offer (t/yr)"),
        ],
        "rows": [
            [
                Text(
                    f"{line.pollutant.label.zh}，{line.region_label.zh}",
                    f"{line.pollutant.label.en}, {line.region_label.en}",
                ),
                line.available.tonnes_text(),
                line.frozen.tonnes_text(),
            ]
            for line in lines
        ],
    }
