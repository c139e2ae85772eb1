"""Reads that span contexts: what a visitor sees first."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.procedures.models import Case


def next_deadline(now: dt.datetime) -> dt.datetime | None:
    """The next instant at which a running case is due, or None."""
    return (
        Case.objects.filter(closed_at__isnull=True, paused_at__isnull=True, deadline_at__gt=now)
        .order_by("deadline_at")
        .values_list("deadline_at", flat=True)
        .first()
    )
