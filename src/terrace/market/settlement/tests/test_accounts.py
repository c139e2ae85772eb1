"""Accounts of record: one proposes, another decides; old instructions keep their account."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import InputInvalid, NotAllowed, NotFound, SamePerson
from terrace.kernel.orgs.models import Approval, User
from terrace.kernel.orgs.services import ask, decision_for
from terrace.market.settlement import queries, services
from terrace.market.settlement.models import AccountPurpose, PaymentInstruction, SettlementAccount
from terrace.market.settlement.tests.factories import NOW, Market, contracting, make_actor, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return make_market()


def propose(market: Market, **more: object) -> object:
    given: dict[str, object] = {
        "actor": market.maker,
        "purpose": AccountPurpose.ESCROW,
        "organisation_id": market.exchange.pk,
        "account_no": "１６０１ 0000-00000009",
        "account_name": "",
        "bank_name": "测试银行",
        "now": NOW,
    }
    return services.propose_account(**(given | more))  # type: ignore[arg-type]


def test_two_people_change_the_account(market: Market) -> None:
    approval = propose(market)
    assert SettlementAccount.objects.get(purpose="ESCROW", until=None).account_no == "1601000000000001"
    account = services.decide_account(
        actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=NOW
    )
    assert account is not None
    assert SettlementAccount.objects.get(purpose="ESCROW", until=None).account_no == "1601000000000009"
    assert SettlementAccount.objects.filter(purpose="ESCROW").count() == 2


def test_a_refused_proposal_changes_nothing(market: Market) -> None:
    approval = propose(market)
    assert (
        services.decide_account(
            actor=market.checker, approval_id=approval.pk, approve=False, reason="账号有误", now=NOW
        )
        is None
    )
    assert SettlementAccount.objects.get(purpose="ESCROW", until=None).account_no == "1601000000000001"


def test_one_person_alone_cannot(market: Market) -> None:
    both = make_actor(market.exchange, "EXCHANGE_MAKER", "EXCHANGE_CHECKER")
    approval = propose(market, actor=both)
    with pytest.raises(SamePerson):
        services.decide_account(actor=both, approval_id=approval.pk, approve=True, reason="", now=NOW)
    with pytest.raises(NotAllowed):
        propose(market, actor=market.finance_officer)


@pytest.mark.parametrize("number", ["", "12ab5678", "1234567"])
def test_account_numbers_are_digits(market: Market, number: str) -> None:
    with pytest.raises(InputInvalid, match="账号"):
        propose(market, account_no=number)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"account_no": "1601000000000001", "account_name": "测试交易中心"}, "settlement.account.unchanged"),
        ({"purpose": AccountPurpose.TREASURY}, "settlement.account.holder_unfit"),
        ({"bank_name": "  "}, "input.invalid"),
    ],
)
def test_what_cannot_be_an_account_is_refused(market: Market, change: dict[str, object], code: str) -> None:
    with pytest.raises(Exception) as refusal:
        propose(market, **change)
    assert getattr(refusal.value, "code", "") == code
    assert not Approval.objects.exists()


def test_only_a_change_of_an_account_is_decided_here(market: Market) -> None:
    other = ask(
        actor=market.maker, act="something.else", subject_type="x", subject_id=1, payload={},
        checker_roles=["EXCHANGE_CHECKER"], summary=services.AccountUnchanged.text, now=NOW,
    )  # fmt: skip
    with pytest.raises(NotFound):
        services.decide_account(actor=market.checker, approval_id=other.pk, approve=True, reason="", now=NOW)


def test_an_open_instruction_keeps_the_account_it_names(market: Market) -> None:
    """Contract signed by nobody yet: after both signatures the price is asked for on the account of that day."""
    _, now = signed_by_both(market)
    price = PaymentInstruction.objects.get(purpose="PRICE")
    approval = propose(market, now=now)
    services.decide_account(actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=now)
    price.refresh_from_db()
    assert price.payee_account_no == "1601000000000001"
    assert [i.pk for i in queries.open_on_former_accounts("371500")] == [price.pk]
    facts = JournalEntry.objects.filter(act="settlement.account.decide").latest("pk").facts
    assert facts["open_instructions_keep_the_old"] == 1


def browser(actor: Actor, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    user = User.objects.get(pk=actor.user_id)
    user.language = language
    user.save()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def signed_by_both(market: Market) -> tuple[object, object]:
    trade, now = contracting(market)
    for actor in (market.buyer_approver, market.reserve_checker):
        services.sign_contract(
            actor=actor, number=trade.number, contract_digest=trade.contract_digest, now=now
        )
    return trade, now


URL = "/settlement/accounts/"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_two_people_change_an_account_by_form(market: Market, language: str) -> None:
    _, now = signed_by_both(market)
    clock.set_now(now)
    maker, checker = browser(market.maker, language), browser(market.checker, language)
    assert maker.get(URL).status_code == 200
    form = {
        "purpose": "ESCROW",
        "organisation_id": market.exchange.pk,
        "account_no": "1601 0000 0000 0009",
        "bank_name": "测试银行",
    }
    assert maker.post(URL, {**form, "account_no": "12"}).status_code == 422
    assert maker.post(URL, {}).status_code == 422
    assert checker.post(URL, form).status_code == 403
    made = maker.post(URL, form)
    approval = Approval.objects.get()
    page = f"/settlement/accounts/changes/{approval.pk}/"
    assert (made.status_code, made.headers["Location"]) == (303, page)
    assert page in maker.get(URL).content.decode()
    assert decision_for(approval.act).url is not None
    own = maker.get(page).content.decode()
    assert ("须由另一人复核" if language == "zh-hans" else "another person decides") in own
    shown = checker.get(page).content.decode()
    assert ("有1笔未付的缴款通知" if language == "zh-hans" else "1 open instructions") in shown
    assert maker.post(page, {"decision": "approve"}).status_code == 403
    assert checker.post(page, {"decision": "reject", "reason": ""}).status_code == 422
    assert checker.post(page, {"decision": "approve"}).status_code == 303
    assert checker.post(page, {"decision": "approve"}).status_code == 409
    listed = maker.get(URL).content.decode()
    assert "1601000000000009" in listed
    assert ("不要在银行销户" if language == "zh-hans" else "keep the former account open") in listed


def test_who_sees_the_accounts(market: Market) -> None:
    approval = propose(market)
    for actor, status in ((market.auditor, 200), (market.finance_officer, 200), (market.buyer_approver, 403)):
        client = browser(actor)
        assert client.get(URL).status_code == status
        assert client.get(f"{URL}changes/{approval.pk}/").status_code == status
    assert browser(market.maker).get(f"{URL}changes/0/").status_code == 404


def test_the_list_costs_the_same_queries_with_one_change_and_with_three(market: Market) -> None:

    def change(number: int) -> None:
        approval = propose(market, account_no=f"16010000000001{number:02d}")
        services.decide_account(
            actor=market.checker, approval_id=approval.pk, approve=True, reason="", now=NOW
        )

    client = browser(market.maker)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries_made:
            assert client.get(URL).status_code == 200
        return len(queries_made)

    cost()  # the first request of a session also writes its renewal
    change(1)
    one = cost()
    change(2)
    change(3)
    assert cost() == one
