"""What holds about people and organisations without looking at the database: fit of roles, conflicts,
steps of an organisation's life, the form of an identity number. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role

# One human may not hold both sides of a duty in one organisation: a maker who is also the checker
# makes every second signature worthless (issue 2, "the same person can never be both").
OPPOSED: tuple[tuple[Role, Role], ...] = (
    (Role.RESERVE_MAKER, Role.RESERVE_CHECKER),
    (Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER),
    (Role.BUREAU, Role.BUREAU_CHECKER),
    (Role.FIRM_CLERK, Role.FIRM_APPROVER),
    (Role.ADMIN, Role.ADMIN_CHECKER),
)

ROLES_OF_KIND: dict[str, frozenset[Role]] = {
    "ENTERPRISE": frozenset({Role.FIRM_CLERK, Role.FIRM_APPROVER}),
    "RESERVE_BODY": frozenset({Role.RESERVE_MAKER, Role.RESERVE_CHECKER}),
    "EXCHANGE": frozenset({Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER, Role.MONITOR}),
    "BUREAU": frozenset({Role.BUREAU, Role.BUREAU_CHECKER, Role.MONITOR}),
    "BRANCH": frozenset({Role.BRANCH}),
    "FINANCE": frozenset({Role.FINANCE}),
    "PERMIT_OFFICE": frozenset({Role.PERMIT}),
    "AUDIT_OFFICE": frozenset({Role.AUDITOR}),
    "PLATFORM": frozenset({Role.ADMIN, Role.ADMIN_CHECKER, Role.MONITOR}),
    "BANK": frozenset(),
}

KIND_TEXTS: dict[str, Text] = {
    "ENTERPRISE": Text("企业", "Enterprise"),
    "RESERVE_BODY": Text("储备机构", "Reserve body"),
    "EXCHANGE": Text("交易机构", "Trading institution"),
    "BUREAU": Text("市生态环境局", "City ecology bureau"),
    "BRANCH": Text("县(市、区)分局", "County branch"),
    "FINANCE": Text("财政部门", "Finance"),
    "PERMIT_OFFICE": Text("许可审批", "Permit office"),
    "AUDIT_OFFICE": Text("审计机关", "Audit office"),
    "PLATFORM": Text("平台运营", "Platform"),
    "BANK": Text("银行", "Bank"),
}

FIRM_ROLES = frozenset({Role.FIRM_CLERK, Role.FIRM_APPROVER})
STAFF_ROLES = frozenset(Role) - FIRM_ROLES
# Money and rights hang on these sign-ins, so a password alone is not enough outside the demo.
SECOND_FACTOR_ROLES = STAFF_ROLES | {Role.FIRM_APPROVER}

# What a delegation letter (授权委托书) can cover: the first word of an act's name, as the clerk would say it.
SCOPES: dict[str, Text] = {
    "rights": Text("排污权核定、需求确认", "verification of rights and confirmation of need"),
    "listings": Text("报名与资格材料", "sign-up and qualification papers"),
    "auctions": Text("报价", "bidding"),
    "settlement": Text("合同、付款、交割、许可变更", "contract, payment, delivery, permit change"),
}


def opposed_role(held: Iterable[str], wanted: str) -> Role | None:
    """The role among `held` that one human may not hold together with `wanted`; None when there is none."""
    have = set(held)
    for maker, checker in OPPOSED:
        for one, other in ((maker, checker), (checker, maker)):
            if wanted == one and other in have:
                return other
    return None


def fits(role: str, kind: str) -> bool:
    """Whether an organisation of `kind` can have a member with `role`."""
    return role in ROLES_OF_KIND.get(kind, frozenset())


@dataclass(frozen=True, slots=True)
class StateStep:
    """A step in the life of an enterprise's account: from which states, to which, by whom."""

    sources: frozenset[str]
    target: str
    roles: frozenset[Role]
    label: Text


_OVERSEERS = frozenset({Role.EXCHANGE_CHECKER, Role.BUREAU_CHECKER})
STATE_STEPS: dict[str, StateStep] = {
    "suspend": StateStep(frozenset({"ACTIVE"}), "SUSPENDED", _OVERSEERS, Text("暂停", "Suspend")),
    "resume": StateStep(frozenset({"SUSPENDED"}), "ACTIVE", _OVERSEERS, Text("恢复", "Resume")),
    "freeze": StateStep(
        frozenset({"ACTIVE", "SUSPENDED"}),
        "FROZEN",
        frozenset({Role.BUREAU_CHECKER}),
        Text("冻结", "Freeze"),
    ),
    "unfreeze": StateStep(
        frozenset({"FROZEN"}), "ACTIVE", frozenset({Role.BUREAU_CHECKER}), Text("解除冻结", "Unfreeze")
    ),
    "close": StateStep(
        frozenset({"ACTIVE", "SUSPENDED"}),
        "CLOSED",
        frozenset({Role.EXCHANGE_CHECKER}),
        Text("注销", "Close"),
    ),
}

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def identity_fault(number: str) -> Text | None:
    """What is wrong with a resident identity number (GB 11643-1999: 17 digits and a check character mod 11)."""
    plain = number.strip().upper()
    if len(plain) != 18:
        return Text(
            f"身份证号应为18位，实为{len(plain)}位",
            f"an identity number has 18 characters, this has {len(plain)}",
        )
    if not (plain[:17].isascii() and plain[:17].isdigit()):
        return Text("身份证号前17位应为数字", "the first 17 characters must be digits")
    try:
        dt.date(int(plain[6:10]), int(plain[10:12]), int(plain[12:14]))
    except ValueError:
        return Text("身份证号中的出生日期不存在", "the date of birth in the number does not exist")
    expected = _ID_CHECKS[sum(int(c) * w for c, w in zip(plain, _ID_WEIGHTS, strict=False)) % 11]
    if plain[17] != expected:
        return Text("身份证号校验码不正确", "the check character of the number is wrong")
    return None


def letter_valid_on(valid_from: dt.date, valid_to: dt.date, revoked: bool, day: dt.date) -> bool:
    """A letter counts from its first to its last day, both included, unless revoked."""
    return not revoked and valid_from <= day <= valid_to
