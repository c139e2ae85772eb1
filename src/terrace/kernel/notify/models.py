"""Messages to people: one row per person, read in the inbox, sent as mail beside it."""

from __future__ import annotations

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q

from terrace.kernel.base.texts import Text


class MailState(models.TextChoices):
    NONE = "NONE", "不发邮件"
    QUEUED = "QUEUED", "待发送"
    SENDING = "SENDING", "发送中"
    SENT = "SENT", "已发送"
    FAILED = "FAILED", "发送失败"


@pghistory.track()
class Message(models.Model):
    """One message to one person. The words never change; reading and sending are marked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    subject_zh = models.CharField(max_length=200)
    subject_en = models.CharField(max_length=200)
    body_zh = models.TextField()
    body_en = models.TextField()
    url = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail_state = models.CharField(max_length=8, choices=MailState.choices)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)
    mail_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(mail_state="SENT", mailed_at__isnull=False)
                | ~Q(mail_state="SENT") & Q(mailed_at__isnull=True),
                name="notify_message_mailed",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-id"]),
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="notify_message_unread"),
        ]

    def __str__(self) -> str:
        return self.subject_zh

    @property
    def subject(self) -> Text:
        return Text(self.subject_zh, self.subject_en)

    @property
    def body(self) -> Text:
        return Text(self.body_zh, self.body_en)
