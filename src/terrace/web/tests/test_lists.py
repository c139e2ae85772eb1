"""What every list has: the Excel twin of its CSV, and the filters that a person keeps on it."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock, lists
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.base.errors import NotAllowed, NotFound
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as people
from terrace.web import queries, services
from terrace.web.models import SavedView, plain_query
from terrace.web.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _december() -> None:
    clock.set_now(factories.NOW)


def sheet_of(answer: Any, place: int = 0) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.getvalue()))
    rows: list[list[Any]] = book.get_sheet_by_index(place).to_python()
    return rows


def signed_in(client: Client, role: Role = Role.FIRM_CLERK) -> Actor:
    user = people.user()
    actor = people.actor(role, of_user=user)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return actor


def test_the_workbook_holds_exactly_what_the_csv_does(client: Client) -> None:
    factories.trade()
    factories.trade("COD")
    answer = client.get("/prices.xlsx?pollutant=NOX")
    assert answer.status_code == 200
    assert answer["Content-Type"] == lists.WORKBOOK_TYPE
    assert 'filename="terrace-prices.xlsx"' in answer["Content-Disposition"]
    head, *rows = sheet_of(answer)
    assert len(rows) == 1
    row = dict(zip(head, rows[0], strict=True))
    assert (row["pollutant"], row["quantity_t_per_year"], row["price_yuan_per_tonne"]) == (
        "NOX",
        4.048,
        21_000,
    )
    facts = dict(sheet_of(answer, 1))
    assert facts["筛选"] == "pollutant=NOX"
    assert facts["导出时间"].startswith("2023-12-18 10:")


def test_a_workbook_is_as_open_as_its_csv(client: Client) -> None:
    assert (
        client.get("/ledger/accounts.xlsx").status_code
        == client.get("/ledger/accounts.csv").status_code
        == 403
    )
    turned_away = client.get("/journal/journal.xlsx")
    assert turned_away.status_code == 302
    assert turned_away["Location"].startswith("/accounts/login/")
    signed_in(client, Role.AUDITOR)
    assert client.get("/ledger/accounts.xlsx").status_code == 200
    assert client.get("/nothing.xlsx").status_code == 404
    assert client.get("/notices.json.xlsx").status_code == 404


def test_a_deep_page_holds_the_same_rows_in_the_same_order(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (3, 1, 2, 5, 4):
        factories.trade(awarded_at=factories.NOW - dt.timedelta(days=days))
    found = queries.deals_found()
    request = RequestFactory().get("/prices/?page=2")
    near = [trade.pk for trade in lists.page_of(request, found, 2)]
    monkeypatch.setattr(lists, "DEEP", 1)
    with CaptureQueriesContext(connection) as captured:
        deep = lists.page_of(request, found, 2)
        assert [(trade.pk, trade.buyer.name != "") for trade in deep] == [(pk, True) for pk in near]
    assert len(captured) == 3
    assert (deep.number, deep.paginator.num_pages, deep.has_next()) == (2, 3, True)
    assert list(lists.page_of(request, list(range(5)), 2)) == [2, 3]


def test_codes_stay_text_and_nothing_becomes_a_formula() -> None:
    rows = [
        {"a": "007", "b": "=1+1", "c": "-5.25", "d": 1234567890123456, "e": None},
        {"a": "两\n行", "b": "@x"},
    ]
    csv_answer = lists.as_csv("x.csv", ("a", "b", "c", "d", "e"), rows)
    text = csv_answer.content.decode("utf-8-sig")
    assert text.splitlines()[1] == "007,'=1+1,-5.25,1234567890123456,"
    assert lists.stream_csv("x.csv", ("a", "b", "c", "d", "e"), rows).getvalue() == csv_answer.content
    sheet = sheet_of(lists.as_workbook("x.xlsx", iter(csv_answer), [("a", "b")]))
    assert sheet[1] == ["007", "=1+1", -5.25, "1234567890123456", ""]
    assert sheet[2][:2] == ["两\n行", "@x"]


def test_a_list_too_long_for_a_workbook_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "WORKBOOK_ROWS_MAX", 2)
    columns, row = ("a",), {"a": 1}
    assert (
        len(sheet_of(lists.as_workbook("x.xlsx", iter(lists.as_csv("x.csv", columns, [row] * 2)), []))) == 3
    )
    with pytest.raises(lists.ListTooLong) as refused:
        lists.as_workbook("x.xlsx", iter(lists.as_csv("x.csv", columns, [row] * 3)), [])
    assert refused.value.code == "list.too_long"


def test_the_entries_beneath_a_figure_have_their_twins(client: Client) -> None:
    made = factories.intake("COD", 12_500_000)
    address = "/reserve/figures/COD/tuhai"
    data = client.get(f"{address}.json").json()
    assert (data["count"], data["items"][0]["direction"], data["items"][0]["quantity_t_per_year"]) == (1, "in", "12.500")  # fmt: skip
    assert made.parcel is not None
    assert made.parcel.serial_block in client.get(f"{address}.csv").content.decode("utf-8-sig")
    assert sheet_of(client.get(f"{address}.xlsx"))[1][3] == 12.5
    assert client.get("/reserve/figures/COD/majia.json").status_code == 404


def test_a_person_keeps_filters_and_takes_them_away(client: Client) -> None:
    actor = signed_in(client)
    page = client.get("/prices/?pollutant=NOX&since=&page=2").content.decode()
    assert 'name="query" value="pollutant=NOX"' in page
    saved = client.post(
        "/desk/views/save/", {"path": "/prices/", "query": "pollutant=NOX&page=2", "name": " 氮  氧 "}
    )
    assert (saved.status_code, saved["Location"]) == (303, "/prices/?pollutant=NOX")
    view = SavedView.objects.get()
    assert (view.user_id, view.name, view.query, view.removed_at) == (
        actor.user_id,
        "氮 氧",
        "pollutant=NOX",
        None,
    )
    assert "氮 氧</a>" not in client.get("/results/").content.decode()
    shown = client.get("/prices/").content.decode()
    assert '<a href="/prices/?pollutant=NOX">氮 氧</a>' in shown
    assert 'aria-current="true">氮 氧' in client.get("/prices/?pollutant=NOX").content.decode()
    again = client.post("/desk/views/save/", {"path": "/prices/", "query": "pollutant=COD", "name": "氮 氧"})
    assert again["Location"] == "/prices/?pollutant=COD"
    assert SavedView.objects.get().query == "pollutant=COD"
    removed = client.post(f"/desk/views/{view.pk}/remove/")
    assert (removed.status_code, removed["Location"]) == (303, "/prices/")
    assert "氮 氧</a>" not in client.get("/prices/").content.decode()
    assert client.post(f"/desk/views/{view.pk}/remove/").status_code == 404
    acts = list(
        JournalEntry.objects.filter(subject_type="web.view").order_by("id").values_list("act", flat=True)
    )
    assert acts == ["web.view.save", "web.view.save", "web.view.remove"]
    assert view.events.count() == 3  # type: ignore[attr-defined]  # pghistory's


def test_saved_filters_are_ones_own(client: Client) -> None:
    view = services.save_view(
        actor=people.actor(Role.FIRM_CLERK),
        path="/prices/",
        query="pollutant=NOX",
        name="别人的",
        now=factories.NOW,
    )
    assert client.post("/desk/views/save/", {"path": "/prices/", "query": "a=1", "name": "x"})["Location"].startswith("/accounts/login/")  # fmt: skip
    assert "别人的" not in client.get("/prices/").content.decode()
    other = signed_in(client)
    assert "别人的" not in client.get("/prices/").content.decode()
    with pytest.raises(NotFound):
        services.remove_view(actor=other, view_id=view.pk, now=factories.NOW)
    with pytest.raises(NotAllowed):
        services.save_view(actor=ANONYMOUS, path="/prices/", query="a=1", name="x", now=factories.NOW)


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [("/nowhere/", "a=1", "x"), ("https://example.com/", "a=1", "x"), ("/prices/", "page=2", "x"),
     ("/prices/", "a=1", " "), ("/prices/", "a=1", "x" * 41), ("/prices/", f"a={'1' * 2_000}", "x")],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(path: str, query: str, name: str) -> None:
    with pytest.raises(services.ViewInvalid) as refused:
        services.save_view(
            actor=people.actor(Role.FIRM_CLERK), path=path, query=query, name=name, now=factories.NOW
        )
    assert refused.value.code == "web.view.invalid"


def test_a_list_keeps_twenty_sets_of_filters() -> None:
    actor = people.actor(Role.FIRM_CLERK)
    for n in range(services.VIEWS_MAX):
        services.save_view(actor=actor, path="/prices/", query="a=1", name="x" * 39 + str(n)[-1:] if n < 10 else f"n{n}", now=factories.NOW)  # fmt: skip
    services.save_view(actor=actor, path="/results/", query="a=1", name="x", now=factories.NOW)
    services.save_view(actor=actor, path="/prices/", query="a=2", name="n10", now=factories.NOW)
    with pytest.raises(services.ViewsFull) as refused:
        services.save_view(actor=actor, path="/prices/", query="a=1", name="one more", now=factories.NOW)
    assert refused.value.code == "web.view.full"


def test_the_place_in_a_list_is_no_filter() -> None:
    assert plain_query("page=3&before=9&from=25&state=&pollutant=NOX&words=a+b") == "pollutant=NOX&words=a+b"


@pytest.mark.parametrize("address", ["/signups/", "/rights/", "/lots/", "/prices/"])
def test_signed_in_lists_take_the_same_queries_for_one_and_three_rows(client: Client, address: str) -> None:
    firm = people.organisation()
    user = people.user()
    people.member(firm, Role.FIRM_CLERK, of_user=user)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    counts = []
    for rows in (1, 2):
        for n in range(rows):
            factories.signup(factories.listing(), firm)
            factories.trade()
            factories.parcel(holder=firm)
            services.save_view(
                actor=Actor(user_id=user.pk, person_id=1, organisation_id=firm.pk, membership_id=1),
                path=address, query="pollutant=NOX", name=f"{rows} {n}", now=factories.NOW,
            )  # fmt: skip
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
