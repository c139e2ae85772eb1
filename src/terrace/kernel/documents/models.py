"""Documents: what was handed in, by content. The bytes lie in a store of their own, named by digest."""

from __future__ import annotations

import datetime as dt

import pghistory
from django.db import models
from django.db.models import Q
from django.urls import reverse

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.texts import Text
from terrace.kernel.documents import rules
from terrace.kernel.documents.procedures import kind_of
from terrace.kernel.orgs.models import Organisation


class ScanState(models.TextChoices):
    NOT_CONFIGURED = "NOT_CONFIGURED", "未配置病毒扫描"
    PENDING = "PENDING", "待扫描"
    CLEAN = "CLEAN", "未发现病毒"
    INFECTED = "INFECTED", "发现病毒"


@pghistory.track()
class Document(CityRow):
    """One version of one document. Content, name and subject never change; only the scan's finding does.

    A corrected file is a new row that `replaces` the old one; both stay.
    """

    digest = models.CharField(max_length=64, db_comment="SHA-256 of the content, hexadecimal")
    size_bytes = models.BigIntegerField()
    media_type = models.CharField(max_length=100, db_comment="by content, not as claimed")
    filename = models.CharField(max_length=140)
    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    is_public = models.BooleanField(default=False)
    uploaded_at = models.DateTimeField()
    uploaded_by_id = models.BigIntegerField(null=True, db_comment="user")
    uploaded_by_name = models.CharField(max_length=200, blank=True)
    retain_until = models.DateField(null=True, db_comment="null: for good")
    scan_state = models.CharField(max_length=16, choices=ScanState.choices)
    scanned_at = models.DateTimeField(null=True)
    scan_note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(version=1, replaces__isnull=True) | Q(version__gt=1, replaces__isnull=False),
                name="documents_version_chain",
            ),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="documents_digest_form"
            ),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="documents_not_empty"),
            models.CheckConstraint(
                condition=Q(scan_state__in=["CLEAN", "INFECTED"], scanned_at__isnull=False)
                | Q(scan_state__in=["PENDING", "NOT_CONFIGURED"], scanned_at__isnull=True),
                name="documents_scanned",
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["digest"]),
            models.Index(fields=["id"], condition=Q(scan_state="PENDING"), name="documents_to_scan"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def url(self) -> str:
        return reverse("documents:download", args=[self.pk])

    @property
    def at(self) -> dt.datetime:
        return self.uploaded_at

    @property
    def size(self) -> int:
        return self.size_bytes

    @property
    def size_words(self) -> str:
        return rules.size_label(self.size_bytes)

    @property
    def kind_label(self) -> Text:
        return kind_of(self.kind).label
