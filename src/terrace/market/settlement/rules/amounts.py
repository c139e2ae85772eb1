"""Words for amounts and dates as official papers write them."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.texts import Text

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")
_DATE_DIGITS = "〇一二三四五六七八九"
_ORDINALS = "一二三四五六七八九"


def amount_in_words(fen: int) -> str:
    """The amount in financial numerals: 8500800 fen is 捌万伍仟零捌元整. Zero and up, below 10^16 yuan.

    Rules of 《正确填写票据和结算凭证的基本规定》: zeros between digits are read once, 整 follows yuan and jiao,
    a missing jiao before fen is read 零.
    """
    if not 0 <= fen < 10**18:
        raise ValueError("the amount must lie between 0 and 10^16 yuan")
    yuan, jiao, cents = fen // 100, fen // 10 % 10, fen % 10
    words = _integer_in_words(yuan)
    text = f"{words}元" if words else ""
    if jiao:
        # A zero before jiao is read when the yuan end in zero: 拾元零伍角 is optional in law and clearer here.
        text += ("零" if yuan and yuan % 10 == 0 else "") + _DIGITS[jiao] + "角"
    elif cents and yuan:
        text += "零"
    if cents:
        return text + _DIGITS[cents] + "分"
    return (text or "零元") + "整"


def _integer_in_words(number: int) -> str:
    """Digits of a whole number in financial numerals; empty for zero."""
    words, zero_before = "", False
    groups: list[int] = []
    while number:
        groups.append(number % 10_000)
        number //= 10_000
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if not group:
            zero_before = bool(words)
            continue
        if words and (zero_before or group < 1_000):
            words += "零"
        words += _group_in_words(group) + _GROUPS[place]
        zero_before = False
    return words


def _group_in_words(group: int) -> str:
    words, zero = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            words += ("零" if zero and words else "") + _DIGITS[digit] + _PLACES[place]
            zero = False
        else:
            zero = True
    return words


def number_in_words(number: int) -> str:
    """1 to 99 as in 第十二条: 一, 十, 十二, 二十."""
    if not 1 <= number <= 99:
        raise ValueError("1 to 99")
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else ("" if tens == 1 else _ORDINALS[tens - 1]) + "十") + (
        _ORDINALS[ones - 1] if ones else ""
    )


def date_in_words(date: dt.date) -> Text:
    """二〇二三年十二月二十日 / 20 December 2023."""
    year = "".join(_DATE_DIGITS[int(d)] for d in f"{date.year:04d}")
    zh = f"{year}年{number_in_words(date.month)}月{number_in_words(date.day)}日"
    return Text(zh, f"{date.day} {_MONTHS[date.month - 1]} {date.year}")


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def date_label(date: dt.date) -> Text:
    """2023年12月20日 / 20 December 2023."""
    return Text(
        f"{date.year}年{date.month}月{date.day}日", f"{date.day} {_MONTHS[date.month - 1]} {date.year}"
    )


def rest_to_pay(amount_fen: int, deposit_fen: int) -> tuple[int, int]:
    """What the deposit pays of the price, and what is still to be paid (fen). A deposit never pays more than the price."""
    counted = min(amount_fen, deposit_fen)
    return counted, amount_fen - counted


def ratio_label(hundredths: int) -> str:
    """The replacement ratio as printed: 100 is 1:1, 120 is 1.2:1."""
    whole, part = divmod(hundredths, 100)
    return f"{whole}{f'.{part:02d}'.rstrip('0') if part else ''}:1"
