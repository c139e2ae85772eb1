"""What an entry may say, before any database is asked: movements, their limits, the digest of a request.

Amounts are positive integers in the asset's smallest unit: grams per year of a pollutant, fen of money.
"Debit" gives and "credit" receives: balance = credits - debits.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
from dataclasses import dataclass, field

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text

AMOUNT_MAX = 10**17  # of one transfer: as much as base.quantity.MONEY_FEN_MAX
BALANCE_MAX = 4 * 10**18  # of one account, either sign: two of them still fit a bigint
TRANSFERS_PER_ENTRY_MAX = 9_999  # a transfer's number is its entry's number and four digits
ENTRIES_PER_BATCH_MAX = 10_000
TRANSFER_NUMBER_BASE = 10_000
HASH_ZERO = bytes(32)


class AccountKind(enum.StrEnum):
    """What an account is for. ISSUER and BANK stand for the outside world and may be overdrawn."""

    HOLDER = "HOLDER"
    ISSUER = "ISSUER"
    BANK = "BANK"
    TREASURY = "TREASURY"
    ESCROW = "ESCROW"
    RESERVE = "RESERVE"
    RETIRED = "RETIRED"

    @property
    def label(self) -> Text:
        return _KIND_LABELS[self]


_KIND_LABELS = {
    AccountKind.HOLDER: Text("持有账户", "Holder"),
    AccountKind.ISSUER: Text("核发账户", "Issuer"),
    AccountKind.BANK: Text("银行往来", "Bank"),
    AccountKind.TREASURY: Text("财政账户", "Treasury"),
    AccountKind.ESCROW: Text("代管账户", "Escrow"),
    AccountKind.RESERVE: Text("储备账户", "Reserve"),
    AccountKind.RETIRED: Text("注销账户", "Retired"),
}


class Phase(enum.StrEnum):
    """DIRECT moves at once. HOLD freezes on the debit side. POST and VOID resolve a hold, once."""

    DIRECT = "DIRECT"
    HOLD = "HOLD"
    POST = "POST"
    VOID = "VOID"

    @property
    def label(self) -> Text:
        return _PHASE_LABELS[self]


_PHASE_LABELS = {
    Phase.DIRECT: Text("直接划转", "Direct"),
    Phase.HOLD: Text("冻结", "Hold"),
    Phase.POST: Text("冻结划转", "Post of a hold"),
    Phase.VOID: Text("解冻", "Void of a hold"),
}


class AmountInvalid(Refusal):
    code = "ledger.amount.invalid"
    text = Text(
        "数额{got}无效：应为1至{maximum}的整数。",
        "Amount {got} is invalid: a whole number from 1 to {maximum}.",
    )
    hint = Text("数额以克/年或分为最小单位。", "Amounts are whole grams per year or whole fen.")
    http_status = 422


class SameAccount(Refusal):
    code = "ledger.transfer.same_account"
    text = Text("转出与转入不能是同一账户（{account}）。", "An account cannot pay itself ({account}).")
    http_status = 422


class EntryInvalid(Refusal):
    code = "ledger.entry.invalid"
    text = Text("分录不完整：{what}。", "The entry is not complete: {what}.")
    http_status = 422


def _amount(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= AMOUNT_MAX:
        raise AmountInvalid(got=str(value)[:40], maximum=AMOUNT_MAX)


@dataclass(frozen=True, slots=True)
class Direct:
    """Move `amount` from `debit` to `credit` at once. Raises AmountInvalid, SameAccount."""

    debit: int
    credit: int
    amount: int

    def __post_init__(self) -> None:
        _amount(self.amount)
        if self.debit == self.credit:
            raise SameAccount(account=self.debit)

    @property
    def row(self) -> tuple[str, int | None, int | None, int | None, int | None]:
        return (Phase.DIRECT.value, self.debit, self.credit, self.amount, None)


@dataclass(frozen=True, slots=True)
class Hold:
    """Freeze `amount` on `debit`, meant for `credit`; resolved once by Post or Void. Raises as Direct does."""

    debit: int
    credit: int
    amount: int

    def __post_init__(self) -> None:
        _amount(self.amount)
        if self.debit == self.credit:
            raise SameAccount(account=self.debit)

    @property
    def row(self) -> tuple[str, int | None, int | None, int | None, int | None]:
        return (Phase.HOLD.value, self.debit, self.credit, self.amount, None)


@dataclass(frozen=True, slots=True)
class Post:
    """Pay out a hold: `amount` of it (all when None) goes to the credit side, the rest becomes free again."""

    hold_id: int
    amount: int | None = None

    def __post_init__(self) -> None:
        if self.amount is not None:
            _amount(self.amount)

    @property
    def row(self) -> tuple[str, int | None, int | None, int | None, int | None]:
        return (Phase.POST.value, None, None, self.amount, self.hold_id)


@dataclass(frozen=True, slots=True)
class Void:
    """Free a whole hold. An expiry is a Void too: an explicit entry whose reason says so."""

    hold_id: int

    @property
    def row(self) -> tuple[str, int | None, int | None, int | None, int | None]:
        return (Phase.VOID.value, None, None, None, self.hold_id)


Movement = Direct | Hold | Post | Void


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One business act in the ledger: all of its movements happen, in order, or none. Raises EntryInvalid."""

    key: str
    code: str
    at: dt.datetime
    subject_type: str
    subject_id: object
    transfers: tuple[Movement, ...]
    reason: str = ""
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "transfers", tuple(self.transfers))
        object.__setattr__(self, "subject_id", str(self.subject_id))
        for name, text, longest in (
            ("key", self.key, 120),
            ("code", self.code, 60),
            ("subject_type", self.subject_type, 60),
            ("subject_id", str(self.subject_id), 60),
        ):
            if not text or len(text) > longest or "\x00" in text:
                raise EntryInvalid(
                    what=Text(f"{name} 应为1至{longest}个字符", f"{name} must have 1 to {longest} characters")
                )
        if len(self.reason) > 1_000 or "\x00" in self.reason:
            raise EntryInvalid(what=Text("事由不得超过1000个字符", "the reason has at most 1,000 characters"))
        if self.at.tzinfo is None:
            raise ValueError("the event time of an entry must be aware")
        if not 1 <= len(self.transfers) <= TRANSFERS_PER_ENTRY_MAX:
            raise EntryInvalid(
                what=Text(
                    f"应有1至{TRANSFERS_PER_ENTRY_MAX}笔划转",
                    f"1 to {TRANSFERS_PER_ENTRY_MAX} transfers are needed",
                )
            )
        object.__setattr__(self, "digest", request_digest(self))


def request_digest(entry: NewEntry) -> bytes:
    """What tells a repeat from another request under the same key.

    Neither the time nor the actor belongs to it: a retry comes later, and perhaps from a job.
    """
    content = [
        entry.code,
        entry.subject_type,
        entry.subject_id,
        entry.reason,
        [movement.row for movement in entry.transfers],
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
