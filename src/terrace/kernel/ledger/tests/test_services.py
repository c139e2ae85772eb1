"""Posting: worked examples, every refusal, repeats. Each test ends with a ledger that verifies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.models import Entry
from terrace.kernel.ledger.rules import AMOUNT_MAX
from terrace.kernel.ledger.services import Direct, Hold, Post, Void
from terrace.kernel.ledger.tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_ledger_verifies_in_the_end(db: None) -> Iterator[None]:
    yield
    assert queries.verify() is None


def balances(*accounts: int) -> list[tuple[int, int]]:
    return [(b.posted, b.held) for b in map(queries.balance_of, accounts)]


def test_a_direct_transfer_moves_at_once() -> None:
    a, b = f.account(opening=10_000), f.account()
    posted = f.post(Direct(a, b, 3_000))
    assert balances(a, b) == [(7_000, 0), (3_000, 0)]
    assert posted.transfer_ids == (posted.entry_id,)
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


def refused(
    kind: type[services.Refusal], *transfers: services.Movement, key: str | None = None
) -> services.Refusal:
    """The refusal of one entry; the test's transaction goes on."""
    with pytest.raises(kind) as caught, transaction.atomic():
        f.post(*transfers, key=key)
    return caught.value


def test_what_is_held_cannot_be_moved() -> None:
    a, b = f.account(opening=100), f.account()
    f.post(Hold(a, b, 60))
    refused(services.InsufficientBalance, Direct(a, b, 41))
    f.post(Direct(a, b, 40))
    assert balances(a, b) == [(60, 60), (40, 0)]


def test_an_outside_account_may_be_overdrawn_and_no_other() -> None:
    bank, a = f.world(), f.account()
    before = queries.balance_of(bank).posted
    f.post(Direct(bank, a, 500))
    assert queries.balance_of(bank).posted == before - 500
    refused(services.InsufficientBalance, Direct(a, bank, 501))


def test_the_order_inside_an_entry_counts() -> None:
    a, b, c = f.account(opening=100), f.account(), f.account()
    refused(services.InsufficientBalance, Direct(b, c, 100), Direct(a, b, 100))
    f.post(Direct(a, b, 100), Direct(b, c, 100))
    assert balances(a, b, c) == [(0, 0), (0, 0), (100, 0)]


def test_one_refused_transfer_refuses_the_whole_entry() -> None:
    a, b = f.account(opening=100), f.account()
    refused(services.InsufficientBalance, Direct(a, b, 60), Direct(a, b, 60))
    assert balances(a, b) == [(100, 0), (0, 0)]


@pytest.mark.parametrize("end", [Post, Void])
@pytest.mark.parametrize("again", [Post, Void])
def test_a_hold_is_resolved_once(end: type, again: type) -> None:
    a, b = f.account(opening=100), f.account()
    hold, _other = f.post(Hold(a, b, 40), Hold(a, b, 40)).transfer_ids
    f.post(end(hold))
    refusal = refused(services.HoldAlreadyResolved, again(hold))
    assert refusal.code == "ledger.hold.resolved"
    assert refusal.facts == {"hold": hold}
    refused(services.HoldAlreadyResolved, again(hold), Direct(f.world(), a, 1))


def test_a_hold_resolved_twice_in_one_entry_is_refused() -> None:
    a, b = f.account(opening=100), f.account()
    (hold,) = f.post(Hold(a, b, 40)).transfer_ids
    refused(services.HoldAlreadyResolved, Post(hold, 10), Void(hold))


def test_a_hold_that_is_not_there() -> None:
    a, b = f.account(opening=100), f.account()
    (direct,) = f.post(Direct(a, b, 1)).transfer_ids
    for number in (direct, direct + 1, 10**15):
        assert refused(services.UnknownHold, Void(number)).code == "ledger.hold.unknown"
        refused(services.UnknownHold, Post(number), Direct(a, b, 1))


@pytest.mark.parametrize("also", [(), (1,)])
def test_no_more_than_the_hold_is_paid_out(also: tuple[int, ...]) -> None:
    a, b = f.account(opening=100), f.account()
    (hold,) = f.post(Hold(a, b, 40)).transfer_ids
    more = tuple(Direct(a, b, n) for n in also)
    assert refused(services.AmountAboveHold, Post(hold, 41), *more).code == "ledger.hold.exceeded"
    f.post(Post(hold, 40), *more)


@pytest.mark.parametrize("movement", [Direct, Hold])
def test_two_assets_never_meet(movement: type[Direct] | type[Hold]) -> None:
    yuan, cod, elsewhere = f.account(opening=9), f.account(f.cod(), opening=9), f.account(f.cod("majia"))
    for a, b in ((yuan, cod), (cod, yuan), (cod, elsewhere), (elsewhere, cod)):
        refusal = refused(services.AssetMismatch, movement(a, b, 5))
        assert refusal.code == "ledger.transfer.other_asset"
        assert refusal.facts == {"debit": a, "credit": b}
        refused(services.AssetMismatch, movement(a, b, 5), movement(a, b, 5))


@pytest.mark.parametrize("movement", [Direct, Hold])
def test_an_account_that_is_not_there(movement: type[Direct] | type[Hold]) -> None:
    a = f.account(opening=9)
    for debit, credit in ((a, 10**12), (10**12, a), (a, 0), (0, a)):
        refusal = refused(services.AccountUnknown, movement(debit, credit, 5))
        assert refusal.code == "ledger.account.unknown"
        assert refusal.facts == {"account": 0 if 0 in (debit, credit) else 10**12}
        refused(services.AccountUnknown, movement(debit, credit, 5), movement(debit, credit, 5))


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX + 1, 1.5, True, "7", None])
def test_an_amount_is_a_whole_number_within_limits(amount: object) -> None:
    for movement in (Direct, Hold):
        with pytest.raises(services.AmountInvalid) as caught:
            movement(1, 2, amount)  # type: ignore[arg-type]
        assert caught.value.code == "ledger.amount.invalid"
    if amount is not None:
        with pytest.raises(services.AmountInvalid):
            Post(1, amount)  # type: ignore[arg-type]
    assert Direct(1, 2, AMOUNT_MAX).amount == AMOUNT_MAX


def test_nobody_pays_himself() -> None:
    for movement in (Direct, Hold):
        with pytest.raises(services.SameAccount) as caught:
            movement(7, 7, 1)
        assert caught.value.code == "ledger.transfer.same_account"


def test_a_balance_has_a_limit_far_below_what_a_bigint_holds() -> None:
    bank, a = f.world(), f.account()
    for _ in range(40):
        f.post(Direct(bank, a, AMOUNT_MAX))
    assert refused(services.BalanceLimit, Direct(bank, a, 1)).code == "ledger.balance.limit"
    refused(services.BalanceLimit, Direct(bank, a, 1), Direct(bank, a, 1))


def test_a_repeat_gets_the_first_answer_and_other_content_is_refused() -> None:
    a, b = f.account(opening=100), f.account()
    first = f.post(Direct(a, b, 10), key="k")
    again = f.post(Direct(a, b, 10), key="k")
    assert again == services.Posted(first.entry_id, first.transfer_ids, repeated=True)
    for movements in (
        (Direct(a, b, 11),),
        (Direct(b, a, 10),),
        (Hold(a, b, 10),),
        (Direct(a, b, 10), Direct(a, b, 10)),
    ):
        refusal = refused(services.LedgerKeyReused, *movements, key="k")
        assert refusal.code == "ledger.key.reused"
        assert refusal.facts == {"key": "k", "entry": first.entry_id}
    assert balances(a, b) == [(90, 0), (10, 0)]


def test_a_repeat_is_known_even_when_it_could_not_be_done_again() -> None:
    a, b = f.account(opening=10), f.account()
    f.post(Direct(a, b, 10), key="all")
    assert f.post(Direct(a, b, 10), key="all").repeated


def test_a_refused_key_is_free_again() -> None:
    a, b = f.account(opening=10), f.account()
    refused(services.InsufficientBalance, Direct(a, b, 11), key="later")
    f.post(Direct(f.world(), a, 1))
    assert not f.post(Direct(a, b, 11), key="later").repeated


@pytest.mark.parametrize("field, value", [("key", ""), ("key", "x" * 121), ("code", ""), ("subject_id", "")])
def test_an_entry_needs_its_words(field: str, value: str) -> None:
    words = {"key": "k", "code": "c", "subject_type": "s", "subject_id": "1", field: value}
    with pytest.raises(services.EntryInvalid) as caught:
        services.NewEntry(at=f.AT, transfers=(Direct(1, 2, 3),), **words)  # type: ignore[arg-type]
    assert caught.value.code == "ledger.entry.invalid"


def test_an_entry_needs_transfers_an_aware_time_and_a_short_reason() -> None:
    with pytest.raises(services.EntryInvalid):
        f.new_entry()
    with pytest.raises(services.EntryInvalid):
        f.new_entry(Direct(1, 2, 3), reason="x" * 1001)
    with pytest.raises(ValueError, match="aware"):
        services.NewEntry(
            key="k",
            code="c",
            at=f.AT.replace(tzinfo=None),
            subject_type="s",
            subject_id=1,
            transfers=(Direct(1, 2, 3),),
        )


def test_an_account_is_opened_once_and_keeps_its_terms() -> None:
    yuan = services.money_asset()
    number = f.account(yuan, owner="o1")
    assert f.account(yuan, owner="o1") == number
    assert f.account(yuan, owner="o1", kind="escrow") != number
    with pytest.raises(services.AccountTermsDiffer) as caught:
        services.account_of(
            owner_type="organisation", owner_id="o1", asset=yuan, kind="HOLDER", may_overdraw=True
        )
    assert caught.value.code == "ledger.account.terms_differ"
    with pytest.raises(services.EntryInvalid):
        f.account(yuan, owner="")
    with pytest.raises(ValueError, match="WALLET"):
        f.account(yuan, kind="WALLET")


def test_rights_of_other_terms_or_regions_are_other_assets() -> None:
    term = {"term_start": dt.date(2023, 12, 1), "term_end": dt.date(2028, 11, 30)}
    tuhai = services.right_asset(pollutant="COD", region="tuhai", **term)
    assert services.right_asset(pollutant="COD", region="tuhai", **term) == tuhai
    assert services.right_asset(pollutant="COD", region="majia", **term) != tuhai
    with pytest.raises(services.EntryInvalid):
        services.right_asset(pollutant="COD", region="", **term)
    with pytest.raises(services.EntryInvalid):
        services.right_asset(
            pollutant="COD", region="x", term_start=term["term_end"], term_end=term["term_start"]
        )


@pytest.mark.django_db(transaction=True)
def test_the_ledger_is_written_inside_an_act_only() -> None:
    with pytest.raises(transaction.TransactionManagementError, match="inside an act"):
        f.post(Direct(1, 2, 3))


def test_a_fault_of_the_database_is_no_refusal() -> None:
    a, b = f.account(opening=10), f.account()
    with pytest.raises(OperationalError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1")
            cursor.execute("SELECT pg_sleep(1)")
        f.post(Direct(a, b, 1))
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX ledger_entry_subject; ALTER TABLE ledger_transfer RENAME TO gone")
        f.post(Direct(a, b, 1))
    assert not isinstance(caught.value, services.Refusal)


def test_a_batch_is_all_or_nothing_and_names_the_place() -> None:
    a, b = f.account(opening=100), f.account()
    batch = [f.new_entry(Direct(a, b, 60)), f.new_entry(Direct(a, b, 60)), f.new_entry(Direct(a, 10**12, 1))]
    with pytest.raises(services.InsufficientBalance) as caught, transaction.atomic():
        services.post_batch(actor=SYSTEM, entries=batch)
    assert caught.value.facts["position"] == 1
    assert balances(a, b) == [(100, 0), (0, 0)]
    posted = services.post_batch(actor=SYSTEM, entries=batch[:1] + batch[:1])
    assert [p.repeated for p in posted] == [False, True]
    assert posted[0].transfer_ids == posted[1].transfer_ids
    assert balances(a, b) == [(40, 0), (60, 0)]


def test_a_batch_has_limits() -> None:
    assert services.post_batch(actor=SYSTEM, entries=[]) == []
    with pytest.raises(services.EntryInvalid):
        services.post_batch(actor=SYSTEM, entries=[f.new_entry(Direct(1, 2, 3))] * 10_001)


@pytest.mark.parametrize("form", ["single", "entry", "batch"])
def test_each_form_is_one_round_trip(form: str, django_assert_num_queries: Any) -> None:
    a, b = f.account(opening=100), f.account()
    with django_assert_num_queries(1):
        if form == "batch":
            services.post_batch(actor=SYSTEM, entries=[f.new_entry(Direct(a, b, 1)) for _ in range(20)])
        else:
            f.post(*[Direct(a, b, 1)] * (1 if form == "single" else 20))


def test_a_batch_carries_every_text_as_it_is() -> None:
    """Quotes, backslashes, commas, braces, NULL: a batch writes arrays itself."""
    a, b = f.account(opening=100), f.account()
    texts = ['"', "\\", "{a,b}", "NULL", " 空格 ", "\\x00", "'; --", "线\n行"]
    batch = [f.new_entry(Direct(a, b, 1), key=f"k{n}{text}", reason=text) for n, text in enumerate(texts)]
    posted = services.post_batch(actor=SYSTEM, entries=batch)
    found = Entry.objects.in_bulk([p.entry_id for p in posted])
    assert [found[p.entry_id].reason for p in posted] == texts
    assert [found[p.entry_id].key for p in posted] == [e.key for e in batch]
    assert [found[p.entry_id].at for p in posted] == [f.AT] * len(texts)
    assert bytes(found[posted[0].entry_id].request_digest) == batch[0].digest
    assert f.post(Direct(a, b, 1), key=batch[1].key, reason=texts[1]).repeated


def test_movements_without_a_credit_and_repeats_may_come_first() -> None:
    """Found by the random histories: rows of a batch that stay empty must not shift those after them."""
    a, b = f.account(opening=100), f.account()
    f.post(Hold(a, b, 10), Direct(a, b, 20))
    assert queries.verify() is None
    first = f.new_entry(Direct(a, b, 1))
    services.post_batch(actor=SYSTEM, entries=[first])
    services.post_batch(
        actor=SYSTEM, entries=[first, f.new_entry(Hold(a, b, 2)), f.new_entry(Direct(a, b, 3))]
    )
    assert balances(a, b) == [(76, 12), (24, 0)]
