"""Balances, statements, holds and sums by worked example."""

from __future__ import annotations

import datetime as dt

import pytest

from terrace.kernel.ledger import queries
from terrace.kernel.ledger.models import Account, Transfer
from terrace.kernel.ledger.services import Direct, Hold, Post, Void
from terrace.kernel.ledger.tests import factories as f

pytestmark = pytest.mark.django_db


def test_a_statement_tells_the_whole_story_from_both_sides() -> None:
    a, b = f.account(opening=100), f.account()
    (hold,) = f.post(Hold(a, b, 60)).transfer_ids
    f.post(Post(hold, 45))
    f.post(Direct(b, a, 5))
    gave = [(x.version, x.phase, x.change, x.posted_after) for x in queries.statement(a)]
    assert gave == [(4, "DIRECT", 5, 60), (3, "POST", -45, 55), (2, "HOLD", 0, 100), (1, "DIRECT", 100, 100)]
    got = [(x.version, x.phase, x.change, x.posted_after) for x in queries.statement(b)]
    assert got == [(2, "DIRECT", -5, 40), (1, "POST", 45, 45)]
    lines = queries.statement(a)
    assert queries.statement(a, before=lines[1].transfer_id, limit=1) == [lines[2]]
    assert queries.statement(a, before=lines[3].transfer_id) == []
    assert queries.statement(b, before=hold) == queries.statement(b)  # the hold never touched b


def test_a_filtered_statement_walks_until_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = f.account(opening=100), f.account()
    marked = [f.post(Direct(a, b, 7)).transfer_ids[0]]
    for _ in range(5):
        f.post(Direct(a, b, 1))
    marked.insert(0, f.post(Direct(a, b, 7)).transfer_ids[0])
    monkeypatch.setattr(queries, "WALK_STEP", 2)
    found = queries.lines_of(Transfer.objects.filter(amount=7), a, limit=2)
    assert [line.transfer_id for line in found] == marked
    assert [x.transfer_id for x in queries.lines_of(Transfer.objects.filter(amount=7), a, limit=9)] == marked


def test_holds_are_open_until_they_are_resolved() -> None:
    a, b = f.account(opening=100), f.account()
    one, two, three = f.post(Hold(a, b, 10), Hold(a, b, 20), Hold(a, b, 30)).transfer_ids
    f.post(Post(one, 4))
    f.post(Void(two))
    assert [h.pk for h in queries.open_holds(a)] == [three]
    states = [queries.hold_state(h) for h in (one, two, three, three + 1)]
    assert [(s.amount, s.posted_amount, s.resolved_by is None) if s else None for s in states] == [
        (10, 4, False), (20, 0, False), (30, 0, True), None,
    ]  # fmt: skip
    assert queries.balance_of(a) == queries.Balance(posted=96, held=30)
    assert queries.balance_of(a).available == 66


def test_entries_of_a_subject_newest_first_and_their_transfers() -> None:
    a, b = f.account(opening=100), f.account()
    first = f.post(Direct(a, b, 1), subject_id=77)
    second = f.post(Direct(a, b, 1), Direct(a, b, 2), subject_id=77)
    assert [e.pk for e in queries.entries_of("test", 77)] == [second.entry_id, first.entry_id]
    assert [t.amount for t in queries.transfers_of(second.entry_id)] == [1, 2]
    assert queries.entry_of_transfer(second.transfer_ids[1]) == second.entry_id


def test_the_sums_of_an_asset_balance() -> None:
    cod = f.cod()
    a, b = f.account(cod, opening=100), f.account(cod)
    f.post(Hold(a, b, 40))
    (total,) = queries.totals()
    assert (total.asset, total.accounts, total.in_hands, total.issued, total.held) == (cod, 3, 100, 100, 40)
    assert total.difference == 0


def test_the_accounts_of_one_owner() -> None:
    f.account(owner="o9", opening=5), f.account(f.cod(), owner="o9")
    assert [a.asset.unit for a in queries.balances_of(owner_type="organisation", owner_id="o9")] == [
        "FEN",
        "G_PER_YEAR",
    ]
    with pytest.raises(Account.DoesNotExist):
        queries.balance_of(10**12)


def test_flows_follow_a_right_through_escrow_and_stocks_say_where_it_lies() -> None:
    cod = f.cod()
    reserve = f.account(cod, opening=100, kind="RESERVE")
    firm, other, escrow = f.account(cod), f.account(cod), f.account(cod, kind="ESCROW")
    retired = f.account(cod, kind="RETIRED")
    (hold,) = f.post(Hold(reserve, escrow, 60)).transfer_ids
    assert [(x.giver, x.taker, x.amount) for x in queries.flows()] == [("ISSUER", "RESERVE", 100)]
    f.post(Post(hold, 60), Direct(escrow, firm, 60))
    f.post(Direct(firm, other, 25))  # from firm to firm: nothing between kinds
    f.post(Direct(firm, reserve, 10), Direct(other, retired, 5))  # one giver kind, two takers
    assert [(x.pollutant, x.region, x.giver, x.taker, x.amount) for x in queries.flows()] == [
        ("COD", "tuhai", "HOLDER", "RESERVE", 10),
        ("COD", "tuhai", "HOLDER", "RETIRED", 5),
        ("COD", "tuhai", "ISSUER", "RESERVE", 100),
        ("COD", "tuhai", "RESERVE", "HOLDER", 60),
    ]
    last_day = cod.term_end
    assert last_day is not None
    for on, ended in ((last_day, False), (last_day + dt.timedelta(days=1), True)):
        assert [(x.kind, x.ended, x.posted, x.held) for x in queries.stocks(on)] == [
            ("HOLDER", ended, 45, 0),
            ("ISSUER", ended, -100, 0),
            ("RESERVE", ended, 50, 0),
            ("RETIRED", ended, 5, 0),
        ]


def test_flows_of_one_entry_add_up_where_several_kinds_give_and_take() -> None:
    cod = f.cod()
    reserve, firm = f.account(cod, opening=50, kind="RESERVE"), f.account(cod, opening=50)
    escrow, retired = f.account(cod, kind="ESCROW"), f.account(cod, kind="RETIRED")
    f.post(Direct(firm, escrow, 30), Direct(reserve, retired, 20), Direct(reserve, escrow, 5))
    moved = [(x.giver, x.taker, x.amount) for x in queries.flows() if x.giver != "ISSUER"]
    assert sum(amount for _, _, amount in moved) == 55
    assert sum(amount for giver, _, amount in moved if giver == "HOLDER") == 30
    assert sum(amount for _, taker, amount in moved if taker == "RETIRED") == 20


def test_flows_and_stocks_take_one_query_each(django_assert_num_queries: object) -> None:
    for n in range(3):
        f.account(f.cod(f"b{n}"), opening=n + 1)
        with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture
            assert len(queries.flows()) == n + 1
            queries.stocks(dt.date(2024, 1, 1))
