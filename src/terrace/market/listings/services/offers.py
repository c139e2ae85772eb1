"""A public offer from its draft to its end: terms, freeze, notice, suspension, termination (D 3 to 5)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import SYSTEM, Actor
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotFound, Refusal
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.roles import Role
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case, CaseStep
from terrace.kernel.publication import services as publication
from terrace.market.listings import access, rules
from terrace.market.listings.models import Listing, Lot, SignUp
from terrace.market.listings.procedures import COURT
from terrace.market.listings.services import notices
from terrace.market.listings.services.locking import lock_listing
from terrace.market.listings.services.signals import tell_admitted, tell_stop
from terrace.market.reserve import services as reserve
from terrace.market.reserve.models import PlannedLot
from terrace.market.reserve.rules import DepositRule, Mode, deposit_of
from terrace.market.reserve.rules import LotState as PlannedState
from terrace.market.rights import queries as rights_queries
from terrace.market.rights import services as rights
from terrace.market.rights.rules import HoldKind, RightSource
from terrace.market.settlement import services as settlement


class LotNotListable(Refusal):
    code = "listings.lot.not_listable"
    text = Text("该标的当前不能挂牌。", "This lot cannot be listed now.")
    hint = Text(
        "出让计划批准后才能挂牌，且同一标的只能有一份在办公告。",
        "The plan must be approved, and one offer runs at a time.",
    )


class CalendarUnsound(Refusal):
    code = "listings.calendar.unsound"
    text = Text("公告日程有误：{fault}", "The calendar is not sound: {fault}")
    http_status = 422


class StartBelowFloor(Refusal):
    code = "listings.price.below_floor"
    text = Text(
        "起始价不得低于计划底价{floor}。", "The starting price cannot be below the planned floor, {floor}."
    )
    http_status = 422


class ListingNotDraft(Refusal):
    code = "listings.listing.not_draft"
    text = Text("公告受理后不能修改。", "An accepted listing cannot be changed.")


class QuotingBegun(Refusal):
    code = "listings.listing.quoting_begun"
    text = Text("报价已经开始，不能中止或终止公告。", "Quoting has begun; the offer cannot be stopped here.")


class NotSuspended(Refusal):
    code = "listings.listing.not_suspended"
    text = Text("该公告没有中止。", "The listing is not suspended.")


class AlreadySuspended(Refusal):
    code = "listings.listing.suspended"
    text = Text(
        "该公告已中止，恢复前不能办理。", "The listing is suspended; nothing can be done until it resumes."
    )


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """What the trading institution fills in; quantity, years, ratio, increment and deposit come from the plan.

    Exactly one of `calendar` (clock times) and `workdays` with `notice_from` (working days) is given.
    `start_fen_per_tonne` is the planned floor when None; wait and window of the timed period in seconds.
    """

    project_name: str
    allocation_text: str
    payment_text: str
    contact: str
    calendar: rules.Calendar | None = None
    workdays: rules.WorkdayPlan | None = None
    notice_from: dt.datetime | None = None
    start_fen_per_tonne: int | None = None
    price_reason: str = ""
    wait_seconds: int = 240
    window_seconds: int = 240
    timed_min_quoters: int = 2
    buyer_conditions: str | None = None
    region_text: str = ""
    source_text: str = ""

    def dates(self) -> rules.Calendar:
        """The calendar in instants. Raises CalendarUnsound, workdays.CalendarMissing."""
        if self.calendar is not None:
            return self.calendar
        if self.workdays is None or self.notice_from is None:
            raise CalendarUnsound(fault=Text("请填写日程。", "the calendar is missing."))
        return rules.calendar_from_workdays(self.workdays, self.notice_from)


def _checked(terms: ListingTerms, planned: PlannedLot, now: dt.datetime) -> rules.Calendar:
    calendar = terms.dates()
    if faults := rules.faults_of_calendar(calendar, now=now):
        raise CalendarUnsound(fault=faults[0].text, field=faults[0].field)
    if terms.start_fen_per_tonne is not None and terms.start_fen_per_tonne < planned.floor_fen_per_tonne:
        raise StartBelowFloor(floor=planned.floor.label())
    return calendar


def _columns(terms: ListingTerms, planned: PlannedLot, calendar: rules.Calendar) -> dict[str, Any]:
    """Every notice field of domain D as columns."""
    right = planned.parcel.right
    start_fen = terms.start_fen_per_tonne or planned.floor_fen_per_tonne
    start = planned.floor.__class__(start_fen, planned.floor.basis, planned.years)
    rule = DepositRule(planned.deposit_rule)
    deposit = deposit_of(
        rule=rule,
        percent=planned.deposit_percent,
        fixed_fen=planned.deposit_fixed_fen,
        start=start,
        quantity=planned.quantity,
    )
    deposit_text = (
        f"起始总价的{planned.deposit_percent}%" if rule is DepositRule.PERCENT else "按标的固定金额"
    )
    conditions = terms.buyer_conditions if terms.buyer_conditions is not None else planned.buyer_conditions
    return {
        "project_name": terms.project_name.strip() or planned.name,
        "region_text": terms.region_text or notices.region_text(right).zh,
        "source_text": terms.source_text or RightSource(right.source).label.zh,
        "years": planned.years,
        "ratio_hundredths": planned.ratio_hundredths,
        "start_fen_per_tonne": start_fen,
        "increment_fen_per_tonne": planned.increment_fen_per_tonne,
        "price_basis": planned.price_basis,
        "price_reason": terms.price_reason,
        "calendar_kind": (
            rules.CalendarKind.CLOCK if terms.calendar is not None else rules.CalendarKind.WORKDAYS
        ).value,
        "workday_plan": None if terms.workdays is None else notices.plan_document(terms.workdays),
        "wait_seconds": terms.wait_seconds,
        "window_seconds": terms.window_seconds,
        "timed_min_quoters": terms.timed_min_quoters,
        "allocation_text": terms.allocation_text,
        "buyer_conditions": conditions,
        "deposit_fen": deposit.fen,
        "deposit_text": deposit_text,
        "payment_text": terms.payment_text,
        "contact": terms.contact,
        **dict(calendar.items()),
    }


def _lot_of(planned: PlannedLot, now: dt.datetime) -> Lot:
    """The lot of a planned lot, made at its first listing."""
    lot = Lot.objects.select_for_update().filter(planned_lot=planned).first()
    if lot is not None:
        return lot
    return Lot.objects.create(
        city=planned.city,
        number=rights.next_number(series="BD", now=now, city=planned.city),
        name=planned.name,
        planned_lot=planned,
        seller_id=planned.plan.body_id,
        parcel=planned.parcel,
        pollutant=planned.pollutant,
        quantity_g=planned.quantity_g,
        is_synthetic=planned.plan.is_synthetic,
        created_at=now,
    )


class FrozenByCourt(Refusal):
    code = "listings.listing.frozen_by_court"
    text = Text(
        "标的排污权被法院冻结，不能恢复出让。",
        "A court has frozen the right on offer; the offer cannot go on.",
    )
    hint = Text(
        "等法院解除冻结后自动恢复或终止，也可以现在终止。",
        "It goes on or ends by itself when the court lifts the freeze; you may also end it now.",
    )
    clause = COURT


@act("listings.listing.draft")
def draft_listing(
    *, actor: Actor, planned_lot_id: int, terms: ListingTerms, now: dt.datetime, key: str | None = None
) -> Listing:
    """Draft a public offer of an approved planned lot. Nothing is frozen or public yet.

    Raises NotAllowed, NotFound, LotNotListable, CalendarUnsound, StartBelowFloor.
    """
    access.may_prepare(actor).require()
    planned = (
        PlannedLot.objects.select_for_update(of=("self",))
        .select_related("plan", "parcel__right__area")
        .filter(pk=planned_lot_id)
        .first()
    )
    if planned is None:
        raise NotFound(what=Text("该标的", "the lot"))
    digest = digest_of([planned_lot_id, repr(terms)])
    if answer := first_answer(actor=actor, act="listings.listing.draft", key=key, request_digest=digest):
        return Listing.objects.get(pk=answer)
    if planned.state != PlannedState.LISTABLE or planned.mode != Mode.ASCENDING:
        raise LotNotListable
    calendar = _checked(terms, planned, now)
    lot = _lot_of(planned, now)
    listing = _make_listing(actor, lot, _columns(terms, planned, calendar), now)
    record(
        actor=actor,
        act="listings.listing.draft",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"number": listing.number, "lot": lot.number, "round": listing.round},
        key=key,
        request_digest=digest,
        result=listing.pk,
    )
    return listing


def _make_listing(actor: Actor, lot: Lot, columns: dict[str, Any], now: dt.datetime) -> Listing:
    if lot.listings.exclude(state__in=["FAILED", "TERMINATED", "WITHDRAWN"]).exists():
        raise LotNotListable
    last = lot.listings.aggregate(last=Max("round"))["last"]
    listing = Listing.objects.create(
        city=lot.city,
        lot=lot,
        number=notices.next_notice_number(now, lot.city),
        round=(last or 0) + 1,
        created_at=now,
        **columns,
    )
    lot.state = rules.LotState.LISTED.value
    lot.save(update_fields=["state"])
    case = procedures.open_case(
        actor=actor,
        procedure="listings.listing",
        subject_type="listing",
        subject_id=listing.pk,
        title=Text(
            f"{listing.number} {listing.project_name}", f"{listing.number} {lot.pollutant} lot {lot.number}"
        ),
        url=f"/exchange/listings/{listing.pk}/",
        parties={Role.RESERVE_MAKER: lot.seller_id},
        now=now,
        facts=deadline_facts(listing.calendar),
    )
    listing.case_id = case.pk
    listing.save(update_fields=["case_id"])
    return listing


def deadline_facts(calendar: rules.Calendar, *, quoting_open: bool = False) -> dict[str, str]:
    """The instants the procedure waits for: the opening of quoting when it comes first, else the decision."""
    first = calendar.quoting_from if calendar.quoting_overlaps and not quoting_open else calendar.decision_at
    return {"next_at": first.isoformat()}


@act("listings.listing.change")
def change_listing(*, actor: Actor, listing_id: int, terms: ListingTerms, now: dt.datetime) -> Listing:
    """Change the terms of a draft. Raises NotAllowed, NotFound, ListingNotDraft, CalendarUnsound, StartBelowFloor."""
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    if listing.state != rules.ListingState.DRAFT:
        raise ListingNotDraft
    planned = PlannedLot.objects.select_related("plan", "parcel__right__area").get(lot=listing.lot)
    calendar = _checked(terms, planned, now)
    columns = _columns(terms, planned, calendar)
    for name, value in columns.items():
        setattr(listing, name, value)
    listing.save()
    procedures.amend(actor=actor, case=case, now=now, facts=deadline_facts(calendar))
    record(
        actor=actor,
        act="listings.listing.change",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={name: value for name, value in columns.items() if name != "workday_plan"},
    )
    return listing


@act("listings.listing.accept")
def accept_listing(*, actor: Actor, listing_id: int, now: dt.datetime) -> Listing:
    """Accept the offer: the lot's quantity is frozen in register and ledger until it is delivered or released (D 4).

    Raises NotAllowed, NotFound, ParcelShort, LotNotListable (reserve) and what procedures.advance raises.
    """
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    step = procedures.advance(actor=actor, case=case, transition="accept", now=now)
    lot = listing.lot
    if lot.planned_lot_id is not None:
        reserve.mark_listed(lot.planned_lot_id)
    hold = rights.freeze_parcel(
        actor=actor,
        parcel_id=lot.parcel_id,
        quantity_g=lot.quantity_g,
        kind=HoldKind.LISTING,
        reason=listing.number,
        subject_type="listing",
        subject_id=listing.pk,
        entry_key=f"listing:{listing.pk}:freeze",
        now=now,
    )
    listing.state = case.state
    listing.accepted_at = now
    listing.rights_hold_id = hold.ledger_hold_id
    listing.save(update_fields=["state", "accepted_at", "rights_hold_id"])
    record(
        actor=actor,
        act="listings.listing.accept",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"ledger_hold": hold.ledger_hold_id, "quantity_g": lot.quantity_g, "parcel": lot.parcel_id},
        clause=step.clause,
    )
    return listing


@act("listings.listing.announce")
def announce_listing(*, actor: Actor, listing_id: int, now: dt.datetime) -> Listing:
    """Publish the notice; what it shows is archived by publication (D 5). From here the calendar runs by itself.

    Raises NotAllowed, NotFound, CalendarUnsound (the notice period is over) and what procedures.advance raises.
    """
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    if faults := rules.faults_of_calendar(listing.calendar, now=now):
        raise CalendarUnsound(fault=faults[0].text, field=faults[0].field)
    step = procedures.advance(
        actor=actor, case=case, transition="announce", now=now, facts=deadline_facts(listing.calendar)
    )
    listing.state = case.state
    listing.announced_at = now
    listing.mask_seed = secrets.token_hex(16)
    listing.save(update_fields=["state", "announced_at", "mask_seed"])
    _announce(
        actor, listing, "listing_notice", "listings/notice.html", Text("出让公告", "Notice of offer"), "", now
    )
    record(
        actor=actor,
        act="listings.listing.announce",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"number": listing.number, "lot": listing.lot.number},
        clause=step.clause,
    )
    return listing


def _announce(
    actor: Actor,
    listing: Listing,
    kind: str,
    template: str,
    label: Text,
    reason: str | Text,
    now: dt.datetime,
) -> None:
    words = reason if isinstance(reason, Text) else Text(reason, "")  # staff write the reason in Chinese
    publication.announce(
        actor=actor,
        kind=kind,
        title=Text(f"{listing.project_name}{label.zh}", f"{label.en}: {listing.lot.number}"),
        content={**notices.content_of(listing), "reason": words.zh, "reason_en": words.en},
        template=template,
        subject_type="listing",
        subject_id=listing.pk,
        now=now,
        number=listing.number,
        city=listing.city,
    )


@act("listings.listing.withdraw")
def withdraw_listing(*, actor: Actor, listing_id: int, reason: str, now: dt.datetime) -> Listing:
    """The seller takes the offer back before the notice; a freeze is released. Raises NotAllowed, NotFound and
    what procedures.advance raises (after the notice only the trading institution may terminate)."""
    listing, case = lock_listing(listing_id)
    access.may_withdraw(actor, listing).require()
    if case.paused_at is not None:  # a court froze the right before the notice
        procedures.resume(actor=actor, case=case, now=now, reason=reason)
    return _end(actor, listing, case, "withdraw", rules.LotState.OPEN, reason, now)


@act("listings.listing.terminate")
def terminate_listing(*, actor: Actor, listing_id: int, reason: str, now: dt.datetime) -> Listing:
    """The trading institution ends an announced offer (error, force majeure) before quoting begins, or one that a
    court's freeze has suspended: the freeze is released, sign-ups end, deposits received go back, the public is told.

    Raises NotAllowed, NotFound, QuotingBegun and what procedures.advance raises.
    """
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    if listing.state == rules.ListingState.SUSPENDED:
        transition = end_stopped(actor, listing, case, reason, now)
        return _record_end(actor, listing, transition, reason, now)
    if listing.quoting_opened_at is not None:
        raise QuotingBegun
    ended = _end(actor, listing, case, "terminate", rules.LotState.OPEN, reason, now)
    _announce_end(actor, ended, reason, now)
    return ended


def end_stopped(actor: Actor, listing: Listing, case: Case, reason: str | Text, now: dt.datetime) -> CaseStep:
    """Part: end a suspended offer: sign-ups end, deposits go back, what the auctions had open ends, notice."""
    words = reason.zh if isinstance(reason, Text) else reason
    procedures.resume(actor=actor, case=case, now=now, reason=words)
    step = _end_case(SYSTEM if not access.may_prepare(actor) else actor, case, words, now)
    release_offer(actor, listing, rules.LotState.OPEN, words, now)
    _set_ended(listing, case, words, now)
    tell_stop(listing, "ended", now)
    _announce_end(actor, listing, reason, now)
    return step


def _end_case(actor: Actor, case: Case, reason: str, now: dt.datetime) -> CaseStep:
    """`terminate`; a case of an earlier version whose quoting had begun has no such step and has failed."""
    definition = case.definition
    ways = [] if definition is None else [t for t in definition.transitions if case.state in t.sources]
    allowed = [t for t in ways if t.code == "terminate" and (not actor.is_system or "SYSTEM" in t.roles)]
    return procedures.advance(
        actor=actor, case=case, transition="terminate" if allowed else "fail", now=now, reason=reason
    )


def _announce_end(actor: Actor, listing: Listing, reason: str | Text, now: dt.datetime) -> None:
    _announce(
        actor,
        listing,
        "listing_terminated",
        "listings/stopped.html",
        Text("终止公告", "Offer terminated"),
        reason,
        now,
    )


def _end(
    actor: Actor,
    listing: Listing,
    case: Case,
    transition: str,
    lot_state: rules.LotState,
    reason: str,
    now: dt.datetime,
) -> Listing:
    step = procedures.advance(actor=actor, case=case, transition=transition, now=now, reason=reason)
    release_offer(actor, listing, lot_state, reason, now)
    _set_ended(listing, case, reason, now)
    return _record_end(actor, listing, step, reason, now, transition)


def _set_ended(listing: Listing, case: Case, reason: str, now: dt.datetime) -> None:
    listing.state = case.state
    listing.end_reason = reason.strip()
    listing.ended_at = now
    listing.suspended_at = None
    listing.resume_state = ""
    listing.save(update_fields=["state", "end_reason", "ended_at", "suspended_at", "resume_state"])


def _record_end(
    actor: Actor,
    listing: Listing,
    step: CaseStep,
    reason: str,
    now: dt.datetime,
    transition: str = "terminate",
) -> Listing:
    record(
        actor=actor,
        act=f"listings.listing.{transition}",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"from": step.from_state, "to": step.to_state},
        reason=reason.strip(),
        clause=step.clause,
    )
    return listing


def release_offer(
    actor: Actor, listing: Listing, lot_state: rules.LotState, reason: str, now: dt.datetime
) -> None:
    """Part: free what the offer held: the right, the planned lot, open sign-ups and the deposits received."""
    lot = listing.lot
    if listing.rights_hold_id is not None:
        release_right(actor, listing, reason, now)
        if lot.planned_lot_id is not None:
            reserve.mark_returned(lot.planned_lot_id)
    lot.state = lot_state.value
    lot.save(update_fields=["state"])
    end_signups(listing, now)


def release_right(actor: Actor, listing: Listing, reason: str, now: dt.datetime) -> None:
    """Part: free the right, unless a court's freeze has taken the place of the listing's."""
    assert listing.rights_hold_id is not None
    if rights_queries.hold_stands(listing.rights_hold_id):
        rights.release_hold(
            actor=actor,
            hold_id=listing.rights_hold_id,
            reason=reason or listing.number,
            entry_key=f"listing:{listing.pk}:release",
            now=now,
        )


def _open_signups(listing: Listing) -> Iterator[tuple[Case, SignUp]]:
    """Every sign-up that has not ended, locked one after the other in the order of their cases."""
    waiting = SignUp.objects.filter(listing=listing, ended_at__isnull=True, case_id__isnull=False)
    for signup_id, case_id in list(waiting.order_by("case_id").values_list("pk", "case_id")):
        assert case_id is not None
        yield (
            procedures.lock_case(case_id),
            SignUp.objects.select_for_update(of=("self",)).get(pk=signup_id),
        )


def end_signups(listing: Listing, now: dt.datetime) -> None:
    """Part: close every sign-up that is still under way, withdraw unpaid deposit demands, return paid deposits."""
    for case, signup in _open_signups(listing):
        if case.is_open:
            if case.paused_at is not None:
                procedures.resume(actor=SYSTEM, case=case, now=now)
            procedures.advance(actor=SYSTEM, case=case, transition="end", now=now)
            signup.state = case.state
        if signup.deposit_hold_id is not None:
            settlement.refund_deposit(
                actor=SYSTEM, deposit_hold_id=signup.deposit_hold_id, cause="NO_TRADE", now=now
            )
        elif signup.deposit_instruction_id is not None:
            settlement.cancel_payment(instruction_id=signup.deposit_instruction_id)
        signup.ended_at = now
        signup.save(update_fields=["state", "ended_at"])


@act("listings.listing.suspend")
def suspend_listing(*, actor: Actor, listing_id: int, reason: str, now: dt.datetime) -> Listing:
    """Stop the clock of an announced offer before quoting begins. Raises NotAllowed, NotFound, QuotingBegun,
    AlreadySuspended, ListingNotDraft and what procedures.pause raises (a reason is needed)."""
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    if listing.state == rules.ListingState.SUSPENDED:
        raise AlreadySuspended
    if listing.state != rules.ListingState.ANNOUNCED or listing.quoting_opened_at is not None:
        raise QuotingBegun
    suspend_offer(actor, listing, case, reason, now)
    record(
        actor=actor,
        act="listings.listing.suspend",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        reason=reason.strip(),
    )
    return listing


def suspend_offer(
    actor: Actor, listing: Listing, case: Case, reason: str | Text, now: dt.datetime, *, clause: str = ""
) -> None:
    """Part: stop the clock of an offer and of its sign-ups, tell the public and the auctions above."""
    words = reason.zh if isinstance(reason, Text) else reason
    procedures.pause(actor=actor, case=case, now=now, reason=words, clause=clause)
    for signup_case, _ in _open_signups(listing):
        if signup_case.is_open:
            procedures.pause(actor=SYSTEM, case=signup_case, now=now, reason=words, clause=clause)
    listing.resume_state = listing.state
    listing.state = rules.ListingState.SUSPENDED.value
    listing.suspended_at = now
    listing.save(update_fields=["state", "resume_state", "suspended_at"])
    tell_stop(listing, "suspended", now)
    _announce(
        actor,
        listing,
        "listing_suspended",
        "listings/stopped.html",
        Text("中止公告", "Offer suspended"),
        reason,
        now,
    )


@act("listings.listing.resume")
def resume_listing(*, actor: Actor, listing_id: int, reason: str, now: dt.datetime) -> Listing:
    """Let a suspended offer run again: every instant still to come moves by the length of the suspension, for the
    offer and for the sign-ups. Raises NotAllowed, NotFound, NotSuspended, FrozenByCourt."""
    access.may_prepare(actor).require()
    listing, case = lock_listing(listing_id)
    if listing.state != rules.ListingState.SUSPENDED or listing.suspended_at is None:
        raise NotSuspended
    assert listing.rights_hold_id is not None
    if not rights_queries.hold_stands(listing.rights_hold_id):
        raise FrozenByCourt
    moved = resume_offer(actor, listing, case, reason, now)
    record(
        actor=actor,
        act="listings.listing.resume",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={name: instant.isoformat() for name, instant in moved.items()},
        reason=reason.strip(),
    )
    return listing


def resume_offer(
    actor: Actor, listing: Listing, case: Case, reason: str | Text, now: dt.datetime
) -> rules.Calendar:
    """Part: let a suspended offer run again, with its sign-ups; who paid meanwhile is admitted. The new calendar."""
    assert listing.suspended_at is not None
    words = reason.zh if isinstance(reason, Text) else reason
    moved = listing.calendar.shifted(now - listing.suspended_at, after=listing.suspended_at)
    procedures.resume(actor=actor, case=case, now=now, reason=words)
    procedures.amend(actor=actor, case=case, now=now, facts=deadline_facts(moved), reason=words)
    for name, instant in moved.items():
        setattr(listing, name, instant)
    listing.state = listing.resume_state
    listing.resume_state = ""
    listing.suspended_at = None
    listing.save()
    for signup_case, signup in _open_signups(listing):
        if signup_case.is_open:
            procedures.resume(actor=SYSTEM, case=signup_case, now=now, reason=words)
            procedures.amend(actor=SYSTEM, case=signup_case, now=now, facts=signup_facts(listing))
            if signup.deposit_hold_id is not None and signup.state == rules.SignUpState.QUALIFIED:
                admit(signup, signup_case, now)
    tell_stop(listing, "resumed", now)
    _announce(
        actor,
        listing,
        "listing_resumed",
        "listings/notice.html",
        Text("恢复公告", "Offer resumed"),
        reason,
        now,
    )
    return moved


def admit(signup: SignUp, case: Case, now: dt.datetime) -> None:
    """Part: a locked sign-up whose deposit is held becomes a bidder, behind its mask."""
    procedures.advance(actor=SYSTEM, case=case, transition="admit", now=now)
    masks = SignUp.objects.filter(listing_id=signup.listing_id).values_list("mask", flat=True)
    taken = {mask for mask in masks if mask is not None}
    signup.state = case.state
    signup.admitted_at = now
    signup.mask = rules.mask_number(signup.listing.mask_seed, signup.receipt_no or "", taken)
    signup.save()
    tell_admitted(signup, now)


def signup_facts(listing: Listing) -> dict[str, str]:
    """The instants a sign-up's procedure waits for."""
    return {
        "signup_until": listing.signup_until.isoformat(),
        "qualification_until": listing.qualification_until.isoformat(),
        "deposit_until": listing.deposit_until.isoformat(),
    }


@act("listings.listing.relist")
def relist(
    *, actor: Actor, listing_id: int, calendar: rules.Calendar, now: dt.datetime, key: str | None = None
) -> Listing:
    """Offer the same lot again after an offer that ended without a sale: a new draft with the old terms and a new
    calendar in clock times. Raises NotAllowed, NotFound, LotNotListable, CalendarUnsound."""
    access.may_prepare(actor).require()
    old, _ = lock_listing(listing_id)
    digest = digest_of([listing_id, calendar.items()])
    if answer := first_answer(actor=actor, act="listings.listing.relist", key=key, request_digest=digest):
        return Listing.objects.get(pk=answer)
    if old.state not in ("FAILED", "TERMINATED", "WITHDRAWN"):
        raise LotNotListable
    if faults := rules.faults_of_calendar(calendar, now=now):
        raise CalendarUnsound(fault=faults[0].text, field=faults[0].field)
    columns = {name: getattr(old, name) for name in RELISTED_FIELDS}
    columns |= {"calendar_kind": rules.CalendarKind.CLOCK.value, **dict(calendar.items())}
    listing = _make_listing(actor, old.lot, columns, now)
    record(
        actor=actor,
        act="listings.listing.relist",
        subject_type="listing",
        subject_id=listing.pk,
        at=now,
        facts={"number": listing.number, "after": old.number, "round": listing.round},
        key=key,
        request_digest=digest,
        result=listing.pk,
    )
    return listing


RELISTED_FIELDS = (
    "project_name",
    "region_text",
    "source_text",
    "years",
    "ratio_hundredths",
    "start_fen_per_tonne",
    "increment_fen_per_tonne",
    "price_basis",
    "price_reason",
    "wait_seconds",
    "window_seconds",
    "timed_min_quoters",
    "allocation_text",
    "buyer_conditions",
    "deposit_fen",
    "deposit_text",
    "payment_text",
    "contact",
)
