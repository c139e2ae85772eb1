"""Reading the journal and proving its chain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from terrace.kernel.audit.models import JournalEntry, JournalStream
from terrace.kernel.base.clock import at_local

VERIFY_SQL = """
SELECT id, stream, position,
       CASE WHEN position <> expected_position THEN 'position'
            WHEN previous_hash <> expected_previous THEN 'previous_hash'
            ELSE 'entry_hash' END
FROM (
    SELECT j.id, j.stream, j.position, j.previous_hash, j.entry_hash,
           row_number() OVER w AS expected_position,
           coalesce(lag(j.entry_hash) OVER w, repeat('0', 64)) AS expected_previous,
           audit_entry_digest(j) AS expected_hash
    FROM audit_journal j WINDOW w AS (PARTITION BY j.stream ORDER BY j.position)
) chain
WHERE position <> expected_position OR previous_hash <> expected_previous OR entry_hash <> expected_hash
ORDER BY stream, position LIMIT 1
"""

HEADS_SQL = """
SELECT s.stream FROM audit_stream s
LEFT JOIN LATERAL (SELECT position, entry_hash FROM audit_journal j WHERE j.stream = s.stream ORDER BY position DESC LIMIT 1) j ON true
WHERE coalesce(j.position, 0) <> s.position OR coalesce(j.entry_hash, repeat('0', 64)) <> s.last_hash
ORDER BY 1 LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first row of the journal that does not agree with the chain."""

    entry_id: int | None
    stream: str
    position: int | None
    what: str


def verify_chain() -> ChainFault | None:
    """Recompute every hash of the journal; None when all agree. Also notices a cut-off tail."""
    with connection.cursor() as cursor:
        cursor.execute(VERIFY_SQL)
        row = cursor.fetchone()
        if row is not None:
            return ChainFault(entry_id=row[0], stream=row[1], position=row[2], what=row[3])
        cursor.execute(HEADS_SQL)
        head = cursor.fetchone()
    return ChainFault(None, head[0], None, "head") if head is not None else None


def entries_of(subject_type: str, subject_id: object) -> QuerySet[JournalEntry]:
    """The acts on one subject, newest first."""
    return JournalEntry.objects.filter(subject_type=subject_type, subject_id=str(subject_id)).order_by("-id")


def _nameless(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (str(pk), str(pk)) for pk in ids}


_name_organisations: Callable[[list[int]], dict[int, tuple[str, str]]] = _nameless


def name_organisations_by(names: Callable[[list[int]], dict[int, tuple[str, str]]]) -> None:
    """Registered by `orgs`, which stands above: Chinese and English names of organisations by id."""
    global _name_organisations
    _name_organisations = names


def organisation_names(ids: list[int]) -> dict[int, tuple[str, str]]:
    """Names for a page of entries, one query."""
    return _name_organisations(ids) if ids else {}


def list_entries(
    *,
    act: str = "",
    subject_type: str = "",
    subject_id: str = "",
    organisation: int | None = None,
    day_from: dt.date | None = None,
    day_to: dt.date | None = None,
    before: int | None = None,
) -> QuerySet[JournalEntry]:
    """The journal, newest first, by act (or its beginning), subject, organisation and days in Shanghai.

    Paged by key: `before` is the id of the last entry already seen, so that new entries shift nothing.
    """
    found = JournalEntry.objects.order_by("-id")
    if act:
        found = found.filter(act__startswith=act)
    if subject_type:
        found = found.filter(subject_type=subject_type)
    if subject_id:
        found = found.filter(subject_id=subject_id)
    if organisation is not None:
        found = found.filter(actor_organisation_id=organisation)
    if day_from is not None:
        found = found.filter(at__gte=at_local(day_from))
    if day_to is not None:
        found = found.filter(at__lt=at_local(day_to + dt.timedelta(days=1)))
    if before is not None:
        found = found.filter(pk__lt=before)
    return found


LINK_SQL = """
SELECT audit_entry_digest(j) = j.entry_hash,
       j.previous_hash = coalesce(p.entry_hash, repeat('0', 64)) AND (p.id IS NOT NULL OR j.position = 1),
       p.id, n.id
FROM audit_journal j
LEFT JOIN audit_journal p ON p.stream = j.stream AND p.position = j.position - 1
LEFT JOIN audit_journal n ON n.stream = j.stream AND n.position = j.position + 1
WHERE j.id = %s
"""


@dataclass(frozen=True, slots=True)
class Link:
    """How one entry stands in its chain: its own hash recomputed, its tie to the one before, its neighbours."""

    content_intact: bool
    tied_to_previous: bool
    previous_id: int | None
    next_id: int | None

    @property
    def intact(self) -> bool:
        return self.content_intact and self.tied_to_previous


def link_of(entry_id: int) -> Link:
    """Recompute the hash of one entry and compare its tie to the entry before. One query."""
    with connection.cursor() as cursor:
        cursor.execute(LINK_SQL, [entry_id])
        row = cursor.fetchone()
    assert row is not None
    return Link(*row)


def heads() -> dict[str, tuple[int, str]]:
    """The head of every stream of the journal now: name -> (position, hash)."""
    rows = JournalStream.objects.order_by("stream").values_list("stream", "position", "last_hash")
    return {stream: (position, head) for stream, position, head in rows}


def hashes_at(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The hash of the entry at each (stream, position), position 1 or more; those that are not there are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT j.stream, j.position, j.entry_hash FROM unnest(%s::text[], %s::bigint[]) AS a(stream, position)"
            " JOIN audit_journal j ON j.stream = a.stream AND j.position = a.position",
            [[stream for stream, _ in places], [position for _, position in places]],
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}
