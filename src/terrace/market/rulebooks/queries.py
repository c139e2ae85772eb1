"""Rulebooks with their approved changes, stored decisions, parameters waiting for the second person."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.urls import reverse

from terrace.kernel.orgs.models import Approval
from terrace.market.rulebooks import rules
from terrace.market.rulebooks.models import EligibilityDecision, ParameterState, RulebookParameter


def _changes(names: list[str]) -> dict[str, list[rules.Parameter]]:
    rows = RulebookParameter.objects.filter(rulebook__in=names, state=ParameterState.APPROVED)
    found: dict[str, list[rules.Parameter]] = {}
    for row in rows.order_by("effective_from", "id"):
        found.setdefault(row.rulebook, []).append(
            rules.Parameter(row.name, row.value, row.clause, row.unit, row.effective_from)
        )
    return found


def get_rulebook(name: str) -> rules.Rulebook:
    """The rulebook of that name or alias with every approved change. One query. Raises RulebookUnknown."""
    book = rules.rulebook(name)
    return book.with_parameters(_changes([book.name]).get(book.name, []))


def get_rulebook_on(on: dt.date, jurisdiction: str = "") -> rules.Rulebook:
    """The rulebook in force in a place (default: this city) on a day, with its approved changes."""
    return get_rulebook(rules.rulebook_on(jurisdiction or settings.TERRACE_CITY, on).name)


def list_rulebooks() -> list[rules.Rulebook]:
    """Every rulebook with its approved changes, oldest first. One query."""
    books = rules.rulebooks()
    changes = _changes([book.name for book in books])
    return [book.with_parameters(changes.get(book.name, [])) for book in books]


@dataclass(frozen=True, slots=True)
class ParameterLine:
    """One line of a rulebook's table of parameters."""

    parameter: rules.Parameter
    in_force: bool
    changed: bool


def parameter_lines(book: rules.Rulebook, on: dt.date) -> list[ParameterLine]:
    """The parameters of a rulebook, those of one name together, with which value is in force on a day."""
    packaged = set(rules.rulebook(book.name).parameters)
    order = {name: n for n, name in enumerate(dict.fromkeys(p.name for p in book.parameters))}
    lines = []
    for parameter in sorted(book.parameters, key=lambda p: (order[p.name], p.effective_from)):
        try:
            current = book.parameter(parameter.name, on) is parameter
        except KeyError:
            current = False
        lines.append(ParameterLine(parameter, current, parameter not in packaged))
    return lines


def list_parameters() -> QuerySet[RulebookParameter]:
    """Every change of a parameter: those that wait for the second person first, then the latest."""
    return RulebookParameter.objects.order_by(
        ExpressionWrapper(Q(state=ParameterState.WAITING), BooleanField()).desc(), "-id"
    )


def decisions_of(subject_type: str, subject_id: object) -> QuerySet[EligibilityDecision]:
    """The decisions about a subject, the latest first."""
    return EligibilityDecision.objects.filter(subject_type=subject_type, subject_id=str(subject_id)).order_by(
        "-id"
    )


def parameter_url(approval: Approval) -> str:
    """Where the second person decides on a parameter."""
    return reverse("rulebooks:parameter", args=[approval.subject_id])
