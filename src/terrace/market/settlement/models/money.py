"""Money that is asked for (instructions), that moves at the bank (lines), and that goes back (refunds)."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.market.settlement.rules.words import (
    INCOMING,
    AccountPurpose,
    DepositState,
    ImportState,
    InstructionState,
    LineDirection,
    LineState,
    Purpose,
    RefundCause,
    RefundState,
)


class NumberSeries(models.Model):
    """The last number of each series of papers and references. Not history-tracked: the papers are its history."""

    series = models.CharField(max_length=40, primary_key=True)
    last = models.BigIntegerField(default=0)

    class Meta:
        db_table = "settlement_number_series"


@pghistory.track()
class SettlementAccount(CityRow):
    """A bank account of record of the market: where firms pay, and where income goes. One open per purpose and city."""

    organisation = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=AccountPurpose.choices())
    account_no = models.CharField(max_length=40)
    account_name = models.CharField(max_length=200)
    bank_name = models.CharField(max_length=200)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["city", "purpose"],
                condition=Q(until__isnull=True),
                name="settlement_account_one_open",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="settlement_account_period"
            ),
        ]


@pghistory.track()
class PaymentInstruction(CityRow):
    """One sum to be paid by one body to another, found again in the bank statement by its reference code.

    The payee's account is copied when the instruction is made: a later change of the account of record
    never redirects an old instruction.
    """

    reference = models.CharField(max_length=16, unique=True)
    purpose = models.CharField(max_length=16, choices=Purpose.choices())
    payer = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+")
    payee = models.ForeignKey("orgs.Organisation", on_delete=models.PROTECT, related_name="+", null=True)
    payee_account_no = models.CharField(max_length=40)
    payee_account_name = models.CharField(max_length=200)
    payee_bank_name = models.CharField(max_length=200, blank=True)
    amount_fen = models.BigIntegerField()
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=InstructionState.choices(), default=InstructionState.DUE)
    paid_at = models.DateTimeField(null=True)
    paid_line = models.OneToOneField(
        "settlement.BankLine", on_delete=models.PROTECT, related_name="paid_instruction", null=True
    )
    hold_id = models.BigIntegerField(
        null=True, db_comment="ledger hold: a deposit, or a refund on its way out"
    )
    deposit_state = models.CharField(max_length=10, choices=DepositState.choices(), blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="settlement_instruction_amount"),
            models.CheckConstraint(
                condition=Q(state="PAID", paid_at__isnull=False, paid_line__isnull=False)
                | (~Q(state="PAID") & Q(paid_at__isnull=True, paid_line__isnull=True)),
                name="settlement_instruction_paid",
            ),
            models.CheckConstraint(
                condition=Q(deposit_state="") | Q(purpose="DEPOSIT", state="PAID", hold_id__isnull=False),
                name="settlement_instruction_deposit",
            ),
            models.UniqueConstraint(
                fields=["hold_id"], condition=Q(hold_id__isnull=False), name="settlement_instruction_hold"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["payer", "-id"]),
            models.Index(fields=["subject_type", "subject_id"]),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_incoming(self) -> bool:
        return self.purpose in INCOMING


@pghistory.track()
class StatementImport(CityRow):
    """One bank statement as it was uploaded. Nothing is booked before `confirmed_at`, by the same person."""

    document = models.ForeignKey("documents.Document", on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=200)
    file_digest = models.CharField(max_length=64)
    findings_digest = models.CharField(max_length=64, db_comment="what the maker was shown")
    line_count = models.IntegerField()
    matched_count = models.IntegerField(default=0)
    suspense_count = models.IntegerField(default=0)
    repeated_count = models.IntegerField(default=0)
    refused_count = models.IntegerField(default=0)
    state = models.CharField(max_length=10, choices=ImportState.choices(), default=ImportState.CHECKED)
    uploaded_by = models.ForeignKey("orgs.User", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="CONFIRMED", confirmed_at__isnull=False)
                | (~Q(state="CONFIRMED") & Q(confirmed_at__isnull=True)),
                name="settlement_import_confirmed",
            ),
        ]
        indexes = [models.Index(fields=["-id"], name="settlement_import_newest")]


@pghistory.track()
class BankLine(CityRow):
    """One booked line of the escrow account's statement. The bank's serial number makes it unique for ever."""

    statement = models.ForeignKey(StatementImport, on_delete=models.PROTECT, related_name="lines")
    row_number = models.IntegerField(db_comment="row of the file, the header is row 1 of its table")
    bank_serial = models.CharField(max_length=64)
    booked_on = models.DateField()
    direction = models.CharField(max_length=3, choices=LineDirection.choices())
    other_account_no = models.CharField(max_length=40, blank=True)
    other_name = models.CharField(max_length=200, blank=True)
    amount_fen = models.BigIntegerField()
    remark = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=LineState.choices())
    finding = models.CharField(max_length=40, db_comment="why it matched or did not: code of rules.Finding")
    assigned_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["city", "bank_serial"], name="settlement_line_serial"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="settlement_line_amount"),
            models.CheckConstraint(
                condition=~Q(state="ASSIGNED") | ~Q(assigned_reason=""), name="settlement_line_assigned"
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"]), models.Index(fields=["booked_on", "id"])]


@pghistory.track()
class Refund(CityRow):
    """Money that must go back: asked by one person of the trading institution, approved by another, paid by the bank."""

    organisation = models.ForeignKey(
        "orgs.Organisation", on_delete=models.PROTECT, related_name="+", null=True
    )
    bank_line = models.OneToOneField(BankLine, on_delete=models.PROTECT, related_name="refund", null=True)
    deposit = models.OneToOneField(
        PaymentInstruction, on_delete=models.PROTECT, related_name="refund_of_deposit", null=True
    )
    trade = models.ForeignKey("settlement.Trade", on_delete=models.PROTECT, related_name="refunds", null=True)
    cause = models.CharField(max_length=16, choices=RefundCause.choices())
    amount_fen = models.BigIntegerField()
    number = models.CharField(max_length=40, unique=True)
    case = models.OneToOneField("procedures.Case", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=RefundState.choices(), default=RefundState.DUE)
    due_at = models.DateTimeField()
    instruction = models.OneToOneField(
        PaymentInstruction, on_delete=models.PROTECT, related_name="refund", null=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="settlement_refund_amount"),
            models.CheckConstraint(
                condition=Q(organisation__isnull=False) | Q(bank_line__isnull=False),
                name="settlement_refund_whom",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["DUE", "ASKED"], instruction__isnull=True)
                | Q(state__in=["APPROVED", "PAID"], instruction__isnull=False),
                name="settlement_refund_instruction",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"])]
