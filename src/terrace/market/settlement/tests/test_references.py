"""Reference codes: read back from any remark, and every single slip noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrace.market.settlement.rules import references


def test_a_code_is_read_from_a_remark_as_banks_and_people_write_it() -> None:
    code = references.make(2023, 42)
    assert references.is_valid(code)
    for remark in (
        code,
        f"保证金 {code}",
        f"{code[:2]}-{code[2:6]} {code[6:]}/聊城",
        code.lower(),
        "".join(chr(ord(c) + 0xFEE0) for c in code),
    ):
        assert references.find_in(remark) == ([code], [])


@given(
    number=st.integers(1, references.NUMBER_MAX), place=st.integers(2, 9), other=st.sampled_from("0123456789")
)
def test_one_wrong_digit_is_always_noticed(number: int, place: int, other: str) -> None:
    code = references.make(2023, number)
    wrong = code[:place] + other + code[place + 1 :]
    assert references.is_valid(wrong) == (wrong == code)


@given(number=st.integers(1, references.NUMBER_MAX), place=st.integers(2, 8))
def test_two_swapped_neighbours_are_always_noticed(number: int, place: int) -> None:
    code = references.make(2023, number)
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert references.is_valid(wrong) == (wrong == code)


def test_a_wrong_check_character_is_told_apart_from_no_code_at_all() -> None:
    code = references.make(2023, 42)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert references.find_in(f"货款 {wrong}") == ([], [wrong])
    assert references.find_in("货款") == ([], [])


@pytest.mark.parametrize("number", [0, references.NUMBER_MAX + 1])
def test_the_running_number_has_six_digits(number: int) -> None:
    with pytest.raises(ValueError, match="running number"):
        references.make(2023, number)
