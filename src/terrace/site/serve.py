"""Starting and keeping up a whole Terrace: database, web, live events, worker, behind one gate.

This process imports no Django: it supervises. A child that dies is started again; the embedded
database too. Everything that was acknowledged is in PostgreSQL, so a restart loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from terrace.site.database import app_url, open_database
from terrace.site.gate import Gate
from terrace.site.postgres import Cluster, PostgresProblem

WEB_THREADS = 8
EVENTS_BACKPRESSURE = 16_384
RESTART_PAUSE_SECONDS = (0.2, 0.5, 1, 2, 5)
STOP_SECONDS_MAX = 10


class StartProblem(Exception):
    """One clear line: why Terrace cannot start."""


@dataclass
class Child:
    """One supervised process."""

    name: str
    command: list[str]
    environment: dict[str, str]
    socket: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        if self.socket is not None:
            self.socket.unlink(
                missing_ok=True
            )  # a killed process leaves its socket behind, and binding it again fails
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def sweep(self) -> None:
        """End what a dead parent left behind: a killed granian leaves its worker running."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def restart_pause(self) -> float:
        if time.monotonic() - self.started_at > 30:
            self.failures = 0
        pause = RESTART_PAUSE_SECONDS[min(self.failures, len(RESTART_PAUSE_SECONDS) - 1)]
        self.failures += 1
        return pause


@dataclass
class Server:
    """A running Terrace on one address."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    settings_module: str = "terrace.site.settings.demo"
    is_demo: bool = True
    children: list[Child] = field(default_factory=list)
    cluster: Cluster | None = None
    listener: socket.socket | None = None
    lock: IO[str] | None = None
    is_stopping: bool = False

    def claim(self) -> None:
        """Take the port and the data folder before anything is started. Raises StartProblem."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            probe = self.data_dir / ".write-probe"
            probe.write_text("x")
            probe.unlink()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StartProblem(
                    f"the disk that holds {self.data_dir} is full: free some space and start again"
                ) from error
            raise StartProblem(
                f"the data folder {self.data_dir} cannot be written ({error.strerror}): choose another with TERRACE_DATA_DIR or --data-dir"
            ) from error
        self.lock = (self.data_dir / "serve.lock").open("a")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartProblem(
                f"another Terrace is running on the data folder {self.data_dir}: stop it, or choose another with --data-dir"
            ) from None
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.listener.bind((self.host, self.port))
            self.listener.listen(4096)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartProblem(
                    f"port {self.port} is in use by another program: choose another with TERRACE_PORT or --port"
                ) from error
            raise StartProblem(f"cannot listen on {self.host}:{self.port}: {error.strerror}") from error
        self.port = self.listener.getsockname()[1]

    def prepare(self) -> None:
        """Start the database, migrate, set grants, seed the demo city on first use."""
        owner, self.cluster = open_database(self.data_dir)
        environment = self._environment(owner)
        command = [sys.executable, "-m", "terrace", "migrate", *(["--seed-demo"] if self.is_demo else [])]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
            if os.environ.get("TERRACE_LOG_LEVEL") == "DEBUG":
                sys.stderr.write(done.stderr)
            raise StartProblem(
                lines[-1].removeprefix("terrace migrate: ") if lines else "preparing the database failed"
            )
        run = self.run_dir
        run.mkdir(parents=True, exist_ok=True)
        app = self._environment(app_url(owner))
        granian = [
            sys.executable,
            "-m",
            "granian",
            "--no-ws",
            "--log-level",
            "warning",
            "--workers",
            "1",
            "--loop",
            "uvloop",
        ]
        self.children = [
            Child(
                "web",
                [*granian, "--interface", "wsgi", "--uds", str(self.web_socket), "--blocking-threads", str(WEB_THREADS),
                 "--backlog", "4096", "--http", "1", "terrace.site.wsgi:application"],
                app,
                self.web_socket,
            ),
            Child(
                "events",
                [*granian, "--interface", "asgi", "--uds", str(self.events_socket), "--backpressure", str(EVENTS_BACKPRESSURE),
                 "--backlog", "8192", "--http", "1", "--runtime-mode", "st", "terrace.site.asgi:application"],
                app,
                self.events_socket,
            ),
            Child("worker", [sys.executable, "-m", "terrace", "worker"], app),
        ]  # fmt: skip

    @property
    def run_dir(self) -> Path:
        folder = self.data_dir / "run"
        if len(str(folder)) > 80:  # Unix socket addresses are short
            folder = Path(f"/tmp/terrace-{os.getuid()}-{self.port}")  # noqa: S108 - private by mode, named by port
        return folder

    @property
    def web_socket(self) -> Path:
        return self.run_dir / "web.sock"

    @property
    def events_socket(self) -> Path:
        return self.run_dir / "events.sock"

    def _environment(self, url: str) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": self.settings_module,
            "TERRACE_DATA_DIR": str(self.data_dir),
            "PYTHONUNBUFFERED": "1",
        }

    async def run(self, on_ready: asyncio.Event | None = None) -> None:
        """Serve until SIGINT or SIGTERM."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        for child in self.children:
            child.start()
        gate = Gate(web=self.web_socket, events=self.events_socket, trust_forwarded=not self.is_demo)
        assert self.listener is not None
        server = await loop.create_server(gate.protocol(), sock=self.listener)
        watchers = [loop.create_task(self._watch(child)) for child in self.children]
        if self.cluster is not None:
            watchers.append(loop.create_task(self._watch_database(self.cluster)))
        if on_ready is not None:
            await self._until_serving()
            on_ready.set()
        await stop.wait()
        self.is_stopping = True
        server.close()
        for task in watchers:
            task.cancel()
        await loop.run_in_executor(None, self.stop)

    async def _until_serving(self) -> None:
        for _ in range(300):
            if self.web_socket.exists():
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_unix_connection(str(self.web_socket))
                    writer.close()
                    return
            await asyncio.sleep(0.1)

    async def _watch(self, child: Child) -> None:
        while not self.is_stopping:
            assert child.process is not None
            if child.process.poll() is None:
                await asyncio.sleep(0.1)
                continue
            pause = child.restart_pause()
            sys.stderr.write(
                f"terrace: {child.name} ended with code {child.process.returncode}; starting it again\n"
            )
            child.sweep()
            await asyncio.sleep(pause)
            child.start()

    async def _watch_database(self, cluster: Cluster) -> None:
        loop = asyncio.get_running_loop()
        while not self.is_stopping:
            await asyncio.sleep(0.5)
            if not await loop.run_in_executor(None, cluster.is_alive):
                sys.stderr.write("terrace: the database ended; starting it again\n")
                with contextlib.suppress(PostgresProblem):
                    await loop.run_in_executor(None, cluster.start)

    def stop(self) -> None:
        """End the children, then the database if it was started here."""
        self.is_stopping = True
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        end = time.monotonic() + STOP_SECONDS_MAX
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()
                child.sweep()
        if self.cluster is not None:
            self.cluster.stop()
        if self.lock is not None:
            self.lock.close()
