"""Pages: the rulebooks for everybody, a decision for those concerned, parameters for the bureau."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods

from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.lists import as_csv, as_json, page_of
from terrace.kernel.base.texts import Text
from terrace.market.rulebooks import access, queries, rules, services
from terrace.market.rulebooks.forms import (
    PARAMETER_LABELS,
    VALUE_LABELS,
    AnswerForm,
    ParameterForm,
    SelfCheckForm,
)
from terrace.market.rulebooks.models import ParameterState

STATES = {
    ParameterState.WAITING: (Text("待审核", "waiting"), "water"),
    ParameterState.APPROVED: (Text("已批准", "approved"), "leaf"),
    ParameterState.REJECTED: (Text("已退回", "rejected"), "quiet"),
}


def _seeother(name: str, *args: object) -> HttpResponseRedirect:
    response = HttpResponseRedirect(reverse(name, args=args))
    response.status_code = 303
    return response


def _language() -> str:
    return get_language() or "zh-hans"


def _value(name: str, value: str) -> Text:
    """A parameter's value in words."""
    if name == "covered":
        return rules.fact_value(value.split())
    return VALUE_LABELS.get(value, Text(value, value))


def _period(first: dt.date, last: dt.date) -> Text:
    """From when to when, as a page says it."""
    begins, ends = first != dt.date.min, last != dt.date.max
    if begins and ends:
        return Text(f"{first} 至 {last}", f"{first} to {last}")
    if begins:
        return Text(f"{first} 起", f"from {first}")
    return Text(f"至 {last}", f"to {last}") if ends else Text("全期", "throughout")


@require_GET
def rulebooks(request: HttpRequest) -> HttpResponse:
    """Every rulebook: place, version, from when to when, how many of its values are only proposed."""
    today = clock.today()
    books = [
        {
            "book": book,
            "in_force": book.in_force(today),
            "period": _period(book.effective_from, book.effective_to),
            "proposed": sum(1 for rule in book.rules if rule.proposed)
            + sum(1 for parameter in book.parameters if parameter.proposed),
        }
        for book in queries.list_rulebooks()
    ]
    return render(
        request,
        "rulebooks/list.html",
        {"books": books, "may_propose": bool(access.may_propose_parameter(request.actor))},  # type: ignore[attr-defined]
    )


@require_GET
def rulebook(request: HttpRequest, name: str) -> HttpResponse:
    """One rulebook: its rules with clause and period, its parameters with the value in force today."""
    today = clock.today()
    book = queries.get_rulebook(name)
    lines = [
        {
            "label": PARAMETER_LABELS[line.parameter.name],
            "parameter": line.parameter,
            "value": _value(line.parameter.name, line.parameter.value),
            "from_start": line.parameter.effective_from.year == 1,
            "in_force": line.in_force and book.in_force(today),
            "changed": line.changed,
        }
        for line in queries.parameter_lines(book, today)
    ]
    shown = [
        {
            "rule": rule,
            "in_force": rule.in_force(today) and book.in_force(today),
            "period": _period(rule.effective_from, rule.effective_to),
        }
        for rule in book.rules
    ]
    return render(
        request,
        "rulebooks/rulebook.html",
        {
            "book": book,
            "rules": shown,
            "lines": lines,
            "in_force": book.in_force(today),
            "period": _period(book.effective_from, book.effective_to),
        },
    )


def _parameter_rows() -> list[dict[str, Any]]:
    today = clock.today()
    return [
        {
            "rulebook": book.name,
            "version": book.version,
            "parameter": line.parameter.name,
            "value": line.parameter.value,
            "unit": line.parameter.unit,
            "clause": line.parameter.clause,
            "effective_from": ""
            if line.parameter.effective_from.year == 1
            else line.parameter.effective_from.isoformat(),
            "in_force": line.in_force and book.in_force(today),
            "proposed": line.parameter.proposed,
        }
        for book in queries.list_rulebooks()
        for line in queries.parameter_lines(book, today)
    ]


@require_GET
def parameters_json(request: HttpRequest) -> HttpResponse:
    """Every parameter of every rulebook as data."""
    return as_json({"parameters": _parameter_rows()})


@require_GET
def parameters_csv(request: HttpRequest) -> HttpResponse:
    """The same as a table."""
    rows = _parameter_rows()
    return as_csv("rulebook-parameters.csv", list(rows[0]), rows)


@require_GET
def self_check(request: HttpRequest) -> HttpResponse:
    """Must my project buy? For everybody, without signing in; the answers live in the address, nothing is stored."""
    asked = "kind" in request.GET
    today = clock.today()
    form = SelfCheckForm(
        request.GET if asked else None, initial={"kind": "new", "on": today}, language=_language()
    )
    context: dict[str, object] = {"form": form}
    if asked and form.is_valid():
        on = form.cleaned_data["on"]
        try:
            context |= _checked(form.case(), on)
        except rules.RulebookUnknown:
            none = Text("该日没有已载入的规则集。", "No rulebook is loaded for that day.")
            form.add_error("on", none.of(_language()))
    return render(request, "rulebooks/self_check.html", context, status=422 if asked and form.errors else 200)


def _checked(case: rules.EligibilityCase, on: dt.date) -> dict[str, object]:
    book = queries.get_rulebook_on(on)
    result = rules.decide(case, book, on).as_dict()
    # Without a lot the bars have nothing to judge: the page names them, and does not list them as unknown.
    result["rules"] = [rule for rule in result["rules"] if rule["kind"] != "bar"]
    return {
        "result": result,
        "statement": Text(result["statement_zh"], result["statement_en"]),
        "book": book,
        "buys": result["verdict"] in (rules.Verdict.MUST_BUY, rules.Verdict.VOLUNTARY),
    }


@require_GET
def decision(request: HttpRequest, decision_id: int) -> HttpResponse:
    """One stored decision, explained."""
    found = access.get_decision_for(request.actor, decision_id)  # type: ignore[attr-defined]
    result = found.result
    facts = [
        (Text("对象", "About"), found.organisation.name if found.organisation else found.subject_id),
        (Text("判定日期", "Day of the law"), found.on.isoformat()),
        (
            Text("替代比例", "Replacement ratio"),
            f"{found.replacement_ratio}:1" if found.replacement_ratio else "—",
        ),
        (Text("规则集", "Rulebook"), f"{found.rulebook} {found.version}"),
        (Text("关键条款", "Deciding clause"), found.clause or "—"),
    ]
    return render(
        request,
        "rulebooks/decision.html",
        {
            "decision": found,
            "result": result,
            "statement": Text(result["statement_zh"], result["statement_en"]),
            "facts": facts,
        },
    )


@require_GET
def parameters(request: HttpRequest) -> HttpResponse:
    """The changes of parameters, the waiting ones first."""
    access.may_see_parameter(request.actor).require()  # type: ignore[attr-defined]
    page = page_of(request, queries.list_parameters())
    rows = [
        {
            "parameter": p,
            "label": PARAMETER_LABELS[p.name],
            "value": _value(p.name, p.value),
            "state": STATES[ParameterState(p.state)],
        }
        for p in page
    ]
    return render(
        request,
        "rulebooks/parameters.html",
        {"page": page, "rows": rows, "may_propose": bool(access.may_propose_parameter(request.actor))},  # type: ignore[attr-defined]
    )


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """Propose a parameter's value from a future day on."""
    actor = request.actor  # type: ignore[attr-defined]
    access.may_propose_parameter(actor).require()
    form = ParameterForm(request.POST if request.method == "POST" else None, language=_language())
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.propose_parameter(
                actor=actor,
                key=request.POST.get("idempotency_key"),
                now=clock.now(),
                **form.cleaned_data,
            )
            return _seeother("rulebooks:parameter", made.pk)
        except Refusal as raised:
            refusal = raised
    status = 422 if request.method == "POST" else 200
    return render(request, "rulebooks/propose.html", {"form": form, "refusal": refusal}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def parameter(request: HttpRequest, parameter_id: int) -> HttpResponse:
    """One change: what it is, and the second person's answer."""
    actor = request.actor  # type: ignore[attr-defined]
    found = access.get_parameter_for(actor, parameter_id)
    may_decide = found.state == ParameterState.WAITING and bool(access.may_decide_parameter(actor))
    form = AnswerForm(request.POST if request.method == "POST" else None, language=_language())
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.decide_parameter(
                actor=actor,
                parameter_id=found.pk,
                approve=form.cleaned_data["answer"] == "approve",
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
            return _seeother("rulebooks:parameter", found.pk)
        except Refusal as raised:
            refusal = raised
    book = queries.get_rulebook(found.rulebook)
    facts = [
        (Text("规则集", "Rulebook"), book.title),
        (Text("参数", "Parameter"), PARAMETER_LABELS[found.name]),
        (Text("新值", "New value"), _value(found.name, found.value)),
        (Text("现值", "Value today"), _value(found.name, _value_today(book, found.name))),
        (Text("生效日期", "First day"), found.effective_from.isoformat()),
        (Text("依据", "Basis"), found.clause),
        (Text("理由", "Reason"), found.reason),
        (Text("提出人", "Proposed by"), found.proposed_by_name),
        (Text("审核人", "Decided by"), found.decided_by_name or "—"),
        (Text("审核意见", "Answer"), found.decision_reason or "—"),
    ]
    return render(
        request,
        "rulebooks/parameter.html",
        {
            "parameter": found,
            "facts": facts,
            "state": STATES[ParameterState(found.state)],
            "may_decide": may_decide,
            "form": form,
            "refusal": refusal,
        },
        status=422 if request.method == "POST" else 200,
    )


def _value_today(book: rules.Rulebook, name: str) -> str:
    try:
        return book.parameter(name, clock.today()).value
    except KeyError:
        return "—"
