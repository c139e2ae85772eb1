"""Reading the journal and proving its chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from terrace.kernel.audit.models import JournalEntry

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


_name_organisations: Callable[[list[int]], dict[int, tuple[str, str]]] = lambda ids: {}  # noqa: E731  replaced by orgs


def name_organisations_by(names: Callable[[list[int]], dict[int, tuple[str, str]]]) -> None:
    """Registered by `orgs`, which stands above: Chinese and English names of organisations by id."""
    global _name_organisations
    _name_organisations = names


def organisation_names(ids: list[int]) -> dict[int, tuple[str, str]]:
    """Names for a page of entries, one query."""
    return _name_organisations(ids) if ids else {}
