"""Shapes of the public API of offers. Quantities in grams per year and tonnes, money in fen; decimals are strings."""

from __future__ import annotations

import datetime as dt

from ninja import Schema


class Words(Schema):
    """A text in both languages."""

    zh: str
    en: str


class PriceOut(Schema):
    """A unit price with its basis: PER_YEAR is yuan per tonne-year, TERM yuan per tonne once for `years`."""

    yuan_per_tonne: str
    basis: str
    years: int
    label: Words


class CalendarOut(Schema):
    notice_from: dt.datetime
    notice_until: dt.datetime
    signup_from: dt.datetime
    signup_until: dt.datetime
    qualification_until: dt.datetime
    deposit_until: dt.datetime
    quoting_from: dt.datetime
    quoting_until: dt.datetime


class LotOut(Schema):
    """One lot with its newest offer, as the notice prints it."""

    id: int
    number: str
    notice_number: str
    round: int
    project_name: str
    seller: str
    region: str
    area: str
    basin: str
    source: str
    pollutant: str
    quantity_g: int
    quantity_t: str
    years: int
    replacement_ratio: str
    start_price: PriceOut
    increment: PriceOut
    start_amount_yuan: str
    deposit_yuan: str
    calendar: CalendarOut
    wait_seconds: int
    window_seconds: int
    allocation: str
    buyer_conditions: str
    payment: str
    contact: str
    state: str
    state_label: Words
    mode: str
    synthetic: bool


class LotPage(Schema):
    count: int
    page: int
    pages: int
    lots: list[LotOut]
