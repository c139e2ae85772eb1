"""The command line itself: help, unknown commands, one line for bad input, a quick start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from terrace.site.cli import command_names, main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "terrace", *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in command_names())


def test_an_unknown_command_is_one_line() -> None:
    done = run("sell-everything")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_option_is_one_line() -> None:
    done = run("credit-code", "--colour", "x")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_credit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credit-code", "91620100719023721L", "x", "--json", "--lang", "en"]) == 0
    codes = json.loads(capsys.readouterr().out)["codes"]
    assert [c["valid"] for c in codes] == [True, False]
    assert codes[1]["reason"] == "must have 18 characters, has 1"
    assert main(["credit-code", "91620100719023721L"]) == 0
    assert "✓" in capsys.readouterr().out


def test_pure_commands_load_no_django() -> None:
    code = "import sys; from terrace.site.cli import main; main(['credit-code', '91620100719023721L']); print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
