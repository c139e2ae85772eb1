"""A trade from award to permit, the objections against it, its signatures and its certificate."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.quantity import Money, Pollutant, Price, PriceBasis, Quantity
from terrace.market.settlement.rules.words import (
    CertificateState,
    ObjectionState,
    Outcome,
    Side,
)


@pghistory.track()
class Trade(CityRow):
    """One sale of a right: who, what, how much, at which price and basis, and how far it has come.

    How the price was found is not known here: `origin_type` and `origin_id` point at the listing or auction.
    The state of the procedure lives in its case; `outcome` says only whether and how the trade ended.
    """

    number = models.CharField(max_length=40, unique=True)
    origin_type = models.CharField(max_length=60)
    origin_id = models.CharField(max_length=60)
    seller = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    buyer = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    parcel = models.ForeignKey("rights.Parcel", on_delete=models.PROTECT, related_name="trades")
    delivered_parcel = models.OneToOneField(
        "rights.Parcel", on_delete=models.PROTECT, related_name="delivered_by", null=True
    )
    need_confirmation = models.ForeignKey(
        "rights.NeedConfirmation", on_delete=models.PROTECT, related_name="trades", null=True
    )
    rights_hold_id = models.BigIntegerField(unique=True, db_comment="ledger hold on the seller's right")
    deposit = models.OneToOneField(
        "settlement.PaymentInstruction", on_delete=models.PROTECT, related_name="won_trade", null=True
    )
    case = models.OneToOneField("procedures.Case", on_delete=models.PROTECT, related_name="+")
    pollutant = models.CharField(max_length=8, choices=[(p.value, p.label.zh) for p in Pollutant])
    region = models.CharField(max_length=60, db_comment="basin for water, city or area for air")
    source = models.CharField(max_length=20, db_comment="rights.rules.RightSource")
    quantity_g = models.BigIntegerField()
    price_fen_per_tonne = models.BigIntegerField()
    price_basis = models.CharField(max_length=8, choices=[(b.value, b.value) for b in PriceBasis])
    years = models.SmallIntegerField()
    amount_fen = models.BigIntegerField()
    ratio_hundredths = models.IntegerField(db_comment="replacement ratio in hundredths: 120 is 1.2:1")
    term_start = models.DateField()
    term_end = models.DateField()
    awarded_at = models.DateTimeField()
    publicised_at = models.DateTimeField(null=True)
    contract_document = models.ForeignKey(
        "documents.Document", on_delete=models.PROTECT, related_name="+", null=True
    )
    contract_digest = models.CharField(max_length=64, blank=True)
    award_document = models.ForeignKey(
        "documents.Document", on_delete=models.PROTECT, related_name="+", null=True
    )
    signed_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    certified_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    income_confirmed_at = models.DateTimeField(null=True)
    permit_changed_at = models.DateTimeField(null=True)
    permit_number = models.CharField(max_length=40, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices(), default=Outcome.OPEN)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity_g__gt=0, price_fen_per_tonne__gt=0, amount_fen__gt=0, years__gt=0),
                name="settlement_trade_amounts",
            ),
            models.CheckConstraint(condition=Q(term_end__gt=F("term_start")), name="settlement_trade_term"),
            models.CheckConstraint(condition=~Q(seller=F("buyer")), name="settlement_trade_two_parties"),
            models.CheckConstraint(
                condition=Q(outcome="OPEN", closed_at__isnull=True)
                | (~Q(outcome="OPEN") & Q(closed_at__isnull=False)),
                name="settlement_trade_closed",
            ),
            models.CheckConstraint(
                condition=Q(signed_at__isnull=True) | ~Q(contract_digest=""), name="settlement_trade_signed"
            ),
            models.CheckConstraint(
                condition=Q(paid_at__isnull=True) | Q(signed_at__isnull=False), name="settlement_trade_paid"
            ),
            models.CheckConstraint(
                condition=Q(certified_at__isnull=True) | Q(signed_at__isnull=False, paid_at__isnull=False),
                name="settlement_trade_certified",
            ),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True, delivered_parcel__isnull=True)
                | Q(
                    delivered_at__isnull=False,
                    delivered_parcel__isnull=False,
                    paid_at__isnull=False,
                    certified_at__isnull=False,
                ),
                name="settlement_trade_delivered",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="COMPLETED")
                | Q(
                    delivered_at__isnull=False,
                    income_confirmed_at__isnull=False,
                    permit_changed_at__isnull=False,
                ),
                name="settlement_trade_completed",
            ),
            models.UniqueConstraint(
                fields=["origin_type", "origin_id", "buyer"], name="settlement_trade_origin_once"
            ),
        ]
        indexes = [
            models.Index(fields=["-awarded_at", "-id"]),
            models.Index(fields=["buyer", "-id"]),
            models.Index(fields=["seller", "-id"]),
            models.Index(fields=["origin_type", "origin_id"]),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def quantity(self) -> Quantity:
        return Quantity(Pollutant(self.pollutant), self.quantity_g)

    @property
    def price(self) -> Price:
        return Price(self.price_fen_per_tonne, PriceBasis(self.price_basis), self.years)

    @property
    def amount(self) -> Money:
        return Money(self.amount_fen)


@pghistory.track()
class Objection(CityRow):
    """An objection of an identified person during the publicity of a result; it suspends the trade until decided."""

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="objections")
    name = models.CharField(max_length=80)
    contact = models.CharField(max_length=120)
    organisation_name = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey("orgs.User", on_delete=models.PROTECT, related_name="+", null=True)
    grounds = models.TextField()
    raised_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ObjectionState.choices(), default=ObjectionState.OPEN)
    decision_reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="OPEN", decided_at__isnull=True)
                | (~Q(state="OPEN") & Q(decided_at__isnull=False) & ~Q(decision_reason="")),
                name="settlement_objection_decided",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(contact="") & ~Q(grounds=""),
                name="settlement_objection_identified",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"])]


class ContractSignature(CityRow):
    """One party's signature under the digest of the contract. Append-only by trigger."""

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="signatures")
    side = models.CharField(max_length=6, choices=Side.choices())
    user = models.ForeignKey("orgs.User", on_delete=models.PROTECT, related_name="+")
    person_id = models.BigIntegerField()
    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    signer_name = models.CharField(max_length=80)
    contract_digest = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trade", "side"], name="settlement_signature_once")]


@pghistory.track()
class Certificate(CityRow):
    """The certificate of a trade: the signed PDF, its digest and the facts it states. It makes the trade effective."""

    number = models.CharField(max_length=40, unique=True)
    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="certificates")
    document = models.ForeignKey("documents.Document", on_delete=models.PROTECT, related_name="+")
    file_digest = models.CharField(max_length=64, unique=True, db_comment="SHA-256 of the signed file")
    facts_digest = models.CharField(
        max_length=64, db_comment="SHA-256 of the embedded facts, printed in the QR"
    )
    facts = models.JSONField()
    signer = models.CharField(max_length=300)
    state = models.CharField(
        max_length=10, choices=CertificateState.choices(), default=CertificateState.VALID
    )
    issued_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=300, blank=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, related_name="replaced_by", null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trade"], condition=Q(state="VALID"), name="settlement_certificate_one_valid"
            ),
            models.CheckConstraint(
                condition=Q(state="VALID", ended_at__isnull=True)
                | (~Q(state="VALID") & Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="settlement_certificate_ended",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def version(self) -> int:
        """1 for a first certificate; one more for each that replaced another. It stands in the signed facts."""
        return int(self.facts.get("version", 1))
