"""Reading the ledger, and proving it: every balance, hold, chain and sum recomputed from the transfers."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from terrace.kernel.ledger.models import Account, Entry, Transfer
from terrace.kernel.ledger.rules import TRANSFER_NUMBER_BASE


@dataclass(frozen=True, slots=True)
class Balance:
    """In the asset's smallest unit. `available` = posted - held."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer as one account sees it. `change` is signed and counts towards `posted`; a hold changes 0."""

    transfer_id: int
    entry_id: int
    phase: str
    change: int
    amount: int
    posted_after: int
    version: int
    other_account_id: int
    hold_of_id: int | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class HoldState:
    """A hold and what became of it: `resolved_by` is None while it is open."""

    hold_id: int
    debit_id: int
    credit_id: int
    amount: int
    resolved_by: int | None
    posted_amount: int


def balance_of(account_id: int) -> Balance:
    """The balance as it stands, without a lock. Raises Account.DoesNotExist."""
    posted, held = Account.objects.values_list("posted", "held").get(pk=account_id)
    return Balance(posted, held)


def balances_of(*, owner_type: str, owner_id: object) -> list[Account]:
    """All accounts of one owner with their assets, in the order of the assets' codes."""
    return list(
        Account.objects.filter(owner_type=owner_type, owner_id=str(owner_id))
        .select_related("asset")
        .order_by("asset__code", "kind", "id")
    )


def statement(account_id: int, *, before_version: int | None = None, limit: int = 50) -> list[StatementLine]:
    """The transfers that touched an account, newest first; page on with the last line's `version`.

    Two queries, whatever the size: versions count without gaps, so a page is a range of them.
    """
    return lines_of(Transfer.objects.all(), account_id, before_version=before_version, limit=limit)


def lines_of(
    transfers: QuerySet[Transfer], account_id: int, *, before_version: int | None = None, limit: int = 50
) -> list[StatementLine]:
    """The statement over a selection of transfers (the filters of the page)."""
    debits = transfers.filter(debit_id=account_id)
    receipts = transfers.filter(credit_id=account_id, credit_version__isnull=False)
    if before_version is not None:
        debits = debits.filter(debit_version__lt=before_version)
        receipts = receipts.filter(credit_version__lt=before_version)
    rows = [
        *debits.select_related("entry").order_by("-debit_version")[:limit],
        *receipts.select_related("entry").order_by("-credit_version")[:limit],
    ]
    lines = sorted((_line(row, account_id) for row in rows), key=lambda line: -line.version)
    return lines[:limit]


def _line(row: Transfer, account_id: int) -> StatementLine:
    gives = row.debit_id == account_id
    moves = row.phase in ("DIRECT", "POST")
    version = row.debit_version if gives else row.credit_version
    posted = row.debit_posted if gives else row.credit_posted
    assert version is not None
    assert posted is not None
    return StatementLine(
        transfer_id=row.pk,
        entry_id=row.entry_id,
        phase=row.phase,
        change=(-row.amount if gives else row.amount) if moves else 0,
        amount=row.amount,
        posted_after=posted,
        version=version,
        other_account_id=row.credit_id if gives else row.debit_id,
        hold_of_id=row.hold_of_id,
        entry=row.entry,
    )


def entries_of(subject_type: str, subject_id: object) -> QuerySet[Entry]:
    """The entries about one subject, newest first."""
    return Entry.objects.filter(subject_type=subject_type, subject_id=str(subject_id)).order_by("-id")


def transfers_of(entry_id: int) -> QuerySet[Transfer]:
    """The transfers of one entry in order, with their accounts and asset."""
    first = entry_id * TRANSFER_NUMBER_BASE
    return (
        Transfer.objects.filter(pk__gt=first, pk__lt=first + TRANSFER_NUMBER_BASE)
        .select_related("debit", "credit", "asset")
        .order_by("id")
    )


def hold_state(hold_id: int) -> HoldState | None:
    """A hold and whether it is open; None when there is no such hold."""
    hold = Transfer.objects.filter(pk=hold_id, phase="HOLD").first()
    if hold is None:
        return None
    end = Transfer.objects.filter(hold_of_id=hold_id).first()
    return HoldState(
        hold_id=hold.pk,
        debit_id=hold.debit_id,
        credit_id=hold.credit_id,
        amount=hold.amount,
        resolved_by=end.pk if end else None,
        posted_amount=end.amount if end and end.phase == "POST" else 0,
    )


def open_holds(account_id: int) -> QuerySet[Transfer]:
    """The holds that freeze something on an account now."""
    resolved = Transfer.objects.filter(hold_of__isnull=False, debit_id=account_id).values("hold_of_id")
    return (
        Transfer.objects.filter(debit_id=account_id, phase="HOLD")
        .exclude(pk__in=resolved)
        .select_related("entry")
        .order_by("id")
    )
