"""Transactions and the few database habits that every service shares.

`act` marks a service: one public function = one durable transaction = one journal entry. It is an
error to call one act from inside another; parts that several acts share are plain private functions.
Database faults become `ServiceBusy`, never a business refusal (five-bells-ledger #402).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import models, transaction
from django.db.utils import OperationalError

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal, ServiceBusy
from terrace.kernel.base.texts import Text

P = ParamSpec("P")
R = TypeVar("R")

_BUSY_SQLSTATES = {
    "40001",
    "40P01",
    "55P03",
    "57014",
}  # serialisation, deadlock, lock not available, cancelled

acts_catalogue: dict[str, Callable[..., Any]] = {}


class OutsideDelegation(Refusal):
    """The actor is a clerk by delegation letter only, and the letter does not cover this act."""

    code = "access.outside_delegation"
    text = Text("您的授权委托书不包含此项事务。", "Your delegation letter does not cover this act.")
    hint = Text(
        "请由单位审批人另行出具授权委托书，或由本单位经办人办理。",
        "Ask the firm's approver for a letter that covers it, or let the firm's own clerk do it.",
    )
    http_status = 403


def act(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service function: run it in one durable transaction.

    Waiting for a lock ends after the session's lock_timeout (settings) with `ServiceBusy`.

    `name` is the journal's word for the act, three parts: "listing.signup.submit".
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        acts_catalogue[name] = function

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            actor = kwargs.get("actor")
            if isinstance(actor, Actor) and not actor.covers(name):
                raise OutsideDelegation
            try:
                with transaction.atomic(durable=True):
                    return function(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) in _BUSY_SQLSTATES:
                    raise ServiceBusy from error
                raise

        wrapper.act_name = name  # type: ignore[attr-defined]
        return wrapper

    return decorate


class CityRow(models.Model):
    """Every market and brand row carries its city, so that a nation can shard by it (design.md)."""

    city = models.CharField(max_length=6, default="371500", db_comment="division code of the city, GB/T 2260")

    class Meta:
        abstract = True
