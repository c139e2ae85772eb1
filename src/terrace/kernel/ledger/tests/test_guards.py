"""What must hold even if the program is wrong: constraints, append-only, writing by function only."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.ledger import queries, services
from terrace.kernel.ledger.models import Account, Entry, Transfer
from terrace.kernel.ledger.services import Direct, Hold, Void
from terrace.kernel.ledger.tests import factories as f

pytestmark = pytest.mark.django_db

TABLES = ("ledger_asset", "ledger_account", "ledger_transfer")


def run(sql: str, *parameters: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def refused(sql: str, *parameters: object, says: str) -> None:
    with pytest.raises(DatabaseError, match=says):
        run(sql, *parameters)


@pytest.mark.parametrize("table", ["ledger_asset", "ledger_transfer"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_history_is_neither_changed_nor_deleted(table: str, verb: str) -> None:
    f.account(opening=5)
    refused(verb.format(table), says=f"{table} is append-only")
    refused(f"SET LOCAL terrace.ledger_writes = 'on'; {verb.format(table)}", says=f"{table} is append-only")


def test_entries_are_a_view_of_what_is_never_changed() -> None:
    f.account(opening=5)
    refused("UPDATE ledger_entry SET reason = 'another'", says="ledger_transfer is append-only")
    refused("DELETE FROM ledger_entry", says="ledger_transfer is append-only")
    refused("INSERT INTO ledger_entry (id) VALUES (1)", says="by the functions of the ledger only")


@pytest.mark.parametrize("table", TABLES)
def test_no_table_is_emptied(table: str) -> None:
    f.account(opening=5)
    with transaction.atomic():
        run(f"ALTER TABLE {table} ENABLE TRIGGER append_only_truncate")  # the test run lets TRUNCATE through
        refused(f"TRUNCATE {table} CASCADE", says="append-only: TRUNCATE refused")
        transaction.set_rollback(True)


def test_an_account_is_never_deleted() -> None:
    number = f.account()
    refused("DELETE FROM ledger_account WHERE id = %s", number, says="DELETE refused")


@pytest.mark.parametrize("column", ["posted", "held", "version", "may_overdraw"])
def test_a_balance_changes_through_the_functions_only(column: str) -> None:
    number = f.account(opening=5)
    value = "true" if column == "may_overdraw" else f"{column} + 1"
    says = "by the functions of the ledger only"
    refused(f"UPDATE ledger_account SET {column} = {value} WHERE id = %s", number, says=says)
    with pytest.raises(DatabaseError, match=says), transaction.atomic():
        Account.objects.filter(pk=number).update(posted=10)
    f.post(Direct(f.world(), number, 1))  # and the permission ends with the function
    refused(f"UPDATE ledger_account SET {column} = {value} WHERE id = %s", number, says=says)


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_made_by_the_functions_only(table: str) -> None:
    f.account(opening=5)
    refused(f"INSERT INTO {table} SELECT * FROM {table}", says="by the functions of the ledger only")


def by_hand(table: str, **changes: str) -> str:
    """An insert of a copy of the table's last row with some columns replaced, as a faulty function would do it."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changes.get(column, f'"{column}"') for column in columns)
    return (
        f"SET LOCAL terrace.ledger_writes = 'on'; INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {values} FROM {table} ORDER BY id DESC LIMIT 1"
    )


OUT_OF_SHAPE = [
    ("DIRECT", 0, 1, 0, None),
    ("DIRECT", 0, 1, -5, None),
    ("DIRECT", 0, 1, 10**17 + 1, None),
    ("DIRECT", 0, 1, None, None),
    ("DIRECT", 0, 0, 5, None),
    ("DIRECT", 0, None, 5, None),
    ("HOLD", 0, 0, 5, None),
    ("HOLD", 0, 1, 0, None),
    ("HOLD", 0, 1, 5, 1),
    ("MOVE", 0, 1, 5, None),
    (None, 0, 1, 5, None),
]


@pytest.mark.parametrize("form", ["one", "many"])
@pytest.mark.parametrize("phase, debit, credit, amount, hold", OUT_OF_SHAPE)
def test_a_movement_out_of_shape_cannot_be_stored(
    form: str, phase: str | None, debit: int, credit: int | None, amount: int | None, hold: int | None
) -> None:
    """What `rules.py` refuses is refused by the functions, too, if a program goes past it."""
    numbers = [f.account(opening=9), f.account()]
    sides = [numbers[debit], None if credit is None else numbers[credit]]
    sound = f.new_entry(Direct(*numbers, 5))
    if form == "one":
        sql = services.POST_ONE_SQL
        arguments = [
            sound.key, sound.code, sound.at, None, None, None, "", "test", "1", sound.digest,
            phase, *sides, amount, hold,
        ]  # fmt: skip
    else:
        sql = services.POST_MANY_SQL
        arguments = [
            *services.batch_arguments(SYSTEM, [sound])[:-5], [phase], *([x] for x in (*sides, amount, hold))
        ]  # fmt: skip
    refused(sql, *arguments, says="out of shape|does not exist|ledger refuses")
    assert queries.balance_of(numbers[0]).posted == 9


@pytest.mark.parametrize(
    "changes, constraint",
    [
        ({"amount": "0"}, "ledger_transfer_amount"),
        ({"amount": "-5"}, "ledger_transfer_amount"),
        ({"amount": "100000000000000001"}, "ledger_transfer_amount"),
        ({"credit_id": "debit_id"}, "ledger_transfer_two_accounts"),
        ({"phase": "'VOID'"}, "ledger_transfer_resolves"),
        ({"hold_of_id": "id"}, "ledger_transfer_resolves"),
    ],
)
def test_a_transfer_out_of_shape_cannot_be_stored(changes: dict[str, str], constraint: str) -> None:
    f.post(Direct(f.account(opening=9), f.account(), 5))
    refused(by_hand("ledger_transfer", id="id + 1", key="key || 'x'", **changes), says=constraint)


def test_a_hold_has_one_resolution() -> None:
    a, b = f.account(opening=9), f.account()
    (hold,) = f.post(Hold(a, b, 5)).transfer_ids
    f.post(Void(hold))
    refused(by_hand("ledger_transfer", id="id + 1", key="key || 'x'"), says="ledger_hold_resolved_once")


@pytest.mark.parametrize("column, value", [("posted", "-1"), ("held", "-1"), ("held", "6")])
def test_a_balance_is_covered_by_constraint_too(column: str, value: str) -> None:
    number = f.account(opening=5)
    refused(
        f"SET LOCAL terrace.ledger_writes = 'on'; UPDATE ledger_account SET {column} = {value} WHERE id = {number}",
        says="ledger_account_covered",
    )


def test_a_key_and_an_account_exist_once() -> None:
    f.account(opening=5)
    refused(by_hand("ledger_transfer", id="id + 10000"), says="ledger_entry_key_once")
    refused(by_hand("ledger_account", id="id + 1000"), says="ledger_account_once")
    refused(by_hand("ledger_asset", id="id + 1000"), says="ledger_asset_code")


def test_an_asset_is_money_or_a_right_with_a_term() -> None:
    f.cod()
    refused(
        by_hand("ledger_asset", id="id + 1000", code="'X'", term_end="term_start"), says="ledger_asset_form"
    )
    refused(by_hand("ledger_asset", id="id + 1000", code="'X'", unit="'FEN'"), says="ledger_asset_form")


DAMAGE = {
    "account_seed": ("UPDATE ledger_account SET may_overdraw = true WHERE id = {idle}", "idle"),
    "chain      ": ("UPDATE ledger_transfer SET reason = 'another' WHERE id = {entry}", "entry"),
    "chain       ": ("UPDATE ledger_transfer SET at = at - interval '1 day' WHERE id = {entry}", "entry"),
    "chain        ": ("UPDATE ledger_transfer SET actor_user_id = 7 WHERE id = {entry}", "entry"),
    "chain         ": ("UPDATE ledger_transfer SET debit_before_id = NULL WHERE id = {transfer}", "transfer"),
    "entry_transfers": ("UPDATE ledger_transfer SET transfer_count = 2 WHERE id = {entry}", "entry"),
    "entry_transfers ": ("DELETE FROM ledger_transfer WHERE id = {first_of_three}", "first_of_three"),
    "entry_transfers  ": ("DELETE FROM ledger_transfer WHERE id = {last_of_three}", "first_of_three"),
    "entry_transfers   ": (
        "UPDATE ledger_transfer SET entry_id = {entry} WHERE id = {last_of_three}",
        "first_of_three",
    ),
    "transfer_form": ("UPDATE ledger_transfer SET debit_id = {other} WHERE id = {transfer}", "transfer"),
    "transfer_form ": ("UPDATE ledger_transfer SET credit_posted = NULL WHERE id = {transfer}", "transfer"),
    "transfer_form  ": ("UPDATE ledger_transfer SET amount = 0 WHERE id = {transfer}", "transfer"),
    "transfer_form   ": ("UPDATE ledger_transfer SET credit_id = debit_id WHERE id = {transfer}", "transfer"),
    "transfer_form    ": ("UPDATE ledger_transfer SET request_digest = NULL WHERE id = {entry}", "entry"),
    "transfer_form     ": ("UPDATE ledger_transfer SET phase = 'VOID' WHERE id = {transfer}", "transfer"),
    "chain    ": ("UPDATE ledger_transfer SET amount = 99 WHERE id = {post}", "post"),
    "chain     ": ("UPDATE ledger_transfer SET hold_of_id = {voided} WHERE id = {post}", "post"),
    "chain": ("UPDATE ledger_transfer SET amount = amount + 1 WHERE id = {transfer}", "transfer"),
    "chain ": (
        "UPDATE ledger_transfer SET debit_posted = debit_posted + 1 WHERE id = {transfer}",
        "transfer",
    ),
    "chain  ": ("UPDATE ledger_transfer SET credit_id = {idle} WHERE id = {transfer}", "transfer"),
    "chain   ": ("UPDATE ledger_account SET owner_id = 'thief' WHERE id = {payer}", "first"),
    "account_balance": ("UPDATE ledger_account SET posted = posted + 1 WHERE id = {payer}", "payer"),
    "account_balance ": ("UPDATE ledger_account SET held = held - 1 WHERE id = {payer}", "payer"),
    "account_balance  ": ("UPDATE ledger_account SET last_hash = sha256('x') WHERE id = {payer}", "payer"),
    "account_balance   ": ("UPDATE ledger_account SET version = version + 1 WHERE id = {payer}", "payer"),
}


@pytest.mark.parametrize("check", DAMAGE)
def test_damage_behind_the_guards_is_found_and_named(check: str) -> None:
    payer, payee, idle, other = f.account(), f.account(), f.account(), f.account(f.cod(), opening=50)
    opening = f.post(Direct(f.world(), payer, 1_000))
    moved = f.post(Direct(payer, payee, 100))
    hold, void, _open = f.post(
        Hold(payer, payee, 50), Hold(payer, payee, 60), Hold(payer, payee, 70)
    ).transfer_ids
    (post,) = f.post(services.Post(hold, 30)).transfer_ids
    f.post(Void(void))
    f.post(Direct(payer, payee, 100))
    assert queries.verify() is None
    names = {
        "payer": payer, "idle": idle, "other": other, "entry": moved.entry_id, "transfer": moved.transfer_ids[0],
        "first_of_three": hold, "last_of_three": _open, "post": post, "voided": void, "first": opening.transfer_ids[0],
    }  # fmt: skip
    sql, culprit = DAMAGE[check]
    for table in TABLES:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    run("DROP INDEX ledger_hold_resolved_once")
    for name in ("amount", "two_accounts", "resolves"):
        run(f"ALTER TABLE ledger_transfer DROP CONSTRAINT ledger_transfer_{name}")
    run(sql.format(**names))
    fault = queries.verify()
    assert fault is not None
    assert (fault.check, fault.row_id) == (check.strip(), names[culprit])
    assert str(names[culprit]) in str(fault)


def answer_of(check: str) -> int | None:
    """What one check says alone: these two look for faults of a function, whose hashes would agree."""
    with connection.cursor() as cursor:
        cursor.execute({name: sql for name, _table, _text, sql in queries.CHECKS}[check])
        found: int | None = cursor.fetchone()[0]
    return found


def test_a_sum_that_is_not_zero_is_found() -> None:
    payee = f.account(opening=100)
    assert answer_of("asset_sum") is None
    run("ALTER TABLE ledger_account DISABLE TRIGGER USER")
    run("UPDATE ledger_account SET posted = posted + 7 WHERE id = %s", payee)
    assert answer_of("asset_sum") == services.money_asset().pk


@pytest.mark.parametrize(
    "change", ["amount = 51", "hold_of_id = {second}", "hold_of_id = {direct}", "phase = 'VOID'"]
)
def test_a_resolution_that_does_not_fit_its_hold_is_found(change: str) -> None:
    payer, payee = f.account(opening=100), f.account()
    (direct,) = f.post(Direct(payer, payee, 10)).transfer_ids
    hold, second = f.post(Hold(payer, payee, 50), Hold(payer, payee, 40)).transfer_ids
    f.post(Void(second))
    (post,) = f.post(services.Post(hold, 30)).transfer_ids
    assert answer_of("hold_resolution") is None
    run("ALTER TABLE ledger_transfer DISABLE TRIGGER USER")
    run("DROP INDEX ledger_hold_resolved_once")
    run(f"UPDATE ledger_transfer SET {change.format(second=second, direct=direct)} WHERE id = {post}")
    assert answer_of("hold_resolution") == post


def test_the_digest_of_all_heads_changes_with_every_entry() -> None:
    a, b = f.account(opening=9), f.account()
    before = queries.digest()
    assert queries.digest() == before
    f.post(Direct(a, b, 1))
    assert queries.digest() != before
    assert queries.digest().accounts == before.accounts


def test_the_functions_run_with_fixed_rights_and_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosecdef, array_to_string(proconfig, ';') FROM pg_proc"
            " WHERE proname IN ('ledger_post_one', 'ledger_post_many', 'ledger_open_account', 'ledger_open_asset')"
        )
        found = cursor.fetchall()
    assert len(found) == 4
    for _name, definer, config in found:
        assert definer
        assert config == "search_path=public, pg_temp"


def test_the_times_of_an_entry_are_kept_apart() -> None:
    number = f.account(opening=1)
    entry = Entry.objects.get(pk=Transfer.objects.get(credit_id=number).entry_id)
    assert entry.at == f.AT
    assert entry.recorded_at > dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
