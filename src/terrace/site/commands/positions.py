"""`terrace positions POSITIONS.parquet|.csv|FOLDER --year 2026`: the yearly check of a nation's positions (R35)."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from terrace.kernel.base.quantity import GRAMS_PER_TONNE, Pollutant
from terrace.market.compliance.rules import (
    COLUMNS,
    SUMS,
    YEAR_MAX,
    YEAR_MIN,
    Finding,
    Sums,
    totals,
)
from terrace.site.cli import BadInput, Output, table

HELP = "yearly check: emissions against rights, shortages, unused and expired rights, missing reports"
SHOWN_MAX = 50
GRAMS = tuple(name for name in SUMS if name.endswith("_g"))
BASIS_ZH = "排污权有效期涵盖该年任意一天即全额计入（建议口径，R35 未规定）；量为吨（JSON 与输出文件为克）。"
BASIS_EN = (
    "A right counts whole when its term holds on any day of the year (proposed; R35 does not say); "
    "quantities in tonnes (grams in JSON and in the file)."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "positions", metavar="POSITIONS", help=f".parquet, .csv or a folder; columns {','.join(COLUMNS)}"
    )
    parser.add_argument("--year", metavar="YYYY", help="the year of the check (default: this year)")
    parser.add_argument("--out", metavar="FILE", help="write every position with a finding: .csv or .parquet")


def run(options: argparse.Namespace) -> Output:
    # polars takes half a second to load; only this command pays for it.
    from terrace.market.compliance.queries import BadRows, check_files, files_of, write_findings

    year = _year(options.year)
    try:
        paths = files_of(_path(options.positions))
        target = _target(options.out, Path(options.positions), paths) if options.out is not None else None
        sums = check_files(paths, year).sums
        if target is not None:
            write_findings(paths, year, target)
    except BadRows as bad:
        lines = [each.message(options.lang) for each in bad.refusals]
        more = "……还有其他错误。" if options.lang == "zh" else "… and more."
        raise BadInput(" ".join([*lines, *([more] if bad.more else [])])) from None
    except OSError as error:
        raise BadInput(f"{options.out or options.positions}: {error.strerror or error}") from None
    by_pollutant = {
        each: totals(row for (_, pollutant), row in sums.items() if pollutant is each)
        for each in Pollutant
        if any(pollutant is each for _, pollutant in sums)
    }
    data = {
        "year": year,
        "files": len(paths),
        "unit": "grams",
        "basis_zh": BASIS_ZH,
        "basis_en": BASIS_EN,
        "total": {name: value for name, value in _plain(totals(sums.values())).items() if name not in GRAMS},
        "by_pollutant": [
            {"pollutant": pollutant.value, **_plain(row)} for pollutant, row in by_pollutant.items()
        ],
        "by_area": [
            {"area": area, "pollutant": pollutant.value, **_plain(row)}
            for (area, pollutant), row in sums.items()
        ],
        "out": options.out,
    }
    return Output(data, _readable(year, sums, by_pollutant, options.lang))


def _path(name: str) -> Path:
    path = Path(name)
    try:
        known = path.exists()
    except (OSError, ValueError):
        known = False
    if not known:
        raise BadInput(f"{name!r}: expected the name of a file or folder that is there")
    return path


def _year(text: str | None) -> int:
    if text is None:
        return dt.datetime.now(ZoneInfo("Asia/Shanghai")).year
    if not (len(text) == 4 and text.isascii() and text.isdigit() and YEAR_MIN <= int(text) <= YEAR_MAX):
        raise BadInput(f"--year {text!r}: expected a year from {YEAR_MIN} to {YEAR_MAX}")
    return int(text)


def _target(name: str, source: Path, paths: list[Path]) -> Path:
    """Where the findings go: never onto a file that is read, nor where the next check would read it."""
    target = Path(name)
    if target.suffix not in (".csv", ".parquet"):
        raise BadInput(f"--out {name!r}: expected a name that ends in .csv or .parquet")
    try:
        whole = target.resolve()
        if not whole.parent.is_dir() or whole.is_dir():
            raise BadInput(f"--out {name!r}: expected a file in a folder that is there")
        if whole in [each.resolve() for each in paths] or source.resolve() in whole.parents:
            raise BadInput(f"--out {name!r}: expected a file outside of what is read")
    except (OSError, ValueError):
        raise BadInput(f"--out {name!r}: expected the name of a file") from None
    return target


def _plain(row: Sums) -> dict[str, int]:
    return {name: getattr(row, name) for name in SUMS}


def _tonnes(grams: int) -> str:
    whole, rest = divmod(grams, GRAMS_PER_TONNE)
    return f"{whole:,}" + (f".{rest:06}".rstrip("0") if rest else "")


def _readable(
    year: int,
    sums: Mapping[tuple[str, Pollutant], Sums],
    by_pollutant: Mapping[Pollutant, Sums],
    language: str,
) -> str:
    zh = language == "zh"
    everything = totals(sums.values())
    if zh:
        lines = [
            f"{year}年年度核查 · {everything.positions:,} 个核查项 · {len({a for a, _ in sums})} 个地区",
            "",
        ]
        head = ["污染物", "计入排污权", "排放", "短缺", "结余", "未使用", "已到期"]
        areas = ["地区", "污染物", "短缺", "短缺项", "未报项"]
    else:
        lines = [
            f"yearly check {year} · {everything.positions:,} positions · {len({a for a, _ in sums})} areas",
            "",
        ]
        head = ["pollutant", "right counted", "emitted", "shortage", "surplus", "unused", "expired"]
        areas = ["area", "pollutant", "shortage", "positions short", "not reported"]
    shown = ("counted_g", "emitted_g", "shortage_g", "surplus_g", "unused_g", "expired_g")
    rows = [
        [pollutant.value, *(_tonnes(getattr(row, name)) for name in shown)]
        for pollutant, row in by_pollutant.items()
    ]
    lines += [*table([head, *rows], 1), ""]
    counts = [[each.label.of(language), f"{everything.of(each):,}"] for each in Finding]
    lines += table(counts, 1)
    short = sorted((key for key, row in sums.items() if row.shortage), key=lambda key: -sums[key].shortage_g)
    if short:
        rows = [
            [area, pollutant.value, _tonnes(row.shortage_g), f"{row.shortage:,}", f"{row.unknown:,}"]
            for area, pollutant in short[:SHOWN_MAX]
            for row in (sums[area, pollutant],)
        ]
        lines += ["", *table([areas, *rows], 2)]
    if len(short) > SHOWN_MAX:
        lines.append(f"… {len(short)} ({'其余见' if zh else 'the rest with'} --json)")
    return "\n".join([*lines, "", BASIS_ZH if zh else BASIS_EN])
