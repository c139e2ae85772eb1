"""`terrace eligibility` as outside programs call it."""

import json
from pathlib import Path
from typing import Any

import pytest

from terrace.market.rulebooks.tests.factories import case_document
from terrace.site.cli import main

KEYS = {"verdict", "rulebook", "version", "replacement_ratio", "rules"}
RULE_KEYS = {"id", "clause", "passed", "reason_zh", "reason_en", "facts", "remedy_zh", "remedy_en"}


def ask(capsys, path: Path, name: str = "liaocheng-2025", on: str = "2026-06-01") -> dict[str, Any]:
    assert main(["eligibility", str(path), "--rulebook", name, "--on", on, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "case.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_printed_shape(capsys, tmp_path) -> None:
    answer = ask(capsys, written(tmp_path, case_document()))
    assert set(answer) >= KEYS
    assert (answer["verdict"], answer["rulebook"], answer["replacement_ratio"]) == (
        "exempt",
        "liaocheng-2025",
        "1",
    )
    for rule in answer["rules"]:
        assert set(rule) >= RULE_KEYS


def test_a_barred_case_is_a_normal_result(capsys, tmp_path) -> None:
    answer = ask(capsys, written(tmp_path, case_document(lot={"basin": "majia"}, needs_t={"COD": "2"})))
    assert answer["verdict"] == "barred"
    assert answer["remedy_en"]


def test_a_day_outside_the_period_is_a_clear_statement(capsys, tmp_path) -> None:
    answer = ask(capsys, written(tmp_path, case_document()), "liaocheng-2023")
    assert answer["verdict"] == "not_covered"
    assert "liaocheng-2025" in answer["remedy_en"]


def test_plain_numbers_are_read_exactly(capsys, tmp_path) -> None:
    text = json.dumps(case_document()).replace('"0.1"', "0.100001")
    answer = ask(capsys, written(tmp_path, text))
    assert answer["pollutants"]["COD"] == "must_buy"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        '{"project": {}, "project": {}}',
        '{"project": {"new": true, "needs_t": {"COD": NaN}}}',
        '{"project": {"new": true, "needs_t": {"COD": "1e3"}}}',
        '{"project": {"new": true, "needs_t": {"COD": 1' + "0" * 5000 + "}}}",
        '{"project": {"new": 1, "needs_t": {}}}',
        '{"project": {"new": true, "needs_t": {}, "colour": "red"}}',
    ],
)
def test_a_wrong_file_is_one_line_and_exit_2(capsys, tmp_path, content: str) -> None:
    path = written(tmp_path, content)
    assert main(["eligibility", str(path), "--rulebook", "generic", "--on", "2026-06-01"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "case.json" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no-such.json", "--rulebook", "generic", "--on", "2026-06-01"], "no-such.json"),
        (["case.json", "--rulebook", "mars", "--on", "2026-06-01"], "liaocheng-2023-trial"),
        (["case.json", "--rulebook", "generic", "--on", "June"], "--on"),
        (["case.json", "--rulebook", "generic"], "--on"),
    ],
)
def test_wrong_options(capsys, tmp_path, monkeypatch, words: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, case_document())
    assert main(["eligibility", *words]) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1


def test_a_file_that_is_no_text_or_too_large(capsys, tmp_path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(11_000_000)
    for name in ("binary.json", "large.json"):
        assert main(["eligibility", str(tmp_path / name), "--rulebook", "generic", "--on", "2026-06-01"]) == 2
        assert name in capsys.readouterr().err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_readable_answer_names_rule_clause_and_remedy(capsys, tmp_path, language: str) -> None:
    path = written(tmp_path, case_document(lot={"mortgaged": True}))
    assert (
        main(
            [
                "eligibility",
                str(path),
                "--rulebook",
                "liaocheng-2025",
                "--on",
                "2026-06-01",
                "--lang",
                language,
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "barred" in out and "R23" in out and "→" in out
