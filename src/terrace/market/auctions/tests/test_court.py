"""A court freezes what a running offer offers: before sign-up ends, while bidders quote, after the award (R23)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from terrace.kernel.audit.models import JournalEntry
from terrace.kernel.base.errors import NotAllowed
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.ledger.queries import verify
from terrace.kernel.notify.models import Message
from terrace.kernel.orgs.models import User
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.services import CasePaused, pass_deadlines
from terrace.kernel.publication.models import Announcement
from terrace.market.auctions import services, tasks
from terrace.market.auctions.models import AuctionState, LiveEvent
from terrace.market.auctions.services import AuctionEnding, BidRefused
from terrace.market.auctions.tests.test_closing import MINUTE, OVERLAPPING, SEQUENTIAL, Sale, agreement_of, at
from terrace.market.listings import services as listings
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.services.offers import FrozenByCourt
from terrace.market.listings.tests import factories as offers
from terrace.market.rights import services as rights
from terrace.market.rights.models import Parcel, ParcelHold
from terrace.market.rights.tests import factories as make
from terrace.market.settlement import services as settlement
from terrace.market.settlement.models import Refund, Trade

pytestmark = pytest.mark.django_db
RULING, LIFT = "（2023）鲁15执1号", "（2023）鲁15执1号之一"
DAY = dt.timedelta(days=1)


def free_g(listing: Listing) -> int:
    return Parcel.objects.get(pk=listing.lot.parcel_id).free_g


def freeze(sale: Sale, now: dt.datetime, grams: int | None = None, ruling: str = RULING) -> ParcelHold:
    """The court orders one gram more than is free, so that the offer must make way."""
    hold = rights.freeze_by_court(
        actor=sale.town.bureau,
        parcel_id=sale.listing.lot.parcel_id,
        quantity_g=free_g(sale.listing) + 1 if grams is None else grams,
        ruling_no=ruling,
        now=at(now),
    )
    sale.listing.refresh_from_db()
    return hold


def lift(sale: Sale, hold: ParcelHold, now: dt.datetime) -> None:
    rights.lift_court_freeze(actor=sale.town.bureau, parcel_hold_id=hold.pk, ruling_no=LIFT, now=at(now))
    sale.listing.refresh_from_db()


def told(sale: Sale, subject: str) -> int:
    """How many of the bidders' people got this message."""
    return Message.objects.filter(
        subject_zh__startswith=subject, user_id__in=[firm.clerk.user_id for firm in sale.firms]
    ).count()


def deposit_holds(sale: Sale) -> list[bool]:
    """Which bidders' deposits are held in the ledger."""
    held = []
    for signup in SignUp.objects.filter(listing=sale.listing).order_by("pk"):
        state = ledger.hold_state(signup.deposit_hold_id or 0)
        held.append(state is not None and state.resolved_by is None)
    return held


def notices() -> list[str]:
    return list(
        Announcement.objects.filter(kind__startswith="listing_").order_by("pk").values_list("kind", flat=True)
    )


def test_an_order_that_the_free_part_meets_stops_nothing() -> None:
    sale = Sale(SEQUENTIAL, bidders=1)
    if free_g(sale.listing):
        freeze(sale, SEQUENTIAL.signup_from + DAY, grams=free_g(sale.listing))
    assert sale.listing.state == "ANNOUNCED"
    with pytest.raises(rights.ParcelShort):
        freeze(sale, SEQUENTIAL.signup_from + DAY, grams=10**12, ruling="另一号")
    assert sale.listing.state == "ANNOUNCED", "nothing is stopped for what the parcel does not have"
    with pytest.raises(NotAllowed):
        rights.freeze_by_court(
            actor=sale.town.exchange,
            parcel_id=sale.listing.lot.parcel_id,
            quantity_g=1,
            ruling_no="x",
            now=make.NOW,
        )


def test_before_sign_up_ends_the_offer_waits_and_goes_on_with_its_bidders() -> None:
    sale = Sale(SEQUENTIAL, bidders=1)
    late = make.firm()
    waiting = listings.qualify_signup(
        actor=sale.town.exchange,
        signup_id=offers.submitted(sale.town, late, sale.listing).pk,
        accept=True,
        reason="",
        now=SEQUENTIAL.signup_from + dt.timedelta(hours=2),
    )
    frozen_at = SEQUENTIAL.signup_from + DAY
    hold = freeze(sale, frozen_at)
    listing = sale.listing
    assert (listing.state, listing.resume_state) == ("SUSPENDED", "ANNOUNCED")
    assert notices() == ["listing_notice", "listing_suspended"]
    assert RULING in Announcement.objects.get(kind="listing_suspended").content["reason_en"]
    assert (told(sale, "中止"), deposit_holds(sale)[0]) == (1, True)
    case = Case.objects.get(pk=listing.case_id)
    assert case.paused_at == frozen_at
    assert JournalEntry.objects.get(act="rights.parcel.court_freeze").facts["stopped"] == [
        f"listing {listing.number}"
    ]
    assert verify() is None
    pass_deadlines(now=at(SEQUENTIAL.decision_at + DAY))
    listing.refresh_from_db()
    assert listing.state == "SUSPENDED", "the clock stands still"
    with pytest.raises(FrozenByCourt):
        listings.resume_listing(actor=sale.town.exchange, listing_id=listing.pk, reason="x", now=frozen_at)
    offers.pay(waiting, SEQUENTIAL.deposit_until + DAY)
    waiting.refresh_from_db()
    assert (waiting.state, deposit_holds(sale)) == ("QUALIFIED", [True, True]), "held with the others"
    lift(sale, hold, frozen_at + 10 * DAY)
    assert (listing.state, listing.quoting_from) == ("ANNOUNCED", SEQUENTIAL.quoting_from + 10 * DAY)
    assert notices()[-1] == "listing_resumed"
    assert listing.rights_hold_id == ParcelHold.objects.get(kind="LISTING", state="ACTIVE").ledger_hold_id
    waiting.refresh_from_db()
    assert (waiting.state, told(sale, "恢复")) == ("ADMITTED", 1)
    pass_deadlines(now=at(listing.calendar.decision_at))
    listing.refresh_from_db()
    assert listing.state == "BIDDING"
    assert verify() is None


def test_two_orders_are_waited_for_and_the_institution_may_end_the_offer_meanwhile() -> None:
    sale = Sale(SEQUENTIAL, bidders=1)
    first = freeze(sale, SEQUENTIAL.signup_from + DAY)
    rest = freeze(sale, SEQUENTIAL.signup_from + DAY, grams=free_g(sale.listing), ruling="另一号")
    lift(sale, rest, SEQUENTIAL.signup_from + 2 * DAY)
    assert sale.listing.state == "SUSPENDED"
    assert JournalEntry.objects.get(act="rights.parcel.court_lift").facts["followed"] == [
        f"listing {sale.listing.number} waits"
    ]
    listings.terminate_listing(
        actor=sale.town.exchange,
        listing_id=sale.listing.pk,
        reason="不再等待",
        now=SEQUENTIAL.signup_from + 3 * DAY,
    )
    sale.listing.refresh_from_db()
    assert (sale.listing.state, sale.listing.lot.planned_lot.state) == ("TERMINATED", "LISTABLE")
    assert Refund.objects.count() == 1
    assert notices()[-1] == "listing_terminated"
    lift(sale, first, SEQUENTIAL.signup_from + 4 * DAY)
    assert sale.listing.state == "TERMINATED"


@pytest.mark.parametrize("calendar", [SEQUENTIAL, OVERLAPPING])
def test_while_bidders_quote_the_auction_stops_and_the_offer_ends_when_the_court_lets_go(
    calendar: object, client: Client
) -> None:
    sale = Sale(calendar, bidders=2)
    if calendar is SEQUENTIAL:
        sale.decided()
    at(sale.auction.opens_at + dt.timedelta(days=calendar is OVERLAPPING))
    sale.quote(0, 0)
    frozen_at = sale.auction.opens_at + dt.timedelta(days=calendar is OVERLAPPING) + 30 * MINUTE
    hold = freeze(sale, frozen_at)
    state = AuctionState.objects.get(auction=sale.auction)
    assert (sale.listing.state, state.closed_at) == ("SUSPENDED", frozen_at)
    assert LiveEvent.objects.filter(auction=sale.auction).order_by("-seq")[0].kind == "result"
    with pytest.raises(BidRefused):
        sale.quote(1, 1)
    for language, words in (("zh-hans", "法院冻结"), ("en", "A court froze")):
        page = client.get(f"/auctions/{sale.auction.pk}/", headers={"accept-language": language})
        assert words in page.content.decode()
    assert (deposit_holds(sale), told(sale, "中止")) == ([True, True], 2)
    at(calendar.quoting_until + DAY)  # type: ignore[attr-defined]
    assert tasks.tick() == 0, "no winner is declared"
    assert Refund.objects.count() == 0
    lift(sale, hold, calendar.quoting_until + 2 * DAY)  # type: ignore[attr-defined]
    assert sale.listing.state == "TERMINATED"
    assert "不能继续" in sale.listing.end_reason
    assert (Refund.objects.count(), told(sale, "终止")) == (2, 2)
    assert notices()[-1] == "listing_terminated"
    assert free_g(sale.listing) >= sale.listing.lot.quantity_g
    later = SEQUENTIAL.shifted(28 * DAY, after=make.NOW)
    again = listings.relist(
        actor=sale.town.exchange, listing_id=sale.listing.pk, calendar=later, now=make.NOW
    )
    assert again.round == 2
    assert verify() is None


def test_an_auction_whose_time_is_over_has_a_winner_first() -> None:
    sale = Sale(SEQUENTIAL, bidders=2)
    sale.decided()
    at(SEQUENTIAL.quoting_from)
    sale.quote(0, 0)
    with pytest.raises(AuctionEnding):
        freeze(sale, SEQUENTIAL.quoting_until)
    assert sale.listing.state == "BIDDING"
    assert tasks.tick() == 1
    freeze(sale, SEQUENTIAL.quoting_until + MINUTE)
    assert sale.listing.state == "SOLD"
    assert Case.objects.get(pk=Trade.objects.get().case_id).paused_at is not None


def test_a_case_of_an_earlier_version_ends_as_failed() -> None:
    sale = Sale(SEQUENTIAL, bidders=2)
    Case.objects.filter(pk=sale.listing.case_id).update(procedure_version=2)
    sale.decided()
    hold = freeze(sale, SEQUENTIAL.quoting_from + MINUTE)
    lift(sale, hold, SEQUENTIAL.quoting_from + DAY)
    assert sale.listing.state == "FAILED"


def test_an_agreement_stands_still_and_goes_on_or_ends() -> None:
    sale = Sale(SEQUENTIAL, bidders=1)
    sale.decided()
    agreement = agreement_of(sale)
    frozen_at = SEQUENTIAL.decision_at + DAY
    hold = freeze(sale, frozen_at)
    with pytest.raises(CasePaused):
        services.propose_price(
            actor=sale.firms[0].approver,
            agreement_id=agreement.pk,
            price_fen=agreement.floor_fen,
            now=frozen_at,
        )
    lift(sale, hold, frozen_at + DAY)
    assert sale.listing.state == "AGREEMENT"
    services.propose_price(
        actor=sale.firms[0].approver,
        agreement_id=agreement.pk,
        price_fen=agreement.floor_fen,
        now=frozen_at + DAY,
    )
    freeze(sale, frozen_at + 2 * DAY, ruling="另一号")
    listings.terminate_listing(
        actor=sale.town.exchange, listing_id=sale.listing.pk, reason="不再等待", now=frozen_at + 3 * DAY
    )
    agreement.refresh_from_db()
    assert (agreement.state, Refund.objects.count()) == ("FAILED", 1)


def sold() -> Sale:
    sale = Sale(SEQUENTIAL, bidders=2)
    sale.decided()
    at(SEQUENTIAL.quoting_from)
    sale.quote(0, 0)
    at(SEQUENTIAL.quoting_until)
    assert tasks.tick() == 1
    sale.listing.refresh_from_db()
    return sale


def test_after_the_award_the_trade_stands_still_and_goes_on_with_its_right() -> None:
    sale = sold()
    now = SEQUENTIAL.quoting_until + MINUTE
    hold = freeze(sale, now)
    trade = Trade.objects.get()
    case = Case.objects.get(pk=trade.case_id)
    assert (sale.listing.state, case.paused_at) == ("SOLD", now)
    assert trade.deposit is not None
    assert trade.deposit.deposit_state == "HELD"
    assert told(sale, "交易中止") == 1
    with pytest.raises(CasePaused):
        settlement.publish_result(actor=sale.town.exchange, number=trade.number, now=now)
    due = case.deadline_at
    lift(sale, hold, now + 14 * DAY)
    trade.refresh_from_db()
    case.refresh_from_db()
    assert case.paused_at is None
    assert due is not None
    assert case.deadline_at is not None
    assert case.deadline_at > due
    assert trade.rights_hold_id == sale.listing.rights_hold_id
    settlement.publish_result(actor=sale.town.exchange, number=trade.number, now=now + 14 * DAY)
    freeze(sale, now + 15 * DAY, ruling="另一号")
    case.refresh_from_db()
    assert case.paused_at is not None, "a second order reaches it again"
    assert verify() is None


def test_after_the_award_the_institution_may_end_the_trade_and_the_money_goes_back() -> None:
    sale = sold()
    now = SEQUENTIAL.quoting_until + MINUTE
    hold = freeze(sale, now)
    trade = Trade.objects.get()
    settlement.void_trade(
        actor=sale.town.exchange2, number=trade.number, reason="法院执行标的", now=now + DAY
    )
    trade.refresh_from_db()
    sale.listing.refresh_from_db()
    assert (trade.outcome, sale.listing.state) == ("VOIDED", "FAILED")
    assert Refund.objects.filter(cause="TRADE_ENDED").count() == 1
    assert ParcelHold.objects.get(pk=hold.pk).state == "ACTIVE", "the right stays with the court"
    lift(sale, hold, now + 2 * DAY)
    assert sale.listing.state == "FAILED"
    assert verify() is None


def test_an_offer_that_is_accepted_and_not_announced_waits_in_silence() -> None:
    town = offers.market()
    listing = offers.draft(town)
    listings.accept_listing(actor=town.exchange, listing_id=listing.pk, now=make.NOW)
    listing.refresh_from_db()
    hold = rights.freeze_by_court(
        actor=town.bureau,
        parcel_id=listing.lot.parcel_id,
        quantity_g=free_g(listing) + 1,
        ruling_no=RULING,
        now=make.NOW,
    )
    with pytest.raises(CasePaused):
        listings.announce_listing(actor=town.exchange, listing_id=listing.pk, now=SEQUENTIAL.notice_from)
    assert notices() == []
    rights.lift_court_freeze(actor=town.bureau, parcel_hold_id=hold.pk, ruling_no=LIFT, now=make.NOW)
    listings.announce_listing(actor=town.exchange, listing_id=listing.pk, now=SEQUENTIAL.notice_from)
    listing.refresh_from_db()
    assert listing.state == "ANNOUNCED"


def test_the_institutions_page_offers_to_end_a_stopped_sale(client: Client) -> None:
    sale = Sale(SEQUENTIAL, bidders=2)
    sale.decided()
    freeze(sale, SEQUENTIAL.quoting_from + MINUTE)
    client.force_login(
        User.objects.get(pk=sale.town.exchange.user_id),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    page = client.get(f"/exchange/listings/{sale.listing.pk}/").content.decode()
    assert 'value="terminate"' in page
    resumed = client.post(f"/exchange/listings/{sale.listing.pk}/", {"action": "resume", "reason": "x"})
    assert "法院冻结" in resumed.content.decode()
