"""A whole server for the tests that need one: the demo city on a free port, in a data folder of its own."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

START_SECONDS_MAX = 240


@dataclass
class City:
    """A running `terrace serve --demo`: its address, its data folder, its processes."""

    address: str
    data_dir: Path
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    def get(self, path: str, timeout: float = 10) -> tuple[int, str]:
        """Status and body of an address of the city."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def children(self, name: str) -> list[int]:
        """Process ids of one kind of child: "wsgi", "asgi", "worker"."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError, ValueError):
                    continue
                if name in command and (parent == self.process.pid or parent in self._granians()):
                    found.append(int(folder.name))
        return found

    def _granians(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill(self, name: str) -> None:
        """kill -9 every process of one kind of child."""
        pids = self.children(name)
        assert pids, f"no child {name}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def postmaster_pid(self) -> int:
        """The process id of the city's own database server."""
        pid_file = next(self.postgres_folder().glob("data/postmaster.pid"))
        return int(pid_file.read_text().splitlines()[0])

    def postgres_folder(self) -> Path:
        from terrace.site.postgres import _identity, _reachable_folder

        return _reachable_folder(self.data_dir / "postgres", _identity())

    def database_url(self) -> str:
        from terrace.site.postgres import Cluster

        return Cluster(self.data_dir / "postgres").url()

    def until(self, path: str = "/readyz", status: int = 200, seconds: float = 60) -> None:
        """Wait until an address answers with a status."""
        end = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < end:
            try:
                last = self.get(path, timeout=3)
            except OSError as error:
                last = error
            else:
                if last[0] == status:
                    return
            time.sleep(0.2)
        raise AssertionError(
            f"{path} did not answer {status} within {seconds} s; last: {last}\n" + "".join(self.output[-20:])
        )


def start_city(data_dir: Path, **environment: str) -> City:
    """Start the demo city and wait until it serves."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if k not in ("DATABASE_URL", "TERRACE_DATA_DIR", "TERRACE_PORT", "DJANGO_SETTINGS_MODULE")
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "terrace", "serve", "--demo", "--port", "0", "--data-dir", str(data_dir)],
        env={**clean, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    lines: queue.Queue[str] = queue.Queue()
    output: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            continue
        if found := re.search(r"is running: (http://\S+)", line):
            city = City(found.group(1), data_dir, process, output)
            city.until()
            return city
    process.kill()
    raise AssertionError("the demo city did not start:\n" + "".join(output))


def stop_city(city: City) -> None:
    city.process.send_signal(signal.SIGTERM)
    try:
        city.process.wait(30)
    except subprocess.TimeoutExpired:
        city.process.kill()
        city.process.wait()
    if city.process.stdout is not None:
        city.process.stdout.close()


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """A new folder that the database's own user can reach; pytest's are closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="terrace-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def built_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a demo city that was built and stopped: built once a run, whatever the number of workers."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = (
        Path(tempfile.gettempdir()) / f"terrace-built-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
    )
    with (root / "built-city.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            folder.chmod(0o755)
            stop_city(start_city(folder / "data"))
            (folder / "whole").touch()
    return folder / "data"


def copy_city(built: Path, data_dir: Path) -> Path:
    """A copy of a stopped city, which starts in a second or two."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(built), str(data_dir)], check=True)
    return data_dir


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """See reachable_folder."""
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def city(built_city: Path) -> Iterator[City]:
    """One demo city for all tests of this worker that only add to it."""
    with reachable_folder() as folder:
        running = start_city(copy_city(built_city, folder / "data"))
        yield running
        stop_city(running)


@pytest.fixture
def own_city(built_city: Path, open_folder: Path) -> Iterator[City]:
    """A demo city for one test that will kill parts of it."""
    running = start_city(copy_city(built_city, open_folder / "data"))
    yield running
    stop_city(running)
