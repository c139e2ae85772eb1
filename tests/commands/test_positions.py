"""`terrace positions` as outside programs call it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from terrace.site.cli import main

HEAD = "source_id,area,pollutant,right_g,emitted_g,term_start,term_end,report_state\n"
SHORT = "S1,临清,COD,1000000,1500001,2022-01-01,2026-12-31,FILED\n"
SILENT = "S2,临清,COD,1000000,,2022-01-01,2027-12-31,MISSING\n"
GONE = "S3,东阿,SO2,2000000,0,2021-01-01,2025-12-31,LATE\n"
IDLE = "S3,东阿,NOX,2500000,0,2021-01-01,2029-12-31,FILED\n"
FINE = "S4,东阿,NOX,10,10,2021-01-01,2029-12-31,FILED\n"
ALL = HEAD + SHORT + SILENT + "\n" + GONE + IDLE + FINE


def written(path: Path, content: str | bytes = ALL) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_answer_in_json_and_the_file_of_findings(capsys, tmp_path) -> None:
    path, out = written(tmp_path / "p.csv"), tmp_path / "found.parquet"
    assert main(["positions", str(path), "--year", "2026", "--json", "--out", str(out)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["year"], answer["files"], answer["unit"]) == (2026, 1, "grams")
    assert [each["pollutant"] for each in answer["by_pollutant"]] == ["COD", "SO2", "NOX"]
    cod = answer["by_pollutant"][0]
    assert (cod["positions"], cod["shortage"], cod["shortage_g"], cod["unknown"]) == (2, 1, 500_001, 1)
    assert {(each["area"], each["pollutant"]) for each in answer["by_area"]} == {
        ("临清", "COD"), ("东阿", "SO2"), ("东阿", "NOX"),
    }  # fmt: skip
    total = answer["total"]
    assert [total[name] for name in ("positions", "shortage", "unused", "expired", "ending")] == [
        5,
        1,
        1,
        1,
        1,
    ]
    assert (total["report_missing"], total["report_late"]) == (1, 1)
    assert "right_g" not in total  # tonnes of different pollutants are never added up
    found = pl.read_parquet(out)
    assert found["findings"].to_list() == [
        "SHORTAGE;ENDING",
        "REPORT_MISSING",
        "EXPIRED;REPORT_LATE",
        "UNUSED",
    ]
    assert found["shortage_g"].to_list() == [500_001, 0, 0, 0]


def test_a_folder_of_files_is_one_check(capsys, tmp_path) -> None:
    folder = tmp_path / "in"
    (folder / "areas").mkdir(parents=True)
    written(folder / "a.csv", "\ufeff" + HEAD + SHORT)
    written(folder / "areas" / "b.csv", HEAD.replace("\n", ",note\n") + FINE.replace("\n", ",x\n"))
    written(folder / "README.txt", "no positions")
    assert main(["positions", str(folder), "--year", "2026", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["files"], answer["total"]["positions"]) == (2, 2)
    assert main(["positions", str(folder), "--out", str(folder / "found.csv"), "--lang", "en"]) == 2
    assert "outside of what is read" in capsys.readouterr().err
    assert not (folder / "found.csv").exists()


@pytest.mark.parametrize(
    ("language", "says"), [("zh", "排放超过排污权"), ("en", "emitted more than the right")]
)
def test_the_readable_answer(capsys, tmp_path, language: str, says: str) -> None:
    path, out = written(tmp_path / "p.csv"), tmp_path / "found.csv"
    assert main(["positions", str(path), "--year", "2026", "--lang", language, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert says in text and "0.500001" in text and "2026" in text
    with out.open(newline="", encoding="utf-8") as file:
        assert [row["source_id"] for row in csv.DictReader(file)] == ["S1", "S2", "S3", "S3"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", ["p.csv", "source_id"]),
        (HEAD, ["p.csv", "at least one row"]),
        (HEAD.replace("right_g", "right_t") + SHORT, ["p.csv, right_g"]),
        (HEAD.replace("area", "area,area") + SHORT, ["p.csv, area"]),
        (HEAD + SHORT + "S2,临清,COD,1.5,1,2022-01-01,2027-12-31,FILED\n", ["line 3, right_g", "grams"]),
        (HEAD + SHORT + SILENT[:20] + "\n", ["line 3,"]),
        (HEAD + SHORT + SILENT.replace("\n", ",x,y\n"), ["line 3, row", "8 columns"]),
        (HEAD + SHORT + SHORT, ["line 3, source_id", "S1 COD × 2"]),
        ((HEAD + SHORT).encode("gb18030"), ["p.csv", "UTF-8 CSV"]),
        (HEAD.encode() + SHORT.encode("gb18030"), ["p.csv", "UTF-8 CSV"]),
        (b"\0" * 64, ["p.csv"]),
    ],
)
def test_bad_files_are_one_line_and_nothing_is_written(capsys, tmp_path, content, says: list[str]) -> None:
    path, out = written(tmp_path / "p.csv", content), tmp_path / "found.csv"
    assert main(["positions", str(path), "--year", "2026", "--out", str(out), "--lang", "en"]) == 2
    printed, err = capsys.readouterr()
    assert printed == "" and err.count("\n") == 1
    assert all(word in err for word in says), err
    assert [each.name for each in tmp_path.iterdir()] == ["p.csv"]


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_truncated_parquet_file_is_one_line(capsys, tmp_path, cut: int) -> None:
    path = tmp_path / "p.parquet"
    pl.read_csv(written(tmp_path / "p.csv")).write_parquet(path)
    path.write_bytes(path.read_bytes()[:cut])
    assert main(["positions", str(path), "--lang", "en"]) == 2
    err = capsys.readouterr().err
    assert "p.parquet" in err and "Parquet" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["p.csv", "--year", "26"], "--year"),
        (["p.csv", "--year", "²⁰²⁶"], "--year"),
        (["p.csv", "--year", "3000"], "--year"),
        (["p.csv", "--out", "found.xlsx"], "--out"),
        (["p.csv", "--out", "p.csv"], "--out"),
        (["p.csv", "--out", "nowhere/found.csv"], "--out"),
        (["nothing.csv"], "nothing.csv"),
        (["x\0.csv"], "csv"),
        (["empty"], "empty"),
        (["p.txt"], "p.txt"),
    ],
)
def test_bad_words(capsys, tmp_path, monkeypatch, words: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "p.csv")
    written(tmp_path / "p.txt")
    (tmp_path / "empty").mkdir()
    assert main(["positions", *words]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
    assert (tmp_path / "p.csv").read_text() == ALL


def test_other_commands_do_not_load_the_column_engine() -> None:
    code = "import sys; from terrace.site.cli import main; main(['--help']); print('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
