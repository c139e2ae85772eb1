"""The pages: rulebooks for everybody, decisions for those concerned, parameters for the bureau."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from terrace.kernel.base import clock
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as people
from terrace.market.rulebooks.models import RulebookParameter
from terrace.market.rulebooks.tests.test_services import proposed, stored

pytestmark = pytest.mark.django_db


def signed_in(*roles: Role, of=None) -> Client:
    place = of or people.organisation(people.KIND_OF_ROLE[roles[0]])
    client = Client()
    client.force_login(
        people.member(place, *roles), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_everybody_reads_the_rulebooks(client: Client, language: str) -> None:
    page = client.get(reverse("rulebooks:list"), headers={"accept-language": language})
    assert page.status_code == 200
    assert "2025.1" in page.content.decode()
    detail = client.get(
        reverse("rulebooks:rulebook", args=["liaocheng-2025"]), headers={"accept-language": language}
    )
    text = detail.content.decode()
    assert "R7" in text and "2026-06-01" in text
    assert ("建议值" if language == "zh-hans" else "proposed") in text


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 200, "我的项目须购买排污权吗"),
        ("?kind=new&COD=0.1&NH3N=0.01&on=2026-06-01", 200, "豁免"),
        ("?kind=new&COD=0.100001&on=2026-06-01", 200, "化学需氧量 0.100001 吨/年"),
        ("?kind=new&COD=０.2&on=2026-06-01", 200, "须通过交易取得"),
        ("?kind=new&COD=0.1&on=2026-05-31&air=yes&water=no", 200, "替代比例：化学需氧量 2:1"),
        ("?kind=new&COD=5&on=2026-05-31&voluntary=on", 200, "自愿申请参加"),
        ("?kind=existing&COD=5&on=2026-06-01", 200, "不在交易范围内"),
        ("?kind=new&COD=some&on=2026-06-01", 422, "some"),
        ("?kind=new&COD=-1&on=2026-06-01", 422, "化学需氧量"),
        ("?kind=new&on=2026-06-01", 422, "至少填写一种"),
        ("?kind=new&COD=1&on=soon", 422, "soon"),
        ("?kind=old&COD=1&on=2026-06-01", 422, "old"),
        ("?kind=new&COD=1&on=2010-01-01", 422, "该日没有已载入的规则集"),
    ],
)
def test_everybody_checks_whether_a_project_must_buy(
    client: Client, query: str, status: int, says: str
) -> None:
    page = client.get(reverse("rulebooks:check") + query, headers={"accept-language": "zh-hans"})
    assert page.status_code == status
    assert says in page.content.decode()


def test_the_self_check_in_english_names_no_bars_and_uses_few_queries(
    client: Client, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(6):
        page = client.get(
            reverse("rulebooks:check") + "?kind=new&COD=2&on=2026-06-01", headers={"accept-language": "en"}
        )
    text = page.content.decode()
    assert "must buy discharge rights: COD 2 t/yr" in text
    assert "R7" in text and "R23" not in text


def test_an_unknown_rulebook_is_not_found(client: Client) -> None:
    assert client.get(reverse("rulebooks:rulebook", args=["mars"])).status_code == 404


def test_parameters_as_data(client: Client) -> None:
    rows = client.get(reverse("rulebooks:parameters_json")).json()["parameters"]
    row = next(r for r in rows if r["rulebook"] == "liaocheng-2025" and r["parameter"] == "exempt_t")
    assert (row["value"], row["unit"], row["proposed"]) == ("0.1", "t/yr", False)
    table = client.get(reverse("rulebooks:parameters_csv")).content.decode("utf-8-sig")
    assert table.splitlines()[0].startswith("rulebook,version,parameter")
    assert len(table.splitlines()) == len(rows) + 1


def test_the_pages_of_rulebooks_use_a_fixed_number_of_queries(
    client: Client, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(6):
        client.get(reverse("rulebooks:list"))
    with django_assert_max_num_queries(6):
        client.get(reverse("rulebooks:rulebook", args=["liaocheng-2025"]))


def test_a_decision_explains_itself_to_the_firm_and_to_no_other(client: Client) -> None:
    firm = people.organisation()
    decision = stored(firm, needs_t={"COD": "2"}, lot={"mortgaged": True})
    address = reverse("rulebooks:decision", args=[decision.pk])
    text = signed_in(Role.FIRM_CLERK, of=firm).get(address).content.decode()
    assert "标的已抵押" in text and "解除冻结" in text and "2025.1" in text
    assert signed_in(Role.FIRM_CLERK).get(address).status_code == 403
    assert client.get(address).status_code in (302, 403)
    assert signed_in(Role.AUDITOR).get(address).status_code == 200


def test_two_persons_change_a_parameter_on_the_pages() -> None:
    maker, checker = signed_in(Role.BUREAU), signed_in(Role.BUREAU_CHECKER)
    form = {
        "rulebook": "liaocheng-2025",
        "name": "exempt_t",
        "value": "0.2",
        "effective_from": (clock.today() + dt.timedelta(days=30)).isoformat(),
        "clause": "聊环发〔2026〕2号",
        "reason": "简化",
        "idempotency_key": "once",
    }
    assert maker.get(reverse("rulebooks:propose")).status_code == 200
    answer = maker.post(reverse("rulebooks:propose"), form)
    assert answer.status_code == 303
    assert maker.post(reverse("rulebooks:propose"), form)["Location"] == answer["Location"]
    assert RulebookParameter.objects.count() == 1
    assert "确认意见" not in maker.get(answer["Location"]).content.decode()
    assert "确认意见" in checker.get(answer["Location"]).content.decode()
    refused = checker.post(answer["Location"], {"answer": "reject", "reason": ""})
    assert refused.status_code == 422
    assert checker.post(answer["Location"], {"answer": "approve", "reason": ""}).status_code == 303
    assert "已批准" in checker.get(answer["Location"]).content.decode()
    public = Client().get(reverse("rulebooks:rulebook", args=["liaocheng-2025"])).content.decode()
    assert "2025.1+1" in public and "0.2" in public


def test_a_refused_proposal_keeps_what_was_typed() -> None:
    maker = signed_in(Role.BUREAU)
    form = {
        "rulebook": "liaocheng-2025",
        "name": "exempt_t",
        "value": "a little",
        "effective_from": (clock.today() + dt.timedelta(days=30)).isoformat(),
        "clause": "聊环发〔2026〕2号",
        "reason": "简化",
    }
    page = maker.post(reverse("rulebooks:propose"), form)
    assert page.status_code == 422
    assert "a little" in page.content.decode()
    assert maker.post(reverse("rulebooks:propose"), {}).status_code == 422


def test_the_list_of_changes_has_a_fixed_number_of_queries() -> None:
    maker = signed_in(Role.BUREAU)
    maker.get(reverse("rulebooks:parameters"))  # the first request of a session writes it
    counts = []
    for days in (5, 6, 7):
        proposed(effective_from=clock.today() + dt.timedelta(days=days))
        with CaptureQueriesContext(connection) as captured:
            assert maker.get(reverse("rulebooks:parameters")).status_code == 200
        counts.append(len(captured))
    assert counts == [counts[0]] * 3


@pytest.mark.parametrize("name", ["rulebooks:parameters", "rulebooks:propose"])
def test_the_changes_are_the_bureaus(client: Client, name: str) -> None:
    assert client.get(reverse(name)).status_code in (302, 403)
    assert signed_in(Role.FIRM_CLERK).get(reverse(name)).status_code == 403
