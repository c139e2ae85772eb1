"""Telling people: the inbox row in the caller's transaction, the mail by a job of the same transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from procrastinate.contrib.django import app as jobs
from procrastinate.types import JSONValue

from terrace.kernel.audit.services import record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import rules
from terrace.kernel.notify.models import MailState, Message
from terrace.kernel.notify.queries import inbox_of, recipients
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role

SEND_TASK = "notify.send_mail"
QUEUE = "mail"


def tell(
    *,
    subject: Text,
    body: Text,
    url: str,
    now: dt.datetime,
    organisation_ids: Collection[int] = (),
    roles: Collection[str] = (),
    user_ids: Collection[int] = (),
) -> int:
    """Put a message into the inbox of everybody meant and queue the mails. Part; returns how many people.

    `organisation_ids` and `roles` together mean members of these organisations with one of these roles;
    each alone means all of it; `user_ids` are added. Rows and jobs come and go with the caller's
    transaction: no message about something that was rolled back, none lost after a commit.
    """
    people = recipients(organisation_ids=organisation_ids, roles=roles, user_ids=user_ids, now=now)
    messages = Message.objects.bulk_create(
        Message(
            user=person,
            subject_zh=subject.zh[:200],
            subject_en=subject.en[:200],
            body_zh=body.zh,
            body_en=body.en,
            url=url,
            at=now,
            mail_state=MailState.QUEUED if person.email else MailState.NONE,
        )
        for person in people
    )
    mails: list[dict[str, JSONValue]] = [
        {"message_id": m.pk} for m in messages if m.mail_state == MailState.QUEUED
    ]
    if mails:
        jobs.configure_task(SEND_TASK, queue=QUEUE).batch_defer(*mails)
    return len(messages)


def send_mail(*, message_id: int, now: dt.datetime) -> bool:
    """Send one queued message as a mail in its reader's language; False when it was sent before.

    Runs outside a transaction: SENDING is committed before the mail leaves and SENT after, so that a job
    killed in between repeats at most the one mail whose fate nobody knows, with the same Message-ID.
    Raises what the mail back end raises; the job then tries again later. Not an act: the message is
    the record.
    """
    with transaction.atomic():
        message = Message.objects.select_for_update().select_related("user").filter(pk=message_id).first()
        if message is None:
            raise NotFound(what=Text("消息", "The message"))
        if message.mail_state in (MailState.SENT, MailState.NONE):
            return False
        message.mail_state = MailState.SENDING
        message.mail_tries += 1
        message.save(update_fields=["mail_state", "mail_tries"])
    try:
        _mail_of(message).send()
    except Exception as error:
        Message.objects.filter(pk=message_id).update(
            mail_state=MailState.FAILED, mail_error=f"{type(error).__name__}: {error}"[:300]
        )
        raise
    Message.objects.filter(pk=message_id).update(mail_state=MailState.SENT, mailed_at=now, mail_error="")
    return True


class MailNotFailed(Refusal):
    code = "notify.mail.not_failed"
    text = Text("这封邮件没有失败，无需重发。", "This mail did not fail; there is nothing to send again.")
    hint = Text("请刷新页面。", "Reload the page.")


@act("notify.mail.retry")
def retry_mail(*, actor: Actor, message_id: int, now: dt.datetime) -> Message:
    """Queue a failed mail once more; by the administrator. Raises NotAllowed, NotFound, MailNotFailed."""
    require_role(actor, Role.ADMIN).require()
    message = Message.objects.select_for_update().filter(pk=message_id).first()
    if message is None:
        raise NotFound(what=Text("消息", "The message"))
    if message.mail_state != MailState.FAILED:
        raise MailNotFailed
    message.mail_state = MailState.QUEUED
    message.save(update_fields=["mail_state"])
    jobs.configure_task(SEND_TASK, queue=QUEUE).defer(message_id=message.pk)
    record(
        actor=actor,
        act="notify.mail.retry",
        subject_type="message",
        subject_id=message.pk,
        at=now,
        facts={"tries": message.mail_tries, "error": message.mail_error},
    )
    return message


def mark_read(*, actor: Actor, message_ids: Collection[int] | None, now: dt.datetime) -> int:
    """Mark the actor's own messages as read (all of them for None); returns how many were new.

    Not journalled: reading one's mail is no act of the market.
    """
    unread = inbox_of(actor).filter(read_at=None)
    if message_ids is not None:
        unread = unread.filter(pk__in=list(message_ids))
    return unread.update(read_at=now)


def open_message(*, actor: Actor, message_id: int, now: dt.datetime) -> Message:
    """The actor's own message, marked as read. Raises NotFound for anybody else's. Not journalled, as `mark_read`."""
    message = inbox_of(actor).filter(pk=message_id).first()
    if message is None:
        raise NotFound(what=Text("消息", "The message"))
    mark_read(actor=actor, message_ids=[message.pk], now=now)
    return message


def _mail_of(message: Message) -> EmailMessage:
    language = message.user.language
    base = settings.TERRACE_PUBLIC_URL.rstrip("/")
    url = base + message.url if message.url.startswith("/") else message.url
    host = urlsplit(base).hostname or "terrace.localhost"
    return EmailMessage(
        subject=rules.mail_subject(message.subject, language),
        body=rules.mail_body(message.body, url, language),
        to=[message.user.email],
        headers={"Message-ID": rules.message_id(message.pk, host), "Auto-Submitted": "auto-generated"},
    )
