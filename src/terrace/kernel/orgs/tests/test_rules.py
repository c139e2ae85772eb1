"""Fit and conflict of roles, identity numbers, days of a letter."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.kernel.orgs import rules
from terrace.kernel.orgs.roles import Role

DAY = dt.date(2023, 12, 4)


def test_every_role_has_a_kind_of_organisation_and_a_label_in_both_languages() -> None:
    assert frozenset().union(*rules.ROLES_OF_KIND.values()) == frozenset(Role)
    assert all(role.label.zh and role.label.en for role in Role)


@pytest.mark.parametrize(("maker", "checker"), rules.OPPOSED)
def test_maker_and_checker_of_one_duty_oppose_each_other(maker: Role, checker: Role) -> None:
    assert rules.opposed_role([maker], checker) == maker
    assert rules.opposed_role([checker], maker) == checker
    assert rules.opposed_role([maker], maker) is None
    assert rules.opposed_role([Role.AUDITOR], maker) is None
    assert rules.opposed_role([], maker) is None


def test_roles_fit_kinds() -> None:
    assert rules.fits("FIRM_CLERK", "ENTERPRISE")
    assert not rules.fits("FIRM_CLERK", "BUREAU")
    assert not rules.fits("AUDITOR", "ENTERPRISE")
    assert not rules.fits("AUDITOR", "UNKNOWN")


# The example that GB 11643-1999 prints in its appendix.
PRINTED = "11010519491231002X"


@pytest.mark.parametrize("number", [PRINTED, PRINTED.lower(), f" {PRINTED} "])
def test_the_printed_example_is_valid(number: str) -> None:
    assert rules.identity_fault(number) is None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (PRINTED[:17], "17位"),
        (PRINTED + "0", "19位"),
        ("1101051949123100２X", "数字"),
        ("A1010519491231002X", "数字"),
        ("110105194913310029", "出生日期"),
        ("110105194902300021", "出生日期"),
        ("110105194912310021", "校验码"),
        ("", "0位"),
    ],
)
def test_what_is_wrong_with_a_number_is_said(number: str, said: str) -> None:
    fault = rules.identity_fault(number)
    assert fault is not None
    assert said in fault.zh
    assert fault.en


@pytest.mark.parametrize(
    ("first", "last", "revoked", "valid"),
    [
        (DAY, DAY, False, True),
        (DAY - dt.timedelta(days=9), DAY, False, True),
        (DAY - dt.timedelta(days=9), DAY - dt.timedelta(days=1), False, False),
        (DAY, DAY + dt.timedelta(days=9), False, True),
        (DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=9), False, False),
        (DAY, DAY, True, False),
    ],
)
def test_a_letter_counts_from_its_first_to_its_last_day(
    first: dt.date, last: dt.date, revoked: bool, valid: bool
) -> None:
    assert rules.letter_valid_on(first, last, revoked, DAY) is valid
