"""Accounts of record: one proposes, another decides; old instructions keep their account."""

from __future__ import annotations

import pytest

from terrace.kernel.base.errors import InputInvalid, NotAllowed, SamePerson
from terrace.market.settlement import services
from terrace.market.settlement.models import AccountPurpose, SettlementAccount
from terrace.market.settlement.tests.factories import NOW, Market, make_actor, make_market

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
