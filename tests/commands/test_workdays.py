"""`terrace workdays` as outside programs call it."""

import json

import pytest

from terrace.site.cli import main


@pytest.mark.parametrize(
    ("amount", "expected"), [("+5", "2026-10-13"), ("-5", "2026-09-22"), ("５", "2026-10-13")]
)
def test_a_date_and_an_amount(capsys, amount: str, expected: str) -> None:
    assert main(["workdays", "2026-09-30", amount, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["date"] == expected


def test_the_readable_answer_names_the_weekday(capsys) -> None:
    assert main(["workdays", "2026-09-30", "+3"]) == 0
    assert capsys.readouterr().out == "2026-10-10 周六\n"


def test_days_between(capsys) -> None:
    assert main(["workdays", "--between", "2026-09-30", "2026-10-13", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["days"] == 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["2026-9-30", "+5"], "DATE"),
        (["2026-09-30", "five"], "N"),
        (["2026-09-30"], "expected DATE and N"),
        ([], "--between"),
        (["2026-09-30", "+5", "--between", "2026-09-30", "2026-10-13"], "not both"),
        (["2026-12-31", "+1"], "TERRACE_CALENDAR_DIR"),
        (["--between", "2026-12-31", "2027-02-30"], "B "),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys, words: list[str], says: str) -> None:
    assert main(["workdays", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err
