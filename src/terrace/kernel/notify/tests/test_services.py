"""Messages reach whom they are meant for, once, with the transaction that caused them."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from django.core import mail
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.credit_code import check_character
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import queries, services
from terrace.kernel.notify.models import MailState, Message
from terrace.kernel.orgs.models import Membership, Organisation, User

pytestmark = pytest.mark.django_db
SUBJECT = Text("保证金已到账", "Deposit received")
BODY = Text("您的保证金已确认。", "Your deposit is confirmed.")
_numbers = itertools.count(1)


def organisation() -> Organisation:
    body = f"91371500MB{next(_numbers):07d}"
    return Organisation.objects.create(credit_code=body + check_character(body), name=body, kind="ENTERPRISE")


def member(
    firm: Organisation, role: str, *, language: str = "zh-hans", email: str = "x@example.test"
) -> User:
    user = User.objects.create(username=f"u{next(_numbers)}", email=email, language=language)
    Membership.objects.create(user=user, organisation=firm, role=role, since=dt.date(2023, 1, 1))
    return user


def tell(**whom: object) -> int:
    return services.tell(subject=SUBJECT, body=BODY, url="/desk/", now=clock.now(), **whom)  # type: ignore[arg-type]


def told() -> set[int]:
    return set(Message.objects.values_list("user_id", flat=True))


def test_organisations_roles_and_users_choose_the_people() -> None:
    one, other = organisation(), organisation()
    clerk, approver, stranger = (
        member(one, "FIRM_CLERK"),
        member(one, "FIRM_APPROVER"),
        member(other, "FIRM_CLERK"),
    )
    assert tell(organisation_ids=[one.pk], roles=["FIRM_CLERK"]) == 1
    assert told() == {clerk.pk}
    assert tell(organisation_ids=[one.pk]) == 2
    assert told() == {clerk.pk, approver.pk}
    assert tell(roles=["FIRM_CLERK"], user_ids=[approver.pk]) == 3
    assert told() == {clerk.pk, approver.pk, stranger.pk}
    assert tell() == 0


def test_former_members_and_inactive_users_are_not_told() -> None:
    firm = organisation()
    former, inactive = member(firm, "FIRM_CLERK"), member(firm, "FIRM_APPROVER")
    Membership.objects.filter(user=former).update(until=clock.today() - dt.timedelta(days=1))
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    assert tell(organisation_ids=[firm.pk]) == 0


def test_a_mail_is_queued_only_for_who_has_an_address() -> None:
    firm = organisation()
    member(firm, "FIRM_CLERK")
    member(firm, "FIRM_APPROVER", email="")
    tell(organisation_ids=[firm.pk])
    assert sorted(Message.objects.values_list("mail_state", flat=True)) == ["NONE", "QUEUED"]
    assert list(ProcrastinateJob.objects.values_list("task_name", flat=True)) == ["notify.send_mail"]


def test_a_rolled_back_act_leaves_neither_message_nor_job() -> None:
    firm = organisation()
    member(firm, "FIRM_CLERK")
    with pytest.raises(RuntimeError), transaction.atomic():
        tell(organisation_ids=[firm.pk])
        raise RuntimeError
    assert not Message.objects.exists()
    assert not ProcrastinateJob.objects.exists()


@pytest.mark.parametrize(("language", "word"), [("zh-hans", "保证金已到账"), ("en", "Deposit received")])
def test_the_mail_speaks_the_readers_language_and_goes_once(language: str, word: str) -> None:
    firm = organisation()
    member(firm, "FIRM_CLERK", language=language)
    tell(organisation_ids=[firm.pk])
    message = Message.objects.get()
    assert services.send_mail(message_id=message.pk, now=clock.now())
    assert not services.send_mail(message_id=message.pk, now=clock.now())
    (sent,) = mail.outbox
    assert sent.subject == word
    assert "/desk/" in sent.body
    assert sent.extra_headers["Message-ID"].startswith(f"<terrace-message-{message.pk}@")
    message.refresh_from_db()
    assert (message.mail_state, message.mail_tries) == (MailState.SENT, 1)


def test_a_failed_mail_is_marked_and_may_be_tried_again(settings: object) -> None:
    firm = organisation()
    member(firm, "FIRM_CLERK")
    tell(organisation_ids=[firm.pk])
    message = Message.objects.get()
    backend = settings.EMAIL_BACKEND  # type: ignore[attr-defined]
    settings.EMAIL_BACKEND = "terrace.kernel.notify.tests.failing.EmailBackend"  # type: ignore[attr-defined]
    with pytest.raises(ConnectionRefusedError):
        services.send_mail(message_id=message.pk, now=clock.now())
    message.refresh_from_db()
    assert message.mail_state == MailState.FAILED
    assert "ConnectionRefusedError" in message.mail_error
    settings.EMAIL_BACKEND = backend  # type: ignore[attr-defined]
    assert services.send_mail(message_id=message.pk, now=clock.now())
    message.refresh_from_db()
    assert (message.mail_state, message.mail_tries, message.mail_error) == (MailState.SENT, 2, "")


def test_an_unknown_message_is_refused() -> None:
    with pytest.raises(NotFound):
        services.send_mail(message_id=987_654, now=clock.now())


def test_one_reads_only_ones_own_messages() -> None:
    firm = organisation()
    clerk, approver = member(firm, "FIRM_CLERK"), member(firm, "FIRM_APPROVER")
    tell(organisation_ids=[firm.pk])
    tell(organisation_ids=[firm.pk])
    actor = Actor(user_id=clerk.pk, person_id=None, organisation_id=firm.pk, membership_id=None)
    assert queries.count_unread(actor) == 2
    foreign = Message.objects.filter(user=approver).values_list("pk", flat=True)
    assert services.mark_read(actor=actor, message_ids=list(foreign), now=clock.now()) == 0
    own = queries.inbox_of(actor)
    assert services.mark_read(actor=actor, message_ids=[own[0].pk], now=clock.now()) == 1
    assert services.mark_read(actor=actor, message_ids=None, now=clock.now()) == 1
    assert queries.count_unread(actor) == 0
