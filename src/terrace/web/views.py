"""Pages that combine contexts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What is on sale, until when, and how to take part."""
    return render(request, "web/home.html")
