"""The price index of discharge rights (R40, domain E9): sub-indices by pollutant and their composite, exactly.

sub-index = 100 x average price / base price; composite = sum of weight x sub-index. Published points have
two decimals, rounded half up once, each from exact numbers: the composite never from rounded sub-indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from terrace.kernel.base.quantity import Pollutant, half_up
from terrace.kernel.base.table import Row
from terrace.kernel.base.texts import Text

COLUMNS = ("period", "pollutant", "average_price", "quantity")
PRICE_PLACES_MAX = 12  # an average is a quotient
QUANTITY_PLACES_MAX = 6


@dataclass(frozen=True, slots=True)
class Base:
    """A place's base prices (yuan per tonne and year), the weights of the composite, and where each comes from."""

    name: str
    title: Text
    prices: Mapping[Pollutant, Decimal]
    weights: Mapping[Pollutant, Decimal]
    prices_from: Text
    weights_from: Text
    weights_inferred: bool


ZHEJIANG = Base(
    name="zhejiang",
    title=Text("浙江省排污权交易指数", "Zhejiang discharge-right trading index"),
    prices={
        Pollutant.COD: Decimal(4000),
        Pollutant.NH3N: Decimal(4000),
        Pollutant.SO2: Decimal(1000),
        Pollutant.NOX: Decimal(1000),
    },
    weights={
        Pollutant.COD: Decimal("0.24"),
        Pollutant.NH3N: Decimal("0.03"),
        Pollutant.SO2: Decimal("0.27"),
        Pollutant.NOX: Decimal("0.46"),
    },
    prices_from=Text("浙江指数月报(2022年2月)", "Zhejiang monthly report, February 2022"),
    weights_from=Text(
        "权重为本平台由已公布指数反推，非官方说明",
        "The weights are inferred by this platform from published indices; no official text states them",
    ),
    weights_inferred=True,
)
BASES = {base.name: base for base in (ZHEJIANG,)}

_NAMES = {
    **{name.value: name for name in Pollutant},
    **{name.label.zh: name for name in Pollutant},
    "NH3-N": Pollutant.NH3N,
}


@dataclass(frozen=True, slots=True)
class PricePoint:
    """A period's average price of one pollutant, yuan per tonne and year, and its volume in tonnes per year.

    The price is None where nothing was sold.
    """

    period: str
    pollutant: Pollutant
    average_price: Decimal | None
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PeriodIndex:
    """One published line: points with two decimals; None where the period has no price of that pollutant.

    The composite is None as soon as one pollutant of the base is missing: the weights are of all of them.
    """

    period: str
    composite: Decimal | None
    points: Mapping[Pollutant, Decimal | None]
    quantities: Mapping[Pollutant, Decimal]

    @property
    def missing(self) -> tuple[Pollutant, ...]:
        return tuple(name for name, point in self.points.items() if point is None)


def read_points(rows: Iterable[Row]) -> list[PricePoint]:
    """Price points of a table. A period names a pollutant at most once; a quantity of 0 needs no price.

    Raises InputInvalid.
    """
    points: list[PricePoint] = []
    seen: dict[tuple[str, Pollutant], int] = {}
    for row in rows:
        period = row.word("period")
        pollutant = _NAMES.get(row.cells["pollutant"].upper())
        if pollutant is None:
            names = ", ".join(Pollutant)
            raise row.invalid("pollutant", Text(f"{names} 之一", f"one of {names}"))
        first = seen.setdefault((period, pollutant), row.line)
        if first != row.line:
            raise row.invalid(
                "pollutant",
                Text(f"每期每种污染物一行(第{first}行已有)", f"one row per period (line {first} has it)"),
            )
        quantity = row.number("quantity", QUANTITY_PLACES_MAX)
        unsold = not quantity and not row.cells["average_price"]
        price = None if unsold else row.number("average_price", PRICE_PLACES_MAX)
        points.append(PricePoint(period, pollutant, price, quantity))
    return points


def index_of(points: Iterable[PricePoint], base: Base) -> list[PeriodIndex]:
    """The index of every period, in the order of the periods' names; the order of `points` never matters."""
    periods: dict[str, dict[Pollutant, PricePoint]] = {}
    for point in points:
        periods.setdefault(point.period, {})[point.pollutant] = point
    return [_period(name, periods[name], base) for name in sorted(periods)]


def _period(name: str, found: Mapping[Pollutant, PricePoint], base: Base) -> PeriodIndex:
    exact: dict[Pollutant, Fraction | None] = {}
    for pollutant, price in base.prices.items():
        point = found.get(pollutant)
        average = None if point is None else point.average_price
        exact[pollutant] = None if average is None else 100 * Fraction(average) / Fraction(price)
    composite: Fraction | None = Fraction(0)
    for pollutant, value in exact.items():
        if value is None or composite is None:
            composite = None
        else:
            composite += Fraction(base.weights[pollutant]) * value
    return PeriodIndex(
        name,
        _published(composite),
        {pollutant: _published(value) for pollutant, value in exact.items()},
        {pollutant: found[pollutant].quantity for pollutant in Pollutant if pollutant in found},
    )


def _published(value: Fraction | None) -> Decimal | None:
    """Two decimals, half up."""
    return None if value is None else Decimal(half_up(100 * value.numerator, value.denominator)).scaleb(-2)
