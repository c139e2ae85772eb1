"""Pages that combine contexts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods

from terrace.kernel import workdays
from terrace.kernel.base import clock
from terrace.kernel.base.actor import ANONYMOUS, Actor
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.web import page, queries, services
from terrace.web.forms import ClockForm
from terrace.web.glossary import GLOSSARY, STAGES, term


def _actor(request: HttpRequest) -> Actor:
    return getattr(request, "actor", ANONYMOUS)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is on sale, until when, and how to take part."""
    return render(request, "web/home.html")


@require_GET
def how_to(request: HttpRequest) -> HttpResponse:
    """The seven steps of a buyer and every word of the market."""
    stages = [
        {
            "title": stage.title,
            "text": stage.text,
            "who": stage.who,
            "bring": stage.bring,
            "terms": [term(anchor) for anchor in stage.terms],
        }
        for stage in STAGES
    ]
    return render(request, "web/how_to.html", {"stages": stages, "glossary": GLOSSARY})


@require_http_methods(["GET", "POST"])
def demo_clock(request: HttpRequest) -> HttpResponse:
    """Moves the demo city's time: to the next deadline, by one working day, or to an instant."""
    if not settings.TERRACE_DEMO:
        raise Http404
    now = page.now()
    due = queries.next_deadline(now)
    form = ClockForm(request.POST if request.POST.get("step") == "at" else None)
    refusal: Refusal | None = None
    if request.method == "POST":
        target = _clock_target(request.POST.get("step", ""), form, now, due)
        if target is not None:
            try:
                services.set_clock(actor=_actor(request), instant=target, reason="demo", now=now)
            except Refusal as error:
                refusal = error
            else:
                messages.success(request, Text("平台时间已调整。", "The clock was moved.").of(get_language()))
                return _see_other(request.path)
    context: dict[str, Any] = {
        "form": form,
        "refusal": refusal,
        "due": due,
        "tomorrow": _next_workday(now),
        "now": now,
    }
    return render(request, "web/demo_clock.html", context, status=refusal.http_status if refusal else 200)


def _clock_target(
    step: str, form: ClockForm, now: dt.datetime, due: dt.datetime | None
) -> dt.datetime | None:
    """The instant that the pressed button means; None when the form has to be shown again."""
    if step == "next":
        return due + dt.timedelta(seconds=1) if due is not None else None
    if step == "workday":
        return _next_workday(now)
    return form.cleaned_data["at"] if form.is_valid() else None


def _next_workday(now: dt.datetime) -> dt.datetime:
    """Nine o'clock of the next working day."""
    return clock.at_local(workdays.add(clock.local(now).date(), 1), 9)


def _see_other(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
