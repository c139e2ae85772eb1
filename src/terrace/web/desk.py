"""The desk: one layout for every role. What is particular to a role comes as blocks below the waiting list.

A block names the roles it is for, a template and a function that reads what the template shows. Blocks
are listed here and not registered from below, because contexts do not know `web`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.audit.rules import act_label
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.market.auctions.models import Bidder
from terrace.market.listings import queries as listings
from terrace.market.listings.models import SignUp
from terrace.market.listings.rules import SignUpState
from terrace.market.reserve import queries as reserve
from terrace.market.reserve.models import ReleasePlan
from terrace.market.reserve.rules import PlanState
from terrace.market.rights import queries as rights
from terrace.market.rights.models import NeedConfirmation, Verification
from terrace.market.rights.rules import NeedState, VerificationState
from terrace.market.settlement import queries as settlement
from terrace.market.settlement.models import PaymentInstruction
from terrace.market.settlement.rules.words import Purpose
from terrace.web import page
from terrace.web.navigation import AUDIT, BUREAU, EXCHANGE, FIRM, RESERVE, address

LINES = 8

# Tones of chips: under way is water, done is leaf, wrong or lost is cinnabar.
SIGNUP_TONES = {
    "DRAFT": "water",
    "CONFIRMING": "water",
    "SUBMITTED": "water",
    "QUALIFIED": "cinnabar",
    "ADMITTED": "leaf",
    "REFUSED": "cinnabar",
    "NOT_PAID": "cinnabar",
}
RIGHTS_TONES = {"VERIFIED": "leaf", "CONFIRMED": "leaf", "EXEMPT": "leaf", "REFUSED": "cinnabar"}
PLAN_TONES = {"APPROVED": "leaf", "REJECTED": "cinnabar", "SUBMITTED": "water"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block: the row, its address, its state in words and tone."""

    row: Any
    url: str
    state: Text
    tone: str = "quiet"
    until: dt.datetime | None = None
    until_label: Text = Text("", "")


def _signup_line(signup: SignUp) -> Line:
    return Line(
        signup,
        address("listings:signup", signup.pk),
        SignUpState(signup.state).label,
        SIGNUP_TONES.get(signup.state, "quiet"),
    )


def _firm(actor: Actor) -> dict[str, Any]:
    """A firm: its rights, applications, payments due and auctions. Four queries."""
    assert actor.organisation_id is not None
    due = (
        PaymentInstruction.objects.filter(payer_id=actor.organisation_id, state="DUE")
        .select_related("payee")
        .order_by("due_at", "id")
    )
    bidders = (
        Bidder.objects.filter(organisation_id=actor.organisation_id)
        .select_related("auction__state_row")
        .order_by("-auction__opens_at", "-id")
    )
    return {
        "holdings": [(h, reserve.region_label(h.region)) for h in rights.holdings(actor.organisation_id)],
        "signups": [_signup_line(s) for s in listings.my_signups(actor.organisation_id)[:LINES]],
        "payments": [(p, Purpose(p.purpose).label) for p in due[:LINES]],
        "auctions": [_auction_line(bidder) for bidder in bidders[:LINES]],
    }


def _auction_line(bidder: Bidder) -> Line:
    state = bidder.auction.state_row
    url = address("auctions:auction", bidder.auction_id)
    if state.closed_at is not None:
        return Line(bidder, url, Text("已结束", "Over"))
    until, label = _auction_until(bidder)
    if state.leader_id == bidder.pk:
        return Line(bidder, url, Text("我方领先", "We are leading"), "leaf", until, label)
    if state.seq == 0:
        return Line(bidder, url, Text("尚无报价", "No quote yet"), "water", until, label)
    return Line(bidder, url, Text("我方未领先", "We are not leading"), "cinnabar", until, label)


def _auction_until(bidder: Bidder) -> tuple[dt.datetime | None, Text]:
    """The instant that matters to a bidder next. The timed period moves with every quote: see the page itself."""
    now, state = page.now(), bidder.auction.state_row
    if now < bidder.auction.opens_at:
        return bidder.auction.opens_at, Text("竞价开始", "Bidding opens")
    if now < state.free_ends_at:
        return state.free_ends_at, Text("自由竞价截止", "The free period ends")
    return state.timed_ends_at, Text("限时竞价截止(无新报价时)", "Ends, without a new quote,")


def _exchange(actor: Actor) -> dict[str, Any]:
    """The trading institution: qualification queue, calendar of listings, money without an owner. Three queries."""
    return {
        "queue": [_signup_line(s) for s in listings.qualification_queue()[:LINES]],
        "calendar": [
            Line(listing, address("listings:listing_case", listing.pk), listing.state_label, "water")
            for listing in listings.exchange_listings()[:LINES]
        ],
        "suspense": settlement.suspense_lines().count(),
        "suspense_url": address("settlement:suspense"),
        "may_import": actor.has_role(Role.EXCHANGE_MAKER),
        "statements_url": address("settlement:statements"),
    }


def _reserve(actor: Actor) -> dict[str, Any]:
    """The reserve body: its figures and its plans. Two queries."""
    return {"figures": reserve.figures(), "plans": [_plan_line(p) for p in reserve.list_plans()[:LINES]]}


def _plan_line(plan: ReleasePlan) -> Line:
    return Line(
        plan,
        address("reserve:plan", plan.pk),
        PlanState(plan.state).label,
        PLAN_TONES.get(plan.state, "quiet"),
    )


def _bureau(actor: Actor) -> dict[str, Any]:
    """Bureau and branches: the newest verifications and needs they may see. Three queries."""

    def verification(row: Verification) -> Line:
        url = address("rights:verification", row.pk)
        return Line(row, url, VerificationState(row.state).label, RIGHTS_TONES.get(row.state, "water"))

    def need(row: NeedConfirmation) -> Line:
        url = address("rights:need", row.pk)
        return Line(row, url, NeedState(row.state).label, RIGHTS_TONES.get(row.state, "water"))

    return {
        "verifications": [verification(row) for row in rights.list_verifications(actor)[:LINES]],
        "needs": [need(row) for row in rights.list_needs(actor)[:LINES]],
    }


def _audit(actor: Actor) -> dict[str, Any]:
    """The auditor: the newest acts, and the ways down from figures to entries. One query."""
    return {
        "entries": [(entry, act_label(entry.act)) for entry in JournalEntry.objects.order_by("-id")[:LINES]]
    }


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the desk; `load` costs a fixed number of queries."""

    roles: frozenset[Role]
    template: str
    load: Callable[[Actor], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LoadedBlock:
    template: str
    data: dict[str, Any]


BLOCKS: tuple[Block, ...] = (
    Block(FIRM, "web/desk/firm.html", _firm),
    Block(EXCHANGE, "web/desk/exchange.html", _exchange),
    Block(RESERVE, "web/desk/reserve.html", _reserve),
    Block(BUREAU | {Role.BRANCH}, "web/desk/bureau.html", _bureau),
    Block(AUDIT, "web/desk/audit.html", _audit),
)


def blocks_for(actor: Actor) -> list[LoadedBlock]:
    """The blocks of the actor's roles, in the order of BLOCKS."""
    return [
        LoadedBlock(block.template, block.load(actor)) for block in BLOCKS if actor.has_role(*block.roles)
    ]
