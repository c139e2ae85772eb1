"""Pages of organisations through the real HTTP client."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import services
from terrace.kernel.orgs.models import (
    AccountApplication,
    Approval,
    DelegationLetter,
    Membership,
    Organisation,
    User,
)
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.tests import factories as make

pytestmark = pytest.mark.django_db


def signed_in(*roles: Role, of: Organisation | None = None, user: User | None = None) -> Client:
    client = Client()
    place = of or make.organisation(make.KIND_OF_ROLE[roles[0]])
    client.force_login(make.member(place, *roles, of_user=user))
    return client


FIRM = {
    "name": "聊城测试纸业有限公司",
    "name_en": "",
    "legal_representative": "李强",
    "area": "guanxian",
    "address": "冠县测试路1号",
    "phone": "0635-1234567",
    "email": "firm@example.com",
}
BANK = {"bank_name": "测试银行聊城支行", "bank_account_no": "6222 0000 1111 2222"}


def person_fields(username: str, number: str = "") -> dict[str, str]:
    return {
        "name": "王敏",
        "identity_number": number or make.identity_number(),
        "username": username,
        "email": f"{username}@example.com",
    }


def fill(client: Client, **changes: dict[str, str]) -> None:
    answers = {
        "firm": {**FIRM, "credit_code": make.credit()},
        "bank": BANK,
        "clerk": person_fields("clerk-one"),
        "approver": {**person_fields("approver-one"), "name": "赵刚"},
    } | changes
    for topic, data in answers.items():
        response = client.post(f"/orgs/apply/{topic}/", data)
        assert response.status_code == 303, (topic, response.content.decode())


def text(response: Any) -> str:
    return response.content.decode()


def test_a_visitor_applies_topic_by_topic_checks_and_gets_a_receipt(client: Client) -> None:
    make.organisation("BRANCH", name="冠县分局")
    assert "共5项，已完成0项" in text(client.get("/orgs/apply/"))
    assert client.get("/orgs/apply/check/").headers["Location"] == "/orgs/apply/"
    number = make.identity_number()
    fill(client, clerk=person_fields("clerk-one", number))
    assert "共5项，已完成4项" in text(client.get("/orgs/apply/"))
    page = text(client.get("/orgs/apply/check/"))
    assert "聊城测试纸业有限公司" in page
    assert "冠县分局" in page
    assert number not in page
    assert number not in str(dict(client.session))
    sent = client.post("/orgs/apply/check/", {"idempotency_key": "k1"})
    assert sent.status_code == 303
    application = AccountApplication.objects.get()
    receipt = text(client.get(sent.headers["Location"]))
    assert application.number in receipt
    assert application.digest in receipt
    assert Client().get(sent.headers["Location"]).status_code == 404


def test_what_is_wrong_is_said_at_the_field_and_the_input_is_kept(client: Client) -> None:
    make.organisation("BRANCH")
    code = make.credit()
    wrong = code[:17] + ("0" if code[17] != "0" else "1")
    response = client.post("/orgs/apply/firm/", {**FIRM, "credit_code": wrong, "phone": "abc"})
    assert response.status_code == 422
    assert "校验码应为" in text(response)
    assert wrong in text(response)
    assert 'href="#id_credit_code"' in text(response)
    for account in ("12ab", "123", "６２２２００００１１１１"):
        assert client.post("/orgs/apply/bank/", {**BANK, "bank_account_no": account}).status_code == 422
    bad = client.post("/orgs/apply/clerk/", person_fields("clerk-one", "110105194912310021"))
    assert "校验码不正确" in text(bad)
    assert client.get("/orgs/apply/nonsense/").status_code == 404


def test_a_refused_application_is_shown_on_the_check_page(client: Client) -> None:
    make.organisation("BRANCH")
    number = make.identity_number()
    fill(client, clerk=person_fields("one-name", number), approver=person_fields("two-name", number))
    response = client.post("/orgs/apply/check/", {"idempotency_key": "k1"})
    assert response.status_code == 403
    assert "不能是同一人" in text(response)


def test_the_exchange_admits_from_its_list() -> None:
    application = services.apply_for_account(
        actor=ANONYMOUS,
        account=make.account_data(),
        clerk=make.person_data("王敏"),
        approver=make.person_data("赵刚"),
        now=clock.now(),
    )
    checker = signed_in(Role.EXCHANGE_CHECKER)
    assert application.number in text(checker.get("/orgs/organisations/"))
    url = f"/orgs/organisations/{application.organisation_id}/"
    assert "办理开户审核" in text(checker.get(url))
    decide = f"/orgs/applications/{application.pk}/decide/"
    missing = checker.post(decide, {"decision": "reject"})
    assert missing.status_code == 422
    assert "请填写理由" in text(missing)
    assert checker.post(decide, {"decision": ""}).status_code == 422
    assert checker.post(decide, {"decision": "approve"}).headers["Location"] == url
    application.refresh_from_db()
    assert application.state == "APPROVED"
    assert checker.post("/orgs/applications/0/decide/", {"decision": "approve"}).status_code in (404, 422)


def test_an_account_is_suspended_from_its_page_with_a_reason() -> None:
    firm = make.organisation()
    checker = signed_in(Role.EXCHANGE_CHECKER)
    url = f"/orgs/organisations/{firm.pk}/"
    page = text(checker.get(url))
    assert "暂停" in page
    assert "解除冻结" not in page
    assert checker.post(f"{url}suspend/", {}).status_code == 422
    assert checker.post(f"{url}suspend/", {"suspend-reason": "未按期付款"}).status_code == 303
    firm.refresh_from_db()
    assert firm.state == "SUSPENDED"
    again = checker.post(f"{url}suspend/", {"suspend-reason": "再次"})
    assert again.status_code == 409
    assert checker.post(f"{url}explode/", {"reason": "x"}).status_code == 404


MATRIX = {
    "/orgs/mine/": set(Role),
    "/orgs/approvals/": set(Role),
    "/orgs/organisations/": {
        Role.EXCHANGE_MAKER,
        Role.EXCHANGE_CHECKER,
        Role.BUREAU,
        Role.BUREAU_CHECKER,
        Role.AUDITOR,
        Role.MONITOR,
        Role.ADMIN,
        Role.ADMIN_CHECKER,
    },
    "/orgs/mine/roles/new/": {Role.FIRM_CLERK, Role.FIRM_APPROVER, Role.ADMIN},
    "/orgs/mine/letters/new/": {Role.FIRM_APPROVER},
    "/orgs/second-factors/reset/": {Role.ADMIN},
    "/orgs/apply/": set(Role),
}


@pytest.mark.parametrize("role", list(Role))
def test_who_reaches_which_page(role: Role) -> None:
    client = signed_in(role)
    for url, allowed in MATRIX.items():
        response = client.get(url)
        assert (response.status_code == 200) is (role in allowed), (url, role)
        if role not in allowed:
            assert response.status_code == 403
            assert "需要以下角色之一" in text(response)


@pytest.mark.parametrize("url", [u for u in MATRIX if u != "/orgs/apply/"])
def test_a_visitor_is_sent_to_the_sign_in_page(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_roles_are_proposed_and_approved_on_pages() -> None:
    firm = make.organisation()
    clerk, approver = signed_in(Role.FIRM_CLERK, of=firm), signed_in(Role.FIRM_APPROVER, of=firm)
    data = {
        **person_fields("new-clerk"),
        "role": "FIRM_CLERK",
        "since": "2023-12-04",
        "until": "",
        "idempotency_key": "k",
    }
    sent = clerk.post("/orgs/mine/roles/new/", data)
    assert sent.status_code == 303
    url = sent.headers["Location"]
    assert "您是经办人" in text(clerk.get(url))
    assert "企业：" not in text(approver.get("/orgs/approvals/"))
    assert "王敏任“企业经办人”" in text(approver.get("/orgs/approvals/"))
    page = text(approver.get(url))
    assert "2023年12月4日" in page
    assert "签字确认" in page
    assert clerk.post(url, {"decision": "approve"}).status_code == 403
    assert approver.post(url, {"decision": "reject"}).status_code == 422
    assert approver.post(url, {}).status_code == 422
    assert approver.post(url, {"decision": "approve"}).status_code == 303
    assert Membership.objects.filter(organisation=firm, user__username="new-clerk").exists()
    assert "已同意" in text(approver.get("/orgs/approvals/"))
    assert approver.post(url, {"decision": "approve"}).status_code == 409
    mine = text(clerk.get("/orgs/mine/"))
    assert "new-clerk" in mine


def test_a_form_of_roles_says_what_is_wrong() -> None:
    clerk = signed_in(Role.FIRM_CLERK)
    data = {**person_fields("new-clerk"), "role": "AUDITOR", "since": "4.12.2023"}
    response = clerk.post("/orgs/mine/roles/new/", data)
    assert response.status_code == 422
    assert 'href="#id_since"' in text(response)
    assert "new-clerk" in text(response)


def test_the_end_of_a_role_the_bank_account_and_withdrawal_on_pages() -> None:
    firm = make.organisation()
    clerk = signed_in(Role.FIRM_CLERK, of=firm)
    membership = Membership.objects.get(organisation=firm)
    today = clock.today().isoformat()
    assert clerk.post(f"/orgs/mine/roles/{membership.pk}/end/", {"until": today}).status_code == 422
    ended = clerk.post(f"/orgs/mine/roles/{membership.pk}/end/", {"until": today, "reason": "调岗"})
    assert ended.status_code == 303
    assert (
        clerk.post("/orgs/mine/bank/", {"bank_name": "冠县银行", "bank_account_no": "abc"}).status_code == 422
    )
    changed = clerk.post("/orgs/mine/bank/", {"bank_name": "冠县银行", "bank_account_no": "62229999"})
    assert changed.status_code == 303
    assert (
        clerk.post("/orgs/mine/bank/", {"bank_name": "另一银行", "bank_account_no": "62229999"}).status_code
        == 422
    )
    approval = Approval.objects.get(act="orgs.bank.change")
    assert "62229999" in text(clerk.get(f"/orgs/approvals/{approval.pk}/"))
    assert clerk.post(f"/orgs/approvals/{approval.pk}/withdraw/").status_code == 303
    approval.refresh_from_db()
    assert approval.state == "WITHDRAWN"


def test_letters_are_given_shown_and_revoked_on_pages() -> None:
    firm = make.organisation()
    approver = signed_in(Role.FIRM_APPROVER, of=firm)
    today = clock.today()
    data = {
        **person_fields("agent-one"),
        "scope": ["listings", "auctions"],
        "valid_from": today.isoformat(),
        "valid_to": (today + dt.timedelta(days=30)).isoformat(),
        "document_digest": "A" * 64,
    }
    assert approver.post("/orgs/mine/letters/new/", data).status_code == 422
    assert approver.post("/orgs/mine/letters/new/", {**data, "document_digest": "a" * 64}).status_code == 303
    letter = DelegationLetter.objects.get()
    agent = Client()
    agent.force_login(letter.clerk)
    assert "您持授权委托书代表该单位" in text(agent.get("/orgs/mine/"))
    assert "报名与资格材料" in text(approver.get("/orgs/mine/"))
    url = f"/orgs/mine/letters/{letter.pk}/revoke/"
    assert approver.post(url, {"reason": ""}).status_code == 422
    assert approver.post(url, {"reason": "项目结束"}).status_code == 303
    assert "已撤销" in text(approver.get("/orgs/mine/"))
    refused = agent.get("/orgs/mine/")
    assert refused.status_code == 403
    assert approver.post(url, {"reason": "再次"}).status_code == 422


def test_somebody_of_a_suspended_firm_is_told_why() -> None:
    firm = make.organisation(state="SUSPENDED", reason="未按期付款")
    response = signed_in(Role.FIRM_CLERK, of=firm).get("/orgs/mine/")
    assert response.status_code == 403
    assert "未按期付款" in text(response)


def test_acting_for_another_organisation() -> None:
    user = make.member(make.organisation(name="第一家"), Role.FIRM_CLERK)
    second = make.organisation(name="第二家")
    client = signed_in(Role.FIRM_APPROVER, of=second, user=user)
    assert "<h1>第一家</h1>" in text(client.get("/orgs/mine/"))
    response = client.post("/orgs/act-for/", {"organisation_id": second.pk, "next": "https://evil.example/"})
    assert (response.status_code, response.headers["Location"]) == (303, "/orgs/mine/")
    assert "<h1>第二家</h1>" in text(client.get("/orgs/mine/"))
    assert client.post("/orgs/act-for/", {"organisation_id": make.organisation().pk}).status_code == 403


def test_a_lost_second_factor_on_pages() -> None:
    admin = signed_in(Role.ADMIN)
    user = make.user()
    assert "解除他人的第二因素" in text(admin.get("/orgs/mine/"))
    url = "/orgs/second-factors/reset/"
    assert admin.post(url, {"username": "nobody", "reason": "遗失"}).status_code == 422
    sent = admin.post(url, {"username": user.username, "reason": "手机遗失"})
    assert sent.status_code == 303
    assert "手机遗失" in text(signed_in(Role.ADMIN_CHECKER).get(sent.headers["Location"]))


def test_the_approval_of_another_context_links_to_its_page() -> None:
    services.on_decision(
        "test.linked.approve", label=Text("核准", "Approve"), url=lambda a: f"/elsewhere/{a.subject_id}/"
    )
    approval = services.ask(
        actor=make.actor(Role.RESERVE_MAKER),
        act="test.linked.approve",
        subject_type="plan",
        subject_id=7,
        payload={"quantity": {"NOX": [1, 2]}, "empty": None},
        checker_roles=[Role.RESERVE_CHECKER],
        summary=Text("测试计划", "Test plan"),
        now=clock.now(),
    )
    page = text(signed_in(Role.RESERVE_CHECKER).get(f"/orgs/approvals/{approval.pk}/"))
    assert "/elsewhere/7/" in page
    assert "NOX: 1、2" in page
    outsider = signed_in(Role.FIRM_CLERK).get(f"/orgs/approvals/{approval.pk}/")
    assert outsider.status_code == 403
    auditor = text(signed_in(Role.AUDITOR).get(f"/orgs/approvals/{approval.pk}/"))
    assert "为什么我不能复核" in auditor


@pytest.mark.parametrize("url", ["/orgs/organisations/", "/orgs/approvals/", "/orgs/mine/"])
def test_lists_take_a_fixed_number_of_queries(url: str) -> None:
    client = signed_in(Role.ADMIN_CHECKER)
    admin = make.organisation("PLATFORM")

    def one_more(n: int) -> None:
        firm = make.organisation()
        maker = make.actor(Role.ADMIN, of=admin)
        services.propose_role(
            actor=maker,
            organisation_id=firm.pk,
            role=Role.FIRM_CLERK,
            person=make.person_data(f"人员{n}"),
            since=clock.today(),
            now=clock.now(),
        )

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    one_more(1)
    client.get(url)
    with_one = count()
    one_more(2)
    one_more(3)
    assert count() == with_one


@pytest.mark.parametrize(
    "url", [*MATRIX, "/orgs/apply/firm/", "/orgs/apply/clerk/", "/demo/", "/accounts/login/"]
)
def test_pages_are_whole_in_english_too(url: str) -> None:
    needed = {"/orgs/organisations/": Role.EXCHANGE_CHECKER, "/orgs/second-factors/reset/": Role.ADMIN}
    client = signed_in(needed.get(url, Role.FIRM_APPROVER))
    if url.startswith("/accounts"):
        client.logout()
    client.cookies["django_language"] = "en"
    page = text(client.get(url))
    words = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.S)
    main = re.sub(r"<[^>]+>", " ", words[words.index("<main") : words.index("</main>")])
    for invented in ("测试", "单位", "人员", "银行"):
        main = main.replace(invented, "")
    assert not re.findall(r"[\u4e00-\u9fff]+", main), re.findall(r"[\u4e00-\u9fff]+", main)
