"""The ledger beside a raw SQL transfer, pgledger and django-hordak, all durable (fsync on), in one run.

Raw single: one statement with two balance updates and one insert, no checks, no key, no hash. Raw batch: one
statement that updates the balances of its accounts and inserts rows with a unique key. Ours: the statements that
`services.post_entry` and `services.post_batch` send, everything checked, keyed and chained. Both through psycopg
with prepared statements on 10,000 spread accounts; interleaved repetitions, ratios of medians.

Targets: single at 1, 8, 32 clients 0.9, 0.8, 0.8 of raw; batches of 100 and 1,000 0.3 of raw.
PGLEDGER_SQL=…/pgledger.sql (of a checkout with its vendor folder) adds pgledger. django-hordak is installed from
requirements-bench.lock into a temporary venv; without a package registry it is skipped with a word.
BENCH_SECONDS and BENCH_REPETITIONS change how long it takes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from load import Job, batch_rate, rate

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = 10_000
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
REPETITIONS = max(1, int(os.environ.get("BENCH_REPETITIONS", "5")))
SINGLE_TARGETS = {1: 0.9, 8: 0.8, 32: 0.8}
BATCH_TARGETS = {100: 0.3, 1_000: 0.3}
HORDAK_CLIENTS = 8
AT = dt.datetime(2023, 12, 4, 9, 0, tzinfo=dt.UTC)

RAW_TABLES = """
CREATE TABLE raw_account (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 40);
CREATE TABLE raw_transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, debit bigint NOT NULL, credit bigint NOT NULL,
    amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE raw_keyed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE, debit bigint NOT NULL,
    credit bigint NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO raw_account SELECT n, 1000000000 FROM generate_series(1, 10000) n;
"""
RAW_ONE = """
WITH d AS (UPDATE raw_account SET balance = balance - %(amount)s WHERE id = %(debit)s),
     c AS (UPDATE raw_account SET balance = balance + %(amount)s WHERE id = %(credit)s)
INSERT INTO raw_transfer (debit, credit, amount) VALUES (%(debit)s, %(credit)s, %(amount)s)
"""
RAW_BATCH = """
WITH b AS (SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) b (key, debit, credit, amount)),
     s AS (SELECT id, sum(change) AS change FROM (
               SELECT debit AS id, -amount AS change FROM b UNION ALL SELECT credit, amount FROM b) x GROUP BY id),
     u AS (UPDATE raw_account a SET balance = balance + s.change FROM s WHERE a.id = s.id)
INSERT INTO raw_keyed (key, debit, credit, amount) SELECT key, debit, credit, amount FROM b
"""


def main(results_dir: Path) -> dict[str, Any]:
    """Run everything, write `ledger.json`, return the figures."""
    from terrace.site.postgres import Cluster

    folder = Path(tempfile.mkdtemp(prefix="terrace-bench-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "pg", durable=True)
    try:
        cluster.start()
        cluster.create_database()
        result = measure(cluster.url(), cluster.url, folder)
    finally:
        cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
    results_dir.mkdir(parents=True, exist_ok=True)
    (results_dir / "ledger.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def measure(url: str, url_of: Callable[[str], str], folder: Path) -> dict[str, Any]:
    accounts = prepare(url)
    with psycopg.connect(url) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    result: dict[str, Any] = {
        "benchmark": "ledger",
        "python": platform.python_version(),
        "postgresql": version[0] if version else "",
        "psycopg": psycopg.__version__,
        "fsync": fsync[0] if fsync else "",
        "cores": os.cpu_count(),
        "repetitions": REPETITIONS,
        "seconds_per_repetition": SECONDS,
        "single": [],
        "batch": [],
    }
    pgledger = load_pgledger(url_of)
    result["pgledger"] = pgledger["commit"] if pgledger else "skipped: PGLEDGER_SQL is not set"
    for clients, target in SINGLE_TARGETS.items():
        contestants = {"raw": (url, raw_one()), "terrace": (url, ours_one(accounts))}
        if pgledger:
            contestants["pgledger"] = (pgledger["url"], pgledger["job"])
        rates = interleaved(
            contestants, lambda where, job, tag, n=clients: rate(where, job, n, SECONDS, tag), f"s{clients}"
        )
        result["single"].append(line(f"{clients} clients", rates, target) | {"clients": clients})
    for size, target in BATCH_TARGETS.items():
        rates = interleaved(
            {"raw": (url, raw_batch()), "terrace": (url, ours_batch(accounts))},
            lambda where, job, tag, n=size: batch_rate(where, job, n, SECONDS, tag),
            f"b{size}",
        )
        result["batch"].append(line(f"batches of {size}", rates, target) | {"size": size})
    result["hordak"] = hordak(url_of, folder)
    if "rate" in result["hordak"]:
        ours = next(row for row in result["single"] if row["clients"] == HORDAK_CLIENTS)["rates"]["terrace"]
        print(
            f"ledger {HORDAK_CLIENTS} clients: django-hordak {result['hordak']['version']}"
            f" {result['hordak']['rate']:,.0f}/s; terrace is {ours / result['hordak']['rate']:.1f} times as fast"
        )
    else:
        print(f"ledger: django-hordak {result['hordak']['skipped']}")
    result["verify"] = verified(url)
    return result


def interleaved(
    contestants: dict[str, tuple[str, Job]], run: Callable[[str, Job, str], float], name: str
) -> dict[str, list[float]]:
    """Every contestant in turn, again and again, the order turned round each time."""
    rates: dict[str, list[float]] = {who: [] for who in contestants}
    for repetition in range(REPETITIONS):
        order = list(contestants)
        for who in order if repetition % 2 == 0 else reversed(order):
            where, job = contestants[who]
            rates[who].append(run(where, job, f"{name}:{who}:{repetition}"))
    return rates


def line(name: str, rates: dict[str, list[float]], target: float) -> dict[str, Any]:
    medians = {who: statistics.median(values) for who, values in rates.items()}
    ratio = medians["terrace"] / medians["raw"]
    words = ", ".join(f"{who} {value:,.0f}/s" for who, value in medians.items())
    print(
        f"ledger {name}: {words}; {ratio:.2f} of raw (target {target}, {'met' if ratio >= target else 'missed'})",
        flush=True,
    )
    return {"rates": medians, "all": rates, "ratio": ratio, "target": target, "met": ratio >= target}


# --- the contestants ------------------------------------------------------------------------------------------


def two(pick: random.Random) -> tuple[int, int]:
    """Two places among the accounts, each in its half, so that the raw statement cannot deadlock either."""
    return pick.randrange(ACCOUNTS // 2), ACCOUNTS // 2 + pick.randrange(ACCOUNTS // 2)


def raw_one() -> Job:
    def arguments(pick: random.Random, _tag: str, _n: int) -> Any:
        debit, credit = two(pick)
        return {"debit": debit + 1, "credit": credit + 1, "amount": 5}

    return RAW_ONE, arguments


def ours_one(accounts: list[int]) -> Job:
    from terrace.kernel.ledger.services import POST_ONE_SQL

    digest = hashlib.sha256(b"the digest of a request").digest()

    def arguments(pick: random.Random, tag: str, n: int) -> Any:
        debit, credit = two(pick)
        return [
            f"{tag}:{n}", "bench.move", AT, 1, 1, 1, "", "bench", "1", digest,
            "DIRECT", accounts[debit], accounts[credit], 5, None,
        ]  # fmt: skip

    return POST_ONE_SQL, arguments


def raw_batch() -> Job:
    def arguments(pick: random.Random, tag: str, size: int) -> Any:
        pairs = [two(pick) for _ in range(size)]
        return [
            [f"{tag}:{n}" for n in range(size)],
            [debit + 1 for debit, _ in pairs],
            [credit + 1 for _, credit in pairs],
            [5] * size,
        ]

    return RAW_BATCH, arguments


def ours_batch(accounts: list[int]) -> Job:
    from terrace.kernel.base.actor import SYSTEM
    from terrace.kernel.ledger.services import POST_MANY_SQL, Direct, NewEntry, batch_arguments

    def arguments(pick: random.Random, tag: str, size: int) -> Any:
        entries = []
        for n in range(size):
            debit, credit = two(pick)
            entries.append(
                NewEntry(
                    key=f"{tag}:{n}",
                    code="bench.move",
                    at=AT,
                    subject_type="bench",
                    subject_id=1,
                    transfers=(Direct(accounts[debit], accounts[credit], 5),),
                )
            )
        return batch_arguments(SYSTEM, entries)

    return POST_MANY_SQL, arguments


# --- making ready ---------------------------------------------------------------------------------------------


def prepare(url: str) -> list[int]:
    """Migrate, open and fund the accounts through the services, make the raw tables; returns the account numbers."""
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "terrace.site.settings.demo"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from terrace.kernel.base.actor import SYSTEM
    from terrace.kernel.ledger.services import Direct, NewEntry, account_of, money_asset, post_batch

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        yuan = money_asset()
        bank = account_of(owner_type="bench", owner_id="bank", asset=yuan, kind="BANK", may_overdraw=True)
        accounts = [
            account_of(owner_type="bench", owner_id=n, asset=yuan, kind="HOLDER") for n in range(ACCOUNTS)
        ]
        post_batch(
            actor=SYSTEM,
            entries=[
                NewEntry(
                    key=f"open:{n}",
                    code="bench.open",
                    at=AT,
                    subject_type="bench",
                    subject_id=1,
                    transfers=(Direct(bank, n, 1_000_000_000),),
                )
                for n in accounts
            ],
        )
    connection.close()
    with psycopg.connect(url, autocommit=True) as plain:
        plain.execute(RAW_TABLES)
        plain.execute("VACUUM ANALYZE")
    return accounts


def load_pgledger(url_of: Callable[[str], str]) -> dict[str, Any] | None:
    """pgledger in a database of its own, from the file that PGLEDGER_SQL names; None when it names none."""
    given = os.environ.get("PGLEDGER_SQL")
    if not given:
        print("ledger: pgledger skipped: PGLEDGER_SQL does not name its pgledger.sql")
        return None
    source = Path(given)
    with psycopg.connect(url_of("postgres"), autocommit=True) as plain:
        plain.execute("CREATE DATABASE pgledger")
    url = url_of("pgledger")
    with psycopg.connect(url) as plain:
        for part in (*sorted((source.parent / "vendor").rglob("*.sql")), source):
            plain.execute(part.read_text())  # type: ignore[arg-type]  # the peer's own file
        rows = plain.execute(
            "SELECT (pgledger_create_account('a' || n, 'CNY')).id FROM generate_series(1, %s) n", [ACCOUNTS]
        ).fetchall()
        plain.commit()
        plain.autocommit = True
        plain.execute("VACUUM ANALYZE")
    numbers = [row[0] for row in rows]

    def arguments(pick: random.Random, _tag: str, _n: int) -> Any:
        debit, credit = two(pick)
        return [numbers[debit], numbers[credit], 5]

    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    return {
        "url": url,
        "commit": f"pgledger.sql sha256 {digest}",
        "job": ("SELECT id FROM pgledger_create_transfer(%s::text, %s::text, %s::numeric)", arguments),
    }


def hordak(url_of: Callable[[str], str], folder: Path) -> dict[str, Any]:
    """django-hordak from its own lock in a venv of its own; median of the repetitions at 8 clients."""
    venv = folder / "hordak"
    lock = ROOT / "requirements-bench.lock"
    steps = (
        [sys.executable, "-m", "venv", str(venv)],
        [
            str(venv / "bin" / "python"),
            "-m",
            "pip",
            "--quiet",
            "--disable-pip-version-check",
            "install",
            "--require-hashes",
            "-r",
            str(lock),
        ],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"skipped": "skipped: its packages could not be installed from requirements-bench.lock"}
    with psycopg.connect(url_of("postgres"), autocommit=True) as plain:
        plain.execute("CREATE DATABASE hordak")
    rates, version = [], ""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DJANGO", "DATABASE"))}
    for _ in range(REPETITIONS):
        done = subprocess.run(
            [
                str(venv / "bin" / "python"),
                str(Path(__file__).with_name("hordak_peer.py")),
                url_of("hordak"),
                str(HORDAK_CLIENTS),
                str(SECONDS),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode or not done.stdout.strip():
            tail = done.stderr.strip().splitlines()[-1:] or ["no message"]
            return {"skipped": f"skipped: it did not run ({tail[0]})"}
        answer = json.loads(done.stdout.splitlines()[-1])
        rates.append(answer["rate"])
        version = answer["version"]
    return {"version": version, "clients": HORDAK_CLIENTS, "rate": statistics.median(rates), "all": rates}


def verified(url: str) -> dict[str, Any]:
    """How long `verify` takes over everything that this run has written, and that it finds nothing."""
    import time

    from django.db import connection

    from terrace.kernel.ledger import queries

    with psycopg.connect(url) as plain:
        row = plain.execute("SELECT count(*) FROM ledger_transfer").fetchone()
    started = time.perf_counter()
    fault = queries.verify()
    seconds = time.perf_counter() - started
    connection.close()
    transfers = row[0] if row else 0
    print(f"ledger verify: {transfers:,} transfers in {seconds:.1f} s: {fault or 'everything agrees'}")
    if fault is not None:
        raise SystemExit(f"the ledger does not verify after the benchmark: {fault}")
    return {"transfers": transfers, "seconds": seconds}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "bench" / "results")
