"""The platform's time: the database clock, shifted only in demo and training (ADR 0003).

Services read it once per act with `now()` and pass it down; rules never ask for the time.
Stored in UTC, shown in Asia/Shanghai.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import connection

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEKDAYS_ZH = "一二三四五六日"


def now() -> dt.datetime:
    """The instant of the platform's clock, aware, in UTC. One round trip to the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT terrace_now()")
        row = cursor.fetchone()
    assert row is not None
    instant: dt.datetime = row[0]
    return instant.astimezone(dt.UTC)


def local(instant: dt.datetime) -> dt.datetime:
    """The same instant on the wall clock of Shanghai."""
    return instant.astimezone(SHANGHAI)


def today() -> dt.date:
    """The date on the wall clock of Shanghai."""
    return local(now()).date()


def at_local(date: dt.date, hour: int = 0, minute: int = 0) -> dt.datetime:
    """The instant of a wall-clock time in Shanghai, in UTC."""
    return dt.datetime(date.year, date.month, date.day, hour, minute, tzinfo=SHANGHAI).astimezone(dt.UTC)


def set_now(instant: dt.datetime) -> None:
    """Shift the clock so that it shows `instant` now and runs on from there. Demo and training only.

    Raises RuntimeError outside demo mode. The caller journals the act.
    """
    from django.conf import settings

    if not settings.TERRACE_DEMO:
        raise RuntimeError("the clock can only be shifted in demo mode")
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO base_clock_setting (id, "offset") VALUES (1, %s - clock_timestamp()) '
            'ON CONFLICT (id) DO UPDATE SET "offset" = excluded."offset", set_at = now()',
            [instant],
        )
