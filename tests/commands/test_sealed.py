"""`terrace sealed`: the whole sealed auction from two files, with the error manners of `terrace clear`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from terrace.market.auctions.tests.test_clearing import EPA_2023
from terrace.site.cli import main

BIDS = "bid_id,bidder,price,quantity\n1,a,15,1000\n2,a,12,2000\n3,a,10,5000\n"
LIMITS = "bidder,group,purchase_limit,holding_room,guarantee\n"


def written(folder: Path, content: str | bytes, name: str = "bids.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def sealed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["sealed", *words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_epa_2023_in_europe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path, EPA_2023)
    answer = sealed(capsys, path, "--preset", "eu", "--supply", "125000")
    assert (answer["status"], answer["cover_ratio"], answer["winners"]) == ("cancelled", "0.58", [])
    own = sealed(capsys, path, "--preset", "epa", "--supply", "125000")
    assert (own["status"], own["sold"], own["revenue"]) == ("short", "73000", "3010.00")
    assert own["sources"]["tie"]["mark"] == "proposed"
    assert own["sources"]["if_short"]["mark"] == "sourced"


def test_limits_and_guarantee_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """V8: 80,000 is enough and one cent less is not."""
    path = written(tmp_path, BIDS)
    words = (path, "--preset", "quebec", "--supply", "20000")
    enough = written(tmp_path, LIMITS + "a,,100%,,80000\n", "enough.csv")
    assert sealed(capsys, *words, "--limits", enough)["findings"] == []
    less = written(tmp_path, LIMITS + "a,,100%,,79999.99\n", "less.csv")
    answer = sealed(capsys, *words, "--limits", less)
    assert [(f["bid_id"], f["reason"], f["quantity"]) for f in answer["findings"]] == [
        ("3", "guarantee", "1000")
    ]
    assert answer["findings"][0]["numbers"]["required"] == "80000.00"
    assert answer["qualified"] == "7000"
    # Without the share stated the preset's 25% hold.
    assert sealed(capsys, *words)["qualified"] == "5000"


def test_readable_in_both_languages(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path, BIDS + "4,b,9.999,1000\n")
    words = ["sealed", path, "--preset", "quebec", "--supply", "20000", "--reserve", "9"]
    assert main([*words, "--lang", "en"]) == 0
    text = capsys.readouterr().out
    assert "not in whole cents" in text and "0.25 times supply" in text
    assert main([*words, "--lang", "zh"]) == 0
    text = capsys.readouterr().out
    assert "不是整分" in text and "购买限额" in text


def test_the_lot_of_the_preset_can_be_another(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path, "bid_id,bidder,price,quantity\n1,a,15,0.5\n2,b,14,0.25\n")
    words = (path, "--preset", "eu", "--supply", "0.5")
    assert sealed(capsys, *words)["status"] == "unsold"
    assert sealed(capsys, *words, "--lot", "0.25")["sold"] == "0.5"


@pytest.mark.parametrize(
    ("bids", "limits", "more", "says"),
    [
        ("bid_id,bidder,price,quantity\n1,a,x,1\n", None, [], ["bids.csv", "line 2", "price"]),
        ("bid_id,bidder,price,quantity\n1,a,1,-1\n", None, [], ["bids.csv", "line 2", "quantity"]),
        ("bid_id,bidder,price,quantity\n1,a,1,1\n1,b,1,1\n", None, [], ["line 3", "bid_id"]),
        ("bid_id,bidder,price,quantity\n1,a,1.1234567,1\n", None, [], ["line 2", "price", "6 decimals"]),
        (BIDS, LIMITS + "a,,x,,\n", [], ["limits.csv", "line 2", "purchase_limit"]),
        (BIDS, LIMITS + "a,G,1,,\nb,G,2,,\n", [], ["limits.csv", "line 3", "purchase_limit", "line 2"]),
        (BIDS, "bidder,group\n", [], ["limits.csv", "line 1", "purchase_limit"]),
        (BIDS, LIMITS, [], ["limits.csv", "line 2"]),
        (BIDS, None, ["--lot", "0"], ["--lot"]),
        (BIDS, None, ["--reserve", "1.005"], ["--reserve"]),
        (BIDS, None, ["--years", "x"], ["--years"]),
        (BIDS, None, ["--supply", "0"], ["--supply"]),
        (BIDS, None, ["--preset", "liaocheng"], ["--preset"]),
        (BIDS, None, ["--limits", "nowhere.csv"], ["nowhere.csv"]),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    bids: str,
    limits: str | None,
    more: list[str],
    says: list[str],
) -> None:
    words = ["sealed", written(tmp_path, bids), "--preset", "epa", "--supply", "100", "--lang", "en"]
    if limits is not None:
        words += ["--limits", written(tmp_path, limits, "limits.csv")]
    assert main([*words, *more]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert all(each in err for each in says), err


def test_a_tie_by_time_needs_times(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = written(tmp_path, "bid_id,bidder,price,quantity\n1,a,15,1000\n2,b,15,1000\n")
    words = ["sealed", path, "--preset", "guangdong", "--supply", "1500", "--lang", "en"]
    assert main(words) == 0  # half of supply each: 750 and 750
    capsys.readouterr()
    free = written(tmp_path, LIMITS + "a,,100%,,\nb,,100%,,\n", "limits.csv")
    assert main([*words, "--limits", free]) == 2
    assert "submitted_at" in capsys.readouterr().err


def test_the_command_loads_no_django(tmp_path: Path) -> None:
    code = (
        "import sys; from terrace.site.cli import main; "
        f"main(['sealed', {written(tmp_path, BIDS)!r}, '--preset', 'eu', '--supply', '5000']); "
        "print('django' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
