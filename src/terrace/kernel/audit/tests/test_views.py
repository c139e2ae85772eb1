"""The auditor's pages of the journal."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.audit import access, queries, services, views
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, SYSTEM, Actor
from terrace.kernel.base.errors import NotAllowed, NotFound
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


def write(actor: Actor = SYSTEM, act: str = "test.thing.do", subject: object = 1, **more: Any) -> int:
    arguments: dict[str, Any] = {"subject_type": "thing", "subject_id": subject, "at": clock.now()}
    return services.record(actor=actor, act=act, **(arguments | more))


@pytest.fixture
def auditor() -> Client:
    client = Client()
    client.force_login(make.member(make.organisation("AUDIT_OFFICE"), Role.AUDITOR))
    return client


def rows_of(response: Any) -> list[int]:
    return [row["entry"].pk for row in response.context["rows"]]


URLS = ("/journal/", "/journal/journal.json", "/journal/journal.csv")


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.AUDITOR])
def test_other_roles_are_refused_with_the_reason(role: Role) -> None:
    client = Client()
    client.force_login(make.member(make.organisation(make.KIND_OF_ROLE[role]), role))
    for url in (*URLS, f"/journal/{write()}/"):
        response = client.get(url)
        assert response.status_code == 403
        words = response.content.decode()
        assert "仅供审计人员查阅" in words or "\\u4ec5\\u4f9b" in words


@pytest.mark.parametrize("url", URLS)
def test_a_visitor_is_sent_to_the_sign_in_page(client: Client, url: str) -> None:
    assert client.get(url).status_code == 302
    assert "sign in" in access.may_read_journal(ANONYMOUS).reason.en


def test_an_unknown_entry_is_not_found(auditor: Client) -> None:
    assert auditor.get("/journal/999999/").status_code == 404
    with pytest.raises(NotFound):
        access.get_entry_for(make.actor(Role.AUDITOR), 0)
    with pytest.raises(NotAllowed):
        access.get_entry_for(make.actor(Role.BUREAU), write())


def test_the_list_is_filtered_by_its_address(auditor: Client) -> None:
    firm = make.actor(Role.FIRM_CLERK)
    a, b, c = write(act="a.thing.do"), write(firm, act="a.other.do", subject=7), write(act="b.thing.do")
    for query, expected in (
        ("act=a.", [b, a]),
        ("act=a.thing.do", [a]),
        ("subject_type=thing&subject_id=7", [b]),
        (f"organisation={firm.organisation_id}", [b]),
        ("subject_type=nothing", []),
        ("", [c, b, a]),
    ):
        assert rows_of(auditor.get(f"/journal/?{query}")) == expected, query


def test_days_are_days_in_shanghai_both_ends_included(auditor: Client) -> None:
    def at(day: int, hour: int, minute: int) -> int:
        return write(at=clock.at_local(dt.date(2023, 12, day), hour, minute))

    before, first, last, after = at(3, 23, 59), at(4, 0, 0), at(5, 23, 59), at(6, 0, 0)
    assert rows_of(auditor.get("/journal/?day_from=2023-12-04&day_to=2023-12-05")) == [last, first]
    assert rows_of(auditor.get("/journal/?day_to=2023-12-03")) == [before]
    assert rows_of(auditor.get("/journal/?day_from=2023-12-06")) == [after]


@pytest.mark.parametrize(
    "query", ["organisation=abc", "day_from=4.12.2023", "day_from=2023-12-05&day_to=2023-12-04"]
)
def test_a_filter_that_cannot_be_read_says_so(auditor: Client, query: str) -> None:
    write()
    response = auditor.get(f"/journal/?{query}")
    assert response.status_code == 422
    assert rows_of(response) == []
    assert 'role="alert"' in response.content.decode()


def test_pages_go_by_key_and_new_entries_shift_nothing(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE_SIZE", 2)
    ids = [write(subject=n) for n in range(5)]
    first = auditor.get("/journal/")
    assert rows_of(first) == [ids[4], ids[3]]
    write(subject="late")
    second = auditor.get(f"/journal/?before={first.context['older']}")
    assert rows_of(second) == [ids[2], ids[1]]
    last = auditor.get(f"/journal/?before={second.context['older']}")
    assert (rows_of(last), last.context["older"]) == ([ids[0]], None)
    assert auditor.get("/journal/?before=x").context["is_first"]


def test_an_entry_shows_before_and_after_names_and_its_place_in_the_chain(auditor: Client) -> None:
    firm = make.organisation(name="冠县测试化工")
    actor = make.actor(Role.FIRM_CLERK, of=firm)
    first = write()
    second = write(
        actor,
        facts={"before": {"state": "ACTIVE", "bank": {"no": 1}}, "after": {"state": "FROZEN"}, "note": ["x"]},
        reason="法院文书",
        clause="第3条",
    )
    page = auditor.get(f"/journal/{second}/").content.decode()
    for words in (
        "冠县测试化工",
        "ACTIVE",
        "FROZEN",
        "bank.no",
        "状态",
        "法院文书",
        "第3条",
        "链条完好",
        actor.name,
    ):
        assert words in page, words
    assert f'href="/journal/{first}/"' in page
    link = queries.link_of(second)
    assert (link.intact, link.previous_id, link.next_id) == (True, first, None)


def test_damage_is_shown_on_the_entry_and_on_the_next_one(auditor: Client) -> None:
    first, second, third = write(), write(), write()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_journal DISABLE TRIGGER append_only")
        cursor.execute("UPDATE audit_journal SET reason = 'x' WHERE id = %s", [second])
        cursor.execute("DELETE FROM audit_journal WHERE id = %s", [first])
        cursor.execute("ALTER TABLE audit_journal ENABLE TRIGGER append_only")
    page = auditor.get(f"/journal/{second}/").content.decode()
    assert "链条断裂" in page
    assert "内容与其哈希不符" in page
    assert "与前一条不相连" in page
    assert queries.link_of(third).intact


def test_exports_carry_exactly_the_filtered_list(auditor: Client) -> None:
    firm = make.organisation(name="冠县测试化工")
    write(act="b.thing.do")
    chosen = write(make.actor(Role.FIRM_CLERK, of=firm), act="a.thing.do", reason="=1+1", facts={"数": 1})
    data = auditor.get("/journal/journal.json?act=a.").json()
    assert [e["id"] for e in data["entries"]] == [chosen]
    assert data["entries"][0]["organisation"] == "冠县测试化工"
    assert data["entries"][0]["facts"] == {"数": 1}
    assert data["older_before"] is None
    response = auditor.get("/journal/journal.csv?act=a.")
    content = response.content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [r["id"] for r in rows] == [str(chosen)]
    assert rows[0]["reason"] == "'=1+1"
    assert json.loads(rows[0]["facts"]) == {"数": 1}
    assert auditor.get("/journal/journal.json?day_from=x").json()["code"] == "input.invalid"


def test_the_list_takes_a_fixed_number_of_queries(auditor: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as taken:
            assert auditor.get("/journal/").status_code == 200
        return len(taken)

    write(make.actor(Role.FIRM_CLERK))
    auditor.get("/journal/")
    with_one = count()
    for _ in range(2):
        write(make.actor(Role.FIRM_CLERK))
    assert count() == with_one
    assert with_one <= 6
