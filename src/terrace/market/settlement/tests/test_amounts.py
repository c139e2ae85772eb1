"""Amounts and dates in official words, and the printed settlements of domain E (V6) and of Ningxia."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.market.settlement.rules import amounts


@pytest.mark.parametrize(
    ("yuan", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("1.05", "壹元零伍分"),
        ("10.50", "壹拾元零伍角整"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("85008.00", "捌万伍仟零捌元整"),
        ("25502.40", "贰万伍仟伍佰零贰元肆角整"),
        ("107000.53", "壹拾万柒仟元零伍角叁分"),
        ("729300", "柒拾贰万玖仟叁佰元整"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("100000001", "壹亿零壹元整"),
        ("10000000000", "壹佰亿元整"),
        ("1000100000000", "壹万亿零壹亿元整"),
    ],
)
def test_financial_numerals(yuan: str, words: str) -> None:
    assert amounts.amount_in_words(Money.from_yuan(yuan).fen) == words


@pytest.mark.parametrize("fen", [-1, 10**18])
def test_amounts_out_of_range(fen: int) -> None:
    with pytest.raises(ValueError, match="between"):
        amounts.amount_in_words(fen)


def test_dates_in_words() -> None:
    assert amounts.date_in_words(dt.date(2023, 12, 20)).zh == "二〇二三年十二月二十日"
    assert amounts.date_in_words(dt.date(2024, 10, 31)).zh == "二〇二四年十月三十一日"
    assert amounts.date_label(dt.date(2024, 1, 1)).en == "1 January 2024"
    with pytest.raises(ValueError, match="1 to 99"):
        amounts.number_in_words(0)


@pytest.mark.parametrize(
    ("pollutant", "tonnes", "price", "basis", "amount"),
    [
        ("NOX", "4.048", "21000", "TERM", "85,008.00"),  # Ningxia 2025
        ("SO2", "8.074", "6000", "PER_YEAR", "242,220.00"),  # Jingde, V6
        ("NOX", "21.648", "4500", "PER_YEAR", "487,080.00"),
        ("SO2", "485.2", "1419", "PER_YEAR", "3,442,494.00"),  # Fujian 2014: printed 344.3 万
        (
            "NOX",
            "959",
            "2220",
            "PER_YEAR",
            "10,644,900.00",
        ),  # printed 1,064.7 万 with rounding of its quantity
    ],
)
def test_printed_settlements(pollutant: str, tonnes: str, price: str, basis: str, amount: str) -> None:
    quantity = Quantity.from_tonnes(Pollutant(pollutant), tonnes)
    assert Price.from_yuan(price, PriceBasis(basis), 5).amount(quantity).yuan_text() == amount


def test_the_two_lines_of_jingde_make_the_printed_total() -> None:
    assert (Money.from_yuan("242220") + Money.from_yuan("487080")).yuan_text() == "729,300.00"


@pytest.mark.parametrize(
    ("amount", "deposit", "expected"),
    [
        (8_500_800, 2_550_240, (2_550_240, 5_950_560)),
        (100, 100, (100, 0)),
        (100, 101, (100, 0)),
        (100, 0, (0, 100)),
    ],
)
def test_the_deposit_counts_as_price(amount: int, deposit: int, expected: tuple[int, int]) -> None:
    assert amounts.rest_to_pay(amount, deposit) == expected


def test_ratios() -> None:
    assert [amounts.ratio_label(n) for n in (100, 120, 125, 200)] == ["1:1", "1.2:1", "1.25:1", "2:1"]
