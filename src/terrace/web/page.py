"""What the page of one request shares: the platform's time, read from the database at most once."""

from __future__ import annotations

import datetime as dt
import secrets
from contextvars import ContextVar, Token

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


def reference() -> str:
    """A short number that a person can read out and an operator can find in the log: `T-7F3A-91C2`."""
    digits = secrets.token_hex(4).upper()
    return f"T-{digits[:4]}-{digits[4:]}"
