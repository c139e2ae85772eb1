"""Where the market's money lies in the ledger. README.md draws every movement.

| account | owner | kind | stands for |
|---|---|---|---|
| bank | `bank:<city>` | BANK, may be overdrawn | the escrow account at the bank, seen from outside: minus its balance |
| firm | `organisation:<id>` | HOLDER | money of a firm that the market keeps for it |
| escrow | `settlement:<city>` | ESCROW | prices that wait for delivery |
| suspense | `suspense:<city>` | ESCROW | money that came without a known reference |
| treasury | `organisation:<id>` | TREASURY | income that is owed to the treasury |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from terrace.kernel.base.actor import Actor
from terrace.kernel.ledger import services as ledger


def bank(city: str) -> int:
    return ledger.account_of(
        owner_type="bank",
        owner_id=city,
        asset=ledger.money_asset(),
        kind=ledger.AccountKind.BANK,
        may_overdraw=True,
    )


def firm(organisation_id: int) -> int:
    return _account("organisation", organisation_id, ledger.AccountKind.HOLDER)


def escrow(city: str) -> int:
    return _account("settlement", city, ledger.AccountKind.ESCROW)


def suspense(city: str) -> int:
    return _account("suspense", city, ledger.AccountKind.ESCROW)


def treasury(organisation_id: int) -> int:
    return _account("organisation", organisation_id, ledger.AccountKind.TREASURY)


def _account(owner_type: str, owner_id: object, kind: ledger.AccountKind) -> int:
    return ledger.account_of(owner_type=owner_type, owner_id=owner_id, asset=ledger.money_asset(), kind=kind)


def post(
    *,
    actor: Actor,
    key: str,
    code: str,
    at: dt.datetime,
    reason: str,
    subject_type: str,
    subject_id: object,
    transfers: Sequence[ledger.Movement],
) -> ledger.Posted:
    """Part: one entry of the settlement. Amounts in fen. Raises what the ledger raises."""
    return ledger.post_entry(
        key=f"settlement:{key}",
        code=f"settlement.{code}",
        at=at,
        actor=actor,
        reason=reason,
        subject_type=subject_type,
        subject_id=subject_id,
        transfers=transfers,
    )
