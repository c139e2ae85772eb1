"""The yearly check of one position: worked example, both sides of every boundary, unreadable rows."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import QUANTITY_GRAMS_MAX, Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.compliance.rules import (
    Finding,
    Position,
    ReportState,
    Sums,
    check,
    read_position,
    sums_of,
    totals,
)

PLAIN = Position(
    source_id="91371500MA3C0X5R4K001P",
    area="临清",
    pollutant=Pollutant.COD,
    right_g=4_048_000,
    emitted_g=4_000_000,
    term_start=dt.date(2023, 1, 1),
    term_end=dt.date(2027, 12, 31),
    report_state=ReportState.FILED,
)
CELLS = {
    "source_id": "S1",
    "area": "临清",
    "pollutant": "COD",
    "right_g": "10",
    "emitted_g": "9",
    "term_start": "2023-01-01",
    "term_end": "2027-12-31",
    "report_state": "FILED",
}


def found(**changes: object) -> tuple[Finding, ...]:
    return check(dataclasses.replace(PLAIN, **changes), 2026).findings


def test_a_position_in_order_has_no_finding_and_a_surplus() -> None:
    checked = check(PLAIN, 2026)
    assert (checked.counted_g, checked.shortage_g, checked.surplus_g, checked.findings) == (
        4_048_000,
        0,
        48_000,
        (),
    )


def test_one_gram_more_than_the_right_is_a_shortage() -> None:
    assert found(emitted_g=4_048_000) == ()
    over = check(dataclasses.replace(PLAIN, emitted_g=4_048_001), 2026)
    assert (over.findings, over.shortage_g, over.surplus_g) == ((Finding.SHORTAGE,), 1, 0)


def test_a_right_is_unused_at_zero_and_not_at_one_gram() -> None:
    assert found(emitted_g=0) == (Finding.UNUSED,)
    assert found(emitted_g=1) == ()
    assert found(emitted_g=0, right_g=0) == ()


@pytest.mark.parametrize(
    ("start", "end", "counted", "findings"),
    [
        ("2021-01-01", "2025-12-31", 0, (Finding.SHORTAGE, Finding.EXPIRED)),
        ("2021-01-01", "2026-01-01", 4_048_000, (Finding.ENDING,)),
        ("2021-01-01", "2026-12-31", 4_048_000, (Finding.ENDING,)),
        ("2021-01-01", "2027-01-01", 4_048_000, ()),
        ("2026-12-31", "2031-12-30", 4_048_000, ()),
        ("2027-01-01", "2031-12-31", 0, (Finding.SHORTAGE, Finding.NOT_BEGUN)),
    ],
)
def test_the_term_and_the_year(start: str, end: str, counted: int, findings: tuple[Finding, ...]) -> None:
    changed = dataclasses.replace(
        PLAIN, term_start=dt.date.fromisoformat(start), term_end=dt.date.fromisoformat(end)
    )
    checked = check(changed, 2026)
    assert (checked.counted_g, checked.findings) == (counted, findings)


def test_nothing_to_lose_neither_expires_nor_ends() -> None:
    assert found(right_g=0, emitted_g=0, term_end=dt.date(2025, 12, 31)) == ()


def test_reports() -> None:
    assert found(report_state=ReportState.LATE) == (Finding.REPORT_LATE,)
    missing = check(dataclasses.replace(PLAIN, emitted_g=None, report_state=ReportState.MISSING), 2026)
    assert missing.findings == (Finding.REPORT_MISSING,)
    assert (missing.shortage_g, missing.surplus_g) == (0, 0)
    # Monitoring may know what was not reported.
    assert found(report_state=ReportState.MISSING, emitted_g=5_000_000) == (
        Finding.SHORTAGE,
        Finding.REPORT_MISSING,
    )


def test_sums_by_hand() -> None:
    positions = [
        PLAIN,
        dataclasses.replace(PLAIN, emitted_g=5_000_000),
        dataclasses.replace(PLAIN, emitted_g=0),
        dataclasses.replace(PLAIN, emitted_g=None, report_state=ReportState.MISSING),
        dataclasses.replace(PLAIN, emitted_g=1, term_end=dt.date(2025, 12, 31)),
    ]
    assert totals(sums_of(each, check(each, 2026)) for each in positions) == Sums(
        positions=5,
        right_g=5 * 4_048_000,
        counted_g=4 * 4_048_000,
        emitted_g=9_000_001,
        shortage_g=952_001,
        surplus_g=48_000 + 4_048_000,
        unused_g=4_048_000,
        expired_g=4_048_000,
        unknown=1,
        shortage=2,
        unused=1,
        expired=1,
        report_missing=1,
    )


def test_a_row_is_read() -> None:
    assert read_position(CELLS, Text("x", "x")).emitted_g == 9
    empty = {**CELLS, "emitted_g": "", "report_state": "MISSING"}
    assert read_position(empty, Text("x", "x")).emitted_g is None
    assert read_position({**CELLS, "right_g": str(QUANTITY_GRAMS_MAX)}, Text("x", "x")).right_g == 10**15


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("source_id", ""),
        ("source_id", " S1"),
        ("source_id", "x" * 101),
        ("area", None),
        ("area", "临清 "),
        ("pollutant", "cod"),
        ("right_g", ""),
        ("right_g", "-1"),
        ("right_g", "1.5"),
        ("right_g", "１０"),
        ("right_g", str(QUANTITY_GRAMS_MAX + 1)),
        ("emitted_g", ""),
        ("emitted_g", "1e3"),
        ("term_start", "2026-1-1"),
        ("term_start", "2027-02-29"),
        ("term_start", "2028-01-01\n"),
        ("term_end", "2022-12-31"),
        ("term_end", "9999-12-31"),
        ("report_state", "filed"),
    ],
)
def test_what_cannot_be_read_is_named(column: str, value: str | None) -> None:
    with pytest.raises(InputInvalid) as refused:
        read_position({**CELLS, column: value}, Text("表.csv 第3行", "t.csv line 3"))
    assert f"t.csv line 3, {column}:" in refused.value.message("en")
    assert f"表.csv 第3行 {column}" in refused.value.message("zh")
