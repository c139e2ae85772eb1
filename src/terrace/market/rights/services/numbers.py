"""Official numbers without gaps: one row per series and year, locked until the act commits."""

from __future__ import annotations

import datetime as dt

from django.db import connection

from terrace.kernel.base.clock import local
from terrace.market.rights.rules import CITY

NEXT_SQL = (
    "INSERT INTO rights_numberseries (city, series, year, last) VALUES (%s, %s, %s, 1) "
    "ON CONFLICT (city, series, year) DO UPDATE SET last = rights_numberseries.last + 1 RETURNING last"
)


def next_in_series(*, series: str, now: dt.datetime, city: str = CITY) -> tuple[int, int]:
    """Part: year (Shanghai) and next position of a series. Holds the series' row until the commit."""
    year = local(now).year
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [city, series, year])
        row = cursor.fetchone()
    assert row is not None
    return year, int(row[0])


def next_number(*, series: str, now: dt.datetime, city: str = CITY) -> str:
    """Part: the next number of a series, `LC-HD-2023-0001`."""
    year, position = next_in_series(series=series, now=now, city=city)
    return f"LC-{series}-{year}-{position:04d}"
