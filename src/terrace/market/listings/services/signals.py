"""What auctions, which stand above, want to hear: a mode was decided, a bidder admitted, an offer stopped by a court.

Handlers are parts: they run inside the transaction of the act that tells, and a refusal of theirs undoes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Literal

from terrace.kernel.base.texts import Text
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.rules import Mode

ModeHandler = Callable[[Listing, dt.datetime], None]
AdmittedHandler = Callable[[SignUp, dt.datetime], None]

StopEvent = Literal["suspended", "resumed", "ended"]
StopHandler = Callable[[Listing, StopEvent, dt.datetime], None]

_mode_handlers: dict[Mode, list[ModeHandler]] = {}
_admitted_handlers: list[AdmittedHandler] = []
_stop_handlers: list[StopHandler] = []


def on_mode(mode: str, handler: ModeHandler) -> None:
    """Register what follows a mode: `handler(listing, now)`. Call it in AppConfig.ready(); repeating is harmless.

    "BIDDING" may be told twice: when quoting opens before the decision (`listing.mode` is then still empty)
    and when the mode is decided; the handler opens its auction at the first and keeps it at the second.
    "AGREEMENT" and "FAILED" are told once, at the decision, also when quoting was open already.
    """
    handlers = _mode_handlers.setdefault(Mode(mode), [])
    if handler not in handlers:
        handlers.append(handler)


def on_admitted(handler: AdmittedHandler) -> None:
    """Register what follows an admission (qualified, deposit held): `handler(signup, now)`; told once per sign-up."""
    if handler not in _admitted_handlers:
        _admitted_handlers.append(handler)


def on_stop(handler: StopHandler) -> None:
    """Register what follows when a court stops an offer that is being sold: `handler(listing, event, now)`.

    `event` is "suspended" (take no more quotes), "resumed" (an agreement goes on) or "ended" (nothing will be sold).
    """
    if handler not in _stop_handlers:
        _stop_handlers.append(handler)


def tell_stop(listing: Listing, event: StopEvent, now: dt.datetime) -> None:
    """Part: run the handlers of a stop in the order they were registered."""
    for handler in _stop_handlers:
        handler(listing, event, now)


def tell_mode(mode: Mode, listing: Listing, now: dt.datetime) -> None:
    """Part: run the handlers of a mode in the order they were registered."""
    for handler in _mode_handlers.get(mode, []):
        handler(listing, now)


def tell_admitted(signup: SignUp, now: dt.datetime) -> None:
    """Part: run the handlers of an admission."""
    for handler in _admitted_handlers:
        handler(signup, now)


SaleLink = Callable[[int], tuple[Text, str] | None]
_sale_links: list[SaleLink] = []


def link_sale(finder: SaleLink) -> None:
    """Register where an offer is sold: `finder(listing_id)` gives words and address of its auction or agreement,
    or None. The lot's page shows them. Call it in AppConfig.ready()."""
    if finder not in _sale_links:
        _sale_links.append(finder)


def sale_links(listing_id: int) -> list[tuple[Text, str]]:
    """Where an offer is being sold, for the lot's page."""
    return [link for finder in _sale_links if (link := finder(listing_id)) is not None]
