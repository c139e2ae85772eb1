"""Announced with the act, published after it, numbered without gaps, stored as shown."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.texts import Text
from terrace.kernel.publication import procedures, queries, services
from terrace.kernel.publication.models import Announcement, Notice, Pending
from terrace.kernel.publication.rules import GENESIS, NoticeKind
from terrace.kernel.publication.tests import factories as make


@pytest.mark.django_db
def test_what_is_stored_is_masked_and_in_both_languages() -> None:
    announcement = make.announcement(number="聊排交〔2023〕1号")
    assert "张三丰" not in str(announcement.content)
    assert services.publish_pending(now=clock.now()) == [1]
    notice = Notice.objects.get()
    assert "<h2>成交公告</h2><p>张**</p><p>01: 1.00</p>" in notice.html_zh
    assert notice.number == "聊排交〔2023〕1号"
    assert (notice.previous_digest, notice.digest) == (GENESIS, notice.recomputed_digest())
    assert not Pending.objects.exists()
    assert services.publish_pending(now=clock.now()) == []


@pytest.mark.django_db
def test_an_undeclared_kind_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="not registered"):
        make.announcement(kind="unheard-of")
    with pytest.raises(ValueError, match="twice"):
        procedures.register_kind(NoticeKind("award", Text("别的", "other")))


@pytest.mark.django_db
def test_a_correction_refers_to_the_old_notice_which_stays() -> None:
    make.announcement()
    services.publish_pending(now=clock.now())
    old = Notice.objects.get()
    make.announcement(corrects=old, title=Text("更正公告", "Correction"))
    assert services.publish_pending(now=clock.now()) == [2]
    new = Notice.objects.get(sequence=2)
    assert (new.corrects, list(old.corrections.all())) == (old, [new])
    assert "corrects 1" in new.html_zh
    assert queries.verify_notices() is None


@pytest.mark.django_db
def test_a_notice_that_cannot_be_rendered_holds_up_no_other_and_takes_no_number() -> None:
    broken = make.announcement(template="broken.html")
    make.announcement()
    now = clock.now()
    assert services.publish_pending(now=now) == [1]
    waiting = Pending.objects.get()
    assert (waiting.announcement_id, waiting.tries) == (broken.pk, 1)
    assert "TemplateDoesNotExist" in waiting.error
    assert services.publish_pending(now=now) == []
    services.publish_pending(now=now + dt.timedelta(seconds=31))
    assert Pending.objects.get().tries == 2


@pytest.mark.django_db
def test_notices_cannot_be_changed_and_damage_behind_the_trigger_is_found() -> None:
    for _ in range(3):
        make.announcement()
    services.publish_pending(now=clock.now())
    for table in ("publication_notice", "publication_announcement"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(f"UPDATE {table} SET kind = 'x'")
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.cursor().execute("ALTER TABLE publication_notice DISABLE TRIGGER append_only")
    connection.cursor().execute("UPDATE publication_notice SET html_zh = 'x' WHERE sequence = 2")
    connection.cursor().execute("ALTER TABLE publication_notice ENABLE TRIGGER append_only")
    assert "notice 2" in str(queries.verify_notices())


@pytest.mark.django_db(transaction=True)
def test_two_publishers_and_rolled_back_acts_leave_no_gap_and_lose_nothing() -> None:
    """Writers commit and roll back while two publishers work, all on connections of their own."""
    writers_done = threading.Event()

    def write(number: int) -> None:
        with contextlib.closing(connection):
            for turn in range(8):
                with transaction.atomic():
                    make.announcement(subject_id=f"{number}-{turn}")
                    transaction.set_rollback(turn % 3 == 2)

    def publish() -> list[int]:
        given: list[int] = []
        with contextlib.closing(connection):
            while True:
                last = writers_done.is_set()
                given += services.publish_pending(now=clock.now(), limit=5)
                if last and not Pending.objects.exists():
                    return given

    with ThreadPoolExecutor(5) as pool:
        publishers = [pool.submit(publish) for _ in range(2)]
        writers = [pool.submit(write, number) for number in range(3)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            writers_done.set()
        given = [number for publisher in publishers for number in publisher.result(60)]
    expected = 3 * 6  # two of eight turns roll back
    assert sorted(given) == list(range(1, expected + 1))
    assert list(Notice.objects.order_by("sequence").values_list("sequence", flat=True)) == sorted(given)
    assert Announcement.objects.count() == expected
    assert queries.verify_notices() is None
    assert services.publish_next(actor=SYSTEM, now=clock.now()) is None


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_publishers_take_the_same_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race that the lock ends: shown once, so that nobody takes the lock away."""
    monkeypatch.setattr(services, "_LOCK_SQL", "SELECT %s")
    for _ in range(30):
        make.announcement()
    start = threading.Barrier(3)

    def publish() -> int:
        collisions = 0
        with contextlib.closing(connection):
            connection.ensure_connection()
            start.wait(30)
            while Pending.objects.exists():
                try:
                    services.publish_next(actor=SYSTEM, now=clock.now())
                except IntegrityError:
                    collisions += 1
        return collisions

    with ThreadPoolExecutor(3) as pool:
        assert sum(future.result(60) for future in [pool.submit(publish) for _ in range(3)]) > 0
