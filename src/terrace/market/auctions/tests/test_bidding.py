"""Quotes through the SQL function: each refusal by its code, repeats, the journal, the live log."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import IntegrityError, connection

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.audit.queries import verify_chain
from terrace.kernel.base import clock
from terrace.kernel.base.errors import KeyReused, NotFound
from terrace.kernel.orgs.models import OrganisationState
from terrace.market.auctions import services
from terrace.market.auctions.models import (
    AuctionState,
    Bid,
    Bidder,
    BidderState,
    LiveEvent,
    RefusedQuote,
)
from terrace.market.auctions.rules.ascending import PRICE_FEN_MAX, Phase
from terrace.market.auctions.services import bidding
from terrace.market.auctions.tests import factories
from terrace.market.auctions.tests.factories import START, STEP

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def quote(bidder: Bidder, price: int, key: str = "", **more: Any) -> services.PlacedBid:
    return services.place_bid(
        actor=factories.actor_for(bidder.organisation),
        auction_id=bidder.auction_id,
        price_fen=price,
        key=key or f"k{price}",
        **more,
    )


def test_an_accepted_quote_is_a_bid_an_event_and_a_journal_entry() -> None:
    auction = factories.auction()
    first, second = factories.bidder(auction), factories.bidder(auction)
    answer = quote(first, START)
    assert (answer.seq, answer.price_fen, answer.phase, answer.repeated) == (1, START, Phase.FREE, False)
    assert answer.ends_at == auction.free_until
    assert quote(second, START + STEP).ends_at == auction.free_until + dt.timedelta(seconds=480)
    state = AuctionState.objects.get(pk=auction.pk)
    assert (state.seq, state.best_fen, state.leader_id) == (2, START + STEP, second.pk)
    assert state.free_quoters == [first.pk, second.pk]
    event = LiveEvent.objects.get(auction=auction, seq=2)
    data = json.loads(event.data)
    assert (data["mask"], data["price_fen"], data["state"]["next_fen"]) == (
        second.mask,
        START + STEP,
        START + 2 * STEP,
    )
    assert data["state"]["leader"] == second.mask
    assert second.organisation.name not in event.data
    entries = JournalEntry.objects.filter(stream=f"auction:{auction.pk}", act="auction.bid.place")
    assert [entry.facts["price_fen"] for entry in entries.order_by("position")] == [START, START + STEP]
    assert verify_chain() is None


def test_the_same_key_never_bids_twice() -> None:
    bidder = factories.bidder(factories.auction())
    first = quote(bidder, START, "once")
    again = quote(bidder, START, "once")
    assert again.repeated
    assert (again.seq, again.at, again.ends_at) == (first.seq, first.at, first.ends_at)
    with pytest.raises(KeyReused):
        quote(bidder, START + STEP, "once")
    with pytest.raises(services.BidTooLow):
        quote(bidder, START, "low")
    with pytest.raises(services.BidTooLow) as repeat:
        quote(bidder, START, "low")
    assert repeat.value.facts["minimum_fen"] == START + STEP
    with pytest.raises(KeyReused):
        quote(bidder, START + STEP, "low")
    assert Bid.objects.count() == 1
    assert RefusedQuote.objects.count() == 1


def test_every_refusal_of_a_quote_has_its_code_and_changes_nothing() -> None:
    now = clock.now()
    running = factories.auction(now)
    stranger = factories.actor_for(factories.organisation())
    cases: list[tuple[str, Bidder, int]] = []

    def case(code: str, bidder: Bidder, price: int = START) -> None:
        cases.append((code, bidder, price))

    case("auction.bid.too_low", factories.bidder(running), START - 1)
    case("auction.bid.not_a_step", factories.bidder(running), START + 1)
    case("auction.bid.too_high", factories.bidder(running), PRICE_FEN_MAX + 1)
    case("auction.bid.confirm_jump", factories.bidder(running), START * 10 + STEP)
    case("auction.bid.over_own_limit", factories.bidder(running, limit_fen=START - 1))
    excluded = factories.bidder(running)
    Bidder.objects.filter(pk=excluded.pk).update(state=BidderState.EXCLUDED)
    case("auction.bid.not_admitted", excluded)
    suspended = factories.organisation(state=OrganisationState.SUSPENDED)
    case("auction.bid.organisation_inactive", factories.bidder(running, suspended))
    early = factories.auction(now, opens_at=now + MINUTE)
    case("auction.bid.not_open", factories.bidder(early))
    over = factories.auction(now, free_until=now - MINUTE)
    case("auction.bid.closed", factories.bidder(over))
    for code, bidder, price in cases:
        with pytest.raises(services.BidRefused) as refused:
            quote(bidder, price)
        assert refused.value.code == code
        assert RefusedQuote.objects.get(bidder=bidder).why == code.removeprefix("auction.bid.")
    assert not Bid.objects.exists()
    assert not LiveEvent.objects.exists()
    assert set(AuctionState.objects.values_list("seq", "event_seq")) == {(0, 0)}
    with pytest.raises(services.BidRefused) as refused:
        services.place_bid(actor=stranger, auction_id=running.pk, price_fen=START, key="k")
    assert refused.value.code == "auction.bid.not_admitted"
    with pytest.raises(NotFound):
        services.place_bid(actor=stranger, auction_id=0, price_fen=START, key="k")


def test_the_texts_name_the_price_with_its_basis() -> None:
    bidder = factories.bidder(factories.auction())
    with pytest.raises(services.BidTooLow) as refused:
        quote(bidder, START - STEP)
    assert refused.value.message() == "报价不得低于 21,000 元/吨(5年期)。"
    assert "CNY 21,000 per tonne (5-year term)" in refused.value.message("en")
    with pytest.raises(bidding.BidNotAStep) as step:
        quote(bidder, START + 1)
    assert "500 元/吨(5年期)" in step.value.message()


def test_a_large_jump_passes_when_confirmed() -> None:
    bidder = factories.bidder(factories.auction())
    assert quote(bidder, START * 10 + STEP, confirmed=True).seq == 1


def test_waiting_leading_and_the_timed_period() -> None:
    now = clock.now()
    auction = factories.auction(now, leader_may_raise=False)
    first, second, third = (factories.bidder(auction) for _ in range(3))
    quote(first, START)
    with pytest.raises(services.BidRefused) as leading:
        quote(first, START + STEP)
    assert leading.value.code == "auction.bid.already_leading"
    quote(second, START + STEP)
    clock.set_now(auction.free_until + MINUTE)
    with pytest.raises(services.BidRefused) as waiting:
        quote(first, START + 2 * STEP)
    assert waiting.value.code == "auction.bid.waiting"
    clock.set_now(auction.free_until + 5 * MINUTE)
    with pytest.raises(services.BidRefused) as outside:
        quote(third, START + 2 * STEP)
    assert outside.value.code == "auction.bid.not_in_free_period"
    placed = quote(first, START + 2 * STEP, "timed")
    assert placed.phase is Phase.TIMED
    assert placed.ends_at == placed.at + 4 * MINUTE


def test_only_a_deposit_that_is_held_now_lets_a_bidder_quote() -> None:
    auction = factories.auction(deposit_required=True)
    with pytest.raises(services.BidRefused) as refused:
        quote(factories.bidder(auction), START)
    assert refused.value.code == "auction.bid.deposit_missing"
    hold, given_back = factories.deposit_hold(), factories.deposit_hold()
    assert quote(factories.bidder(auction, deposit_hold_id=hold), START).seq == 1
    factories.give_back(given_back)
    with pytest.raises(services.BidRefused) as refused:
        quote(factories.bidder(auction, deposit_hold_id=given_back), START + STEP)
    assert refused.value.code == "auction.bid.deposit_missing"


def test_a_key_is_needed_and_has_a_length() -> None:
    bidder = factories.bidder(factories.auction())
    for key in ("", "x" * 101):
        with pytest.raises(services.KeyMissing) as refused:
            services.place_bid(
                actor=factories.actor_for(bidder.organisation),
                auction_id=bidder.auction_id,
                price_fen=START,
                key=key,
            )
        assert refused.value.code == "input.key_missing"


def test_a_clock_that_is_set_back_does_not_undo_the_last_bid() -> None:
    auction = factories.auction()
    first, second = factories.bidder(auction), factories.bidder(auction)
    clock.set_now(auction.free_until - MINUTE)
    placed = quote(first, START)
    clock.set_now(auction.opens_at - MINUTE)
    assert quote(second, START + STEP).at == placed.at


@pytest.mark.parametrize("table", ["auctions_bid", "auctions_live_event"])
def test_what_was_quoted_cannot_be_changed(table: str) -> None:
    quote(factories.bidder(factories.auction()), START)
    for statement in (f"UPDATE {table} SET seq = 9", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT s")
            try:
                cursor.execute(statement)
            finally:
                cursor.execute("ROLLBACK TO s")


def test_a_bidder_enters_once_and_every_mask_is_its_own() -> None:
    auction = factories.auction()
    org = factories.organisation()
    assert factories.bidder(auction, org).pk == factories.bidder(auction, org).pk
    assert len({factories.bidder(auction).mask for _ in range(30)}) == 30
