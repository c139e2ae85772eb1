"""Working days of mainland China: the State Council's yearly calendars, swapped weekends included.

A day is a working day when the calendar says `work`, is not when it says `off`, and otherwise when it is
Monday to Friday. Only years whose calendar is complete are known; a question that leaves them raises
`CalendarMissing`, because a guessed deadline is worse than none. This module and no other counts days.
"""

from __future__ import annotations

import bisect
import csv
import datetime as dt
import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
FOLDER_VARIABLE = "TERRACE_CALENDAR_DIR"
COLUMNS = ("date", "name", "kind", "source_year")

# Every calendar since 2014 frees at least these days; eleven statutory days until 2024, thirteen since.
ALWAYS_FREE = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
FREE_DAYS_MIN = 11


class CalendarMissing(Refusal):
    """A date lies in a year whose calendar is not loaded."""

    code = "workdays.calendar_missing"
    text = Text(
        "{year}年的工作日历尚未载入(已载入：{loaded})，无法计算工作日。",
        "The working-day calendar of {year} is not loaded (loaded: {loaded}); working days cannot be counted.",
    )
    hint = Text(
        "请将国务院办公厅公布的该年节假日安排存为 CSV(列：date,name,kind,source_year；kind 为 off 或 work)，"
        "放入环境变量 TERRACE_CALENDAR_DIR 指定的文件夹后重试。",
        "Save the State Council's holiday arrangement of that year as a CSV (columns date,name,kind,source_year; "
        "kind is off or work) in the folder named by the environment variable TERRACE_CALENDAR_DIR and try again.",
    )
    http_status = 422


class CalendarInvalid(Refusal):
    """A calendar file cannot be read; nothing of it is used."""

    code = "workdays.calendar_invalid"
    text = Text(
        "日历文件 {file} 第{line}行 {field}：应为{expected}。",
        "Calendar file {file}, line {line}, {field}: expected {expected}.",
    )
    http_status = 422


@dataclass(frozen=True, slots=True)
class StatutoryDay:
    """One printed exception: a free weekday (`off`) or a weekend day that is worked (`work`)."""

    date: dt.date
    name: str
    works: bool
    source_year: int


@dataclass(frozen=True, slots=True)
class _Block:
    """Consecutive complete years: the ordinals of their working days, in order."""

    first: int
    last: int
    workdays: tuple[int, ...]


class Calendar:
    """The working days of the complete years among `days`. Questions about other years raise CalendarMissing."""

    def __init__(self, days: Iterable[StatutoryDay]) -> None:
        by_source: dict[int, list[StatutoryDay]] = {}
        for day in days:
            by_source.setdefault(day.source_year, []).append(day)
        self.years: tuple[int, ...] = tuple(
            sorted(year for year, rows in by_source.items() if is_complete(year, rows))
        )
        # A notice also moves days of the neighbouring year: 31 December 2022 is free by the calendar of 2023.
        works = {day.date.toordinal(): day.works for year in self.years for day in by_source[year]}
        self._blocks = [_block(first, last, works) for first, last in _runs(self.years)]

    def is_workday(self, date: dt.date) -> bool:
        """Whether `date` is a working day."""
        block, ordinal = self._block_of(date), date.toordinal()
        at = bisect.bisect_left(block.workdays, ordinal)
        return at < len(block.workdays) and block.workdays[at] == ordinal

    def add(self, date: dt.date, amount: int) -> dt.date:
        """The `amount`-th working day after `date` (before it when negative); 0 gives `date` back."""
        block, ordinal = self._block_of(date), date.toordinal()
        if amount == 0:
            return date
        if amount > 0:
            at = bisect.bisect_right(block.workdays, ordinal) + amount - 1
        else:
            at = bisect.bisect_left(block.workdays, ordinal) + amount
        if at >= len(block.workdays):
            raise self._missing(dt.date.fromordinal(block.last).year + 1)
        if at < 0:
            raise self._missing(dt.date.fromordinal(block.first).year - 1)
        return dt.date.fromordinal(block.workdays[at])

    def count(self, after: dt.date, until: dt.date) -> int:
        """Working days in (after, until]; negative when `until` lies before `after`."""
        if until < after:
            return -self.count(until, after)
        block = self._block_of(after)
        if until.toordinal() > block.last:
            raise self._missing(dt.date.fromordinal(block.last).year + 1)
        return bisect.bisect_right(block.workdays, until.toordinal()) - bisect.bisect_right(
            block.workdays, after.toordinal()
        )

    def _block_of(self, date: dt.date) -> _Block:
        ordinal = date.toordinal()
        for block in self._blocks:
            if block.first <= ordinal <= block.last:
                return block
        raise self._missing(date.year)

    def _missing(self, year: int) -> CalendarMissing:
        loaded = ", ".join(f"{a}–{b}" if a != b else str(a) for a, b in _runs(self.years)) or "-"
        return CalendarMissing(year=year, loaded=loaded)


def is_complete(year: int, rows: Iterable[StatutoryDay]) -> bool:
    """Whether these rows look like the whole notice of `year`, not like a part of it."""
    free = {day.date for day in rows if not day.works}
    inside = {date for date in free if date.year == year}
    return len(inside) >= FREE_DAYS_MIN and all(dt.date(year, m, d) in inside for m, d in ALWAYS_FREE)


def _runs(years: Iterable[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for year in years:
        if runs and runs[-1][1] == year - 1:
            runs[-1] = (runs[-1][0], year)
        else:
            runs.append((year, year))
    return runs


def _block(first_year: int, last_year: int, works: Mapping[int, bool]) -> _Block:
    first, last = dt.date(first_year, 1, 1).toordinal(), dt.date(last_year, 12, 31).toordinal()
    # Ordinal 1 was a Monday, so the weekday of an ordinal is (ordinal - 1) % 7.
    days = tuple(o for o in range(first, last + 1) if works.get(o, (o - 1) % 7 < 5))
    return _Block(first, last, days)


def read_days(lines: Iterable[str], file: str) -> list[StatutoryDay]:
    """The rows of one calendar file. Raises CalendarInvalid naming file, line, field and what is expected."""
    rows = csv.reader(lines)
    header = next(rows, [])
    if tuple(name.strip().lstrip("\ufeff") for name in header) != COLUMNS:
        expected = ",".join(COLUMNS)
        raise CalendarInvalid(file=file, line=1, field="header", expected=Text(expected, expected))
    days: list[StatutoryDay] = []
    seen: set[dt.date] = set()
    for line, row in enumerate(rows, start=2):
        if not row:
            continue

        def refuse(field: str, zh: str, en: str, line: int = line) -> CalendarInvalid:
            return CalendarInvalid(file=file, line=line, field=field, expected=Text(zh, en))

        if len(row) != len(COLUMNS):
            raise refuse("row", "四列", "four columns")
        try:
            date = read_date(row[0])
        except ValueError:
            raise refuse("date", "形如 2026-10-01 的日期", "a date such as 2026-10-01") from None
        if date in seen:
            raise refuse("date", "不重复的日期", "a date that is not listed twice")
        if row[2].strip() not in ("off", "work"):
            raise refuse("kind", "off 或 work", "off or work")
        if not re.fullmatch(r"[0-9]{4}", row[3].strip()) or abs(int(row[3]) - date.year) > 1:
            raise refuse("source_year", "公布该安排的年份", "the year whose notice sets the day")
        seen.add(date)
        days.append(StatutoryDay(date, row[1].strip(), row[2].strip() == "work", int(row[3])))
    return days


def read_date(text: str) -> dt.date:
    """A date written YYYY-MM-DD (full-width digits are understood). Raises ValueError."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", plain):
        raise ValueError(text)
    return dt.date.fromisoformat(plain)


def load(folder: Path | None = None) -> Calendar:
    """The packaged calendars and those in `folder`; a year found there replaces the packaged one."""
    packaged = resources.files(__package__) / "data" / "cn_statutory_days.csv"
    by_year: dict[int, list[StatutoryDay]] = {}
    for day in read_days(packaged.read_text(encoding="utf-8").splitlines(), packaged.name):
        by_year.setdefault(day.source_year, []).append(day)
    if folder is not None:
        added: dict[int, list[StatutoryDay]] = {}
        for path in sorted(folder.glob("*.csv")):
            try:
                with path.open(encoding="utf-8-sig", newline="") as lines:
                    for day in read_days(lines, path.name):
                        added.setdefault(day.source_year, []).append(day)
            except UnicodeDecodeError:
                raise CalendarInvalid(
                    file=path.name, line=1, field="file", expected=Text("UTF-8 文本", "UTF-8 text")
                ) from None
        by_year.update(added)
    return Calendar(day for rows in by_year.values() for day in rows)


@functools.cache
def _loaded(folder: str) -> Calendar:
    return load(Path(folder) if folder else None)


def calendar() -> Calendar:
    """The calendar in use: the packaged years and those of the folder TERRACE_CALENDAR_DIR, read once."""
    return _loaded(os.environ.get(FOLDER_VARIABLE, ""))


def is_workday(date: dt.date) -> bool:
    """Whether `date` is a working day in mainland China. Raises CalendarMissing."""
    return calendar().is_workday(date)


def add(date: dt.date, amount: int) -> dt.date:
    """The `amount`-th working day after `date`, before it when negative; 0 gives `date` back. Raises CalendarMissing."""
    return calendar().add(date, amount)


def count(after: dt.date, until: dt.date) -> int:
    """Working days in (after, until]; negative when `until` lies before `after`. Raises CalendarMissing."""
    return calendar().count(after, until)


def deadline(start: dt.datetime, amount: int, hour: int = 17) -> dt.datetime:
    """`amount` working days after the Shanghai day of `start`, at `hour`:00 Shanghai; aware, in UTC.

    The day of `start` itself does not count, as everywhere in Chinese administrative law. Raises
    CalendarMissing; a naive `start` is a programming error (ValueError).
    """
    day = add(_shanghai_day(start), amount)
    return dt.datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI).astimezone(dt.UTC)


def workdays_left(now: dt.datetime, due: dt.datetime) -> int:
    """Working days from the Shanghai day of `now` to that of `due`: 0 on the last day, negative when overdue by days."""
    return count(_shanghai_day(now), _shanghai_day(due))


def _shanghai_day(instant: dt.datetime) -> dt.date:
    if instant.tzinfo is None:
        raise ValueError("an aware instant is needed")
    return instant.astimezone(SHANGHAI).date()
