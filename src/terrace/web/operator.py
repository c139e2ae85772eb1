"""What the platform's operator looks at: what is stuck, what runs, when the data were last proved, how much room is left."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.clock import local
from terrace.kernel.base.texts import Text
from terrace.kernel.notify.models import MailState, Message
from terrace.kernel.orgs.access import require_role
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures.models import Case
from terrace.kernel.publication.models import Pending
from terrace.kernel.publication.queries import digests

LINES = 50
WORKER_SILENCE = dt.timedelta(seconds=60)
PUBLISHER_WAIT = dt.timedelta(minutes=2)
VERIFY_DAYS = 2
FREE_PERCENT_MIN = 10


def may_see_operator(actor: Actor) -> Verdict:
    """The administrators, and the auditor, who reads."""
    return require_role(actor, Role.ADMIN, Role.ADMIN_CHECKER, Role.AUDITOR)


def may_operate(actor: Actor) -> Verdict:
    """Trying again what is stuck; it decides nothing and moves no money."""
    return require_role(actor, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Light:
    """One line of the state of the platform. `ok` None: not known, or nothing to judge."""

    label: Text
    value: Any
    ok: bool | None


def lights(now: dt.datetime) -> list[Light]:
    """Worker, publisher, events, the last verification and digest, room on the disks. Six queries."""
    return [*_processes(), *_publisher(), _verification(now), _digest(now), *_room()]


def _processes() -> list[Light]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - max(last_heartbeat) FROM procrastinate_workers")
        row = cursor.fetchone()
        silent: dt.timedelta | None = row[0] if row is not None else None
        cursor.execute(
            "SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing'),"
            " count(*) FILTER (WHERE status = 'failed') FROM procrastinate_jobs"
        )
        waiting, doing, failed = cursor.fetchone() or (0, 0, 0)
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'terrace events%%'"
        )
        events = (cursor.fetchone() or (0,))[0]
    heard = (
        Text("没有后台进程登记", "no worker has registered")
        if silent is None
        else Text(f"{int(silent.total_seconds())}秒前有信号", f"heard {int(silent.total_seconds())} s ago")
    )
    return [
        Light(Text("后台进程（worker）", "Worker"), heard, silent is not None and silent <= WORKER_SILENCE),
        Light(
            Text("后台任务", "Jobs"),
            Text(
                f"等待{waiting}，进行{doing}，失败{failed}",
                f"{waiting} waiting, {doing} running, {failed} failed",
            ),
            failed == 0,
        ),
        Light(
            Text("实时事件进程（events）", "Live events"),
            Text(f"{events}个数据库连接", f"{events} database connections"),
            events > 0,
        ),
    ]


def _publisher() -> list[Light]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), terrace_now() - min(a.at) FROM publication_pending p"
            " JOIN publication_announcement a ON a.id = p.announcement_id"
        )
        waiting, oldest = cursor.fetchone() or (0, None)
    return [
        Light(
            Text("公告发布", "Publisher"),
            Text(f"{waiting}条待发布", f"{waiting} notices wait"),
            oldest is None or oldest <= PUBLISHER_WAIT,
        )
    ]


def _verification(now: dt.datetime) -> Light:
    label = Text("账本与日志的上次核验", "Last verification of ledger and journal")
    last = JournalEntry.objects.filter(act="platform.verify").order_by("-id").first()
    if last is None:
        return Light(
            label,
            Text("还没有核验过，请每晚运行 terrace verify", "never; run terrace verify every night"),
            False,
        )
    found = len(last.facts.get("findings", []))
    shown = f"{last.at.astimezone(now.tzinfo):%Y-%m-%d %H:%M} UTC"
    return Light(
        label,
        Text(f"{shown}，{found}处问题", f"{shown}, {found} findings"),
        found == 0 and now - last.at <= dt.timedelta(days=VERIFY_DAYS),
    )


def _digest(now: dt.datetime) -> Light:
    label = Text("最近公布的每日摘要", "Latest published digest")
    last = digests().first()
    if last is None:
        return Light(label, Text("还没有公布", "none yet"), None)
    day = last.day.isoformat()
    return Light(label, Text(day, day), local(now).date() - last.day <= dt.timedelta(days=1))


def _room() -> list[Light]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = (cursor.fetchone() or (0,))[0]
    lines = [Light(Text("数据库大小", "Size of the database"), Text(_mib(size), _mib(size)), None)]
    folder = Path(settings.TERRACE_DOCUMENT_DIR)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    percent = usage.free * 100 // usage.total
    lines.append(
        Light(
            Text("文件所在磁盘的剩余空间", "Room left on the disk of the documents"),
            Text(f"{_mib(usage.free)}（{percent}%）", f"{_mib(usage.free)} ({percent}%)"),
            percent >= FREE_PERCENT_MIN,
        )
    )
    return lines


def _mib(size: int) -> str:
    return f"{size // 2**20:,} MiB"


def stuck_cases() -> Any:
    """Cases whose deadline could not be passed, the longest waiting first."""
    return Case.objects.exclude(pass_error="").filter(closed_at=None).order_by("deadline_at", "id")


def failed_mails() -> Any:
    """Messages whose mail failed; the inbox has them all the same."""
    return Message.objects.filter(mail_state=MailState.FAILED).select_related("user").order_by("-id")


def stuck_notices() -> Any:
    return Pending.objects.exclude(error="").select_related("announcement").order_by("announcement_id")


def failed_jobs() -> list[dict[str, Any]]:
    """Jobs that gave up, the newest first, with when they last failed. Two queries."""
    rows = list(ProcrastinateJob.objects.filter(status="failed").order_by("-id")[:LINES])
    times: dict[int, dt.datetime] = {}
    for event in ProcrastinateEvent.objects.filter(job_id__in=[j.pk for j in rows], type="failed").order_by(
        "id"
    ):
        if event.at is not None:
            times[event.job_id] = event.at
    return [{"job": job, "at": times.get(job.pk)} for job in rows]
