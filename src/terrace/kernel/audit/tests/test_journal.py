"""The journal: chained, append-only, and a repeat gets the first answer."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection

from terrace.kernel.audit import queries, services
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import KeyReused

pytestmark = pytest.mark.django_db


def write(n: int = 1, **more: object) -> int:
    return services.record(
        actor=SYSTEM, act="test.thing.do", subject_type="thing", subject_id=n, at=clock.now(), **more
    )  # type: ignore[arg-type]


def test_positions_are_gapless_in_each_stream_and_the_chain_verifies() -> None:
    for n in range(3):
        write(n)
        write(n, stream="auction:1")
    assert queries.verify_chain() is None
    assert list(queries.entries_of("thing", 2).values_list("stream", "position")) == [
        ("auction:1", 3),
        ("main", 3),
    ]


def test_update_and_delete_are_refused() -> None:
    entry = write()
    for statement in (
        "UPDATE audit_journal SET reason = 'x' WHERE id = %s",
        "DELETE FROM audit_journal WHERE id = %s",
    ):
        with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT s")
            try:
                cursor.execute(statement, [entry])
            finally:
                cursor.execute("ROLLBACK TO s")


@pytest.mark.parametrize(
    "damage",
    ["UPDATE audit_journal SET reason = 'x' WHERE id = %s", "DELETE FROM audit_journal WHERE id = %s"],
)
def test_damage_behind_the_triggers_is_found_and_named(damage: str) -> None:
    ids = [write(n) for n in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_journal DISABLE TRIGGER append_only")
        cursor.execute(damage, [ids[1]])
        cursor.execute("ALTER TABLE audit_journal ENABLE TRIGGER append_only")
    fault = queries.verify_chain()
    assert fault is not None
    assert fault.entry_id in (ids[1], ids[2])


def test_a_cut_off_tail_is_noticed() -> None:
    ids = [write(n) for n in range(2)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_journal DISABLE TRIGGER append_only")
        cursor.execute("DELETE FROM audit_journal WHERE id = %s", [ids[-1]])
        cursor.execute("ALTER TABLE audit_journal ENABLE TRIGGER append_only")
    fault = queries.verify_chain()
    assert fault is not None
    assert fault.what == "head"


def test_a_repeat_gets_the_first_answer_and_other_content_is_refused() -> None:
    digest = services.digest_of({"a": 1})
    write(7, key="k1", request_digest=digest, result={"id": 7})
    assert services.first_answer(actor=SYSTEM, act="test.thing.do", key="k1", request_digest=digest) == {
        "id": 7
    }
    assert services.first_answer(actor=SYSTEM, act="test.thing.do", key="k2", request_digest=digest) is None
    assert services.first_answer(actor=SYSTEM, act="test.thing.do", key=None, request_digest=digest) is None
    with pytest.raises(KeyReused):
        services.first_answer(
            actor=SYSTEM, act="test.thing.do", key="k1", request_digest=services.digest_of({"a": 2})
        )
