"""Into the reserve and onto a plan: two persons, the ledger, and every refusal."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from terrace.kernel.base.errors import InputInvalid, NotAllowed, SamePerson
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.ledger import queries as ledger
from terrace.kernel.orgs.services import AlreadyDecided, ReasonMissing
from terrace.market.reserve import queries, rules, services
from terrace.market.reserve.models import Intake, PlannedLot
from terrace.market.reserve.services.intakes import CompensationWrong, FormerHolderNeeded, ParcelNotExpected
from terrace.market.reserve.services.plans import (
    LotNotListable,
    LotUnsound,
    NotInReserve,
    PlanEmpty,
    PlanNotDraft,
)
from terrace.market.reserve.tests import factories as make
from terrace.market.rights.services import ParcelShort
from terrace.market.rights.tests import factories as rights

NOW = make.NOW


def test_deposits_by_percent_and_fixed() -> None:
    start = Price(600_000, PriceBasis.TERM, 5)
    ten = Quantity(Pollutant.COD, 10_000_000)
    percent = rules.deposit_of(
        rule=rules.DepositRule.PERCENT, percent=30, fixed_fen=0, start=start, quantity=ten
    )
    assert percent == Money(1_800_000)  # V11: 30% of 6,000 x 10 t = 18,000 yuan
    fixed = rules.deposit_of(
        rule=rules.DepositRule.FIXED, percent=0, fixed_fen=500_000, start=start, quantity=ten
    )
    assert fixed == Money(500_000)


GOOD = {
    "quantity_g": 100,
    "free_g": 150,
    "planned_elsewhere_g": 50,
    "floor_fen": 2_000,
    "increment_fen": 100,
    "years": 5,
    "years_of_right": 5,
    "percent": 10,
    "fixed_fen": 0,
    "rule": rules.DepositRule.PERCENT,
}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, None),
        ({"quantity_g": 101}, "quantity"),
        ({"quantity_g": 0}, "quantity"),
        ({"floor_fen": 0}, "floor"),
        ({"increment_fen": 0}, "increment"),
        ({"increment_fen": 101}, "increment"),
        ({"years": 6}, "years"),
        ({"years": 0}, "years"),
        ({"percent": 0}, "deposit"),
        ({"percent": 101}, "deposit"),
        ({"rule": rules.DepositRule.FIXED}, "deposit"),
        ({"rule": rules.DepositRule.FIXED, "fixed_fen": 1}, None),
    ],
)
def test_faults_of_a_lot_on_both_sides_of_each_boundary(
    changed: dict[str, object], field: str | None
) -> None:
    faults = rules.faults_of_lot(**{**GOOD, **changed})  # type: ignore[arg-type]
    assert [f.field for f in faults] == ([] if field is None else [field])


@pytest.mark.django_db
def test_an_intake_enters_the_ledger_only_after_the_second_person() -> None:
    town = rights.city()
    intake = make.intake(town)
    assert ledger.balances_of(owner_type="organisation", owner_id=town.reserve_body.pk) == []
    done = services.decide_intake(actor=town.reserve2, intake_id=intake.pk, approve=True, reason="", now=NOW)
    assert done.state == "APPROVED"
    assert done.parcel is not None
    assert done.parcel.right.source == "RESERVED_QUOTA"
    accounts = ledger.balances_of(owner_type="organisation", owner_id=town.reserve_body.pk)
    assert [(a.kind, a.posted) for a in accounts] == [("RESERVE", 10_000_000)]
    with pytest.raises(AlreadyDecided):
        services.decide_intake(actor=town.reserve2, intake_id=intake.pk, approve=True, reason="", now=NOW)


@pytest.mark.django_db
def test_the_maker_is_never_the_checker() -> None:
    town = rights.city()
    intake = make.intake(town)
    both = type(town.reserve)(
        **{
            **{f: getattr(town.reserve, f) for f in town.reserve.__slots__},
            "roles": frozenset({"RESERVE_MAKER", "RESERVE_CHECKER"}),
        }
    )
    with pytest.raises(SamePerson):
        services.decide_intake(actor=both, intake_id=intake.pk, approve=True, reason="", now=NOW)
    with pytest.raises(NotAllowed):
        services.decide_intake(actor=town.exchange, intake_id=intake.pk, approve=True, reason="", now=NOW)


@pytest.mark.django_db
def test_sending_back_needs_a_reason_and_posts_nothing() -> None:
    town = rights.city()
    intake = make.intake(town)
    with pytest.raises(ReasonMissing):
        services.decide_intake(actor=town.reserve2, intake_id=intake.pk, approve=False, reason="", now=NOW)
    done = services.decide_intake(
        actor=town.reserve2, intake_id=intake.pk, approve=False, reason="文号有误", now=NOW
    )
    assert (done.state, done.parcel, done.decision_reason) == ("REJECTED", None, "文号有误")


@pytest.mark.django_db
def test_a_firms_parcel_is_bought_back() -> None:
    town, firm = rights.city(), rights.firm()
    parcel = rights.verified_parcel(town, firm, grams=5_000_000)
    taken = make.reserve_parcel(
        town,
        kind=rules.IntakeKind.BUY_BACK,
        pollutant=None,
        quantity_g=2_000_000,
        from_parcel_id=parcel.pk,
        compensation_fen=100,
    )
    assert (taken.parent_id, taken.holder_id, taken.move_kind) == (parcel.pk, town.reserve_body.pk, "INTAKE")
    figures = queries.figures()
    assert [(f.pollutant, f.taken_in.grams_per_year, f.available.grams_per_year) for f in figures] == [
        (Pollutant.COD, 2_000_000, 2_000_000)
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "refusal", "code"),
    [
        ({"kind": rules.IntakeKind.FORCED}, FormerHolderNeeded, "reserve.intake.parcel_needed"),
        ({"from_parcel_id": 1}, ParcelNotExpected, "reserve.intake.parcel_not_expected"),
        ({"compensation_fen": 1}, CompensationWrong, "reserve.intake.compensation"),
        (
            {"kind": rules.IntakeKind.BUY_BACK, "from_parcel_id": 1},
            CompensationWrong,
            "reserve.intake.compensation",
        ),
        ({"quantity_g": 0}, InputInvalid, "input.invalid"),
        ({"paper_no": " "}, InputInvalid, "input.invalid"),
        ({"area_code": "nowhere"}, InputInvalid, "input.invalid"),
    ],
)
def test_what_an_intake_must_say(changed: dict[str, object], refusal: type[Exception], code: str) -> None:
    town = rights.city()
    with pytest.raises(refusal) as refused:
        make.intake(town, **changed)
    assert getattr(refused.value, "code", "") == code
    assert not Intake.objects.exists()


@pytest.mark.django_db
def test_more_than_the_firm_has_free_cannot_be_taken_back() -> None:
    town, firm = rights.city(), rights.firm()
    parcel = rights.verified_parcel(town, firm, grams=1_000)
    with pytest.raises(ParcelShort):
        make.intake(
            town, kind=rules.IntakeKind.FORCED, pollutant=None, quantity_g=1_001, from_parcel_id=parcel.pk
        )


@pytest.mark.django_db
def test_a_plan_is_approved_by_another_person_and_its_lots_become_listable() -> None:
    town = rights.city()
    lot = make.listable_lot(town)
    assert (lot.state, lot.plan.state) == ("LISTABLE", "APPROVED")
    assert services.mark_listed(lot.pk).state == "LISTED"
    with pytest.raises(LotNotListable) as refused:
        services.mark_listed(lot.pk)
    assert refused.value.code == "reserve.lot.not_listable"
    assert services.mark_returned(lot.pk).state == "LISTABLE"


@pytest.mark.django_db
def test_the_writer_of_a_plan_cannot_approve_it() -> None:
    town = rights.city()
    plan = make.plan(town)
    services.add_planned_lot(
        actor=town.reserve, plan_id=plan.pk, lot=make.new_lot(make.reserve_parcel(town)), now=NOW
    )
    services.submit_plan(actor=town.reserve, plan_id=plan.pk, now=NOW)
    both = type(town.reserve)(
        **{
            **{f: getattr(town.reserve, f) for f in town.reserve.__slots__},
            "roles": frozenset({"RESERVE_MAKER", "RESERVE_CHECKER"}),
        }
    )
    with pytest.raises(SamePerson) as refused:
        services.decide_plan(actor=both, plan_id=plan.pk, approve=True, reason="", now=NOW)
    assert refused.value.code == "approval.same_person"


@pytest.mark.django_db
def test_a_plan_sent_back_can_be_worked_on_again() -> None:
    town = rights.city()
    plan = make.plan(town)
    lot = services.add_planned_lot(
        actor=town.reserve, plan_id=plan.pk, lot=make.new_lot(make.reserve_parcel(town)), now=NOW, key="k"
    )
    services.submit_plan(actor=town.reserve, plan_id=plan.pk, now=NOW)
    services.decide_plan(actor=town.reserve2, plan_id=plan.pk, approve=False, reason="底价偏低", now=NOW)
    with pytest.raises(PlanNotDraft) as refused:
        services.remove_planned_lot(actor=town.reserve, planned_lot_id=lot.pk, now=NOW)
    assert refused.value.code == "reserve.plan.not_draft"
    services.reopen_plan(actor=town.reserve, plan_id=plan.pk, now=NOW)
    services.remove_planned_lot(actor=town.reserve, planned_lot_id=lot.pk, now=NOW)
    with pytest.raises(PlanEmpty) as empty:
        services.submit_plan(actor=town.reserve, plan_id=plan.pk, now=NOW)
    assert empty.value.code == "reserve.plan.empty"


@pytest.mark.django_db
def test_two_lots_cannot_plan_the_same_grams_and_the_same_form_counts_once() -> None:
    town = rights.city()
    parcel, plan = make.reserve_parcel(town), make.plan(town)
    add = {"actor": town.reserve, "plan_id": plan.pk, "now": NOW}
    first = services.add_planned_lot(**add, lot=make.new_lot(parcel), key="k")  # type: ignore[arg-type]
    again = services.add_planned_lot(**add, lot=make.new_lot(parcel), key="k")  # type: ignore[arg-type]
    assert (again.pk, PlannedLot.objects.count()) == (first.pk, 1)
    with pytest.raises(LotUnsound) as refused:
        services.add_planned_lot(**add, lot=make.new_lot(parcel, quantity_g=5_952_001))  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.facts["field"]) == ("reserve.lot.unsound", "quantity")
    services.add_planned_lot(**add, lot=make.new_lot(parcel, quantity_g=5_952_000))  # type: ignore[arg-type]


@pytest.mark.django_db
def test_only_parcels_of_the_reserve_are_planned() -> None:
    town, firm = rights.city(), rights.firm()
    parcel = rights.verified_parcel(town, firm)
    with pytest.raises(NotInReserve) as refused:
        services.add_planned_lot(
            actor=town.reserve, plan_id=make.plan(town).pk, lot=make.new_lot(parcel), now=NOW
        )
    assert refused.value.code == "reserve.lot.not_in_reserve"


@pytest.mark.django_db
def test_state_and_columns_agree_in_the_database() -> None:
    town = rights.city()
    intake = make.intake(town)
    with pytest.raises(IntegrityError, match="reserve_intake_state"), transaction.atomic():
        Intake.objects.filter(pk=intake.pk).update(state="APPROVED")
