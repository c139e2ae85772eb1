"""What the page of one request shares: the platform's time, read from the database at most once."""

from __future__ import annotations

import datetime as dt
import secrets
from contextvars import ContextVar, Token

from django.http import HttpRequest

from terrace.kernel.base import clock

_times: ContextVar[dict[str, dt.datetime] | None] = ContextVar("terrace_page_times", default=None)


def begin() -> Token[dict[str, dt.datetime] | None]:
    """A new request starts: forget the time of the one before."""
    return _times.set({})


def end(token: Token[dict[str, dt.datetime] | None]) -> None:
    _times.reset(token)


def now() -> dt.datetime:
    """The platform's time for this page; every deadline on one page is measured from the same instant."""
    times = _times.get()
    if times is None:
        return clock.now()
    if "now" not in times:
        times["now"] = clock.now()
    return times["now"]


def reference_of(request: HttpRequest) -> str:
    """The number under which the log knows this request; a fresh one where no middleware gave it."""
    return str(getattr(request, "reference", "") or secrets.token_hex(6))
