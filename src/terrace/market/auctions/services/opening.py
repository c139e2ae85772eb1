"""Opening an auction and letting bidders in."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from django.db import connection

from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal
from terrace.kernel.base.quantity import PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.market.auctions.models import Auction, AuctionState, Bidder
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import Terms

MASK_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
MASK_DIGITS = "23456789"


class AuctionExists(Refusal):
    code = "auction.open.exists"
    text = Text("该挂牌已有一场竞价。", "This listing already has an auction.")


class TermsInvalid(Refusal):
    code = "auction.open.terms_invalid"
    text = Text("竞价规则参数有误：{reason}", "The auction terms are invalid: {reason}")
    http_status = 422


class AlreadyClosed(Refusal):
    code = "auction.closed"
    text = Text("竞价已结束，不能再变更。", "The auction is over and can no longer be changed.")


@dataclass(frozen=True, slots=True)
class LotOnOffer:
    """What the auction page and the bundle say of the lot; copied so that it stays as it was offered."""

    listing_id: int
    number: str
    title: Text
    quantity: Quantity
    price_basis: PriceBasis
    years: int


def create_auction(
    *, actor: Actor, lot: LotOnOffer, terms: Terms, deposit_required: bool, now: dt.datetime
) -> Auction:
    """Part: open the auction of a listing with its terms copied. The caller journals. Raises AuctionExists."""
    if Auction.objects.filter(listing_id=lot.listing_id).exists():
        raise AuctionExists
    late, wait, window = terms.late_quote, terms.wait, terms.window
    auction = Auction.objects.create(
        listing_id=lot.listing_id,
        number=lot.number,
        title_zh=lot.title.zh,
        title_en=lot.title.en,
        pollutant=lot.quantity.pollutant.value,
        quantity_g=lot.quantity.grams_per_year,
        price_basis=lot.price_basis.value,
        years=lot.years,
        start_price_fen=terms.start_price_fen,
        increment_fen=terms.increment_fen,
        opens_at=terms.opens_at,
        free_until=terms.free_until,
        wait_seconds=_whole_seconds(wait),
        window_seconds=_whole_seconds(window),
        timed_period=terms.timed_period,
        timed_quoters_min=terms.timed_quoters_min,
        whole_steps=terms.whole_steps,
        free_quoters_only=terms.free_quoters_only,
        leader_may_raise=terms.leader_may_raise,
        late_quote_seconds=None if late is None else _whole_seconds(late),
        extensions_max=terms.extensions_max,
        confirm_factor=terms.confirm_factor,
        deposit_required=deposit_required,
        created_at=now,
    )
    first = ascending.opening(terms)
    AuctionState.objects.create(auction=auction, free_ends_at=first.free_ends_at)
    # The chain of the auction's journal begins here, so that the first bid finds its head.
    audit.record(
        actor=actor,
        act="auction.open",
        subject_type="auction",
        subject_id=auction.pk,
        at=now,
        facts={"listing": lot.listing_id, "number": lot.number},
        stream=f"auction:{auction.pk}",
    )
    return auction


@act("auction.open")
def open_auction(
    *, actor: Actor, lot: LotOnOffer, terms: Terms, deposit_required: bool = True, now: dt.datetime
) -> Auction:
    """Open the auction of a listing: `create_auction` as an act of its own.

    Raises NotAllowed (only the trading institution or the system opens), AuctionExists, TermsInvalid.
    """
    _only_the_exchange(actor)
    return create_auction(actor=actor, lot=lot, terms=terms, deposit_required=deposit_required, now=now)


def enter_bidder(
    *,
    actor: Actor,
    auction_id: int,
    organisation_id: int,
    deposit_hold_id: int | None,
    now: dt.datetime,
    limit_fen: int | None = None,
    mask: str = "",
) -> Bidder:
    """Part: let a qualified organisation into the auction, behind `mask` (else one drawn). The caller journals.

    Entering the same organisation again returns the bidder it has. Raises NotFound, AlreadyClosed.
    """
    state = AuctionState.objects.select_for_update().filter(auction_id=auction_id).first()
    if state is None:
        raise NotFound(what=Text("该竞价", "The auction"))
    if state.closed_at is not None:
        raise AlreadyClosed
    existing = Bidder.objects.filter(auction_id=auction_id, organisation_id=organisation_id).first()
    if existing is not None:
        return existing
    if not mask:
        mask = _drawn_mask(auction_id)
    return Bidder.objects.create(
        auction_id=auction_id,
        organisation_id=organisation_id,
        mask=mask,
        deposit_hold_id=deposit_hold_id,
        limit_fen=limit_fen,
        admitted_at=now,
    )


@act("auction.bidder.admit")
def admit_bidder(
    *,
    actor: Actor,
    auction_id: int,
    organisation_id: int,
    deposit_hold_id: int | None,
    now: dt.datetime,
    limit_fen: int | None = None,
) -> Bidder:
    """Admit one qualified organisation: `enter_bidder` as an act of its own, with its journal entry."""
    _only_the_exchange(actor)
    bidder = enter_bidder(
        actor=actor,
        auction_id=auction_id,
        organisation_id=organisation_id,
        deposit_hold_id=deposit_hold_id,
        limit_fen=limit_fen,
        now=now,
    )
    audit.record(
        actor=actor,
        act="auction.bidder.admit",
        subject_type="auction",
        subject_id=auction_id,
        at=now,
        facts={"bidder": bidder.pk, "organisation": organisation_id, "deposit_hold": deposit_hold_id},
        stream=f"auction:{auction_id}",
    )
    return bidder


def emit(*, state: AuctionState, kind: str, data: str) -> None:
    """Part: add one public event to the auction's live log. The caller holds the lock of `state` and saves it."""
    state.event_seq += 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT auction_emit(%s, %s, %s, %s::jsonb), auction_hint(%s)",
            [state.auction_id, state.event_seq, kind, data, state.auction_id],
        )


def _drawn_mask(auction_id: int) -> str:
    taken = set(Bidder.objects.filter(auction_id=auction_id).values_list("mask", flat=True))
    free = [letter + digit for letter in MASK_LETTERS for digit in MASK_DIGITS if letter + digit not in taken]
    return secrets.choice(free)


def _whole_seconds(value: dt.timedelta) -> int:
    seconds = value.total_seconds()
    if seconds != int(seconds):
        raise TermsInvalid(reason=Text("时间须为整秒", "periods are whole seconds"))
    return int(seconds)


def _only_the_exchange(actor: Actor) -> None:
    if not (actor.is_system or actor.has_role(Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER)):
        raise NotAllowed(reason=Text("只有交易机构可以办理。", "only the trading institution may do this."))
