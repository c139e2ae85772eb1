"""Gapless numbers of papers: one row per series, locked to the end of the transaction."""

from __future__ import annotations

from django.db import connection

NEXT_SQL = """
INSERT INTO settlement_number_series (series, last) VALUES (%s, 1)
ON CONFLICT (series) DO UPDATE SET last = settlement_number_series.last + 1
RETURNING last
"""


def next_number(series: str) -> int:
    """Part: the next number of a series, starting at 1. A rolled-back act gives its number back."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [series])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def paper_number(kind: str, city: str, year: int) -> str:
    """Part: the number of a paper, for example `PQJZ-371500-2023-0001` for the first certificate of the year."""
    return f"{kind}-{city}-{year}-{next_number(f'{kind}-{city}-{year}'):04d}"
