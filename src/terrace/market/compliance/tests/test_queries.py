"""The columns say what the row rule says, on random tables good and bad, as CSV and as Parquet."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.texts import Text
from terrace.market.compliance.queries import (
    NAMED_MAX,
    BadRows,
    check_files,
    files_of,
    write_findings,
)
from terrace.market.compliance.rules import COLUMNS, Position, Sums, check, read_position, sums_of

YEAR = 2026
NOWHERE = Text("", "")

grams = st.one_of(
    st.sampled_from(["0", "1", "10", str(10**15)]),
    st.integers(0, 20).map(str),
    st.integers(0, 10**15).map(str),
)
dates = st.one_of(
    st.sampled_from(["2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01"]),
    st.dates(dt.date(2020, 1, 1), dt.date(2031, 12, 31)).map(str),
)
good = st.fixed_dictionaries(
    {
        "source_id": st.text('ab "\n,汉', min_size=1, max_size=4).filter(lambda t: t == t.strip(" ")),
        "area": st.sampled_from(["临清", "东阿", "a,b"]),
        "pollutant": st.sampled_from(["COD", "NH3N", "SO2", "NOX", "VOCS", "PM"]),
        "right_g": grams,
        "emitted_g": grams,
        "term_start": dates,
        "term_end": dates,
        "report_state": st.sampled_from(["FILED", "LATE", "MISSING"]),
    }
).map(lambda row: row if row["term_start"] <= row["term_end"] else {**row, "term_end": row["term_start"]})
unreported = good.map(lambda row: {**row, "emitted_g": "", "report_state": "MISSING"})
any_cell = st.one_of(
    st.text("0123456789-. eCODxFILEDMISSNG１汉", max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            str(10**15 + 1),
            "9" * 17,
            "-1",
            "1.5",
            "2026-02-29",
            "1899-12-31",
            "2999-12-31",
            "3000-01-01",
        ]
    ),
)
spoilt = st.tuples(good, st.sampled_from(COLUMNS), any_cell).map(lambda made: {**made[0], made[1]: made[2]})
tables = st.lists(st.one_of(good, good, unreported), min_size=1, max_size=12, unique_by=lambda r: (r["source_id"], r["pollutant"]))  # fmt: skip


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_MINIMAL)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, positions: list[Position]) -> Path:
    pl.DataFrame(
        {name: [getattr(each, name) for each in positions] for name in COLUMNS},
        schema={
            "source_id": pl.String,
            "area": pl.Categorical,
            "pollutant": pl.String,
            "right_g": pl.UInt64,
            "emitted_g": pl.Int64,
            "term_start": pl.Date,
            "term_end": pl.Date,
            "report_state": pl.String,
        },
    ).write_parquet(path)
    return path


def by_hand(positions: list[Position]) -> dict[tuple[str, str], Sums]:
    found: dict[tuple[str, str], Sums] = {}
    for each in positions:
        key = (each.area, each.pollutant)
        found[key] = found.get(key, Sums()) + sums_of(each, check(each, YEAR))
    return found


def expected_lines(positions: list[Position]) -> list[dict[str, str]]:
    lines = []
    for each in positions:
        checked = check(each, YEAR)
        if checked.findings:
            values = {
                **{name: getattr(each, name) for name in COLUMNS},
                "counted_g": checked.counted_g,
                "shortage_g": checked.shortage_g,
                "surplus_g": checked.surplus_g,
                "findings": ";".join(checked.findings),
            }
            lines.append({name: "" if value is None else str(value) for name, value in values.items()})
    return lines


@settings(deadline=None, max_examples=40)
@given(tables, st.integers(0, 12))
def test_the_columns_say_what_the_row_rule_says(rows: list[dict[str, str]], cut: int) -> None:
    positions = [read_position(row, NOWHERE) for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "in", Path(name) / "out.csv"
        folder.mkdir()
        first = write_csv(folder / "1.csv", rows[:cut])
        write_parquet(folder / "2.parquet", positions[cut:])
        paths = files_of(folder)
        assert paths == [first, folder / "2.parquet"]
        assert dict(check_files(paths, YEAR).sums) == by_hand(positions)
        write_findings(paths, YEAR, out)
        with out.open(newline="", encoding="utf-8") as file:
            assert list(csv.DictReader(file)) == expected_lines(positions)
        assert sorted(each.name for each in Path(name).iterdir()) == ["in", "out.csv"]


def refused(row: Mapping[str, str | None]) -> bool:
    try:
        read_position(row, NOWHERE)
    except InputInvalid:
        return True
    return False


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(good, spoilt), min_size=1, max_size=6), st.sampled_from(["csv", "parquet"]))
def test_the_columns_refuse_what_the_row_rule_refuses(rows: list[dict[str, str]], kind: str) -> None:
    rows = [{**row, "source_id": row["source_id"] and f"{row['source_id']}{n}"} for n, row in enumerate(rows)]
    bad = [n for n, row in enumerate(rows) if refused(row)]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"t.{kind}"
        if kind == "csv":
            write_csv(path, rows)
        else:
            pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(path)
        if not bad:
            check_files([path], YEAR)
            return
        with pytest.raises(BadRows) as caught:
            check_files([path], YEAR)
    told = [each.message("en") for each in caught.value.refusals]
    assert len(told) == len(bad)
    if kind == "parquet":
        assert all(f"t.parquet row {n + 1}," in text for n, text in zip(bad, told, strict=True))
    else:
        begins = [2 + sum(row["source_id"].count("\n") + 1 for row in rows[:n]) for n in bad]
        assert all(f"t.csv line {n}," in text for n, text in zip(begins, told, strict=True))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_position_that_stands_twice_is_named(tmp_path: Path, kind: str) -> None:
    row = dict(
        zip(COLUMNS, ["S1", "临清", "COD", "1", "1", "2023-01-01", "2027-12-31", "FILED"], strict=True)
    )
    other = {**row, "pollutant": "SO2"}
    for n, rows in enumerate([[row, other], [{**row, "source_id": "S2"}, {**row, "area": "东阿"}]]):
        if kind == "csv":
            write_csv(tmp_path / f"{n}.csv", rows)
        else:
            write_parquet(tmp_path / f"{n}.parquet", [read_position(each, NOWHERE) for each in rows])
    with pytest.raises(BadRows) as caught:
        check_files(files_of(tmp_path), YEAR)
    (only,) = caught.value.refusals
    where = "1.csv line 3" if kind == "csv" else "1.parquet row 2"
    assert f"{where}, source_id: cannot read S1 COD × 2" in only.message("en")


def test_sums_do_not_overflow(tmp_path: Path) -> None:
    """10,000 rows at the largest right pass 64 bits."""
    n = 10_000
    pl.DataFrame(
        {
            "source_id": [f"S{i}" for i in range(n)],
            "area": ["临清"] * n,
            "pollutant": ["PM"] * n,
            "right_g": [10**15] * n,
            "emitted_g": [0] * n,
            "term_start": [dt.date(2026, 1, 1)] * n,
            "term_end": [dt.date(2030, 12, 31)] * n,
            "report_state": ["FILED"] * n,
        }
    ).write_parquet(tmp_path / "t.parquet")
    (sums,) = check_files([tmp_path / "t.parquet"], YEAR).sums.values()
    assert sums.right_g == sums.unused_g == 10**19


def test_only_the_first_rows_are_named(tmp_path: Path) -> None:
    row = dict(
        zip(COLUMNS, ["S1", "临清", "COD", "x", "1", "2023-01-01", "2027-12-31", "FILED"], strict=True)
    )
    for rows, more in ((NAMED_MAX, False), (NAMED_MAX + 1, True)):
        with pytest.raises(BadRows) as caught:
            check_files([write_csv(tmp_path / "t.csv", [row] * rows)], YEAR)
        assert (len(caught.value.refusals), caught.value.more) == (NAMED_MAX, more)


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("right_g", [1.0], "right_g: cannot read 'Float64'"),
        ("emitted_g", [True], "emitted_g: cannot read 'Boolean'"),
        ("term_end", [20261231], "term_end: cannot read 'Int64'"),
        ("area", [1], "area: cannot read 'Int64'"),
        ("right_g", [2**63], "row 1, right_g: cannot read '9223372036854775808'"),
        ("emitted_g", [None], "row 1, emitted_g: cannot read ''"),
    ],
)
def test_columns_of_another_type(tmp_path: Path, column: str, values: list[object], says: str) -> None:
    good_row = {
        "source_id": ["S1"],
        "area": ["临清"],
        "pollutant": ["COD"],
        "right_g": [1],
        "emitted_g": [1],
        "term_start": [dt.date(2023, 1, 1)],
        "term_end": [dt.date(2027, 12, 31)],
        "report_state": ["FILED"],
    }
    frame = pl.DataFrame({**good_row, column: values}, strict=False)
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadRows) as caught:
        check_files([tmp_path / "t.parquet"], YEAR)
    assert says in caught.value.refusals[0].message("en")
    frame.drop(column).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadRows) as caught:
        check_files([tmp_path / "t.parquet"], YEAR)
    assert f"t.parquet, {column}: cannot read ''; expected the columns" in caught.value.refusals[0].message(
        "en"
    )
