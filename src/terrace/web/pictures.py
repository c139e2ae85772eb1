"""What the drawn pictures show, from the database: stages of the lots, areas and basins, the mass balance.

Each function says its number of queries; it does not depend on the number of rows.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Sum

from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.ledger.rules import AccountKind
from terrace.market.listings import queries as listings
from terrace.market.reserve.queries import region_label
from terrace.market.rights import queries as rights
from terrace.market.rights.models import Area
from terrace.market.rights.rules import CITY, Basin
from terrace.market.settlement import queries as settlement
from terrace.web.navigation import address


@dataclass(frozen=True, slots=True)
class Stage:
    """One terrace of the way from the reserve to the permit: how many lots stand on it."""

    code: str
    name: Text
    who: Text
    lots: int
    url: str


def stages() -> list[Stage]:
    """How many lots stand on each stage, from the approved plan to the registered permit. Three queries."""
    by_state = dict(
        listings.public_listings(state="all").order_by().values_list("state").annotate(lots=Count("pk"))
    )
    by_outcome = dict(settlement.results().order_by().values_list("outcome").annotate(lots=Count("pk")))
    on_sale = address("listings:lots")
    return [
        Stage("planned", Text("计划已批", "Planned"), Text("储备机构", "Reserve body"),
              listings.listable_lots().count(), address("web:reserve")),
        Stage("signup", Text("公告报名", "Sign-up"), Text("意向受让方", "Intending buyers"),
              by_state.get("ANNOUNCED", 0) + by_state.get("SUSPENDED", 0), on_sale),
        Stage("bidding", Text("竞价协议", "Bidding"), Text("竞买人", "Bidders"),
              by_state.get("BIDDING", 0) + by_state.get("AGREEMENT", 0), on_sale),
        Stage("settling", Text("公示签约", "Contract"), Text("双方与交易机构", "Both parties and the institution"),
              by_outcome.get("OPEN", 0), address("settlement:results")),
        Stage("registered", Text("交割登记", "Registered"), Text("许可审批部门", "Permit office"),
              by_outcome.get("COMPLETED", 0), address("settlement:results")),
    ]  # fmt: skip


@dataclass(slots=True)
class Sums:
    """Lots and grams per year, on sale now and sold so far."""

    on_sale: int = 0
    on_sale_g: int = 0
    sold: int = 0
    sold_g: int = 0


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One row of the map's table: an area, a region of trade, a pollutant."""

    area: Area
    region: str
    pollutant: Pollutant
    sums: Sums

    @property
    def region_label(self) -> Text:
        return region_label(self.region)

    @property
    def on_sale(self) -> Quantity:
        return Quantity(self.pollutant, self.sums.on_sale_g)

    @property
    def sold(self) -> Quantity:
        return Quantity(self.pollutant, self.sums.sold_g)


@dataclass(frozen=True, slots=True)
class Places:
    """Lots by the area their right comes from and by the region in which they may be used."""

    areas: list[Area]
    lines: list[PlaceLine]
    by_area: dict[str, Sums] = field(default_factory=dict)
    by_region: dict[str, Sums] = field(default_factory=dict)


def places() -> Places:
    """Every area of the city with the lots on sale and the deals of its rights. Three queries."""
    areas = list(rights.list_areas())
    found: dict[tuple[str, str, str], Sums] = defaultdict(Sums)
    offered = (
        listings.public_listings()
        .select_related(None)
        .order_by()
        .values_list("lot__parcel__right__area__code", "lot__parcel__right__region", "lot__pollutant")
        .annotate(lots=Count("pk"), grams=Sum("lot__quantity_g"))
    )
    for area, region, pollutant, count, grams in offered:
        sums = found[area, region, pollutant]
        sums.on_sale, sums.on_sale_g = count, grams
    deals = (
        settlement.results()
        .filter(outcome__in=("OPEN", "COMPLETED"))
        .select_related(None)
        .order_by()
        .values_list("parcel__right__area__code", "region", "pollutant")
        .annotate(lots=Count("pk"), grams=Sum("quantity_g"))
    )
    for area, region, pollutant, count, grams in deals:
        sums = found[area, region, pollutant]
        sums.sold, sums.sold_g = count, grams
    by_code = {area.code: area for area in areas}
    lines = [
        PlaceLine(by_code[area], region, Pollutant(pollutant), sums)
        for (area, region, pollutant), sums in found.items()
    ]
    lines.sort(key=lambda line: (line.area.position, line.region, line.pollutant.value))
    regions = [*(basin.value for basin in Basin), CITY]
    return Places(
        areas,
        lines,
        {area.code: _added(line.sums for line in lines if line.area.code == area.code) for area in areas},
        {region: _added(line.sums for line in lines if line.region == region) for region in regions},
    )


def _added(parts: Iterable[Sums]) -> Sums:
    """Numbers of lots added up. Grams are not: pollutants differ."""
    total = Sums()
    for part in parts:
        total.on_sale += part.on_sale
        total.sold += part.sold
    return total


@dataclass(frozen=True, slots=True)
class Stream:
    """One band of the mass balance, in grams per year of one pollutant."""

    source: Text
    target: Text
    quantity: Quantity


ISSUED = Text("核发", "Issued")
RESERVE = Text("政府储备", "Government reserve")
FIRMS = Text("企业", "Firms")
CANCELLED = Text("注销", "Cancelled")
RETURNED = Text("企业交回(收回、回购)", "Taken back from firms")

# A kind that is not named here (escrow) stands under its own label: it holds a right only on its way.
_NODES = {AccountKind.ISSUER: ISSUED, AccountKind.RESERVE: RESERVE, AccountKind.HOLDER: FIRMS}


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the rights to emit one pollutant came from and lie now; nothing is lost between in an honest ledger."""

    pollutant: Pollutant
    streams: list[Stream]
    issued_g: int
    lies_g: int

    @property
    def issued(self) -> Quantity:
        return Quantity(self.pollutant, self.issued_g)

    @property
    def lies(self) -> Quantity:
        return Quantity(self.pollutant, self.lies_g)

    @property
    def difference_g(self) -> int:
        return self.issued_g - self.lies_g


def balances(on: dt.date) -> list[Balance]:
    """The mass balance of every pollutant that was ever issued, out of the ledger. Two queries."""
    moved: dict[Pollutant, list[ledger.Flow]] = defaultdict(list)
    lies: dict[Pollutant, list[ledger.Stock]] = defaultdict(list)
    for flow in ledger.flows():
        moved[flow.pollutant].append(flow)
    for stock in ledger.stocks(on):
        lies[stock.pollutant].append(stock)
    return [
        _balance(pollutant, moved[pollutant], lies[pollutant])
        for pollutant in Pollutant
        if pollutant in moved
    ]


def _balance(pollutant: Pollutant, moved: list[ledger.Flow], lies: list[ledger.Stock]) -> Balance:
    streams: dict[tuple[Text, Text], int] = defaultdict(int)
    issued = 0
    for flow in moved:
        if flow.giver is AccountKind.ISSUER:
            issued += flow.amount
        if flow.taker in (AccountKind.ISSUER, AccountKind.RETIRED):
            streams[_node(flow.giver), CANCELLED] += flow.amount
        elif (flow.giver, flow.taker) == (AccountKind.HOLDER, AccountKind.RESERVE):
            # a band back to the reserve would make a circle: it leaves the firms and comes in anew at the left
            streams[FIRMS, Text("已交回储备", "Returned to the reserve")] += flow.amount
            streams[RETURNED, RESERVE] += flow.amount
        else:
            streams[_node(flow.giver), _node(flow.taker)] += flow.amount
    total = sum(flow.amount for flow in moved if flow.taker is AccountKind.ISSUER)
    for stock in lies:
        if stock.kind is AccountKind.ISSUER:
            continue
        total += stock.posted
        if stock.kind is AccountKind.RETIRED:
            continue
        home = _node(stock.kind)
        if stock.ended:
            streams[home, Text("年限已到期", "Term over")] += stock.posted
        elif stock.kind is AccountKind.RESERVE:
            streams[home, Text("可出让", "Free to release")] += stock.posted - stock.held
            streams[home, Text("挂牌中", "On offer")] += stock.held
        elif stock.kind is AccountKind.HOLDER:
            streams[home, Text("企业可用", "Free with firms")] += stock.posted - stock.held
            streams[home, Text("企业冻结", "Frozen with firms")] += stock.held
        else:
            streams[home, Text("交割途中", "On the way")] += stock.posted
    return Balance(
        pollutant,
        [Stream(a, b, Quantity(pollutant, grams)) for (a, b), grams in streams.items() if grams > 0],
        issued,
        total,
    )


def _node(kind: AccountKind) -> Text:
    return _NODES.get(kind, kind.label)
