"""Writing the ledger: parts that an act calls inside its own transaction (ADR 0001).

All of an entry's movements happen, in order, or none; of a batch, all of its entries or none. A refusal
raised here has ended the database's part of the transaction: let it leave the act, or put the call in a
`transaction.atomic()` of its own if the act wants to go on without it. A fault of the database (deadlock,
lock timeout, lost connection) is never turned into one of these refusals.

Locks: the accounts of one call are locked in the order of their numbers. An act that moves several things
should say so in one call; two calls in one act may meet another act's two calls the other way round, and
then PostgreSQL ends one of them (`ServiceBusy`, safe to repeat).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection, transaction

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Money, Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger.models import Asset
from terrace.kernel.ledger.rules import (
    ENTRIES_PER_BATCH_MAX,
    AccountKind,
    AmountInvalid,
    Direct,
    EntryInvalid,
    Hold,
    Movement,
    NewEntry,
    Post,
    SameAccount,
    Void,
)

__all__ = [
    "AccountKind",
    "AccountTermsDiffer",
    "AccountUnknown",
    "AmountAboveHold",
    "AmountInvalid",
    "Asset",
    "AssetMismatch",
    "BalanceLimit",
    "Direct",
    "EntryInvalid",
    "Hold",
    "HoldAlreadyResolved",
    "InsufficientBalance",
    "LedgerKeyReused",
    "Movement",
    "NewEntry",
    "Post",
    "Posted",
    "SameAccount",
    "UnknownHold",
    "Void",
    "account_of",
    "money_asset",
    "post_batch",
    "post_entry",
    "right_asset",
]


class InsufficientBalance(Refusal):
    """Facts: account, available, needed (with unit), available_amount, needed_amount (integers)."""

    code = "ledger.balance.insufficient"
    text = Text(
        "账户{account}可用余额为{available}，不足{needed}。",
        "Account {account} has {available} available; {needed} is needed.",
    )
    hint = Text(
        "已冻结的部分不能动用；请先补足余额。", "What is frozen cannot be used; top up the balance first."
    )


class HoldAlreadyResolved(Refusal):
    code = "ledger.hold.resolved"
    text = Text("冻结{hold}已划转或已解除，不能再次处理。", "Hold {hold} has been posted or voided already.")


class UnknownHold(Refusal):
    code = "ledger.hold.unknown"
    text = Text("没有编号为{hold}的冻结。", "There is no hold {hold}.")
    http_status = 404


class AmountAboveHold(Refusal):
    code = "ledger.hold.exceeded"
    text = Text(
        "冻结{hold}为{held}，不能划转{needed}（最小单位）。",
        "Hold {hold} is for {held}; {needed} cannot be paid out of it (smallest units).",
    )


class AssetMismatch(Refusal):
    code = "ledger.transfer.other_asset"
    text = Text(
        "账户{debit}与账户{credit}不是同一种资产，不能划转。",
        "Accounts {debit} and {credit} are not of the same asset.",
    )


class AccountUnknown(Refusal):
    code = "ledger.account.unknown"
    text = Text("没有编号为{account}的账户。", "There is no account {account}.")
    http_status = 404


class BalanceLimit(Refusal):
    code = "ledger.balance.limit"
    text = Text(
        "账户{account}的余额将超出账本上限。",
        "The balance of account {account} would pass the ledger's limit.",
    )


class LedgerKeyReused(Refusal):
    code = "ledger.key.reused"
    text = Text(
        "分录键“{key}”已用于内容不同的分录{entry}。",
        "The key {key} belongs to entry {entry}, whose content differs.",
    )
    http_status = 422


class AccountTermsDiffer(Refusal):
    code = "ledger.account.terms_differ"
    text = Text(
        "账户{account}已开立，其透支约定与本次不同。",
        "Account {account} exists with other terms of overdraft.",
    )


_REFUSALS: dict[str, type[Refusal]] = {
    "TL001": InsufficientBalance,
    "TL002": HoldAlreadyResolved,
    "TL003": UnknownHold,
    "TL004": AssetMismatch,
    "TL005": LedgerKeyReused,
    "TL006": AccountUnknown,
    "TL007": AmountAboveHold,
    "TL008": BalanceLimit,
}


@dataclass(frozen=True, slots=True)
class Posted:
    """The numbers of the entry (its first transfer's) and of its transfers. `repeated`: nothing was done, the key was there."""

    entry_id: int
    transfer_ids: tuple[int, ...]
    repeated: bool


def money_asset() -> Asset:
    """Yuan, counted in fen."""
    return _asset(code="CNY", unit="FEN")


def right_asset(*, pollutant: Pollutant | str, region: str, term_start: dt.date, term_end: dt.date) -> Asset:
    """The right to emit `pollutant` in `region` during a term, counted in grams per year.

    `region` is the basin for water pollutants, the city or area for air. `term_end` is the day the term
    ends. Raises EntryInvalid for an empty region or a term that ends before it starts.
    """
    kind = Pollutant(pollutant)
    if not region or ":" in region or len(region) > 60:
        raise EntryInvalid(
            what=Text("区域代码应为1至60个字符", "the region has 1 to 60 characters, no colon")
        )
    if term_end <= term_start:
        raise EntryInvalid(what=Text("有效期止日应晚于起日", "the term must end after it starts"))
    return _asset(
        code=f"{kind}:{region}:{term_start.isoformat()}:{term_end.isoformat()}",
        unit="G_PER_YEAR",
        pollutant=kind.value,
        region=region,
        term_start=term_start,
        term_end=term_end,
    )


def _asset(
    *,
    code: str,
    unit: str,
    pollutant: str = "",
    region: str = "",
    term_start: dt.date | None = None,
    term_end: dt.date | None = None,
) -> Asset:
    found = Asset.objects.filter(code=code).first()
    if found is not None:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger_open_asset(%s, %s, %s, %s, %s, %s)",
            [code, unit, pollutant, region, term_start, term_end],
        )
    return Asset.objects.get(code=code)


def account_of(
    *, owner_type: str, owner_id: object, asset: Asset, kind: AccountKind | str, may_overdraw: bool = False
) -> int:
    """The number of the owner's account of this asset and kind; opens it when it is not there yet. One round trip.

    Only accounts that stand for the outside world (the issuer of rights, the bank) may be overdrawn.
    Raises AccountTermsDiffer when the account exists with the other answer to that, EntryInvalid for an empty owner.
    """
    owner = str(owner_id)
    word = AccountKind(str(kind).upper()).value
    if not owner_type or not owner or len(owner_type) > 60 or len(owner) > 60:
        raise EntryInvalid(what=Text("账户所有者应为1至60个字符", "the owner has 1 to 60 characters"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, may_overdraw FROM ledger_open_account(%s, %s, %s, %s, %s)",
            [owner_type, owner, asset.pk, word, may_overdraw],
        )
        row = cursor.fetchone()
    assert row is not None
    if row[1] is not may_overdraw:
        raise AccountTermsDiffer(account=row[0])
    return int(row[0])


POST_ONE_SQL = (
    "SELECT ledger_post_one("
    "%s, %s, %s, %s::bigint, %s::bigint, %s::bigint, %s, %s, %s, %b,"
    " %s, %s::bigint, %s::bigint, %s::bigint, %s::bigint)"
)
POST_MANY_SQL = (
    "SELECT entry_ids, repeated FROM ledger_post_many("
    "%s::bigint, %s::bigint, %s::bigint, %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[],"
    " %s::text[], %s::bytea[], %s::integer[], %s::integer[], %s::text[], %s::bigint[], %s::bigint[],"
    " %s::bigint[], %s::bigint[])"
)


def post_entry(
    *,
    key: str,
    code: str,
    at: dt.datetime,
    actor: Actor,
    reason: str,
    subject_type: str,
    subject_id: object,
    transfers: Sequence[Movement],
) -> Posted:
    """Write one entry: all of `transfers`, in order, or none. A part; one round trip.

    `key` names the entry for ever ("trade:12:delivery"): the same key with the same content answers the first
    entry with `repeated`, with other content it is refused; time and actor do not belong to the content.
    Raises LedgerKeyReused, UnknownHold, HoldAlreadyResolved, AmountAboveHold, AccountUnknown, AssetMismatch,
    InsufficientBalance, BalanceLimit.
    """
    entry = NewEntry(
        key=key,
        code=code,
        at=at,
        reason=reason,
        subject_type=subject_type,
        subject_id=subject_id,
        transfers=tuple(transfers),
    )
    if len(entry.transfers) > 1:
        try:
            return _post_many(actor, [entry])[0]
        except Refusal as refusal:
            refusal.facts.pop("position", None)  # there is only one entry
            raise
    phase, debit, credit, amount, hold = entry.transfers[0].row
    row = _call(
        POST_ONE_SQL,
        [
            entry.key,
            entry.code,
            entry.at,
            actor.user_id,
            actor.person_id,
            actor.organisation_id,
            entry.reason,
            entry.subject_type,
            entry.subject_id,
            entry.digest,
            phase,
            debit,
            credit,
            amount,
            hold,
        ],
    )
    number = int(row[0])  # negative: the key was there
    return _posted(abs(number), 1, number < 0)


def post_batch(*, actor: Actor, entries: Iterable[NewEntry]) -> list[Posted]:
    """Write many entries, all or none: what one `post_entry` after the other in this transaction would do. A part.

    One round trip and a fixed number of statements. The first entry (in the given order) that would be refused
    refuses the whole batch, with the same refusal and its `position` (from 0) among the facts. Keys that repeat
    an earlier entry, of the table or of this batch, answer it with `repeated`. A hold that the batch itself makes
    has no number yet and cannot be resolved in it. Raises as post_entry does.
    """
    listed = list(entries)
    if len(listed) > ENTRIES_PER_BATCH_MAX:
        raise EntryInvalid(
            what=Text(
                f"一批最多{ENTRIES_PER_BATCH_MAX}条分录",
                f"a batch has at most {ENTRIES_PER_BATCH_MAX} entries",
            )
        )
    if not listed:
        return []
    return _post_many(actor, listed)


def batch_arguments(actor: Actor, entries: Sequence[NewEntry]) -> list[Any]:
    """The arguments of `ledger_post_many`: one array per column, for the entries and for their movements.

    Arrays are written as PostgreSQL's literals: the driver would visit every element by itself.
    """
    movements = [
        (place, *movement.row) for place, e in enumerate(entries, start=1) for movement in e.transfers
    ]
    places, phases, *numbers = zip(*movements, strict=True)
    return [
        actor.user_id,
        actor.person_id,
        actor.organisation_id,
        _texts(e.key for e in entries),
        _texts(e.code for e in entries),
        _texts(e.at.isoformat() for e in entries),
        _texts(e.reason for e in entries),
        _texts(e.subject_type for e in entries),
        _texts(str(e.subject_id) for e in entries),
        _texts("\\x" + e.digest.hex() for e in entries),
        _numbers(len(e.transfers) for e in entries),
        _numbers(places),
        _texts(phases),
        *(_numbers(column) for column in numbers),
    ]


def _numbers(values: Iterable[int | None]) -> str:
    return "{" + ",".join("NULL" if v is None else str(v) for v in values) + "}"


def _texts(values: Iterable[str]) -> str:
    return "{" + ",".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values) + "}"


def _post_many(actor: Actor, entries: Sequence[NewEntry]) -> list[Posted]:
    row = _call(POST_MANY_SQL, batch_arguments(actor, entries))
    return [
        _posted(entry_id, len(entry.transfers), repeated)
        for entry_id, repeated, entry in zip(row[0], row[1], entries, strict=True)
    ]


def _posted(entry_id: int, count: int, repeated: bool) -> Posted:
    return Posted(entry_id, tuple(range(entry_id, entry_id + count)), repeated)


def _call(sql: str, arguments: list[Any]) -> Any:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "the ledger is written inside an act's transaction (ADR 0001)"
        )
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchone()
    except DatabaseError as error:
        refusal = _refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal_of(error: DatabaseError) -> Refusal | None:
    """The refusal that one of our functions raised, by its own SQLSTATE; None for everything else."""
    cause = error.__cause__
    kind = _REFUSALS.get(getattr(cause, "sqlstate", None) or "")
    if kind is None:
        return None
    facts = json.loads(getattr(cause, "diag").message_detail)  # noqa: B009 - psycopg's, absent from BaseException
    unit, pollutant = facts.pop("unit", None), facts.pop("pollutant", None)
    if unit is not None:
        for name in ("available", "needed"):
            facts[f"{name}_amount"] = facts[name]
            facts[name] = amount_label(facts[name], unit, pollutant)
    return kind(**facts)


def amount_label(amount: int, unit: str, pollutant: str) -> Text:
    """An amount with its unit: yuan, or tonnes per year of the pollutant."""
    return Money(amount).label() if unit == "FEN" else Quantity(Pollutant(pollutant), amount).label()
