"""From the notice to the result: what listings tell us, what is recorded, what goes on to settlement (E1, E4)."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base import clock
from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import NotAllowed, SamePerson, Stale
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.orgs.models import User
from terrace.kernel.procedures.services import pass_deadlines
from terrace.kernel.publication.models import Announcement
from terrace.market.auctions import services, tasks
from terrace.market.auctions.models import Agreement, Auction, AuctionResult, AuctionState, Bidder, LiveEvent
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.tests import factories
from terrace.market.listings.models import Listing
from terrace.market.listings.tests import factories as offers
from terrace.market.rights.tests import factories as rights
from terrace.market.settlement.models import Refund, Trade

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
SEQUENTIAL, OVERLAPPING = offers.SEQUENTIAL, offers.OVERLAPPING


def at(instant: dt.datetime) -> dt.datetime:
    clock.set_now(instant)
    return instant


class Sale:
    """An announced listing with `bidders` admitted firms."""

    def __init__(self, calendar: Any, bidders: int) -> None:
        self.town = offers.market()
        self.calendar = calendar
        self.listing = offers.announced(self.town, calendar)
        self.firms = [rights.firm() for _ in range(bidders)]
        at(calendar.signup_from)
        if calendar is OVERLAPPING:
            pass_deadlines(now=at(calendar.quoting_from))
        for firm in self.firms:
            offers.admitted(self.town, firm, self.listing)

    def decided(self) -> Listing:
        pass_deadlines(now=at(self.calendar.decision_at))
        self.listing.refresh_from_db()
        return self.listing

    @property
    def auction(self) -> Auction:
        return Auction.objects.get(listing_id=self.listing.pk)

    def quote(self, n: int, steps: int, key: str = "") -> services.PlacedBid:
        auction = self.auction
        return services.place_bid(
            actor=self.firms[n].clerk,
            auction_id=auction.pk,
            price_fen=auction.start_price_fen + steps * auction.increment_fen,
            key=key or f"{n}-{steps}",
        )


def test_two_bidders_from_the_notice_to_the_trade(client: Client) -> None:
    sale = Sale(SEQUENTIAL, 3)
    assert sale.decided().state == "BIDDING"
    auction = sale.auction
    assert auction.terms.free_until == sale.calendar.quoting_until
    assert Bidder.objects.filter(auction=auction).count() == 3
    at(sale.calendar.quoting_from)
    sale.quote(0, 0)
    sale.quote(1, 1)
    at(sale.calendar.quoting_until + 5 * MINUTE)
    last = sale.quote(0, 4)
    with pytest.raises(services.AuctionRunning) as running:
        services.close_auction(actor=SYSTEM, auction_id=auction.pk, now=last.ends_at - MINUTE)
    assert running.value.code == "auction.close.running"
    assert tasks.tick() == 0
    at(last.ends_at)
    assert tasks.tick() == 1
    assert tasks.tick() == 0
    result = AuctionResult.objects.get(auction=auction)
    winner = Bidder.objects.get(auction=auction, organisation=sale.firms[0].organisation)
    assert (result.sold, result.winner_id, result.ended_at) == (True, winner.pk, last.ends_at)
    trade = Trade.objects.get()
    assert (trade.buyer_id, trade.price_fen_per_tonne) == (sale.firms[0].organisation.pk, last.price_fen)
    assert (trade.origin_type, trade.origin_id) == ("auction", str(auction.pk))
    assert trade.quantity_g == sale.listing.lot.quantity_g
    assert set(Refund.objects.values_list("organisation_id", flat=True)) == {
        firm.organisation.pk for firm in sale.firms[1:]
    }
    sale.listing.refresh_from_db()
    assert sale.listing.state == "SOLD"
    again = services.close_auction(actor=SYSTEM, auction_id=auction.pk, now=clock.now())
    assert again.pk == result.pk
    assert Trade.objects.count() == 1
    assert JournalEntry.objects.get(act="auction.close").facts["trade"] == trade.number

    bundle = client.get(f"/auctions/{auction.pk}/bundle.json").json()
    assert ascending.rerun(bundle) == bundle
    assert bundle["outcome"]["winner"] == winner.mask
    event = json.loads(LiveEvent.objects.filter(auction=auction).latest("seq").data)
    assert event["state"]["closed"] is True
    assert event["names"][winner.mask] == winner.organisation.name
    page = client.get(f"/auctions/{auction.pk}/").content.decode()
    assert winner.organisation.name in page
    assert result.bundle_sha256 in page
    # the picture names everybody after the close, and the book of two bidders is drawn: one lot each, two in all
    first, second = sale.firms[0].organisation.name, sale.firms[1].organisation.name
    assert f"竞买人{winner.mask} {first}" in page
    assert second in page
    assert "结束时的需求深度" in page
    wanted = sale.listing.lot.quantity_g * 2
    assert Quantity(Pollutant(sale.listing.lot.pollutant), wanted).tonnes_text() in page
    notice = Announcement.objects.get(kind="auction_result")
    assert [bid["bidder"] for bid in notice.content["bids"]][-1] == winner.organisation.name
    with pytest.raises(services.BidRefused) as late:
        sale.quote(1, 9)
    assert late.value.code == "auction.bid.closed"


def test_nobody_quotes_and_the_offer_has_failed() -> None:
    sale = Sale(SEQUENTIAL, 2)
    sale.decided()
    at(sale.calendar.quoting_until)
    assert tasks.tick() == 1
    assert AuctionResult.objects.get().sold is False
    sale.listing.refresh_from_db()
    assert (sale.listing.state, sale.listing.end_reason) == ("FAILED", "自由竞价期内无人报价")
    assert "结束时的需求深度" not in Client().get(f"/auctions/{sale.auction.pk}/").content.decode()
    assert not Trade.objects.exists()


def test_only_the_system_closes_and_a_damaged_record_is_not_closed() -> None:
    sale = Sale(SEQUENTIAL, 2)
    sale.decided()
    at(sale.calendar.quoting_from)
    sale.quote(0, 0)
    with pytest.raises(NotAllowed):
        services.close_auction(actor=sale.town.exchange, auction_id=sale.auction.pk, now=clock.now())
    AuctionState.objects.filter(auction=sale.auction).update(best_fen=1)
    at(sale.calendar.quoting_until)
    with pytest.raises(services.RecordDamaged) as damaged:
        services.close_auction(actor=SYSTEM, auction_id=sale.auction.pk, now=clock.now())
    assert damaged.value.code == "auction.close.record_damaged"
    assert tasks.tick() == 0


def test_quoting_opens_before_the_decision_and_bidders_enter_as_they_are_admitted() -> None:
    sale = Sale(OVERLAPPING, 2)
    assert Bidder.objects.filter(auction=sale.auction).count() == 2
    sale.quote(0, 0)
    assert sale.decided().state == "BIDDING"
    sale.quote(1, 1)
    at(sale.calendar.quoting_until + 8 * MINUTE)
    assert tasks.tick() == 1
    assert Trade.objects.get().buyer_id == sale.firms[1].organisation.pk


def agreement_of(sale: Sale) -> Agreement:
    return Agreement.objects.get(listing_id=sale.listing.pk)


def test_one_bidder_agrees_at_or_above_the_floor_with_a_second_person() -> None:
    sale = Sale(SEQUENTIAL, 1)
    assert sale.decided().state == "AGREEMENT"
    agreement = agreement_of(sale)
    floor = agreement.floor_fen
    assert floor == sale.listing.start_fen_per_tonne
    buyer, seller, town = sale.firms[0].approver, sale.town.reserve2, sale.town
    now = clock.now()
    with pytest.raises(services.BelowFloor) as below:
        services.propose_price(actor=buyer, agreement_id=agreement.pk, price_fen=floor - 1, now=now)
    assert below.value.code == "auction.agreement.below_floor"
    services.propose_price(actor=buyer, agreement_id=agreement.pk, price_fen=floor, now=now)
    services.return_price(actor=seller, agreement_id=agreement.pk, reason="请提高价格", now=now)
    services.propose_price(actor=buyer, agreement_id=agreement.pk, price_fen=floor + 100, now=now)
    with pytest.raises(Stale):
        services.accept_price(actor=seller, agreement_id=agreement.pk, price_fen=floor, now=now)
    services.accept_price(actor=seller, agreement_id=agreement.pk, price_fen=floor + 100, now=now)
    services.ask_award(actor=town.exchange, agreement_id=agreement.pk, now=now)
    same = replace(town.exchange, roles=frozenset({"EXCHANGE_MAKER", "EXCHANGE_CHECKER"}))
    with pytest.raises(SamePerson):
        services.decide_award(actor=same, agreement_id=agreement.pk, approve=True, now=now)
    services.decide_award(
        actor=town.exchange2, agreement_id=agreement.pk, approve=False, reason="补充材料", now=now
    )
    services.ask_award(actor=town.exchange, agreement_id=agreement.pk, now=now)
    services.decide_award(actor=town.exchange2, agreement_id=agreement.pk, approve=True, now=now)
    agreement.refresh_from_db()
    trade = Trade.objects.get()
    assert (agreement.state, agreement.trade_number) == ("AWARDED", trade.number)
    assert (trade.price_fen_per_tonne, trade.origin_type) == (floor + 100, "agreement")
    sale.listing.refresh_from_db()
    assert sale.listing.state == "SOLD"


def test_a_refusal_or_silence_fails_the_agreement() -> None:
    sale = Sale(SEQUENTIAL, 1)
    sale.decided()
    agreement = agreement_of(sale)
    services.refuse_agreement(
        actor=sale.firms[0].approver, agreement_id=agreement.pk, reason="项目取消", now=clock.now()
    )
    sale.listing.refresh_from_db()
    assert sale.listing.state == "FAILED"
    assert "项目取消" in sale.listing.end_reason


def test_silence_lapses_after_five_working_days() -> None:
    sale = Sale(SEQUENTIAL, 1)
    sale.decided()
    pass_deadlines(now=at(clock.now() + dt.timedelta(days=8)))
    assert agreement_of(sale).state == "FAILED"
    sale.listing.refresh_from_db()
    assert sale.listing.state == "FAILED"


def test_an_open_auction_with_one_bidder_becomes_an_agreement_above_its_quote() -> None:
    sale = Sale(OVERLAPPING, 1)
    sale.quote(0, 2)
    assert sale.decided().state == "AGREEMENT"
    auction = sale.auction
    assert agreement_of(sale).floor_fen == auction.start_price_fen + 2 * auction.increment_fen
    with pytest.raises(services.BidRefused):
        sale.quote(0, 3)
    assert AuctionState.objects.get(auction=auction).closed_at is not None


def test_the_exchange_opens_and_admits_and_says_why_not() -> None:
    town = offers.market()
    now = clock.now()
    lot = services.LotOnOffer(
        listing_id=77, number="测", title=factories.Text("测", "t"), quantity=factories.auction().quantity,
        price_basis=factories.PriceBasis.TERM, years=5,
    )  # fmt: skip
    terms = factories.terms(now)
    with pytest.raises(NotAllowed):
        services.open_auction(actor=rights.firm().clerk, lot=lot, terms=terms, now=now)
    with pytest.raises(services.TermsInvalid) as invalid:
        services.open_auction(
            actor=town.exchange, lot=lot, terms=replace(terms, wait=dt.timedelta(milliseconds=1)), now=now
        )
    assert invalid.value.code == "auction.open.terms_invalid"
    auction = services.open_auction(actor=town.exchange, lot=lot, terms=terms, now=now)
    with pytest.raises(services.AuctionExists) as exists:
        services.open_auction(actor=town.exchange, lot=lot, terms=terms, now=now)
    assert exists.value.code == "auction.open.exists"
    org = factories.organisation()
    admitted = services.admit_bidder(
        actor=town.exchange, auction_id=auction.pk, organisation_id=org.pk, deposit_hold_id=None, now=now
    )
    assert JournalEntry.objects.get(act="auction.bidder.admit").facts["bidder"] == admitted.pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auctions_state SET closed_at = now() WHERE auction_id = %s", [auction.pk])
    with pytest.raises(services.AlreadyClosed) as closed:
        services.admit_bidder(
            actor=town.exchange, auction_id=auction.pk, organisation_id=factories.organisation().pk,
            deposit_hold_id=None, now=now,
        )  # fmt: skip
    assert closed.value.code == "auction.closed"
    assert User.objects.filter(pk=town.exchange.user_id).exists()


def test_the_agreement_on_its_page_from_price_to_award(client: Client) -> None:
    sale = Sale(SEQUENTIAL, 1)
    sale.decided()
    agreement = agreement_of(sale)
    address = f"/auctions/agreements/{agreement.pk}/"
    floor = f"{agreement.floor_fen / 100:.2f}"

    def press(actor: Any, **fields: str) -> Any:
        client.force_login(User.objects.get(pk=actor.user_id))
        return client.post(address, fields)

    assert client.get(address).status_code == 302  # to the sign-in
    client.force_login(User.objects.get(pk=rights.firm().clerk.user_id))
    assert client.get(address).status_code == 403
    buyer, seller, town = sale.firms[0].approver, sale.town.reserve2, sale.town
    assert press(buyer, step="propose", price="1").status_code == 409
    assert press(buyer, step="propose", price="x").status_code == 422
    assert press(buyer, step="nonsense").status_code == 422
    assert press(town.exchange, step="ask").status_code == 409
    assert press(buyer, step="propose", price=floor).status_code == 303
    assert press(buyer, step="accept", price=floor).status_code == 403
    assert press(seller, step="return_price", reason="").status_code == 422
    assert press(seller, step="accept", price=floor).status_code == 303
    assert press(town.exchange, step="ask").status_code == 303
    assert press(town.exchange2, step="send_back", reason="").status_code in (409, 422)
    assert press(town.exchange2, step="award").status_code == 303
    agreement.refresh_from_db()
    text = client.get(address).content.decode()
    assert agreement.trade_number
    assert agreement.trade_number in text


def test_a_firm_refuses_on_the_page(client: Client) -> None:
    sale = Sale(SEQUENTIAL, 1)
    sale.decided()
    agreement = agreement_of(sale)
    client.force_login(User.objects.get(pk=sale.firms[0].approver.user_id))
    answer = client.post(f"/auctions/agreements/{agreement.pk}/", {"step": "refuse", "reason": "项目取消"})
    assert answer.status_code == 303
    agreement.refresh_from_db()
    assert agreement.state == "FAILED"
