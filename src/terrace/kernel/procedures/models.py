"""Cases: one run of a procedure over one subject, its parties and its steps."""

from __future__ import annotations

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import Organisation
from terrace.kernel.procedures.procedures import Procedure, State, find


@pghistory.track()
class Case(CityRow):
    """Where one subject stands in its procedure. Changed only by the parts of `services`.

    `turns` holds whom the case waits for: `EXCHANGE_MAKER` (anyone with the role) or `FIRM_CLERK:12`
    (the role in organisation 12). `position` is the number of steps; each step raises it by one.
    """

    procedure_code = models.CharField(max_length=60)
    procedure_version = models.PositiveIntegerField()
    state = models.CharField(max_length=40)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    title_zh = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300)
    url = models.CharField(max_length=300, db_comment="the page where the case is worked on")
    facts = models.JSONField(default=dict)
    turns = ArrayField(models.CharField(max_length=60), default=list)
    position = models.PositiveIntegerField(default=1)
    state_since = models.DateTimeField()
    deadline_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True, db_comment="the clock stands still since")
    pass_tries = models.PositiveSmallIntegerField(
        default=0, db_comment="failed attempts to pass the deadline"
    )
    pass_again_at = models.DateTimeField(null=True)
    pass_error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["procedure_code", "subject_type", "subject_id"],
                condition=Q(closed_at__isnull=True),
                name="procedures_case_open_once",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True)
                | Q(deadline_at__isnull=True, paused_at__isnull=True, turns__len=0),
                name="procedures_case_closed",
            ),
            models.CheckConstraint(
                condition=Q(deadline_at__isnull=True) | Q(deadline_at__gt=F("state_since")),
                name="procedures_case_deadline_ahead",
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(
                fields=["deadline_at"],
                condition=Q(deadline_at__isnull=False, paused_at__isnull=True),
                name="procedures_case_due",
            ),
            GinIndex(fields=["turns"], condition=Q(closed_at__isnull=True), name="procedures_case_turns"),
        ]

    def __str__(self) -> str:
        return self.title_zh

    @property
    def title(self) -> Text:
        return Text(self.title_zh, self.title_en)

    @property
    def definition(self) -> Procedure | None:
        """The procedure in the version this case was opened under; None when this release does not know it."""
        return find(self.procedure_code, self.procedure_version)

    @property
    def state_now(self) -> State | None:
        procedure = self.definition
        return procedure.state(self.state) if procedure is not None else None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class CaseParty(models.Model):
    """The organisation that holds a role in a case. Append-only: a change of party is a new case.

    `role` is a role code, or `FIRM_CLERK@buyer` where two parties of a case share a role.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="parties")
    role = models.CharField(max_length=60)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "role"], name="procedures_party_once")]


class CaseStep(models.Model):
    """What happened to a case: append-only, positions without gaps, each step starts where the last ended.

    `transition` is a transition's code or OPEN, PAUSE, RESUME, AMEND.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveIntegerField()
    transition = models.CharField(max_length=40)
    from_state = models.CharField(max_length=40, blank=True)
    to_state = models.CharField(max_length=40)
    at = models.DateTimeField()
    actor_user_id = models.BigIntegerField(null=True)
    actor_person_id = models.BigIntegerField(null=True)
    actor_organisation_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    via = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    clause = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)
    deadline_at = models.DateTimeField(null=True, db_comment="the deadline this step set")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "position"], name="procedures_step_position"),
            models.CheckConstraint(
                condition=Q(from_state="", position=1, transition="OPEN")
                | ~Q(from_state="") & Q(position__gt=1) & ~Q(transition="OPEN"),
                name="procedures_step_chain",
            ),
        ]
        indexes = [models.Index(fields=["actor_user_id", "-id"])]
