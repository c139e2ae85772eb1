"""Every table is append-only, history-tracked, or says in its docstring why it is neither."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

OWN = [model for model in apps.get_models() if model.__module__.startswith("terrace.")]


@pytest.mark.django_db
def test_every_table_is_append_only_or_tracked_or_says_why() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.relname, p.proname, t.tgname FROM pg_trigger t"
            " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
        )
        triggers: dict[str, set[str]] = {}
        for table, function, name in cursor.fetchall():
            triggers.setdefault(table, set()).update((function, name))
    unprotected = []
    for model in OWN:
        names = triggers.get(model._meta.db_table, set())
        is_append_only = "terrace_refuse_change" in names or any("append_only" in n for n in names)
        is_tracked = any(n.startswith("pgtrigger_") for n in names)
        doc = " ".join((model.__doc__ or "").lower().split())
        if not (is_append_only or is_tracked or "not history-tracked:" in doc or "not tracked:" in doc):
            unprotected.append(model._meta.label)
    assert unprotected == []


def test_foreign_keys_point_down_the_layers() -> None:
    order = [
        "base", "workdays", "audit", "orgs", "documents", "ledger", "procedures", "notify", "publication",
        "rulebooks", "rights", "reserve", "settlement", "listings", "auctions", "web",
    ]  # fmt: skip
    level = {label: place for place, label in enumerate(order)}
    unknown = {m._meta.app_label for m in OWN} - set(level)
    assert not unknown, f"place these apps in the order: {sorted(unknown)}"
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in OWN
        for field in model._meta.get_fields()
        if field.concrete and field.is_relation and field.related_model is not None
        and field.related_model._meta.app_label in level
        and level[field.related_model._meta.app_label] > level[model._meta.app_label]
    ]  # fmt: skip
    assert upward == []


def test_quantities_and_money_are_integers() -> None:
    """No float and no decimal column holds a quantity, a price or an amount."""
    wrong = [
        f"{model._meta.label}.{field.name}"
        for model in OWN
        for field in model._meta.get_fields()
        if field.concrete and field.get_internal_type() in ("FloatField", "DecimalField")
    ]
    assert wrong == []
