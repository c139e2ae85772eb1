"""E4: one qualified bidder. A price at or above the floor, agreed by both sides, awarded by a second person."""

from __future__ import annotations

import datetime as dt

from terrace.kernel.audit import services as audit
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal, Stale
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.orgs import services as orgs
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.auctions.models import Agreement, AuctionState
from terrace.market.auctions.procedures import AGREEMENT, CLAUSE, CLAUSE_SECOND
from terrace.market.auctions.services.award import award
from terrace.market.auctions.services.closing import stop_for_listing
from terrace.market.listings import services as listings
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.services.locking import lock_listing

AWARD_ACT = "auction.agreement.award"
REFUSED = "协议未达成"
STOPPED = "标的排污权被司法冻结"
LAPSED = "协议双方未在期限内答复"


class BelowFloor(Refusal):
    code = "auction.agreement.below_floor"
    text = Text("协议价格不得低于底价 {floor}。", "The price must be at least the floor of {floor}.")
    clause = CLAUSE


def agree_for_listing(listing: Listing, now: dt.datetime) -> None:
    """Part, told by listings ("AGREEMENT"): open the agreement with the only admitted bidder.

    Where quoting was open already (Ningxia), it is stopped and the bidder's own best quote is the floor.
    """
    stop_for_listing(listing, now)
    signup = SignUp.objects.select_related("organisation").get(listing=listing, state="ADMITTED")
    quoted = (
        AuctionState.objects.filter(auction__listing_id=listing.pk).values_list("best_fen", flat=True).first()
    )
    lot = listing.lot
    agreement = Agreement.objects.create(
        city=listing.city,
        listing_id=listing.pk,
        signup_id=signup.pk,
        number=listing.number,
        seller_id=lot.seller_id,
        buyer_id=signup.organisation_id,
        pollutant=lot.pollutant,
        quantity_g=lot.quantity_g,
        price_basis=listing.price_basis,
        years=listing.years,
        floor_fen=max(listing.start_fen_per_tonne, quoted or 0),
        opened_at=now,
    )
    case = procedures.open_case(
        actor=SYSTEM,
        procedure=AGREEMENT,
        subject_type="agreement",
        subject_id=agreement.pk,
        title=Text(f"协议出让 {listing.number}", f"Sale by agreement {listing.number}"),
        url=f"/auctions/agreements/{agreement.pk}/",
        parties={
            "FIRM_APPROVER@buyer": signup.organisation_id,
            "FIRM_APPROVER@seller": lot.seller_id,
            "RESERVE_CHECKER@seller": lot.seller_id,
        },
        now=now,
        city=listing.city,
    )
    agreement.case_id = case.pk
    agreement.save(update_fields=["case_id"])
    floor = agreement.floor.label()
    notify.tell(
        subject=Text(f"转协议出让：{listing.number}", f"Sale by agreement: {listing.number}"),
        body=Text(
            f"贵单位是唯一的合格竞买人，可以不低于 {floor.zh} 的价格协议受让，请提出价格。",
            f"You are the only qualified bidder and may buy at {floor.en} or more; please propose a price.",
        ),
        url=f"/auctions/agreements/{agreement.pk}/",
        now=now,
        organisation_ids=[signup.organisation_id],
    )


@act("auction.agreement.propose")
def propose_price(*, actor: Actor, agreement_id: int, price_fen: int, now: dt.datetime) -> Agreement:
    """The buyer's approver proposes a price (fen per tonne on the lot's basis).

    Raises NotFound, BelowFloor and what procedures.advance raises. Clause: E4.
    """
    agreement, case = _lock(agreement_id)
    if price_fen < agreement.floor_fen:
        raise BelowFloor(floor=agreement.floor.label())
    agreement.price_fen = price_fen
    return _move(actor, agreement, case, "propose", now, facts={"price_fen": price_fen})


@act("auction.agreement.accept")
def accept_price(*, actor: Actor, agreement_id: int, price_fen: int, now: dt.datetime) -> Agreement:
    """The seller agrees to exactly `price_fen`, the price its page showed. Raises NotFound, Stale, and of advance."""
    agreement, case = _lock(agreement_id)
    _same_price(agreement, price_fen)
    return _move(actor, agreement, case, "accept", now, facts={"price_fen": price_fen})


@act("auction.agreement.return")
def return_price(*, actor: Actor, agreement_id: int, reason: str, now: dt.datetime) -> Agreement:
    """The seller asks for another price; needs a reason. Raises NotFound and what procedures.advance raises."""
    agreement, case = _lock(agreement_id)
    agreement.price_fen = None
    return _move(actor, agreement, case, "return_price", now, reason=reason)


@act("auction.agreement.ask")
def ask_award(*, actor: Actor, agreement_id: int, now: dt.datetime) -> Agreement:
    """The trading institution's maker asks the second person to award. Raises NotFound, AlreadyAsked, of advance."""
    agreement, case = _lock(agreement_id)
    approval = orgs.ask(
        actor=actor,
        act=AWARD_ACT,
        subject_type="agreement",
        subject_id=agreement.pk,
        payload=_payload(agreement),
        checker_roles=[Role.EXCHANGE_CHECKER],
        summary=Text(
            f"协议出让 {agreement.number}：{agreement.buyer.name}",
            f"Sale by agreement {agreement.number}: {agreement.buyer.name}",
        ),
        now=now,
    )
    agreement.approval_id = approval.pk
    return _move(actor, agreement, case, "ask", now)


@act("auction.agreement.award")
def decide_award(
    *, actor: Actor, agreement_id: int, approve: bool, reason: str = "", now: dt.datetime
) -> Agreement:
    """The second person awards (the trade opens, the offer is sold) or sends back with a reason.

    Raises NotFound, SamePerson, NotAllowed, PayloadChanged, AlreadyDecided, ReasonMissing, of advance and open_trade.
    """
    listing_id = _listing_of(agreement_id)
    listing, _ = lock_listing(listing_id)
    agreement, case = _lock(agreement_id)
    if agreement.approval_id is None:
        raise NotFound(what=Text("该复核请求", "the request"))
    orgs.decide(
        actor=actor,
        approval_id=agreement.approval_id,
        approve=approve,
        reason=reason,
        payload=_payload(agreement),
        now=now,
    )
    if not approve:
        return _move(actor, agreement, case, "send_back", now, reason=reason)
    assert agreement.price_fen is not None
    trade = award(
        actor=SYSTEM,
        listing=listing,
        winner_id=agreement.buyer_id,
        price_fen=agreement.price_fen,
        losers=[],
        origin_type="agreement",
        origin_id=agreement.pk,
        now=now,
    )
    agreement.trade_number = trade.number
    agreement.ended_at = now
    return _move(
        actor,
        agreement,
        case,
        "award",
        now,
        reason=reason,
        clause=CLAUSE_SECOND,
        facts={"trade": trade.number},
    )


@act("auction.agreement.refuse")
def refuse_agreement(*, actor: Actor, agreement_id: int, reason: str, now: dt.datetime) -> Agreement:
    """Either side refuses: the offer has failed, the right is freed, the deposit goes back. Needs a reason."""
    return _fail(actor, agreement_id, "refuse", reason, now)


@act("auction.agreement.lapse")
def lapse_agreement(*, case_id: int, now: dt.datetime) -> Agreement:
    """Nobody answered in time: failed, by the system. Registered for the deadline."""
    agreement_id = Agreement.objects.values_list("pk", flat=True).get(case_id=case_id)
    return _fail(SYSTEM, agreement_id, "lapse", LAPSED, now)


def stop_agreement(listing: Listing, event: str, now: dt.datetime) -> None:
    """Part, told by listings: the agreement stands still with its offer, goes on with it, or ends with it."""
    agreement_id = Agreement.objects.filter(listing_id=listing.pk).values_list("pk", flat=True).first()
    if agreement_id is None:
        return
    agreement, case = _lock(agreement_id)
    if not case.is_open:
        return
    if event == "suspended":
        procedures.pause(actor=SYSTEM, case=case, now=now, reason=STOPPED)
    elif event == "resumed":
        procedures.resume(actor=SYSTEM, case=case, now=now)
    elif case.procedure_version > 1:  # a case of version 1 has no such step: it stays suspended
        procedures.resume(actor=SYSTEM, case=case, now=now)
        procedures.advance(actor=SYSTEM, case=case, transition="stop", now=now, reason=STOPPED)
        agreement.state, agreement.ended_at = case.state, now
        agreement.save(update_fields=["state", "ended_at"])


def _fail(actor: Actor, agreement_id: int, transition: str, reason: str, now: dt.datetime) -> Agreement:
    listing_id = _listing_of(agreement_id)
    lock_listing(listing_id)
    agreement, case = _lock(agreement_id)
    agreement.ended_at = now
    listings.mark_failed(
        actor=SYSTEM, listing_id=listing_id, reason=f"{REFUSED}：{reason.strip()}"[:500], now=now
    )
    return _move(actor, agreement, case, transition, now, reason=reason)


def _listing_of(agreement_id: int) -> int:
    listing_id = Agreement.objects.filter(pk=agreement_id).values_list("listing_id", flat=True).first()
    if listing_id is None:
        raise NotFound(what=Text("该协议", "the agreement"))
    return listing_id


def _lock(agreement_id: int) -> tuple[Agreement, Case]:
    case_id = Agreement.objects.filter(pk=agreement_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该协议", "the agreement"))
    case = procedures.lock_case(case_id)
    agreement = (
        Agreement.objects.select_for_update(of=("self",))
        .select_related("buyer", "seller")
        .get(pk=agreement_id)
    )
    return agreement, case


def _same_price(agreement: Agreement, price_fen: int) -> None:
    if agreement.price_fen != price_fen:
        raise Stale


def _payload(agreement: Agreement) -> dict[str, object]:
    return {
        "agreement": agreement.pk,
        "buyer": agreement.buyer_id,
        "quantity_g": agreement.quantity_g,
        "price_fen": agreement.price_fen,
        "price_basis": agreement.price_basis,
        "years": agreement.years,
    }


def _move(
    actor: Actor,
    agreement: Agreement,
    case: Case,
    transition: str,
    now: dt.datetime,
    *,
    reason: str = "",
    clause: str = CLAUSE,
    facts: dict[str, object] | None = None,
) -> Agreement:
    """Take the step, save, and write the act's journal entry: the end of every act above."""
    procedures.advance(actor=actor, case=case, transition=transition, now=now, reason=reason)
    agreement.state = case.state
    agreement.save()
    audit.record(
        actor=actor,
        act=f"auction.agreement.{transition.removesuffix('_price')}",
        subject_type="agreement",
        subject_id=agreement.pk,
        at=now,
        facts={"state": agreement.state, **(facts or {})},
        reason=reason,
        clause=clause,
    )
    return agreement
