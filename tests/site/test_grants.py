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


def test_functions_with_their_owners_rights_pin_the_search_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            " AND NOT coalesce(proconfig::text, '') LIKE '%%search_path%%' ORDER BY 1"
        )
        assert cursor.fetchall() == []
