"""`terrace migrate`: bring the database to this version, set the grants, and (demo) seed the city once."""

from __future__ import annotations

import argparse
import os

from terrace.site.cli import BadInput, Output

HELP = "bring the database to this version and set the application's grants (needs the database)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed-demo", action="store_true", help="also build the demo city, once")


def run(options: argparse.Namespace) -> Output:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management.base import SystemCheckError
    from django.db.utils import OperationalError

    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE",
        "terrace.site.settings.demo" if options.seed_demo else "terrace.site.settings.prod",
    )
    try:
        django.setup()
        from django.conf import settings

        from terrace.site import checks, database
        from terrace.site.postgres import PostgresProblem

        try:
            tables = database.prepare()
        except PostgresProblem as error:
            raise BadInput(str(error)) from error
        if not settings.TERRACE_DEMO:
            checks.refuse_demo_leftovers()
        if options.seed_demo:
            from terrace.site import demo

            demo.build_once()
    except (ImproperlyConfigured, checks.NotFitForProduction) as error:
        raise BadInput(str(error)) from error
    except SystemCheckError as error:
        raise BadInput(f"a start-up check failed: {error}") from error
    except OperationalError as error:
        text = " ".join(str(error).split())
        raise BadInput(
            "the disk is full: the database could not write"
            if "No space left" in text
            else f"the database cannot be used: {text}"
        ) from error
    return Output({"append_only": tables}, f"ready; append-only tables: {len(tables)}")
