"""Every page for those who use it, what it refuses, and how many queries a list costs."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.orgs.models import User
from terrace.kernel.publication.services import publish_pending
from terrace.market.settlement import services
from terrace.market.settlement.models import (
    BankLine,
    Certificate,
    PaymentInstruction,
    Purpose,
    Refund,
    StatementImport,
    Trade,
)
from terrace.market.settlement.tests.factories import (
    NOW,
    Market,
    after,
    contracting,
    delivered,
    import_rows,
    make_actor,
    make_market,
    make_organisation,
    make_statement,
    make_trade,
    paid,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    clock.set_now(NOW)
    return make_market()


def browser(actor: Actor, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    user = User.objects.get(pk=actor.user_id)
    user.language = language
    user.save()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def published(market: Market) -> Trade:
    trade = make_trade(market)
    services.publish_result(actor=market.maker, number=trade.number, now=NOW)
    trade.refresh_from_db()
    return trade


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_public_results_show_price_with_its_basis(market: Market, language: str) -> None:
    hidden = make_trade(market)
    trade = published(market)
    client = Client(headers={"accept-language": language})
    page = client.get("/results/").content.decode()
    assert trade.number in page
    assert hidden.number not in page
    assert ("21,000 元/吨(5年期)" if language == "zh-hans" else "5-year term") in page
    assert client.get(f"/results/{hidden.number}/").status_code == 404
    shown = client.get(f"/results/{trade.number}/").content.decode()
    assert "85,008.00" in shown
    assert client.get(f"/results/{trade.number}/objection/").status_code == 200


def test_results_have_their_json_and_csv_twins(market: Market) -> None:
    trade = published(market)
    client = Client()
    listed = json.loads(client.get("/results.json").content)
    assert listed["count"] == 1
    assert listed["items"][0]["amount_yuan"] == "85008.00"
    assert listed["items"][0]["price_yuan_per_tonne"] == "21000"
    assert listed["items"][0]["price_basis"] == "TERM"
    assert json.loads(client.get(f"/results/{trade.number}.json").content)["quantity_t_per_year"] == "4.048"
    assert "85008.00" in client.get("/results.csv").getvalue().decode("utf-8-sig")
    assert trade.number in client.get(f"/results/{trade.number}.csv").content.decode("utf-8-sig")
    assert json.loads(client.get("/results.json?pollutant=COD").content)["count"] == 0
    assert json.loads(client.get("/results.json?year=2023&pollutant=NOX").content)["count"] == 1
    assert client.get("/results/PQJY-0.json").status_code == 404


def test_notices_of_a_result_and_a_delivery_can_be_published(market: Market) -> None:
    _, now = delivered(market)
    assert len(publish_pending(now=now)) == 2
    other = make_trade(market)
    services.publish_result(actor=market.maker, number=other.number, now=NOW)
    services.void_trade(actor=market.checker, number=other.number, reason="不可抗力", now=NOW)
    assert len(publish_pending(now=now)) == 2


def test_a_stranger_objects_by_form_and_sees_what_is_missing(market: Market) -> None:
    trade = published(market)
    client = Client()
    url = f"/results/{trade.number}/objection/"
    wrong = client.post(url, {"name": "", "contact": "", "grounds": ""})
    assert wrong.status_code == 422
    right = client.post(url, {"name": "王某", "contact": "a@example.org", "grounds": "流域不符"})
    assert (right.status_code, right.headers["Location"]) == (303, f"/results/{trade.number}/")
    trade.case.refresh_from_db()
    assert trade.case.state == "objected"
    assert "王某" not in client.get(f"/results/{trade.number}/").content.decode()


def test_the_checker_decides_an_objection_by_form(market: Market) -> None:
    trade = published(market)
    objection = services.raise_objection(
        actor=ANONYMOUS,
        number=trade.number,
        name="王某",
        contact="1",
        organisation_name="",
        grounds="x",
        now=NOW,
    )
    client = browser(market.checker)
    assert "王某" in client.get("/settlement/objections/").content.decode()
    url = f"/settlement/objections/{objection.pk}/"
    assert client.get(url).status_code == 200
    missing = client.post(url, {"decision": "reject", "reason": ""})
    assert missing.status_code == 422
    assert client.post(url, {"decision": "reject", "reason": "经核实"}).status_code == 303
    assert browser(market.buyer_approver).get(url).status_code == 403


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_everybody_who_takes_part_sees_the_case_page(market: Market, language: str) -> None:
    trade, _ = delivered(market)
    for actor in (
        market.maker,
        market.checker,
        market.reserve_checker,
        market.buyer_approver,
        market.finance_officer,
        market.permit_officer,
        market.auditor,
    ):
        client = browser(actor, language)
        assert client.get(f"/trades/{trade.number}/").status_code == 200
        assert trade.number in client.get("/trades/").content.decode()


def test_others_do_not_see_a_trade(market: Market) -> None:
    trade = make_trade(market)
    stranger = make_actor(make_organisation(), "FIRM_CLERK")
    assert browser(stranger).get(f"/trades/{trade.number}/").status_code == 403
    assert trade.number not in browser(stranger).get("/trades/").content.decode()
    assert Client().get(f"/trades/{trade.number}/").status_code in (302, 303, 403)
    assert browser(market.maker).get("/trades/PQJY-0/").status_code == 404


def test_buttons_are_there_for_those_who_may_and_work(market: Market) -> None:
    trade = make_trade(market)
    url = f"/trades/{trade.number}/step/publish/"
    assert url in browser(market.maker).get(f"/trades/{trade.number}/").content.decode()
    assert url not in browser(market.checker).get(f"/trades/{trade.number}/").content.decode()
    refused = browser(market.checker).post(url)
    assert refused.status_code == 403
    assert "发布成交公示" in refused.content.decode()
    done = browser(market.maker).post(url)
    assert (done.status_code, done.headers["Location"]) == (303, f"/trades/{trade.number}/")
    assert browser(market.maker).post(url).status_code == 409
    assert browser(market.maker).post(f"/trades/{trade.number}/step/nothing/").status_code == 404


def test_the_same_form_sent_twice_gets_the_first_answer(market: Market) -> None:
    """A double click, the back button: the key in the form tells a repeat from a second step."""
    trade = paid(market)[0]
    maker, checker = browser(market.maker), browser(market.checker)
    for client, step in ((maker, "certificate"), (maker, "propose"), (checker, "deliver")):
        for _ in range(2):
            done = client.post(f"/trades/{trade.number}/step/{step}/", {"idempotency_key": f"{step}-form"})
            assert (done.status_code, done.headers["Location"]) == (303, f"/trades/{trade.number}/")
    assert Certificate.objects.filter(trade=trade).count() == 1
    assert PaymentInstruction.objects.filter(purpose=Purpose.TREASURY).count() == 1
    assert (
        checker.post(f"/trades/{trade.number}/step/deliver/", {"idempotency_key": "new"}).status_code == 409
    )


def test_a_reason_that_is_missing_keeps_the_page(market: Market) -> None:
    trade = make_trade(market)
    client = browser(market.checker)
    assert client.post(f"/trades/{trade.number}/step/void/", {"reason": ""}).status_code == 422
    assert client.post(f"/trades/{trade.number}/step/void/", {"reason": "不可抗力"}).status_code == 303


def test_the_buyer_reads_and_signs(market: Market) -> None:
    trade, now = contracting(market)
    clock.set_now(now)
    client = browser(market.buyer_approver)
    page = client.get(f"/trades/{trade.number}/").content.decode()
    assert trade.contract_digest in page
    assert "59,505.60" in page
    url = f"/trades/{trade.number}/sign/"
    assert client.post(url, {"contract_digest": trade.contract_digest}).status_code == 422
    assert client.post(url, {"contract_digest": "0" * 64, "read": "on"}).status_code == 409
    assert client.post(url, {"contract_digest": trade.contract_digest, "read": "on"}).status_code == 303


def test_payment_pages(market: Market) -> None:
    paid(market)
    price = PaymentInstruction.objects.get(purpose=Purpose.PRICE)
    client = browser(market.buyer_approver)
    assert price.reference in client.get("/settlement/payments/").content.decode()
    assert price.reference not in client.get("/settlement/payments/?purpose=DEPOSIT").content.decode()
    shown = client.get(f"/settlement/payments/{price.reference}/").content.decode()
    assert "1601000000000001" in shown
    stranger = browser(make_actor(make_organisation(), "FIRM_CLERK"))
    assert stranger.get(f"/settlement/payments/{price.reference}/").status_code == 403
    assert "59505.60" in browser(market.auditor).get("/settlement/payments.csv").content.decode("utf-8-sig")


def test_a_statement_by_form_from_upload_to_confirmation(market: Market) -> None:
    client = browser(market.maker)
    assert client.get("/settlement/statements/").status_code == 200
    content = make_statement(("2023-12-04", "S1", "622200000001", "某公司", "１００.00", "货款"))
    done = client.post("/settlement/statements/", {"file": SimpleUploadedFile("流水.csv", content)})
    assert done.status_code == 303
    statement = StatementImport.objects.get()
    page = client.get(f"/settlement/statements/{statement.pk}/").content.decode()
    assert "附言中没有缴款码" in page
    assert "全角数字" in page
    assert BankLine.objects.count() == 0
    confirm = f"/settlement/statements/{statement.pk}/confirm/"
    assert client.post(confirm, {"seen": "0" * 64}).status_code == 409
    assert browser(make_actor(market.exchange, "EXCHANGE_MAKER")).post(confirm, {}).status_code == 403
    assert client.post(confirm, {"seen": statement.findings_digest}).status_code == 303
    assert client.post(confirm, {"seen": statement.findings_digest}).status_code == 303
    assert BankLine.objects.count() == 1
    assert client.get(f"/settlement/statements/{statement.pk}/").status_code == 200
    assert client.post(f"/settlement/statements/{statement.pk}/discard/").status_code == 409
    line = BankLine.objects.get()
    assert "S1" in client.get("/settlement/suspense/").content.decode()
    assert client.get(f"/settlement/suspense/{line.pk}/").status_code == 200
    assert (
        client.post(f"/settlement/suspense/{line.pk}/", {"reference": "PQ1", "reason": "x"}).status_code
        == 404
    )
    sent = client.post(f"/settlement/suspense/{line.pk}/return/", {"reason": "查无此款"})
    assert sent.status_code == 303
    assert client.get(sent.headers["Location"]).status_code == 200


def test_a_wrong_file_and_no_file_have_their_words(market: Market) -> None:
    client = browser(market.maker)
    wrong = client.post("/settlement/statements/", {"file": SimpleUploadedFile("a.csv", b"a,b\n1,2\n")})
    assert wrong.status_code == 422
    assert "缺少列" in wrong.content.decode()
    assert client.post("/settlement/statements/", {}).status_code == 422


def test_refund_pages(market: Market) -> None:
    make_trade(market, losers=1)
    refund = Refund.objects.get()
    url = f"/settlement/refunds/{refund.number}/"
    maker, checker = browser(market.maker), browser(market.checker)
    assert refund.number in maker.get("/settlement/refunds/").content.decode()
    assert maker.post(url, {"step": "ask"}).status_code == 303
    assert checker.get(url).status_code == 200
    assert checker.post(url, {"step": "send_back", "reason": ""}).status_code == 422
    assert checker.post(url, {"step": "approve"}).status_code == 303
    assert maker.post(url, {"step": "none"}).status_code == 404
    firm = make_actor(refund.organisation, "FIRM_CLERK")  # type: ignore[arg-type]
    assert refund.number in browser(firm).get("/settlement/refunds/").content.decode()
    assert browser(market.buyer_approver).get(url).status_code == 403


def test_a_certificate_is_checked_by_number_file_and_code(market: Market) -> None:
    delivered(market)
    certificate = Certificate.objects.get()
    client = Client()
    assert client.get("/certificates/check/").status_code == 200
    found = client.post("/certificates/check/", {"number": certificate.number.lower()})
    assert found.headers["Location"] == f"/certificates/{certificate.number}/"
    assert "没有编号为" in client.post("/certificates/check/", {"number": "PQJZ-0"}).content.decode()
    assert client.post("/certificates/check/", {}).status_code == 422
    page = client.get(
        f"/certificates/{certificate.number}/?d={certificate.facts_digest[:16]}"
    ).content.decode()
    assert "与登记一致" in page
    assert market.buyer.name not in page
    assert "不一致" in client.get(f"/certificates/{certificate.number}/?d={'0' * 16}").content.decode()
    assert json.loads(client.get(f"/certificates/{certificate.number}.json").content)["state"] == "VALID"
    assert client.get("/certificates/PQJZ-0/").status_code == 404
    assert b"BEGIN CERTIFICATE" in client.get("/certificates/signer.pem").content

    from terrace.kernel.documents.queries import read_content

    content = read_content(certificate.document)
    checked = client.post("/certificates/check/", {"file": SimpleUploadedFile("a.pdf", content)})
    words = checked.content.decode()
    assert "与登记的原件一致" in words, words[words.find("<main") : words.find("<main") + 3000]
    changed = content.replace(b"Terrace", b"Terrbce", 1)
    assert changed != content
    spoiled = client.post("/certificates/check/", {"file": SimpleUploadedFile("a.pdf", changed)})
    assert "无效" in spoiled.content.decode() or "无法读取" in spoiled.content.decode()
    nonsense = client.post("/certificates/check/", {"file": SimpleUploadedFile("a.pdf", b"hello")})
    assert "不是PDF" in nonsense.content.decode()


def test_a_void_certificate_says_so(market: Market) -> None:
    trade, now = paid(market)
    certificate = services.issue_certificate(actor=market.maker, number=trade.number, now=now)
    services.void_trade(actor=market.checker, number=trade.number, reason="串通竞价", now=now)
    page = Client().get(f"/certificates/{certificate.number}/").content.decode()
    assert "已失效" in page
    assert "串通竞价" in page


def count_queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_lists_cost_the_same_queries_with_one_row_and_with_three(market: Market) -> None:
    client = browser(market.maker)
    urls = (
        "/results/",
        "/results.json",
        "/trades/",
        "/settlement/payments/",
        "/settlement/refunds/",
        "/settlement/suspense/",
        "/settlement/statements/",
        "/settlement/objections/",
    )

    def more() -> None:
        trade = make_trade(market, losers=1)
        services.publish_result(actor=market.maker, number=trade.number, now=NOW)
        services.raise_objection(
            actor=ANONYMOUS,
            number=trade.number,
            name="王",
            contact="1",
            organisation_name="",
            grounds="x",
            now=NOW,
        )
        n = BankLine.objects.count()
        import_rows(market, ("2023-12-04", f"X{n}", "622200000001", "某公司", "5.00", "货款"))

    more()
    one = {url: count_queries(client, url) for url in urls}
    more()
    more()
    assert {url: count_queries(client, url) for url in urls} == one


def test_the_case_page_costs_a_fixed_number_of_queries(market: Market) -> None:
    client = browser(market.maker)
    small, _ = paid(market)
    first = count_queries(client, f"/trades/{small.number}/")
    large = make_trade(market, losers=3)
    services.publish_result(actor=market.maker, number=large.number, now=NOW)
    for name in ("王", "李", "赵"):
        services.raise_objection(
            actor=ANONYMOUS,
            number=large.number,
            name=name,
            contact="1",
            organisation_name="",
            grounds="x",
            now=NOW,
        )
    assert count_queries(client, f"/trades/{large.number}/") <= first


def test_an_overdue_list_is_readable_after_the_deadline(market: Market) -> None:
    trade = make_trade(market)
    clock.set_now(after(NOW, 1) + dt.timedelta(days=1))
    assert trade.number in browser(market.maker).get("/trades/").content.decode()
