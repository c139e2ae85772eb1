"""A court freezes what a running offer offers: the offer is suspended, and goes on or ends when the court lets go (R23).

The listing's hold gives place to the court's. Deposits stay held while the offer is suspended, money that arrives is
held with them, and all of it goes back when the offer ends. Quotes are not carried over a court's freeze: an offer
whose quoting had begun ends when the freeze is lifted (proposed: no source says that quotes stand for so long).
"""

from __future__ import annotations

import datetime as dt

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.errors import Stale
from terrace.kernel.base.texts import Text
from terrace.kernel.notify import services as notify
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.listings import rules
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.procedures import COURT
from terrace.market.listings.services.locking import lock_listing
from terrace.market.listings.services.offers import end_stopped, resume_offer, suspend_offer
from terrace.market.rights import queries as rights_queries
from terrace.market.rights import services as rights
from terrace.market.rights.models import ParcelHold
from terrace.market.rights.rules import HoldKind
from terrace.market.settlement import services as settlement

PUBLIC = ("ANNOUNCED", "BIDDING", "AGREEMENT")


def stop_for_court(hold: ParcelHold, actor: Actor, ruling_no: str, now: dt.datetime) -> str:
    """Part, told by rights: a court needs what this offer holds. Returns what was stopped.

    Raises Stale (the offer was sold at this moment) and what the auctions above refuse.
    """
    found = Listing.objects.get(pk=int(hold.subject_id))
    if found.state == rules.ListingState.SOLD:
        number = settlement.stop_for_court(
            rights_hold_id=hold.ledger_hold_id, actor=actor, ruling_no=ruling_no, now=now
        )
        return f"trade {number}"
    listing, case = lock_listing(found.pk)
    if listing.state == rules.ListingState.SOLD:
        raise Stale
    reason = Text(
        f"标的排污权被法院冻结（{ruling_no}）。已交保证金继续冻结；终止出让的，全部退还。",
        f"A court froze the right on offer ({ruling_no}). Deposits stay held; if the offer ends, all of them go back.",
    )
    if listing.state in PUBLIC:
        suspend_offer(actor, listing, case, reason, now, clause=COURT)
        _tell_bidders(listing, Text(f"中止：{listing.number}", f"Suspended: {listing.number}"), reason, now)
    elif case.paused_at is None:  # accepted, not announced: nobody outside knows of it yet
        procedures.pause(actor=actor, case=case, now=now, reason=reason.zh, clause=COURT)
    rights.release_hold(
        actor=actor,
        hold_id=hold.ledger_hold_id,
        reason=ruling_no,
        entry_key=f"listing:{listing.pk}:court:{hold.ledger_hold_id}",
        now=now,
    )
    return f"listing {listing.number}"


def lifted_by_court(parcel_id: int, actor: Actor, ruling_no: str, now: dt.datetime) -> list[str]:
    """Part, told by rights: a court let go of (part of) a parcel. What it had stopped takes its right back and goes
    on, the oldest first; where another court still holds the right it waits. Returns what goes on or ends."""
    lines = []
    waiting = Listing.objects.filter(
        lot__parcel_id=parcel_id,
        rights_hold_id__in=rights_queries.holds_let_go(parcel_id),
        state__in=("ACCEPTED", "SUSPENDED", "SOLD"),
    )
    for listing_id, state in list(waiting.order_by("accepted_at", "pk").values_list("pk", "state")):
        follow = _trade_goes_on if state == rules.ListingState.SOLD else _offer_goes_on
        lines.append(follow(listing_id, parcel_id, actor, ruling_no, now))
    return [line for line in lines if line]


def _trade_goes_on(listing_id: int, parcel_id: int, actor: Actor, ruling_no: str, now: dt.datetime) -> str:
    old = Listing.objects.values_list("rights_hold_id", flat=True).get(pk=listing_id)
    assert old is not None
    number, hold_id = settlement.go_on_after_court(
        rights_hold_id=old, actor=actor, ruling_no=ruling_no, now=now
    )
    if hold_id is None:
        return f"trade {number} waits"
    listing, _ = lock_listing(listing_id)
    listing.rights_hold_id = hold_id
    listing.save(update_fields=["rights_hold_id"])
    return f"trade {number} goes on"


def _offer_goes_on(listing_id: int, parcel_id: int, actor: Actor, ruling_no: str, now: dt.datetime) -> str:
    listing, case = lock_listing(listing_id)
    parcel = rights.lock_parcel(parcel_id)
    reason = Text(f"法院解除冻结（{ruling_no}）。", f"The court lifted its freeze ({ruling_no}).")
    by_court = _stopped_by_court(case)
    if parcel.free_g < listing.lot.quantity_g:
        if rights_queries.court_holds(parcel_id):
            return f"listing {listing.number} waits"
        reason = Text(
            f"{reason.zh}可用数量已不足本标的数量，终止出让，保证金退还。",
            f"{reason.en} Less is left than was offered; the offer ends and deposits go back.",
        )
    elif by_court and listing.state == rules.ListingState.SUSPENDED and _quoted(listing):
        reason = Text(
            f"{reason.zh}报价已中断，不能继续，终止出让，保证金退还；可以重新挂牌。",
            f"{reason.en} Quoting was broken off and cannot go on: the offer ends, deposits go back; it may be relisted.",
        )
    else:
        hold = rights.freeze_parcel(
            actor=actor,
            parcel_id=parcel_id,
            quantity_g=listing.lot.quantity_g,
            kind=HoldKind.LISTING,
            reason=listing.number,
            subject_type="listing",
            subject_id=listing.pk,
            entry_key=f"listing:{listing.pk}:refreeze:{listing.rights_hold_id}",
            now=now,
        )
        listing.rights_hold_id = hold.ledger_hold_id
        listing.save(update_fields=["rights_hold_id"])
        if not by_court:  # the trading institution had suspended it before, and resumes it itself
            return f"listing {listing.number} keeps its right"
        if listing.state == rules.ListingState.SUSPENDED:
            resume_offer(actor, listing, case, reason, now)
            _tell_bidders(listing, Text(f"恢复：{listing.number}", f"Goes on: {listing.number}"), reason, now)
        else:
            procedures.resume(actor=actor, case=case, now=now, reason=reason.zh)
        return f"listing {listing.number} goes on"
    if listing.state != rules.ListingState.SUSPENDED:  # not announced: the seller withdraws it
        return f"listing {listing.number} waits"
    _tell_bidders(listing, Text(f"终止：{listing.number}", f"Ended: {listing.number}"), reason, now)
    end_stopped(actor, listing, case, reason, now)
    return f"listing {listing.number} ended"


def _stopped_by_court(case: Case) -> bool:
    """Whether the last suspension was a court's."""
    last = case.steps.filter(transition="PAUSE").order_by("-position").first()
    return last is not None and last.clause == COURT


def _quoted(listing: Listing) -> bool:
    """Whether quoting had begun. An agreement has one price at a time and simply goes on."""
    return listing.quoting_opened_at is not None and listing.resume_state != rules.ListingState.AGREEMENT


def _tell_bidders(listing: Listing, subject: Text, body: Text, now: dt.datetime) -> None:
    organisations = SignUp.objects.filter(listing=listing, ended_at__isnull=True).values_list(
        "organisation_id", flat=True
    )
    notify.tell(
        subject=subject,
        body=body,
        url=f"/lots/{listing.pk}/",
        now=now,
        organisation_ids=[listing.lot.seller_id, *organisations],
    )
