"""The index of Zhejiang to the published 0.01 (E9), and what holds for any prices."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.base.table import read_table
from terrace.market.prices.rules import COLUMNS, ZHEJIANG, PricePoint, index_of, read_points

FOUR = tuple(ZHEJIANG.prices)
HEAD = ",".join(COLUMNS) + "\n"


def points(period: str, *prices: str) -> list[PricePoint]:
    return [
        PricePoint(period, name, Decimal(price), Decimal(1))
        for name, price in zip(FOUR, prices, strict=False)
    ]


def test_february_2022_from_its_published_prices() -> None:
    (line,) = index_of(points("2022-02", "9771.69", "36349.89", "2518.48", "3118.14"), ZHEJIANG)
    assert [str(line.points[name]) for name in FOUR] == ["244.29", "908.75", "251.85", "311.81"]
    assert str(line.composite) == "297.33"
    assert line.missing == ()


@pytest.mark.parametrize(
    ("period", "indices", "composite"),
    [
        ("2022-02", ("244.29", "908.75", "251.85", "311.81"), "297.33"),
        ("2023-09", ("365.60", "354.05", "221.72", "162.74"), "233.09"),
        ("2025-Q3", ("518.18", "830.74", "501.80", "528.50"), "527.88"),
    ],
)
def test_the_inferred_weights_give_the_published_composites(
    period: str, indices: tuple[str, ...], composite: str
) -> None:
    """The published sub-indices are rounded themselves, hence to 0.01."""
    prices = [
        str(Decimal(value) * ZHEJIANG.prices[name] / 100) for name, value in zip(FOUR, indices, strict=True)
    ]
    (line,) = index_of(points(period, *prices), ZHEJIANG)
    assert [str(line.points[name]) for name in FOUR] == list(indices)
    assert line.composite is not None
    assert abs(line.composite - Decimal(composite)) <= Decimal("0.01")


def test_the_weights_are_marked_as_inferred() -> None:
    assert ZHEJIANG.weights_inferred
    assert sum(ZHEJIANG.weights.values()) == 1
    assert "inferred" in ZHEJIANG.weights_from.en and "反推" in ZHEJIANG.weights_from.zh


def test_a_period_without_a_pollutant_has_no_composite() -> None:
    first, second = index_of(points("2", "4000", "4000", "1000") + points("1", *["1000"] * 4), ZHEJIANG)
    assert (first.period, second.period) == ("1", "2")
    assert second.missing == (Pollutant.NOX,)
    assert second.composite is None
    assert second.points[Pollutant.COD] == Decimal("100.00")


def test_the_composite_is_not_made_of_rounded_points() -> None:
    # Each sub-index ends in .004…: rounded ones would give exactly 100.00.
    (line,) = index_of(points("x", "4000.19", "4000.19", "1000.049", "1000.049"), ZHEJIANG)
    assert [str(point) for point in line.points.values()] == ["100.00"] * 4
    half = index_of(points("x", "4000.20", "4000.20", "1000.05", "1000.05"), ZHEJIANG)[0]
    assert str(half.composite) == "100.01"  # 100.005, half up


def test_a_pollutant_that_was_not_sold_needs_no_price() -> None:
    rows = read_table((HEAD + "2024,COD,,0\n2024,SO2,1000,0\n").encode(), "p.csv", COLUMNS)
    (line,) = index_of(read_points(rows), ZHEJIANG)
    assert line.missing == (Pollutant.COD, Pollutant.NH3N, Pollutant.NOX)
    assert line.points[Pollutant.SO2] == 100
    assert line.quantities == {Pollutant.COD: 0, Pollutant.SO2: 0}


def test_names_of_pollutants_and_what_stands_outside() -> None:
    text = HEAD + "2024,nh3-n,4000,1\n2024,化学需氧量,4000,2\n2024,VOCs,9086,3\n"
    (line,) = index_of(read_points(read_table(text.encode(), "p.csv", COLUMNS)), ZHEJIANG)
    assert line.points[Pollutant.NH3N] == line.points[Pollutant.COD] == 100
    assert line.quantities == {Pollutant.COD: 2, Pollutant.NH3N: 1, Pollutant.VOCS: 3}
    assert Pollutant.VOCS not in line.points


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("2024,COD,4000,1\n2024,COD,4000,1\n", "line 3, pollutant"),
        ("2024,CO2,4000,1\n", "line 2, pollutant"),
        (",COD,4000,1\n", "line 2, period"),
        ("2024,COD,-1,1\n", "line 2, average_price"),
        ("2024,COD,nan,1\n", "line 2, average_price"),
        ("2024,COD,,1\n", "line 2, average_price"),
        ("\n2024,COD,1,1e9\n", "line 3, quantity"),
    ],
)
def test_wrong_rows(rows: str, says: str) -> None:
    with pytest.raises(InputInvalid) as refusal:
        read_points(read_table((HEAD + rows).encode(), "p.csv", COLUMNS))
    assert says in refusal.value.message("en") and "p.csv" in refusal.value.message("en")


prices_drawn = st.lists(st.integers(0, 10**9), min_size=4, max_size=4)


@given(st.lists(prices_drawn, min_size=1, max_size=5), st.integers(0, 99))
def test_exact_and_the_same_in_any_order(drawn: list[list[int]], seed: int) -> None:
    book = [
        PricePoint(f"p{n}", name, Decimal(units).scaleb(-3), Decimal(1))
        for n, row in enumerate(drawn)
        for name, units in zip(FOUR, row, strict=True)
    ]
    lines = index_of(book, ZHEJIANG)
    mixed = random.Random(seed).sample(book, len(book))
    assert index_of(mixed, ZHEJIANG) == lines
    for row, line in zip(drawn, lines, strict=True):
        assert line.composite is not None
        exact = sum(
            Fraction(units, 1000) * 100 / Fraction(ZHEJIANG.prices[name]) * Fraction(ZHEJIANG.weights[name])
            for name, units in zip(FOUR, row, strict=True)
        )
        error = Fraction(line.composite) - exact
        assert -Fraction(1, 200) < error <= Fraction(1, 200)
