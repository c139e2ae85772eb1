"""The outbox of announcements, and the notices as they were shown: numbered without gaps, never changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.texts import Text
from terrace.kernel.publication import rules


class Announcement(CityRow):
    """What an act wants published, written in the act's transaction. Append-only; already masked."""

    kind = models.CharField(max_length=60)
    number = models.CharField(
        max_length=60, blank=True, db_comment="the document number printed on it, if any"
    )
    title_zh = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300)
    content = models.JSONField()
    template = models.CharField(max_length=120)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    corrects = models.ForeignKey(
        "Notice", on_delete=models.PROTECT, null=True, related_name="corrected_by_announcements"
    )
    at = models.DateTimeField()
    announced_by_id = models.BigIntegerField(null=True, db_comment="user")
    announced_by_organisation_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["subject_type", "subject_id"])]

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)


class Pending(models.Model):
    """An announcement that waits for the publisher. Not history-tracked: a queue; it holds nothing but the wait."""

    announcement = models.OneToOneField(Announcement, on_delete=models.CASCADE, primary_key=True)
    tries = models.PositiveSmallIntegerField(default=0)
    again_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)


class Notice(CityRow):
    """One published notice: exactly what was shown, in both languages. Append-only, hash-chained."""

    sequence = models.BigIntegerField(unique=True, db_comment="gapless, in the order of publication")
    announcement = models.OneToOneField(Announcement, on_delete=models.PROTECT, related_name="notice")
    kind = models.CharField(max_length=60)
    number = models.CharField(max_length=60, blank=True)
    title_zh = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300)
    content = models.JSONField()
    html_zh = models.TextField()
    html_en = models.TextField()
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="corrections")
    published_at = models.DateTimeField()
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(sequence__gte=1), name="publication_sequence")]
        indexes = [
            models.Index(fields=["kind", "-sequence"]),
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["-published_at"]),
        ]

    def __str__(self) -> str:
        return self.title_zh

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)

    @property
    def html(self) -> Text:
        return Text(self.html_zh, self.html_en)

    @property
    def url(self) -> str:
        return reverse("publication:notice", args=[self.sequence])

    def shown(self) -> dict[str, Any]:
        """Everything the digest covers, as the JSON twin gives it."""
        return {
            "sequence": self.sequence,
            "kind": self.kind,
            "number": self.number,
            "title": {"zh": self.title_zh, "en": self.title_en},
            "content": self.content,
            "html": {"zh": self.html_zh, "en": self.html_en},
            "corrects": self.corrects_sequence,
            "published_at": self.published_at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        }

    @property
    def corrects_sequence(self) -> int | None:
        return self.corrects.sequence if self.corrects is not None else None

    def recomputed_digest(self) -> str:
        return rules.notice_digest(self.shown(), self.previous_digest)


class DailyDigest(CityRow):
    """What ledger and journal hashed to at the end of a platform day (ADR 0004, 5). Append-only, each day over the day before.

    `changed` keeps the heads that moved since the day before, so that any day can be put together again and compared
    with what the ledger and the journal say today: {"ledger": [[account, version, hash], …], "journal": [[stream,
    position, hash], …]}.
    """

    day = models.DateField(unique=True, db_comment="the platform day that had ended")
    taken_at = models.DateTimeField(db_comment="platform time; the first turn of the worker after midnight")
    accounts = models.BigIntegerField()
    streams = models.BigIntegerField()
    ledger_digest = models.CharField(max_length=64)
    journal_digest = models.CharField(max_length=64)
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    changed = models.JSONField()

    class Meta:
        ordering = ["day"]

    def __str__(self) -> str:
        return self.day.isoformat()
