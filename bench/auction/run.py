"""Accepted bids through HTTP to durable, beside a bare Django view with one INSERT; and how fast watchers see a bid.

Both sides run under the same granian (WSGI, 8 threads), on the same durable PostgreSQL, in turn, in one
run. A bid includes sign-in, access, rules, the deposit's ledger hold, the journal and the live event; the
bare view has no middleware at all. The clients share the two cores with everything else.

Only 201 counts. On one lot every client takes the next price of one counter as it sends, so that no quote is too
low when it leaves; whichever is overtaken on the way is rightly refused, and costs its time without counting: the
refused share is printed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from bench.auction.clients import Tally, bare_request, bid_request, load, watch  # noqa: E402

from terrace.site.database import app_url  # noqa: E402
from terrace.site.postgres import Cluster  # noqa: E402

REPETITIONS = 5
SECONDS = float(os.environ.get("TERRACE_BENCH_SECONDS", "1.5"))
CLIENTS = (1, 16, 64)
START_FEN, STEP_FEN = 2_100_000, 50_000
THREADS = 8
WATCHERS = ((1_000, 0.100), (4_000, 0.400))
BIDS_WATCHED = 15


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def granian(target: str, environment: dict[str, str], *options: str) -> Iterator[int]:
    """A server of one worker process; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--no-ws", "--log-level", "error", "--workers", "1", "--host", "127.0.0.1",
         "--port", str(port), "--http", "1", "--loop", "uvloop", *options, target],
        env=environment, cwd=HERE.parents[1],
    )  # fmt: skip
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def bidding(web: int, bare: int, seeded: dict[str, Any]) -> dict[str, Any]:
    sessions, auctions = seeded["sessions"], seeded["auctions"]
    prices = [itertools.count(START_FEN, STEP_FEN) for _ in auctions]

    def one_lot(n: int) -> bytes:
        return bid_request(auctions[0], next(prices[0]), sessions[n])

    def many_lots(n: int) -> bytes:
        return bid_request(auctions[n + 1], next(prices[n + 1]), sessions[n])

    kinds = {
        "bare": (bare, lambda n: bare_request()),
        "one_lot": (web, one_lot),
        "many_lots": (web, many_lots),
    }
    for port, request_of in kinds.values():
        load(port, 8, 1.0, request_of)  # warm
    tallies: dict[tuple[str, int], list[Tally]] = {}
    for _ in range(REPETITIONS):
        for clients in CLIENTS:
            for kind, (port, request_of) in kinds.items():
                tallies.setdefault((kind, clients), []).append(load(port, clients, SECONDS, request_of))
    result: dict[str, Any] = {}
    for (kind, clients), rounds in tallies.items():
        latencies = [value for tally in rounds for value in tally.latencies]
        accepted, refused = sum(t.accepted for t in rounds), sum(t.refused for t in rounds)
        result[f"{kind}_{clients}"] = {
            "per_second": round(statistics.median(t.rate for t in rounds), 1),
            "p50_ms": round(1000 * percentile(latencies, 0.5), 2),
            "p99_ms": round(1000 * percentile(latencies, 0.99), 2),
            "refused_share": round(refused / max(1, accepted + refused), 3),
        }
    for clients in CLIENTS:
        for kind in ("one_lot", "many_lots"):
            ratios = [
                bid.rate / base.rate
                for bid, base in zip(tallies[(kind, clients)], tallies[("bare", clients)], strict=True)
            ]
            result[f"{kind}_{clients}"]["ratio_to_bare"] = round(statistics.median(ratios), 3)
    return result


def watching(web: int, environment: dict[str, str], seeded: dict[str, Any]) -> dict[str, Any]:
    auction, session = seeded["auctions"][-1], seeded["sessions"][0]
    prices = itertools.count(START_FEN, STEP_FEN)
    result: dict[str, Any] = {}

    def place() -> None:
        with socket.create_connection(("127.0.0.1", web), 10) as connection:
            connection.sendall(bid_request(auction, next(prices), session))
            assert b" 201 " in connection.recv(4096).split(b"\r\n", 1)[0]

    with granian(
        "terrace.site.asgi:application", environment, "--interface", "asgi", "--backpressure", "16384",
        "--backlog", "8192", "--runtime-mode", "st",
    ) as events:  # fmt: skip
        for watchers, target in WATCHERS:
            delays = watch(events, auction, watchers, BIDS_WATCHED, place, 0.8)
            result[f"watchers_{watchers}"] = {
                "p50_ms": round(1000 * percentile(delays, 0.5), 1),
                "p99_ms": round(1000 * percentile(delays, 0.99), 1),
                "max_ms": round(1000 * max(delays), 1),
                "arrived": len(delays),
                "expected": watchers * BIDS_WATCHED,
                "target_p99_ms": 1000 * target,
            }
    return result


def main(results_dir: str | Path) -> dict[str, Any]:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    folder = Path(tempfile.mkdtemp(prefix="terrace-bench-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "pg", durable=True)
    cluster.start()
    try:
        cluster.create_database()
        environment = {
            **os.environ,
            "DATABASE_URL": cluster.url(),
            "DJANGO_SETTINGS_MODULE": "terrace.site.settings.demo",
            "TERRACE_DATA_DIR": str(folder),
            "TERRACE_LOG_LEVEL": "ERROR",
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1] / "src"), str(HERE.parents[1])]),
        }
        subprocess.run([sys.executable, "-m", "terrace", "migrate"], env=environment, check=True)
        seeded = json.loads(
            subprocess.run(
                [sys.executable, str(HERE / "seed.py"), str(max(CLIENTS)), str(max(CLIENTS))],
                env=environment, check=True, capture_output=True, text=True,
            ).stdout
        )  # fmt: skip
        environment["DATABASE_URL"] = app_url(cluster.url())
        wsgi = ("--interface", "wsgi", "--blocking-threads", str(THREADS), "--backlog", "4096")
        with (
            granian("terrace.site.wsgi:application", environment, *wsgi) as web,
            granian("bench.auction.bare:application", environment, *wsgi) as bare,
        ):
            result = {
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "versions": {
                    name: metadata.version(name) for name in ("django", "granian", "psycopg", "uvloop")
                },
                "durable": True,
                "repetitions": REPETITIONS,
                "bids": bidding(web, bare, seeded),
                "events": watching(web, environment, seeded),
            }
    finally:
        cluster.stop("immediate")
    report(result)
    target = Path(results_dir) / "auction.json"
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False))
    return result


def report(result: dict[str, Any]) -> None:
    print(f"accepted bids through HTTP to durable ({result['machine']}; median of {result['repetitions']})")
    for name, row in result["bids"].items():
        ratio = row.get("ratio_to_bare")
        print(
            f"  {name:14} {row['per_second']:8.1f}/s  p50 {row['p50_ms']:7.2f} ms  p99 {row['p99_ms']:7.2f} ms"
            + (f"  refused {row['refused_share']:.1%}" if row["refused_share"] else "")
            + ("" if ratio is None else f"  ratio to bare INSERT {ratio:.2f} (target 0.5)")
        )
    for name, row in result["events"].items():
        print(
            f"  {name:14} p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms (target {row['target_p99_ms']:.0f} ms)"
            f"  max {row['max_ms']} ms  {row['arrived']} of {row['expected']} arrived"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "results")
