"""One PostgreSQL for the whole test run, shared by the parallel workers (each has its own database in it).

TERRACE_TEST_DATABASE_URL or DATABASE_URL name a server to use instead; then nothing is started here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_cluster = None
_folder: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _cluster, _folder
    if hasattr(config, "workerinput"):
        return
    if url := os.environ.get("TERRACE_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL"):
        _use(url)
        return
    from terrace.site.postgres import Cluster

    _folder = Path(tempfile.mkdtemp(prefix="terrace-test-"))
    _folder.chmod(0o755)
    _cluster = Cluster(_folder / "pg", durable=False)
    _cluster.start()
    _use(_cluster.url("terrace"))


def _use(url: str) -> None:
    """Point this process (its settings are loaded already) and the workers to come at `url`."""
    from django.conf import settings

    from terrace.site.settings.base import database_from_url

    os.environ["TERRACE_TEST_DATABASE_URL"] = url
    os.environ["TERRACE_TEST_RUN"] = str(os.getpid())
    settings.DATABASES["default"].update(database_from_url(url), CONN_MAX_AGE=0)


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    (Path(tempfile.gettempdir()) / f"terrace_template_{os.getpid()}.lock").unlink(missing_ok=True)
    if _cluster is not None:
        _cluster.stop("immediate")
    elif url := os.environ.get("TERRACE_TEST_DATABASE_URL"):
        import psycopg

        with psycopg.connect(
            psycopg.conninfo.make_conninfo(url, dbname="postgres"), autocommit=True
        ) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "terrace_template_{os.getpid()}"')
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests that start whole servers go first, so that parallel workers end together."""
    items.sort(
        key=lambda item: 0 if item.get_closest_marker("server") or item.get_closest_marker("browser") else 1
    )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Migrate once into a template; every worker's own database is a copy of it."""
    import fcntl

    import psycopg
    from django.conf import settings

    url = os.environ["TERRACE_TEST_DATABASE_URL"]
    template = f"terrace_template_{os.environ['TERRACE_TEST_RUN']}"
    maintenance = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    with (Path(tempfile.gettempdir()) / f"{template}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(maintenance, autocommit=True) as connection:
            if (
                connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone()
                is None
            ):
                connection.execute(f'CREATE DATABASE "{template}_new"')
                environment = {
                    **os.environ,
                    "TERRACE_TEST_DATABASE_URL": _renamed(url, f"{template}_new"),
                    "DJANGO_SETTINGS_MODULE": "terrace.site.settings.test",
                }
                environment["PYTHONPATH"] = str(Path(__file__).parent / "src")
                subprocess.run(
                    [sys.executable, "-m", "django", "migrate", "-v", "0"], env=environment, check=True
                )
                connection.execute(f'ALTER DATABASE "{template}_new" RENAME TO "{template}"')
    settings.DATABASES["default"]["TEST"] = {
        **settings.DATABASES["default"].get("TEST", {}),
        "TEMPLATE": template,
    }


def _renamed(url: str, name: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> None:
    """Tests with real commits empty the tables afterwards; only for them TRUNCATE is let through."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgfoid = 'terrace_refuse_change'::regproc AND tgtype & 32 = 32"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
