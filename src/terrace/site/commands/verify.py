"""`terrace verify FILE` runs a bundle again; `terrace verify` recomputes the journal and the ledger of the database."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from terrace.kernel.base.errors import Refusal
from terrace.site.cli import BadInput, Output, no_constant, once, read_file

HELP = "run a published bundle again, or (without FILE) recompute journal and ledger"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a bundle of `terrace clear --bundle`, or of a result page"
    )
    parser.add_argument("--sha256", metavar="DIGEST", help="the published digest that the bundle must have")
    parser.add_argument(
        "--digests",
        metavar="FILE",
        help="daily digests that were kept elsewhere (digests.json): compare the database with them",
    )


def run(options: argparse.Namespace) -> Output:
    if options.file is not None and options.digests is not None:
        raise BadInput("--digests compares the database: leave FILE out")
    return _bundle(options) if options.file is not None else _database(options)


def _kept(path: str | None) -> dict[str, str] | None:
    """Digests by day from a file that was downloaded earlier. Raises BadInput."""
    if path is None:
        return None
    try:
        items = json.loads(Path(path).read_bytes())["items"]
        return {str(item["day"]): str(item["sha256"]) for item in items}
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path}: expected the digests.json of the platform") from None


def _bundle(options: argparse.Namespace) -> Output:
    from terrace.market.auctions.rules.bundle import canonical, verify_bundle

    path = options.file
    content = read_file(path)
    try:
        # A field that stands twice could show one reader what another does not check.
        document = json.loads(content, parse_constant=no_constant, object_pairs_hook=once)
        canonical(document)  # what cannot be written down has no digest
    except (ValueError, RecursionError):
        raise BadInput(f"{path}: expected a bundle (JSON)") from None
    try:
        found = verify_bundle(document, path)
    except Refusal as refusal:
        raise BadInput(refusal.message(options.lang)) from None
    published = options.sha256 is None or options.sha256.strip().lower() == found.computed_digest
    ok = found.ok and published
    data = {
        "ok": ok,
        "file": path,
        "bundle_sha256": found.computed_digest,
        "stated_sha256": found.stated_digest,
        "hash_agrees": found.digest_agrees,
        "outcome_agrees": found.outcome_agrees,
        "published_agrees": published,
        "differences": list(found.differences),
    }
    zh = options.lang == "zh"
    if ok:
        text = f"{path}: {'结果与哈希均一致' if zh else 'outcome and digest agree'} {found.computed_digest}"
    else:
        faults = []
        if not found.outcome_agrees:
            names = ", ".join(found.differences)
            faults.append(f"复算结果不同({names})" if zh else f"the re-run differs in {names}")
        if not found.digest_agrees:
            faults.append("哈希不同" if zh else "the digest differs")
        if not published:
            faults.append("与公布的哈希不同" if zh else "it is not the published digest")
        text = f"{path}: {'；'.join(faults) if zh else '; '.join(faults)}"
    return Output(data, text, 0 if ok else 1)


def _database(options: argparse.Namespace) -> Output:
    """Exit 0 when everything agrees, 1 when a finding names its first bad row, 2 when the database is out of reach."""
    if options.sha256 is not None:
        raise BadInput("--sha256 belongs to a FILE")
    published = _kept(options.digests)
    from terrace.site.postgres import PostgresProblem

    try:
        with _reachable():
            rows = _findings(published)
    except PostgresProblem as error:
        raise BadInput(str(error)) from None
    if not rows:
        text = "日志链与台账均一致" if options.lang == "zh" else "journal and ledger agree"
    else:
        text = "\n".join(f"✗ {row['check']}: {row['where']}: {row['what']}" for row in rows)
    return Output({"ok": not rows, "findings": rows}, text, 0 if not rows else 1)


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    """DATABASE_URL, else the cluster of the data folder, started for the time of the check if it does not run."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    from terrace.site.postgres import Cluster

    root = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("TERRACE_DATA_DIR") or root / ".terrace").expanduser().resolve()
    if not (folder / "postgres").exists():
        raise BadInput(
            f"no database in {folder}: expected DATABASE_URL, or TERRACE_DATA_DIR of a city that was started once"
        )
    cluster = Cluster(folder / "postgres")
    running = cluster.is_running()
    if not running:
        cluster.start()
    os.environ["DATABASE_URL"] = cluster.url()
    try:
        yield
    finally:
        del os.environ["DATABASE_URL"]
        if not running:
            cluster.stop()


def _findings(published: dict[str, str] | None) -> list[dict[str, str]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "terrace.site.settings.demo")
    import django
    from django.db.utils import OperationalError, ProgrammingError

    django.setup()
    from terrace.site.checks import verify_database

    try:
        started = time.monotonic()
        found = [{"check": f.check, "where": f.where, "what": f.what} for f in verify_database(published)]
        _write_down(found, round(time.monotonic() - started))
        return found
    except (OperationalError, ProgrammingError) as error:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise BadInput(f"the database cannot be read: {first}") from None


def _write_down(found: list[dict[str, str]], seconds: int) -> None:
    """Leave the outcome in the journal, for the operator's page. A copy that may only be read is verified all the same."""
    from django.db.utils import DatabaseError

    from terrace.kernel.base import clock
    from terrace.kernel.base.actor import SYSTEM
    from terrace.kernel.publication.services import record_verification

    with contextlib.suppress(DatabaseError):
        record_verification(actor=SYSTEM, findings=found, seconds=seconds, now=clock.now())
