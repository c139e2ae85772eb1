"""The acts of this tier: the demo city's clock (ADR 0003), a failed job tried again, the filters of a list kept."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import connection
from django.urls import Resolver404, resolve
from procrastinate.contrib.django import app as jobs
from procrastinate.contrib.django.models import ProcrastinateJob

from terrace.kernel.audit import services as audit
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import User
from terrace.web.models import NAME_MAX, QUERY_MAX, SavedView, plain_query
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


VIEWS_MAX = 20


class ViewsFull(Refusal):
    code = "web.view.full"
    text = Text(
        "每个列表最多保存{limit}组筛选。", "At most {limit} sets of filters can be saved on one list."
    )
    hint = Text("请先删除不用的。", "Remove one that you no longer use.")


class ViewInvalid(Refusal):
    """The list is unknown, the name empty or too long, or nothing is filtered."""

    code = "web.view.invalid"
    text = Text("筛选未保存：{why}", "The filters were not saved: {why}")
    http_status = 422


@act("web.view.save")
def save_view(*, actor: Actor, path: str, query: str, name: str, now: dt.datetime) -> SavedView:
    """Keep the filters of a list under a name, for the actor alone; the same name is overwritten.

    Raises NotAllowed for those who are not signed in, ViewInvalid, ViewsFull (more than VIEWS_MAX on one list).
    """
    if actor.user_id is None:
        raise NotAllowed(reason=Text("请先登录", "sign in first"))
    name, query = " ".join(name.split()), plain_query(query)
    if not name or len(name) > NAME_MAX:
        raise ViewInvalid(why=Text(f"名称应为1至{NAME_MAX}个字", f"the name has 1 to {NAME_MAX} characters"))
    if not query or len(query) > QUERY_MAX:
        raise ViewInvalid(why=Text("没有筛选条件，或条件过长", "there are no filters, or too many"))
    try:
        resolve(path)
    except Resolver404:
        raise ViewInvalid(why=Text("没有这个列表", "there is no such list")) from None
    User.objects.select_for_update().filter(
        pk=actor.user_id
    ).first()  # one writer: the limit is counted below
    kept = SavedView.objects.filter(user_id=actor.user_id, path=path, removed_at=None)
    view = kept.filter(name=name).first()
    if view is None and kept.count() >= VIEWS_MAX:
        raise ViewsFull(limit=VIEWS_MAX)
    before = view.query if view is not None else ""
    if view is None:
        view = SavedView(user_id=actor.user_id, path=path, name=name)
    view.query, view.saved_at = query, now
    view.save()
    audit.record(
        actor=actor,
        act="web.view.save",
        subject_type="web.view",
        subject_id=view.pk,
        at=now,
        facts={"before": {"filters": before}, "after": {"filters": query}, "list": path, "name": name},
    )
    return view


@act("web.view.remove")
def remove_view(*, actor: Actor, view_id: int, now: dt.datetime) -> SavedView:
    """Take one's own saved filters away. Raises NotFound for those of others and those removed before."""
    view = (
        SavedView.objects.select_for_update()
        .filter(pk=view_id, user_id=actor.user_id or 0, removed_at=None)
        .first()
    )
    if view is None:
        raise NotFound(what=Text("保存的筛选", "the saved filters"))
    view.removed_at = now
    view.save(update_fields=["removed_at"])
    audit.record(
        actor=actor,
        act="web.view.remove",
        subject_type="web.view",
        subject_id=view.pk,
        at=now,
        facts={"list": view.path, "name": view.name},
    )
    return view
