"""Quantities, money and prices: exact, typed, rounded once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity, half_up, read_decimal
from terrace.kernel.base.texts import Text

WHERE = Text("数量", "quantity")


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("4.048", 4_048_000),
        ("0", 0),
        ("0.000001", 1),
        ("1,234.5", 1_234_500_000),
        ("４.０４８", 4_048_000),
        (" 8.074 ", 8_074_000),
    ],
)
def test_tonnes_are_read_exactly(text: str, grams: int) -> None:
    assert Quantity.from_tonnes(Pollutant.NOX, text).grams_per_year == grams


@pytest.mark.parametrize(
    "text", ["", "abc", "1.2345678", "-1", "1e5", "NaN", "１２吨", "--1", "1.2.3", "9" * 50, "1" + "0" * 12]
)
def test_what_is_no_quantity_says_where_and_what_is_expected(text: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        Quantity.from_tonnes(Pollutant.COD, text, where=WHERE)
    assert caught.value.code == "input.invalid"
    assert "数量" in caught.value.message("zh")
    assert "quantity" in caught.value.message("en")


def test_two_pollutants_do_not_add() -> None:
    one = Quantity.from_tonnes(Pollutant.COD, 1)
    with pytest.raises(TypeError):
        one + Quantity.from_tonnes(Pollutant.SO2, 1)
    assert (one + one - one) == one


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(1, 2, 1), (3, 2, 2), (5, 2, 3), (-1, 2, -1), (-3, 2, -2), (49, 100, 0), (50, 100, 1), (0, 7, 0)],
)
def test_half_up_goes_away_from_zero_at_the_half(numerator: int, denominator: int, expected: int) -> None:
    assert half_up(numerator, denominator) == expected


@given(st.integers(-(10**24), 10**24), st.integers(1, 10**12))
def test_half_up_agrees_with_decimal(numerator: int, denominator: int) -> None:
    doubled = 2 * abs(half_up(numerator, denominator)) * denominator - 2 * abs(numerator)
    assert -denominator < doubled <= denominator


def test_jingde_v6() -> None:
    """V6: 8.074 x 6,000 x 5 + 21.648 x 4,500 x 5 = 729,300.00."""
    lines = [
        Price.from_yuan(6000, PriceBasis.PER_YEAR, 5).amount(Quantity.from_tonnes(Pollutant.SO2, "8.074")),
        Price.from_yuan(4500, PriceBasis.PER_YEAR, 5).amount(Quantity.from_tonnes(Pollutant.NOX, "21.648")),
    ]
    assert (lines[0] + lines[1]).yuan_text() == "729,300.00"


def test_ningxia_price_is_for_the_whole_term() -> None:
    price = Price.from_yuan(21_000, PriceBasis.TERM, 5)
    assert price.amount(Quantity.from_tonnes(Pollutant.NOX, "4.048")) == Money(8_500_800)
    assert price.label().zh == "21,000 元/吨(5年期)"
    assert price.label().en == "CNY 21,000 per tonne (5-year term)"
    assert Price.from_yuan("4200.50", PriceBasis.PER_YEAR, 5).label().zh == "4,200.50 元/吨·年"


def test_the_one_rounding_is_half_up_to_the_fen() -> None:
    price = Price(fen_per_tonne=1, basis=PriceBasis.TERM, years=5)
    assert price.amount(Quantity(Pollutant.COD, 499_999)).fen == 0
    assert price.amount(Quantity(Pollutant.COD, 500_000)).fen == 1


def test_a_price_needs_a_term_and_is_not_negative() -> None:
    with pytest.raises(ValueError, match="at least one year"):
        Price(100, PriceBasis.TERM, 0)
    with pytest.raises(InputInvalid):
        Price.from_yuan("-1", PriceBasis.TERM, 5)


def test_labels_never_lose_a_zero() -> None:
    assert Quantity.from_tonnes(Pollutant.NOX, "4.04").tonnes_text() == "4.040"
    assert Quantity.from_tonnes(Pollutant.NOX, "1234.5678").label().zh == "1,234.5678 吨/年"
    assert Money.from_yuan("729300").label().zh == "729,300.00 元"
    assert Money.from_yuan("1.1").label().en == "CNY 1.10"
    assert Money(-5).yuan == Decimal("-0.05")


def test_three_decimals_of_money_are_refused() -> None:
    with pytest.raises(InputInvalid):
        Money.from_yuan("1.005")
    with pytest.raises(InputInvalid):
        Money.from_yuan("9" * 20)


def test_half_up_needs_a_positive_denominator() -> None:
    with pytest.raises(ValueError, match="positive"):
        half_up(1, 0)


@given(st.integers(0, 10**14))
def test_reading_what_was_shown_gives_the_same_quantity(grams: int) -> None:
    quantity = Quantity(Pollutant.PM, grams)
    assert Quantity.from_tonnes(Pollutant.PM, quantity.tonnes_text()) == quantity


def test_every_pollutant_has_both_names() -> None:
    assert all(p.label.zh and p.label.en for p in Pollutant)
    assert [p for p in Pollutant if p.is_water] == [Pollutant.COD, Pollutant.NH3N]


def test_a_plus_sign_and_many_zeros_are_numbers_too() -> None:
    assert read_decimal("+1.50000000", where=WHERE, places_max=2) == Decimal("1.5")


@pytest.mark.parametrize(
    "text",
    [
        "1,5", "12,34", "1,0000", "1,234,56", ",123", "1,234,", "1 000", "1_000", "²", "①", "٣", "1\n2",
        "0.1" + "0" * 40 + "1", "0.0000001", ".",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    """A decimal comma would be ten times the price; more than 28 digits would be rounded unseen."""
    with pytest.raises(InputInvalid):
        read_decimal(text, where=WHERE, places_max=6)


@given(st.integers(-(10**24), 10**24), st.integers(0, 6), st.booleans())
def test_a_printed_number_is_read_back_exactly(units: int, places: int, commas: bool) -> None:
    value = Decimal(units).scaleb(-places)
    text = f"{value:,.{places}f}" if commas else f"{value:.{places}f}"
    assert read_decimal(text, where=WHERE, places_max=places) == value
