"""The building blocks of pages. README.md of `web` shows each with a snippet."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from django import forms, template
from django.conf import settings
from django.core.paginator import Page
from django.template.context import Context
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import queries as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.rulebooks.rules import Verdict, fact_label, fact_value
from terrace.web import navigation, page, queries
from terrace.web.icons import ICONS
from terrace.web.models import plain_query
from terrace.web.templatetags.figures import due as due_text
from terrace.web.templatetags.figures import iso, when
from terrace.web.templatetags.words import in_language

register = template.Library()

TONES = ("water", "leaf", "cinnabar", "quiet")


# --- small things -----------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, title: str = "") -> SafeString:
    """One of our own drawings, hidden from screen readers unless it has a title."""
    shape = ICONS[name]
    label = format_html('role="img" aria-label="{}"', title) if title else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="t-icon" viewBox="0 0 24 24" width="20" height="20" focusable="false" {}>{}</svg>',
        label,
        mark_safe(shape),  # noqa: S308  our own drawing from icons.py
    )


@register.simple_tag(takes_context=True)
def idempotency_key(context: Context) -> SafeString:
    """A hidden field that makes a repeated click the same request. Kept when the form is shown again."""
    request = context.get("request")
    kept = request.POST.get("idempotency_key", "") if request is not None else ""
    return format_html(
        '<input type="hidden" name="idempotency_key" value="{}">', kept[:64] if kept else str(uuid.uuid4())
    )


@register.simple_tag(takes_context=True)
def url_with(context: Context, **changes: Any) -> str:
    """This page's address with some query values changed; None removes one: `{% url_with page=2 area=None %}`."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        else:
            query[name] = str(value)
    encoded = query.urlencode()
    return f"?{encoded}" if encoded else context["request"].path


@register.inclusion_tag("components/status.html")
def status(label: Any, tone: str = "quiet") -> dict[str, Any]:
    """A state as a chip. Tones: water (under way), leaf (done), cinnabar (due or wrong), quiet (the rest)."""
    return {"label": in_language(label), "tone": tone if tone in TONES else "quiet"}


@register.inclusion_tag("components/deadline.html")
def deadline(instant: dt.datetime | None) -> dict[str, Any]:
    """A deadline chip: the instant, what is left, cinnabar on the last day and after."""
    if not instant:
        return {"text": ""}
    seconds = (instant - page.now()).total_seconds()
    return {
        "text": due_text(instant),
        "iso": iso(instant),
        "tone": "cinnabar" if seconds < 86_400 else "quiet",
    }


@register.inclusion_tag("components/countdown.html")
def countdown(instant: dt.datetime | None, label: Any = "") -> dict[str, Any]:
    """Counts down to an instant by the server's time; without scripts it reads as the instant itself."""
    return {
        "until": iso(instant),
        "text": when(instant),
        "server_now": page.now().isoformat() if instant else "",
        "label": in_language(label),
    }


# --- parts of a page --------------------------------------------------------------------------------------


@register.inclusion_tag("components/page_header.html")
def page_header(
    title: Any, lead: Any = "", kicker: Any = "", number: str = "", back_url: str = "", back: Any = ""
) -> dict[str, Any]:
    """The heading of a page: one h1, what the page is for, its number, the way back."""
    return {
        "title": in_language(title),
        "lead": in_language(lead),
        "kicker": in_language(kicker),
        "number": number,
        "back_url": back_url,
        "back": in_language(back) or in_language(Text("返回", "Back")),
    }


@register.inclusion_tag("components/summary_list.html")
def summary_list(facts: Any, title: Any = "") -> dict[str, Any]:
    """Facts as a definition list: items are (label, value) or (label, value, address)."""
    rows = []
    for fact in facts:
        label, value, *rest = fact
        rows.append(
            {"label": in_language(label), "value": in_language(value), "url": rest[0] if rest else ""}
        )
    return {"rows": rows, "title": in_language(title)}


TASK_STATES = {
    "done": (Text("已完成", "Done"), "leaf"),
    "doing": (Text("填写中", "In progress"), "water"),
    "todo": (Text("未开始", "Not started"), "quiet"),
    "blocked": (Text("暂不能填写", "Cannot start yet"), "quiet"),
    "wrong": (Text("需要修改", "Needs correction"), "cinnabar"),
}


@register.inclusion_tag("components/task_list.html")
def task_list(tasks: Any, title: Any = "") -> dict[str, Any]:
    """The steps of an application: dicts with title, state (done, doing, todo, blocked, wrong), url, note."""
    rows = []
    for task in tasks:
        label, tone = TASK_STATES[task["state"]]
        rows.append(
            {
                "title": in_language(task["title"]),
                "note": in_language(task.get("note", "")),
                "url": "" if task["state"] == "blocked" else task.get("url", ""),
                "label": in_language(task.get("label") or label),
                "tone": tone,
            }
        )
    return {"rows": rows, "title": in_language(title), "done": sum(t["state"] == "done" for t in tasks)}


@register.inclusion_tag("components/empty.html")
def empty(title: Any, text: Any = "", url: str = "", action: Any = "") -> dict[str, Any]:
    """What would stand here, and how it gets here."""
    return {"title": in_language(title), "text": in_language(text), "url": url, "action": in_language(action)}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Context, items: Page) -> dict[str, Any]:
    """Links to the other pages of a list, keeping the filters. `items` is a Django paginator page."""
    return {"page": items, "request": context["request"]}


@register.inclusion_tag("components/filter_bar.html", takes_context=True)
def filter_bar(context: Context, form: forms.Form, csv_url: str = "", json_url: str = "") -> dict[str, Any]:
    """The filters of a list, kept in its address, and the export of exactly what is shown."""
    for field in form:
        _dress(field)
    return {
        "form": form,
        "request": context["request"],
        "csrf_token": context.get("csrf_token", ""),
        "query": context["request"].GET.urlencode(),
        "csv_url": csv_url,
        "json_url": json_url,
    }


@register.inclusion_tag("components/exports.html", takes_context=True)
def exports(context: Context, csv_url: str = "", json_url: str = "") -> dict[str, Any]:
    """Links to the rows of a list as CSV, Excel and JSON, with the filters of the address."""
    return {
        "query": _filters_of(context),
        "csv_url": csv_url,
        "xlsx_url": f"{csv_url.removesuffix('.csv')}.xlsx",
        "json_url": json_url,
    }


@register.inclusion_tag("components/saved_views.html", takes_context=True)
def saved_views(context: Context) -> dict[str, Any]:
    """The filters that the reader saved on this list, and the way to save the present ones. One query when signed in."""
    request = context["request"]
    user_id = getattr(getattr(request, "actor", None), "user_id", None)
    return {
        "request": request,
        "csrf_token": context.get("csrf_token", ""),
        "query": _filters_of(context),
        "may_save": user_id is not None,
        "views": queries.saved_views(user_id, request.path) if user_id is not None else [],
    }


def _filters_of(context: Context) -> str:
    """The filters in the address without the place in the list."""
    return plain_query(context["request"].GET.urlencode())


@register.inclusion_tag("components/document_list.html")
def document_list(documents: Any, title: Any = "") -> dict[str, Any]:
    """Files with size, digest and date. Items are documents of the kernel (url, filename, size, digest, at)."""
    return {"documents": documents, "title": in_language(title)}


@register.inclusion_tag("components/explain.html")
def explain(decision: Any, title: Any = "") -> dict[str, Any]:
    """Why a rule decided as it did: verdict, each rule with clause and facts, what would make it pass."""
    return {"decision": decision, "title": in_language(title)}


OUTCOMES = {
    True: ("passed", "check", Text("通过", "Passed")),
    False: ("failed", "cross", Text("不通过", "Not passed")),
    None: ("unknown", "question", Text("未判定", "Not decided")),
}


@register.simple_tag
def verdict(code: str) -> Any:
    """The verdict of a decision in words; an unknown one as it is."""
    try:
        return in_language(Verdict(str(code).lower()).label)
    except ValueError:
        return code


def _part(thing: Any, name: str, default: Any = "") -> Any:
    """A field of a stored (dict) or computed (dataclass) rule result."""
    return thing.get(name, default) if isinstance(thing, dict) else getattr(thing, name, default)


@register.simple_tag
def rule_view(rule: Any) -> dict[str, Any]:
    """One rule result ready for the page: outcome, sign, words, facts as pairs."""
    outcome, sign, word = OUTCOMES[_part(rule, "passed", None)]
    if outcome == "failed" and _part(rule, "kind") in ("scope", "exemption"):
        outcome, word = "neutral", Text("不符合此条", "Does not apply")  # not met, but nothing is wrong
    facts = _part(rule, "facts", None) or {}
    return {
        "outcome": outcome,
        "icon": sign,
        "word": in_language(word),
        "reason": _spoken_part(rule, "reason"),
        "text": _spoken_part(rule, "text"),
        "remedy": _spoken_part(rule, "remedy") if outcome != "passed" else "",
        "clause": f"{_part(rule, 'id')} {in_language(_clause(rule))}".strip(),
        "proposed": bool(_part(rule, "proposed", False)),
        "facts": [
            (in_language(fact_label(name)), in_language(fact_value(value)))
            for name, value in dict(facts).items()
        ],
    }


def _clause(rule: Any) -> Text:
    """A clause by its Chinese name, and in English where the rulebook has it."""
    clause = str(_part(rule, "clause"))
    return Text(clause, str(_part(rule, "clause_en")) or clause)


def _spoken_part(rule: Any, name: str) -> Any:
    """A text that a computed rule carries as Text and a stored one as `name_zh`, `name_en`."""
    whole = _part(rule, name)
    return in_language(whole or Text(_part(rule, f"{name}_zh"), _part(rule, f"{name}_en")))


@register.inclusion_tag("components/confirm.html")
def consequence(lines: Any, title: Any = "") -> dict[str, Any]:
    """What an act that cannot be undone will do, in numbers: (label, value) pairs. Stands above its button."""
    return {
        "rows": [(in_language(label), in_language(value)) for label, value in lines],
        "title": in_language(title) or in_language(Text("此操作不可撤销", "This cannot be undone")),
    }


@register.inclusion_tag("components/procedure_line.html", takes_context=True)
def procedure_line(context: Context, case: Case, public: bool = False) -> dict[str, Any]:
    """The procedure of a case as a vertical line: done (who, when), now (until when), next (who, clause).

    `public=True` leaves out names and reasons. Two or three queries.
    """
    line = procedures.timeline_of(case, now=page.now())
    actor = getattr(context.get("request"), "actor", None)
    refused = []
    if not public and actor is not None and actor.user_id is not None:
        refused = [option for option in procedures.options_for(case, actor) if not option.allowed]
    return {
        "line": line,
        "next": [step for step in line.next if step.expected],
        "refused": refused,
        "public": public,
    }


# --- forms ------------------------------------------------------------------------------------------------


@register.inclusion_tag("components/error_summary.html")
def error_summary(form: forms.BaseForm | None = None, refusal: Refusal | None = None) -> dict[str, Any]:
    """On top of a form: the refusal and every field error, each linked to its field."""
    items = []
    if form is not None and form.is_bound:
        for message in form.non_field_errors():
            items.append({"text": message, "target": ""})
        for field in form:
            items.extend(
                {"text": f"{field.label}：{message}" if _chinese() else f"{field.label}: {message}",
                 "target": field.id_for_label or field.auto_id}
                for message in field.errors
            )  # fmt: skip
    return {"items": items, "refusal": refusal}


@register.inclusion_tag("components/form_fields.html")
def form_fields(form: forms.BaseForm) -> dict[str, Any]:
    """Every visible field with label, help and error; hidden fields too."""
    return {"fields": [_dress(field) for field in form.visible_fields()], "hidden": form.hidden_fields()}


@register.inclusion_tag("components/form_field.html")
def form_field(field: forms.BoundField, suffix: Any = "") -> dict[str, Any]:
    """One field; `suffix` is the unit that stands behind the box (吨/年, 元)."""
    return {"field": _dress(field), "suffix": in_language(suffix)}


def _dress(field: forms.BoundField) -> forms.BoundField:
    """Give the widget its look and its links to help and error for screen readers."""
    widget = field.field.widget
    if isinstance(widget, (forms.RadioSelect, forms.CheckboxSelectMultiple)):
        return field  # several boxes: the style sheet knows them by their fieldset
    kind = getattr(widget, "input_type", "")
    if kind in ("checkbox", "radio"):
        look = "form-check-input"
    elif kind == "select" or isinstance(widget, forms.Select):
        look = "form-select"
    else:
        look = "form-control"
    classes = widget.attrs.get("class", "").split()
    if look not in classes:
        classes.append(look)
    if field.errors and "is-invalid" not in classes:
        classes.append("is-invalid")
    widget.attrs["class"] = " ".join(classes)
    return field


def _chinese() -> bool:
    return bool(in_language(Text("1", "")))


# --- charts -----------------------------------------------------------------------------------------------


@register.inclusion_tag("components/chart.html")
def chart(spec: dict[str, Any]) -> dict[str, Any]:
    """A chart with its table twin and download. The keys of `spec` stand in README.md of `web`."""
    text = json.dumps(_spoken(spec), ensure_ascii=False, default=str)
    safe = text.translate({ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"})
    columns = [in_language(c) for c in spec.get("columns", ())]
    return {
        "id": escape(spec["id"]),
        "title": in_language(spec["title"]),
        "note": in_language(spec.get("note", "")),
        "json": mark_safe(safe),  # noqa: S308  <, > and & are escaped above
        "columns": columns,
        "rows": [[in_language(cell) for cell in row] for row in spec.get("rows", ())],
        "csv_url": spec.get("csv_url", ""),
        "json_url": spec.get("json_url", ""),
        "height": spec.get("height", "md"),
        "is_flow": "links" in spec,
    }


def _spoken(value: Any) -> Any:
    """The same structure with every Text in the page's language."""
    if isinstance(value, dict):
        return {k: _spoken(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spoken(v) for v in value]
    return in_language(value) if isinstance(value, Text) else value


# --- the frame --------------------------------------------------------------------------------------------


@register.inclusion_tag("components/site_header.html", takes_context=True)
def site_header(context: Context) -> dict[str, Any]:
    """Site name, links by role, language, sign-in; works without a request (the page of a fault)."""
    request = context.get("request")
    actor = getattr(request, "actor", None)
    path = getattr(request, "path", "")
    signed_in = actor is not None and actor.user_id is not None
    return {
        "request": request,
        "csrf_token": context.get("csrf_token", ""),
        "actor": actor if signed_in else None,
        "roles": sorted(actor.roles) if actor is not None and signed_in else [],
        "public": navigation.links(navigation.PUBLIC, actor, path),
        "own": navigation.links(navigation.SIGNED_IN, actor, path) if signed_in else [],
        "next": request.get_full_path() if request is not None and request.method == "GET" else "/",
    }


@register.inclusion_tag("components/demo_bar.html", takes_context=True)
def demo_bar(context: Context) -> dict[str, Any]:
    """In demo mode: that the data are invented, what time the platform shows, where the accounts are."""
    shown = bool(settings.TERRACE_DEMO) and context.get("request") is not None and not context.get("bare")
    return {"shown": shown, "now": page.now() if shown else None}
