"""Writing the journal. Every service calls `record` once, last, inside its own transaction.

Repeats: a service that takes an idempotency key calls `first_answer` under its locks before it decides
anything; a repeat with the same content gets the first answer, with other content `KeyReused`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from django.db import connection

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import KeyReused

RECORD_SQL = (
    "SELECT terrace_journal(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s::jsonb)"
)


def digest_of(request: object) -> str:
    """The digest that tells one request content from another (order of keys does not matter)."""
    return hashlib.sha256(
        json.dumps(request, sort_keys=True, default=str, ensure_ascii=False).encode()
    ).hexdigest()


def record(
    *,
    actor: Actor,
    act: str,
    subject_type: str,
    subject_id: object,
    at: dt.datetime,
    facts: dict[str, Any] | None = None,
    reason: str = "",
    clause: str = "",
    key: str | None = None,
    request_digest: str = "",
    result: Any = None,
    stream: str = "main",
) -> int:
    """Append one act to the journal and return its id. Call it last: it holds the stream's row to the commit.

    `facts` carry before and after where something changed. Raises nothing of its own; a key that was
    used before is a programming error here, because `first_answer` comes first.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            RECORD_SQL,
            [
                stream,
                at,
                act,
                actor.user_id,
                actor.person_id,
                actor.organisation_id,
                actor.name,
                actor.via,
                subject_type,
                str(subject_id),
                json.dumps(facts or {}, default=str, ensure_ascii=False),
                reason,
                clause,
                key,
                request_digest,
                None if result is None else json.dumps(result, default=str, ensure_ascii=False),
            ],
        )
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def first_answer(*, actor: Actor, act: str, key: str | None, request_digest: str) -> Any | None:
    """The result recorded for this actor, act and key; None when the key is new or absent.

    Call it after taking the locks. Raises KeyReused when the key came with other content.
    """
    if not key:
        return None
    entry = JournalEntry.objects.filter(actor_user_id=actor.user_id, act=act, idempotency_key=key).first()
    if entry is None:
        return None
    if entry.request_digest != request_digest:
        raise KeyReused
    return entry.result
