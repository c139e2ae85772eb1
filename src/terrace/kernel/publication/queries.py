"""Reading the notices: lists, the feed, and the proof of their chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from terrace.kernel.audit import queries as audit_queries
from terrace.kernel.base.clock import at_local
from terrace.kernel.ledger import queries as ledger_queries
from terrace.kernel.publication import rules
from terrace.kernel.publication.models import DailyDigest, Notice

PAST_MAX = 200_000  # heads of past days compared with the books at once

# The archived pages are long; lists do not read them.
_LONG = tuple(f"{path}{name}" for path in ("", "corrects__") for name in ("html_zh", "html_en", "content"))


def list_notices(
    *, kind: str = "", since: dt.date | None = None, until: dt.date | None = None, words: str = ""
) -> QuerySet[Notice]:
    """Notices, newest first; `since` and `until` are days in Shanghai, both included; `words` look into title and number."""
    notices = Notice.objects.select_related("corrects").defer(*_LONG).order_by("-sequence")
    if kind:
        notices = notices.filter(kind=kind)
    if since is not None:
        notices = notices.filter(published_at__gte=at_local(since))
    if until is not None:
        notices = notices.filter(published_at__lt=at_local(until + dt.timedelta(days=1)))
    for word in words.split():
        notices = notices.filter(
            Q(title_zh__icontains=word) | Q(title_en__icontains=word) | Q(number__icontains=word)
        )
    return notices


def latest(limit: int = 5, *, kind: str = "") -> list[Notice]:
    """The newest notices, for the home page. One query."""
    return list(list_notices(kind=kind)[:limit])


def notices_of(subject_type: str, subject_id: object) -> QuerySet[Notice]:
    """The notices about one subject, newest first."""
    return list_notices().filter(subject_type=subject_type, subject_id=str(subject_id))


def feed_after(sequence: int, limit: int) -> list[Notice]:
    """The notices after a cursor, in order. Numbers have no gaps, so a reader that keeps the last one misses nothing."""
    return list(
        Notice.objects.select_related("corrects").filter(sequence__gt=sequence).order_by("sequence")[:limit]
    )


def get_notice(sequence: int) -> Notice | None:
    """The notice of that number with what it corrects and who announced it."""
    return Notice.objects.select_related("corrects", "announcement").filter(sequence=sequence).first()


def corrections_of(notice: Notice) -> list[Notice]:
    """The notices that correct this one, oldest first."""
    return list(list_notices().filter(corrects=notice).order_by("sequence"))


def verify_notices() -> str | None:
    """The first notice whose number, chain or digest does not agree, in words; None when all do."""
    expected, previous = 1, rules.GENESIS
    for notice in Notice.objects.select_related("corrects").order_by("sequence").iterator(chunk_size=200):
        if notice.sequence != expected:
            return f"notice {expected} is missing"
        if notice.previous_digest != previous:
            return f"notice {notice.sequence} does not follow the notice before it"
        if notice.digest != notice.recomputed_digest():
            return f"notice {notice.sequence} does not match its digest"
        expected, previous = expected + 1, notice.digest
    return None


def digests() -> QuerySet[DailyDigest]:
    """The published digests, the newest day first, without the heads they were made of."""
    return DailyDigest.objects.order_by("-day").defer("changed")


def digest_row(row: DailyDigest) -> dict[str, Any]:
    """A published digest as open data."""
    return {
        "day": row.day.isoformat(),
        "taken_at": row.taken_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "accounts": row.accounts,
        "ledger_sha256": row.ledger_digest,
        "journal_streams": row.streams,
        "journal_sha256": row.journal_digest,
        "previous_sha256": row.previous_digest,
        "sha256": row.digest,
    }


def merge_heads(
    row: DailyDigest, ledger: dict[int, tuple[int, str]], journal: dict[str, tuple[int, str]]
) -> None:
    """Bring the heads of the day before up to this day, in place."""
    ledger.update({int(a): (int(v), str(h)) for a, v, h in row.changed["ledger"]})
    journal.update({str(s): (int(p), str(h)) for s, p, h in row.changed["journal"]})


def verify_digests(published: Mapping[str, str] | None = None) -> str | None:
    """Put every published day together again and compare it with ledger and journal as they are now.

    The first day that does not agree, in words, or None. `published` maps days to digests that somebody kept
    elsewhere: a database that was rewritten as a whole, digests included, differs from those. The books are read
    once for PAST_MAX heads, not once for each day.
    """
    ledger: dict[int, tuple[int, str]] = {}
    journal: dict[str, tuple[int, str]] = {}
    previous = rules.GENESIS
    seen: dict[str, str] = {}
    past: list[DailyDigest] = []
    waiting = 0
    for row in DailyDigest.objects.order_by("day").iterator(chunk_size=50):
        merge_heads(row, ledger, journal)
        if wrong := _wrong_in_itself(row, ledger, journal, previous):
            return _wrong_in_the_books(past) or wrong
        previous = seen[row.day.isoformat()] = row.digest
        past.append(row)
        waiting += len(row.changed["ledger"]) + len(row.changed["journal"])
        if waiting >= PAST_MAX:
            if wrong := _wrong_in_the_books(past):
                return wrong
            past, waiting = [], 0
    if wrong := _wrong_in_the_books(past):
        return wrong
    for day, digest in sorted((published or {}).items()):
        if seen.get(day) != digest:
            return f"{day}: the digest that was kept elsewhere is not the one in this database"
    return None


def _wrong_in_itself(
    row: DailyDigest,
    ledger: dict[int, tuple[int, str]],
    journal: dict[str, tuple[int, str]],
    previous: str,
) -> str:
    """Whether the heads that were kept make the day's digests, and these hold the day before; what is wrong, or ''."""
    day = row.day.isoformat()
    if (row.ledger_digest, row.accounts) != (rules.ledger_digest(ledger), len(ledger)):
        return f"{day}: the heads kept do not make the digest of the ledger"
    if (row.journal_digest, row.streams) != (rules.journal_digest(journal), len(journal)):
        return f"{day}: the heads kept do not make the digest of the journal"
    expected = rules.day_digest(day, row.ledger_digest, row.journal_digest, previous)
    if (row.previous_digest, row.digest) != (previous, expected):
        return f"{day}: the digest does not hold the day before"
    return ""


def _wrong_in_the_books(days: list[DailyDigest]) -> str:
    """Whether the accounts and the journal's streams still have, at that place, the hash of that day; else ''."""
    accounts = [(int(a), int(v)) for row in days for a, v, _ in row.changed["ledger"] if int(v) > 0]
    streams = [(str(s), int(p)) for row in days for s, p, _ in row.changed["journal"] if int(p) > 0]
    transfers = ledger_queries.hashes_at(accounts) if accounts else {}
    entries = audit_queries.hashes_at(streams) if streams else {}
    for row in days:
        day = row.day.isoformat()
        for account, version, head in row.changed["ledger"]:
            if version > 0 and transfers.get((account, version)) != head:
                return f"{day}: account {account} had another hash at version {version}"
        for stream, position, head in row.changed["journal"]:
            if position > 0 and entries.get((stream, position)) != head:
                return f"{day}: stream {stream} had another hash at position {position}"
    return ""
