"""Announcing (in the act's transaction) and publishing (afterwards, one at a time, numbered without gaps)."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import translation

from terrace.kernel.audit import queries as audit_queries
from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import InputInvalid, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.ledger import queries as ledger_queries
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role
from terrace.kernel.publication import queries, rules
from terrace.kernel.publication.access import may_correct
from terrace.kernel.publication.models import Announcement, DailyDigest, Notice, Pending
from terrace.kernel.publication.procedures import CORRECTION, kind_of

log = logging.getLogger(__name__)

RETRY_SECONDS_MAX = 3_600
_PUBLISHER_LOCK = 0x7465_7272_0002
_DIGEST_LOCK = 0x7465_7272_0005
_LOCK_SQL = "SELECT pg_advisory_xact_lock(%s)"


def announce(
    *,
    actor: Actor,
    kind: str,
    title: Text,
    content: Mapping[str, Any],
    template: str,
    subject_type: str,
    subject_id: object,
    now: dt.datetime,
    number: str = "",
    corrects: Notice | None = None,
    city: str | None = None,
) -> Announcement:
    """Ask for a notice. Part: it is published after the act's commit, and not at all when the act fails.

    `content` is what the template shows (JSON values); the kind's masks are applied here, so nothing
    masked is ever stored. `template` renders the body of the notice with `title`, `content`, `number`,
    `kind`, `corrects` and `at`, once in Chinese and once in English. `corrects` is the older notice that this
    one corrects; that one stays as it is. ValueError when the kind is not registered.
    """
    declared = kind_of(kind)
    plain: dict[str, Any] = json.loads(json.dumps(dict(content), cls=DjangoJSONEncoder, ensure_ascii=False))
    announcement = Announcement(
        kind=kind,
        number=number,
        title_zh=title.zh[:300],
        title_en=title.en[:300],
        content=rules.mask(plain, declared.masks),
        template=template,
        subject_type=subject_type,
        subject_id=str(subject_id),
        corrects=corrects,
        at=now,
        announced_by_id=actor.user_id,
        announced_by_organisation_id=actor.organisation_id,
    )
    if city is not None:
        announcement.city = city
    announcement.save(force_insert=True)
    Pending.objects.create(announcement=announcement)
    return announcement


@act("publication.notice.correct")
def correct_notice(
    *, actor: Actor, sequence: int, text: Text, key: str | None, now: dt.datetime
) -> Announcement:
    """Announce a correction of a published notice: a new notice that names the old one, which stays as it is.

    `text` says in both languages what was wrong and what is right. Raises NotFound, NotAllowed,
    InputInvalid (a language is missing), KeyReused. Government information rules: what was published is
    corrected in public, not withdrawn in silence.
    """
    digest = audit.digest_of({"sequence": sequence, "zh": text.zh, "en": text.en})
    notice = Notice.objects.select_related("announcement").filter(sequence=sequence).first()
    if notice is None:
        raise NotFound(what=Text("公告", "The notice"))
    may_correct(actor, notice).require()
    with connection.cursor() as cursor:  # notices cannot be locked as rows: nobody may update them
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('publication.correct', %s))", [sequence]
        )
    answer = audit.first_answer(actor=actor, act="publication.notice.correct", key=key, request_digest=digest)
    if answer is not None:
        return Announcement.objects.get(pk=answer["announcement"])
    for words, name in (
        (text.zh, Text("更正内容(中文)", "correction (Chinese)")),
        (text.en, Text("更正内容(英文)", "correction (English)")),
    ):
        if not words.strip():
            raise InputInvalid(where=name, got="''", expected=Text("文字", "a text"))
    announcement = announce(
        actor=actor,
        kind=CORRECTION.code,
        title=Text(f"更正公告：{notice.title_zh}"[:300], f"Correction: {notice.title_en}"[:300]),
        content={
            "corrects": notice.sequence,
            "old_title": {"zh": notice.title_zh, "en": notice.title_en},
            "old_number": notice.number,
            "text": {"zh": text.zh.strip(), "en": text.en.strip()},
        },
        template="publication/correction.html",
        subject_type=notice.subject_type,
        subject_id=notice.subject_id,
        number=notice.number,
        corrects=notice,
        now=now,
        city=notice.city,
    )
    audit.record(
        actor=actor,
        act="publication.notice.correct",
        subject_type=notice.subject_type,
        subject_id=notice.subject_id,
        at=now,
        facts={"corrects": notice.sequence, "announcement": announcement.pk},
        key=key,
        request_digest=digest,
        result={"announcement": announcement.pk},
    )
    return announcement


@act("publication.notice.publish")
def publish_next(*, actor: Actor, now: dt.datetime) -> Notice | None:
    """Publish the oldest waiting announcement: render, number, store. None when nothing waits.

    Publishers queue at one advisory lock that ends with the transaction, so the number after the last
    committed one is free, whatever other transactions are under way or rolled back.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SQL, [_PUBLISHER_LOCK])
    waiting = (
        Pending.objects.filter(Q(again_at=None) | Q(again_at__lte=now))
        .select_related("announcement__corrects")
        .order_by("announcement_id")
        .first()
    )
    if waiting is None:
        return None
    announcement = waiting.announcement
    try:
        html = _render(announcement)
    except Exception as error:
        log.exception("announcement %s cannot be rendered", announcement.pk)
        _put_back(waiting, now, error)
        return None
    last = Notice.objects.order_by("-sequence").first()
    notice = Notice(
        sequence=last.sequence + 1 if last is not None else 1,
        announcement=announcement,
        city=announcement.city,
        kind=announcement.kind,
        number=announcement.number,
        title_zh=announcement.title_zh,
        title_en=announcement.title_en,
        content=announcement.content,
        html_zh=html.zh,
        html_en=html.en,
        subject_type=announcement.subject_type,
        subject_id=announcement.subject_id,
        corrects=announcement.corrects,
        published_at=now,
        previous_digest=last.digest if last is not None else rules.GENESIS,
    )
    notice.digest = notice.recomputed_digest()
    notice.save(force_insert=True)
    waiting.delete()
    audit.record(
        actor=actor,
        act="publication.notice.publish",
        subject_type=notice.subject_type,
        subject_id=notice.subject_id,
        at=now,
        facts={"sequence": notice.sequence, "kind": notice.kind, "digest": notice.digest},
    )
    return notice


def publish_pending(*, now: dt.datetime, limit: int = 200) -> list[int]:
    """Publish what waits, each notice its own act; the sequence numbers given. Not an act itself."""
    numbers: list[int] = []
    while len(numbers) < limit:
        if not Pending.objects.filter(Q(again_at=None) | Q(again_at__lte=now)).exists():
            break
        notice = publish_next(actor=SYSTEM, now=now)
        if notice is not None:
            numbers.append(notice.sequence)
    return numbers


@act("publication.digest.publish")
def publish_digest(*, actor: Actor, now: dt.datetime) -> DailyDigest | None:
    """Publish what ledger and journal hash to, for the platform day that has ended (ADR 0004, 5); None when it is there.

    Called by the worker at its first turn after midnight. A day on which the platform stood still has no digest.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_SQL, [_DIGEST_LOCK])
    day = local(now).date() - dt.timedelta(days=1)
    last: DailyDigest | None = None
    ledger_then: dict[int, tuple[int, str]] = {}
    journal_then: dict[str, tuple[int, str]] = {}
    for row in DailyDigest.objects.order_by("day").iterator(chunk_size=50):
        queries.merge_heads(row, ledger_then, journal_then)
        last = row
    if last is not None and last.day >= day:
        return None
    ledger_now, journal_now = ledger_queries.heads(), audit_queries.heads()
    previous = last.digest if last is not None else rules.GENESIS
    ledger_digest, journal_digest = rules.ledger_digest(ledger_now), rules.journal_digest(journal_now)
    made = DailyDigest.objects.create(
        day=day,
        taken_at=now,
        accounts=len(ledger_now),
        streams=len(journal_now),
        ledger_digest=ledger_digest,
        journal_digest=journal_digest,
        previous_digest=previous,
        digest=rules.day_digest(day.isoformat(), ledger_digest, journal_digest, previous),
        changed={
            "ledger": [[a, *head] for a, head in ledger_now.items() if ledger_then.get(a) != head],
            "journal": [[s, *head] for s, head in journal_now.items() if journal_then.get(s) != head],
        },
    )
    audit.record(
        actor=actor,
        act="publication.digest.publish",
        subject_type="digest",
        subject_id=day.isoformat(),
        at=now,
        facts={"ledger": ledger_digest, "journal": journal_digest, "digest": made.digest},
    )
    return made


def publish_due_digest(*, now: dt.datetime) -> None:
    """One query when the digest of the day that has ended is there already. Not an act itself."""
    yesterday = local(now).date() - dt.timedelta(days=1)
    if not DailyDigest.objects.filter(day__gte=yesterday).exists():
        publish_digest(actor=SYSTEM, now=now)


class NoticeNotStuck(Refusal):
    code = "publication.notice.not_stuck"
    text = Text("该公告没有卡住，无需重试。", "This notice is not stuck; there is nothing to try again.")
    hint = Text("请刷新页面。", "Reload the page.")


@act("publication.notice.retry")
def retry_notice(*, actor: Actor, announcement_id: int, now: dt.datetime) -> Pending:
    """Let the publisher try a stuck notice at its next turn; by the administrator. Raises NotAllowed, NoticeNotStuck."""
    require_role(actor, Role.ADMIN).require()
    waiting = (
        Pending.objects.select_for_update().filter(announcement_id=announcement_id).exclude(error="").first()
    )
    if waiting is None:
        raise NoticeNotStuck
    waiting.again_at = None
    waiting.save(update_fields=["again_at"])
    audit.record(
        actor=actor,
        act="publication.notice.retry",
        subject_type="announcement",
        subject_id=announcement_id,
        at=now,
        facts={"tries": waiting.tries, "error": waiting.error},
    )
    return waiting


@act("platform.verify")
def record_verification(
    *, actor: Actor, findings: list[dict[str, str]], seconds: int, now: dt.datetime
) -> None:
    """Write down that journal, ledger, notices and documents were recomputed, and what was found. By `terrace verify`."""
    audit.record(
        actor=actor,
        act="platform.verify",
        subject_type="platform",
        subject_id="data",
        at=now,
        facts={"ok": not findings, "findings": findings[:20], "seconds": seconds},
    )


def _render(announcement: Announcement) -> Text:
    texts = {}
    for language in ("zh-hans", "en"):
        with translation.override(language), transaction.atomic():
            texts[language] = render_to_string(
                announcement.template,
                {
                    "title": announcement.title,
                    "content": announcement.content,
                    "number": announcement.number,
                    "kind": kind_of(announcement.kind),
                    "corrects": announcement.corrects,
                    "at": announcement.at,
                },
            )
    return Text(texts["zh-hans"], texts["en"])


def _put_back(waiting: Pending, now: dt.datetime, error: Exception) -> None:
    """A notice that cannot be rendered waits; it takes no number and holds up no other."""
    wait = dt.timedelta(seconds=min(30 * 2 ** min(waiting.tries, 7), RETRY_SECONDS_MAX))
    Pending.objects.filter(pk=waiting.pk).update(
        tries=F("tries") + 1, again_at=now + wait, error=f"{type(error).__name__}: {error}"[:500]
    )
