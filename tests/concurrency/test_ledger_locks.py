"""Real connections against one ledger: without the lock money is lost, with it never, and nobody waits for ever."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.services import (
    POST_MANY_SQL,
    POST_ONE_SQL,
    Direct,
    Hold,
    Movement,
    NewEntry,
    Post,
    Void,
)

pytestmark = pytest.mark.django_db(transaction=True)

AT = dt.datetime(2023, 12, 4, 9, 0, tzinfo=dt.UTC)
THREADS = 12


@pytest.fixture
def connect() -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Connections of their own to the test database; all are closed in the end."""
    opened: list[psycopg.Connection[Any]] = []
    parameters = connection.get_connection_params()
    plain = {k: parameters[k] for k in ("dbname", "user", "password", "host", "port") if parameters.get(k)}

    def new() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(**plain))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


def accounts(count: int, opening: int) -> list[int]:
    """Accounts with money on them, committed."""
    with transaction.atomic():
        yuan = services.money_asset()
        bank = services.account_of(
            owner_type="test", owner_id="bank", asset=yuan, kind="BANK", may_overdraw=True
        )
        numbers = [
            services.account_of(owner_type="test", owner_id=f"c{n}", asset=yuan, kind="HOLDER")
            for n in range(count)
        ]
        services.post_batch(
            actor=SYSTEM, entries=[entry(f"open:{n}", Direct(bank, n, opening)) for n in numbers]
        )
    return numbers


def entry(key: str, *movements: Movement) -> NewEntry:
    return NewEntry(key=key, code="test.move", at=AT, subject_type="test", subject_id=1, transfers=movements)


def post(on: psycopg.Connection[Any], key: str, movement: Movement) -> str:
    """One entry in a transaction of its own: "done", "repeated", or the SQLSTATE of what went wrong."""
    new = entry(key, movement)
    arguments = [
        new.key, new.code, new.at, None, None, None, "", "test", "1", new.digest, *movement.row,
    ]  # fmt: skip
    try:
        row = on.execute(POST_ONE_SQL, arguments).fetchone()
        on.commit()
    except psycopg.Error as error:
        on.rollback()
        return error.sqlstate or "?"
    assert row is not None
    return "repeated" if row[0] < 0 else "done"


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """`work(n)` in `count` threads that start at the same moment."""
    gate = threading.Barrier(count, timeout=30)

    def one(n: int) -> Any:
        gate.wait()
        return work(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def naive_transfer(
    on: psycopg.Connection[Any], debit: int, credit: int, amount: int, gate: threading.Barrier
) -> bool:
    """The ledger's step with its lock switched off: read, decide, write what was decided. For this test only."""
    read = dict(
        on.execute("SELECT id, posted FROM naive_account WHERE id IN (%s, %s)", [debit, credit]).fetchall()
    )
    gate.wait()
    if read[debit] < amount:
        on.rollback()
        return False
    for number, balance in sorted({debit: read[debit] - amount, credit: read[credit] + amount}.items()):
        on.execute("UPDATE naive_account SET posted = %s WHERE id = %s", [balance, number])
    on.commit()
    return True


def test_without_the_lock_money_is_lost(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    """First the proof that there is a race: two firms are paid out of one balance that covers only one of them."""
    payer, first, second = accounts(3, 100)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_account AS SELECT id, posted FROM ledger_account")
    try:
        gate = threading.Barrier(2, timeout=30)
        sessions = [connect(), connect()]
        paid = together(2, lambda n: naive_transfer(sessions[n], payer, (first, second)[n], 100, gate))
        assert paid == [True, True], "both were told that they are paid"
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(posted) FROM naive_account WHERE id IN (%s, %s, %s)", [payer, first, second]
            )
            assert cursor.fetchone() == (400,), "300 went in, 400 are there"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE naive_account")


def test_with_the_lock_one_of_them_is_refused(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    """The same two payments through the ledger, and the second session decides while the first is undecided."""
    payer, first, second = accounts(3, 100)
    one, other = connect(), connect()
    arguments = entry("one", Direct(payer, first, 100))
    one.execute(
        POST_ONE_SQL,
        [
            "one",
            "test.move",
            AT,
            None,
            None,
            None,
            "",
            "test",
            "1",
            arguments.digest,
            *arguments.transfers[0].row,
        ],
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post, other, "other", Direct(payer, second, 100))
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)  # it waits for the lock instead of deciding on what it read
        one.commit()
        assert waiting.result(timeout=30) == "TL001"
    assert [queries.balance_of(n).posted for n in (payer, first, second)] == [0, 200, 100]
    assert queries.verify() is None


@pytest.mark.parametrize("movement", [Direct, Hold])
def test_a_balance_is_spent_once(
    connect: Callable[[], psycopg.Connection[Any]], movement: type[Direct] | type[Hold]
) -> None:
    payer, *payees = accounts(THREADS + 1, 1_000)
    sessions = [connect() for _ in payees]
    results = together(
        THREADS, lambda n: [post(sessions[n], f"{n}:{i}", movement(payer, payees[n], 100)) for i in range(10)]
    )
    flat = [x for result in results for x in result]
    assert flat.count("done") == 10
    assert flat.count("TL001") == len(flat) - 10
    balance = queries.balance_of(payer)
    assert balance.available == 0
    assert queries.verify() is None


def test_opposite_transfers_never_deadlock_and_nothing_is_lost(
    connect: Callable[[], psycopg.Connection[Any]],
) -> None:
    numbers = accounts(4, 1_000_000)
    sessions = [connect() for _ in range(16)]

    def work(n: int) -> set[str]:
        pick = random.Random(n)
        found = set()
        for i in range(40):
            debit, credit = pick.sample(numbers, 2)
            found.add(post(sessions[n], f"{n}:{i}", Direct(debit, credit, pick.randint(1, 50))))
        return found

    assert set().union(*together(16, work)) == {"done"}
    assert sum(queries.balance_of(n).posted for n in numbers) == 4_000_000
    assert queries.verify() is None


def test_batches_and_singles_never_deadlock(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    """Batches lock their accounts sorted before the first movement, whatever the order of their entries."""
    numbers = accounts(6, 1_000_000)
    sessions = [connect() for _ in range(8)]

    def work(n: int) -> set[str]:
        pick = random.Random(n)
        found = set()
        for i in range(12):
            movements = [Direct(*pick.sample(numbers, 2), pick.randint(1, 50)) for _ in range(10)]
            if n % 2:
                found |= {post(sessions[n], f"{n}:{i}:{m}", x) for m, x in enumerate(movements)}
                continue
            batch = [entry(f"{n}:{i}:{m}", x) for m, x in enumerate(movements)]
            try:
                sessions[n].execute(POST_MANY_SQL, services.batch_arguments(SYSTEM, batch))
                sessions[n].commit()
                found.add("done")
            except psycopg.Error as error:
                sessions[n].rollback()
                found.add(error.sqlstate or "?")
        return found

    assert set().union(*together(8, work)) == {"done"}
    assert sum(queries.balance_of(n).posted for n in numbers) == 6_000_000
    assert queries.verify() is None


def test_one_key_moves_once_however_many_send_it(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    payer, payee = accounts(2, 1_000)
    sessions = [connect() for _ in range(THREADS)]
    results = together(THREADS, lambda n: post(sessions[n], "same", Direct(payer, payee, 100)))
    assert sorted(results) == ["done"] + ["repeated"] * (THREADS - 1)
    assert queries.balance_of(payer).posted == 900


def test_a_hold_is_resolved_once_however_many_try(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    payer, payee = accounts(2, 1_000)
    with transaction.atomic():
        # two equal holds, so that what is held would cover a second resolution of the first
        posted = services.post_batch(
            actor=SYSTEM, entries=[entry("hold", Hold(payer, payee, 100), Hold(payer, payee, 100))]
        )
    hold = posted[0].transfer_ids[0]
    sessions = [connect() for _ in range(THREADS)]
    results = together(
        THREADS, lambda n: post(sessions[n], f"end:{n}", Void(hold) if n % 2 else Post(hold, 60))
    )
    assert sorted(results) == ["TL002"] * (THREADS - 1) + ["done"]
    assert queries.balance_of(payer).held == 100
    assert queries.verify() is None


def test_an_account_is_opened_once_however_many_ask(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    with transaction.atomic():
        yuan = services.money_asset().pk
    sessions = [connect() for _ in range(THREADS)]

    def work(n: int) -> int:
        row = (
            sessions[n]
            .execute("SELECT account_id FROM ledger_open_account('test', 'new', %s, 'HOLDER', false)", [yuan])
            .fetchone()
        )
        sessions[n].commit()
        assert row is not None
        return int(row[0])

    assert len(set(together(THREADS, work))) == 1
