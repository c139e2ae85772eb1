"""The command line against hostile files, places and terminals: one line, the right exit code, nothing half done."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terrace.site import cli
from terrace.site.cli import BadInput, main, read_file

HEAD = "bid_id,bidder,price,quantity\n"
TIMED = "bid_id,bidder,price,quantity,submitted_at\n"


def written(folder: Path, content: str | bytes, name: str = "bids.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def one_line(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD + '1,a,"5\n6",3\n', ["line 2", "price"]),  # a line end inside a number
        (HEAD + "1,a,0.10000000000000000000000000000001,3\n", ["line 2", "price"]),  # never rounded away
        (HEAD + '1,a,"1,5",3\n', ["line 2", "price"]),  # a decimal comma is not fifteen
        (HEAD + "1,a,5²,3\n", ["line 2", "price"]),
        (HEAD + "1,a,1e400,3\n", ["line 2", "price"]),
        (HEAD + "1,a,-inf,3\n", ["line 2", "price"]),
        (HEAD + "1,a,3," + "9" * 5000 + "\n", ["line 2", "quantity"]),
        (HEAD + '"1,a,3,1\n', ["line 2", "row"]),
        (HEAD + "1,a,3,1,\n", ["line 2", "row", "4 columns"]),
        (HEAD + "\n , , , \n1,a,3,x\n", ["line 4", "quantity"]),
        ("bid_id;bidder;price;quantity\n1;a;3;1\n", ["line 1", "bid_id"]),
        ("bid_id,bidder,price,quantity,submited_at\n1,a,3,1,x\n", ["line 1", "submited_at"]),
        ("bid_id,bidder,price,quantity,price\n1,a,3,1,4\n", ["line 1", "price"]),
        (HEAD + "1," + "x" * 200_000 + ",1,1\n", ["line 1", "field limit"]),
        (HEAD.encode("utf-16"), ["bids.csv", "UTF-8"]),
        (TIMED + "1,a,3,1,0001-01-01T00:00:00+23:59\n", ["line 2", "submitted_at"]),
        (TIMED + "1,a,3,1,9999-12-31T23:59:59-23:59\n", ["line 2", "submitted_at"]),
        (TIMED + "1,a,3,1,2025-01-01T09:00:00.1234567Z\n", ["line 2", "submitted_at", "microsecond"]),
        ("", ["line 1"]),
        ("\n\n", ["line 1"]),
        (HEAD, ["line 2", "at least one bid"]),
        (HEAD + "\n \n", ["line 2", "at least one bid"]),
    ],
)
def test_hostile_bids(capsys, tmp_path: Path, content: str | bytes, says: list[str]) -> None:
    path = written(tmp_path, content)
    target = tmp_path / "bundle.json"
    words = ["clear", str(path), "--supply", "2", "--lang", "en", "--bundle", str(target)]
    err = one_line(capsys, words)
    assert all(word in err for word in says), err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bids.csv"]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEAD + "1,a,3,1\n",
        (HEAD + "1,a,3,1\n").replace("\n", "\r\n"),
        (HEAD + "1,a,3,1\n").replace("\n", "\r"),
        HEAD + '"1","a","3","1"\n',
        HEAD + "\n \n,,,\n1,a,3,1\n\n",
        HEAD + "1,a,３．００,１",
        HEAD + " 1 , a , 3 ,1 \n",
        "quantity,price,bidder,bid_id\n1.000000,3.00,a,1\n",
        TIMED + "1,a,3,1,２０２５-01-01T09:00:00.1234560Z\n",
    ],
)
def test_the_same_bid_in_many_dresses(capsys, tmp_path: Path, content: str) -> None:
    assert main(["clear", str(written(tmp_path, content)), "--supply", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["awards"] == [
        {"bid_id": "1", "bidder": "a", "quantity": "1", "price": "3.00", "amount": "3.00"}
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["--bidder-cap", "50%%"],
        ["--bidder-cap", "%"],
        ["--bidder-cap", "0%"],
        ["--share", "70%"],
        ["--supply", "nan"],
        ["--supply", "1,5"],
        ["--years", "２"],
        ["--tie", "random", "--seed", "\udcff"],
    ],
)
def test_hostile_options(capsys, tmp_path: Path, words: list[str]) -> None:
    path = written(tmp_path, HEAD + "1,a,3,1\n")
    assert words[-2] in one_line(capsys, ["clear", str(path), "--supply", "2", *words])


def test_a_bundle_is_never_the_bids_a_folder_or_a_device(capsys, tmp_path: Path) -> None:
    bids = written(tmp_path, HEAD + "1,a,3,1\n")
    for target in (str(bids), str(tmp_path), "/dev/null", "", "  ", "a\0b"):
        assert "--bundle" in one_line(capsys, ["clear", str(bids), "--supply", "2", "--bundle", target])
    assert bids.read_text() == HEAD + "1,a,3,1\n"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bids.csv"]


def test_a_stop_while_writing_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    bids = written(tmp_path, HEAD + "1,a,3,1\n")

    def stopped(self: Path, mode: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "chmod", stopped)
    assert main(["clear", str(bids), "--supply", "2", "--bundle", str(tmp_path / "x.json")]) == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bids.csv"]


@pytest.mark.parametrize(
    "words",
    [
        ["clear", "{}", "--supply", "2"],
        ["verify", "{}"],
        ["verify-certificate", "{}"],
        ["eligibility", "{}", "--rulebook", "national", "--on", "2026-06-01"],
    ],
)
def test_what_is_no_file_to_read(capsys, tmp_path: Path, words: list[str]) -> None:
    for name in ("/dev/zero", str(tmp_path), str(tmp_path / "none"), "a\0b"):
        one_line(capsys, [word.format(name) if word == "{}" else word for word in words])


def test_an_endless_file_is_refused_in_its_first_piece(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at most 1 MB"):
        read_file("/dev/urandom", 1_000_000, text=False)
    assert read_file(str(written(tmp_path, b"\0", "x"))[:], text=False) == b"\0"


@pytest.mark.parametrize("change", ["twice", "surrogate", "deep"])
def test_a_bundle_that_two_readers_could_read_differently(capsys, tmp_path: Path, change: str) -> None:
    bids, path = written(tmp_path, HEAD + "1,a,3,1\n"), tmp_path / "b.json"
    assert main(["clear", str(bids), "--supply", "2", "--bundle", str(path)]) == 0
    capsys.readouterr()
    text = path.read_text()
    path.write_text(
        {
            "twice": text.replace("{", '{"rule_version":"none",', 1),
            "surrogate": text.replace('"a"', '"\\ud800"'),
            "deep": text.replace("{", '{"x":' + "[" * 2000 + "]" * 2000 + ",", 1),
        }[change]
    )
    one_line(capsys, ["verify", str(path)])


def test_an_impossible_wait_in_a_live_bundle(capsys, tmp_path: Path) -> None:
    from terrace.market.auctions.rules import ascending
    from terrace.market.auctions.tests.test_rules_ascending import NINGXIA

    made = ascending.bundle(NINGXIA, [], about={})
    made["terms"]["window_seconds"] = 10**30
    one_line(capsys, ["verify", str(written(tmp_path, json.dumps(made), "x.json"))])


def test_a_fault_of_ours_is_one_line_too(capsys, monkeypatch) -> None:
    from terrace.site.commands import credit_code

    def broken(options: Any) -> None:
        raise RuntimeError("what\nnow")

    monkeypatch.setattr(credit_code, "run", broken)
    monkeypatch.delenv("TERRACE_TRACEBACK", raising=False)
    assert main(["credit-code", "x"]) == 70
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "RuntimeError: what now" in err
    monkeypatch.setenv("TERRACE_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(["credit-code", "x"])


def test_too_little_memory_is_one_line(capsys, monkeypatch) -> None:
    from terrace.site.commands import credit_code

    def full(options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(credit_code, "run", full)
    assert "memory" in one_line(capsys, ["credit-code", "x"])


def test_names_cannot_steer_the_terminal(capsys, tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "1,\x1b[2Ja,3,1\n")
    assert main(["clear", str(path), "--supply", "2"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "[2Ja" in out
    assert main(["clear", str(path), "--supply", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["awards"][0]["bidder"] == "\x1b[2Ja"


def test_columns_stay_even_with_chinese_names() -> None:
    lines = cli.table([["编号", "单价"], ["1", "3.00"], ["聊城纸业", "21000.00"]], 1)
    assert len({cli.width(line) for line in lines}) == 1


def terrace(*words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | more.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "terrace", *words],
        check=False, timeout=60, env=environment, stderr=subprocess.PIPE, **more,
    )  # fmt: skip


def test_a_disk_that_is_full_and_an_output_that_is_closed() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        for words in (["--help"], ["credit-code", "x"], ["credit-code", "x", "--json"]):
            done = terrace(*words, stdout=full)
            assert done.returncode == 2
            assert done.stderr.count(b"\n") == 1 and b"Traceback" not in done.stderr
    line = f"{sys.executable} -m terrace credit-code x >&-; {sys.executable} -m terrace nonsense 2>&- | true"
    done = subprocess.run(["/bin/sh", "-c", line], check=False, timeout=60, capture_output=True)
    assert done.stderr == b""


def test_a_terminal_without_chinese_and_a_foreign_encoding() -> None:
    done = terrace("credit-code", "x", stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"\\u" in done.stdout
    done = terrace("credit-code", "聊", "--json", stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "gbk"})
    assert json.loads(done.stdout.decode("ascii"))["codes"][0]["code"] == "聊"


def test_an_unknown_language_in_the_environment_is_chinese(capsys, monkeypatch) -> None:
    monkeypatch.setenv("TERRACE_LANG", "fr")
    assert main(["credit-code", "x"]) == 0
    assert "18" in capsys.readouterr().out


def test_a_stopped_command_says_nothing(tmp_path: Path) -> None:
    fifo = tmp_path / "bids"
    os.mkfifo(fifo)
    with subprocess.Popen(
        [sys.executable, "-m", "terrace", "clear", str(fifo), "--supply", "1"], stderr=subprocess.PIPE
    ) as running:
        with fifo.open("w") as writer:  # opens when the command waits for bids
            writer.write(HEAD)
            writer.flush()
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=60) == 130
        assert running.stderr is not None and running.stderr.read() == b""
