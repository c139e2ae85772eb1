"""Small tables from CSV files: columns by name, every fault by file, line and field."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.quantity import read_decimal
from terrace.kernel.base.texts import Text

WORD_MAX = 100
NUMBER_MAX = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Row:
    """One row that carries something: its cells by column, without outer spaces, and the line it begins on."""

    file: str
    line: int
    cells: Mapping[str, str]

    def invalid(self, column: str, expected: Text) -> InputInvalid:
        """The refusal of one cell."""
        return _invalid(self.file, self.line, column, repr(self.cells[column][:40]), expected)

    def word(self, column: str) -> str:
        """A name of 1 to 100 characters. Raises InputInvalid."""
        word = self.cells[column]
        if not 1 <= len(word) <= WORD_MAX:
            raise self.invalid(
                column, Text(f"1至{WORD_MAX}个字符的文字", f"a text of 1 to {WORD_MAX} characters")
            )
        return word

    def number(self, column: str, places_max: int) -> Decimal:
        """An exact number of at least zero. Raises InputInvalid."""
        try:
            value = read_decimal(self.cells[column], where=Text("", ""), places_max=places_max)
        except InputInvalid:
            value = Decimal(-1)
        if not 0 <= value <= NUMBER_MAX:
            raise self.invalid(
                column,
                Text(
                    f"不小于零、最多{places_max}位小数的数字",
                    f"a number of at least zero with at most {places_max} decimals",
                ),
            )
        return value


def read_table(content: bytes, file: str, columns: tuple[str, ...]) -> list[Row]:
    """The rows of a CSV file with exactly these columns, in any order; empty rows are skipped.

    UTF-8, or GB 18030 as older spreadsheets write it. Raises InputInvalid, also when there is no row.
    """
    reader = csv.reader(io.StringIO(_decoded(content, file), newline=""))
    rows: list[Row] = []
    names: list[str] | None = None
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            plain = [cell.strip() for cell in cells]
            if not any(plain):
                continue
            if names is None:
                names = _header(plain, file, line, columns)
            elif len(plain) != len(names):
                count = Text(f"{len(names)}列", f"{len(names)} columns")
                raise _invalid(file, line, "row", str(len(plain)), count)
            else:
                rows.append(Row(file, line, dict(zip(names, plain, strict=True))))
    except csv.Error as error:
        raise _invalid(file, before + 1, "row", "CSV", Text(f"CSV({error})", f"CSV ({error})")) from None
    if not rows:
        listed = ",".join(columns)
        missing = Text(f"列 {listed} 及至少一行", f"the columns {listed} and at least one row")
        raise _invalid(file, before + 1, "row", "''", missing)
    return rows


def _decoded(content: bytes, file: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _invalid(file, 1, "file", "bytes", Text("UTF-8 或 GB 18030 文本", "UTF-8 or GB 18030 text"))


def _header(names: list[str], file: str, line: int, columns: tuple[str, ...]) -> list[str]:
    listed = ",".join(columns)
    for name in columns:
        if names.count(name) != 1:
            once = Text(f"一列 {name}(共 {listed})", f"one column {name} (of {listed})")
            raise _invalid(file, line, name, repr(",".join(names)[:80]), once)
    for name in names:
        if name not in columns:
            raise _invalid(file, line, name or "header", repr(name[:40]), Text(listed, listed))
    return names


def _invalid(file: str, line: int, field: str, got: str, expected: Text) -> InputInvalid:
    where = Text(f"{file} 第{line}行 {field}", f"{file} line {line}, {field}")
    return InputInvalid(where=where, got=got, expected=expected)
