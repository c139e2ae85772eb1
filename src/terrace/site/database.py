"""Preparing a database: reach it, migrate it, and take from the application what it must never do.

The application works as role `terrace_app`: it owns nothing, and on every table that has an append-only
trigger it holds no UPDATE, DELETE or TRUNCATE. So the journal and the ledger are protected twice,
by trigger and by grants. Functions with the owner's rights (SECURITY DEFINER) may be executed by it alone. Migrations
run as the owner.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from terrace.site.postgres import Cluster, PostgresProblem

APP_ROLE = "terrace_app"
VERSION_MIN = 150_000

APPEND_ONLY_SQL = """
SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE (p.proname = 'terrace_refuse_change' AND t.tgqual IS NULL AND t.tgattr = '')
    OR t.tgname LIKE 'pgtrigger_append_only%'
ORDER BY 1
"""

# Guarded in part: some columns, or rows in some state. The application changes the rest and deletes nothing.
GUARDED_SQL = """
SELECT DISTINCT t.tgrelid::regclass::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'terrace_refuse_change' AND (t.tgqual IS NOT NULL OR t.tgattr <> '')
ORDER BY 1
"""

# Written by functions that run with the owner's rights; the application itself may only read them.
BY_FUNCTION_SQL = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'by_function_only'
UNION VALUES ('audit_journal'), ('audit_stream'), ('ledger_entry')
ORDER BY 1
"""

# Functions that run with their owner's rights are for the application alone: PostgreSQL gives EXECUTE to everybody.
DEFINER_SQL = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE prosecdef AND prokind = 'f' AND pronamespace = 'public'::regnamespace ORDER BY 1
"""

GRANTS_SQL = f"""
GRANT USAGE ON SCHEMA public TO {APP_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE};
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO {APP_ROLE};
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {APP_ROLE};
"""


def open_database(data_dir: Path) -> tuple[str, Cluster | None]:
    """The owner's address of the database: DATABASE_URL, else the embedded cluster, started.

    Raises PostgresProblem with one clear line.
    """
    if url := os.environ.get("DATABASE_URL"):
        reach(url)
        return url, None
    cluster = Cluster(data_dir / "postgres")
    cluster.start()
    cluster.create_database()
    return cluster.url(), cluster


def reach(url: str) -> None:
    """Connect once; raises PostgresProblem when the server is away, refuses, or is older than 15."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.info.server_version < VERSION_MIN:
                raise PostgresProblem(
                    f"the database server is version {connection.info.server_version // 10000}; Terrace needs 15 or newer"
                )
    except psycopg.OperationalError as error:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise PostgresProblem(f"the database of DATABASE_URL cannot be reached: {first}") from error


def app_url(owner_url: str) -> str:
    """The same database as seen by the application: every session starts as `terrace_app`."""
    mark = "&" if "?" in owner_url else "?"
    return f"{owner_url}{mark}options={quote(f'-c role={APP_ROLE}')}"


def prepare() -> list[str]:
    """Migrate the configured database and set the grants; returns the append-only tables. Django must be set up.

    Raises PostgresProblem when the owner may not make the role and nobody made it before.
    """
    import psycopg
    from django.core.management import call_command
    from django.db import connection
    from django.db.utils import ProgrammingError

    call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
        if cursor.fetchone() is None:
            try:
                cursor.execute(f"CREATE ROLE {APP_ROLE} NOLOGIN")
            except ProgrammingError as error:
                if isinstance(error.__cause__, psycopg.errors.DuplicateObject):
                    pass
                else:
                    raise PostgresProblem(
                        f"the database user may not create the role {APP_ROLE}; ask the administrator to run once: "
                        f"CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO CURRENT_USER"
                    ) from error
        cursor.execute(f"SELECT pg_has_role(current_user, '{APP_ROLE}', 'MEMBER')")
        row = cursor.fetchone()
        if row is not None and not row[0]:
            cursor.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")
        cursor.execute(GRANTS_SQL)
        cursor.execute(APPEND_ONLY_SQL)
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")
        cursor.execute(GUARDED_SQL)
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")
        cursor.execute(BY_FUNCTION_SQL)
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")
        cursor.execute(DEFINER_SQL)
        for (function,) in cursor.fetchall():
            cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")
    return tables


def recreate(owner_url: str) -> None:
    """Remove and make again the database of `owner_url`. Refuses one that holds anything but a demo city."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(owner_url, autocommit=True) as connection:
        name = connection.info.dbname
        found = connection.execute("SELECT to_regclass('orgs_organisation')").fetchone()
        if found is not None and found[0] is not None:
            real = connection.execute(
                "SELECT count(*) FROM orgs_organisation WHERE NOT is_synthetic"
            ).fetchone()
            if real is not None and real[0]:
                raise PostgresProblem(
                    f"database {name} holds {real[0]} organisations that are not of the demo: it is not removed"
                )
    maintenance = psycopg.conninfo.make_conninfo(owner_url, dbname="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
