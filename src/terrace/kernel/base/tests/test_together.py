"""The first migration of a context makes whole tables: same state, same constraints, and back again."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState

from terrace.kernel.base.db import Together

pytestmark = pytest.mark.django_db

OPERATIONS: list[migrations.operations.base.Operation] = [
    migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel("Book", [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField())]),
    migrations.AddField("Book", "shelf", models.ForeignKey("audit.Shelf", models.CASCADE)),
    migrations.AddConstraint("Book", models.CheckConstraint(condition=models.Q(pages__gt=0), name="book_pages")),
    migrations.AddIndex("Book", models.Index(fields=["pages"], name="book_pages_index")),
]  # fmt: skip


def test_together_makes_what_the_operations_make_one_by_one() -> None:
    one_by_one, together, before = ProjectState(), ProjectState(), ProjectState()
    for operation in OPERATIONS:
        operation.state_forwards("audit", one_by_one)
    assert together.apps.get_models() == []  # rendered before, as in the middle of a migration run
    step = Together(OPERATIONS)
    step.state_forwards("audit", together)
    assert together.models.keys() == one_by_one.models.keys()
    assert all(together.models[key] == one_by_one.models[key] for key in one_by_one.models)
    assert step.describe() == "Create Shelf, Book"
    assert step.deconstruct() == ("Together", [OPERATIONS], {})

    with connection.schema_editor() as editor:
        step.database_forwards("audit", editor, before, together)
    shelf, book = together.apps.get_model("audit", "Shelf"), together.apps.get_model("audit", "Book")
    placed = shelf.objects.create()
    book.objects.create(pages=1, shelf=placed)
    with pytest.raises(IntegrityError, match="book_pages"), transaction.atomic():
        book.objects.create(pages=0, shelf=placed)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "audit_book")
    assert "book_pages_index" in found
    assert any(c["foreign_key"] == ("audit_shelf", "id") for c in found.values())

    book.objects.all().delete()
    shelf.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.schema_editor() as editor:
        step.database_backwards("audit", editor, together, before)
    assert {"audit_book", "audit_shelf"}.isdisjoint(connection.introspection.table_names())
