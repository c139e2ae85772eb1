"""`terrace demo`: build the demo city in the data folder's database; --reset builds it anew."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from terrace.site.cli import BadInput, Output

HELP = "build the demo city (needs the database); --reset removes it first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="remove the demo city, and build it anew")
    parser.add_argument(
        "--data-dir", type=Path, default=None, help="default TERRACE_DATA_DIR, or .terrace in the checkout"
    )


def run(options: argparse.Namespace) -> Output:
    from terrace.site.database import open_database, recreate
    from terrace.site.postgres import PostgresProblem
    from terrace.site.serve import Server, StartProblem

    root = Path(__file__).resolve().parents[4]
    data_dir = (
        (options.data_dir or Path(os.environ.get("TERRACE_DATA_DIR") or root / ".terrace"))
        .expanduser()
        .resolve()
    )
    server = Server(data_dir=data_dir, port=0)
    try:
        server.claim()
        owner, server.cluster = open_database(data_dir)
        if options.reset:
            recreate(owner)
        environment = {**os.environ, "DATABASE_URL": owner, "TERRACE_DATA_DIR": str(data_dir)}
        environment["DJANGO_SETTINGS_MODULE"] = "terrace.site.settings.demo"
        done = subprocess.run(
            [sys.executable, "-m", "terrace", "migrate", "--seed-demo"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BadInput(
                (done.stderr.strip().splitlines() or ["building the demo city failed"])[-1].removeprefix(
                    "terrace migrate: "
                )
            )
    except (StartProblem, PostgresProblem) as error:
        raise BadInput(str(error)) from error
    finally:
        server.stop()
        if server.listener is not None:
            server.listener.close()
    return Output(
        {"data_dir": str(data_dir), "reset": options.reset},
        f"the demo city stands in {data_dir}; `terrace serve --demo` serves it",
    )
