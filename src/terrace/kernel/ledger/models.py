"""Assets, accounts, transfers, and entries as a view of transfers. Written by the functions of migration 0003 only.

Foreign keys of a transfer are declared without their database constraint: the one function that writes it has
just changed the rows it names, and `terrace verify` checks them again (ADR 0004).
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from terrace.kernel.ledger.rules import AMOUNT_MAX, TRANSFER_NUMBER_BASE


class Asset(models.Model):
    """What can be owned: yuan (in fen), or the right to emit one pollutant in one region for one term (g/year).

    Not history-tracked: append-only.
    """

    code = models.CharField(max_length=120, unique=True)
    unit = models.CharField(max_length=12, db_comment="FEN or G_PER_YEAR")
    pollutant = models.CharField(max_length=8, blank=True)
    region = models.CharField(max_length=60, blank=True, db_comment="basin for water, city or area for air")
    term_start = models.DateField(null=True)
    term_end = models.DateField(null=True)

    class Meta:
        db_table = "ledger_asset"
        constraints = [
            models.CheckConstraint(
                name="ledger_asset_form",
                condition=Q(unit="FEN", pollutant="", region="", term_start=None, term_end=None)
                | (
                    Q(unit="G_PER_YEAR", term_start__isnull=False, term_end__gt=F("term_start"))
                    & ~Q(pollutant="")
                    & ~Q(region="")
                ),
            )
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_money(self) -> bool:
        return self.unit == "FEN"


class Account(models.Model):
    """What one owner has of one asset for one purpose. `posted` = credits - debits; `held` is frozen of it.

    Not history-tracked: every change of a balance is a transfer, and nothing else of the row may change.
    `version` counts the transfers that touched the account; `last_hash` is the head of its chain, `last_transfer_id`
    the transfer it belongs to and `before_transfer_id` the one before that: a statement follows the chain.
    """

    owner_type = models.CharField(max_length=60)
    owner_id = models.CharField(max_length=60)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, db_constraint=False, related_name="accounts")
    kind = models.CharField(max_length=20)
    may_overdraw = models.BooleanField(default=False)
    posted = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(max_length=32)
    last_transfer_id = models.BigIntegerField(null=True)
    before_transfer_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(
                fields=["owner_type", "owner_id", "asset", "kind"], name="ledger_account_once"
            ),
            models.CheckConstraint(
                name="ledger_account_covered",
                condition=Q(held__gte=0) & (Q(may_overdraw=True) | Q(posted__gte=F("held"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.owner_type}:{self.owner_id} {self.kind} {self.asset_id}"

    @property
    def available(self) -> int:
        return self.posted - self.held


class Transfer(models.Model):
    """One movement between two accounts of one asset. Append-only.

    Its number is ten thousand times the number of its entry and its place in the entry, from 0. The first
    transfer of an entry carries what the entry says (key, code, times, actor, reason, subject); the others leave
    that empty: one business act is mostly one row. Per side: which version of the account it made, the posted
    balance after it, the account's chain hash, and the transfer that touched the account before it.
    A HOLD and a VOID leave the credit side alone, so those four are empty there.

    Not history-tracked: append-only.
    """

    id = models.BigIntegerField(primary_key=True)
    entry = models.ForeignKey(
        "Entry", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="transfers"
    )
    phase = models.CharField(max_length=6)
    asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    debit = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    credit = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    amount = models.BigIntegerField()
    hold_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    debit_version = models.BigIntegerField()
    debit_posted = models.BigIntegerField()
    debit_hash = models.BinaryField(max_length=32)
    debit_before_id = models.BigIntegerField(null=True)
    credit_version = models.BigIntegerField(null=True)
    credit_posted = models.BigIntegerField(null=True)
    credit_hash = models.BinaryField(max_length=32, null=True)
    credit_before_id = models.BigIntegerField(null=True)

    key = models.CharField(max_length=120, null=True)
    code = models.CharField(max_length=60, null=True)
    at = models.DateTimeField(null=True, db_comment="platform time of the act")
    recorded_at = models.DateTimeField(null=True, db_comment="clock of the database server")
    actor_user_id = models.BigIntegerField(null=True)
    actor_person_id = models.BigIntegerField(null=True)
    actor_organisation_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=1000, null=True)
    subject_type = models.CharField(max_length=60, null=True)
    subject_id = models.CharField(max_length=60, null=True)
    transfer_count = models.IntegerField(null=True)
    request_digest = models.BinaryField(
        max_length=32, null=True, db_comment="tells a repeat from another request"
    )

    class Meta:
        db_table = "ledger_transfer"
        constraints = [
            models.CheckConstraint(
                name="ledger_transfer_amount", condition=Q(amount__gte=1, amount__lte=AMOUNT_MAX)
            ),
            models.CheckConstraint(name="ledger_transfer_two_accounts", condition=~Q(debit=F("credit"))),
            # In the order of the alphabet DIRECT and HOLD come before POST and VOID.
            models.CheckConstraint(
                name="ledger_transfer_resolves",
                condition=Q(hold_of=None, phase__lt="POST") | Q(hold_of__isnull=False, phase__gte="POST"),
            ),
            models.UniqueConstraint(fields=["key"], name="ledger_entry_key_once"),
            models.UniqueConstraint(
                fields=["hold_of"], condition=Q(hold_of__isnull=False), name="ledger_hold_resolved_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["subject_type", "subject_id"],
                condition=Q(subject_type__isnull=False),
                name="ledger_entry_subject",
            ),
            models.Index(fields=["debit"], condition=Q(phase="HOLD"), name="ledger_hold_debit"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.phase} {self.amount}"


class Entry(models.Model):
    """One business act in the ledger: what its first transfer says. A view; its number is that transfer's.

    Not history-tracked: a view of an append-only table.
    """

    id = models.BigIntegerField(primary_key=True)
    key = models.CharField(max_length=120)
    code = models.CharField(max_length=60)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_user_id = models.BigIntegerField(null=True)
    actor_person_id = models.BigIntegerField(null=True)
    actor_organisation_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=1000, blank=True)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    transfer_count = models.IntegerField()
    request_digest = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = "ledger_entry"

    def __str__(self) -> str:
        return f"{self.number} {self.code}"

    @property
    def number(self) -> int:
        """The number that people see: one for each business act."""
        return int(self.pk) // TRANSFER_NUMBER_BASE
