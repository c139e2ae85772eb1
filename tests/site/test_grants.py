"""What the application may do with its own database role: the second lock beside the triggers."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from terrace.kernel.audit.queries import verify_chain
from terrace.kernel.audit.services import record
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.orgs.models import Approval
from terrace.site import database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def as_application() -> object:
    """The grants as production sets them, and a session that works under the application's role."""
    database.prepare()
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {database.APP_ROLE}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_journal (stream) VALUES ('x')",
        "UPDATE audit_journal SET reason = 'x'",
        "DELETE FROM audit_journal",
        "TRUNCATE audit_journal",
        "UPDATE audit_stream SET position = 0",
        "UPDATE ledger_account SET posted = 0",
        "INSERT INTO ledger_entry DEFAULT VALUES",
        "DELETE FROM ledger_transfer",
        "UPDATE orgs_organisationevent SET name = 'x'",
        "DELETE FROM orgs_approval",
        "ALTER TABLE audit_journal DISABLE TRIGGER append_only",
        "DROP TABLE audit_journal",
    ],
)
def test_history_is_out_of_reach_even_with_the_triggers_announced(
    as_application: object, statement: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET LOCAL terrace.ledger_writes = 'on'")
        cursor.execute(statement)


def test_acts_are_journalled_through_the_function(as_application: object) -> None:
    with transaction.atomic():
        record(actor=SYSTEM, act="test.grant.use", subject_type="thing", subject_id=1, at=clock.now())
    assert verify_chain() is None


def test_a_second_person_may_decide(as_application: object) -> None:
    """Approvals are guarded in part only: what was asked is fixed, the answer is written later."""
    with transaction.atomic():
        assert list(Approval.objects.select_for_update().filter(state="WAITING")) == []
    assert Approval.objects.filter(state="WAITING").update(reason="") == 0


# What each function with its owner's rights is for. A new one fails below until it is judged and named here.
REVIEWED = {
    "ledger_open_account": "opens an account",
    "ledger_open_asset": "opens an asset",
    "ledger_post_many": "posts many entries",
    "ledger_post_one": "posts one entry of one transfer",
    "terrace_journal": "writes one entry of the journal",
}


def _definers() -> dict[str, bool]:
    """Each function with its owner's rights, in any schema of ours, and whether everybody may execute it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
            " WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        return dict(cursor.fetchall())


def test_functions_with_their_owners_rights_are_known_and_for_the_application_alone() -> None:
    database.prepare()
    found = _definers()
    assert sorted(set(found) - set(REVIEWED)) == [], "a new SECURITY DEFINER function: judge it, then name it"
    assert [name for name, everybody in found.items() if everybody] == []


def test_a_function_that_a_later_release_adds_is_closed_by_the_next_preparation() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION later_release(p_given text) RETURNS text LANGUAGE sql SECURITY DEFINER"
            " SET search_path = pg_catalog AS 'SELECT p_given'"
        )
        try:
            assert _definers()["later_release"]
            database.prepare()
            assert not _definers()["later_release"]
            cursor.execute(
                f"SELECT has_function_privilege('{database.APP_ROLE}', 'later_release(text)', 'EXECUTE')"
            )
            assert cursor.fetchone() == (True,)
        finally:
            cursor.execute("DROP FUNCTION later_release(text)")


def test_functions_with_their_owners_rights_pin_the_search_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND NOT coalesce(proconfig::text, '') LIKE '%%search_path%%' ORDER BY 1"
        )
        assert cursor.fetchall() == []
