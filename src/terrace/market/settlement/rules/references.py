"""The reference code that a payer writes into the remittance remark, with a check character.

Form: `PQ` + two digits of the year + six digits of the running number + one check character, for example
`PQ23000042T`. Only characters of the credit-code alphabet are used (no I, O, S, V, Z), and the weights are
powers of 3 modulo 31 as in GB 32100-2015: one wrong character or two swapped neighbours are always noticed.
"""

from __future__ import annotations

import re
import unicodedata

from terrace.kernel.base.credit_code import ALPHABET

PREFIX = "PQ"
_NOISE = re.compile(r"[\s\-_.·:：/]+")
_CANDIDATE = re.compile(rf"{PREFIX}(\d{{8}})([0-9A-Z])")
NUMBER_MAX = 999_999


def check_character(digits: str) -> str:
    """The check character for the eight digits of a reference."""
    total = sum(int(d) * pow(3, place, 31) for place, d in enumerate(digits))
    return ALPHABET[(31 - total % 31) % 31]


def make(year: int, number: int) -> str:
    """The reference of the `number`-th instruction of `year`."""
    if not 1 <= number <= NUMBER_MAX:
        raise ValueError(f"the running number must lie between 1 and {NUMBER_MAX}")
    digits = f"{year % 100:02d}{number:06d}"
    return f"{PREFIX}{digits}{check_character(digits)}"


def is_valid(reference: str) -> bool:
    """Whether the form and the check character are right."""
    found = _CANDIDATE.fullmatch(reference)
    return found is not None and check_character(found[1]) == found[2]


def find_in(remark: str) -> tuple[list[str], list[str]]:
    """References in a remark: the well-formed ones, and those whose check character is wrong.

    Full-width and lower-case writing, spaces and hyphens are understood, because banks and people add them.
    """
    plain = _NOISE.sub("", unicodedata.normalize("NFKC", remark).upper())
    good: list[str] = []
    bad: list[str] = []
    for found in _CANDIDATE.finditer(plain):
        (good if check_character(found[1]) == found[2] else bad).append(found[0])
    return list(dict.fromkeys(good)), list(dict.fromkeys(bad))
