"""Numbers with their unit and basis, times with their weekday: the only way figures reach a page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language

from terrace.kernel import workdays
from terrace.kernel.base.clock import WEEKDAYS_ZH, local
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.web import page
from terrace.web.templatetags.words import in_language

register = template.Library()

WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _english() -> bool:
    return (get_language() or "").startswith("en")


@register.filter
def tonnes(value: Quantity | int | str | None) -> str:
    """A Quantity (or integer grams per year) as `4.048 吨/年`."""
    if value is None or value == "":
        return ""
    quantity = value if isinstance(value, Quantity) else Quantity(Pollutant.NOX, int(value))
    return str(in_language(quantity.label()))


@register.filter
def tonnes_of(grams: int | str | None, code: str) -> str:
    """`{{ lot.quantity_g|tonnes_of:lot.pollutant }}`: `氮氧化物 4.048 吨/年`."""
    if grams is None or grams == "":
        return ""
    quantity = Quantity(Pollutant(code), int(grams))
    return f"{in_language(quantity.pollutant.label)} {in_language(quantity.label())}"


@register.filter
def tonnes_plain(grams: int | str | None) -> str:
    """Grams as tonnes without the unit, for a column whose head carries it: `4.048`."""
    return "" if grams is None or grams == "" else Quantity(Pollutant.NOX, int(grams)).tonnes_text()


@register.filter
def yuan(value: Money | int | str | None) -> str:
    """Money or integer fen as `729,300.00 元`."""
    if value is None or value == "":
        return ""
    money = value if isinstance(value, Money) else Money(int(value))
    return str(in_language(money.label()))


@register.filter
def yuan_plain(fen: int | str | None) -> str:
    """Fen as yuan without the unit, for a column whose head carries it: `729,300.00`."""
    return "" if fen is None or fen == "" else Money(int(fen)).yuan_text()


@register.filter
def price(value: Price | str | None) -> str:
    """A Price with its basis: `21,000 元/吨(5年期)`."""
    return str(in_language(value.label())) if isinstance(value, Price) else ""


@register.simple_tag
def price_of(fen_per_tonne: int, basis: str, years: int) -> str:
    """`{% price_of lot.start_fen_per_tonne lot.price_basis lot.years %}`: the same from columns."""
    return price(Price(int(fen_per_tonne), PriceBasis(basis), int(years)))


@register.filter
def number(value: int | Decimal | str | None) -> str:
    """A plain count with thousands commas."""
    return "" if value is None or value == "" else f"{value:,}"


@register.filter
def day(value: dt.date | dt.datetime | None) -> str:
    """A date with its weekday: `2023年12月18日(周一)` / `Mon 18 Dec 2023`."""
    if not value:
        return ""
    date = local(value).date() if isinstance(value, dt.datetime) else value
    if _english():
        return f"{WEEKDAYS_EN[date.weekday()]} {date.day} {MONTHS_EN[date.month - 1]} {date.year}"
    return f"{date.year}年{date.month}月{date.day}日(周{WEEKDAYS_ZH[date.weekday()]})"


@register.filter
def when(value: dt.datetime | None) -> str:
    """An instant on the wall clock of Shanghai: `2023年12月18日(周一) 17:00` / `Mon 18 Dec 2023, 17:00`."""
    if not value:
        return ""
    clock_time = f"{local(value):%H:%M}"
    return f"{day(value)}, {clock_time}" if _english() else f"{day(value)} {clock_time}"


@register.filter
def when_exact(value: dt.datetime | None) -> str:
    """The same to the millisecond, for quotes and journal entries."""
    if not value:
        return ""
    at = local(value)
    clock_time = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return f"{day(value)}, {clock_time}" if _english() else f"{day(value)} {clock_time}"


@register.filter
def iso(value: dt.datetime | dt.date | None) -> str:
    """For `datetime` attributes and scripts."""
    if not value:
        return ""
    return local(value).isoformat() if isinstance(value, dt.datetime) else value.isoformat()


@register.simple_tag
def moment(value: dt.datetime | dt.date | None) -> str:
    """A `<time>` element that reads like `when` (or `day` for a date)."""
    if not value:
        return ""
    text = when(value) if isinstance(value, dt.datetime) else day(value)
    return format_html('<time datetime="{}">{}</time>', iso(value), text)


def time_left(deadline: dt.datetime, now: dt.datetime) -> Text:
    """What remains until a deadline: working days, hours on the last day, or that it has passed.

    Where the State Council's calendar of that year is not loaded, calendar days are named as such.
    """
    seconds = (deadline - now).total_seconds()
    if seconds < 0:
        return Text("已到期", "past due")
    if local(deadline).date() == local(now).date():
        hours, minutes = int(seconds // 3600), int(seconds % 3600 // 60)
        return Text(f"今天，还剩{hours}小时{minutes}分", f"today, {hours} h {minutes} min left")
    try:
        days = workdays.workdays_left(now, deadline)
        zh, en = "个工作日", "working day"
    except workdays.CalendarMissing:
        days = (local(deadline).date() - local(now).date()).days
        zh, en = "天", "calendar day"
    return Text(f"还剩{days}{zh}", f"{days} {en}{'' if days == 1 else 's'} left")


@register.filter
def due(deadline: dt.datetime | None) -> str:
    """A deadline as an instant and what is left: `2023年12月18日(周一) 17:00 前，还剩3个工作日`."""
    if not deadline:
        return ""
    left = in_language(time_left(deadline, page.now()))
    return f"by {when(deadline)} ({left})" if _english() else f"{when(deadline)} 前，{left}"
