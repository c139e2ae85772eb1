"""What was decided, for ever; and the changes of parameters that two persons made."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import Q

from terrace.kernel.base.db import CityRow


class EligibilityDecision(CityRow):
    """One decision with its facts, rulebook and version. Append-only by trigger: a new question is a new row.

    Not history-tracked: nothing in it can change. `result` is `Decision.as_dict()`, ready to be explained.
    """

    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    organisation = models.ForeignKey(
        "orgs.Organisation",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_comment="whom it is about",
    )
    rulebook = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    on = models.DateField(db_comment="the day whose law decided")
    verdict = models.CharField(max_length=12)
    clause = models.CharField(max_length=200, blank=True, db_comment="the clause that decided")
    replacement_ratio = models.CharField(max_length=12, blank=True, db_comment="empty when unknown")
    facts = models.JSONField(db_comment="the case as it was stated")
    result = models.JSONField(db_comment="verdict, every rule, its answer, reason and figures")
    decided_at = models.DateTimeField()
    decided_by_user_id = models.BigIntegerField(null=True)
    decided_by_name = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=["must_buy", "voluntary", "exempt", "not_covered", "barred"]),
                name="rulebooks_decision_verdict",
            )
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-id"]),
            models.Index(fields=["organisation", "-id"]),
        ]


class ParameterState(models.TextChoices):
    WAITING = "WAITING", "待审核"
    APPROVED = "APPROVED", "已批准"
    REJECTED = "REJECTED", "已退回"


@pghistory.track()
class RulebookParameter(CityRow):
    """A change of one parameter from a day on: proposed by one person, approved by another."""

    rulebook = models.CharField(max_length=60)
    name = models.CharField(max_length=40)
    value = models.CharField(max_length=200)
    unit = models.CharField(max_length=20, blank=True)
    clause = models.CharField(max_length=200, db_comment="the document that sets the value")
    effective_from = models.DateField()
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=ParameterState.choices, default=ParameterState.WAITING)
    approval = models.OneToOneField(
        "orgs.Approval", on_delete=models.PROTECT, related_name="+", null=True, db_comment="the second person"
    )
    proposed_at = models.DateTimeField()
    proposed_by_name = models.CharField(max_length=200)
    decided_at = models.DateTimeField(null=True)
    decided_by_name = models.CharField(max_length=200, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rulebook", "name", "effective_from"],
                condition=~Q(state="REJECTED"),
                name="rulebooks_parameter_once",
            ),
            models.CheckConstraint(
                condition=Q(state="WAITING", decided_at__isnull=True)
                | Q(state="APPROVED", decided_at__isnull=False)
                | Q(state="REJECTED", decided_at__isnull=False) & ~Q(decision_reason=""),
                name="rulebooks_parameter_state",
            ),
        ]
        indexes = [models.Index(fields=["rulebook", "state"])]
