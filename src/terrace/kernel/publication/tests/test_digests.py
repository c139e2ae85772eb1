"""The digest of each day: published once, holding the day before, and proof against a rewritten past."""

from __future__ import annotations

import csv
import datetime as dt
import json

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.ledger.tests import factories
from terrace.kernel.publication import queries, rules, services
from terrace.kernel.publication.models import DailyDigest
from terrace.site.worker import ticks

pytestmark = pytest.mark.django_db
NIGHT = clock.at_local(dt.date(2023, 12, 5)) + dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)


def night(number: int) -> DailyDigest:
    """A day with a movement of money and an act, and its digest."""
    giver = factories.account(opening=100)
    factories.post(factories.Direct(giver, factories.account(), 40))
    made = services.publish_digest(actor=SYSTEM, now=NIGHT + number * DAY)
    assert made is not None
    return made


def tamper(statement: str) -> None:
    """What an owner of the database can do: past triggers and grants."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


def test_the_digest_is_that_of_the_ledger_and_comes_once_a_day() -> None:
    made = services.publish_digest(actor=SYSTEM, now=NIGHT)
    assert made is not None
    assert made.day == dt.date(2023, 12, 4)
    assert made.ledger_digest == ledger.digest().sha256
    assert made.previous_digest == rules.GENESIS
    assert services.publish_digest(actor=SYSTEM, now=NIGHT + DAY - dt.timedelta(seconds=2)) is None
    with CaptureQueriesContext(connection) as seen:
        services.publish_due_digest(now=NIGHT)
    assert len(seen) == 1
    services.publish_due_digest(now=NIGHT + DAY)
    assert [d.day.day for d in DailyDigest.objects.all()] == [4, 5]


def test_a_day_ends_at_midnight_in_shanghai_by_the_platforms_clock(settings: object) -> None:
    settings.TERRACE_DEMO = True  # type: ignore[attr-defined]  # the clock can be set
    clock.set_now(dt.datetime(2023, 12, 5, 15, 59, 58, tzinfo=dt.UTC))  # 23:59:58 in Shanghai
    tick_digest()
    clock.set_now(dt.datetime(2023, 12, 5, 16, 0, 1, tzinfo=dt.UTC))
    tick_digest()
    tick_digest()
    assert [d.day.isoformat() for d in DailyDigest.objects.all()] == ["2023-12-04", "2023-12-05"]


def tick_digest() -> None:
    """What the worker does every second."""
    dict(ticks())["digest"]()


def test_days_agree_with_the_books_and_hold_each_other() -> None:
    first, second, third = night(0), night(1), night(2)
    assert second.previous_digest == first.digest
    assert third.ledger_digest == ledger.digest().sha256
    assert len(third.changed["ledger"]) == 3, "two new accounts, and the world's"
    assert queries.verify_digests() is None
    assert queries.verify_digests({"2023-12-05": second.digest}) is None


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE ledger_transfer SET debit_hash = sha256('x') WHERE id = (SELECT min(id) FROM ledger_transfer"
         " WHERE debit_version = 2)", "2023-12-04: account"),
        ("UPDATE audit_journal SET entry_hash = repeat('f', 64) WHERE id = (SELECT max(id) FROM audit_journal"
         " WHERE subject_id = '2023-12-04')", "2023-12-05: stream main"),
        ("UPDATE publication_dailydigest SET ledger_digest = repeat('0', 64) WHERE day = '2023-12-05'",
         "2023-12-05: the heads kept do not make the digest of the ledger"),
        ("UPDATE publication_dailydigest SET journal_digest = repeat('0', 64) WHERE day = '2023-12-04'",
         "2023-12-04: the heads kept do not make the digest of the journal"),
        ("DELETE FROM publication_dailydigest WHERE day = '2023-12-04'", "2023-12-05: the heads kept"),
        ("UPDATE publication_dailydigest SET digest = repeat('0', 64) WHERE day = '2023-12-05'",
         "2023-12-05: the digest does not hold the day before"),
    ],
)  # fmt: skip
def test_a_rewritten_past_is_found_and_its_day_named(statement: str, words: str) -> None:
    night(0)
    night(1)
    assert queries.verify_digests() is None
    tamper(statement)
    found = queries.verify_digests()
    assert found is not None
    assert found.startswith(words)


def test_a_kept_copy_shows_what_the_database_alone_cannot() -> None:
    made = night(0)
    for kept in ({"2023-12-04": "0" * 64}, {"2023-12-03": made.digest}):
        found = queries.verify_digests(kept)
        assert found is not None
        assert "kept elsewhere" in found


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_public_page_and_its_twins(language: str) -> None:
    client = Client(headers={"accept-language": language})
    assert ("还没有公布摘要" if language == "zh-hans" else "No digest yet") in client.get(
        "/digests/"
    ).content.decode()
    assert json.loads(client.get("/digests.json").content) == {"items": []}
    made = night(0)
    assert made.digest in client.get("/digests/").content.decode()
    item = json.loads(client.get("/digests.json").content)["items"][0]
    assert (item["day"], item["sha256"], item["ledger_sha256"]) == (
        "2023-12-04",
        made.digest,
        made.ledger_digest,
    )
    rows = list(csv.DictReader(client.get("/digests.csv").getvalue().decode("utf-8-sig").splitlines()))
    assert rows == [{name: str(value) for name, value in item.items()}]
    assert "/digests/" in client.get("/notices/").content.decode()
    with CaptureQueriesContext(connection) as one:
        client.get("/digests/")
    night(1)
    night(2)
    with CaptureQueriesContext(connection) as three:
        client.get("/digests/")
    assert len(one) == len(three)


def test_digests_are_written_once() -> None:
    night(0)
    with pytest.raises(IntegrityError), transaction.atomic():
        DailyDigest.objects.update(digest="0" * 64)
