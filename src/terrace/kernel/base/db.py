"""Transactions and the few database habits that every service shares.

`act` marks a service: one public function = one durable transaction = one journal entry. It is an
error to call one act from inside another; parts that several acts share are plain private functions.
Database faults become `ServiceBusy`, never a business refusal (five-bells-ledger #402).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db import models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.utils import OperationalError

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Refusal, ServiceBusy
from terrace.kernel.base.texts import Text

P = ParamSpec("P")
R = TypeVar("R")

_BUSY_SQLSTATES = {
    "40001",
    "40P01",
    "55P03",
    "57014",
}  # serialisation, deadlock, lock not available, cancelled

acts_catalogue: dict[str, Callable[..., Any]] = {}


class OutsideDelegation(Refusal):
    """The actor is a clerk by delegation letter only, and the letter does not cover this act."""

    code = "access.outside_delegation"
    text = Text("您的授权委托书不包含此项事务。", "Your delegation letter does not cover this act.")
    hint = Text(
        "请由单位审批人另行出具授权委托书，或由本单位经办人办理。",
        "Ask the firm's approver for a letter that covers it, or let the firm's own clerk do it.",
    )
    http_status = 403


def act(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a service function: run it in one durable transaction.

    Waiting for a lock ends after the session's lock_timeout (settings) with `ServiceBusy`.

    `name` is the journal's word for the act, three parts: "listing.signup.submit".
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        acts_catalogue[name] = function

        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            actor = kwargs.get("actor")
            if isinstance(actor, Actor) and not actor.covers(name):
                raise OutsideDelegation
            try:
                with transaction.atomic(durable=True):
                    return function(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) in _BUSY_SQLSTATES:
                    raise ServiceBusy from error
                raise

        wrapper.act_name = name  # type: ignore[attr-defined]
        return wrapper

    return decorate


class CityRow(models.Model):
    """Every market and brand row carries its city, so that a nation can shard by it (design.md)."""

    city = models.CharField(max_length=6, default="371500", db_comment="division code of the city, GB/T 2260")

    class Meta:
        abstract = True


class Together(Operation):
    """All tables of a new context in one step, for its first migration: a fresh start takes seconds, not a minute.

    Django renders every related model anew after each field, constraint and trigger. Here the state is completed
    first, its new models are rendered once, and each table is made whole. The inner operations stay what
    `makemigrations` wrote; only CreateModel, AddField, AddConstraint, AddIndex and AddTrigger have a place here.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, operations: list[Operation]) -> None:
        self.operations = operations

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.operations], {}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        rendered = state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)
        if rendered is not None:
            new = [state.models[app_label, o.name_lower] for o in self._tables()]
            rendered.render_multiple(new)
            state.__dict__["apps"] = rendered

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in self._tables():
            model = to_state.apps.get_model(app_label, table.name)
            if table.allow_migrate_model(schema_editor.connection.alias, model):
                schema_editor.create_model(model)
        for operation in self.operations:
            if type(operation).__name__ == "AddTrigger":
                operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in reversed(self._tables()):
            model = from_state.apps.get_model(app_label, table.name)
            if table.allow_migrate_model(schema_editor.connection.alias, model):
                schema_editor.delete_model(model)

    def describe(self) -> str:
        return f"Create {', '.join(o.name for o in self._tables())}"

    def _tables(self) -> list[CreateModel]:
        return [o for o in self.operations if isinstance(o, CreateModel)]
