"""Accounts and entries for tests, as plain functions over the real services."""

from __future__ import annotations

import datetime as dt
import itertools

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import services
from terrace.kernel.ledger.models import Asset
from terrace.kernel.ledger.services import Direct, Movement, NewEntry, Posted

AT = dt.datetime(2023, 12, 4, 9, 0, tzinfo=dt.UTC)
_numbers = itertools.count(1)


def cod(region: str = "tuhai") -> Asset:
    return services.right_asset(
        pollutant="COD", region=region, term_start=dt.date(2023, 12, 1), term_end=dt.date(2028, 11, 30)
    )


def account(
    asset: Asset | None = None, *, opening: int = 0, owner: object = None, kind: str = "HOLDER"
) -> int:
    """An account of a new owner with `opening` on it, paid in from the bank or the issuer."""
    asset = asset or services.money_asset()
    number = services.account_of(
        owner_type="organisation",
        owner_id=owner if owner is not None else f"t{next(_numbers)}",
        asset=asset,
        kind=kind,
    )
    if opening:
        post(Direct(world(asset), number, opening))
    return number


def world(asset: Asset | None = None) -> int:
    """The account of the outside world for an asset: the bank for money, the issuer for rights."""
    asset = asset or services.money_asset()
    return services.account_of(
        owner_type="platform",
        owner_id="world",
        asset=asset,
        kind="BANK" if asset.is_money else "ISSUER",
        may_overdraw=True,
    )


def new_entry(*transfers: Movement, key: str | None = None, reason: str = "test") -> NewEntry:
    return NewEntry(
        key=key or f"test:{next(_numbers)}",
        code="test.move",
        at=AT,
        reason=reason,
        subject_type="test",
        subject_id=1,
        transfers=transfers,
    )


def post(
    *transfers: Movement, key: str | None = None, reason: str = "test", subject_id: object = 1
) -> Posted:
    return services.post_entry(
        key=key or f"test:{next(_numbers)}",
        code="test.move",
        at=AT,
        actor=SYSTEM,
        reason=reason,
        subject_type="test",
        subject_id=subject_id,
        transfers=transfers,
    )
