"""Structured logs: one JSON object a line in production, readable lines in the demo. Configured once per process."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configuration(*, as_json: bool, level: str = "INFO") -> dict[str, Any]:
    """Django's LOGGING dictionary."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        final.append(structlog.processors.format_exc_info)  # type: ignore[arg-type]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [*final, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "terrace": {"level": level},
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "ERROR"},
        },
    }


def request_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every request gets a reference number, shown on error pages and written to the log."""
    logger = logging.getLogger("terrace.request")

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        reference = uuid.uuid4().hex[:12]
        request.reference = reference  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(reference=reference):
            response = get_response(request)
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            if response.status_code >= 500 or milliseconds > 1000:
                logger.warning(
                    "%s %s %s %s ms", request.method, request.path, response.status_code, milliseconds
                )
            else:
                logger.info(
                    "%s %s %s %s ms", request.method, request.path, response.status_code, milliseconds
                )
        response["X-Request-Reference"] = reference
        return response

    return middleware
