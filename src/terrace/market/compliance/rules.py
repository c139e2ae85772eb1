"""R35, the yearly check of one position: what a source may emit of a pollutant against what it did emit.

A position is one source and one pollutant in one year. Everything is integers: grams per year for rights,
grams for the emissions of the year. This module says what is true of ONE row; `queries` says the same of whole
files by columns, and a property test holds the two together.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import QUANTITY_GRAMS_MAX, Pollutant
from terrace.kernel.base.texts import Text

COLUMNS = (
    "source_id",
    "area",
    "pollutant",
    "right_g",
    "emitted_g",
    "term_start",
    "term_end",
    "report_state",
)
WORD_MAX = 100
YEAR_MIN, YEAR_MAX = 1900, 2999
GRAMS_PATTERN = "[0-9]{1,16}"
DATE_PATTERN = "(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}"
Kind = TypeVar("Kind", bound=enum.StrEnum)
FIRST_DATE, LAST_DATE = dt.date(YEAR_MIN, 1, 1), dt.date(YEAR_MAX, 12, 31)


class ReportState(enum.StrEnum):
    """The permit execution report of the year: in time, after its day, or not there."""

    FILED = "FILED"
    LATE = "LATE"
    MISSING = "MISSING"


class Finding(enum.StrEnum):
    """What the check may find of a position; the order here is the order in every answer."""

    SHORTAGE = "SHORTAGE"
    UNUSED = "UNUSED"
    EXPIRED = "EXPIRED"
    ENDING = "ENDING"
    NOT_BEGUN = "NOT_BEGUN"
    REPORT_MISSING = "REPORT_MISSING"
    REPORT_LATE = "REPORT_LATE"

    @property
    def label(self) -> Text:
        return _LABELS[self]


_LABELS = {
    Finding.SHORTAGE: Text("排放超过排污权", "emitted more than the right"),
    Finding.UNUSED: Text("排污权全年未使用", "right not used at all"),
    Finding.EXPIRED: Text("排污权已到期", "right expired before the year"),
    Finding.ENDING: Text("排污权本年到期", "right ends in the year"),
    Finding.NOT_BEGUN: Text("排污权尚未生效", "right not begun"),
    Finding.REPORT_MISSING: Text("缺执行报告", "report missing"),
    Finding.REPORT_LATE: Text("执行报告逾期", "report late"),
}

EXPECTED: Mapping[str, Text] = {
    "source_id": Text(
        f"1至{WORD_MAX}个字符、首尾无空格", f"1 to {WORD_MAX} characters, no space at either end"
    ),
    "area": Text(f"1至{WORD_MAX}个字符、首尾无空格", f"1 to {WORD_MAX} characters, no space at either end"),
    "pollutant": Text("、".join(Pollutant), ", ".join(Pollutant)),
    "right_g": Text("克/年，不小于零的整数", "grams per year, a whole number of at least zero"),
    "emitted_g": Text(
        "克，不小于零的整数；只有缺执行报告（MISSING）时可空",
        "grams, a whole number of at least zero; empty only where the report is MISSING",
    ),
    "term_start": Text("日期，如 2026-01-01", "a date such as 2026-01-01"),
    "term_end": Text(
        "日期，如 2026-12-31，不早于 term_start", "a date such as 2026-12-31, not before term_start"
    ),
    "report_state": Text("、".join(ReportState), ", ".join(ReportState)),
}


@dataclass(frozen=True, slots=True)
class Position:
    """One source and one pollutant. `emitted_g` is None when nothing was reported."""

    source_id: str
    area: str
    pollutant: Pollutant
    right_g: int
    emitted_g: int | None
    term_start: dt.date
    term_end: dt.date
    report_state: ReportState


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check says of a position, in grams."""

    counted_g: int
    shortage_g: int
    surplus_g: int
    findings: tuple[Finding, ...]


def check(position: Position, year: int) -> Checked:
    """R35 for one position.

    The right counts whole when its term holds on at least one day of the year, else not at all: no source
    says how a right that holds for part of a year is compared (proposed). What was not reported is neither a
    shortage nor a surplus; it is a missing report.
    """
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    in_force = position.term_start <= last and position.term_end >= first
    counted = position.right_g if in_force else 0
    emitted = position.emitted_g
    found = {
        Finding.SHORTAGE: emitted is not None and emitted > counted,
        Finding.UNUSED: emitted == 0 and counted > 0,
        Finding.EXPIRED: position.term_end < first and position.right_g > 0,
        Finding.ENDING: first <= position.term_end <= last and position.right_g > 0,
        Finding.NOT_BEGUN: position.term_start > last and position.right_g > 0,
        Finding.REPORT_MISSING: position.report_state is ReportState.MISSING,
        Finding.REPORT_LATE: position.report_state is ReportState.LATE,
    }
    return Checked(
        counted_g=counted,
        shortage_g=0 if emitted is None else max(emitted - counted, 0),
        surplus_g=0 if emitted is None else max(counted - emitted, 0),
        findings=tuple(finding for finding in Finding if found[finding]),
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over positions: how many, grams, and how many positions have each finding.

    `unknown` positions report no emission; `expired_g` is the right that ended before the year, `unused_g`
    the right of positions that emitted nothing.
    """

    positions: int = 0
    right_g: int = 0
    counted_g: int = 0
    emitted_g: int = 0
    shortage_g: int = 0
    surplus_g: int = 0
    unused_g: int = 0
    expired_g: int = 0
    unknown: int = 0
    shortage: int = 0
    unused: int = 0
    expired: int = 0
    ending: int = 0
    not_begun: int = 0
    report_missing: int = 0
    report_late: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in SUMS))

    def of(self, finding: Finding) -> int:
        """How many positions have this finding."""
        return int(getattr(self, finding.value.lower()))


SUMS = tuple(each.name for each in fields(Sums))


def sums_of(position: Position, checked: Checked) -> Sums:
    """One position as sums, to be added up."""
    has = {finding.value.lower(): int(finding in checked.findings) for finding in Finding}
    return Sums(
        positions=1,
        right_g=position.right_g,
        counted_g=checked.counted_g,
        emitted_g=position.emitted_g or 0,
        shortage_g=checked.shortage_g,
        surplus_g=checked.surplus_g,
        unused_g=checked.counted_g if Finding.UNUSED in checked.findings else 0,
        expired_g=position.right_g if Finding.EXPIRED in checked.findings else 0,
        unknown=int(position.emitted_g is None),
        **has,
    )


def totals(rows: Iterable[Sums]) -> Sums:
    """Everything together."""
    return sum(rows, start=Sums())


def is_word(text: str | None) -> bool:
    """A name that two files write alike: 1 to 100 characters, no space at either end."""
    return bool(text) and len(text or "") <= WORD_MAX and text == (text or "").strip(" ")


def read_position(cells: Mapping[str, str | None], where: Text) -> Position:
    """A position from the texts of one row. Raises InputInvalid, naming the first field that is wrong."""

    def refuse(column: str) -> InputInvalid:
        return InputInvalid(
            where=Text(f"{where.zh} {column}", f"{where.en}, {column}"),
            got=repr((cells.get(column) or "")[:40]),
            expected=EXPECTED[column],
        )

    def word(column: str) -> str:
        text = cells.get(column) or ""
        if not is_word(text):
            raise refuse(column)
        return text

    def one_of(column: str, kinds: type[Kind]) -> Kind:
        text = cells.get(column) or ""
        if text not in kinds.__members__:
            raise refuse(column)
        return kinds[text]

    def grams(column: str) -> int:
        text = cells.get(column) or ""
        if not re.fullmatch(GRAMS_PATTERN, text) or int(text) > QUANTITY_GRAMS_MAX:
            raise refuse(column)
        return int(text)

    def date(column: str) -> dt.date:
        text = cells.get(column) or ""
        if not re.fullmatch(DATE_PATTERN, text):
            raise refuse(column)
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise refuse(column) from None

    source_id, area = word("source_id"), word("area")
    pollutant, right_g = one_of("pollutant", Pollutant), grams("right_g")
    term_start, term_end = date("term_start"), date("term_end")
    if term_end < term_start:
        raise refuse("term_end")
    state = one_of("report_state", ReportState)
    unknown = not cells.get("emitted_g") and state is ReportState.MISSING
    emitted_g = None if unknown else grams("emitted_g")
    return Position(source_id, area, pollutant, right_g, emitted_g, term_start, term_end, state)
