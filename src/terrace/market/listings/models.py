"""Lots, their public offers, and the firms that sign up for them."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.kernel.base.texts import Text
from terrace.market.listings import rules
from terrace.market.reserve.models import BASES
from terrace.market.rights.models import POLLUTANTS


@pghistory.track()
class Lot(CityRow):
    """What is offered: a quantity of one parcel. A lot may be listed more than once until it is sold."""

    number = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    planned_lot = models.OneToOneField(
        "reserve.PlannedLot", on_delete=models.PROTECT, null=True, related_name="lot"
    )
    seller = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="lots_sold")
    parcel = models.ForeignKey("rights.Parcel", on_delete=models.PROTECT, related_name="lots")
    pollutant = models.CharField(max_length=8, choices=POLLUTANTS)
    quantity_g = models.BigIntegerField(db_comment="grams per year")
    state = models.CharField(max_length=12, choices=rules.LotState.choices(), default="OPEN")
    is_synthetic = models.BooleanField(default=False, db_comment="invented for the demo; pages say so")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity_g__gt=0), name="listings_lot_quantity")]
        indexes = [models.Index(fields=["state", "-id"])]

    def __str__(self) -> str:
        return self.number

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)


@pghistory.track()
class Listing(CityRow):
    """One public offer of a lot, with everything its notice prints (domain D, notice fields)."""

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="listings")
    number = models.CharField(max_length=40, unique=True, db_comment="number of the notice")
    round = models.PositiveSmallIntegerField(default=1)
    project_name = models.CharField(max_length=200)
    region_text = models.CharField(max_length=200)
    source_text = models.CharField(max_length=300, db_comment="source of the right, as printed")
    years = models.PositiveSmallIntegerField()
    ratio_hundredths = models.PositiveIntegerField(default=100)
    start_fen_per_tonne = models.BigIntegerField()
    increment_fen_per_tonne = models.BigIntegerField()
    price_basis = models.CharField(max_length=10, choices=BASES)
    price_reason = models.CharField(
        max_length=300, blank=True, db_comment="how the starting price came about"
    )
    calendar_kind = models.CharField(max_length=10, choices=rules.CalendarKind.choices())
    workday_plan = models.JSONField(null=True, db_comment="length of each period, when in working days")
    notice_from = models.DateTimeField()
    notice_until = models.DateTimeField()
    signup_from = models.DateTimeField()
    signup_until = models.DateTimeField()
    qualification_until = models.DateTimeField()
    deposit_until = models.DateTimeField()
    quoting_from = models.DateTimeField()
    quoting_until = models.DateTimeField()
    wait_seconds = models.PositiveIntegerField(default=240)
    window_seconds = models.PositiveIntegerField(default=240)
    timed_min_quoters = models.PositiveSmallIntegerField(default=2)
    allocation_text = models.CharField(max_length=300)
    buyer_conditions = models.TextField(blank=True)
    deposit_fen = models.BigIntegerField()
    deposit_text = models.CharField(max_length=300, blank=True)
    payment_text = models.CharField(max_length=500)
    contact = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=rules.ListingState.choices(), default="DRAFT")
    resume_state = models.CharField(max_length=12, blank=True)
    suspended_at = models.DateTimeField(null=True)
    rights_hold_id = models.BigIntegerField(null=True, unique=True, db_comment="ledger hold on the parcel")
    mask_seed = models.CharField(max_length=32, blank=True)
    quoting_opened_at = models.DateTimeField(null=True)
    mode = models.CharField(max_length=12, choices=rules.Mode.choices(), blank=True)
    mode_decided_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")
    created_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "round"], name="listings_round_once"),
            models.UniqueConstraint(
                fields=["lot"],
                condition=~Q(state__in=["FAILED", "TERMINATED", "WITHDRAWN"]),
                name="listings_one_live_per_lot",
            ),
            models.CheckConstraint(
                condition=Q(
                    start_fen_per_tonne__gt=0,
                    increment_fen_per_tonne__gt=0,
                    deposit_fen__gt=0,
                    years__gte=1,
                    ratio_hundredths__gte=100,
                    window_seconds__gt=0,
                ),
                name="listings_amounts",
            ),
            models.CheckConstraint(
                condition=Q(
                    notice_until__gt=F("notice_from"),
                    signup_until__gt=F("signup_from"),
                    qualification_until__gte=F("signup_until"),
                    quoting_from__gte=F("signup_from"),
                    quoting_until__gt=F("quoting_from"),
                ),
                name="listings_calendar",
            ),
            models.CheckConstraint(
                condition=Q(state="DRAFT", accepted_at__isnull=True, rights_hold_id__isnull=True)
                | Q(
                    state="ACCEPTED",
                    accepted_at__isnull=False,
                    announced_at__isnull=True,
                    rights_hold_id__isnull=False,
                )
                | Q(
                    state__in=["ANNOUNCED", "BIDDING", "AGREEMENT", "SOLD", "SUSPENDED"],
                    announced_at__isnull=False,
                    rights_hold_id__isnull=False,
                )
                | Q(state="FAILED", ended_at__isnull=False)
                | Q(state__in=["TERMINATED", "WITHDRAWN"], ended_at__isnull=False) & ~Q(end_reason=""),
                name="listings_state",
            ),
            models.CheckConstraint(
                condition=Q(state="SUSPENDED", suspended_at__isnull=False) & ~Q(resume_state="")
                | ~Q(state="SUSPENDED") & Q(suspended_at__isnull=True, resume_state=""),
                name="listings_suspended",
            ),
            models.CheckConstraint(
                condition=Q(mode="", mode_decided_at__isnull=True)
                | ~Q(mode="") & Q(mode_decided_at__isnull=False),
                name="listings_mode",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["BIDDING", "AGREEMENT"]) | Q(mode=F("state")),
                name="listings_mode_state",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "signup_until"]),
            models.Index(fields=["-announced_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def start(self) -> Price:
        return Price(self.start_fen_per_tonne, PriceBasis(self.price_basis), self.years)

    @property
    def increment(self) -> Price:
        return Price(self.increment_fen_per_tonne, PriceBasis(self.price_basis), self.years)

    @property
    def deposit(self) -> Money:
        return Money(self.deposit_fen)

    @property
    def calendar(self) -> rules.Calendar:
        return rules.Calendar(**{name: getattr(self, name) for name in rules.CALENDAR_FIELDS})

    @property
    def state_label(self) -> Text:
        return rules.ListingState(self.state).label


@pghistory.track()
class SignUp(CityRow):
    """A firm's application for one listing: filled in by its clerk, confirmed by its approver (D 6 to 8)."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="signups")
    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="signups")
    unit = models.ForeignKey(
        "rights.DischargeUnit", on_delete=models.PROTECT, null=True, related_name="signups"
    )
    need = models.ForeignKey(
        "rights.NeedConfirmation", on_delete=models.PROTECT, null=True, related_name="signups"
    )
    quantity_g = models.BigIntegerField(null=True, db_comment="grams per year wanted")
    state = models.CharField(max_length=12, choices=rules.SignUpState.choices(), default="DRAFT")
    draft_decision_id = models.BigIntegerField(
        null=True, db_comment="rulebooks.EligibilityDecision while filling in"
    )
    decision_id = models.BigIntegerField(
        null=True, db_comment="rulebooks.EligibilityDecision at submission; the one that counts"
    )
    eligible = models.BooleanField(null=True)
    version = models.PositiveIntegerField(
        default=1, db_comment="raised by every change; stale pages are refused"
    )
    filled_by_person_id = models.BigIntegerField(null=True)
    sent_by_person_id = models.BigIntegerField(null=True)
    confirmed_by_person_id = models.BigIntegerField(null=True)
    receipt_no = models.CharField(max_length=40, unique=True, null=True)
    receipt_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    qualified_at = models.DateTimeField(null=True)
    qualification_reason = models.TextField(blank=True)
    bureau_opinion = models.TextField(blank=True)
    deposit_reference = models.CharField(
        max_length=20, blank=True, db_comment="what the firm writes on the transfer"
    )
    deposit_instruction_id = models.BigIntegerField(
        null=True, unique=True, db_comment="settlement.PaymentInstruction"
    )
    deposit_hold_id = models.BigIntegerField(null=True, unique=True, db_comment="ledger hold of the deposit")
    deposit_ok_at = models.DateTimeField(null=True)
    admitted_at = models.DateTimeField(null=True)
    mask = models.PositiveSmallIntegerField(null=True)
    case_id = models.BigIntegerField(null=True, unique=True, db_comment="procedures case")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["listing", "organisation"],
                condition=~Q(state__in=["WITHDRAWN", "LAPSED"]),
                name="listings_signup_once",
            ),
            models.UniqueConstraint(fields=["listing", "mask"], name="listings_mask_once"),
            models.CheckConstraint(
                condition=Q(quantity_g__isnull=True) | Q(quantity_g__gt=0), name="listings_signup_quantity"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["DRAFT", "CONFIRMING", "WITHDRAWN", "LAPSED"])
                | Q(
                    submitted_at__isnull=False,
                    receipt_no__isnull=False,
                    quantity_g__isnull=False,
                    need__isnull=False,
                    decision_id__isnull=False,
                ),
                name="listings_signup_submitted",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["QUALIFIED", "ADMITTED", "NOT_PAID"], qualified_at__isnull=False)
                | Q(state="REFUSED", qualified_at__isnull=False) & ~Q(qualification_reason="")
                | Q(state__in=["DRAFT", "CONFIRMING", "SUBMITTED", "LAPSED"], qualified_at__isnull=True)
                | Q(state="WITHDRAWN"),
                name="listings_signup_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="ADMITTED") & Q(admitted_at__isnull=True, mask__isnull=True)
                | Q(
                    state="ADMITTED",
                    admitted_at__isnull=False,
                    mask__isnull=False,
                    deposit_ok_at__isnull=False,
                    deposit_hold_id__isnull=False,
                ),
                name="listings_signup_admitted",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by_person_id__isnull=True)
                | Q(sent_by_person_id__isnull=True)
                | ~Q(confirmed_by_person_id=F("sent_by_person_id")),
                name="listings_signup_two_persons",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-id"]), models.Index(fields=["state", "-id"])]

    @property
    def quantity(self) -> Quantity | None:
        if self.quantity_g is None:
            return None
        return Quantity(Pollutant(self.listing.lot.pollutant), self.quantity_g)

    @property
    def mask_text(self) -> Text | None:
        return rules.mask_label(self.mask) if self.mask is not None else None
