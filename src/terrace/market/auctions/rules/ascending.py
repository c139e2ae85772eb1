"""E1, the ascending auction of one lot: who may quote what and when, when it ends, and who has won.

A pure fold: `opening(terms)` gives the first state, `place(terms, state, quote)` the next one or a named
refusal. The SQL function `auction_place_bid` decides the same under the row lock; a property-based test
holds the two together over random histories. Nothing here asks for the time: `quote.at` is the database
clock, and an instant that runs backwards counts as the last one seen (the sequence decides, not the clock).

Periods are half-open: [opens_at, free end) free, then the wait if at least two bidders quoted, then the
timed period; each *accepted* quote in it starts the whole window again (Yunnan exchange rule; Shantou
land rule, arts. 19-24). A refused quote changes nothing.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

PRICE_FEN_MAX = 10**15
ALGORITHM = "ascending/1"


class Phase(enum.StrEnum):
    """Where the auction stands at an instant."""

    BEFORE = "BEFORE"
    FREE = "FREE"
    WAIT = "WAIT"
    TIMED = "TIMED"
    CLOSED = "CLOSED"


class Why(enum.StrEnum):
    """Why a quote is refused; the value is the last part of the refusal's code."""

    NOT_ADMITTED = "not_admitted"
    ORGANISATION_INACTIVE = "organisation_inactive"
    DEPOSIT_MISSING = "deposit_missing"
    NOT_OPEN = "not_open"
    WAITING = "waiting"
    CLOSED = "closed"
    NOT_IN_FREE_PERIOD = "not_in_free_period"
    ALREADY_LEADING = "already_leading"
    TOO_HIGH = "too_high"
    TOO_LOW = "too_low"
    NOT_A_STEP = "not_a_step"
    OVER_OWN_LIMIT = "over_own_limit"
    CONFIRM_JUMP = "confirm_jump"


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules of one auction, fixed at opening. Prices are fen per tonne on the basis of the lot."""

    start_price_fen: int
    increment_fen: int
    opens_at: dt.datetime
    free_until: dt.datetime
    wait: dt.timedelta = dt.timedelta(minutes=4)
    window: dt.timedelta = dt.timedelta(minutes=4)
    timed_period: bool = True
    timed_quoters_min: int = 2
    whole_steps: bool = True
    free_quoters_only: bool = True
    leader_may_raise: bool = True
    late_quote: dt.timedelta | None = None
    extensions_max: int | None = None
    confirm_factor: int = 10

    def __post_init__(self) -> None:
        if self.start_price_fen <= 0 or self.increment_fen <= 0:
            raise ValueError("the starting price and the increment must be positive")
        if self.free_until <= self.opens_at:
            raise ValueError("the free period must end after it opens")
        if self.wait < dt.timedelta(0) or self.window <= dt.timedelta(0):
            raise ValueError("the wait cannot be negative and the window must last")
        if self.late_quote is not None and (self.timed_period or self.late_quote <= dt.timedelta(0)):
            raise ValueError("late quotes extend the free period only where no timed period follows")
        if self.extensions_max is not None and self.extensions_max < 0:
            raise ValueError("the greatest number of extensions cannot be negative")
        if self.timed_quoters_min < 1:
            raise ValueError("a timed period needs at least one bidder")
        if not 2 <= self.confirm_factor <= 1000:
            raise ValueError("the factor from which a quote needs a confirmation lies between 2 and 1000")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the platform knows of a bidder when the quote arrives."""

    admitted: bool = True
    organisation_active: bool = True
    deposit_held: bool = True
    limit_fen: int | None = None


GOOD_STANDING = Standing()


@dataclass(frozen=True, slots=True)
class Quote:
    """One quote as it reached the platform."""

    bidder: str
    price_fen: int
    at: dt.datetime
    confirmed: bool = False
    standing: Standing = GOOD_STANDING


@dataclass(frozen=True, slots=True)
class State:
    """Everything later quotes depend on. `timed_ends_at` is set by the first quote of the timed period."""

    seq: int
    best_fen: int | None
    leader: str | None
    free_quoters: tuple[str, ...]
    free_ends_at: dt.datetime
    timed_ends_at: dt.datetime | None
    extensions: int
    last_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Moment:
    """The phase at an instant and the instant at which it ends (None: it does not end)."""

    phase: Phase
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Accepted:
    state: State
    at: dt.datetime
    phase: Phase
    extended: bool


@dataclass(frozen=True, slots=True)
class Refused:
    why: Why
    at: dt.datetime
    phase: Phase
    minimum_fen: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: sold to the highest quote at its own price, or unsold because nobody quoted."""

    status: str
    winner: str | None
    price_fen: int | None
    winning_seq: int | None
    ended_at: dt.datetime
    bids: int
    extensions: int


def opening(terms: Terms) -> State:
    """The state before any quote."""
    return State(0, None, None, (), terms.free_until, None, 0, None)


def minimum(terms: Terms, state: State) -> int:
    """The next valid price: the starting price, then the best quote and one increment."""
    return terms.start_price_fen if state.best_fen is None else state.best_fen + terms.increment_fen


def has_timed_period(terms: Terms, state: State) -> bool:
    """A timed period follows only when enough bidders (two, unless the notice says more) quoted in the free period."""
    return terms.timed_period and len(state.free_quoters) >= terms.timed_quoters_min


def ends_at(terms: Terms, state: State) -> dt.datetime:
    """When the auction ends as things stand; a later quote can only move it later."""
    if not has_timed_period(terms, state):
        return state.free_ends_at
    return state.timed_ends_at or state.free_ends_at + terms.wait + terms.window


def moment(terms: Terms, state: State, now: dt.datetime) -> Moment:
    """The phase at `now`."""
    if now < terms.opens_at:
        return Moment(Phase.BEFORE, terms.opens_at)
    if now < state.free_ends_at:
        return Moment(Phase.FREE, state.free_ends_at)
    if has_timed_period(terms, state):
        starts = state.free_ends_at + terms.wait
        if now < starts:
            return Moment(Phase.WAIT, starts)
        if now < ends_at(terms, state):
            return Moment(Phase.TIMED, ends_at(terms, state))
    return Moment(Phase.CLOSED, None)


def place(terms: Terms, state: State, quote: Quote) -> Accepted | Refused:
    """Accept `quote` and return the next state, or refuse it with the first reason that applies.

    The order of reasons is fixed: who quotes, then when, then how much.
    """
    at = quote.at if state.last_at is None else max(quote.at, state.last_at)
    here = moment(terms, state, at)
    why = _refusal(terms, state, quote, here.phase)
    if why is not None:
        return Refused(why, at, here.phase, minimum(terms, state))
    after = replace(state, seq=state.seq + 1, best_fen=quote.price_fen, leader=quote.bidder, last_at=at)
    if here.phase is Phase.FREE and quote.bidder not in state.free_quoters:
        after = replace(after, free_quoters=(*state.free_quoters, quote.bidder))
    may_extend = terms.extensions_max is None or state.extensions < terms.extensions_max
    extended = False
    if here.phase is Phase.TIMED and may_extend:
        after = replace(after, timed_ends_at=at + terms.window, extensions=state.extensions + 1)
        extended = True
    elif here.phase is Phase.FREE and terms.late_quote is not None and may_extend:
        later = at + terms.late_quote
        if later > state.free_ends_at:
            after = replace(after, free_ends_at=later, extensions=state.extensions + 1)
            extended = True
    return Accepted(after, at, here.phase, extended)


def _refusal(terms: Terms, state: State, quote: Quote, phase: Phase) -> Why | None:
    next_valid = minimum(terms, state)
    above_start = quote.price_fen - terms.start_price_fen
    limit = quote.standing.limit_fen
    checks = (
        (not quote.standing.admitted, Why.NOT_ADMITTED),
        (not quote.standing.organisation_active, Why.ORGANISATION_INACTIVE),
        (not quote.standing.deposit_held, Why.DEPOSIT_MISSING),
        (phase is Phase.BEFORE, Why.NOT_OPEN),
        (phase is Phase.WAIT, Why.WAITING),
        (phase is Phase.CLOSED, Why.CLOSED),
        (
            phase is Phase.TIMED and terms.free_quoters_only and quote.bidder not in state.free_quoters,
            Why.NOT_IN_FREE_PERIOD,
        ),
        (not terms.leader_may_raise and quote.bidder == state.leader, Why.ALREADY_LEADING),
        (quote.price_fen > PRICE_FEN_MAX, Why.TOO_HIGH),
        (quote.price_fen < next_valid, Why.TOO_LOW),
        (terms.whole_steps and above_start % terms.increment_fen != 0, Why.NOT_A_STEP),
        (limit is not None and quote.price_fen > limit, Why.OVER_OWN_LIMIT),
        (not quote.confirmed and quote.price_fen > terms.confirm_factor * next_valid, Why.CONFIRM_JUMP),
    )
    return next((why for failed, why in checks if failed), None)


def replay(terms: Terms, quotes: Iterable[Quote]) -> State:
    """Fold stored accepted quotes in sequence; a quote that would be refused is an error in the record."""
    state = opening(terms)
    for quote in quotes:
        answer = place(terms, state, quote)
        if isinstance(answer, Refused):
            raise ValueError(f"bid {state.seq + 1} could not have been accepted: {answer.why}")
        state = answer.state
    return state


def outcome(terms: Terms, state: State) -> Outcome:
    """The result of a state after its end. One quote at or above the start suffices to sell."""
    sold = state.leader is not None
    return Outcome(
        status="sold" if sold else "unsold",
        winner=state.leader,
        price_fen=state.best_fen,
        winning_seq=state.seq if sold else None,
        ended_at=ends_at(terms, state),
        bids=state.seq,
        extensions=state.extensions,
    )


class BundleInvalid(ValueError):
    """A bundle that cannot be read: says which field and what is expected."""


def bundle(terms: Terms, quotes: Iterable[Quote], *, about: Mapping[str, str]) -> dict[str, Any]:
    """The published, re-runnable record: terms, accepted bids in sequence, outcome and the hash over all three.

    `about` names the lot (number, title): it is hashed too, so that a bundle cannot be passed off as another's.
    """
    placed = tuple(quotes)
    body: dict[str, Any] = {
        "kind": "ascending",
        "algorithm": ALGORITHM,
        "about": dict(about),
        "terms": _terms_out(terms),
        "bids": [
            {"seq": n, "bidder": q.bidder, "price_fen": q.price_fen, "at": _instant_out(q.at)}
            for n, q in enumerate(placed, start=1)
        ],
        "outcome": _outcome_out(outcome(terms, replay(terms, (replace(q, confirmed=True) for q in placed)))),
    }
    return {**body, "bundle_sha256": digest(body)}


def digest(body: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON (sorted keys, no spaces, UTF-8) of everything but the hash itself."""
    plain = {key: value for key, value in body.items() if key != "bundle_sha256"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def rerun(given: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a bundle again from its terms and bids alone; equal to the given one if nothing was touched.

    Raises BundleInvalid when it cannot be read or a bid breaks the terms.
    """
    if given.get("kind") != "ascending" or given.get("algorithm") != ALGORITHM:
        raise BundleInvalid(f"kind and algorithm must be 'ascending' and {ALGORITHM!r}")
    try:
        terms = _terms_in(given["terms"])
        about = {str(key): str(value) for key, value in dict(given.get("about", {})).items()}
        quotes = []
        for place_in_list, row in enumerate(given["bids"], start=1):
            if row["seq"] != place_in_list:
                raise BundleInvalid(f"bids[{place_in_list - 1}].seq must be {place_in_list}")
            quotes.append(
                Quote(str(row["bidder"]), _whole(row["price_fen"]), _instant_in(row["at"]), confirmed=True)
            )
        return bundle(terms, quotes, about=about)
    except BundleInvalid:
        raise
    except (KeyError, TypeError) as error:
        raise BundleInvalid(f"a field is missing or of another kind: {error}") from error
    except (ValueError, OverflowError) as error:
        raise BundleInvalid(str(error)) from error


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BundleInvalid(f"expected a whole number, got {value!r}")
    return value


def _instant_out(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _instant_in(value: object) -> dt.datetime:
    instant = dt.datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise BundleInvalid(f"the instant {value!r} names no time zone")
    return instant


def _seconds_out(value: dt.timedelta | None) -> int | None:
    return None if value is None else int(value.total_seconds())


def _seconds_in(value: object) -> dt.timedelta:
    return dt.timedelta(seconds=_whole(value))


def _terms_out(terms: Terms) -> dict[str, Any]:
    return {
        "start_price_fen": terms.start_price_fen,
        "increment_fen": terms.increment_fen,
        "opens_at": _instant_out(terms.opens_at),
        "free_until": _instant_out(terms.free_until),
        "wait_seconds": _seconds_out(terms.wait),
        "window_seconds": _seconds_out(terms.window),
        "timed_period": terms.timed_period,
        "timed_quoters_min": terms.timed_quoters_min,
        "whole_steps": terms.whole_steps,
        "free_quoters_only": terms.free_quoters_only,
        "leader_may_raise": terms.leader_may_raise,
        "late_quote_seconds": _seconds_out(terms.late_quote),
        "extensions_max": terms.extensions_max,
        "confirm_factor": terms.confirm_factor,
    }


def _terms_in(row: Mapping[str, Any]) -> Terms:
    late = row["late_quote_seconds"]
    cap = row["extensions_max"]
    return Terms(
        start_price_fen=_whole(row["start_price_fen"]),
        increment_fen=_whole(row["increment_fen"]),
        opens_at=_instant_in(row["opens_at"]),
        free_until=_instant_in(row["free_until"]),
        wait=_seconds_in(row["wait_seconds"]),
        window=_seconds_in(row["window_seconds"]),
        timed_period=row["timed_period"] is True,
        timed_quoters_min=_whole(row["timed_quoters_min"]),
        whole_steps=row["whole_steps"] is True,
        free_quoters_only=row["free_quoters_only"] is True,
        leader_may_raise=row["leader_may_raise"] is True,
        late_quote=None if late is None else _seconds_in(late),
        extensions_max=None if cap is None else _whole(cap),
        confirm_factor=_whole(row["confirm_factor"]),
    )


def _outcome_out(result: Outcome) -> dict[str, Any]:
    return {
        "status": result.status,
        "winner": result.winner,
        "price_fen": result.price_fen,
        "winning_seq": result.winning_seq,
        "ended_at": _instant_out(result.ended_at),
        "bids": result.bids,
        "extensions": result.extensions,
    }
