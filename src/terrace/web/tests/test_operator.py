"""The operator's page: who sees it, what stands on it, and that trying again really tries again."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django import app as jobs
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import NotAllowed
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.notify.models import Message
from terrace.kernel.orgs.models import User
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as people
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.kernel.publication import services as publication
from terrace.kernel.publication.models import Announcement, Pending
from terrace.web import operator, services
from terrace.web.tests import factories

pytestmark = pytest.mark.django_db
URL = "/operator/"


@pytest.fixture(autouse=True)
def december(settings: object) -> None:
    settings.TERRACE_DEMO = True  # type: ignore[attr-defined]
    clock.set_now(factories.NOW)


def signed_in(role: Role) -> Client:
    client = Client()
    actor = people.actor(role)
    client.force_login(
        User.objects.get(pk=actor.user_id), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


def stuck_case() -> Case:
    case = factories.trade().case
    later = factories.NOW + dt.timedelta(hours=1)
    Case.objects.filter(pk=case.pk).update(
        pass_error="settlement.account.missing: none", pass_tries=4, pass_again_at=later
    )
    return case


def failed_mail() -> Message:
    user = User.objects.get(pk=people.actor(Role.FIRM_CLERK).user_id)
    return Message.objects.create(
        user=user, subject_zh="测试消息", subject_en="A test", body_zh="x", body_en="x", at=factories.NOW,
        mail_state="FAILED", mail_tries=8, mail_error="SMTPServerDisconnected: gone",
    )  # fmt: skip


def failed_job() -> int:
    number = jobs.configure_task("documents.scan", queue="documents").defer(document_id=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", [number])
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'failed', attempts = 3 WHERE id = %s", [number]
        )
    return int(number)


def stuck_notice() -> Pending:
    announcement = Announcement.objects.create(
        kind="correction", title_zh="测试公告", title_en="A notice", content={}, template="none.html",
        subject_type="x", subject_id="1", at=factories.NOW,
    )  # fmt: skip
    return Pending.objects.create(
        announcement=announcement,
        tries=2,
        again_at=factories.NOW + dt.timedelta(hours=1),
        error="Missing: none.html",
    )


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ADMIN_CHECKER, Role.AUDITOR])
def test_administrators_and_the_auditor_see_what_is_stuck(role: Role) -> None:
    stuck_case()
    failed_mail()
    failed_job()
    stuck_notice()
    page = signed_in(role).get(URL).content.decode()
    for words in (
        "settlement.account.missing",
        "SMTPServerDisconnected",
        "documents.scan",
        "none.html",
        "MiB",
    ):
        assert words in page
    assert ("立即重试" in page.partition("<h2")[2]) == (role == Role.ADMIN)


def test_others_see_nothing_and_the_auditor_only_reads() -> None:
    assert signed_in(Role.BUREAU).get(URL).status_code == 403
    assert Client().get(URL).status_code in (302, 303, 403)
    case = stuck_case()
    answer = signed_in(Role.AUDITOR).post(URL, {"kind": "deadline", "number": case.pk})
    assert answer.status_code == 403
    auditor = people.actor(Role.AUDITOR)
    for retry, given in (
        (procedures.retry_deadline, {"case_id": case.pk}),
        (notify.retry_mail, {"message_id": 1}),
        (publication.retry_notice, {"announcement_id": 1}),
        (services.retry_job, {"job_id": 1}),
    ):
        with pytest.raises(NotAllowed):
            retry(actor=auditor, now=factories.NOW, **given)  # type: ignore[operator]


def test_a_stuck_deadline_is_passed_at_the_next_turn() -> None:
    case = stuck_case()
    client = signed_in(Role.ADMIN)
    assert client.post(URL, {"kind": "deadline", "number": case.pk}).status_code == 303
    case.refresh_from_db()
    assert case.pass_again_at is None
    assert JournalEntry.objects.get(act="procedure.deadline.retry").facts["tries"] == 4
    Case.objects.filter(pk=case.pk).update(pass_error="")
    refused = client.post(URL, {"kind": "deadline", "number": case.pk})
    assert refused.status_code == 409
    assert "没有需要重试的" in refused.content.decode()
    assert procedures.NothingStuck.code == "platform.nothing_stuck"


def test_a_failed_mail_is_sent_again() -> None:
    message = failed_mail()
    client = signed_in(Role.ADMIN)
    assert client.post(URL, {"kind": "mail", "number": message.pk}).status_code == 303
    message.refresh_from_db()
    assert message.mail_state == "QUEUED"
    assert ProcrastinateJob.objects.filter(
        task_name=notify.SEND_TASK, args={"message_id": message.pk}
    ).exists()
    assert client.post(URL, {"kind": "mail", "number": message.pk}).status_code == 409
    assert client.post(URL, {"kind": "mail", "number": 0}).status_code == 404
    assert notify.MailNotFailed.code == "notify.mail.not_failed"


def test_a_failed_job_goes_back_into_the_queue() -> None:
    number = failed_job()
    client = signed_in(Role.ADMIN)
    assert client.post(URL, {"kind": "job", "number": number}).status_code == 303
    assert ProcrastinateJob.objects.get(pk=number).status == "todo"
    assert client.post(URL, {"kind": "job", "number": number}).status_code == 409
    assert services.JobNotFailed.code == "platform.job.not_failed"


def test_a_stuck_notice_is_tried_at_the_next_turn() -> None:
    waiting = stuck_notice()
    client = signed_in(Role.ADMIN)
    assert client.post(URL, {"kind": "notice", "number": waiting.pk}).status_code == 303
    waiting.refresh_from_db()
    assert waiting.again_at is None
    assert client.post(URL, {"kind": "notice", "number": 0}).status_code == 409
    assert publication.NoticeNotStuck.code == "publication.notice.not_stuck"


@pytest.mark.parametrize("posted", [{}, {"kind": "mail", "number": "x"}, {"kind": "none", "number": "1"}])
def test_what_is_not_on_the_page_is_not_found(posted: dict[str, str]) -> None:
    assert signed_in(Role.ADMIN).post(URL, posted).status_code == 404


def test_the_lights_say_when_the_data_were_proved() -> None:
    label = "Last verification of ledger and journal"

    def light() -> operator.Light:
        return next(one for one in operator.lights(clock.now()) if one.label.en == label)

    assert light().ok is False
    publication.record_verification(actor=SYSTEM, findings=[], seconds=3, now=clock.now())
    assert light().ok is True
    finding = {"check": "ledger", "where": "row 1", "what": "hash"}
    publication.record_verification(actor=SYSTEM, findings=[finding], seconds=3, now=clock.now())
    assert light().ok is False
    publication.record_verification(actor=SYSTEM, findings=[], seconds=3, now=clock.now())
    clock.set_now(factories.NOW + dt.timedelta(days=3))
    assert light().ok is False, "a verification of three days ago is old"
    assert all(isinstance(one.label, Text) for one in operator.lights(clock.now()))


def test_the_page_costs_the_same_queries_with_one_row_and_with_three() -> None:
    client = signed_in(Role.ADMIN)

    def more() -> None:
        stuck_case()
        failed_mail()
        failed_job()
        stuck_notice()

    def cost() -> int:
        client.get(URL)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(URL).status_code == 200
        return len(queries)

    more()
    one = cost()
    more()
    more()
    assert cost() == one
