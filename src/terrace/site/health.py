"""/healthz: the process answers. /readyz: database, jobs and clock are as the platform needs them."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

CLOCK_SECONDS_MAX = 2.0
WORKER_SILENCE_SECONDS_MAX = 60


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as this process serves requests; asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything is there, else 503 with what is missing."""
    checks: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            before = dt.datetime.now(dt.UTC)
            cursor.execute(
                "SELECT clock_timestamp(), (SELECT max(last_heartbeat) FROM procrastinate_workers), terrace_now()"
            )
            row = cursor.fetchone()
            after = dt.datetime.now(dt.UTC)
        assert row is not None
        checks["database"] = "ok"
        distance = max((before - row[0]).total_seconds(), (row[0] - after).total_seconds(), 0.0)
        checks["clock"] = (
            "ok" if distance <= CLOCK_SECONDS_MAX else f"database clock differs by {distance:.1f} s"
        )
        if not settings.TERRACE_DEMO and abs((row[2] - row[0]).total_seconds()) > 1:
            checks["clock"] = "the platform clock is shifted; production runs on the database clock"
        silent = None if row[1] is None else (row[0] - row[1]).total_seconds()
        checks["jobs"] = (
            "ok" if silent is not None and silent <= WORKER_SILENCE_SECONDS_MAX else "no worker is running"
        )
    except DatabaseError as error:
        checks["database"] = f"unreachable: {type(error).__name__}"
    is_ready = bool(checks) and all(value == "ok" for value in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "not ready", "checks": checks}, status=200 if is_ready else 503
    )
