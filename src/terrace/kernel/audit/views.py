"""The auditor's pages of the journal: the list with its exports, and one entry with its place in the chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from terrace.kernel.audit import access, queries, rules
from terrace.kernel.audit.forms import JournalFilter
from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.lists import EXPORT_MAX, as_csv, as_json
from terrace.kernel.base.texts import Text

PAGE_SIZE = 50
COLUMNS = (
    "id",
    "stream",
    "position",
    "at",
    "act",
    "actor_name",
    "actor_user_id",
    "actor_person_id",
    "actor_organisation_id",
    "organisation",
    "via",
    "subject_type",
    "subject_id",
    "reason",
    "clause",
    "facts",
    "previous_hash",
    "entry_hash",
)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    access.may_read_journal(actor).require()
    return actor


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _names(entries: list[JournalEntry]) -> dict[int, Text]:
    ids = sorted({e.actor_organisation_id for e in entries if e.actor_organisation_id is not None})
    return {pk: Text(zh, en) for pk, (zh, en) in queries.organisation_names(ids).items()}


@login_required
@require_safe
def journal(request: HttpRequest) -> HttpResponse:
    """The acts, newest first, fifty a page, filtered by the address."""
    _actor(request)
    form = JournalFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    entries = (
        list(queries.list_entries(**chosen, before=_before(request))[: PAGE_SIZE + 1])
        if form.is_valid()
        else []
    )
    more = len(entries) > PAGE_SIZE
    entries = entries[:PAGE_SIZE]
    names = _names(entries)
    context = {
        "form": form,
        "rows": [
            {
                "entry": e,
                "label": rules.act_label(e.act),
                "organisation": names.get(e.actor_organisation_id or 0, ""),
            }
            for e in entries
        ],
        "older": entries[-1].pk if more else None,
        "is_first": _before(request) is None,
    }
    return render(request, "audit/journal.html", context, status=200 if form.is_valid() else 422)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner)
    else:
        yield prefix, value


def _word(value: Any) -> str:
    if value is None or value == "":
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes_of(facts: dict[str, Any]) -> list[tuple[Text, str, str]]:
    """Name, before, after of everything that an act changed, as it wrote down in its facts."""
    before, after = facts.get("before"), facts.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    was, now = dict(_flat("", before)), dict(_flat("", after))
    names = [n for n in dict.fromkeys([*was, *now]) if n]
    return [(rules.fact_label(n), _word(was.get(n)), _word(now.get(n))) for n in names]


@login_required
@require_safe
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One act: who, to what, before and after, why, under which clause; and whether the chain holds there."""
    found = access.get_entry_for(_actor(request), entry_id)
    changes = changes_of(found.facts)
    plain = {k: v for k, v in found.facts.items() if not (changes and k in ("before", "after"))}
    names = _names([found])
    context = {
        "entry": found,
        "organisation": names.get(found.actor_organisation_id or 0, ""),
        "changes": changes,
        "label": rules.act_label(found.act),
        "facts": [(rules.fact_label(name), _word(value)) for name, value in _flat("", plain) if name],
        "link": queries.link_of(entry_id),
    }
    return render(request, "audit/entry.html", context)


def _record(entry: JournalEntry, names: dict[int, Text]) -> dict[str, Any]:
    organisation = names.get(entry.actor_organisation_id or 0)
    values: dict[str, Any] = {name: getattr(entry, name, None) for name in COLUMNS}
    return values | {
        "at": local(entry.at).isoformat(),
        "organisation": organisation.zh if organisation is not None else "",
    }


def _exported(request: HttpRequest) -> list[dict[str, Any]]:
    _actor(request)
    form = JournalFilter(request.GET)
    if not form.is_valid():
        name = next(iter(form.errors))
        raise InputInvalid(
            where=name,
            got=request.GET.get(name, ""),
            expected=Text("日期(年-月-日)或编号", "a date (year-month-day) or a number"),
        )
    entries = list(queries.list_entries(**form.cleaned_data, before=_before(request))[:EXPORT_MAX])
    names = _names(entries)
    return [_record(e, names) for e in entries]


@login_required
@require_safe
def journal_json(request: HttpRequest) -> HttpResponse:
    """The same list as JSON, at most 10,000 entries; `before` goes on from the last one."""
    entries = _exported(request)
    older = entries[-1]["id"] if len(entries) == EXPORT_MAX else None
    return as_json({"entries": entries, "older_before": older})


@login_required
@require_safe
def journal_csv(request: HttpRequest) -> HttpResponse:
    """The same list as CSV for spreadsheets (UTF-8 with mark), at most 10,000 entries."""
    return as_csv("journal.csv", COLUMNS, _exported(request))
