"""The pages: who sees what, fixed numbers of queries, the drill-down, and the twins."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.services import Direct, Hold, Post
from terrace.kernel.ledger.tests import factories as f
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as orgs

pytestmark = pytest.mark.django_db


def firm() -> tuple[Client, Organisation]:
    place = orgs.organisation()
    return signed_in(orgs.member(place, Role.FIRM_CLERK)), place


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def auditor() -> Client:
    return signed_in(orgs.member(orgs.organisation("AUDIT_OFFICE"), Role.AUDITOR))


def text(response: Any) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return str(response.content.decode())


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    whole = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(whole)))


def every_address(account: int, entry: int) -> list[str]:
    return [
        reverse(f"ledger:{name}{twin}", args=arguments)
        for name, arguments in (("totals", []), ("accounts", []), ("account", [account]), ("entry", [entry]))
        for twin in ("", "_json", "_csv")
    ]


def test_the_auditor_sees_all_and_strangers_nothing(auditor: Client, client: Client) -> None:
    number = f.account(opening=100)
    entry = queries.statement(number)[0].entry_id
    stranger, _place = firm()
    for address in every_address(number, entry):
        assert auditor.get(address).status_code == 200, address
        assert client.get(address).status_code in (302, 403), address
        own_list = "accounts" in address and str(number) not in address
        assert stranger.get(address).status_code == (200 if own_list else 403), address
    assert reverse("ledger:account", args=[number]) not in text(stranger.get(reverse("ledger:accounts")))
    assert stranger.get(reverse("ledger:accounts_json")).json()["count"] == 0


def test_a_firm_sees_its_own_accounts_and_its_own_lines_of_an_entry(auditor: Client) -> None:
    mine, place = firm()
    own, other = f.account(owner=place.pk), f.account()
    posted = f.post(Direct(f.world(), own, 8_500), Direct(f.world(), other, 9_900))
    assert "85.00" in text(mine.get(reverse("ledger:accounts")))
    assert mine.get(reverse("ledger:account", args=[own])).status_code == 200
    assert mine.get(reverse("ledger:account", args=[other])).status_code == 403
    page = text(mine.get(reverse("ledger:entry", args=[posted.entry_id])))
    assert "85.00" in page
    assert "99.00" not in page
    assert "另有1笔划转与本单位无关" in page
    assert len(mine.get(reverse("ledger:entry_json", args=[posted.entry_id])).json()["transfers"]) == 1
    assert "99.00" in text(auditor.get(reverse("ledger:entry", args=[posted.entry_id])))


def test_what_is_not_there(auditor: Client) -> None:
    for name in ("account", "entry"):
        for number in (0, 10**12, 10**40):
            assert auditor.get(reverse(f"ledger:{name}", args=[number])).status_code == 404
            assert auditor.get(reverse(f"ledger:{name}_csv", args=[number])).status_code == 404


def test_from_a_sum_to_the_entries_in_three_clicks(auditor: Client) -> None:
    cod = f.cod()
    place = orgs.organisation(name="聊城测试纸业有限公司")
    number = f.account(cod, owner=place.pk, opening=4_048_000)
    sums = text(auditor.get(reverse("ledger:totals")))
    listed = f"{reverse('ledger:accounts')}?asset={cod.pk}"
    assert listed in sums
    assert "4.048" in sums
    accounts = text(auditor.get(listed))
    assert "聊城测试纸业有限公司" in accounts
    assert reverse("ledger:account", args=[number]) in accounts
    statement = text(auditor.get(reverse("ledger:account", args=[number])))
    entry = queries.statement(number)[0].entry_id
    assert reverse("ledger:entry", args=[entry]) in statement
    assert "4.048" in text(auditor.get(reverse("ledger:entry", args=[entry])))


def test_an_entry_links_to_its_subject_and_a_resolution_to_its_hold(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_subject_urls", {})
    a, b = f.account(opening=100), f.account()
    held = f.post(Hold(a, b, 60))
    posted = f.post(Post(held.transfer_ids[0], 40))
    address = reverse("ledger:entry", args=[posted.entry_id])
    assert 'href="/tests/1/"' not in text(auditor.get(address))
    queries.register_subject("test", lambda number: f"/tests/{number}/")
    page = text(auditor.get(address))
    assert 'href="/tests/1/"' in page
    assert f"{reverse('ledger:entry', args=[held.entry_id])}#t{held.transfer_ids[0]}" in page


def test_the_statement_filters_and_pages(auditor: Client) -> None:
    a, b = f.account(opening=100_000), f.account()
    for n in range(30):
        f.post(Direct(a, b, 100 + n))
    (hold,) = f.post(Hold(a, b, 7_000)).transfer_ids
    address = reverse("ledger:account", args=[a])
    first = text(auditor.get(address))
    eighth = queries.statement(a)[24].transfer_id  # 32 lines, 25 on a page: the oldest shown is the 8th
    assert f"?before={eighth}" in first
    assert "70.00" in first
    second = text(auditor.get(address, {"before": eighth}))
    assert 'rel="next"' not in second
    assert "1,000.00" in second
    twin = reverse("ledger:account_json", args=[a])
    assert len(auditor.get(twin).json()["items"]) == 32
    assert [x["transfer"] for x in auditor.get(twin, {"phase": "HOLD"}).json()["items"]] == [hold]
    assert len(auditor.get(twin, {"since": "2023-12-04", "until": "2023-12-04"}).json()["items"]) == 32
    assert auditor.get(twin, {"since": "2023-12-05"}).json()["items"] == []
    assert auditor.get(twin, {"until": "2023-12-03"}).json()["items"] == []
    assert auditor.get(twin, {"code": "nothing"}).json()["items"] == []
    assert len(auditor.get(twin, {"code": "test.", "since": "?", "before": "x"}).json()["items"]) == 32
    assert "没有符合条件的流水" in text(auditor.get(address, {"code": "nothing"}))


def test_the_accounts_filter(auditor: Client) -> None:
    f.account(f.cod(), owner="cod1"), f.account(owner="yuan1", kind="ESCROW")
    twin = reverse("ledger:accounts_json")
    for given, owner in (
        ({"asset": f.cod().pk}, "cod1"), ({"kind": "ESCROW"}, "yuan1"), ({"owner": "yuan1"}, "yuan1"),
    ):  # fmt: skip
        assert [x["owner_id"] for x in auditor.get(twin, given).json()["items"]] == [owner]
    assert auditor.get(twin, {"asset": "no", "kind": "no"}).json()["count"] == 2


def test_the_csv_twins_carry_every_row_and_no_formula(auditor: Client) -> None:
    a, b = f.account(opening=1_000_000), f.account()
    services.post_batch(actor=SYSTEM, entries=[f.new_entry(Direct(a, b, 1)) for _ in range(1_200)])
    f.post(Direct(a, b, 1), reason="=1+1")
    rows = rows_of(auditor.get(reverse("ledger:account_csv", args=[a])))
    assert len(rows) == 1_202
    assert [int(r["version"]) for r in rows] == list(range(1_202, 0, -1))
    assert rows[0]["reason"] == "'=1+1"
    assert rows[0]["change"] == "-1"
    assert rows[0]["posted_after"] == "998799"
    assert {r["id"] for r in rows_of(auditor.get(reverse("ledger:accounts_csv")))} >= {str(a), str(b)}
    assert rows_of(auditor.get(reverse("ledger:totals_csv")))[0]["difference"] == "0"
    entry = queries.statement(a)[0].entry_id
    assert [r["amount"] for r in rows_of(auditor.get(reverse("ledger:entry_csv", args=[entry])))] == ["1"]


@pytest.mark.parametrize("page", ["totals", "accounts", "account", "entry"])
def test_the_number_of_queries_is_fixed(auditor: Client, page: str) -> None:
    own = f.account(owner=orgs.organisation().pk, opening=1_000_000)
    auditor.get("/ledger/accounts/")  # the first request of a session also notes when it came
    counts = []
    for many in (1, 3):
        others = [f.account(owner=orgs.organisation().pk) for _ in range(many)]
        f.account(f.cod(f"region{many}"), owner=orgs.organisation().pk)
        posted = f.post(*[Direct(own, other, 5) for other in others])
        f.post(*[Hold(own, other, 5) for other in others])
        arguments = {"account": [own], "entry": [posted.entry_id]}.get(page, [])
        with CaptureQueriesContext(connection) as seen:
            text(auditor.get(reverse(f"ledger:{page}", args=arguments)))
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("language, words", [("zh-hans", "账户流水"), ("en", "Statement of account")])
def test_the_pages_speak_both_languages(auditor: Client, language: str, words: str) -> None:
    number = f.account(f.cod(), opening=5)
    auditor.cookies["django_language"] = language
    page = auditor.get(reverse("ledger:account", args=[number]))
    assert words in text(page)
    assert auditor.post(reverse("ledger:account", args=[number])).status_code == 405


def test_an_empty_ledger_says_what_would_appear(auditor: Client) -> None:
    assert "账本还没有账户" in text(auditor.get(reverse("ledger:totals")))
    assert "没有账户" in text(auditor.get(reverse("ledger:accounts")))
    assert rows_of(auditor.get(reverse("ledger:totals_csv"))) == []


@pytest.mark.parametrize(
    "subject_type, number",
    [
        ("parcel", "7"),
        ("signup", "7"),
        ("listing", "7"),
        ("settlement.trade", "T-7"),
        ("settlement.bank_line", "7"),
    ],
)
def test_the_subjects_of_the_market_have_pages(subject_type: str, number: str) -> None:
    assert number in queries.subject_url(subject_type, number)
    assert queries.subject_url("nothing.known", number) == ""
