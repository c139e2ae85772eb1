"""`terrace index` and `terrace abate` as outside programs call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from terrace.site.cli import main

PRICES = "period,pollutant,average_price,quantity\n"
FEBRUARY = "2022-02,COD,9771.69,1\n2022-02,NH3N,36349.89,2\n2022-02,SO2,2518.48,3\n2022-02,NOX,3118.14,4\n"
FIRMS = "firm,baseline,step_quantity,step_cost\n"


def ask(capsys, tmp_path: Path, command: str, content: str, *words: str) -> Any:
    path = tmp_path / "input.csv"
    path.write_text(content, encoding="utf-8")
    assert main([command, str(path), *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_index_in_the_printed_shape(capsys, tmp_path) -> None:
    answer = ask(capsys, tmp_path, "index", PRICES + FEBRUARY + "2022-01,COD,4000,1\n", "--base", "zhejiang")
    first, second = answer["periods"]
    keys = ("period", "composite", "COD", "NH3N", "SO2", "NOX")
    assert [second[key] for key in keys] == ["2022-02", "297.33", "244.29", "908.75", "251.85", "311.81"]
    assert [first[key] for key in keys] == ["2022-01", None, "100.00", None, None, None]
    assert first["missing"] == ["NH3N", "SO2", "NOX"]
    assert answer["weights_inferred"] is True


def test_abate_in_the_printed_shape(capsys, tmp_path) -> None:
    rows = FIRMS + "a,100,10,100\na,100,30,500\nb,50,25,200\n"
    answer = ask(capsys, tmp_path, "abate", rows, "--cap", "120")
    assert (answer["price"], answer["abated"], answer["cost"]) == ("200.00", "30", "5000.00")
    assert (answer["cost_uniform_cut"], answer["saving"]) == ("8000.00", "3000.00")
    assert [(each["firm"], each["abated"], each["sells"]) for each in answer["firms"]] == [
        ("a", "10", "-10.000000"),
        ("b", "20", "10.000000"),
    ]
    none = ask(capsys, tmp_path, "abate", rows, "--cap", "1")
    assert (none["status"], none["price"], none["missing"]) == ("infeasible", None, "84")
    assert none["cost_uniform_cut"] is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_readable_answers(capsys, tmp_path, language: str) -> None:
    path = tmp_path / "input.csv"
    path.write_text(PRICES + FEBRUARY + "2022-01,COD,4000,1\n")
    assert main(["index", str(path), "--lang", language]) == 0
    out = capsys.readouterr().out
    assert "297.33" in out and "—" in out and ("反推" in out or "inferred" in out)
    path.write_text(FIRMS + "".join(f"f{n:02},10,5,{n}\n" for n in range(60)))
    assert main(["abate", str(path), "--cap", "500", "--lang", language]) == 0
    assert "19.00" in capsys.readouterr().out
    assert main(["abate", str(path), "--cap", "0", "--lang", language]) == 0
    assert "300" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "content", "says"),
    [
        ("index", "", ["input.csv", "line 1", "period"]),
        ("index", PRICES, ["input.csv", "period"]),
        ("index", "period,pollutant,average_price\n1,COD,1\n", ["line 1", "quantity"]),
        ("index", PRICES.replace("\n", ",note\n") + "1,COD,1,1,x\n", ["line 1", "note"]),
        ("index", PRICES + "1,COD,1\n", ["line 2", "row", "4 columns"]),
        ("index", PRICES + "1,COD,1e400,1\n", ["line 2", "average_price"]),
        ("abate", FIRMS + "a,10,1," + "9" * 40 + "\n", ["line 2", "step_cost"]),
        ("abate", FIRMS + "a," + "x" * 200_000 + ",1,1\n", ["line 2"]),
        ("abate", FIRMS + "a,1\x00,1,1\n", ["input.csv"]),
    ],
)
def test_bad_files_are_one_line_and_exit_2(
    capsys, tmp_path, command: str, content: str, says: list[str]
) -> None:
    path = tmp_path / "input.csv"
    path.write_text(content)
    words = ["--cap", "1"] if command == "abate" else []
    assert main([command, str(path), *words, "--lang", "en"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert all(word in err for word in says), err


@pytest.mark.parametrize("cap", ["-1", "x", "nan", "1,5", ""])
def test_bad_caps(capsys, tmp_path, cap: str) -> None:
    path = tmp_path / "input.csv"
    path.write_text(FIRMS + "a,1,1,1\n")
    assert main(["abate", str(path), f"--cap={cap}"]) == 2
    err = capsys.readouterr().err
    assert "--cap" in err and err.count("\n") == 1
