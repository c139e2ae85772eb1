"""The yearly check of 24 million positions (4 million sources x 6 pollutants) beside one read of the same columns.

The data are made here, as Parquet files of two million rows. Every run is a process of its own, in turn, so that
its peak of memory is its own; seconds are taken inside, without the start of Python. Peers: polars and DuckDB
reading the same columns once (numbers added up, texts measured), and DuckDB doing the same check in SQL, whose sums must
be ours. DuckDB comes from requirements-bench.lock into a temporary venv; without a package registry it is
skipped with a word. `--rows` makes it smaller.

Targets: at most 3 times the read by polars, under 4 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
YEAR = 2026
ROWS = 24_000_000
FILE_ROWS = 2_000_000
AREAS = 2_900
POLLUTANTS = ("COD", "NH3N", "SO2", "NOX", "VOCS", "PM")
SEED = 20261231
RATIO_MAX, MEMORY_MAX = 3.0, 4_000_000_000

DUCKDB_READ = """
SELECT sum(length(source_id)), sum(length(area)), sum(length(pollutant)), sum(length(report_state)),
       sum(right_g), sum(emitted_g), min(term_start), max(term_end) FROM read_parquet('{files}')
"""
# The same answer as `terrace positions`: rows judged, faulty rows and positions that stand twice counted.
DUCKDB_CHECK = """
WITH judged AS (
  SELECT *, CASE WHEN term_start <= DATE '{year}-12-31' AND term_end >= DATE '{year}-01-01'
                 THEN right_g ELSE 0 END AS counted_g,
         (coalesce(length(source_id), 0) NOT BETWEEN 1 AND 100 OR coalesce(length(area), 0) NOT BETWEEN 1 AND 100
          OR coalesce(pollutant NOT IN ('COD', 'NH3N', 'SO2', 'NOX', 'VOCS', 'PM'), true)
          OR coalesce(report_state NOT IN ('FILED', 'LATE', 'MISSING'), true)
          OR coalesce(right_g NOT BETWEEN 0 AND 1000000000000000, true)
          OR coalesce(emitted_g NOT BETWEEN 0 AND 1000000000000000, report_state <> 'MISSING')
          OR coalesce(term_end < term_start, true)) AS faulty
  FROM read_parquet('{files}')
)
SELECT area, pollutant, count(*), sum(right_g), sum(counted_g), coalesce(sum(emitted_g), 0),
       coalesce(sum(greatest(emitted_g - counted_g, 0)), 0), coalesce(sum(greatest(counted_g - emitted_g, 0)), 0),
       coalesce(sum(counted_g) FILTER (emitted_g = 0 AND counted_g > 0), 0),
       coalesce(sum(right_g) FILTER (term_end < DATE '{year}-01-01'), 0),
       count(*) FILTER (emitted_g IS NULL),
       count(*) FILTER (emitted_g > counted_g), count(*) FILTER (emitted_g = 0 AND counted_g > 0),
       count(*) FILTER (term_end < DATE '{year}-01-01' AND right_g > 0),
       count(*) FILTER (term_end BETWEEN DATE '{year}-01-01' AND DATE '{year}-12-31' AND right_g > 0),
       count(*) FILTER (term_start > DATE '{year}-12-31' AND right_g > 0),
       count(*) FILTER (report_state = 'MISSING'), count(*) FILTER (report_state = 'LATE'),
       count(*) FILTER (faulty)
FROM judged GROUP BY area, pollutant
"""
DUCKDB_TWICE = """
SELECT count(*) FROM (SELECT source_id, pollutant FROM read_parquet('{files}')
                      GROUP BY source_id, pollutant HAVING count(*) > 1)
"""


def make(folder: Path, rows: int) -> None:
    """Positions of a nation, the same for the same number of rows."""
    import numpy as np
    import polars as pl

    for n, first in enumerate(range(0, rows, FILE_ROWS)):
        count = min(FILE_ROWS, rows - first)
        rng = np.random.default_rng([SEED, n])
        index = np.arange(first, first + count)
        source = index // len(POLLUTANTS)
        right = rng.integers(0, 2_000_000_000, count)
        emitted = (right * rng.uniform(0.5, 1.05, count)).astype(np.int64)
        emitted[rng.random(count) < 0.02] = 0
        state = rng.choice(3, count, p=[0.95, 0.03, 0.02])
        start = rng.integers(2021, 2026, count)
        pl.DataFrame(
            {
                "source_id": pl.Series(source).cast(pl.String).str.zfill(18) + "001P",
                "area": pl.Series(110_000 + source * 7_919 % AREAS).cast(pl.String),
                "pollutant": np.array(POLLUTANTS)[index % len(POLLUTANTS)],
                "right_g": right,
                "emitted_g": pl.Series(emitted),
                "term_start": pl.Series(start),
                "report_state": np.array(["FILED", "LATE", "MISSING"])[state],
            }
        ).with_columns(
            emitted_g=pl.when(pl.col("report_state") != "MISSING").then(pl.col("emitted_g")),
            term_start=pl.date(pl.col("term_start"), 1, 1),
            term_end=pl.date(pl.col("term_start") + 4, 12, 31),
        ).write_parquet(folder / f"{n:03}.parquet")


def peak_bytes() -> int:
    """Of this program alone (Linux); getrusage would also count what its parent held before it started."""
    status = Path("/proc/self/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def one(name: str, folder: Path) -> dict[str, Any]:
    """One run in this process: seconds, peak bytes, and what it answers."""
    files = str(folder / "*.parquet")
    if name == "check":
        from terrace.market.compliance.queries import check_files, files_of
        from terrace.market.compliance.rules import SUMS

        begun, begun_cpu = time.perf_counter(), time.process_time()
        sums = check_files(files_of(folder), YEAR).sums
        answer: Any = sorted(
            [area, pollutant.value, *(getattr(row, each) for each in SUMS)]
            for (area, pollutant), row in sums.items()
        )
    elif name == "polars_read":
        import polars as pl

        frame = pl.scan_parquet(files)
        texts = [
            pl.col(each).str.len_bytes().sum() for each in ("source_id", "area", "pollutant", "report_state")
        ]
        begun, begun_cpu = time.perf_counter(), time.process_time()
        frame.select(
            *texts, pl.col("right_g", "emitted_g").sum(), pl.col("term_start").min(), pl.col("term_end").max()
        ).collect(engine="streaming")
        answer = None
    else:
        import duckdb

        place = {"files": files.replace("'", "''"), "year": YEAR}
        begun, begun_cpu = time.perf_counter(), time.process_time()
        if name == "duckdb_read":
            duckdb.sql(DUCKDB_READ.format(**place)).fetchall()
            answer = None
        else:
            rows = duckdb.sql(DUCKDB_CHECK.format(**place)).fetchall()
            twice = duckdb.sql(DUCKDB_TWICE.format(**place)).fetchall()
            assert twice == [(0,)] and not any(row[-1] for row in rows)
            answer = sorted([row[0], row[1], *(int(each) for each in row[2:-1])] for row in rows)
    seconds = time.perf_counter() - begun
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - begun_cpu,
        "peak_bytes": peak_bytes(),
        "answer": answer,
    }


def run(name: str, folder: Path, python: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(Path(__file__).resolve()), "--one", name, "--folder", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def duckdb_python(folder: Path) -> str | None:
    """A Python that has DuckDB: this one, or that of a venv made now. None without a package registry."""
    if (
        subprocess.run([sys.executable, "-c", "import duckdb"], capture_output=True, check=False).returncode
        == 0
    ):
        return sys.executable
    venv = folder / "venv"
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]
    for step in (
        [sys.executable, "-m", "venv", str(venv)],
        [*pip, "-r", str(ROOT / "requirements-bench.lock")],
    ):
        if subprocess.run(step, capture_output=True, check=False).returncode:
            return None
    return python


def main(results: Path, rows: int, repetitions: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        make(data, rows)
        other = duckdb_python(Path(name))
        pythons = {"polars_read": sys.executable, "check": sys.executable}
        if other is None:
            print("DuckDB skipped: it could not be installed from requirements-bench.lock")
        else:
            pythons |= {"duckdb_read": other, "duckdb_check": other}
        taken: dict[str, list[dict[str, Any]]] = {each: [] for each in pythons}
        for _ in range(repetitions):
            for each, python in pythons.items():
                taken[each].append(run(each, data, python))
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "terrace", "positions", str(data), "--year", str(YEAR), "--json"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        command = time.perf_counter() - begun
        size = sum(each.stat().st_size for each in data.iterdir())
    figures = {
        each: {
            "seconds": statistics.median(row["seconds"] for row in found),
            "cpu_seconds": statistics.median(row["cpu_seconds"] for row in found),
            "peak_bytes": max(row["peak_bytes"] for row in found),
        }
        for each, found in taken.items()
    }
    same = None
    if "duckdb_check" in taken:
        same = taken["check"][0]["answer"] == taken["duckdb_check"][0]["answer"]
    ratio = figures["check"]["seconds"] / figures["polars_read"]["seconds"]
    peak = figures["check"]["peak_bytes"]
    result = {
        "benchmark": "positions",
        "python": platform.python_version(),
        "peers": {"polars": metadata.version("polars")},
        "rows": rows,
        "bytes": size,
        "repetitions": repetitions,
        "figures": figures,
        "command_seconds": command,
        "check_over_polars_read": ratio,
        "same_sums_as_duckdb": same,
        "target": {"check_over_polars_read_max": RATIO_MAX, "peak_bytes_max": MEMORY_MAX},
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "positions.json").write_text(json.dumps(result, indent=1) + "\n")
    for each, row in figures.items():
        print(
            f"{each:12} {rows:>11,} rows: {row['seconds']:7.2f} s ({row['cpu_seconds']:.2f} s of the processors), peak {row['peak_bytes'] / 1e9:.2f} GB"
        )
    words = "met" if ratio <= RATIO_MAX and peak < MEMORY_MAX else "MISSED"
    print(
        f"check over one read: {ratio:.2f} (at most {RATIO_MAX}); target {words}; whole command {command:.2f} s"
    )
    if same is not None:
        print(f"same sums as DuckDB: {same}")
    return 0 if same is not False else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=ROOT / "bench" / "results")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.folder)))
    else:
        raise SystemExit(main(options.results, options.rows, options.repetitions))
