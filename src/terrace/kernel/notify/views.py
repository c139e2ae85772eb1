"""The inbox: one's own messages, newest first."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from terrace.kernel.base import clock
from terrace.kernel.base.lists import page_of
from terrace.kernel.notify import queries, services


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: HttpRequest) -> HttpResponse:
    """The list; POST marks the ticked messages, or all of them, as read."""
    actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    if request.method == "POST":
        ids = None if "all" in request.POST else [int(i) for i in request.POST.getlist("id") if i.isdecimal()]
        services.mark_read(actor=actor, message_ids=ids, now=clock.now())
        response = HttpResponseRedirect(reverse("notify:inbox"))
        response.status_code = 303
        return response
    page = page_of(request, queries.inbox_of(actor))
    return render(request, "notify/inbox.html", {"page": page, "unread": queries.count_unread(actor)})


@login_required
@require_safe
def follow(request: HttpRequest, message_id: int) -> HttpResponse:
    """Open what a message is about; the message counts as read from then on."""
    actor = request.actor  # type: ignore[attr-defined]  # set by the middleware of orgs
    message = services.open_message(actor=actor, message_id=message_id, now=clock.now())
    response = HttpResponseRedirect(message.url or reverse("notify:inbox"))
    response.status_code = 303
    return response
