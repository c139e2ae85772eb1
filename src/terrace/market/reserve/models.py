"""The government reserve: intakes, release plans and the lots they plan."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.quantity import Pollutant, Price, PriceBasis, Quantity
from terrace.market.reserve import rules
from terrace.market.rights.models import POLLUTANTS
from terrace.market.rights.rules import Basin, Sector

BASES = [(b.value, b.value) for b in PriceBasis]


@pghistory.track()
class Intake(CityRow):
    """A quantity taken into the reserve, by its kind (R14), with its papers and a second person's approval."""

    number = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=20, choices=rules.IntakeKind.choices())
    body = models.ForeignKey(
        "orgs.Organisation",
        on_delete=models.PROTECT,
        related_name="intakes",
        db_comment="the reserve body that takes it in",
    )
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    quantity_g = models.BigIntegerField(db_comment="grams per year")
    area = models.ForeignKey("rights.Area", on_delete=models.PROTECT, related_name="intakes")
    basin = models.CharField(max_length=12, choices=Basin.choices(), blank=True)
    sector = models.CharField(max_length=20, choices=Sector.choices())
    thermal_power = models.BooleanField(default=False)
    agriculture = models.BooleanField(default=False)
    term_start = models.DateField()
    years = models.PositiveSmallIntegerField()
    from_parcel = models.ForeignKey(
        "rights.Parcel", on_delete=models.PROTECT, null=True, related_name="taken_in_by"
    )
    compensation_fen = models.BigIntegerField(default=0, db_comment="paid to the former holder")
    paper_no = models.CharField(max_length=120, db_comment="number of the decision behind the intake")
    grounds = models.TextField()
    state = models.CharField(max_length=12, choices=rules.IntakeState.choices())
    approval_id = models.BigIntegerField(null=True, unique=True, db_comment="orgs approval")
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")
    decision_reason = models.TextField(blank=True)
    parcel = models.OneToOneField("rights.Parcel", on_delete=models.PROTECT, null=True, related_name="intake")
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    is_synthetic = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity_g__gt=0, years__gte=1, compensation_fen__gte=0),
                name="reserve_intake_amounts",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["RESERVED_QUOTA", "PAID_REDUCTION", "BEYOND_INITIAL"], from_parcel__isnull=True
                )
                | Q(
                    kind__in=["BUY_BACK", "CLOSED_FREE", "CLOSED_PAID", "NOT_STARTED", "FORCED"],
                    from_parcel__isnull=False,
                ),
                name="reserve_intake_origin",
            ),
            models.CheckConstraint(
                condition=Q(compensation_fen=0) | Q(kind__in=["BUY_BACK", "CLOSED_PAID"]),
                name="reserve_intake_paid",
            ),
            models.CheckConstraint(
                condition=Q(state="SUBMITTED", decided_at__isnull=True, parcel__isnull=True)
                | Q(state="APPROVED", decided_at__isnull=False, parcel__isnull=False)
                | Q(state="REJECTED", decided_at__isnull=False, parcel__isnull=True) & ~Q(decision_reason=""),
                name="reserve_intake_state",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"])]

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)


@pghistory.track()
class ReleasePlan(CityRow):
    """What the reserve body will put on the market in a year (D 3a)."""

    number = models.CharField(max_length=40, unique=True)
    year = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    body = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="release_plans")
    grounds = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=rules.PlanState.choices(), default="DRAFT")
    approval_id = models.BigIntegerField(null=True, unique=True, db_comment="orgs approval")
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")
    decision_reason = models.TextField(blank=True)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    is_synthetic = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="DRAFT", submitted_at__isnull=True, decided_at__isnull=True)
                | Q(state="SUBMITTED", submitted_at__isnull=False, decided_at__isnull=True)
                | Q(state="APPROVED", submitted_at__isnull=False, decided_at__isnull=False)
                | Q(state="REJECTED", submitted_at__isnull=False, decided_at__isnull=False)
                & ~Q(decision_reason=""),
                name="reserve_plan_state",
            )
        ]

    def __str__(self) -> str:
        return self.number


@pghistory.track()
class PlannedLot(CityRow):
    """One lot of a plan: what, how much, from which parcel, at what floor and how it is to be sold."""

    plan = models.ForeignKey(ReleasePlan, on_delete=models.PROTECT, related_name="lots")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    parcel = models.ForeignKey("rights.Parcel", on_delete=models.PROTECT, related_name="planned_lots")
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    quantity_g = models.BigIntegerField(db_comment="grams per year")
    years = models.PositiveSmallIntegerField()
    floor_fen_per_tonne = models.BigIntegerField()
    increment_fen_per_tonne = models.BigIntegerField()
    price_basis = models.CharField(max_length=10, choices=BASES)
    mode = models.CharField(max_length=12, choices=rules.Mode.choices())
    ratio_hundredths = models.PositiveIntegerField(default=100)
    buyer_conditions = models.TextField(blank=True)
    deposit_rule = models.CharField(max_length=10, choices=rules.DepositRule.choices())
    deposit_percent = models.PositiveSmallIntegerField(default=0)
    deposit_fixed_fen = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=rules.LotState.choices(), default="PLANNED")

    class Meta:
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="reserve_planned_position"),
            models.CheckConstraint(
                condition=Q(
                    quantity_g__gt=0,
                    years__gte=1,
                    floor_fen_per_tonne__gt=0,
                    increment_fen_per_tonne__gt=0,
                    ratio_hundredths__gte=100,
                ),
                name="reserve_planned_amounts",
            ),
            models.CheckConstraint(
                condition=Q(deposit_rule="PERCENT", deposit_percent__gte=1, deposit_percent__lte=100)
                | Q(deposit_rule="FIXED", deposit_fixed_fen__gt=0),
                name="reserve_planned_deposit",
            ),
        ]

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)

    @property
    def floor(self) -> Price:
        return Price(self.floor_fen_per_tonne, PriceBasis(self.price_basis), self.years)

    @property
    def increment(self) -> Price:
        return Price(self.increment_fen_per_tonne, PriceBasis(self.price_basis), self.years)
