"""How this context's own two-person acts read on the page of second signatures."""

from __future__ import annotations

import datetime as dt
from typing import Any

from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Membership
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.services.approvals import on_decision

Facts = list[tuple[Text, Text]]


def _day(text: str | None) -> Text:
    if text is None:
        return Text("长期", "no end")
    day = dt.date.fromisoformat(text)
    return Text(f"{day.year}年{day.month}月{day.day}日", f"{day:%d %b %Y}".lstrip("0"))


def _same(value: str) -> Text:
    return Text(value, value)


def _grant(payload: dict[str, Any]) -> Facts:
    person = payload["person"]
    return [
        (Text("人员", "Person"), _same(person["name"])),
        (Text("登录名", "Sign-in name"), _same(person["username"])),
        (Text("邮箱", "E-mail"), _same(person["email"])),
        (Text("角色", "Role"), Role(payload["role"]).label),
        (Text("起始日", "From"), _day(payload["since"])),
        (Text("截止日", "Last day"), _day(payload["until"])),
    ]


def _end(payload: dict[str, Any]) -> Facts:
    membership = (
        Membership.objects.select_related("user__person", "organisation")
        .filter(pk=payload["membership_id"])
        .first()
    )
    facts: Facts = []
    if membership is not None:
        facts = [
            (Text("人员", "Person"), _same(membership.user.display_name())),
            (Text("角色", "Role"), Role(membership.role).label),
        ]
    return [
        *facts,
        (Text("最后一日", "Last day"), _day(payload["until"])),
        (Text("理由", "Reason"), _same(payload["reason"])),
    ]


def _bank(payload: dict[str, Any]) -> Facts:
    return [
        (Text("开户银行", "Bank"), _same(payload["bank_name"])),
        (Text("银行账号", "Account number"), _same(payload["bank_account_no"])),
    ]


def _factor(payload: dict[str, Any]) -> Facts:
    return [
        (Text("登录名", "Sign-in name"), _same(payload["username"])),
        (Text("理由", "Reason"), _same(payload["reason"])),
    ]


def register_own_decisions() -> None:
    """Called once when the application starts."""
    on_decision("orgs.role.grant", label=Text("授予角色", "Grant a role"), facts=_grant)
    on_decision("orgs.role.end", label=Text("结束角色", "End a role"), facts=_end)
    on_decision("orgs.bank.change", label=Text("变更结算账户", "Change the bank account"), facts=_bank)
    on_decision("orgs.factor.reset", label=Text("解除第二因素", "Remove the second factor"), facts=_factor)
