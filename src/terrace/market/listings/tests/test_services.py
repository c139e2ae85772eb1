"""Offers and sign-ups end to end, with the Ningxia calendar, both sides of every deadline, and every refusal."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from terrace.kernel.base.errors import NotAllowed, NotFound, Stale
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.services import OtherPersonNeeded, TransitionNotAllowed
from terrace.kernel.publication.models import Announcement
from terrace.market.listings import access, queries, rules, services
from terrace.market.listings.models import Listing, SignUp
from terrace.market.listings.services import signals
from terrace.market.listings.services.offers import (
    AlreadySuspended,
    CalendarUnsound,
    ListingNotDraft,
    LotNotListable,
    NotSuspended,
    QuotingBegun,
    StartBelowFloor,
)
from terrace.market.listings.services.qualification import QualificationClosed
from terrace.market.listings.services.signups import (
    AlreadySignedUp,
    NotEditable,
    NotEligible,
    OfferClosed,
    SignUpClosed,
    SignUpNotOpen,
    TasksMissing,
)
from terrace.market.listings.tests import factories as make
from terrace.market.listings.tests.test_calendar import NINGXIA
from terrace.market.rights import services as rights_services
from terrace.market.rights.models import Parcel
from terrace.market.rights.rules import ConductKind
from terrace.market.rights.tests import factories as rights
from terrace.market.settlement.models import Refund, Trade

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
    """What the auctions above would hear."""
    told: list[tuple[str, int, str]] = []
    monkeypatch.setattr(signals, "_mode_handlers", {})
    monkeypatch.setattr(signals, "_admitted_handlers", [])
    for mode in rules.Mode:
        services.on_mode(
            mode.value, lambda listing, now, mode=mode: told.append((mode.value, listing.pk, listing.mode))
        )
    services.on_admitted(lambda signup, now: told.append(("ADMITTED", signup.pk, str(signup.mask))))
    return told


def decide(listing: Listing, now: dt.datetime) -> Listing:
    assert listing.case_id is not None
    return services.pass_listing_deadline(case_id=listing.case_id, now=now)


def frozen(listing: Listing) -> tuple[int, int]:
    parcel = Parcel.objects.get(pk=listing.lot.parcel_id)
    account = ledger.balances_of(owner_type="organisation", owner_id=listing.lot.seller_id)[0]
    return parcel.frozen_g, account.held


def test_the_terms_of_ningxia_are_what_the_notice_prints(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    notice = Announcement.objects.get(kind="listing_notice", subject_id=str(listing.pk)).content
    assert notice["quantity"]["zh"] == "4.048 吨/年"
    assert notice["start_price"]["zh"] == "21,000 元/吨(5年期)"
    assert notice["start_amount"]["zh"] == "85,008.00 元"
    assert notice["increment"]["zh"] == "500 元/吨(5年期)"
    assert notice["ratio"] == "1:1"
    assert notice["deposit"]["zh"] == "8,500.80 元"
    assert "等待4分钟" in notice["timed"]["zh"]
    assert set(notice["calendar"]) == set(rules.CALENDAR_FIELDS)
    assert frozen(listing) == (4_048_000, 4_048_000)


def test_two_admitted_bidders_lead_to_bidding(heard: list[tuple[str, int, str]]) -> None:
    town = make.market()
    listing = make.announced(town)
    signups = [make.admitted(town, rights.firm(), listing) for _ in range(2)]
    assert [signup.state for signup in signups] == ["ADMITTED", "ADMITTED"]
    assert len({signup.mask for signup in signups}) == 2
    assert decide(listing, make.SEQUENTIAL.decision_at - SECOND).state == "ANNOUNCED"
    done = decide(listing, make.SEQUENTIAL.decision_at)
    assert (done.state, done.mode) == ("BIDDING", "BIDDING")
    assert [word for word, _, _ in heard] == ["ADMITTED", "ADMITTED", "BIDDING"]
    assert decide(listing, make.SEQUENTIAL.decision_at).mode_decided_at == done.mode_decided_at
    assert [s.pk for s in queries.participants(listing.pk)] == [
        s.pk for s in sorted(signups, key=lambda s: s.mask or 0)
    ]


def test_one_admitted_bidder_leads_to_an_agreement(heard: list[tuple[str, int, str]]) -> None:
    town = make.market()
    listing = make.announced(town)
    make.admitted(town, rights.firm(), listing)
    assert decide(listing, make.SEQUENTIAL.decision_at).state == "AGREEMENT"
    assert heard[-1] == ("AGREEMENT", listing.pk, "AGREEMENT")


def test_nobody_admitted_fails_frees_the_right_and_may_be_listed_again(
    heard: list[tuple[str, int, str]],
) -> None:
    town = make.market()
    listing = make.announced(town)
    submitted = make.submitted(town, rights.firm(), listing)
    failed = decide(listing, make.SEQUENTIAL.decision_at)
    assert (failed.state, failed.lot.state, failed.end_reason != "") == ("FAILED", "FAILED", True)
    assert heard == [("FAILED", listing.pk, "FAILED")]
    assert frozen(listing) == (0, 0)
    submitted.refresh_from_db()
    assert submitted.state == "WITHDRAWN"
    later = make.SEQUENTIAL.shifted(dt.timedelta(days=28), after=make.NOW)
    again = services.relist(
        actor=town.exchange, listing_id=listing.pk, calendar=later, now=failed.ended_at, key="r"
    )  # type: ignore[arg-type]
    assert (again.round, again.state, again.lot_id) == (2, "DRAFT", listing.lot_id)
    with pytest.raises(LotNotListable) as refused:
        services.relist(actor=town.exchange, listing_id=listing.pk, calendar=later, now=failed.ended_at)  # type: ignore[arg-type]
    assert refused.value.code == "listings.lot.not_listable"
    services.accept_listing(actor=town.exchange, listing_id=again.pk, now=later.notice_from)
    assert frozen(again) == (4_048_000, 4_048_000)


def test_quoting_that_begins_before_sign_up_ends_opens_the_auction_twice_told(
    heard: list[tuple[str, int, str]],
) -> None:
    town = make.market()
    listing = make.announced(town, make.OVERLAPPING)
    assert Case.objects.get(pk=listing.case_id).deadline_at == make.OVERLAPPING.quoting_from
    opened = decide(listing, make.OVERLAPPING.quoting_from)
    assert (opened.state, opened.quoting_opened_at) == ("ANNOUNCED", make.OVERLAPPING.quoting_from)
    assert heard == [("BIDDING", listing.pk, "")]
    assert Case.objects.get(pk=listing.case_id).deadline_at == make.OVERLAPPING.decision_at
    for _ in range(2):
        make.admitted(town, rights.firm(), opened)
    with pytest.raises(QuotingBegun) as refused:
        services.terminate_listing(
            actor=town.exchange, listing_id=listing.pk, reason="错误", now=make.OVERLAPPING.quoting_from
        )
    assert refused.value.code == "listings.listing.quoting_begun"
    assert decide(listing, make.OVERLAPPING.decision_at).state == "BIDDING"
    assert heard[-1] == ("BIDDING", listing.pk, "BIDDING")


def test_a_sale_keeps_the_freeze_for_settlement_and_a_failure_frees_it(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    for _ in range(2):
        make.admitted(town, rights.firm(), listing)
    decide(listing, make.SEQUENTIAL.decision_at)
    with transaction.atomic():
        sold = services.mark_sold(
            actor=town.exchange, listing_id=listing.pk, now=make.SEQUENTIAL.quoting_until
        )
    assert (sold.state, sold.lot.state) == ("SOLD", "SOLD")
    assert frozen(listing) == (4_048_000, 4_048_000)
    with pytest.raises(TransitionNotAllowed):
        services.mark_failed(
            actor=town.exchange, listing_id=listing.pk, reason="x", now=make.SEQUENTIAL.quoting_until
        )


def test_bidding_that_ends_without_a_quote_returns_every_deposit(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    for _ in range(2):
        make.admitted(town, rights.firm(), listing)
    decide(listing, make.SEQUENTIAL.decision_at)
    failed = services.mark_failed(
        actor=town.exchange, listing_id=listing.pk, reason="无人报价", now=make.SEQUENTIAL.quoting_until
    )
    assert (failed.state, failed.lot.state) == ("FAILED", "FAILED")
    assert frozen(listing) == (0, 0)
    assert Refund.objects.filter(cause="NO_TRADE").count() == 2


def test_the_seller_withdraws_before_the_notice_only(heard: list[object]) -> None:
    town = make.market()
    listing = make.draft(town)
    services.accept_listing(actor=town.exchange, listing_id=listing.pk, now=make.NOW)
    with pytest.raises(NotAllowed):
        services.withdraw_listing(actor=town.exchange, listing_id=listing.pk, reason="x", now=make.NOW)
    done = services.withdraw_listing(
        actor=town.reserve, listing_id=listing.pk, reason="调整出让计划", now=make.NOW
    )
    assert (done.state, done.lot.state, frozen(done)) == ("WITHDRAWN", "OPEN", (0, 0))


def test_after_the_notice_the_seller_cannot_withdraw_but_the_institution_terminates(
    heard: list[object],
) -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.submitted(town, rights.firm(), listing)
    with pytest.raises(TransitionNotAllowed):
        services.withdraw_listing(actor=town.reserve, listing_id=listing.pk, reason="x", now=make.NOW)
    services.suspend_listing(
        actor=town.exchange, listing_id=listing.pk, reason="收到异议", now=make.at(12, 8)
    )
    done = services.terminate_listing(
        actor=town.exchange, listing_id=listing.pk, reason="异议成立", now=make.at(12, 9)
    )
    assert (done.state, done.end_reason, frozen(done)) == ("TERMINATED", "异议成立", (0, 0))
    signup.refresh_from_db()
    assert signup.state == "WITHDRAWN"
    assert Announcement.objects.filter(kind="listing_terminated").count() == 1


def test_a_suspension_moves_the_calendar_for_everybody(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.submitted(town, rights.firm(), listing)
    suspended = services.suspend_listing(
        actor=town.exchange, listing_id=listing.pk, reason="收到异议", now=make.at(12, 6)
    )
    assert suspended.state == "SUSPENDED"
    with pytest.raises(AlreadySuspended) as twice:
        services.suspend_listing(actor=town.exchange, listing_id=listing.pk, reason="x", now=make.at(12, 6))
    assert twice.value.code == "listings.listing.suspended"
    with pytest.raises(OfferClosed) as closed:
        services.start_signup(actor=rights.firm().clerk, listing_id=listing.pk, now=make.at(12, 7))
    assert closed.value.code == "listings.signup.offer_closed"
    resumed = services.resume_listing(
        actor=town.exchange, listing_id=listing.pk, reason="异议不成立", now=make.at(12, 8)
    )
    two_days = dt.timedelta(days=2)
    assert resumed.signup_until == make.SEQUENTIAL.signup_until + two_days
    assert resumed.notice_from == make.SEQUENTIAL.notice_from
    assert Case.objects.get(pk=listing.case_id).deadline_at == make.SEQUENTIAL.decision_at + two_days
    due = Case.objects.get(pk=signup.case_id).deadline_at
    assert due == make.SEQUENTIAL.qualification_until + two_days
    with pytest.raises(NotSuspended) as refused:
        services.resume_listing(actor=town.exchange, listing_id=listing.pk, reason="x", now=make.at(12, 8))
    assert refused.value.code == "listings.listing.not_suspended"


def test_a_draft_is_checked_before_anything_is_frozen(heard: list[object]) -> None:
    town = make.market()
    wrong = rules.Calendar(**{**dict(make.SEQUENTIAL.items()), "quoting_until": make.SEQUENTIAL.quoting_from})
    with pytest.raises(CalendarUnsound) as calendar:
        make.draft(town, wrong)
    assert (calendar.value.code, calendar.value.facts["field"]) == (
        "listings.calendar.unsound",
        "quoting_until",
    )
    with pytest.raises(StartBelowFloor) as price:
        make.draft(town, start_fen_per_tonne=2_099_999)
    assert price.value.code == "listings.price.below_floor"
    listing = make.draft(town, start_fen_per_tonne=2_100_000)
    changed = services.change_listing(
        actor=town.exchange, listing_id=listing.pk, terms=make.terms(make.OVERLAPPING), now=make.NOW
    )
    assert changed.calendar == make.OVERLAPPING
    services.accept_listing(actor=town.exchange, listing_id=listing.pk, now=make.NOW)
    with pytest.raises(ListingNotDraft) as late:
        services.change_listing(actor=town.exchange, listing_id=listing.pk, terms=make.terms(), now=make.NOW)
    assert late.value.code == "listings.listing.not_draft"


def test_a_calendar_in_working_days_is_computed_and_kept(heard: list[object]) -> None:
    town = make.market()
    listing = make.draft(
        town,
        None,  # type: ignore[arg-type]
        workdays=rules.WorkdayPlan(5, 3, 2, 2, 2),
        notice_from=make.at(12, 4, 11),
    )
    assert (listing.calendar_kind, listing.workday_plan["notice"]) == ("WORKDAYS", 5)
    assert listing.notice_until == make.at(12, 11, 17)
    assert listing.signup_until == make.at(12, 14, 17)


def test_sign_up_is_open_to_the_second(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    with pytest.raises(SignUpNotOpen) as early:
        services.start_signup(actor=firm.clerk, listing_id=listing.pk, now=listing.signup_from - SECOND)
    assert early.value.code == "listings.signup.not_open"
    signup = make.filled(town, firm, listing)
    services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=listing.signup_until - SECOND)
    with pytest.raises(SignUpClosed) as late:
        services.confirm_signup(actor=firm.approver, signup_id=signup.pk, now=listing.signup_until)
    assert late.value.code == "listings.signup.closed"
    assert "2023-12-13 17:00:00" in str(late.value)
    done = services.confirm_signup(
        actor=firm.approver, signup_id=signup.pk, now=listing.signup_until - SECOND
    )
    assert done.state == "SUBMITTED"


def test_the_receipt_has_number_and_digest_and_a_repeat_gets_the_same(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = make.filled(town, firm, listing)
    services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    arguments = {"actor": firm.approver, "signup_id": signup.pk, "now": make.at(12, 5), "key": "one"}
    first = services.confirm_signup(**arguments)  # type: ignore[arg-type]
    again = services.confirm_signup(**arguments)  # type: ignore[arg-type]
    assert (first.receipt_no, first.receipt_digest) == (again.receipt_no, again.receipt_digest)
    assert first.receipt_digest == rules.receipt_digest(queries.receipt_facts(again))
    assert first.receipt_no is not None
    assert first.receipt_no.startswith("LC-BM-2023-")


def test_clerk_and_approver_are_two_persons(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = make.filled(town, firm, listing)
    services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    with pytest.raises(NotAllowed):
        services.confirm_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    both = type(firm.clerk)(
        **{
            **{f: getattr(firm.clerk, f) for f in firm.clerk.__slots__},
            "roles": frozenset({"FIRM_CLERK", "FIRM_APPROVER"}),
        }
    )
    with pytest.raises(OtherPersonNeeded):
        services.confirm_signup(actor=both, signup_id=signup.pk, now=make.at(12, 5))
    back = services.return_signup(
        actor=firm.approver, signup_id=signup.pk, reason="数量填错", now=make.at(12, 5)
    )
    assert back.state == "DRAFT"


def test_an_incomplete_or_stale_application_is_not_taken(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = services.start_signup(actor=firm.clerk, listing_id=listing.pk, now=make.at(12, 5), key="k")
    assert (
        services.start_signup(actor=firm.clerk, listing_id=listing.pk, now=make.at(12, 5), key="k").pk
        == signup.pk
    )
    with pytest.raises(AlreadySignedUp) as twice:
        services.start_signup(actor=firm.clerk, listing_id=listing.pk, now=make.at(12, 5))
    assert twice.value.code == "listings.signup.already"
    with pytest.raises(TasksMissing) as missing:
        services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    assert missing.value.code == "listings.signup.tasks_missing"
    need = rights.confirmed_need(town, firm)
    fill = {"actor": firm.clerk, "signup_id": signup.pk, "need_id": need.pk, "now": make.at(12, 5)}
    services.fill_signup(**fill, version=1, quantity_g=4_048_000)  # type: ignore[arg-type]
    with pytest.raises(Stale):
        services.fill_signup(**fill, version=1, quantity_g=4_048_000)  # type: ignore[arg-type]
    other = rights.firm()
    with pytest.raises(NotAllowed):
        services.fill_signup(**{**fill, "actor": other.clerk}, version=2, quantity_g=1)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        services.fill_signup(
            **{**fill, "need_id": rights.confirmed_need(town, other).pk},  # type: ignore[arg-type]
            version=2,
            quantity_g=4_048_000,
        )


def test_a_penalty_bars_the_buyer_and_says_so(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = make.filled(town, firm, listing)
    rights_services.record_conduct(
        actor=town.bureau,
        organisation_id=firm.organisation.pk,
        kind=ConductKind.DISHONEST,
        paper_no="x",
        since=dt.date(2023, 12, 1),
        now=make.NOW,
    )
    with pytest.raises(NotEligible) as refused:
        services.send_signup(actor=firm.clerk, signup_id=signup.pk, now=make.at(12, 5))
    assert refused.value.code == "listings.signup.not_eligible"
    assert refused.value.clause


def test_qualification_ends_to_the_second_and_reasons_are_kept(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.submitted(town, rights.firm(), listing)
    with pytest.raises(QualificationClosed) as late:
        services.qualify_signup(
            actor=town.exchange, signup_id=signup.pk, accept=True, reason="", now=listing.qualification_until
        )
    assert late.value.code == "listings.qualification.closed"
    with pytest.raises(NotAllowed):
        services.qualify_signup(
            actor=town.exchange2, signup_id=signup.pk, accept=True, reason="", now=make.at(12, 14)
        )
    done = services.qualify_signup(
        actor=town.exchange,
        signup_id=signup.pk,
        accept=False,
        reason="营业执照已过期",
        now=listing.qualification_until - SECOND,
    )
    assert (done.state, done.qualification_reason) == ("REFUSED", "营业执照已过期")
    with pytest.raises(NotEditable) as fixed:
        services.attach_paper(
            actor=access_clerk(done),
            signup_id=done.pk,
            kind=rules.PaperKind.BUSINESS_LICENCE,
            content=make.PDF,
            filename="a.pdf",
            media_type="application/pdf",
            now=make.at(12, 13),
        )
    assert fixed.value.code == "listings.signup.not_editable"


def access_clerk(signup: SignUp) -> rights.Actor:
    return rights.actor(signup.organisation, "FIRM_CLERK")


def test_a_deposit_in_time_admits_and_a_late_one_goes_back(heard: list[tuple[str, int, str]]) -> None:
    town = make.market()
    listing = make.announced(town)
    signups = [make.submitted(town, rights.firm(), listing) for _ in range(2)]
    for signup in signups:
        services.qualify_signup(
            actor=town.exchange, signup_id=signup.pk, accept=True, reason="", now=make.at(12, 14)
        )
        signup.refresh_from_db()
        assert signup.deposit_reference
    make.pay(signups[0], listing.deposit_until - SECOND)
    make.pay(signups[1], listing.deposit_until)
    for signup in signups:
        signup.refresh_from_db()
    assert [s.state for s in signups] == ["ADMITTED", "QUALIFIED"]
    assert Refund.objects.count() == 1
    assert signups[1].case_id is not None
    missed = services.pass_signup_deadline(case_id=signups[1].case_id, now=listing.deposit_until)
    assert missed.state == "NOT_PAID"
    assert heard[0][0] == "ADMITTED"


def test_a_draft_lapses_when_sign_up_closes(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.filled(town, rights.firm(), listing)
    assert signup.case_id is not None
    early = services.pass_signup_deadline(case_id=signup.case_id, now=listing.signup_until - SECOND)
    assert early.state == "DRAFT"
    assert services.pass_signup_deadline(case_id=signup.case_id, now=listing.signup_until).state == "LAPSED"


def test_an_application_nobody_decided_on_is_refused_with_the_reason(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    signup = make.submitted(town, rights.firm(), listing)
    assert signup.case_id is not None
    done = services.pass_signup_deadline(case_id=signup.case_id, now=listing.qualification_until)
    assert done.state == "REFUSED"
    assert "期限届满" in done.qualification_reason


def test_a_firm_withdraws_and_its_unpaid_demand_is_cancelled(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    firm = rights.firm()
    signup = make.submitted(town, firm, listing)
    services.qualify_signup(
        actor=town.exchange, signup_id=signup.pk, accept=True, reason="", now=make.at(12, 14)
    )
    with pytest.raises(NotAllowed):
        services.withdraw_signup(
            actor=rights.firm().clerk, signup_id=signup.pk, reason="x", now=make.at(12, 14)
        )
    done = services.withdraw_signup(
        actor=firm.clerk, signup_id=signup.pk, reason="项目推迟", now=make.at(12, 14)
    )
    assert done.state == "WITHDRAWN"


def test_another_firms_application_is_not_visible(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    mine, other = rights.firm(), rights.firm()
    signup = make.filled(town, mine, listing)
    assert access.get_signup_for(mine.approver, signup.pk).pk == signup.pk
    for stranger in (other.clerk, town.exchange, town.reserve, town.branch):
        with pytest.raises(NotFound):
            access.get_signup_for(stranger, signup.pk)
    services.send_signup(actor=mine.clerk, signup_id=signup.pk, now=make.at(12, 5))
    services.confirm_signup(actor=mine.approver, signup_id=signup.pk, now=make.at(12, 5))
    assert access.get_signup_for(town.exchange, signup.pk).pk == signup.pk
    for stranger in (other.clerk, town.reserve, town.branch):
        with pytest.raises(NotFound):
            access.get_signup_for(stranger, signup.pk)


def test_a_draft_offer_is_not_public(heard: list[object]) -> None:
    town = make.market()
    listing = make.draft(town)
    with pytest.raises(NotFound):
        access.get_listing_for(rights.firm().clerk, listing.pk)
    assert access.get_listing_for(town.exchange, listing.pk).pk == listing.pk


def test_the_database_refuses_states_without_their_columns(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    for changes in ({"state": "BIDDING"}, {"state": "TERMINATED"}, {"rights_hold_id": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Listing.objects.filter(pk=listing.pk).update(**changes)


def test_a_sale_that_came_to_nothing_may_be_listed_again(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    for _ in range(2):
        make.admitted(town, rights.firm(), listing)
    decide(listing, make.SEQUENTIAL.decision_at)
    now = make.SEQUENTIAL.quoting_until
    services.mark_sold(actor=town.exchange, listing_id=listing.pk, now=now)
    trade = Trade(number="PQJY-1", rights_hold_id=listing.rights_hold_id, outcome="COMPLETED")
    services.sale_ended(trade, now)
    listing.refresh_from_db()
    assert listing.state == "SOLD"
    assert listing.rights_hold_id is not None
    rights_services.release_hold(
        actor=town.exchange, hold_id=listing.rights_hold_id, reason="违约", entry_key="default:1", now=now
    )
    trade.outcome = "BUYER_DEFAULTED"
    services.sale_ended(trade, now)
    services.sale_ended(trade, now)
    listing.refresh_from_db()
    assert (listing.state, listing.lot.state, listing.lot.planned_lot.state) == (
        "FAILED",
        "FAILED",
        "LISTABLE",
    )
    case = Case.objects.get(pk=listing.case_id)
    assert (case.state, case.closed_at, case.procedure_version) == ("FAILED", now, 3)
    step = case.steps.order_by("-position").first()
    assert (step.transition, step.reason) == ("sale_ended", "成交后未完成（受让方违约）：PQJY-1")
    later = make.SEQUENTIAL.shifted(dt.timedelta(days=28), after=make.NOW)
    again = services.relist(actor=town.exchange, listing_id=listing.pk, calendar=later, now=now)
    services.accept_listing(actor=town.exchange, listing_id=again.pk, now=later.notice_from)
    assert frozen(again) == (4_048_000, 4_048_000)


def test_a_case_opened_under_version_1_keeps_its_end(heard: list[object]) -> None:
    town = make.market()
    listing = make.announced(town)
    Case.objects.filter(pk=listing.case_id).update(procedure_version=1)
    for _ in range(2):
        make.admitted(town, rights.firm(), listing)
    decide(listing, make.SEQUENTIAL.decision_at)
    now = make.SEQUENTIAL.quoting_until
    services.mark_sold(actor=town.exchange, listing_id=listing.pk, now=now)
    services.sale_ended(Trade(number="PQJY-1", rights_hold_id=listing.rights_hold_id, outcome="VOIDED"), now)
    listing.refresh_from_db()
    assert (listing.state, Case.objects.get(pk=listing.case_id).state) == ("FAILED", "SOLD")


def test_the_printed_ningxia_calendar_runs_as_printed(heard: list[tuple[str, int, str]]) -> None:
    """Notice 2025-03-26 to 04-02, quoting from 04-02 although sign-up lasts to 04-07, decision on 04-10 at 09:00."""
    town = make.market()
    listing = make.announced(town, NINGXIA)
    listing.refresh_from_db()
    assert listing.calendar == NINGXIA
    assert (listing.wait_seconds, listing.timed_min_quoters) == (240, 2)
    assert decide(listing, NINGXIA.quoting_from - SECOND).quoting_opened_at is None
    assert decide(listing, NINGXIA.quoting_from).quoting_opened_at == NINGXIA.quoting_from
    assert decide(listing, NINGXIA.decision_at).state == "FAILED"
    assert [word for word, _, _ in heard] == ["BIDDING", "FAILED"]
