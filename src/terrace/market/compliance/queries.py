"""The yearly check over whole files by columns (polars): the row rule of `rules`, 24 million rows at a time.

Nothing here decides anything of its own: the expressions say what `rules.check` and `rules.read_position` say, a
property test compares them, and a row that the expressions refuse is named by `rules.read_position` itself.
Memory does not grow with the rows, but for 8 bytes a row to find a position that stands twice.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import QUANTITY_GRAMS_MAX, Pollutant
from terrace.kernel.base.texts import Text
from terrace.market.compliance.rules import (
    COLUMNS,
    DATE_PATTERN,
    EXPECTED,
    FIRST_DATE,
    GRAMS_PATTERN,
    LAST_DATE,
    SUMS,
    WORD_MAX,
    Finding,
    ReportState,
    Sums,
    read_position,
)

ENDINGS = (".parquet", ".csv")
NAMED_MAX = 20
FAULTY, FAULTY_ROW = "faulty", "faulty_row"
COUNTED = tuple(each for each in Finding if each not in (Finding.REPORT_MISSING, Finding.REPORT_LATE))
WORDS = ("source_id", "area", "pollutant", "report_state")
GROUPED = ("area", "pollutant", "report_state")
GRAMS = ("right_g", "emitted_g")
DATES = ("term_start", "term_end")
_DUPLICATES_AT_ONCE = 1000
_MISSING, _LATE = (list(ReportState).index(each) + 1 for each in (ReportState.MISSING, ReportState.LATE))


class BadRows(Exception):
    """Rows that cannot be read: at most `NAMED_MAX` refusals, and whether there are more."""

    def __init__(self, refusals: list[InputInvalid], more: bool = False) -> None:
        super().__init__()
        self.refusals = refusals
        self.more = more


@dataclass(frozen=True, slots=True)
class Answer:
    """Sums by area and pollutant, in the order of their names."""

    sums: Mapping[tuple[str, Pollutant], Sums]


def files_of(path: Path) -> list[Path]:
    """The file itself, or all Parquet and CSV files in and below a folder, by name. Raises BadRows."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.suffix in ENDINGS and each.is_file())
    else:
        found = [path] if path.suffix in ENDINGS else []
    if not found:
        listed = Text("后缀为 .parquet 或 .csv 的文件", "a file that ends in .parquet or .csv")
        raise BadRows([_invalid(path, "file", path.suffix, listed)])
    return found


def check_files(paths: list[Path], year: int) -> Answer:
    """Read everything once. Raises BadRows for what cannot be read and for positions that stand twice."""
    frame = pl.concat([_typed(path) for path in paths])
    try:
        found, keys = _read(frame, year)
        if found.is_empty():
            none = Text("至少一行", "at least one row")
            raise BadRows([_invalid(paths[0], "file", "", none)])
        if _has_faults(found):
            _name_faulty(paths)
        _refuse_twice(frame, keys, paths)
    except pl.exceptions.PolarsError:
        _name_unreadable(paths)
        raise
    return Answer(_grouped(found))


def write_findings(paths: list[Path], year: int, target: Path) -> None:
    """Every position with a finding, in the order of the files; call it after `check_files`.

    The file appears whole or not at all. Raises OSError.
    """
    frame = judged(pl.concat([_typed(path) for path in paths]), year)
    codes = [
        pl.when(pl.col(finding.value.lower())).then(pl.lit(finding.value, dtype=pl.String))
        for finding in Finding
    ]
    rows = (
        frame.with_columns(findings=pl.concat_str(codes, separator=";", ignore_nulls=True))
        .filter(pl.any_horizontal([finding.value.lower() for finding in Finding]))
        .select(*COLUMNS, "counted_g", "shortage_g", "surplus_g", "findings")
    )
    part = target.with_name(f".{target.name}.part")
    try:
        if target.suffix == ".csv":
            rows.sink_csv(part)
        else:
            rows.sink_parquet(part)
        part.replace(target)
    except pl.exceptions.PolarsError as error:
        raise OSError(str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def judged(frame: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """`rules.check` by columns: the grams and one true-or-false column for each finding."""
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    right, emitted = pl.col("right_g"), pl.col("emitted_g")
    start, end = pl.col("term_start"), pl.col("term_end")
    counted = pl.col("counted_g")
    zero = pl.lit(0, dtype=pl.Int64)
    return (
        frame.with_columns(counted_g=pl.when((start <= last) & (end >= first)).then(right).otherwise(zero))
        .with_columns(
            shortage=(emitted > counted).fill_null(False),
            unused=((emitted == 0) & (counted > 0)).fill_null(False),
            expired=(end < first) & (right > 0),
            ending=(end >= first) & (end <= last) & (right > 0),
            not_begun=(start > last) & (right > 0),
            report_missing=pl.col("report_state") == ReportState.MISSING.value,
            report_late=pl.col("report_state") == ReportState.LATE.value,
        )
        .with_columns(
            shortage_g=pl.when(pl.col("shortage")).then(emitted - counted).otherwise(zero),
            surplus_g=pl.when(counted > emitted).then(counted - emitted).otherwise(zero),
        )
    )


def _read(
    frame: pl.LazyFrame, year: int, grams: type[pl.DataType] = pl.Int64
) -> tuple[pl.DataFrame, pl.Series]:
    """In one read: sums by area and code, and the sorted keys of the positions.

    64-bit sums unless the largest value times the rows could pass them; then once more with 128 bits.
    """
    wanted = {
        "right_g": pl.col("right_g"),
        "counted_g": pl.col("counted_g"),
        "emitted_g": pl.col("emitted_g"),
        "shortage_g": pl.col("shortage_g"),
        "surplus_g": pl.col("surplus_g"),
        "unused_g": pl.when(pl.col("unused")).then(pl.col("counted_g")),
        "expired_g": pl.when(pl.col("expired")).then(pl.col("right_g")),
    }
    sums = (
        judged(frame, year)
        .with_columns(_code().alias("code"))
        .group_by("area", "code")
        .agg(
            pl.len().alias("positions"),
            *(each.cast(grams).sum().alias(name) for name, each in wanted.items()),
            pl.max_horizontal(pl.col("right_g").max(), pl.col("emitted_g").max()).alias("largest"),
            pl.col("emitted_g").is_null().sum().alias("unknown"),
            *(pl.col(finding.value.lower()).sum() for finding in COUNTED),
            pl.col(FAULTY_ROW).sum(),
        )
    )
    found, keys = pl.collect_all([sums, frame.select(_key())], engine="streaming")
    largest = max((each or 0 for each in found["largest"]), default=0)
    if grams is pl.Int64 and largest * int(found["positions"].sum()) >= 2**63:
        return _read(frame, year, pl.Int128)
    return found, keys["key"].sort()


def _code() -> pl.Expr:
    """Pollutant and report state as one small number; a part that is neither is 0. Few keys make quick groups."""
    parts = [(pl.col("pollutant") == each.value, n * 4) for n, each in enumerate(Pollutant, 1)]
    parts += [(pl.col("report_state") == each.value, n) for n, each in enumerate(ReportState, 1)]
    return pl.sum_horizontal([part.fill_null(False).cast(pl.UInt8) * n for part, n in parts])


def _key() -> pl.Expr:
    """Equal positions have equal keys; different ones nearly always have different keys."""
    return (pl.col("source_id").hash(0) ^ pl.col("pollutant").hash(1)).alias("key")


def _has_faults(found: pl.DataFrame) -> bool:
    """Whether some row is refused: by itself, or by what all rows of its group have in common."""
    pollutant, state = pl.col("code") // 4, pl.col("code") % 4
    bad = (
        (pl.col(FAULTY_ROW) > 0)
        | (pollutant == 0)
        | (state == 0)
        | ((pl.col("unknown") > 0) & (state != _MISSING))
        | _word_fault(pl.col("area"))
    )
    return bool(found.select(bad.any()).item())


def _grouped(found: pl.DataFrame) -> dict[tuple[str, Pollutant], Sums]:
    """The groups of area and code as sums by area and pollutant; the code says what the reports are."""
    state, zero = pl.col("code") % 4, pl.lit(0, dtype=pl.UInt32)
    rows = (
        found.with_columns(
            pollutant=pl.col("code") // 4,
            report_missing=pl.when(state == _MISSING).then(pl.col("positions")).otherwise(zero),
            report_late=pl.when(state == _LATE).then(pl.col("positions")).otherwise(zero),
        )
        .group_by("area", "pollutant")
        .agg(pl.col(SUMS).sum())
        .sort("area", "pollutant")
    )
    names = list(Pollutant)
    return {
        (area, names[code - 1]): Sums(*values)
        for area, code, *values in rows.select("area", "pollutant", *SUMS).iter_rows()
    }


def _typed(path: Path) -> pl.LazyFrame:
    """A file with its columns in their types and `faulty` where `read_position` would refuse. Raises BadRows.

    `faulty_row` leaves out what `_has_faults` sees of a whole group, which is most of the work.
    """
    raw = _scan(path)
    types = raw.collect_schema()
    columns: list[pl.Expr] = []
    faults: list[pl.Expr] = []
    of_groups: list[pl.Expr] = []
    for name in COLUMNS:
        if name not in types:
            listed = ",".join(COLUMNS)
            raise BadRows([_invalid(path, name, "", Text(f"列 {listed}", f"the columns {listed}"))])
        kind = types[name]
        allowed = kind in (pl.String, pl.Null) or (
            kind in (pl.Categorical, pl.Enum)
            if name in WORDS
            else kind.is_integer()
            if name in GRAMS
            else kind == pl.Date
        )
        if not allowed:
            raise BadRows([_invalid(path, name, str(kind), EXPECTED[name])])
        column, fault = _column(name, kind)
        columns.append(column.alias(name))
        (of_groups if name in GROUPED else faults).append(fault)
    late = (pl.col("term_end") < pl.col("term_start")).fill_null(False)
    silent = pl.col("emitted_g").is_null() & (pl.col("report_state") != ReportState.MISSING.value)
    return (
        raw.select(
            *columns,
            pl.any_horizontal(faults).alias(FAULTY_ROW),
            pl.any_horizontal(of_groups).alias(FAULTY),
        )
        .with_columns(pl.col(FAULTY_ROW) | late)
        .with_columns(pl.col(FAULTY) | pl.col(FAULTY_ROW) | silent.fill_null(False))
    )


def _column(name: str, kind: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    """A column in its type, and where it is wrong by itself."""
    raw = pl.col(name)
    if name in WORDS:
        word = raw.cast(pl.String)
        if name == "pollutant":
            return word, ~word.is_in([each.value for each in Pollutant]).fill_null(False)
        if name == "report_state":
            return word, ~word.is_in([each.value for each in ReportState]).fill_null(False)
        return word, _word_fault(word)
    if name in GRAMS:
        number = raw.cast(pl.Int64, strict=False)
        if kind == pl.String:
            number = pl.when(raw.str.contains(f"^{GRAMS_PATTERN}$")).then(number)
        bad = ~number.is_between(0, QUANTITY_GRAMS_MAX).fill_null(False)
        if name == "emitted_g":
            empty = raw.is_null() | (raw == "") if kind == pl.String else raw.is_null()
            return number, bad & ~empty
        return number, bad
    date = raw.cast(pl.Date) if kind in (pl.Date, pl.Null) else raw.str.to_date("%Y-%m-%d", strict=False)
    if kind == pl.String:
        date = pl.when(raw.str.contains(f"^{DATE_PATTERN}$")).then(date)
    return date, ~date.is_between(FIRST_DATE, LAST_DATE).fill_null(False)


def _word_fault(word: pl.Expr) -> pl.Expr:
    """Where `rules.is_word` says no."""
    length = word.str.len_chars()
    good = (length >= 1) & (length <= WORD_MAX) & ~word.str.starts_with(" ") & ~word.str.ends_with(" ")
    return ~good.fill_null(False)


def _scan(path: Path) -> pl.LazyFrame:
    """The rows of one file as they stand; a CSV file as texts. Raises BadRows."""
    try:
        if path.suffix == ".parquet":
            raw = pl.scan_parquet(path, glob=False)
            raw.collect_schema()
            return raw
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, strict=True), [])
        for name in COLUMNS:
            if header.count(name) != 1:
                once = Text(f"一列 {name}", f"one column {name}")
                raise BadRows([_invalid(path, name, ",".join(header)[:80], once)])
        raw = pl.scan_csv(path, infer_schema=False, glob=False)
        return raw.filter(~pl.all_horizontal(pl.all().is_null()))
    except (OSError, csv.Error, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise BadRows([_unreadable(path, error)]) from None


def _name_faulty(paths: list[Path]) -> None:
    """Always raises BadRows: the first faulty rows by file and line, in the words of `read_position`."""
    named = list(itertools.islice(_faulty_rows(paths), NAMED_MAX + 1))
    assert named, "the columns refuse a row that the row rule reads"
    raise BadRows(named[:NAMED_MAX], more=len(named) > NAMED_MAX)


def _faulty_rows(paths: list[Path]) -> Iterator[InputInvalid]:
    for path in paths:
        rows = _csv_rows(path) if path.suffix == ".csv" else _parquet_rows(path)
        for cells, where in rows:
            try:
                read_position(cells, where)
            except InputInvalid as refusal:
                yield refusal


def _parquet_rows(path: Path) -> Iterator[tuple[dict[str, str | None], Text]]:
    """The rows that the columns call faulty, as texts."""
    faulty = _typed(path).select(FAULTY).with_row_index("row").filter(FAULTY).select("row")
    numbers = faulty.head(NAMED_MAX + 1).collect(engine="streaming")["row"].to_list()
    for number in numbers:
        texts = pl.scan_parquet(path, glob=False).select(pl.col(COLUMNS).cast(pl.String))
        yield texts.slice(number, 1).collect().to_dicts()[0], _row(path, number)


def _csv_rows(path: Path) -> Iterator[tuple[dict[str, str | None], Text]]:
    """All rows with the line each begins on. Raises BadRows at a line that is no CSV."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header, before = next(reader), reader.line_num
        try:
            for values in reader:
                line, before = before + 1, reader.line_num
                if not any(values):
                    continue
                where = Text(f"{path} 第{line}行", f"{path} line {line}")
                if len(values) > len(header):
                    expected = Text(f"{len(header)}列", f"{len(header)} columns")
                    at = Text(f"{where.zh} row", f"{where.en}, row")
                    raise BadRows([InputInvalid(where=at, got=str(len(values)), expected=expected)])
                cells: dict[str, str | None] = dict(itertools.zip_longest(header, values))
                yield cells, where
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadRows([_unreadable(path, error, before + 1)]) from None


def _refuse_twice(frame: pl.LazyFrame, keys: pl.Series, paths: list[Path]) -> None:
    """Raises BadRows when a source has a pollutant twice: its emissions would be counted twice.

    Whatever shares a key is compared by name.
    """
    shared = keys.filter(keys == keys.shift(1)).unique().sort()
    for at in range(0, len(shared), _DUPLICATES_AT_ONCE):
        twice = (
            frame.select("source_id", "pollutant", _key())
            .filter(pl.col("key").is_in(shared[at : at + _DUPLICATES_AT_ONCE].implode()))
            .group_by("source_id", "pollutant")
            .agg(pl.len().alias("times"))
            .filter(pl.col("times") > 1)
            .sort("source_id", "pollutant")
            .head(NAMED_MAX)
            .collect(engine="streaming")
        )
        if len(twice):
            raise BadRows(
                [_twice(paths, row["source_id"], row["pollutant"], row["times"]) for row in twice.to_dicts()],
                more=len(shared) > NAMED_MAX,
            )


def _twice(paths: list[Path], source_id: str, pollutant: str, times: int) -> InputInvalid:
    once = Text("每个排污单位每种污染物只有一行", "one row for each source and pollutant")
    return InputInvalid(
        where=_second(paths, source_id, pollutant), got=f"{source_id} {pollutant} × {times}", expected=once
    )


def _second(paths: list[Path], source_id: str, pollutant: str) -> Text:
    """Where a position stands for the second time."""
    seen = 0
    for path in paths:
        if path.suffix == ".csv":
            for cells, where in _csv_rows(path):
                seen += cells["source_id"] == source_id and cells["pollutant"] == pollutant
                if seen == 2:
                    return Text(f"{where.zh} source_id", f"{where.en}, source_id")
            continue
        same = (pl.col("source_id") == source_id) & (pl.col("pollutant") == pollutant)
        found = _typed(path).select("source_id", "pollutant").with_row_index("row").filter(same).head(2)
        rows = found.collect(engine="streaming")["row"].to_list()
        if seen + len(rows) >= 2:
            where = _row(path, rows[1 - seen])
            return Text(f"{where.zh} source_id", f"{where.en}, source_id")
        seen += len(rows)
    raise AssertionError("a position that stands twice stands somewhere")


def _name_unreadable(paths: list[Path]) -> None:
    """Raises BadRows for the first file that cannot be read to its end; returns when all can."""
    for path in paths:
        try:
            _typed(path).select(pl.len(), pl.col(FAULTY).sum()).collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            if path.suffix == ".csv":
                for _ in _csv_rows(path):
                    pass
            raise BadRows([_unreadable(path, error)]) from None


def _unreadable(path: Path, error: Exception, line: int | None = None) -> InputInvalid:
    """Names the file, the line where known, and what the reader says."""
    kind = "Parquet" if path.suffix == ".parquet" else "UTF-8 CSV"
    says = getattr(error, "strerror", None) or str(error).splitlines()[0][:100]
    where = Text(str(path), str(path))
    if line is not None:
        where = Text(f"{path} 第{line}行", f"{path} line {line}")
    return InputInvalid(
        where=where, got=repr(says), expected=Text(f"可读的 {kind} 文件", f"a readable {kind} file")
    )


def _row(path: Path, number: int) -> Text:
    return Text(f"{path} 第{number + 1}条", f"{path} row {number + 1}")


def _invalid(path: Path, field: str, got: str, expected: Text) -> InputInvalid:
    return InputInvalid(where=Text(f"{path} {field}", f"{path}, {field}"), got=repr(got), expected=expected)
