"""Reading the ledger, and proving it: every balance, hold, chain and sum recomputed from the transfers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from terrace.kernel.base.quantity import Money, Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger.models import Account, Asset, Entry, Transfer
from terrace.kernel.ledger.rules import TRANSFER_NUMBER_BASE, AccountKind


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


_region_words: list[Callable[[str], Text]] = []


def register_region_words(words_of: Callable[[str], Text]) -> None:
    """Tell the ledger what the regions of its assets are called. Called in AppConfig.ready()."""
    _region_words[:] = [words_of]


def region_words(region: str) -> Text:
    """A region in words; its code where no context registered words."""
    return _region_words[0](region) if _region_words else Text(region, region)


def asset_label(asset: Asset) -> Text:
    """`人民币`, or `化学需氧量 · 徒骇河流域 · 2023-12-01 – 2028-11-30`."""
    if asset.is_money:
        return Text("人民币", "Yuan")
    term = f"{asset.term_start} – {asset.term_end}"
    pollutant, region = Pollutant(asset.pollutant).label, region_words(asset.region)
    return Text(f"{pollutant.zh} · {region.zh} · {term}", f"{pollutant.en} · {region.en} · {term}")


def unit_label(asset: Asset) -> Text:
    """The unit in which pages show amounts of this asset."""
    return Text("元", "CNY") if asset.is_money else Text("吨/年", "t/yr")


def plain_amount(amount: int, asset: Asset) -> str:
    """An amount without its unit, for a column whose head carries it: `-1,000.00` or `4.048`."""
    if asset.is_money:
        return Money(amount).yuan_text()
    return Quantity(Pollutant(asset.pollutant), amount).tonnes_text()


_subject_urls: dict[str, Callable[[str], str]] = {}


def register_subject(subject_type: str, url_of: Callable[[str], str]) -> None:
    """Tell the ledger where a subject's page is, so that its entries link there. Called in AppConfig.ready()."""
    _subject_urls[subject_type] = url_of


def subject_url(subject_type: str, subject_id: str) -> str:
    """The address of the page of an entry's subject; empty when its context registered none."""
    found = _subject_urls.get(subject_type)
    return found(subject_id) if found else ""


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


def statement(account_id: int, *, before: int | None = None, limit: int = 50) -> list[StatementLine]:
    """The transfers that touched an account, newest first; page on with the last line's `transfer_id` as `before`.

    Follows the account's hash chain backwards. Three queries, whatever the size.
    """
    return lines_of(Transfer.objects.all(), account_id, before=before, limit=limit)


# From one transfer of an account to those before it: the way its hash chain goes, by primary key.
WALK_SQL = """
WITH RECURSIVE walk (place, id) AS (
    SELECT 1, %(start)s::bigint
    UNION ALL
    SELECT w.place + 1, CASE WHEN t.debit_id = %(account)s THEN t.debit_before_id ELSE t.credit_before_id END
    FROM walk w JOIN ledger_transfer t ON t.id = w.id WHERE w.place <= %(limit)s
)
SELECT id FROM walk ORDER BY place
"""
WALK_STEP = 1_000


def lines_of(
    transfers: QuerySet[Transfer], account_id: int, *, before: int | None = None, limit: int = 50
) -> list[StatementLine]:
    """The statement over a selection of transfers (the filters of the page).

    `before` is a transfer that touched the account (or its hold side); any other number starts at the newest.
    A filter that leaves little walks the chain in steps of a thousand until the page is full.
    """
    start = _start_of_walk(account_id, before)
    step = limit if transfers.query.where.children == [] else WALK_STEP
    lines: list[StatementLine] = []
    while start is not None and len(lines) < limit:
        with connection.cursor() as cursor:
            cursor.execute(WALK_SQL, {"start": start, "account": account_id, "limit": step})
            walked = [row[0] for row in cursor.fetchall()]
        start = walked[step] if len(walked) > step else None
        rows = transfers.filter(pk__in=walked[:step]).select_related("entry").in_bulk()
        lines += [_line(rows[number], account_id) for number in walked[:step] if number in rows]
    return lines[:limit]


def _start_of_walk(account_id: int, before: int | None) -> int | None:
    """The transfer that a page begins with; None when there is nothing (more) to show."""
    if before is not None:
        row = Transfer.objects.filter(pk=before).first()
        if row is not None and row.debit_id == account_id:
            return row.debit_before_id
        if row is not None and row.credit_id == account_id and row.credit_version is not None:
            return row.credit_before_id
    return Account.objects.values_list("last_transfer_id", flat=True).get(pk=account_id)


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
    return (
        Transfer.objects.filter(pk__gte=entry_id, pk__lt=entry_id + TRANSFER_NUMBER_BASE)
        .select_related("debit", "credit", "asset")
        .order_by("id")
    )


def entry_of_transfer(transfer_id: int) -> int:
    """The number of the entry that a transfer belongs to: it is part of the transfer's own number."""
    return transfer_id - transfer_id % TRANSFER_NUMBER_BASE


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
    return (
        Transfer.objects.filter(debit_id=account_id, phase="HOLD")
        .filter(~Exists(Transfer.objects.filter(hold_of_id=OuterRef("pk"))))
        .select_related("entry")
        .order_by("id")
    )


@dataclass(frozen=True, slots=True)
class AssetTotals:
    """What all accounts of one asset hold: `in_hands` on accounts above zero, `issued` owed by those below it."""

    asset: Asset
    accounts: int
    in_hands: int
    issued: int
    held: int

    @property
    def difference(self) -> int:
        """Zero in every honest ledger."""
        return self.in_hands - self.issued


TOTALS_SQL = """
SELECT asset_id, count(*), coalesce(sum(posted) FILTER (WHERE posted > 0), 0)::bigint,
       coalesce(-sum(posted) FILTER (WHERE posted < 0), 0)::bigint, coalesce(sum(held), 0)::bigint
FROM ledger_account GROUP BY asset_id
"""


def totals() -> list[AssetTotals]:
    """The sums of every asset that has accounts, in the order of their codes. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS_SQL)
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    assets = Asset.objects.filter(pk__in=rows).order_by("code")
    return [AssetTotals(asset, *rows[asset.pk]) for asset in assets]


@dataclass(frozen=True, slots=True)
class Flow:
    """What went from accounts of one kind to accounts of another, over all entries and terms. Grams per year."""

    pollutant: Pollutant
    region: str
    giver: AccountKind
    taker: AccountKind
    amount: int


# Per entry and asset, what each kind of account lost or won in all: a right that only passes through escrow on its
# way is nobody's gain there. Losers and winners are laid on one line each, in the order of kinds, and matched where
# they overlap: whole numbers, nothing rounded, and the flows of an entry add up to what moved.
FLOWS_SQL = """
WITH sides AS (
    SELECT t.entry_id, t.asset_id, a.kind, x.change
    FROM ledger_transfer t JOIN ledger_asset s ON s.id = t.asset_id AND s.unit = 'G_PER_YEAR',
    LATERAL (VALUES (t.debit_id, -t.amount), (t.credit_id, t.amount)) x (account_id, change)
    JOIN ledger_account a ON a.id = x.account_id
    WHERE t.phase IN ('DIRECT', 'POST')
), net AS (
    SELECT entry_id, asset_id, kind, sum(change) AS change FROM sides
    GROUP BY entry_id, asset_id, kind HAVING sum(change) <> 0
), laid AS (
    SELECT *, abs(change) AS size, sum(abs(change)) OVER (PARTITION BY entry_id, asset_id, change > 0 ORDER BY kind) AS high
    FROM net
)
SELECT s.pollutant, s.region, g.kind, k.kind,
       sum(least(g.high, k.high) - greatest(g.high - g.size, k.high - k.size))::bigint
FROM laid g JOIN laid k ON k.entry_id = g.entry_id AND k.asset_id = g.asset_id AND g.change < 0 AND k.change > 0
    AND least(g.high, k.high) > greatest(g.high - g.size, k.high - k.size)
JOIN ledger_asset s ON s.id = g.asset_id
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def flows() -> list[Flow]:
    """How the rights moved between kinds of accounts: issued, released, taken back, retired. One query.

    Moves between accounts of one kind (firm to firm) change nothing between kinds and do not appear.
    """
    with connection.cursor() as cursor:
        cursor.execute(FLOWS_SQL)
        rows = cursor.fetchall()
    return [Flow(Pollutant(row[0]), row[1], AccountKind(row[2]), AccountKind(row[3]), row[4]) for row in rows]


@dataclass(frozen=True, slots=True)
class Stock:
    """What accounts of one kind hold of a pollutant in a region, terms that ended apart. Grams per year."""

    pollutant: Pollutant
    region: str
    kind: AccountKind
    ended: bool
    posted: int
    held: int


STOCKS_SQL = """
SELECT s.pollutant, s.region, a.kind, s.term_end < %s AS ended, sum(a.posted)::bigint, sum(a.held)::bigint
FROM ledger_account a JOIN ledger_asset s ON s.id = a.asset_id AND s.unit = 'G_PER_YEAR'
GROUP BY 1, 2, 3, 4 HAVING sum(a.posted) <> 0 ORDER BY 1, 2, 3, 4
"""


def stocks(on: dt.date) -> list[Stock]:
    """Where the rights lie now, and which of them ended before `on`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(STOCKS_SQL, [on])
        rows = cursor.fetchall()
    return [Stock(Pollutant(row[0]), row[1], AccountKind(row[2]), row[3], row[4], row[5]) for row in rows]


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row that does not agree with the rest: which check, which table, which number."""

    check: str
    table: str
    row_id: int
    text: Text

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}: {self.text.en} ({self.check})"


# Each check answers the number of its first bad row, or nothing. Their order goes from cause to effect, so that
# the first answer is the row that was touched and not one that suffers from it.
CHECKS: tuple[tuple[str, str, Text, str], ...] = (
    (
        "account_seed",
        "ledger_account",
        Text(
            "账户的所有者、资产或约定与开立时不符",
            "owner, asset or terms differ from those it was opened with",
        ),
        """
        SELECT min(a.id) FROM ledger_account a LEFT JOIN ledger_asset s ON s.id = a.asset_id
        WHERE s.id IS NULL OR a.version = 0 AND a.last_hash <> ledger_account_seed(
            a.id, a.owner_type, a.owner_id, s.code, a.kind, a.may_overdraw)
        """,
    ),
    (
        "entry_transfers",
        "ledger_entry",
        Text("分录缺少或多出划转", "transfers of the entry are missing or too many"),
        """
        SELECT min(t.first) FROM (
            SELECT id - id % 10000 AS first, count(*) AS n, max(id % 10000) AS last, min(entry_id) AS low, max(entry_id) AS high,
                   count(*) FILTER (WHERE subject_type IS NOT NULL) AS heads,
                   max(transfer_count) FILTER (WHERE id % 10000 = 0) AS promised
            FROM ledger_transfer GROUP BY id - id % 10000) t
        WHERE t.promised IS DISTINCT FROM t.n OR t.last <> t.n - 1 OR t.low <> t.first OR t.high <> t.first OR t.heads <> 1
        """,
    ),
    (
        "transfer_form",
        "ledger_transfer",
        Text("划转的资产、方向或形式有误", "asset, sides or form of the transfer are wrong"),
        """
        SELECT min(t.id) FROM ledger_transfer t
        LEFT JOIN ledger_account d ON d.id = t.debit_id LEFT JOIN ledger_account c ON c.id = t.credit_id
        WHERE d.asset_id IS DISTINCT FROM t.asset_id OR c.asset_id IS DISTINCT FROM t.asset_id
           OR t.debit_id = t.credit_id OR t.amount < 1 OR t.phase NOT IN ('DIRECT', 'HOLD', 'POST', 'VOID')
           OR (t.hold_of_id IS NULL) <> (t.phase IN ('DIRECT', 'HOLD'))
           OR (t.phase IN ('HOLD', 'VOID')) <> (num_nulls(t.credit_version, t.credit_posted, t.credit_hash) = 3)
           OR (t.phase IN ('HOLD', 'VOID')) AND t.credit_before_id IS NOT NULL OR t.amount > 100000000000000000
           OR (t.id % 10000 = 0) <> (num_nulls(t.key, t.code, t.at, t.recorded_at, t.reason, t.subject_type, t.subject_id,
                                               t.transfer_count, t.request_digest) = 0)
           OR (t.phase IN ('DIRECT', 'POST')) <> (num_nulls(t.credit_version, t.credit_posted, t.credit_hash) = 0)
        """,
    ),
    (
        "chain",
        "ledger_transfer",
        Text(
            "账户链在此断开：内容、次序或余额与前一笔不符",
            "an account's chain breaks here: content, order or balance",
        ),
        """
        WITH sides AS MATERIALIZED (
            SELECT t.id, x.account_id, x.version, x.posted, x.hash, x.change, x.before,
                   ledger_transfer_content(sha256(ledger_entry_content(e.at, e.recorded_at, e.request_digest, e.key, e.code,
                       e.actor_user_id, e.actor_person_id, e.actor_organisation_id, e.reason, e.subject_type, e.subject_id,
                       e.transfer_count)), t.id, t.phase, t.debit_id, t.credit_id, t.amount, t.hold_of_id) AS content
            FROM ledger_transfer t JOIN ledger_transfer e ON e.id = t.entry_id,
            LATERAL (VALUES
                (t.debit_id, t.debit_version, t.debit_posted, t.debit_hash, t.debit_before_id,
                 CASE WHEN t.credit_version IS NULL THEN 0 ELSE -t.amount END),
                (t.credit_id, t.credit_version, t.credit_posted, t.credit_hash, t.credit_before_id, t.amount)
            ) x (account_id, version, posted, hash, before, change)
            WHERE x.version IS NOT NULL
        ), chained AS (
            SELECT s.*, lag(s.version, 1, 0::bigint) OVER w AS version_before, lag(s.posted, 1, 0::bigint) OVER w AS posted_before,
                   lag(s.hash) OVER w AS hash_before, lag(s.id) OVER w AS id_before
            FROM sides s WINDOW w AS (PARTITION BY s.account_id ORDER BY s.version, s.id)
        )
        SELECT min(c.id) FROM chained c
        JOIN ledger_account a ON a.id = c.account_id JOIN ledger_asset s ON s.id = a.asset_id
        WHERE c.version <> c.version_before + 1 OR c.posted <> c.posted_before + c.change
           OR c.posted < 0 AND NOT a.may_overdraw OR c.before IS DISTINCT FROM c.id_before
           OR c.hash <> sha256(coalesce(c.hash_before, ledger_account_seed(
                a.id, a.owner_type, a.owner_id, s.code, a.kind, a.may_overdraw)) || c.content)
        """,
    ),
    (
        "hold_resolution",
        "ledger_transfer",
        Text(
            "划转或解冻与其冻结不符，或同一冻结处理了两次",
            "it does not fit its hold, or the hold was resolved twice",
        ),
        """
        SELECT min(t.id) FROM
            (SELECT *, row_number() OVER (PARTITION BY hold_of_id ORDER BY id) AS turn
             FROM ledger_transfer WHERE hold_of_id IS NOT NULL) t
        LEFT JOIN ledger_transfer h ON h.id = t.hold_of_id
        WHERE t.turn > 1 OR h.phase IS DISTINCT FROM 'HOLD' OR h.debit_id <> t.debit_id OR h.credit_id <> t.credit_id
           OR t.amount > h.amount OR (t.phase = 'VOID' AND t.amount <> h.amount)
        """,
    ),
    (
        "account_balance",
        "ledger_account",
        Text(
            "账户余额、冻结额或链尾与其划转不符",
            "posted, held or the head of the chain differ from its transfers",
        ),
        """
        SELECT min(a.id) FROM ledger_account a
        LEFT JOIN (SELECT account_id, sum(change) AS posted, sum(hold) AS held, max(version) AS version FROM (
                SELECT debit_id AS account_id, debit_version AS version,
                       CASE WHEN credit_version IS NULL THEN 0 ELSE -amount END AS change,
                       CASE WHEN phase = 'HOLD' THEN amount ELSE 0 END AS hold FROM ledger_transfer
                UNION ALL
                SELECT credit_id, credit_version, amount, 0 FROM ledger_transfer WHERE credit_version IS NOT NULL
                UNION ALL
                SELECT h.debit_id, 0, 0, -h.amount FROM ledger_transfer t JOIN ledger_transfer h ON h.id = t.hold_of_id
            ) moves GROUP BY account_id) m ON m.account_id = a.id
        LEFT JOIN ledger_transfer l ON l.id = a.last_transfer_id
        WHERE a.posted <> coalesce(m.posted, 0) OR a.held <> coalesce(m.held, 0) OR a.version <> coalesce(m.version, 0)
           OR (a.version = 0) <> (a.last_transfer_id IS NULL)
           OR a.version > 0 AND (a.last_hash, a.version) IS DISTINCT FROM (
                CASE WHEN l.debit_id = a.id THEN l.debit_hash WHEN l.credit_id = a.id THEN l.credit_hash END,
                CASE WHEN l.debit_id = a.id THEN l.debit_version WHEN l.credit_id = a.id THEN l.credit_version END)
           OR a.held < 0 OR (a.posted < a.held AND NOT a.may_overdraw)
        """,
    ),
    (
        "asset_sum",
        "ledger_asset",
        Text("该资产全部账户之和不为零", "the accounts of the asset do not sum to zero"),
        "SELECT min(asset_id) FROM (SELECT asset_id FROM ledger_account GROUP BY asset_id HAVING sum(posted) <> 0) s",
    ),
)


def verify() -> Fault | None:
    """Recompute everything from the transfers; None when all agrees, else the first fault.

    Recomputed: every entry's digest, every account's chain, running and final balances, open holds, the
    resolution of holds, sums per asset. Set-based: a million transfers take seconds.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")  # sorts of whole chains stay in memory
        for check, table, text, sql in CHECKS:
            cursor.execute(sql)
            row = cursor.fetchone()
            if row is not None and row[0] is not None:
                return Fault(check, table, int(row[0]), text)
    return None


@dataclass(frozen=True, slots=True)
class LedgerDigest:
    """The heads of all chains in one hash. Whoever kept it can show later that nothing before it was rewritten."""

    accounts: int
    sha256: str


def digest() -> LedgerDigest:
    """SHA-256 over (number, version, head) of every account in the order of numbers. Publish it daily (ADR 0004)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), encode(sha256(coalesce(string_agg(int8send(id) || int8send(version) || last_hash, ''::bytea"
            " ORDER BY id), ''::bytea)), 'hex') FROM ledger_account"
        )
        row = cursor.fetchone()
    assert row is not None
    return LedgerDigest(int(row[0]), str(row[1]))


def heads() -> dict[int, tuple[int, str]]:
    """The head of every account now: number -> (version, chain hash, hexadecimal). What `digest` hashes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, version, encode(last_hash, 'hex') FROM ledger_account ORDER BY id")
        return {int(number): (int(version), str(head)) for number, version, head in cursor.fetchall()}


def hashes_at(places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The chain hash at each (account, version), version 1 or more, hexadecimal; those that are not there are left out.

    One pass over the transfers, which have no index by account: ask for many at once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS a(account, version))"
            " SELECT a.account, a.version, encode(t.debit_hash, 'hex') FROM asked a"
            " JOIN ledger_transfer t ON t.debit_id = a.account AND t.debit_version = a.version"
            " UNION ALL SELECT a.account, a.version, encode(t.credit_hash, 'hex') FROM asked a"
            " JOIN ledger_transfer t ON t.credit_id = a.account AND t.credit_version = a.version",
            [[account for account, _ in places], [version for _, version in places]],
        )
        return {(int(row[0]), int(row[1])): str(row[2]) for row in cursor.fetchall()}
