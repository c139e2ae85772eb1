"""What contexts above want to hear of a court: that its order needs a right they hold, and that it was lifted.

Handlers are parts: they run inside the transaction of the act that tells, and a refusal of theirs undoes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from terrace.kernel.base.actor import Actor
from terrace.market.rights.models import Parcel, ParcelHold
from terrace.market.rights.rules import HoldKind, HoldState

FreezeHandler = Callable[[ParcelHold, Actor, str, dt.datetime], str]
LiftHandler = Callable[[int, Actor, str, dt.datetime], list[str]]

_freeze_handlers: dict[str, FreezeHandler] = {}
_lift_handlers: list[LiftHandler] = []


def on_court_freeze(subject_type: str, handler: FreezeHandler) -> None:
    """Register who holds rights for `subject_type` and must let go when a court needs them.

    `handler(hold, actor, ruling_no, now)` stops what the right was held for, releases the hold and returns what it
    stopped, for the journal. Call it in AppConfig.ready(); repeating is harmless.
    """
    _freeze_handlers[subject_type] = handler


def on_court_lift(handler: LiftHandler) -> None:
    """Register what follows when a court lets go of (part of) a parcel: `handler(parcel_id, actor, ruling_no, now)`
    returns what goes on or ends, for the journal."""
    if handler not in _lift_handlers:
        _lift_handlers.append(handler)


def make_way(parcel_id: int, wanted_g: int, actor: Actor, ruling_no: str, now: dt.datetime) -> list[str]:
    """Part: where the free quantity (grams per year) is less than a court orders, stop what holds the rest, the
    youngest first, as far as it is needed. Nothing is stopped for an order that the whole parcel cannot meet."""
    parcel = Parcel.objects.filter(pk=parcel_id).first()
    if parcel is None:
        return []
    holds = [
        hold
        for hold in ParcelHold.objects.filter(
            parcel=parcel, kind=HoldKind.LISTING.value, state=HoldState.ACTIVE.value
        ).order_by("-placed_at", "-pk")
        if hold.subject_type in _freeze_handlers
    ]
    free = parcel.free_g
    if free + sum(hold.quantity_g for hold in holds) < wanted_g:
        return []
    stopped = []
    for hold in holds:
        if free >= wanted_g:
            break
        stopped.append(_freeze_handlers[hold.subject_type](hold, actor, ruling_no, now))
        free += hold.quantity_g
    return stopped


def tell_lifted(parcel_id: int, actor: Actor, ruling_no: str, now: dt.datetime) -> list[str]:
    """Part: run the handlers of a lifted freeze, after the court's hold is gone."""
    return [line for handler in _lift_handlers for line in handler(parcel_id, actor, ruling_no, now)]
