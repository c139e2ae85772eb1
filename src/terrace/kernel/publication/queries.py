"""Reading the notices: lists, the feed, and the proof of their chain."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q, QuerySet

from terrace.kernel.base.clock import at_local
from terrace.kernel.publication import rules
from terrace.kernel.publication.models import Notice

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
