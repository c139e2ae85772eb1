"""Home, desk, prices, reserve, how to apply, the demo clock: content, languages and fixed query counts."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from django.test import Client

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.db import acts_catalogue
from terrace.kernel.ledger.services import Direct, Hold, Post
from terrace.kernel.ledger.tests import factories as ledger
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as people
from terrace.kernel.procedures import procedures
from terrace.kernel.procedures.tests import factories as cases
from terrace.market.rights.models import Area
from terrace.web import charts, navigation, pictures, queries, services, subjects
from terrace.web.glossary import GLOSSARY, STAGES, term
from terrace.web.tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _december() -> None:
    clock.set_now(factories.NOW)


def _queries(client: Client, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_home_says_what_is_on_sale_and_how_to_apply(client: Client) -> None:
    listing = factories.listing()
    factories.trade()
    html = client.get("/").content.decode()
    for words in ("1个标的正在挂牌", listing.number, "21,000 元/吨(5年期)", "85,008.00 元", "8,500.00 元", "报名截止",
                  "演示数据", "怎样参加", "氮氧化物", "4,200.00"):  # fmt: skip
        assert words in html
    english = client.get("/", headers={"accept-language": "en"}).content.decode()
    for words in ("One lot on sale", "CNY 85,008.00", "Sign-up closes", "invented for the demo"):
        assert words in english


def test_an_empty_home_says_what_will_stand_there(client: Client) -> None:
    html = client.get("/").content.decode()
    assert "目前没有挂牌的标的" in html
    assert "首笔成交后" in html


@pytest.mark.parametrize(
    ("days", "words", "can"),
    [(-2, "报名开始", False), (0, "报名截止", True), (3, "竞价开始", False), (5, "自由竞价截止", False), (6, "竞价进行中", False)],
)  # fmt: skip
def test_an_offer_names_the_next_instant_that_matters(
    client: Client, days: int, words: str, can: bool
) -> None:
    factories.listing()
    if days > 0:
        clock.set_now(factories.NOW + dt.timedelta(days=days, minutes=1))
    else:
        clock.set_now(factories.NOW + dt.timedelta(days=days))
    html = client.get("/").content.decode()
    assert words in html
    assert ("查看并报名" in html) is can


@pytest.mark.parametrize("address", ["/", "/prices/", "/reserve/", "/reserve/figures/NOX/371500/"])
def test_public_pages_cost_a_fixed_number_of_queries(client: Client, address: str) -> None:
    def rows() -> None:
        factories.listing()
        factories.trade()
        factories.intake()

    rows()
    one = _queries(client, address)
    rows()
    rows()
    assert _queries(client, address) == one


def test_prices_put_both_bases_on_one_scale_and_export_what_is_shown(client: Client) -> None:
    factories.trade()
    factories.trade(basis="PER_YEAR", awarded_at=factories.NOW - dt.timedelta(days=40))
    factories.trade("COD")
    html = client.get("/prices/").content.decode()
    assert "21,000 元/吨(5年期)" in html
    assert "21,000 元/吨·年" in html
    answer = client.get("/prices.csv?pollutant=NOX&since=2023-12-01").getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(answer)))
    assert [(r["price_yuan_per_tonne"], r["price_yuan_per_tonne_year"], r["amount_yuan"]) for r in rows] == [
        ("21000.00", "4200.00", "85008.00")
    ]
    assert len(client.get("/prices.json").json()["deals"]) == 3
    assert len(client.get("/prices.json?until=2023-11-30").json()["deals"]) == 1
    assert "没有符合条件的成交" in client.get("/prices/?until=2020-01-01").content.decode()
    assert len(client.get("/prices.json?since=nonsense").json()["deals"]) == 3


def test_many_deals_are_charted_by_their_months(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of 4,200 and one of 21,000 (a price of the year), same quantity: 12,600 in December; 4,200 in November."""
    factories.trade()
    factories.trade(basis="PER_YEAR")
    factories.trade(awarded_at=factories.NOW - dt.timedelta(days=40))
    months = queries.deals_by_month(queries.deals_found())
    assert [(f"{clock.local(m.start):%Y-%m}", m.deals, str(m.yuan_per_tonne_year)) for m in months] == [
        ("2023-12", 2, "12600.00"),
        ("2023-11", 1, "4200.00"),
    ]
    assert months[0].quantity.grams_per_year == 8_096_000
    monkeypatch.setattr(queries, "DEALS_CHARTED", 3)
    assert "月均单价" not in client.get("/prices/").content.decode()
    monkeypatch.setattr(queries, "DEALS_CHARTED", 2)
    html = client.get("/prices/").content.decode()
    assert "月均单价" in html
    assert "12,600.00" in html


def test_a_deal_is_public_once_its_result_is(client: Client) -> None:
    made = factories.trade()
    type(made).objects.filter(pk=made.pk).update(publicised_at=None)
    assert client.get("/prices.json").json()["count"] == 0


def test_reserve_figures_open_the_entries_beneath_them(client: Client) -> None:
    made = factories.intake("COD", 12_500_000)
    html = client.get("/reserve/").content.decode()
    assert "12.500" in html
    assert "徒骇河流域" in html
    detail = client.get("/reserve/figures/COD/tuhai/").content.decode()
    assert made.parcel.right.serial in detail
    assert made.kind and "预留初始排污权" in detail
    assert client.get("/reserve/figures/COD/majia/").status_code == 404
    assert client.get("/reserve/figures/XX/tuhai/").status_code == 404
    assert client.get("/reserve.json").json()["reserve"][0]["free_t"] == "12.500"
    assert "12.500" in client.get("/reserve.csv").content.decode()


def test_empty_reserve_says_so(client: Client) -> None:
    assert "储备中还没有排污权" in client.get("/reserve/").content.decode()


def test_how_to_explains_every_word_it_links(client: Client) -> None:
    html = client.get("/how-to/").content.decode()
    for entry in GLOSSARY:
        assert f'id="{entry.anchor}"' in html
    assert len({entry.anchor for entry in GLOSSARY}) == len(GLOSSARY)
    assert all(term(anchor) for stage in STAGES for anchor in stage.terms)
    assert "Discharge right" in client.get("/how-to/", headers={"accept-language": "en"}).content.decode()


# --- the desk ---------------------------------------------------------------------------------------------


@pytest.fixture
def permit() -> object:
    return procedures.register(cases.procedure())


def _signed_in(client: Client, *roles: Role) -> object:
    place = people.organisation(people.KIND_OF_ROLE[roles[0]])
    user = people.member(place, *roles)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return people.access.actor_of(user, place.pk)


def test_the_desk_needs_a_sign_in(client: Client) -> None:
    answer = client.get("/desk/")
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]


def test_the_desk_shows_what_waits_with_deadline_and_consequence(client: Client, permit: object) -> None:
    from terrace.kernel.procedures import services as steps

    _signed_in(client, Role.EXCHANGE_CHECKER)
    firm = people.organisation()
    clerk = people.actor(Role.FIRM_CLERK, of=firm)
    case = cases.case(firm, clerk, now=factories.NOW)
    steps.advance(actor=clerk, case=steps.lock_case(case.pk), transition="submit", now=factories.NOW)
    html = client.get("/desk/").content.decode()
    for words in ("permit of a firm(中)", "grant(中)", "refuse(中)", "2023年12月25日(周一) 17:00 前，还剩5个工作日", "lapse(中)",
                  "1件待我办理"):  # fmt: skip
        assert words in html
    client.cookies["django_language"] = "en"
    assert "5 working days left" in client.get("/desk/").content.decode()


def test_the_desk_costs_a_fixed_number_of_queries(client: Client, permit: object) -> None:
    from terrace.kernel.procedures import services as steps

    actor = _signed_in(client, Role.FIRM_CLERK, Role.FIRM_APPROVER)
    firm = people.Organisation.objects.get(pk=actor.organisation_id)

    def rows() -> None:
        cases.case(firm, actor, now=factories.NOW)
        sent = cases.case(firm, actor, now=factories.NOW)
        steps.advance(actor=actor, case=steps.lock_case(sent.pk), transition="submit", now=factories.NOW)

    rows()
    client.get("/desk/")
    one = _queries(client, "/desk/")
    rows()
    rows()
    assert _queries(client, "/desk/") == one


def test_a_long_desk_is_paged(client: Client, permit: object) -> None:
    actor = _signed_in(client, Role.FIRM_CLERK)
    firm = people.Organisation.objects.get(pk=actor.organisation_id)
    for _ in range(27):
        cases.case(firm, actor, now=factories.NOW)
    html = client.get("/desk/").content.decode()
    assert "27件待我办理" in html
    assert "其余2件" in html
    assert client.get("/desk/?from=25").content.decode().count("permit of a firm") == 2 + 10
    assert client.get("/desk/?from=x").status_code == 200


def test_an_empty_desk_says_what_will_stand_there(client: Client) -> None:
    _signed_in(client, Role.AUDITOR)
    assert "没有等您办理的事项" in client.get("/desk/").content.decode()


@pytest.mark.parametrize(
    ("role", "zh"),
    [
        (Role.FIRM_CLERK, "本单位还没有登记的排污权"),
        (Role.EXCHANGE_MAKER, "没有待审查的报名"),
        (Role.RESERVE_MAKER, "储备中还没有排污权"),
        (Role.BRANCH, "没有核定申请"),
        (Role.AUDITOR, "最近的办理行为"),
    ],
)
def test_each_role_has_its_block(client: Client, role: Role, zh: str) -> None:
    _signed_in(client, role)
    assert zh in client.get("/desk/").content.decode()


@pytest.mark.parametrize("role", [Role.FIRM_CLERK, Role.EXCHANGE_MAKER, Role.RESERVE_MAKER])
def test_blocks_cost_a_fixed_number_of_queries(client: Client, role: Role) -> None:
    actor = _signed_in(client, role)
    firm = people.Organisation.objects.get(pk=actor.organisation_id)

    def rows() -> None:
        listing = factories.listing()
        factories.intake()
        factories.signup(listing, firm)
        factories.payment_due(firm)
        factories.parcel(holder=firm)

    rows()
    client.get("/desk/")
    one = _queries(client, "/desk/")
    rows()
    rows()
    assert _queries(client, "/desk/") == one
    html = client.get("/desk/").content.decode()
    if role is Role.FIRM_CLERK:
        for words in ("12.144", "填写中", "8,500.00 元", "汇款附言必须写"):
            assert words in html


# --- the clock --------------------------------------------------------------------------------------------


def test_the_demo_clock_moves_forward_and_is_journalled(
    client: Client, django_capture_on_commit_callbacks
) -> None:
    assert "2023年12月19日(周二) 09:00" in client.get("/demo/clock/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_moving_the_clock(client: Client) -> None:
    clock.set_now(factories.NOW)
    assert client.post("/demo/clock/", {"step": "workday"}).status_code == 303
    assert clock.today() == dt.date(2023, 12, 19)
    entry = JournalEntry.objects.get(act="demo.clock.set")
    assert entry.facts["after"].startswith("2023-12-19")
    assert client.post("/demo/clock/", {"step": "at", "at": "2023-12-20T17:00"}).status_code == 303
    assert f"{clock.local(clock.now()):%d %H:%M}" == "20 17:00"
    backwards = client.post("/demo/clock/", {"step": "at", "at": "2023-12-01T17:00"})
    assert backwards.status_code == services.ClockBackwards.http_status
    assert services.ClockBackwards.code == "demo.clock.backwards"
    assert "只能向后调整" in backwards.content.decode()
    far = client.post("/demo/clock/", {"step": "at", "at": "2025-12-01T17:00"}).content.decode()
    assert services.ClockTooFar.code == "demo.clock.too_far"
    assert "一次最多向后调整60天" in far
    assert "请按示例填写" in client.post("/demo/clock/", {"step": "at", "at": "x"}).content.decode()
    assert client.post("/demo/clock/", {"step": "next"}).status_code == 200
    case = factories.trade().case
    due = clock.now() + dt.timedelta(days=3)
    type(case).objects.filter(pk=case.pk).update(deadline_at=due)
    assert client.post("/demo/clock/", {"step": "next"}).status_code == 303
    assert clock.now() > due


@pytest.mark.django_db(transaction=True)
def test_production_has_no_clock_page(client: Client, settings) -> None:
    settings.TERRACE_DEMO = False
    assert client.get("/demo/clock/").status_code == 404
    with pytest.raises(services.ClockNotShiftable) as refused:
        services.set_clock(
            actor=people.actor(Role.ADMIN), instant=factories.NOW, reason="", now=factories.NOW
        )
    assert refused.value.code == "demo.clock.not_in_production"
    assert "demo.clock.set" in acts_catalogue


def test_the_demo_bar_is_for_the_demo_only(client: Client, settings) -> None:
    assert "演示城市" in client.get("/how-to/").content.decode()
    settings.TERRACE_DEMO = False
    assert "演示城市" not in client.get("/how-to/").content.decode()


def test_the_language_can_be_switched(client: Client) -> None:
    answer = client.post("/language/", {"language": "en", "next": "/how-to/"})
    assert answer.status_code == 302
    assert "How to take part" in client.get("/how-to/").content.decode()


@pytest.mark.parametrize("role", list(Role))
def test_every_link_of_a_role_opens(client: Client, role: Role) -> None:
    actor = _signed_in(client, role)
    for link in navigation.links(navigation.PUBLIC + navigation.SIGNED_IN, actor, "/"):
        assert client.get(link.url).status_code == 200, link.url


def test_subjects_of_the_ledger_have_pages() -> None:
    for url_name in subjects.PAGES.values():
        assert navigation.address(url_name, "1")
    assert subjects._page("rights:parcel")("not a number") == ""


def test_the_home_shows_on_which_stage_the_lots_stand(client: Client) -> None:
    factories.listing()
    factories.listing("COD")
    factories.trade()
    html = client.get("/").content.decode()
    assert "从储备到许可证" in html
    rows = client.get("/stages.json").json()["stages"]
    assert {row["stage"]: row["lots"] for row in rows} == {
        "planned": "0", "signup": "2", "bidding": "0", "settling": "1", "registered": "0",
    }  # fmt: skip
    table = csv.DictReader(io.StringIO(client.get("/stages.csv").content.decode("utf-8-sig")))
    assert [row["name_zh"] for row in table] == ["计划已批", "公告报名", "竞价协议", "公示签约", "交割登记"]


def test_the_map_counts_lots_by_area_and_region(client: Client) -> None:
    empty = client.get("/map/").content.decode()
    assert "还没有标的" in empty
    factories.listing("COD", 2_600_000)
    factories.listing("NOX", 4_048_000)
    factories.trade("NOX")
    html = client.get("/map/").content.decode()
    assert "冠县" in html
    assert "在售2 成交1" in html  # the tile of the area; grams of two pollutants are never added
    assert "在售1 成交0" in html  # the basin of the COD lot
    assert "/lots/?area=guanxian&amp;state=all" in html
    lines = client.get("/map.json").json()["lines"]
    assert [(x["region"], x["pollutant"], x["on_sale_t_per_year"], x["sold_lots"]) for x in lines] == [
        ("371500", "NOX", "4.048", "1"), ("tuhai", "COD", "2.600", "0"),
    ]  # fmt: skip
    table = list(csv.DictReader(io.StringIO(client.get("/map.csv").content.decode("utf-8-sig"))))
    assert table == lines


def test_an_area_without_a_place_on_the_map_still_has_a_tile() -> None:
    areas = [Area(code=f"new{n}", name=f"新区{n}", position=n) for n in range(5)]
    drawn = charts.area_tiles(pictures.Places(areas, [], {a.code: pictures.Sums() for a in areas}), "/lots/")
    assert [tile.name.zh for tile in drawn["tiles"]] == [a.name for a in areas]
    assert len({(tile.x, tile.y) for tile in drawn["tiles"]}) == 5
    assert drawn["height"] >= max(tile.y + charts.TILE_HEIGHT for tile in drawn["tiles"])


def test_the_mass_balance_comes_out_of_the_ledger(client: Client) -> None:
    assert "还没有核发排污权" in client.get("/flow/").content.decode()
    cod = ledger.cod()
    reserve = ledger.account(cod, opening=5_200_000, kind="RESERVE")
    firm, escrow = ledger.account(cod), ledger.account(cod, kind="ESCROW")
    (hold,) = ledger.post(Hold(reserve, escrow, 2_600_000)).transfer_ids
    ledger.post(Post(hold, 2_000_000), Direct(escrow, firm, 2_000_000))
    ledger.post(Hold(firm, escrow, 500_000))
    ledger.post(Direct(firm, reserve, 100_000))
    rows = client.get("/flow.json").json()["flows"]
    assert {(row["from"], row["to"]): row["t_per_year"] for row in rows} == {
        ("核发", "政府储备"): "5.200",
        ("企业交回(收回、回购)", "政府储备"): "0.100",
        ("政府储备", "企业"): "2.000",
        ("政府储备", "可出让"): "3.300",
        ("企业", "已交回储备"): "0.100",
        ("企业", "企业可用"): "1.400",
        ("企业", "企业冻结"): "0.500",
    }
    html = client.get("/flow/?pollutant=COD").content.decode()
    assert "进出相等" in html
    assert "5.200 吨/年" in html
    assert csv.DictReader(io.StringIO(client.get("/flow.csv").content.decode("utf-8-sig"))).fieldnames == [
        "pollutant", "from", "to", "t_per_year",
    ]  # fmt: skip
    english = client.get("/flow/?pollutant=nonsense", headers={"accept-language": "en"}).content.decode()
    assert "in and out agree" in english


def test_a_right_whose_term_is_over_is_drawn_as_such() -> None:
    cod = ledger.cod()
    ledger.account(cod, opening=7, kind="RESERVE"), ledger.account(cod, opening=5)
    retired = ledger.account(cod, kind="RETIRED")
    ledger.post(Direct(ledger.account(cod, opening=3), retired, 3))
    assert cod.term_end is not None
    (balance,) = pictures.balances(cod.term_end + dt.timedelta(days=1))
    drawn = {(s.source.en, s.target.en): s.quantity.grams_per_year for s in balance.streams}
    assert drawn[("Government reserve", "Term over")] == 7
    assert drawn[("Firms", "Term over")] == 5
    assert drawn[("Firms", "Cancelled")] == 3
    assert balance.difference_g == 0


@pytest.mark.parametrize("address", ["/map/", "/flow/", "/map.json", "/flow.json", "/stages.json"])
def test_a_picture_takes_the_same_queries_with_one_row_and_with_three(client: Client, address: str) -> None:
    def grow(n: int) -> None:
        factories.listing("COD")
        factories.trade("NOX")
        ledger.account(ledger.cod(f"b{n}"), opening=5)

    grow(0)
    once = _queries(client, address)
    grow(1), grow(2)
    assert _queries(client, address) == once
