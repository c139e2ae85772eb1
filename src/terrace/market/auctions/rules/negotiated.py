"""E6, sale by agreement: both sides confirm the same terms, two persons each; the states only.

A pure fold: `propose`, `enter` and `confirm` give the next state or the first reason against it. Terms that are
proposed anew take every earlier yes back. The checks of the right and of the buyer (freeze, eligibility) are
those of an auction; their answers come in as `Facts`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from terrace.kernel.base.texts import Text


class Side(enum.StrEnum):
    SELLER = "seller"
    BUYER = "buyer"


class Status(enum.StrEnum):
    """Where the talk stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    AGREED = "agreed"
    BROKEN_OFF = "broken_off"


class Why(enum.StrEnum):
    """Why a step is refused."""

    ENDED = "ended"
    RIGHT_NOT_FREE = "right_not_free"
    BUYER_NOT_ELIGIBLE = "buyer_not_eligible"
    BELOW_FLOOR = "below_floor"
    NOTHING_PROPOSED = "nothing_proposed"
    OTHER_TERMS = "other_terms"
    BOTH_SIDES = "both_sides"
    ALREADY = "already"
    NOT_ENTERED = "not_entered"
    SAME_PERSON = "same_person"


TEXTS: Mapping[Why, Text] = {
    Why.ENDED: Text("协议已经达成或终止。", "The agreement has been reached or broken off."),
    Why.RIGHT_NOT_FREE: Text(
        "该排污权已被冻结、抵押或出租，不能转让。",
        "The right is frozen, mortgaged or leased and cannot be sold.",
    ),
    Why.BUYER_NOT_ELIGIBLE: Text("受让方不符合条件。", "The buyer does not qualify."),
    Why.BELOW_FLOOR: Text("协议价格低于底价。", "The price is below the floor."),
    Why.NOTHING_PROPOSED: Text("尚无协议条件。", "No terms have been proposed."),
    Why.OTHER_TERMS: Text(
        "条件已变更，请核对后再确认。", "The terms have changed; look at them again before you say yes."
    ),
    Why.BOTH_SIDES: Text("同一人不能代表双方。", "One person cannot act for both sides."),
    Why.ALREADY: Text("本方已办理这一步。", "This side has taken this step already."),
    Why.NOT_ENTERED: Text(
        "本方经办人尚未确认，复核人不能先行确认。", "The maker of this side comes before its checker."
    ),
    Why.SAME_PERSON: Text(
        "经办人与复核人不能是同一人。", "The same person cannot be both maker and checker."
    ),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What both sides say yes to: fen per tonne on the basis of the right, grams a year, days to pay."""

    price_fen: int
    quantity_g: int
    pay_days: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the platform knows when somebody acts."""

    floor_fen: int
    right_free: bool = True
    buyer_eligible: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """The standing terms, who has said yes to them by side, and everybody who ever acted in this talk."""

    status: Status = Status.OPEN
    proposal: Proposal | None = None
    makers: tuple[tuple[Side, str], ...] = ()
    checkers: tuple[tuple[Side, str], ...] = ()
    acted: tuple[tuple[Side, str], ...] = ()

    def maker(self, side: Side) -> str | None:
        return dict(self.makers).get(side)

    def checker(self, side: Side) -> str | None:
        return dict(self.checkers).get(side)


def _first_against(state: State, facts: Facts, proposal: Proposal) -> Why | None:
    checks = (
        (state.status in (Status.AGREED, Status.BROKEN_OFF), Why.ENDED),
        (not facts.right_free, Why.RIGHT_NOT_FREE),
        (not facts.buyer_eligible, Why.BUYER_NOT_ELIGIBLE),
        (proposal.price_fen < facts.floor_fen, Why.BELOW_FLOOR),
    )
    return next((why for applies, why in checks if applies), None)


def _acts_for_both(state: State, side: Side, person: str) -> bool:
    return any(who == person and where is not side for where, who in state.acted)


def propose(state: State, facts: Facts, side: Side, person: str, proposal: Proposal) -> State | Why:
    """New terms, entered for the proposer's side; whatever anybody had said yes to is taken back."""
    against = _first_against(state, facts, proposal)
    if against is not None:
        return against
    if _acts_for_both(state, side, person):
        return Why.BOTH_SIDES
    return State(Status.PROPOSED, proposal, ((side, person),), (), (*state.acted, (side, person)))


def enter(state: State, facts: Facts, side: Side, person: str, proposal: Proposal) -> State | Why:
    """The maker of a side says yes to the terms as seen."""
    against = _against_yes(state, facts, side, person, proposal)
    if against is not None:
        return against
    if state.maker(side) is not None:
        return Why.ALREADY
    return replace(state, makers=(*state.makers, (side, person)), acted=(*state.acted, (side, person)))


def confirm(state: State, facts: Facts, side: Side, person: str, proposal: Proposal) -> State | Why:
    """The checker of a side confirms after its maker; the fourth person makes the agreement."""
    against = _against_yes(state, facts, side, person, proposal)
    if against is not None:
        return against
    if state.maker(side) is None:
        return Why.NOT_ENTERED
    if state.maker(side) == person:
        return Why.SAME_PERSON
    if state.checker(side) is not None:
        return Why.ALREADY
    checkers = (*state.checkers, (side, person))
    status = Status.AGREED if len(checkers) == len(Side) else state.status
    return replace(state, status=status, checkers=checkers, acted=(*state.acted, (side, person)))


def _against_yes(state: State, facts: Facts, side: Side, person: str, proposal: Proposal) -> Why | None:
    against = _first_against(state, facts, proposal)
    if against is not None:
        return against
    if state.proposal is None:
        return Why.NOTHING_PROPOSED
    if state.proposal != proposal:
        return Why.OTHER_TERMS
    return Why.BOTH_SIDES if _acts_for_both(state, side, person) else None


def break_off(state: State) -> State | Why:
    """Either side ends the talk before the agreement."""
    if state.status in (Status.AGREED, Status.BROKEN_OFF):
        return Why.ENDED
    return replace(state, status=Status.BROKEN_OFF)
