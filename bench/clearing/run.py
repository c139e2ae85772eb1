"""Clearing a million bids at a uniform price, beside one numpy argsort of the same prices and, small, an LP by HiGHS.

"The clearing itself" is: from the columns of prices and quantities to the clearing price, the units of
every bid and the revenue, the tie at the margin included. Reading the CSV and writing the answer are timed
apart, as `terrace clear` a user would wait for. Interleaved repetitions in one process; ratios of medians.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from terrace.market.auctions.rules.clearing import Bids, Terms, clear
from terrace.market.auctions.rules.clearing.engine import _Work, share_margin
from terrace.market.auctions.rules.clearing.fast import marginal_price

REPETITIONS = 9
START = dt.datetime(2025, 3, 27, 1, tzinfo=dt.UTC)


def book(n: int, seed: int = 20150327) -> tuple[np.ndarray, np.ndarray]:
    """Prices in cents and quantities in thousandths, as columns."""
    rng = np.random.default_rng(seed)
    return rng.integers(100, 10_000_000, n), rng.integers(1, 1_000, n)


def as_bids(prices: np.ndarray, quantities: np.ndarray) -> Bids:
    n = len(prices)
    return Bids(
        ids=[f"b{i:07}" for i in range(n)],
        bidders=[f"f{i % 50_000}" for i in range(n)],
        prices=prices.tolist(),
        quantities=quantities.tolist(),
        price_places=2,
        quantity_places=3,
        times=[START + dt.timedelta(milliseconds=7919 * i % 3_600_000) for i in range(n)],
    )


def clearing_itself(work: _Work, prices: np.ndarray, quantities: np.ndarray) -> int:
    """Price, units of every bid and revenue (in price units) of one uniform clearing."""
    assert work.supply is not None
    found = marginal_price(prices, quantities, work.supply)
    assert found is not None
    price, above, units = found
    group = np.flatnonzero(prices == price).tolist()
    for i, given in share_margin(work, group, work.quantities, work.supply - above).items():
        units[i] = given
    return price * int(units.sum())


def seconds(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def interleaved(
    functions: dict[str, Callable[[], object]], repetitions: int = REPETITIONS
) -> dict[str, float]:
    """Median seconds of each, run in turn so that a busy moment meets all of them."""
    for function in functions.values():
        function()
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            taken[name].append(seconds(function))
    return {name: statistics.median(values) for name, values in taken.items()}


def highs_revenue(prices: np.ndarray, quantities: np.ndarray, supply: int) -> int:
    """The same allocation as a linear programme: the supply row's dual is the price."""
    import highspy

    n = len(prices)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n, 1
    lp.col_cost_ = -prices.astype(float)
    lp.col_lower_, lp.col_upper_ = np.zeros(n), quantities.astype(float)
    lp.row_lower_, lp.row_upper_ = np.array([-highspy.kHighsInf]), np.array([float(supply)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.arange(n + 1)
    lp.a_matrix_.index_ = np.zeros(n, dtype=np.int32)
    lp.a_matrix_.value_ = np.ones(n)
    solver.passModel(lp)
    solver.run()
    return round(solver.getSolution().row_dual[0]) * -1


def small(n: int) -> dict[str, Any]:
    """HiGHS beside the whole `clear` on a small book; the dual price must be our price."""
    prices, quantities = book(n)
    supply = int(quantities.sum()) // 2
    bids, terms = as_bids(prices, quantities), Terms(supply=Decimal(supply) / 1000)
    taken = interleaved(
        {"clear": lambda: clear(bids, terms), "highs": lambda: highs_revenue(prices, quantities, supply)}, 5
    )
    ours = Decimal(clear(bids, terms).price or "0") * 100
    theirs = highs_revenue(prices, quantities, supply)
    return {
        "bids": n,
        "seconds": taken,
        "highs_over_clear": taken["highs"] / taken["clear"],
        "same_price": ours == theirs,
    }


def large(n: int) -> dict[str, Any]:
    """The clearing itself beside one argsort, and the steps around it."""
    prices, quantities = book(n)
    supply = int(quantities.sum()) // 2
    bids, terms = as_bids(prices, quantities), Terms(supply=Decimal(supply) / 1000)
    work = _Work(bids, terms)
    taken = interleaved(
        {
            "clearing_itself": lambda: clearing_itself(work, prices, quantities),
            "numpy_argsort": lambda: np.argsort(prices),
            "numpy_argsort_stable": lambda: np.argsort(prices, kind="stable"),
        }
    )
    whole = interleaved({"clear_with_lines": lambda: clear(bids, terms)}, 5)
    assert clearing_itself(work, prices, quantities) == _revenue(prices, quantities, supply)
    return {
        "bids": n,
        "seconds": {**taken, **whole},
        "clearing_over_argsort": taken["clearing_itself"] / taken["numpy_argsort"],
    }


def _revenue(prices: np.ndarray, quantities: np.ndarray, supply: int) -> int:
    order = np.argsort(prices)[::-1]
    reached = np.cumsum(quantities[order])
    return int(prices[order[int(np.searchsorted(reached, supply, side="right"))]]) * supply


def command(n: int) -> dict[str, Any]:
    """What a user waits for: `terrace clear FILE --json`, and the start of the program with a small file."""
    prices, quantities = book(n)
    with tempfile.TemporaryDirectory() as folder:
        big, tiny = Path(folder) / "big.csv", Path(folder) / "tiny.csv"
        for path, rows in ((big, n), (tiny, 30)):
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["bid_id", "bidder", "price", "quantity", "submitted_at"])
                for i in range(rows):
                    at = START + dt.timedelta(milliseconds=7919 * i % 3_600_000)
                    writer.writerow(
                        [
                            f"b{i:07}",
                            f"f{i % 50_000}",
                            f"{prices[i] / 100:.2f}",
                            f"{quantities[i] / 1000:.3f}",
                            at.isoformat(),
                        ]
                    )
        times = {}
        for name, path, repetitions in (("million", big, 1 if n > 200_000 else 3), ("tiny", tiny, 5)):
            words = [sys.executable, "-m", "terrace", "clear", str(path), "--supply", "10", "--json"]
            runs = [
                seconds(lambda words=words: subprocess.run(words, check=True, stdout=subprocess.DEVNULL))
                for _ in range(repetitions)
            ]
            times[name] = statistics.median(runs)
    return {"bids": n, "seconds": times}


def main(results_dir: Path) -> dict[str, Any]:
    """Run everything, write `clearing.json`, return the figures."""
    result = {
        "benchmark": "clearing",
        "python": platform.python_version(),
        "peers": {"numpy": np.__version__, "highspy": metadata.version("highspy")},
        "repetitions": REPETITIONS,
        "large": [large(100_000), large(1_000_000)],
        "small": [small(1_000), small(10_000)],
        "command": command(1_000_000),
        "target": {"clearing_over_argsort_max": 1.0},
    }
    results_dir.mkdir(parents=True, exist_ok=True)
    (results_dir / "clearing.json").write_text(json.dumps(result, indent=1) + "\n")
    for row in result["large"]:
        print(
            f"clearing {row['bids']:>9,} bids: {row['seconds']['clearing_itself'] * 1000:8.2f} ms, {row['clearing_over_argsort']:.2f} of one numpy argsort"
        )
    for row in result["small"]:
        print(
            f"clearing {row['bids']:>9,} bids: HiGHS takes {row['highs_over_clear']:.0f} times as long; same price: {row['same_price']}"
        )
    print(
        f"terrace clear of 1,000,000 bids, file to answer: {result['command']['seconds']['million']:.1f} s; of 30 bids: {result['command']['seconds']['tiny']:.2f} s"
    )
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "results")
