"""The end of an auction: the result, its bundle, the trade, and what listings tell us on the way."""

from __future__ import annotations

import datetime as dt
import json

from django.db import connection

from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.quantity import Price, PriceBasis
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.publication import services as publication
from terrace.market.auctions import access, queries
from terrace.market.auctions.models import Auction, AuctionResult, AuctionState, Bidder
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import Terms
from terrace.market.auctions.services.award import award
from terrace.market.auctions.services.opening import LotOnOffer, create_auction, emit, enter_bidder
from terrace.market.listings import services as listings
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.services.locking import lock_listing
from terrace.market.settlement.services import LosingDeposit

NOBODY_QUOTED = "自由竞价期内无人报价"
RESULT_KIND = "auction_result"


class AuctionRunning(Refusal):
    code = "auction.close.running"
    text = Text(
        "竞价尚未结束，不能登记结果。", "The auction is still running; its result cannot be recorded."
    )


class RecordDamaged(Refusal):
    code = "auction.close.record_damaged"
    text = Text(
        "报价记录与竞价状态不一致({fault})，结果未登记。",
        "The stored bids and the state of the auction disagree ({fault}); no result was recorded.",
    )
    hint = Text("请运行 terrace verify 并联系平台管理员。", "Run terrace verify and call the administrator.")
    http_status = 500


@act("auction.close")
def close_auction(*, actor: Actor, auction_id: int, now: dt.datetime) -> AuctionResult:
    """Record how an auction ended: result and bundle, the trade or the failure of the offer, the notice.

    The end itself is the clock's: no quote is accepted after it, whether or not this has run. A repeat
    returns the recorded result. The result is computed from the stored bids by the pure rules and must
    agree with the hot row. Raises NotAllowed (not the system), NotFound, AuctionRunning, RecordDamaged and
    what settlement.open_trade raises; then nothing is recorded and the next tick tries again. Clause: E1.
    """
    access.may_close(actor).require()
    auction = access.get_auction_for(actor, auction_id)
    listing, _ = lock_listing(auction.listing_id)
    auction = Auction.objects.get(pk=auction_id)
    state = AuctionState.objects.select_for_update().get(pk=auction_id)
    recorded = queries.get_result(auction_id)
    if recorded is not None:
        return recorded
    if listing.state != "BIDDING" or now < ascending.ends_at(auction.terms, state.as_rules()):
        raise AuctionRunning
    if fault := queries.check_state(auction_id):
        raise RecordDamaged(fault=fault)
    bidders = list(Bidder.objects.filter(auction=auction).select_related("organisation").order_by("id"))
    names = {bidder.mask: bidder.organisation.name for bidder in bidders}
    bundle = ascending.bundle(
        auction.terms,
        queries.quotes_of(auction_id, name_by="mask"),
        about={"number": auction.number, "title": auction.title_zh}
        | {f"bidder {mask}": name for mask, name in names.items()},
    )
    winner = next((bidder for bidder in bidders if bidder.pk == state.leader_id), None)
    result = AuctionResult.objects.create(
        auction=auction,
        sold=winner is not None,
        winner=winner,
        price_fen=state.best_fen,
        ended_at=ascending.ends_at(auction.terms, state.as_rules()),
        recorded_at=now,
        bundle=bundle,
        bundle_sha256=bundle["bundle_sha256"],
    )
    state.closed_at = now
    _emit_end(state, {"status": bundle["outcome"]["status"], "winner": winner and winner.mask, "names": names,
                      "price_fen": state.best_fen, "bundle_sha256": result.bundle_sha256})  # fmt: skip
    trade_number = ""
    if winner is None:
        listings.mark_failed(actor=actor, listing_id=listing.pk, reason=NOBODY_QUOTED, now=now)
    else:
        assert state.best_fen is not None
        trade = award(
            actor=actor,
            listing=listing,
            winner_id=winner.organisation_id,
            price_fen=state.best_fen,
            losers=[
                LosingDeposit(organisation_id=bidder.organisation_id, deposit_hold_id=bidder.deposit_hold_id)
                for bidder in bidders
                if bidder.pk != winner.pk and bidder.deposit_hold_id is not None
            ],
            origin_type="auction",
            origin_id=auction_id,
            now=now,
        )
        trade_number = trade.number
    _announce_result(actor, auction, listing, result, now)
    notify.tell(
        subject=Text(f"竞价结束：{auction.number}", f"The auction is over: {auction.number}"),
        body=Text("结果和全部报价已公布。", "The result and all quotes have been published."),
        url=f"/auctions/{auction_id}/",
        now=now,
        organisation_ids=[bidder.organisation_id for bidder in bidders],
    )
    audit.record(
        actor=actor,
        act="auction.close",
        subject_type="auction",
        subject_id=auction_id,
        at=now,
        facts={
            **bundle["outcome"],
            "bundle_sha256": result.bundle_sha256,
            "trade": trade_number,
            "listing": listing.pk,
        },
        clause="E1",
    )
    return result


def open_for_listing(listing: Listing, now: dt.datetime) -> None:
    """Part, told by listings ("BIDDING"): open the auction with the notice's terms and let in who is admitted."""
    auction = Auction.objects.filter(listing_id=listing.pk).first()
    if auction is None:
        quantity = listing.lot.quantity
        auction = create_auction(
            actor=SYSTEM,
            lot=LotOnOffer(
                listing_id=listing.pk,
                number=listing.number,
                title=Text(
                    listing.project_name, f"{quantity.pollutant.label.en}, {quantity.tonnes_text()} t/yr"
                ),
                quantity=quantity,
                price_basis=PriceBasis(listing.price_basis),
                years=listing.years,
            ),
            terms=Terms(
                start_price_fen=listing.start_fen_per_tonne,
                increment_fen=listing.increment_fen_per_tonne,
                opens_at=listing.quoting_from,
                free_until=listing.quoting_until,
                wait=dt.timedelta(seconds=listing.wait_seconds),
                window=dt.timedelta(seconds=listing.window_seconds),
                timed_quoters_min=listing.timed_min_quoters,
            ),
            deposit_required=True,
            now=now,
        )
    for signup in SignUp.objects.filter(listing=listing, state="ADMITTED").order_by("pk"):
        _enter(auction, signup, now)


def admit_signup(signup: SignUp, now: dt.datetime) -> None:
    """Part, told by listings: a bidder was admitted; it enters if quoting is open already (Ningxia)."""
    auction = Auction.objects.filter(listing_id=signup.listing_id).first()
    if auction is not None:
        _enter(auction, signup, now)


def stop_for_listing(listing: Listing, now: dt.datetime) -> None:
    """Part, told by listings ("AGREEMENT", "FAILED"): an auction that was open already takes no more quotes."""
    auction = Auction.objects.filter(listing_id=listing.pk).first()
    if auction is None:
        return
    state = AuctionState.objects.select_for_update().get(pk=auction.pk)
    if state.closed_at is None:
        state.closed_at = now
        _emit_end(
            state, {"status": listing.mode.lower(), "winner": None, "names": {}, "price_fen": state.best_fen}
        )


class AuctionEnding(Refusal):
    code = "auction.stop.ended"
    text = Text(
        "竞价刚刚结束，结果正在登记，请几秒后再办理。",
        "The auction has just ended and its result is being recorded; try again in a few seconds.",
    )


def stop_auction(listing: Listing, event: str, now: dt.datetime) -> None:
    """Part, told by listings: a court stopped the offer ("suspended"): no more quotes, bidders see it at once.

    The quotes stay on record without a result. Raises AuctionEnding: an auction whose time was over has a winner.
    """
    state = AuctionState.objects.select_for_update().filter(auction__listing_id=listing.pk).first()
    if event != "suspended" or state is None or state.closed_at is not None:
        return
    auction = Auction.objects.get(pk=state.auction_id)
    if listing.resume_state == "BIDDING" and now >= ascending.ends_at(auction.terms, state.as_rules()):
        raise AuctionEnding
    state.closed_at = now
    _emit_end(state, {"status": "suspended", "winner": None, "names": {}, "price_fen": state.best_fen})


def _enter(auction: Auction, signup: SignUp, now: dt.datetime) -> None:
    enter_bidder(
        actor=SYSTEM,
        auction_id=auction.pk,
        organisation_id=signup.organisation_id,
        deposit_hold_id=signup.deposit_hold_id,
        mask="" if signup.mask is None else f"{signup.mask:02d}",
        now=now,
    )


def _emit_end(state: AuctionState, data: dict[str, object]) -> None:
    auction = Auction.objects.get(pk=state.auction_id)
    _emit(auction, state, "result", data)


def _emit(auction: Auction, state: AuctionState, kind: str, data: dict[str, object]) -> None:
    """Save the locked state, then add one event that carries it."""
    state.event_seq += 1
    state.save()
    with connection.cursor() as cursor:
        cursor.execute(queries.PUBLIC_STATE_SQL, [auction.pk])
        row = cursor.fetchone()
    assert row is not None
    state.event_seq -= 1
    emit(state=state, kind=kind, data=json.dumps({**data, "state": json.loads(row[0])}, ensure_ascii=False))


def _announce_result(
    actor: Actor, auction: Auction, listing: Listing, result: AuctionResult, now: dt.datetime
) -> None:
    def label(fen: int | None) -> dict[str, str]:
        if fen is None:
            return {"zh": "—", "en": "—"}
        text = Price(fen, PriceBasis(auction.price_basis), auction.years).label()
        return {"zh": text.zh, "en": text.en}

    quantity = auction.quantity
    amount = None if result.price_fen is None else auction.price(result.price_fen).amount(quantity).label()
    publication.announce(
        actor=actor,
        kind=RESULT_KIND,
        title=Text(f"竞价结果公告 {auction.number}", f"Result of the auction {auction.number}"),
        content={
            "number": auction.number,
            "project_name": listing.project_name,
            "lot": listing.lot.number,
            "pollutant": {"zh": quantity.pollutant.label.zh, "en": quantity.pollutant.label.en},
            "quantity": {"zh": quantity.label().zh, "en": quantity.label().en},
            "sold": result.sold,
            "winner": result.winner.organisation.name if result.winner else "",
            "price": label(result.price_fen),
            "amount": {"zh": amount.zh, "en": amount.en} if amount else {"zh": "—", "en": "—"},
            "ended_at": result.ended_at.isoformat(),
            "bundle_sha256": result.bundle_sha256,
            "auction": auction.pk,
            "bids": [
                {
                    "seq": bid.seq,
                    "bidder": bid.bidder.organisation.name,
                    "mask": bid.bidder.mask,
                    "price": label(bid.price_fen),
                    "at": bid.at.isoformat(),
                    "phase": bid.phase,
                }
                for bid in queries.list_bids(auction.pk).order_by("seq")
            ],
            "is_synthetic": listing.lot.is_synthetic,
        },
        template="auctions/result_notice.html",
        subject_type="auction",
        subject_id=auction.pk,
        now=now,
        number=auction.number,
        city=auction.city,
    )
