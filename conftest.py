"""One PostgreSQL for the whole test run, shared by the parallel workers (each has its own database in it).

TERRACE_TEST_DATABASE_URL or DATABASE_URL name a server to use instead; then nothing is started here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
KEPT = ROOT / ".terrace" / "test-clusters"
_cluster = None
_folder: Path | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _cluster, _folder
    if hasattr(config, "workerinput"):
        return
    if url := os.environ.get("TERRACE_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL"):
        _use(url, f"terrace_template_{os.getpid()}")
        return
    from terrace.site.postgres import Cluster

    _folder = Path(tempfile.mkdtemp(prefix="terrace-test-"))
    _folder.chmod(0o755)
    _cluster = Cluster(_folder / "pg", durable=False)
    kept = KEPT / _state_of_migrations()
    if kept.exists():
        _cluster.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(kept), str(_cluster.data)], check=True)
    _cluster.start()
    _use(_cluster.url("terrace"), "terrace_template")


def _state_of_migrations() -> str:
    """What a migrated database depends on: the migrations, the models' triggers, the locked versions."""
    digest = hashlib.sha256()
    for path in [
        *sorted((ROOT / "src").rglob("migrations/*.py")),
        *sorted(ROOT.glob("requirements*.lock")),
        ROOT / "src/terrace/site/settings/base.py",
    ]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _keep(cluster: object, name: str) -> None:
    """Keep the stopped cluster with its migrated template for the next run; only the newest is kept."""
    KEPT.mkdir(parents=True, exist_ok=True)
    partial = KEPT / f"{name}.{os.getpid()}"
    subprocess.run(["cp", "-a", str(cluster.data), str(partial)], check=True)  # type: ignore[attr-defined]
    (partial / "postmaster.pid").unlink(missing_ok=True)
    for old in KEPT.iterdir():
        if old != partial:
            shutil.rmtree(old, ignore_errors=True)
    partial.rename(KEPT / name)


def _use(url: str, template: str) -> None:
    """Point this process (its settings are loaded already) and the workers to come at `url`."""
    from django.conf import settings

    from terrace.site.settings.base import database_from_url

    os.environ["TERRACE_TEST_DATABASE_URL"] = url
    os.environ["TERRACE_TEST_TEMPLATE"] = template
    settings.DATABASES["default"].update(database_from_url(url), CONN_MAX_AGE=0)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(Path(tempfile.gettempdir()) / f"terrace-test-documents-{os.getpid()}", ignore_errors=True)
    if hasattr(config, "workerinput"):
        return
    if (factory := getattr(config, "_tmp_path_factory", None)) is not None and factory._basetemp is not None:
        name = hashlib.sha256(str(factory._basetemp).encode()).hexdigest()[:12]
        shutil.rmtree(Path(tempfile.gettempdir()) / f"terrace-built-{name}", ignore_errors=True)
    import psycopg

    if _cluster is not None:
        assert _folder is not None
        name = _state_of_migrations()
        with psycopg.connect(_cluster.url("postgres"), autocommit=True) as connection:
            made = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = 'terrace_template'"
            ).fetchone()
            others = connection.execute(
                "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'"
            ).fetchone()
        worth_keeping = bool(made) and others == (0,) and not (KEPT / name).exists()
        _cluster.stop("fast" if worth_keeping else "immediate")
        if worth_keeping:
            _keep(_cluster, name)
        shutil.rmtree(_folder, ignore_errors=True)
    elif (url := os.environ.get("TERRACE_TEST_DATABASE_URL")) and (
        template := os.environ.get("TERRACE_TEST_TEMPLATE")
    ):
        with psycopg.connect(
            psycopg.conninfo.make_conninfo(url, dbname="postgres"), autocommit=True
        ) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{template}"')


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
    template = os.environ["TERRACE_TEST_TEMPLATE"]
    maintenance = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    with Path(__file__).open() as lock:
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
        "MIGRATE": False,  # the copy is migrated already
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


@pytest.fixture(autouse=True)
def _no_job_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After tests with real commits Django empties our tables, but not those of procrastinate, which it does not manage."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (
        marker is not None and marker.kwargs.get("transaction")
    ):
        from django.db import connection

        with request.getfixturevalue("django_db_blocker").unblock(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
