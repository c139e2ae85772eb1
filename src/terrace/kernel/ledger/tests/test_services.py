"""Posting: worked examples, every refusal, repeats. Each test ends with a ledger that verifies."""

from __future__ import annotations

import pytest
from django.db import transaction

from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.services import Direct, Hold, Post, Void
from terrace.kernel.ledger.tests import factories as f

pytestmark = pytest.mark.django_db


def balances(*accounts: int) -> list[tuple[int, int]]:
    return [(b.posted, b.held) for b in map(queries.balance_of, accounts)]


def test_a_direct_transfer_moves_at_once() -> None:
    a, b = f.account(opening=10_000), f.account()
    posted = f.post(Direct(a, b, 3_000))
    assert balances(a, b) == [(7_000, 0), (3_000, 0)]
    assert posted.transfer_ids == (posted.entry_id * 10_000 + 1,)
    assert not posted.repeated


def test_a_deposit_is_held_then_paid_in_part_and_the_rest_is_free() -> None:
    bidder, escrow = f.account(opening=10_000), f.account(kind="ESCROW")
    (hold,) = f.post(Hold(bidder, escrow, 8_000)).transfer_ids
    assert balances(bidder, escrow) == [(10_000, 8_000), (0, 0)]
    f.post(Post(hold, 5_000))
    assert balances(bidder, escrow) == [(5_000, 0), (5_000, 0)]


def test_a_hold_is_posted_whole_or_voided() -> None:
    a, b = f.account(opening=10_000), f.account()
    first, second = f.post(Hold(a, b, 4_000), Hold(a, b, 6_000)).transfer_ids
    f.post(Post(first))
    f.post(Void(second), reason="expired")
    assert balances(a, b) == [(6_000, 0), (4_000, 0)]
    state = queries.hold_state(first)
    assert state is not None
    assert state.posted_amount == 4_000


def test_delivery_against_payment_is_one_entry() -> None:
    cod = f.cod()
    seller, buyer = f.account(cod, opening=4_048_000), f.account(cod)
    payer, payee = f.account(opening=8_500_800), f.account()
    f.post(Direct(seller, buyer, 4_048_000), Direct(payer, payee, 8_500_800))
    assert balances(seller, buyer, payer, payee) == [(0, 0), (4_048_000, 0), (0, 0), (8_500_800, 0)]


@pytest.mark.parametrize("opening, amount, ok", [(100, 100, True), (100, 101, False)])
@pytest.mark.parametrize("movement", [Direct, Hold])
def test_the_balance_is_the_limit(
    movement: type[Direct] | type[Hold], opening: int, amount: int, ok: bool
) -> None:
    a, b = f.account(opening=opening), f.account()
    if ok:
        f.post(movement(a, b, amount))
        return
    with pytest.raises(services.InsufficientBalance) as refused, transaction.atomic():
        f.post(movement(a, b, amount))
    assert refused.value.facts["available_amount"] == opening
    assert refused.value.code == "ledger.balance.insufficient"
    assert "1.00 元" in refused.value.message("zh-hans")
    assert balances(a, b) == [(opening, 0), (0, 0)]
