"""The PostgreSQL launcher: first start, warm start, one clear line for each thing that can be wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from terrace.site.postgres import Cluster, PostgresProblem, _explain

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]


@pytest.fixture
def cluster(open_folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(open_folder / "pg")
    yield cluster
    cluster.stop("immediate")


def test_a_cluster_starts_stops_and_keeps_its_data(cluster: Cluster) -> None:
    cluster.start()
    cluster.create_database()
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    cluster.stop()
    assert not cluster.is_running()
    cluster.start()
    cluster.create_database()
    with psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        row = connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'terrace'").fetchone()
        assert row == ("C.UTF-8",), "with locale C pg_trgm would find no Chinese"


def test_a_killed_server_is_started_again(cluster: Cluster) -> None:
    cluster.start()
    os.kill(cluster.postmaster_pid(), signal.SIGKILL)
    end = time.monotonic() + 20
    while cluster.is_alive() and time.monotonic() < end:
        time.sleep(0.05)
    cluster.start()
    with psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_no_network_address_is_opened_unless_a_port_is_asked_for(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PostgresProblem, match=r"cannot be written.*TERRACE_DATA_DIR"):
        Cluster(tmp_path / "file" / "pg")


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', "the disk is full"),
        ("initdb: error: could not access directory: Permission denied", "permission denied"),
        ('FATAL:  could not bind IPv4 address "127.0.0.1": Address already in use', "port is in use"),
        (
            "FATAL:  database files are incompatible with server",
            "did not start: FATAL:  database files are incompatible",
        ),
    ],
)
def test_the_servers_words_become_one_line(output: str, line: str) -> None:
    text = _explain(None, output)
    assert line in text
    assert "\n" not in text


def serve(*words: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "terrace", "serve", "--demo", *words],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = one_line(serve("--port", str(port), "--data-dir", str(tmp_path / "data")))
    assert f"port {port} is in use" in line
    assert "TERRACE_PORT" in line


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = one_line(serve("--port", "0", "--data-dir", str(tmp_path / "file" / "data")))
    assert "cannot be written" in line
    assert "TERRACE_DATA_DIR" in line


def test_an_unreachable_database_is_one_clear_line(tmp_path: Path) -> None:
    line = one_line(
        serve(
            "--port",
            "0",
            "--data-dir",
            str(tmp_path / "data"),
            DATABASE_URL="postgresql://nobody@127.0.0.1:9/none",
        )
    )
    assert "cannot be reached" in line


def test_a_port_that_is_no_number_is_one_clear_line(tmp_path: Path) -> None:
    assert "TERRACE_PORT must be a port number" in one_line(
        serve("--data-dir", str(tmp_path / "d"), TERRACE_PORT="eighty")
    )


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from terrace.site.serve import Server, StartProblem

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StartProblem, match=r"disk that holds .* is full"):
        Server(data_dir=tmp_path / "data").claim()
