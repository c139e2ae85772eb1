"""What the charts of this tier show, as the chart component takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.clock import local
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.reserve.queries import Figure, region_label
from terrace.market.rights.rules import CITY
from terrace.web.pictures import Balance, Places, Stage, Sums
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


def mass_balance(balance: Balance, *, csv_url: str, json_url: str) -> dict[str, Any]:
    """The flow of one pollutant's rights: issued, in the reserve, released, with firms, ended."""
    nodes: list[Text] = []
    for stream in balance.streams:
        for node in (stream.source, stream.target):
            if node not in nodes:
                nodes.append(node)
    return {
        "id": f"chart-flow-{balance.pollutant.value.lower()}",
        "title": balance.pollutant.label,
        "note": Text("单位：吨/年；带宽为数量", "tonnes a year; the width of a band is its quantity"),
        "unit": Text("吨/年", "t/yr"),
        "height": "md",
        "nodes": [{"name": node} for node in nodes],
        "links": [
            {"from": stream.source, "to": stream.target, "amount": float(stream.quantity.tonnes)}
            for stream in balance.streams
        ],
        "columns": [Text("从", "From"), Text("到", "To"), Text("数量(吨/年)", "Quantity (t/yr)")],
        "rows": [[stream.source, stream.target, stream.quantity.tonnes_text()] for stream in balance.streams],
        "csv_url": csv_url,
        "json_url": json_url,
    }


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of the schematic map, in the units of its drawing."""

    x: int
    y: int
    name: Text
    sums: Sums
    url: str
    is_region: bool = False

    @property
    def tone(self) -> str:
        if self.sums.on_sale:
            return "sale"
        return "sold" if self.sums.sold else "none"


TILE_WIDTH, TILE_HEIGHT, TILE_GAP = 154, 92, 8
TILE_COLUMNS = 4
# Column and row of each area, roughly as they lie: north on top, the zones around the old town. Our own drawing.
TILE_PLACES: dict[str, tuple[int, int, Text]] = {
    "linqing": (0, 0, Text("临清市", "Linqing")),
    "gaotang": (3, 0, Text("高唐县", "Gaotang")),
    "guanxian": (0, 1, Text("冠县", "Guan")),
    "dongchangfu": (1, 1, Text("东昌府区", "Dongchangfu")),
    "kaifaqu": (2, 1, Text("开发区", "Econ. Zone")),
    "chiping": (3, 1, Text("茌平区", "Chiping")),
    "shenxian": (0, 2, Text("莘县", "Shen")),
    "dujiaqu": (1, 2, Text("度假区", "Resort")),
    "gaoxinqu": (2, 2, Text("高新区", "High-tech")),
    "donge": (3, 2, Text("东阿县", "Dong'e")),
    "yanggu": (1, 3, Text("阳谷县", "Yanggu")),
}


def area_tiles(places: Places, lots_url: str) -> dict[str, Any]:
    """The tiles of the areas and, below, of the regions of trade; an area without a place comes in rows below."""
    tiles = []
    rest = [area for area in places.areas if area.code not in TILE_PLACES]
    known = [area for area in places.areas if area.code in TILE_PLACES]
    rows = 1 + max((TILE_PLACES[area.code][1] for area in known), default=-1)
    for area in known:
        column, row, name = TILE_PLACES[area.code]
        tiles.append(
            _tile(column, row, name, places.by_area[area.code], f"{lots_url}?area={area.code}&state=all")
        )
    for n, area in enumerate(rest):
        name = Text(area.name, area.name_en or area.name)
        row = rows + n // TILE_COLUMNS
        url = f"{lots_url}?area={area.code}&state=all"
        tiles.append(_tile(n % TILE_COLUMNS, row, name, places.by_area[area.code], url))
    rows += -(-len(rest) // TILE_COLUMNS)
    regions = []
    for n, (region, sums) in enumerate(places.by_region.items()):
        label = region_label(region)
        short = Text(label.zh.removesuffix("流域"), label.en.split(" ")[0])
        name = Text("全市大气", "City, air") if region == CITY else short
        url = f"{lots_url}?state=all" if region == CITY else f"{lots_url}?basin={region}&state=all"
        regions.append(_tile(n % TILE_COLUMNS, n // TILE_COLUMNS, name, sums, url, is_region=True))
    return {
        "tiles": tiles,
        "regions": regions,
        "width": TILE_COLUMNS * (TILE_WIDTH + TILE_GAP) + TILE_GAP,
        "height": rows * (TILE_HEIGHT + TILE_GAP) + TILE_GAP,
        "regions_height": (TILE_HEIGHT + TILE_GAP) + TILE_GAP,
        "tile_width": TILE_WIDTH,
        "tile_height": TILE_HEIGHT,
    }


def _tile(column: int, row: int, name: Text, sums: Sums, url: str, *, is_region: bool = False) -> Tile:
    x = TILE_GAP + column * (TILE_WIDTH + TILE_GAP)
    y = TILE_GAP + row * (TILE_HEIGHT + TILE_GAP)
    return Tile(x, y, name, sums, url, is_region)


@dataclass(frozen=True, slots=True)
class Terrace:
    """One step of the drawn terraces: where its water lies and where its words stand."""

    stage: Stage
    x: int
    y: int
    middle: int
    is_full: bool


STEP_WIDTH, STEP_DROP, STEP_TOP, TERRACES_HEIGHT = 176, 26, 66, 296


def terraces(stages: Sequence[Stage]) -> dict[str, Any]:
    """The stages as terraces going down from the plan to the permit; water stands where lots are."""
    steps = [
        Terrace(
            stage, n * STEP_WIDTH, STEP_TOP + n * STEP_DROP, n * STEP_WIDTH + STEP_WIDTH // 2, stage.lots > 0
        )
        for n, stage in enumerate(stages)
    ]
    return {
        "steps": steps,
        "width": STEP_WIDTH * len(steps),
        "height": TERRACES_HEIGHT,
        "step_width": STEP_WIDTH,
    }
