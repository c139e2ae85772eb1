"""The peer: a Django view that does one INSERT, with nothing around it. No middleware, no session, no rules."""

from __future__ import annotations

import os

from django.conf import settings

from terrace.site.settings.base import database_from_url

settings.configure(
    SECRET_KEY="bare",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="bench.auction.bare",
    MIDDLEWARE=[],
    INSTALLED_APPS=[],
    DATABASES={"default": database_from_url(os.environ["DATABASE_URL"])},
)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - settings come first
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def insert(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_bare (price_fen) VALUES (%s) RETURNING id", [len(request.body)])
        response = JsonResponse({"id": cursor.fetchone()[0]}, status=201)
    response["Content-Length"] = len(response.content)  # CommonMiddleware would do it
    return response


urlpatterns = [path("bare", insert)]
application = get_wsgi_application()
