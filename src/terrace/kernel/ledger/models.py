"""Assets, accounts, entries, transfers. Written by the functions of migration 0003 only (ADR 0004).

Foreign keys are declared here without their database constraint: migration 0002 makes them, immediate and,
between transfer and account, composite with the asset, so that both sides of a transfer are of one asset.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from terrace.kernel.ledger.rules import AMOUNT_MAX


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
    `version` counts the transfers that touched the account; `last_hash` is the head of its chain.
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
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(
                fields=["owner_type", "owner_id", "asset", "kind"], name="ledger_account_once"
            ),
            models.UniqueConstraint(fields=["id", "asset"], name="ledger_account_asset"),
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


class Entry(models.Model):
    """One business act in the ledger. Append-only; `digest` covers everything the row says but itself.

    Not history-tracked: append-only.
    """

    key = models.CharField(max_length=120)
    code = models.CharField(max_length=60)
    at = models.DateTimeField(db_comment="platform time of the act")
    recorded_at = models.DateTimeField(db_comment="clock of the database server")
    actor_user_id = models.BigIntegerField(null=True)
    actor_person_id = models.BigIntegerField(null=True)
    actor_organisation_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=1000, blank=True)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    transfer_count = models.IntegerField()
    request_digest = models.BinaryField(max_length=32, db_comment="tells a repeat from another request")
    digest = models.BinaryField(max_length=32)

    class Meta:
        db_table = "ledger_entry"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="ledger_entry_key_once"),
        ]
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="ledger_entry_subject")]

    def __str__(self) -> str:
        return f"{self.pk} {self.code}"


class Transfer(models.Model):
    """One movement between two accounts of one asset. Append-only.

    Its number is `entry_id * 10000 + place in the entry`, so the primary key also finds an entry's transfers.
    Per side: which version of the account it made, the posted balance after it, and the account's chain hash.
    A HOLD and a VOID leave the credit side alone, so those three are empty there.

    Not history-tracked: append-only.
    """

    id = models.BigIntegerField(primary_key=True)
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="transfers"
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
    credit_version = models.BigIntegerField(null=True)
    credit_posted = models.BigIntegerField(null=True)
    credit_hash = models.BinaryField(max_length=32, null=True)

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
            models.UniqueConstraint(
                fields=["hold_of"], condition=Q(hold_of__isnull=False), name="ledger_hold_resolved_once"
            ),
            models.UniqueConstraint(fields=["debit", "debit_version"], name="ledger_debit_version"),
            models.UniqueConstraint(
                fields=["credit", "credit_version"],
                condition=Q(credit_version__isnull=False),
                name="ledger_credit_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.phase} {self.amount}"
