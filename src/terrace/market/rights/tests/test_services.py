"""Verification, issue, moves, holds, needs and permit lines, with their refusals and repeats."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction

from terrace.kernel.base.actor import SYSTEM
from terrace.kernel.base.errors import InputInvalid, NotAllowed, NotFound
from terrace.kernel.base.quantity import Pollutant
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.notify.models import Message
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.kernel.procedures.services import OtherPersonNeeded, ReasonMissing
from terrace.market.rights import queries, rules, services
from terrace.market.rights.models import Parcel, ParcelHold, PermitEntry, Verification
from terrace.market.rights.services.needs import NeedAlreadyOpen, ProjectNameTaken
from terrace.market.rights.services.parcels import FrozenTwice, HoldGone, TermOver
from terrace.market.rights.services.permits import PermitTooSmall
from terrace.market.rights.services.units import PermitNumberTaken, UnitNameTaken
from terrace.market.rights.services.verifications import AlreadyVerified, MeasureMissing, SurplusTooLarge
from terrace.market.rights.tests import factories as make

pytestmark = pytest.mark.django_db
NOW = make.NOW
TONNE = 1_000_000


def balance(owner_id: int) -> list[tuple[int, int]]:
    accounts = ledger.balances_of(owner_type="organisation", owner_id=owner_id)
    return [(a.posted, a.held) for a in accounts]


def claim(firm: make.Firm, **more: object) -> Verification:
    given: dict[str, object] = {
        "actor": firm.clerk,
        "unit_id": firm.unit.pk,
        "kind": rules.VerificationKind.INITIAL,
        "pollutant": Pollutant.COD,
        "claimed_g": TONNE,
        "measure": rules.Measure.NONE,
        "grounds": "按标准核算",
        "paid": False,
        "term_start": make.TERM_START,
        "now": NOW,
    }
    return services.apply_for_verification(**(given | more))  # type: ignore[arg-type]


def test_a_verified_initial_right_is_issued_and_stands_on_the_permit() -> None:
    town, firm = make.city(), make.firm()
    parcel = make.verified_parcel(town, firm, grams=8_074_000)
    right = parcel.right
    assert (right.pollutant, right.quantity_g, right.region, right.years) == ("COD", 8_074_000, "tuhai", 5)
    assert right.term_end == dt.date(2028, 12, 31)
    assert parcel.serial_block == f"{right.serial}/1-8074000"
    assert balance(firm.organisation.pk) == [(8_074_000, 0)]
    line = PermitEntry.objects.get()
    assert (line.change_g, line.total_g, line.certificate_no) == (8_074_000, 8_074_000, right.serial)


def test_the_branch_of_another_area_may_not_review() -> None:
    town, firm = make.city(), make.firm()
    verification = claim(firm)
    other = make.actor(make.orgs.organisation("BRANCH"), "BRANCH")
    stranger = type(other)(**{**{f: getattr(other, f) for f in other.__slots__}, "area": "linqing"})
    with pytest.raises(NotAllowed) as refused:
        services.review_verification(
            actor=stranger, verification_id=verification.pk, accept=True, reason="", now=NOW
        )
    assert refused.value.code == "access.denied"
    assert town.branch.area == "guanxian"


def test_a_refusal_needs_a_reason_and_ends_the_case() -> None:
    town, firm = make.city(), make.firm()
    verification = claim(firm)
    with pytest.raises(ReasonMissing):
        services.review_verification(
            actor=town.branch, verification_id=verification.pk, accept=False, reason=" ", now=NOW
        )
    refused = services.review_verification(
        actor=town.branch, verification_id=verification.pk, accept=False, reason="监测数据不足", now=NOW
    )
    assert (refused.state, refused.decision_reason) == ("REFUSED", "监测数据不足")
    assert not Parcel.objects.exists()


def test_the_first_reviewer_cannot_take_the_final_decision() -> None:
    town, firm = make.city(), make.firm()
    verification = claim(firm)
    services.review_verification(
        actor=town.branch, verification_id=verification.pk, accept=True, reason="", now=NOW
    )
    both = type(town.branch)(
        **{**{f: getattr(town.branch, f) for f in town.branch.__slots__}, "roles": frozenset({"BUREAU"})}
    )
    with pytest.raises(OtherPersonNeeded):
        services.decide_verification(
            actor=both, verification_id=verification.pk, accept=True, verified_g=None, reason="", now=NOW
        )


@pytest.mark.parametrize(("verified", "sound"), [(TONNE, True), (1, True), (TONNE + 1, False), (0, False)])
def test_the_bureau_may_verify_less_but_never_more(verified: int, sound: bool) -> None:
    town, firm = make.city(), make.firm()
    verification = claim(firm)
    services.review_verification(
        actor=town.branch, verification_id=verification.pk, accept=True, reason="", now=NOW
    )

    def decide() -> Verification:
        return services.decide_verification(
            actor=town.bureau,
            verification_id=verification.pk,
            accept=True,
            verified_g=verified,
            reason="",
            now=NOW,
        )

    if sound:
        assert decide().verified_g == verified
    else:
        with pytest.raises(InputInvalid):
            decide()


def test_a_repeated_form_gets_the_first_answer_and_a_second_claim_is_refused() -> None:
    make.city()
    firm = make.firm()
    first = claim(firm, key="k1")
    assert claim(firm, key="k1").pk == first.pk
    with pytest.raises(AlreadyVerified) as refused:
        claim(firm, key="k2")
    assert refused.value.code == "rights.verification.already"


def test_a_surplus_is_part_of_the_held_right_and_needs_a_measure() -> None:
    town, firm = make.city(), make.firm()
    parcel = make.verified_parcel(town, firm, grams=10 * TONNE)
    surplus = {"kind": rules.VerificationKind.SURPLUS, "parcel_id": parcel.pk, "claimed_g": 3 * TONNE}
    with pytest.raises(MeasureMissing) as missing:
        claim(firm, **surplus)
    assert missing.value.code == "rights.verification.measure_missing"
    with pytest.raises(SurplusTooLarge) as large:
        claim(firm, **{**surplus, "claimed_g": 10 * TONNE + 1, "measure": rules.Measure.CLOSURE})
    assert large.value.code == "rights.verification.surplus_too_large"
    with pytest.raises(NotFound):
        claim(make.firm(), **surplus, measure=rules.Measure.CLOSURE)
    verification = claim(firm, **surplus, measure=rules.Measure.CLOSURE)
    services.review_verification(
        actor=town.branch, verification_id=verification.pk, accept=True, reason="", now=NOW
    )
    services.decide_verification(
        actor=town.bureau, verification_id=verification.pk, accept=True, verified_g=None, reason="", now=NOW
    )
    parcel.refresh_from_db()
    assert (parcel.surplus_g, parcel.held_g) == (3 * TONNE, 10 * TONNE)
    assert balance(firm.organisation.pk) == [(10 * TONNE, 0)]


def move(town: make.City, parcel: Parcel, to: make.Firm, grams: int, key: str, **more: object) -> Parcel:
    return services.move_parcel(
        actor=town.exchange,
        parcel_id=parcel.pk,
        quantity_g=grams,
        to_organisation_id=to.organisation.pk,
        to_unit_id=to.unit.pk,
        entry_key=key,
        source="鉴证书1号",
        now=NOW,
        **more,  # type: ignore[arg-type]
    )


def test_a_move_splits_the_block_and_keeps_the_lineage() -> None:
    town, seller, buyer = make.city(), make.firm(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=10 * TONNE)
    child = move(town, parcel, buyer, 4_048_000, "move:1")
    assert move(town, parcel, buyer, 4_048_000, "move:1").pk == child.pk
    parcel.refresh_from_db()
    assert child.serial_block.endswith("/1-4048000")
    assert parcel.serial_block.endswith("/4048001-10000000")
    assert balance(seller.organisation.pk) == [(5_952_000, 0)]
    assert balance(buyer.organisation.pk) == [(4_048_000, 0)]
    links = queries.lineage(child)
    assert [(link.parcel.pk, link.depth, link.on_path) for link in links] == [
        (parcel.pk, 0, True),
        (child.pk, 1, True),
    ]
    assert [link.parcel.pk for link in queries.lineage(parcel) if link.on_path] == [parcel.pk]


def test_more_than_the_free_quantity_cannot_move() -> None:
    town, seller, buyer = make.city(), make.firm(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    with pytest.raises(services.ParcelShort) as refused:
        move(town, parcel, buyer, TONNE + 1, "move:1")
    assert refused.value.code == "rights.parcel.short"
    assert "1.000 吨/年" in str(refused.value)


def freeze(town: make.City, parcel: Parcel, grams: int, subject: str = "1") -> ParcelHold:
    return services.freeze_parcel(
        actor=town.exchange,
        parcel_id=parcel.pk,
        quantity_g=grams,
        kind=rules.HoldKind.LISTING,
        reason="公告1号",
        subject_type="listing",
        subject_id=subject,
        entry_key=f"freeze:{subject}",
        now=NOW,
    )


def test_nothing_is_frozen_twice_and_frozen_never_passes_held() -> None:
    town, seller = make.city(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=10 * TONNE)
    freeze(town, parcel, 6 * TONNE)
    with pytest.raises(FrozenTwice) as twice:
        freeze(town, parcel, 1)
    assert twice.value.code == "rights.parcel.frozen_twice"
    with pytest.raises(services.ParcelShort):
        freeze(town, parcel, 4 * TONNE + 1, subject="2")
    assert balance(seller.organisation.pk) == [(10 * TONNE, 6 * TONNE)]
    with pytest.raises(IntegrityError), transaction.atomic():
        Parcel.objects.filter(pk=parcel.pk).update(frozen_g=10 * TONNE + 1)


def test_a_hold_is_delivered_or_released_once() -> None:
    town, seller, buyer = make.city(), make.firm(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=10 * TONNE)
    hold = freeze(town, parcel, 6 * TONNE)
    child = move(town, parcel, buyer, 4 * TONNE, "move:1", hold_id=hold.ledger_hold_id)
    parcel.refresh_from_db()
    assert (parcel.frozen_g, parcel.held_g, child.quantity_g) == (0, 6 * TONNE, 4 * TONNE)
    assert balance(seller.organisation.pk) == [(6 * TONNE, 0)]
    assert balance(buyer.organisation.pk) == [(4 * TONNE, 0)]
    for attempt in (
        lambda: move(town, parcel, buyer, TONNE, "move:2", hold_id=hold.ledger_hold_id),
        lambda: services.release_hold(
            actor=town.exchange, hold_id=hold.ledger_hold_id, reason="", entry_key="r", now=NOW
        ),
    ):
        with pytest.raises(HoldGone) as gone:
            attempt()
        assert gone.value.code == "rights.hold.gone"


def test_a_released_hold_frees_the_quantity() -> None:
    town, seller = make.city(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    hold = freeze(town, parcel, TONNE)
    services.release_hold(
        actor=town.exchange, hold_id=hold.ledger_hold_id, reason="撤回", entry_key="r1", now=NOW
    )
    parcel.refresh_from_db()
    assert parcel.free_g == TONNE
    assert balance(seller.organisation.pk) == [(TONNE, 0)]


def test_a_right_cannot_move_after_its_term() -> None:
    town, seller, buyer = make.city(), make.firm(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    last_day = dt.datetime(2028, 12, 31, 15, 59, tzinfo=dt.UTC)
    arguments = {
        "actor": town.exchange,
        "parcel_id": parcel.pk,
        "quantity_g": 1,
        "to_organisation_id": buyer.organisation.pk,
        "to_unit_id": None,
        "source": "x",
    }
    services.move_parcel(**arguments, entry_key="m1", now=last_day)  # type: ignore[arg-type]
    with pytest.raises(TermOver) as over:
        services.move_parcel(**arguments, entry_key="m2", now=last_day + dt.timedelta(minutes=1))  # type: ignore[arg-type]
    assert over.value.code == "rights.parcel.term_over"


def test_the_database_itself_refuses_one_gram_in_two_hands() -> None:
    town, seller, buyer = make.city(), make.firm(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    move(town, parcel, buyer, 10, "move:1")
    with pytest.raises(IntegrityError, match="gram_in_one_hand"), transaction.atomic():
        Parcel.objects.filter(pk=parcel.pk).update(taken_g=5)


def test_a_court_freezes_and_lifts() -> None:
    town, seller = make.city(), make.firm()
    parcel = make.verified_parcel(town, seller, grams=TONNE)
    hold = services.freeze_by_court(
        actor=town.bureau, parcel_id=parcel.pk, quantity_g=TONNE, ruling_no="(2023)鲁15执1号", now=NOW
    )
    parcel.refresh_from_db()
    assert parcel.free_g == 0
    with pytest.raises(NotAllowed):
        services.lift_court_freeze(actor=seller.clerk, parcel_hold_id=hold.pk, ruling_no="x", now=NOW)
    services.lift_court_freeze(
        actor=town.bureau, parcel_hold_id=hold.pk, ruling_no="(2023)鲁15执2号", now=NOW
    )
    parcel.refresh_from_db()
    assert parcel.free_g == TONNE


def test_permit_lines_add_up_and_never_below_zero() -> None:
    town, firm = make.city(), make.firm()
    make.verified_parcel(town, firm, grams=TONNE)
    given = {
        "actor": town.exchange,
        "unit_id": firm.unit.pk,
        "pollutant": Pollutant.COD,
        "subject_type": "trade",
        "subject_id": 1,
        "now": NOW,
    }
    line = services.write_permit(**given, change_g=-400_000, certificate_no="C1")  # type: ignore[arg-type]
    assert line.total_g == 600_000
    assert services.write_permit(**given, change_g=-400_000, certificate_no="C1").pk == line.pk  # type: ignore[arg-type]
    with pytest.raises(PermitTooSmall) as small:
        services.write_permit(**given, change_g=-600_001, certificate_no="C2")  # type: ignore[arg-type]
    assert small.value.code == "rights.permit.too_small"
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE rights_permitentry SET total_g = 1")


def test_a_need_is_confirmed_by_the_rulebook_of_the_day() -> None:
    town, firm = make.city(), make.firm()
    need = make.confirmed_need(town, firm, grams=20 * TONNE)
    assert (need.state, need.verdict) == ("CONFIRMED", "must_buy")
    assert need.lines.get().required_g >= 20 * TONNE
    services.use_need(need_id=need.pk, pollutant=Pollutant.NOX, quantity_g=5 * TONNE)
    assert need.lines.get().left_g == need.lines.get().required_g - 5 * TONNE


def test_a_small_source_is_exempt() -> None:
    town, firm = make.city(), make.firm()
    need = make.confirmed_need(town, firm, grams=99_999)
    assert (need.state, need.verdict) == ("EXEMPT", "exempt")


def test_one_need_of_a_project_is_checked_at_a_time() -> None:
    make.city()
    firm = make.firm()
    project = make.project(firm)
    first = services.apply_for_need(
        actor=firm.clerk, project_id=project.pk, emissions_g={Pollutant.COD: TONNE}, now=NOW, key="a"
    )
    again = services.apply_for_need(
        actor=firm.clerk, project_id=project.pk, emissions_g={Pollutant.COD: TONNE}, now=NOW, key="a"
    )
    assert again.pk == first.pk
    with pytest.raises(NeedAlreadyOpen) as refused:
        services.apply_for_need(
            actor=firm.clerk, project_id=project.pk, emissions_g={Pollutant.COD: TONNE}, now=NOW
        )
    assert refused.value.code == "rights.need.already_open"


def test_units_have_names_and_permits_of_their_own() -> None:
    make.city()
    firm = make.firm()
    given = {
        "actor": firm.clerk,
        "area_code": "guanxian",
        "basin": rules.Basin.TUHAI,
        "sector": rules.Sector.PAPER,
        "thermal_power": False,
        "agriculture": False,
        "now": NOW,
    }
    with pytest.raises(UnitNameTaken) as name:
        services.add_unit(**given, name="一厂", permit_no="")  # type: ignore[arg-type]
    assert name.value.code == "rights.unit.name_taken"
    with pytest.raises(PermitNumberTaken) as permit:
        services.add_unit(**given, name="二厂", permit_no=firm.unit.permit_no)  # type: ignore[arg-type]
    assert permit.value.code == "rights.unit.permit_taken"
    unit = services.add_unit(**given, name="二厂", permit_no="")  # type: ignore[arg-type]
    services.set_permit_no(
        actor=firm.clerk, unit_id=unit.pk, permit_no=f"{firm.organisation.credit_code}002", now=NOW
    )
    with pytest.raises(InputInvalid):
        services.add_unit(**given, name="三厂", permit_no="123")  # type: ignore[arg-type]


def test_conduct_on_record_counts_from_a_day_to_a_day() -> None:
    from terrace.market.rights.services.eligibility import buyer_facts

    town, firm = make.city(), make.firm()
    entry = services.record_conduct(
        actor=town.bureau,
        organisation_id=firm.organisation.pk,
        kind=rules.ConductKind.PENALTY,
        paper_no="聊环罚〔2023〕1号",
        since=dt.date(2023, 12, 4),
        now=NOW,
    )
    services.end_conduct(
        actor=town.bureau, conduct_id=entry.pk, until=dt.date(2023, 12, 8), reason="已整改", now=NOW
    )
    found = [buyer_facts(firm.organisation.pk, dt.date(2023, 12, day)).penalties for day in (3, 4, 8, 9)]
    assert found == [False, True, True, False]


def test_a_projects_name_is_used_once_in_a_site() -> None:
    make.city()
    firm = make.firm()
    make.project(firm)
    with pytest.raises(ProjectNameTaken) as refused:
        make.project(firm)
    assert refused.value.code == "rights.project.name_taken"


def test_where_the_air_target_was_missed_more_must_be_bought() -> None:
    """R21: the replacement ratio of an area that missed its target is above 1:1."""
    town, firm = make.city(), make.firm()
    make.AreaQuality.objects.filter(area=firm.unit.area).update(air_met=False)
    need = make.confirmed_need(town, firm, grams=20 * TONNE)
    assert need.ratio_hundredths > rules.RATIO_ONE
    assert need.lines.get().required_g == rules.required_g(20 * TONNE, need.ratio_hundredths)


def test_silence_decides_nothing_the_overdue_step_is_recorded_and_the_time_begins_anew() -> None:
    make.city()
    verification = claim(make.firm())
    case = Case.objects.get(pk=verification.case_id)
    first = case.deadline_at
    assert first == dt.datetime(2023, 12, 11, 9, tzinfo=dt.UTC)  # five working days, 17:00 in Shanghai
    assert (
        procedures.pass_deadline(actor=SYSTEM, case_id=case.pk, now=first - dt.timedelta(seconds=1)) is None
    )
    step = procedures.pass_deadline(actor=SYSTEM, case_id=case.pk, now=first)
    assert step is not None
    assert (step.transition, step.to_state) == ("review_overdue", "APPLIED")
    case.refresh_from_db()
    verification.refresh_from_db()
    assert case.deadline_at == dt.datetime(2023, 12, 18, 9, tzinfo=dt.UTC)
    assert verification.state == "APPLIED"


def test_the_firm_hears_of_every_decision() -> None:
    town, firm = make.city(), make.firm()
    make.verified_parcel(town, firm)
    make.confirmed_need(town, firm)
    subjects = list(Message.objects.filter(user=firm.clerk.user_id).values_list("subject_zh", flat=True))
    assert {subject.split()[-1] for subject in subjects} == {"市局终审中", "已核定", "需求已确认"}
