"""`terrace worker`: jobs, deadlines, auction closings and publication. `terrace serve` starts one."""

from __future__ import annotations

import argparse

HELP = "run the jobs, deadlines and publication (needs the database; `serve` starts one)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="do what is due now, then end")


def run(options: argparse.Namespace) -> int:
    import django

    django.setup()
    from terrace.site import worker

    return worker.run(once=options.once)
