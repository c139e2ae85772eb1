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

from terrace.kernel.base.errors import ServiceBusy

P = ParamSpec("P")
R = TypeVar("R")

_BUSY_SQLSTATES = {
    "40001",
    "40P01",
    "55P03",
    "57014",
}  # serialisation, deadlock, lock not available, cancelled

acts_catalogue: dict[str, Callable[..., Any]] = {}


def act(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service function: run it in one durable transaction.

    Waiting for a lock ends after the session's lock_timeout (settings) with `ServiceBusy`.

    `name` is the journal's word for the act, three parts: "listing.signup.submit".
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        acts_catalogue[name] = function

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
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
