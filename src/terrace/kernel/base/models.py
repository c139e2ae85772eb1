"""The one row that shifts the platform's clock in demo and training (ADR 0003); no other table lives here."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class ClockSetting(models.Model):
    """The distance between the database clock and the platform's time. Always zero in production.

    Not history-tracked: every change is an act of `kernel.audit` that carries both values.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField(db_comment="added to clock_timestamp() by terrace_now()")
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "base_clock_setting"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="base_clock_single_row")]
