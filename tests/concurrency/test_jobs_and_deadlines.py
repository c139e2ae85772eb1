"""The worker with real connections: mails of jobs that were killed, deadlines against people, two workers at once."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.audit.queries import verify_chain
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.notify.models import MailState, Message
from terrace.kernel.orgs.models import User
from terrace.kernel.procedures import procedures, services
from terrace.kernel.procedures.models import Case, CaseStep
from terrace.kernel.procedures.tests import factories as make
from terrace.site import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_jobs_of_other_tests() -> None:
    """The job tables are not Django's to empty: what another test committed would run here."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


def tell() -> Message:
    user = User.objects.create(username="reader", email="reader@example.test")
    notify.tell(
        subject=Text("保证金已到账", "Deposit received"), body=Text("已确认", "Confirmed"), url="/desk/",
        now=clock.now(), user_ids=[user.pk],
    )  # fmt: skip
    return Message.objects.get()


def test_the_worker_sends_what_an_act_queued() -> None:
    message = tell()
    worker.run(once=True)
    message.refresh_from_db()
    assert message.mail_state == MailState.SENT
    assert len(mail.outbox) == 1
    assert not ProcrastinateJob.objects.exists()


def test_a_job_whose_worker_was_killed_runs_again_and_the_mail_keeps_its_identity() -> None:
    message = tell()
    # what kill -9 in the middle of sending leaves behind: a job under way with no worker, a message under way
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
    Message.objects.update(mail_state=MailState.SENDING, mail_tries=1)
    worker.run(once=True)
    message.refresh_from_db()
    assert (message.mail_state, message.mail_tries) == (MailState.SENT, 2)
    (sent,) = mail.outbox
    assert sent.extra_headers["Message-ID"].startswith(f"<terrace-message-{message.pk}@")


def test_a_job_killed_after_sending_does_not_send_again() -> None:
    message = tell()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
    Message.objects.update(mail_state=MailState.SENT, mailed_at=message.at)
    worker.run(once=True)
    assert mail.outbox == []
    assert not ProcrastinateJob.objects.exists()


@pytest.fixture
def permit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "_procedures", {})
    monkeypatch.setattr(procedures, "_handlers", {})
    procedures.register(make.procedure())


def submitted() -> Case:
    firm = make.organisation()
    clerk = make.actor(firm, "FIRM_CLERK")
    case = make.case(firm, clerk)
    with transaction.atomic():
        services.advance(actor=clerk, case=services.lock_case(case.pk), transition="submit", now=make.NOON)
    return Case.objects.get(pk=case.pk)


def together(*work: Callable[[], object]) -> list[object]:
    """Run all at the same moment, each with a connection of its own; refusals are answers."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> object:
        with contextlib.closing(connection):
            connection.ensure_connection()
            barrier.wait(30)
            try:
                return one()
            except Refusal as refusal:
                return refusal

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(60) for future in [pool.submit(run, one) for one in work]]


@act("test.permit.refuse")
def refuse(*, actor: Actor, case_id: int, now: dt.datetime) -> CaseStep:
    case = services.lock_case(case_id)
    return services.advance(actor=actor, case=case, transition="refuse", now=now, reason="材料不全")


@pytest.mark.usefixtures("permit")
def test_a_deadline_against_a_person_one_of_them_wins() -> None:
    for _ in range(5):
        case = submitted()
        assert case.deadline_at is not None
        due = case.deadline_at
        checker = make.actor(make.organisation(), "EXCHANGE_CHECKER")
        answers = together(
            lambda due=due: services.pass_deadlines(now=due),
            lambda who=checker, pk=case.pk, due=due: refuse(actor=who, case_id=pk, now=due),
        )
        case.refresh_from_db()
        assert case.state in ("LAPSED", "REFUSED")
        assert isinstance(answers[1], services.TransitionNotAllowed) == (case.state == "LAPSED")
        assert CaseStep.objects.filter(case=case).count() == case.position == 3
        assert case.pass_error == ""


@pytest.mark.usefixtures("permit")
def test_two_workers_pass_every_deadline_once() -> None:
    cases = [submitted() for _ in range(6)]
    due = max(case.deadline_at for case in cases if case.deadline_at)
    together(*[lambda: services.pass_deadlines(now=due)] * 3)
    while services.pass_deadlines(now=due):
        pass
    assert set(Case.objects.values_list("state", "position")) == {("LAPSED", 3)}
    assert verify_chain() is None


@pytest.mark.usefixtures("permit")
def test_an_act_that_fails_holds_up_no_other_and_is_tried_again() -> None:
    bad, good = submitted(), submitted()
    calls: list[int] = []

    def passing(*, case_id: int, now: dt.datetime) -> None:
        calls.append(case_id)
        if case_id == bad.pk and len(calls) < 3:
            raise RuntimeError("ledger away")
        services.pass_deadline(actor=services.SYSTEM, case_id=case_id, now=now)

    procedures.on_deadline("test.permit", "lapse", passing)
    assert bad.deadline_at is not None
    due = bad.deadline_at
    first = {passed.case_id: passed.error for passed in services.pass_deadlines(now=due)}
    assert first == {bad.pk: "RuntimeError: ledger away", good.pk: ""}
    assert services.pass_deadlines(now=due + dt.timedelta(seconds=9)) == []
    (again,) = services.pass_deadlines(now=due + dt.timedelta(seconds=10))
    assert again == services.Passed(bad.pk, "lapse")
    bad.refresh_from_db()
    assert (bad.state, bad.pass_tries, bad.pass_error) == ("LAPSED", 0, "")


@pytest.mark.usefixtures("permit")
def test_an_act_that_leaves_the_case_where_it_was_is_a_fault() -> None:
    case = submitted()
    procedures.on_deadline("test.permit", "lapse", lambda *, case_id, now: None)
    assert case.deadline_at is not None
    (passed,) = services.pass_deadlines(now=case.deadline_at)
    assert "left the case where it was" in passed.error
