"""`terrace settle` as outside programs call it: the worked vectors of domain E."""

import json
from typing import Any

import pytest

from terrace.site.cli import main


def settle(capsys, *words: str) -> dict[str, Any]:
    assert main(["settle", *words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_one_line_of_the_first_trade_of_jingde(capsys) -> None:
    answer = settle(capsys, "--quantity", "8.074", "--price", "6000", "--basis", "per-year", "--years", "5")
    assert answer["amount"] == "242220.00"


def test_both_lines_of_jingde_make_the_printed_total(capsys) -> None:
    """V6."""
    words = [
        "--quantity",
        "8.074",
        "--price",
        "6000",
        "--quantity",
        "21.648",
        "--price",
        "4500",
        "--basis",
        "per-year",
        "--years",
        "5",
    ]
    assert settle(capsys, *words)["amount"] == "729300.00"


def test_ningxia_is_priced_once_for_the_term(capsys) -> None:
    answer = settle(
        capsys,
        *[
            "--quantity",
            "4.048",
            "--price",
            "21000",
            "--basis",
            "term",
            "--years",
            "5",
            "--preset",
            "ningxia",
        ],
    )
    assert answer["amount"] == "85008.00"
    assert answer["deposit_proposed"] is True


@pytest.mark.parametrize(
    ("words", "deposit"),
    [
        ("--quantity 2.5 --price 4000 --basis per-year --years 5 --preset quzhou", "5000.00"),  # V7
        ("--quantity 10 --price 6000 --basis term --preset hengshui", "18000.00"),  # V11
        ("--quantity 44 --price 1000 --basis per-year --preset bozhou", "5000.00"),
        ("--quantity 1 --price 0.01 --basis term", "0.00"),
    ],
)
def test_deposits_by_preset(capsys, words: str, deposit: str) -> None:
    assert settle(capsys, *words.split())["deposit"] == deposit


def test_half_a_fen_is_rounded_up_once_per_line(capsys) -> None:
    words = ["--quantity", "0.005", "--price", "1", "--basis", "term", "--quantity", "0.005", "--price", "1"]
    assert settle(capsys, *words)["amount"] == "0.02"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--quantity x --price 1 --basis term", "--quantity"),
        ("--quantity -1 --price 1 --basis term", "--quantity"),
        ("--quantity 1 --price 1.005 --basis term", "--price"),
        ("--quantity 1 --price -1 --basis term", "--price"),
        ("--quantity 1 --price 1 --basis month", "--basis"),
        ("--quantity 1 --price 1", "--basis"),
        ("--quantity 1 --price 1 --basis term --years 0", "--years"),
        ("--quantity 1 --price 1 --basis term --years five", "--years"),
        ("--quantity 1 --price 1 --basis term --preset paris", "quzhou"),
        ("--quantity 1 --quantity 2 --price 1 --basis term", "as many"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys, words: str, says: str) -> None:
    assert main(["settle", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err


def test_the_readable_answer_shows_basis_and_unit(capsys) -> None:
    assert (
        main(
            [
                "settle",
                "--quantity",
                "4.048",
                "--price",
                "21000",
                "--basis",
                "term",
                "--preset",
                "ningxia",
                "--lang",
                "zh",
            ]
        )
        == 0
    )
    assert "21,000 元/吨(5年期) = 85,008.00 元" in capsys.readouterr().out
