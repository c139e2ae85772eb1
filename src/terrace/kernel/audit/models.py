"""The journal of acts: what was done, by whom, to what, why, under which clause. Append-only, hash-chained."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class JournalEntry(models.Model):
    """One act. Written by `terrace_journal()` only; update and delete are refused by trigger.

    `stream` is the chain the entry belongs to: "main" for acts in general, "auction:<id>" for bids, so
    that bidding never waits for the rest of the city. Inside a stream `position` is gapless and
    `entry_hash` covers the row and `previous_hash`.
    """

    stream = models.CharField(max_length=60)
    position = models.BigIntegerField()
    at = models.DateTimeField(db_comment="platform time of the act")
    recorded_at = models.DateTimeField(db_comment="clock of the database server")
    act = models.CharField(max_length=80)
    actor_user_id = models.BigIntegerField(null=True)
    actor_person_id = models.BigIntegerField(null=True)
    actor_organisation_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    via = models.CharField(max_length=20)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    clause = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=100, null=True)
    request_digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(null=True)
    previous_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_journal"
        constraints = [
            models.UniqueConstraint(fields=["stream", "position"], name="audit_stream_position"),
            models.UniqueConstraint(
                fields=["actor_user_id", "act", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="audit_key_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-id"]),
            models.Index(fields=["act", "-id"]),
            models.Index(fields=["actor_organisation_id", "-id"]),
        ]


class JournalStream(models.Model):
    """The head of each chain; its row lock orders the stream. Not tracked: the journal is its history."""

    stream = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_stream"
