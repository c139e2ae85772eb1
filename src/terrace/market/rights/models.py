"""Areas, discharging units, verifications, rights and their parcels, needs, permit lines."""

from __future__ import annotations

import pghistory
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.market.rights import rules

POLLUTANTS = [(p.value, p.label.zh) for p in Pollutant]
PERMIT_REGEX = r"^([0-9A-HJ-NPQRTUWXY]{18}[0-9]{3})?$"


class NumberSeries(CityRow):
    """The last number given in a series of official numbers; its row lock keeps the series without gaps.

    Not history-tracked: the numbered papers are its history.
    """

    series = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["city", "series", "year"], name="rights_series_once")]


@pghistory.track()
class Area(CityRow):
    """A county, district or development zone of the city, by its pinyin code."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=40)
    name_en = models.CharField(max_length=60, blank=True)
    division_code = models.CharField(
        max_length=6, blank=True, db_comment="GB/T 2260; empty for a development zone"
    )
    is_zone = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class AreaQuality(CityRow):
    """Whether an area met last year's water and air targets (R18, R20)."""

    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="qualities")
    year = models.PositiveSmallIntegerField()
    water_met = models.BooleanField()
    air_met = models.BooleanField()
    source = models.CharField(max_length=200)
    is_synthetic = models.BooleanField(db_comment="invented for the demo; pages say so")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "year"], name="rights_quality_once")]


@pghistory.track()
class DischargeUnit(CityRow):
    """A site of an organisation that discharges: what a permit is written for."""

    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="units")
    name = models.CharField(max_length=120)
    permit_no = models.CharField(
        max_length=21, blank=True, db_comment="18-character credit code + 3 digits; empty before the permit"
    )
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="units")
    basin = models.CharField(max_length=12, choices=rules.Basin.choices())
    sector = models.CharField(max_length=20, choices=rules.Sector.choices())
    thermal_power = models.BooleanField(default=False)
    agriculture = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(permit_no__regex=PERMIT_REGEX), name="rights_unit_permit_form"
            ),
            models.UniqueConstraint(
                fields=["permit_no"], condition=~Q(permit_no=""), name="rights_unit_permit_once"
            ),
            models.UniqueConstraint(fields=["organisation", "name"], name="rights_unit_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class ConductRecord(CityRow):
    """Something on record against an organisation that bars it from buying while it stands (R24)."""

    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="conduct")
    kind = models.CharField(max_length=12, choices=rules.ConductKind.choices())
    paper_no = models.CharField(max_length=120)
    since = models.DateField()
    until = models.DateField(null=True, db_comment="last day it counts; empty while open")
    issuer = models.CharField(max_length=120, blank=True, db_comment="which authority decided it")
    end_reason = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind", "paper_no"], name="rights_conduct_once"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="rights_conduct_period"
            ),
        ]


@pghistory.track()
class Verification(CityRow):
    """A firm's claim to a right or a surplus: branch first, bureau last (D1, R5, R22)."""

    number = models.CharField(max_length=40, unique=True)
    unit = models.ForeignKey(DischargeUnit, on_delete=models.PROTECT, related_name="verifications")
    kind = models.CharField(max_length=12, choices=rules.VerificationKind.choices())
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    claimed_g = models.BigIntegerField(db_comment="grams per year the firm claims")
    verified_g = models.BigIntegerField(null=True, db_comment="grams per year the bureau verified")
    measure = models.CharField(max_length=12, choices=rules.Measure.choices())
    parcel = models.ForeignKey(
        "rights.Parcel",
        on_delete=models.PROTECT,
        null=True,
        related_name="surplus_verifications",
        db_comment="the held parcel a surplus is part of; empty for an initial right",
    )
    grounds = models.TextField(db_comment="how the quantity was worked out, in the firm's words")
    paid = models.BooleanField(db_comment="paid-use fee was paid for the quantity (R9)")
    term_start = models.DateField()
    years = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=rules.VerificationState.choices())
    decision_reason = models.TextField(blank=True)
    applied_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(claimed_g__gt=0, years__gte=1), name="rights_verification_amounts"
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        state="VERIFIED",
                        verified_g__gt=0,
                        verified_g__lte=F("claimed_g"),
                        decided_at__isnull=False,
                    )
                    | Q(state="REFUSED", verified_g__isnull=True, decided_at__isnull=False)
                    & ~Q(decision_reason="")
                    | Q(state__in=["APPLIED", "REVIEWED"], verified_g__isnull=True, decided_at__isnull=True)
                ),
                name="rights_verification_state",
            ),
            models.CheckConstraint(
                condition=Q(kind="INITIAL", measure="NONE", parcel__isnull=True)
                | Q(kind="SURPLUS", parcel__isnull=False) & ~Q(measure="NONE"),
                name="rights_verification_measure",
            ),
        ]
        indexes = [models.Index(fields=["state", "applied_at"])]


@pghistory.track()
class Right(CityRow):
    """A right to emit: one pollutant, one region, one term, issued once. Its parcels say who holds it."""

    serial = models.CharField(max_length=40, unique=True)
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    quantity_g = models.BigIntegerField(db_comment="grams per year issued")
    area = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="rights")
    basin = models.CharField(
        max_length=12, choices=rules.Basin.choices(), blank=True, db_comment="empty for air"
    )
    region = models.CharField(max_length=20, db_comment="where it may move: basin for water, city for air")
    sector = models.CharField(max_length=20, choices=rules.Sector.choices())
    thermal_power = models.BooleanField(default=False)
    agriculture = models.BooleanField(default=False)
    paid = models.BooleanField()
    source = models.CharField(max_length=20, choices=rules.RightSource.choices())
    term_start = models.DateField()
    term_end = models.DateField()
    years = models.PositiveSmallIntegerField()
    verification = models.OneToOneField(
        Verification, on_delete=models.PROTECT, null=True, related_name="right"
    )
    ledger_entry_id = models.BigIntegerField(unique=True, db_comment="the entry that issued it")
    issued_at = models.DateTimeField()
    is_synthetic = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity_g__gt=0, years__gte=1, term_end__gt=F("term_start")),
                name="rights_right_amounts",
            ),
            models.CheckConstraint(
                condition=Q(pollutant__in=["COD", "NH3N"], region=F("basin")) & ~Q(basin="")
                | ~Q(pollutant__in=["COD", "NH3N"]) & Q(basin=""),
                name="rights_right_region",
            ),
            models.CheckConstraint(
                condition=Q(source="INITIAL", verification__isnull=False)
                | ~Q(source="INITIAL") & Q(verification__isnull=True),
                name="rights_right_source",
            ),
        ]

    def __str__(self) -> str:
        return self.serial


@pghistory.track()
class Parcel(CityRow):
    """A block of a right's grams in one hand. A move cuts a child from the front; the parent keeps the rest.

    `taken_g` is what children took, `frozen_g` what active holds keep; the rest is free. The exclusion
    constraint makes it impossible that one gram of a right is in two hands.
    """

    right = models.ForeignKey(Right, on_delete=models.PROTECT, related_name="parcels")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    holder = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="parcels")
    unit = models.ForeignKey(DischargeUnit, on_delete=models.PROTECT, null=True, related_name="parcels")
    quantity_g = models.BigIntegerField(db_comment="grams per year when the parcel was made")
    block_start = models.BigIntegerField()
    block_end = models.BigIntegerField()
    taken_g = models.BigIntegerField(default=0)
    frozen_g = models.BigIntegerField(default=0)
    surplus_g = models.BigIntegerField(default=0, db_comment="verified surplus a firm may sell (R22)")
    move_kind = models.CharField(max_length=12, choices=rules.MoveKind.choices())
    source = models.CharField(max_length=200, blank=True, db_comment="number of the paper behind the move")
    ledger_entry_id = models.BigIntegerField(db_comment="the ledger entry that moved it")
    entry_key = models.CharField(max_length=120, unique=True, db_comment="idempotency key of that entry")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity_g__gt=0, block_end=F("block_start") + F("quantity_g")),
                name="rights_parcel_block",
            ),
            models.CheckConstraint(
                condition=Q(taken_g__gte=0, frozen_g__gte=0, quantity_g__gte=F("taken_g") + F("frozen_g")),
                name="rights_parcel_free_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(surplus_g__gte=0, quantity_g__gte=F("taken_g") + F("surplus_g")),
                name="rights_parcel_surplus_held",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, move_kind="ISSUE")
                | Q(parent__isnull=False) & ~Q(move_kind="ISSUE"),
                name="rights_parcel_root_is_issue",
            ),
            models.UniqueConstraint(
                fields=["right"], condition=Q(parent__isnull=True), name="rights_parcel_one_root"
            ),
            ExclusionConstraint(
                name="rights_parcel_gram_in_one_hand",
                expressions=[
                    (F("right"), RangeOperators.EQUAL),
                    (
                        Func(
                            F("block_start") + F("taken_g"),
                            F("block_end"),
                            Value("[)"),
                            function="int8range",
                            output_field=BigIntegerRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [models.Index(fields=["holder", "-id"])]

    @property
    def left(self) -> rules.Block:
        """The serial grams still in this parcel."""
        return rules.Block(self.block_start + self.taken_g, self.block_end)

    @property
    def held_g(self) -> int:
        return self.quantity_g - self.taken_g

    @property
    def free_g(self) -> int:
        return self.quantity_g - self.taken_g - self.frozen_g

    @property
    def quantity(self) -> Quantity:
        """What it was when it was made."""
        return Quantity(Pollutant(self.right.pollutant), self.quantity_g)

    @property
    def held(self) -> Quantity:
        return Quantity(Pollutant(self.right.pollutant), self.held_g)

    @property
    def free(self) -> Quantity:
        return Quantity(Pollutant(self.right.pollutant), self.free_g)

    @property
    def frozen(self) -> Quantity:
        return Quantity(Pollutant(self.right.pollutant), self.frozen_g)

    @property
    def serial_block(self) -> str:
        """The serial with the first and last gram of what is left (of what it was, when nothing is left)."""
        block = self.left if self.held_g else rules.Block(self.block_start, self.block_end)
        return block.text(self.right.serial)


@pghistory.track()
class ParcelHold(CityRow):
    """Part of a parcel that cannot move: the visible side of a hold in the ledger."""

    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=12, choices=rules.HoldKind.choices())
    quantity_g = models.BigIntegerField()
    ledger_hold_id = models.BigIntegerField(unique=True, db_comment="the ledger transfer that holds it")
    state = models.CharField(max_length=12, choices=rules.HoldState.choices(), default="ACTIVE")
    reason = models.CharField(max_length=300)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    court = models.CharField(max_length=120, blank=True, db_comment="which court ordered it; empty otherwise")
    applicant = models.CharField(max_length=200, blank=True, db_comment="for whom the court froze it")
    until = models.DateField(null=True, db_comment="last day the court's order names; empty without a limit")
    lift_reason = models.CharField(
        max_length=300, blank=True, db_comment="number of the order that lifted it"
    )
    placed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(court="", applicant="", until__isnull=True) | Q(kind="COURT"),
                name="rights_hold_court",
            ),
            models.CheckConstraint(
                condition=Q(state="ACTIVE", ended_at__isnull=True)
                | ~Q(state="ACTIVE") & Q(ended_at__isnull=False),
                name="rights_hold_state",
            ),
            models.CheckConstraint(condition=Q(quantity_g__gt=0), name="rights_hold_positive"),
            models.UniqueConstraint(
                fields=["parcel", "subject_type", "subject_id"],
                condition=Q(state="ACTIVE"),
                name="rights_hold_once",
            ),
        ]


@pghistory.track()
class Project(CityRow):
    """A project that needs rights (R4, R6): what the firm wants to build and where."""

    unit = models.ForeignKey(DischargeUnit, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=rules.ProjectKind.choices())
    eia_stage = models.CharField(max_length=12, choices=rules.EiaStage.choices())
    eia_no = models.CharField(max_length=80, blank=True, db_comment="number of the approval, once given")
    description = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "name"], name="rights_project_name_once"),
            models.CheckConstraint(
                condition=~Q(eia_stage="APPROVED") | ~Q(eia_no=""), name="rights_project_approval_number"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class NeedConfirmation(CityRow):
    """The branch's answer to what a project must buy (D2): confirmed, exempt or refused."""

    number = models.CharField(max_length=40, unique=True)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="needs")
    state = models.CharField(max_length=12, choices=rules.NeedState.choices())
    verdict = models.CharField(max_length=12, blank=True, db_comment="of the rulebook, when it was decided")
    ratio_hundredths = models.PositiveIntegerField(
        default=rules.RATIO_ONE, db_comment="replacement ratio in hundredths: 120 is 1.2:1"
    )
    decision_reason = models.TextField(blank=True)
    decision_record_id = models.BigIntegerField(null=True, db_comment="rulebooks.EligibilityDecision")
    applied_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="APPLIED", decided_at__isnull=True)
                | Q(state__in=["CONFIRMED", "EXEMPT"], decided_at__isnull=False)
                | Q(state="REFUSED", decided_at__isnull=False) & ~Q(decision_reason=""),
                name="rights_need_state",
            ),
            models.CheckConstraint(condition=Q(ratio_hundredths__gte=100), name="rights_need_ratio"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="APPLIED"), name="rights_need_one_open"
            ),
        ]


@pghistory.track()
class NeedLine(CityRow):
    """One pollutant of a need: what the project emits, what must be bought after the ratio, what was bought."""

    need = models.ForeignKey(NeedConfirmation, on_delete=models.CASCADE, related_name="lines")
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    emission_g = models.BigIntegerField(db_comment="grams per year the project will emit")
    required_g = models.BigIntegerField(db_comment="grams per year to buy: emission times ratio, rounded up")
    bought_g = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["need", "pollutant"], name="rights_need_line_once"),
            models.CheckConstraint(
                condition=Q(emission_g__gt=0, required_g__gte=F("emission_g"), bought_g__gte=0),
                name="rights_need_line_amounts",
            ),
        ]

    @property
    def left_g(self) -> int:
        return max(0, self.required_g - self.bought_g)


class PermitEntry(CityRow):
    """One line written on a unit's permit after a trade (R30). Append-only by trigger: not history-tracked."""

    unit = models.ForeignKey(DischargeUnit, on_delete=models.PROTECT, related_name="permit_entries")
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    change_g = models.BigIntegerField(db_comment="grams per year; negative on the seller's permit")
    total_g = models.BigIntegerField(db_comment="grams per year on the permit after this line")
    parcel = models.ForeignKey(Parcel, on_delete=models.PROTECT, null=True, related_name="permit_entries")
    certificate_no = models.CharField(max_length=60)
    note = models.CharField(max_length=300, blank=True)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    written_by = models.CharField(max_length=200)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "pollutant", "certificate_no"], name="rights_permit_entry_once"
            ),
            models.CheckConstraint(
                condition=~Q(change_g=0) & Q(total_g__gte=0), name="rights_permit_amounts"
            ),
        ]
