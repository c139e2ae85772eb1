"""Pages of offers and sign-ups: who sees what, what a wrong form says, how many queries a list takes."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs.models import User
from terrace.market.listings import rules, services
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.tests import factories as make
from terrace.market.reserve.tests import factories as reserve
from terrace.market.rights.tests import factories as rights

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def december(settings: object) -> None:
    """The platform's clock stands in the sign-up period of the tests' calendar."""
    settings.TERRACE_DEMO = True  # type: ignore[attr-defined]
    clock.set_now(make.at(12, 5, 10))


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(
        User.objects.get(pk=actor.user_id), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    return client


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def test_the_public_list_shows_price_with_basis_and_takes_the_same_queries_for_one_and_three(
    django_assert_num_queries: object,
) -> None:
    town = make.market()
    make.announced(town)
    client = Client()
    client.get(reverse("listings:lots"))
    with django_assert_num_queries(6):  # type: ignore[operator]
        page = client.get(reverse("listings:lots"))
    assert "21,000 元/吨(5年期)" in text(page)
    assert "85,008.00 元" in text(page)
    for _ in range(2):
        make.announced(town)
    with django_assert_num_queries(6):  # type: ignore[operator]
        page = client.get(reverse("listings:lots"))
    assert text(page).count("<tr>") == 4


def test_filters_live_in_the_address_and_the_exports_carry_them() -> None:
    town = make.market()
    listing = make.announced(town)
    client = Client()
    assert client.get(reverse("listings:lots_json"), {"pollutant": "COD"}).json()["count"] == 0
    lots = client.get(reverse("listings:lots_json"), {"pollutant": "NOX", "area": "guanxian"}).json()["lots"]
    assert [(lot["notice_number"], lot["quantity_t"]) for lot in lots] == [(listing.number, "4.048")]
    table = client.get(reverse("listings:lots_csv"), {"pollutant": "NOX"}).getvalue().decode("utf-8-sig")
    assert listing.number in table
    assert "21000.00,TERM" in table
    assert client.get(reverse("listings:lots"), {"pollutant": "XYZ", "page": "zz"}).status_code == 200


def test_the_lot_page_prints_every_notice_field_in_both_languages() -> None:
    town = make.market()
    listing = make.announced(town)
    client = Client()
    page = text(client.get(reverse("listings:lot", args=[listing.lot_id])))
    for words in (
        "4.048 吨/年",
        "替代比例",
        "1:1",
        "等待4分钟",
        "8,500.80 元",
        "0635-0000000",
        "演示用合成数据",
    ):
        assert words in page
    english = text(
        client.get(reverse("listings:lot", args=[listing.lot_id]), headers={"accept-language": "en"})
    )
    assert "Replacement ratio" in english
    assert "CNY 21,000 per tonne (5-year term)" in english
    number = client.get(reverse("listings:listing", args=[listing.number]))
    assert number.headers["Location"] == reverse("listings:lot", args=[listing.lot_id])


def test_a_draft_is_not_found_by_the_public() -> None:
    town = make.market()
    listing = make.draft(town)
    assert Client().get(reverse("listings:lot", args=[listing.lot_id])).status_code == 404
    assert browser(town.exchange).get(reverse("listings:listing_case", args=[listing.pk])).status_code == 200


def test_a_firm_applies_from_the_first_click_to_the_receipt() -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    need = rights.confirmed_need(town, firm)
    clerk, approver = browser(firm.clerk), browser(firm.approver)
    lot_page = text(clerk.get(reverse("listings:lot", args=[listing.lot_id])))
    assert "开始报名" in lot_page
    assert "本单位能否购买" in lot_page
    key = {"idempotency_key": "4e1f0a0e-0000-4000-8000-000000000001"}
    first = clerk.post(reverse("listings:apply", args=[listing.lot_id]), key)
    assert first.status_code == 303
    again = clerk.post(reverse("listings:apply", args=[listing.lot_id]), key)
    assert again.headers["Location"] == first.headers["Location"]
    signup = SignUp.objects.get()
    address = reverse("listings:signup", args=[signup.pk])
    assert "未开始" in text(clerk.get(address))
    sent_early = clerk.post(address, {"action": "send"})
    assert sent_early.status_code == 422
    assert "报名材料还不完整" in text(sent_early)

    need_page = reverse("listings:signup_need", args=[signup.pk])
    for typed, fault in (("四吨", "无法识别"), ("4.0481234", "最多6位小数")):
        wrong = clerk.post(need_page, {"need_id": need.pk, "quantity_g": typed, "version": 1})
        assert wrong.status_code == 422
        assert fault in text(wrong)
        assert typed in text(wrong)
    ok = clerk.post(need_page, {"need_id": need.pk, "quantity_g": "4.048", "version": 1})
    assert ok.status_code == 303
    stale = clerk.post(need_page, {"need_id": need.pk, "quantity_g": "4.048", "version": 1})
    assert "已被他人更新" in text(stale)

    for kind in rules.PAPERS_NEEDED:
        upload = reverse("listings:signup_paper", args=[signup.pk, kind.value])
        file = SimpleUploadedFile("材料.pdf", make.PDF, "application/pdf")
        assert clerk.post(upload, {"file": file}).status_code == 303
    unknown = reverse("listings:signup_paper", args=[signup.pk, "SOMETHING"])
    assert clerk.get(unknown).status_code == 404
    assert clerk.post(address, {"action": "send"}).status_code == 303
    own = clerk.post(address, {"action": "confirm"})
    assert own.status_code in (403, 422)
    assert approver.post(address, {"action": "confirm"}).status_code == 303
    receipt = text(approver.get(address))
    signup.refresh_from_db()
    assert signup.receipt_no in receipt
    assert signup.receipt_digest in receipt
    assert "应由" in text(clerk.get(address)) or "交易机构" in text(clerk.get(address))

    institution = browser(town.exchange)
    assert signup.receipt_no in text(institution.get(reverse("listings:desk")))
    refused = institution.post(address, {"action": "refuse", "reason": "", "bureau_opinion": ""})
    assert refused.status_code == 422
    assert (
        institution.post(address, {"action": "qualify", "reason": "", "bureau_opinion": ""}).status_code
        == 303
    )
    signup.refresh_from_db()
    paying = text(clerk.get(address))
    assert signup.deposit_reference in paying
    assert "8,500.80 元" in paying


def test_a_late_form_says_when_it_arrived_and_keeps_what_was_typed() -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = make.filled(town, firm, listing)
    services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    clock.set_now(listing.signup_until + dt.timedelta(seconds=1))
    late = browser(firm.approver).post(reverse("listings:signup", args=[signup.pk]), {"action": "confirm"})
    assert late.status_code == 422
    assert "服务器收到的时间为2023-12-13 17:00:0" in text(late)


def test_another_firms_application_does_not_exist_for_me() -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.filled(town, rights.firm(), listing)
    other = browser(rights.firm().clerk)
    for name, more in (("signup", ()), ("signup_need", ()), ("signup_paper", ("BUSINESS_LICENCE",))):
        assert other.get(reverse(f"listings:{name}", args=[signup.pk, *more])).status_code == 404
    assert Client().get(reverse("listings:signup", args=[signup.pk])).status_code == 404


@pytest.mark.parametrize("role", ["clerk", "reserve", "branch"])
def test_the_desk_is_for_the_institution(role: str) -> None:
    town = make.market()
    make.announced(town)
    actor = rights.firm().clerk if role == "clerk" else getattr(town, role)
    assert browser(actor).get(reverse("listings:desk")).status_code == 403
    assert Client().get(reverse("listings:desk")).status_code in (302, 403)
    assert browser(town.exchange).get(reverse("listings:desk")).status_code == 200


def test_the_desk_takes_a_fixed_number_of_queries(django_assert_max_num_queries: object) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    town = make.market()
    client = browser(town.exchange)
    counts = []
    for wanted in (1, 3):
        while Listing.objects.count() < wanted:
            make.submitted(town, rights.firm(), make.announced(town), make.at(12, 5))
            reserve.listable_lot(town)
        client.get(reverse("listings:desk"))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(reverse("listings:desk")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


OFFER = {
    "project_name": "氮氧化物排污权出让",
    "start_fen": "",
    "price_reason": "",
    "allocation_text": "价高者得",
    "wait_seconds": "240",
    "window_seconds": "240",
    "payment_text": "一次付清",
    "contact": "0635-0000000",
    "calendar_kind": "WORKDAYS",
    "notice_from": "2023-12-05T11:00",
    "notice_days": "5",
    "signup_days": "3",
    "qualification_days": "2",
    "deposit_days": "2",
    "quoting_hours": "2",
}


def test_an_offer_from_draft_to_notice_by_the_pages() -> None:
    town = make.market()
    planned = reserve.listable_lot(town)
    institution = browser(town.exchange)
    form = reverse("listings:new_listing", args=[planned.pk])
    assert institution.get(form).status_code == 200
    wrong = institution.post(form, {**OFFER, "start_fen": "两万", "notice_days": ""})
    assert wrong.status_code == 422
    assert "无法识别" in text(wrong)
    assert "请填写" in text(wrong)
    low = institution.post(form, {**OFFER, "start_fen": "20,999.99"})
    assert "不得低于计划底价" in text(low)
    made = institution.post(form, OFFER)
    assert made.status_code == 303
    listing = Listing.objects.get()
    address = reverse("listings:listing_case", args=[listing.pk])
    assert institution.get(reverse("listings:change_listing", args=[listing.pk])).status_code == 200
    assert institution.post(address, {"action": "accept"}).status_code == 303
    assert institution.post(address, {"action": "announce"}).status_code == 303
    listing.refresh_from_db()
    assert listing.state == "ANNOUNCED"
    assert institution.post(address, {"action": "nonsense"}).status_code == 422
    seller = browser(town.reserve)
    assert seller.get(address).status_code == 200
    assert seller.post(address, {"action": "withdraw", "reason": "x"}).status_code == 422
    no_reason = institution.post(address, {"action": "suspend", "reason": ""})
    assert no_reason.status_code == 422
    assert institution.post(address, {"action": "suspend", "reason": "收到异议"}).status_code == 303
    assert institution.post(address, {"action": "resume", "reason": "异议不成立"}).status_code == 303
    assert institution.post(address, {"action": "terminate", "reason": "不可抗力"}).status_code == 303
    again = reverse("listings:relist", args=[listing.pk])
    assert institution.get(again).status_code == 200
    later = make.SEQUENTIAL.shifted(dt.timedelta(days=7), after=make.NOW)
    calendar = {name: clock.local(at).strftime("%Y-%m-%dT%H:%M") for name, at in later.items()}
    assert institution.post(again, calendar).status_code == 303
    assert Listing.objects.count() == 2


def test_the_api_gives_lots_and_problem_documents() -> None:
    town = make.market()
    listing = make.announced(town)
    client = Client()
    found = client.get("/api/v1/lots").json()
    assert (found["count"], found["lots"][0]["replacement_ratio"]) == (1, "1:1")
    one = client.get(f"/api/v1/lots/{listing.lot_id}").json()
    assert one["start_price"] == {
        "yuan_per_tonne": "21000.00",
        "basis": "TERM",
        "years": 5,
        "label": {"zh": "21,000 元/吨(5年期)", "en": "CNY 21,000 per tonne (5-year term)"},
    }
    missing = client.get("/api/v1/lots/999999")
    assert (missing.status_code, missing.json()["code"]) == (404, "access.not_found")


def test_the_auctions_above_may_put_a_link_on_the_lots_page(monkeypatch: pytest.MonkeyPatch) -> None:
    from terrace.kernel.base.texts import Text
    from terrace.market.listings.services import signals

    monkeypatch.setattr(signals, "_sale_links", [])
    listing = make.announced(make.market())
    services.link_sale(lambda listing_id: (Text("进入竞价", "Go to the auction"), f"/auctions/{listing_id}/"))
    page = text(Client().get(reverse("listings:lot", args=[listing.lot_id])))
    assert f'href="/auctions/{listing.pk}/"' in page
