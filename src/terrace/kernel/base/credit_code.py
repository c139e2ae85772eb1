"""Unified social credit codes (GB 32100-2015): 18 characters, the last one a check character mod 31."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from terrace.kernel.base.texts import Text

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class CreditCodeCheck:
    code: str
    valid: bool
    reason: Text


def check_character(first17: str) -> str:
    """The 18th character for 17 valid ones (GB 32100-2015, 4.7)."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def check(code: str) -> CreditCodeCheck:
    """Valid or not, and why. Full-width and lower-case input is read as its plain form; nothing else is repaired."""
    plain = unicodedata.normalize("NFKC", code).strip().upper()

    def bad(zh: str, en: str) -> CreditCodeCheck:
        return CreditCodeCheck(plain, False, Text(zh, en))

    if len(plain) != 18:
        return bad(f"应为18位，实为{len(plain)}位", f"must have 18 characters, has {len(plain)}")
    for place, c in enumerate(plain, start=1):
        if c not in ALPHABET:
            return bad(f"第{place}位“{c}”不是允许的字符", f"character {place}, {c!r}, is not allowed")
    if not plain[2:8].isdigit():
        return bad("第3–8位应为6位行政区划数字", "characters 3-8 must be the six digits of the division code")
    expected = check_character(plain[:17])
    if plain[17] != expected:
        return bad(
            f"校验码应为“{expected}”，实为“{plain[17]}”",
            f"the check character must be {expected!r}, is {plain[17]!r}",
        )
    return CreditCodeCheck(plain, True, Text("有效", "valid"))


def make(registration: str, kind: str, division: str, subject9: str) -> str:
    """A valid code from its parts (1 + 1 + 6 + 9 characters): for demo firms and tests."""
    first17 = f"{registration}{kind}{division}{subject9}"
    return first17 + check_character(first17)
