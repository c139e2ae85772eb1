"""The acts of this tier: moving the clock of the demo city (ADR 0003), and trying a failed job again."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import connection
from procrastinate.contrib.django import app as jobs
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.audit import services as audit
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.web.operator import may_operate


class ClockNotShiftable(Refusal):
    """Production time is the database's time."""

    code = "demo.clock.not_in_production"
    text = Text("只有演示和培训环境可以调整平台时间。", "Only the demo and training may move the clock.")
    http_status = 403


class ClockBackwards(Refusal):
    """Deadlines that passed have had their effect; time does not run back over them."""

    code = "demo.clock.backwards"
    text = Text(
        "平台时间只能向后调整；现在是{now}。", "The clock can only be moved forward; it shows {now} now."
    )
    hint = Text("需要重新开始时，请运行 terrace demo --reset。", "To start afresh, run terrace demo --reset.")
    http_status = 422


class ClockTooFar(Refusal):
    code = "demo.clock.too_far"
    text = Text("一次最多向后调整{days}天。", "The clock can be moved by at most {days} days at once.")
    http_status = 422


STEP_DAYS_MAX = 60


@act("demo.clock.set")
def set_clock(*, actor: Actor, instant: dt.datetime, reason: str, now: dt.datetime) -> dt.datetime:
    """Move the platform's time forward to `instant` (aware); the journal keeps both values.

    Raises ClockNotShiftable outside demo mode, ClockBackwards, ClockTooFar (more than STEP_DAYS_MAX days).
    """
    if not settings.TERRACE_DEMO:
        raise ClockNotShiftable
    if instant <= now:
        shown = f"{clock.local(now):%Y-%m-%d %H:%M}"
        raise ClockBackwards(now=shown)
    if instant - now > dt.timedelta(days=STEP_DAYS_MAX):
        raise ClockTooFar(days=STEP_DAYS_MAX)
    clock.set_now(instant)
    audit.record(
        actor=actor,
        act="demo.clock.set",
        subject_type="base.clock",
        subject_id=1,
        at=now,
        facts={"before": now, "after": instant},
        reason=reason,
    )
    return instant


class JobNotFailed(Refusal):
    code = "platform.job.not_failed"
    text = Text("该后台任务没有失败，无需重试。", "This job did not fail; there is nothing to try again.")
    hint = Text("请刷新页面。", "Reload the page.")


@act("platform.job.retry")
def retry_job(*, actor: Actor, job_id: int, now: dt.datetime) -> None:
    """Put a failed job back into the queue. Raises NotAllowed, JobNotFailed. Every job may run twice."""
    may_operate(actor).require()
    job = ProcrastinateJob.objects.filter(pk=job_id, status="failed").first()
    if job is None:
        raise JobNotFailed
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # the queue lives by the server's time, not the platform's
        row = cursor.fetchone()
    assert row is not None
    jobs.job_manager.retry_job_by_id(job_id, retry_at=row[0])
    audit.record(
        actor=actor,
        act="platform.job.retry",
        subject_type="job",
        subject_id=job_id,
        at=now,
        facts={"task": job.task_name, "attempts": job.attempts},
    )
