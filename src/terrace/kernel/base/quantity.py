"""Typed quantities: grams per year of a pollutant, fen of money, and a price that knows its basis.

Everything stored is an integer. `Decimal` appears only where text is read or shown. The one rounding
of the platform, half up to the fen and once per line, is `half_up` (domain E, "Common").
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.texts import Text

GRAMS_PER_TONNE = 1_000_000
FEN_PER_YUAN = 100
QUANTITY_GRAMS_MAX = 10**15  # a thousand million tonnes a year: more than any country emits
MONEY_FEN_MAX = 10**17  # a million million yuan


class Pollutant(enum.StrEnum):
    """The main pollutants of the rulebooks (R1). Water: COD, NH3N. Air: the rest."""

    COD = "COD"
    NH3N = "NH3N"
    SO2 = "SO2"
    NOX = "NOX"
    VOCS = "VOCS"
    PM = "PM"

    @property
    def label(self) -> Text:
        return _POLLUTANT_LABELS[self]

    @property
    def is_water(self) -> bool:
        return self in (Pollutant.COD, Pollutant.NH3N)


_POLLUTANT_LABELS = {
    Pollutant.COD: Text("化学需氧量", "Chemical oxygen demand (COD)"),
    Pollutant.NH3N: Text("氨氮", "Ammonia nitrogen (NH₃-N)"),
    Pollutant.SO2: Text("二氧化硫", "Sulphur dioxide (SO₂)"),
    Pollutant.NOX: Text("氮氧化物", "Nitrogen oxides (NOx)"),
    Pollutant.VOCS: Text("挥发性有机物", "Volatile organic compounds (VOCs)"),
    Pollutant.PM: Text("颗粒物", "Particulate matter (PM)"),
}


class PriceBasis(enum.StrEnum):
    """PER_YEAR: yuan per tonne and year (times the years). TERM: yuan per tonne once for the whole term."""

    PER_YEAR = "PER_YEAR"
    TERM = "TERM"


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half up (away from zero at .5); both integers, denominator > 0."""
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


# Commas stand between groups of three or not at all: "1,5" is a decimal comma, and 15 would be a wrong price.
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]*))?")
_TEXT_MAX = 60
# Full-width characters are the plain ones typed by a Chinese keyboard; other look-alikes (², ①) are not numbers.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}


def read_decimal(text: str | int | Decimal, *, where: Text, places_max: int) -> Decimal:
    """Read a printed number exactly. Full-width digits and commas between thousands are understood.

    Raises InputInvalid for letters, NaN, exponents, misplaced commas and more than `places_max` decimals.
    """
    raw = str(text).translate(_FULL_WIDTH).strip()
    match = _NUMBER.fullmatch(raw) if len(raw) <= _TEXT_MAX else None
    sign, whole, part = match.groups(default="") if match else ("", "", "")
    # Trailing zeros are no decimals; they are counted on the text, because arithmetic on Decimal rounds.
    part = part.rstrip("0") if whole else part
    if not (whole or part) or len(part) > places_max:
        expected = Text(f"最多{places_max}位小数的数字", f"a number with at most {places_max} decimals")
        raise InputInvalid(where=where, got=repr(str(text)[:40]), expected=expected)
    return Decimal(f"{sign}{whole.replace(',', '') or '0'}" + (f".{part}" if part else ""))


def _thousands(value: Decimal, places_min: int) -> str:
    exponent = value.normalize().as_tuple().exponent
    places = max(places_min, -exponent if isinstance(exponent, int) and exponent < 0 else 0)
    return f"{value:,.{places}f}"


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """A yearly quantity of one pollutant, in integer grams per year. Adding two pollutants is a TypeError."""

    pollutant: Pollutant
    grams_per_year: int

    @classmethod
    def from_tonnes(
        cls, pollutant: Pollutant, tonnes: str | int | Decimal, *, where: Text = Text("数量", "quantity")
    ) -> Quantity:
        """Read tonnes per year (at most 6 decimals: one gram). Negative or absurd values raise InputInvalid."""
        value = read_decimal(tonnes, where=where, places_max=6)
        grams = int(value * GRAMS_PER_TONNE)
        if grams < 0 or grams > QUANTITY_GRAMS_MAX:
            raise InputInvalid(
                where=where,
                got=str(tonnes)[:40],
                expected=Text("不小于零的吨/年数", "a number of tonnes per year of at least zero"),
            )
        return cls(pollutant, grams)

    @property
    def tonnes(self) -> Decimal:
        return Decimal(self.grams_per_year) / GRAMS_PER_TONNE

    def tonnes_text(self) -> str:
        """Tonnes with at least three decimals and a thousands comma: `4.048`."""
        return _thousands(self.tonnes, 3)

    def label(self) -> Text:
        return Text(f"{self.tonnes_text()} 吨/年", f"{self.tonnes_text()} t/yr")

    def _same(self, other: Any) -> Quantity:
        if not isinstance(other, Quantity) or other.pollutant is not self.pollutant:
            raise TypeError(
                f"cannot combine {self.pollutant} with {getattr(other, 'pollutant', type(other))}"
            )
        return other

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.pollutant, self.grams_per_year + self._same(other).grams_per_year)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.pollutant, self.grams_per_year - self._same(other).grams_per_year)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """Yuan in integer fen."""

    fen: int

    @classmethod
    def from_yuan(cls, yuan: str | int | Decimal, *, where: Text = Text("金额", "amount")) -> Money:
        """Read yuan with at most two decimals. Raises InputInvalid."""
        value = read_decimal(yuan, where=where, places_max=2)
        fen = int(value * FEN_PER_YUAN)
        if abs(fen) > MONEY_FEN_MAX:
            raise InputInvalid(
                where=where, got=str(yuan)[:40], expected=Text("合理的金额", "a plausible amount")
            )
        return cls(fen)

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.fen) / FEN_PER_YUAN

    def yuan_text(self) -> str:
        """`729,300.00`: two decimals always."""
        return f"{self.yuan:,.2f}"

    def label(self) -> Text:
        return Text(f"{self.yuan_text()} 元", f"CNY {self.yuan_text()}")

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price in fen per tonne, with its basis and the years of the term it belongs to."""

    fen_per_tonne: int
    basis: PriceBasis
    years: int

    def __post_init__(self) -> None:
        if self.years < 1:
            raise ValueError("a price belongs to a term of at least one year")

    @classmethod
    def from_yuan(
        cls,
        yuan: str | int | Decimal,
        basis: PriceBasis,
        years: int,
        *,
        where: Text = Text("单价", "unit price"),
    ) -> Price:
        money = Money.from_yuan(yuan, where=where)
        if money.fen < 0:
            raise InputInvalid(
                where=where, got=str(yuan)[:40], expected=Text("不小于零的价格", "a price of at least zero")
            )
        return cls(money.fen, basis, years)

    def amount(self, quantity: Quantity) -> Money:
        """What `quantity` costs for the whole term; half up to the fen, once per line."""
        times = self.years if self.basis is PriceBasis.PER_YEAR else 1
        return Money(half_up(quantity.grams_per_year * self.fen_per_tonne * times, GRAMS_PER_TONNE))

    def label(self) -> Text:
        """Always with its basis: `21,000 元/吨(5年期)` or `4,200 元/吨·年`."""
        yuan = _thousands(
            Decimal(self.fen_per_tonne) / FEN_PER_YUAN, 2 if self.fen_per_tonne % FEN_PER_YUAN else 0
        )
        if self.basis is PriceBasis.TERM:
            return Text(f"{yuan} 元/吨({self.years}年期)", f"CNY {yuan} per tonne ({self.years}-year term)")
        return Text(f"{yuan} 元/吨·年", f"CNY {yuan} per tonne-year")
