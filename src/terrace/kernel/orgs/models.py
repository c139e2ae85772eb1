"""Organisations, people, memberships. `User` signs in; `Person` is the human; `Membership` gives a role."""

from __future__ import annotations

import pghistory
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from terrace.kernel.base.db import CityRow
from terrace.kernel.orgs.roles import Role


class OrganisationKind(models.TextChoices):
    ENTERPRISE = "ENTERPRISE", "企业"
    RESERVE_BODY = "RESERVE_BODY", "储备机构"
    EXCHANGE = "EXCHANGE", "交易机构"
    BUREAU = "BUREAU", "市生态环境局"
    BRANCH = "BRANCH", "分局"
    FINANCE = "FINANCE", "财政"
    PERMIT_OFFICE = "PERMIT_OFFICE", "许可审批"
    AUDIT_OFFICE = "AUDIT_OFFICE", "审计"
    PLATFORM = "PLATFORM", "平台"
    BANK = "BANK", "银行"


class OrganisationState(models.TextChoices):
    APPLIED = "APPLIED", "待审核"
    ACTIVE = "ACTIVE", "正常"
    SUSPENDED = "SUSPENDED", "暂停"
    FROZEN = "FROZEN", "冻结"
    CLOSED = "CLOSED", "注销"


@pghistory.track()
class Person(models.Model):
    """One human. `identity_digest` is a keyed digest of the identity number: enough to know the same person again."""

    name = models.CharField(max_length=80)
    identity_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractUser):
    """A sign-in. Two sign-ins of one human share the person, so the two-person rule sees through them."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="users", null=True, blank=True)
    language = models.CharField(max_length=10, default="zh-hans")

    class Meta:
        db_table = "orgs_user"

    def display_name(self) -> str:
        """The person's name where it is known, else the sign-in name."""
        return self.person.name if self.person is not None else self.get_full_name() or self.username


@pghistory.track()
class Organisation(CityRow):
    """A body or firm, by its unified social credit code (GB 32100-2015)."""

    credit_code = models.CharField(max_length=18, unique=True)
    name = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=20, choices=OrganisationKind.choices)
    state = models.CharField(
        max_length=12, choices=OrganisationState.choices, default=OrganisationState.APPLIED
    )
    area = models.CharField(max_length=20, blank=True, db_comment="area in pinyin, as in seeds/areas")
    address = models.CharField(max_length=300, blank=True)
    legal_representative = models.CharField(max_length=80, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    bank_account_no = models.CharField(
        max_length=40, blank=True, db_comment="the firm's own account: deposits come from here only"
    )
    bank_name = models.CharField(max_length=120, blank=True)
    state_since = models.DateTimeField(null=True, blank=True)
    state_reason = models.CharField(
        max_length=500, blank=True, db_comment="why suspended, frozen or closed, shown to the organisation"
    )
    is_synthetic = models.BooleanField(default=False, db_comment="an invented demo firm; pages say so")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(credit_code__regex=r"^[0-9A-HJ-NPQRTUWXY]{18}$"), name="orgs_credit_code_form"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["APPLIED", "ACTIVE"]) | ~Q(state_reason=""),
                name="orgs_state_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Membership(models.Model):
    """A person's role in an organisation, from a day to a day."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(r.value, r.label.zh) for r in Role])
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation", "role"],
                condition=Q(until__isnull=True),
                name="orgs_membership_once",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="orgs_membership_period"
            ),
        ]


class ApplicationState(models.TextChoices):
    WAITING = "WAITING", "待审核"
    APPROVED = "APPROVED", "已通过"
    REJECTED = "REJECTED", "已退回"


@pghistory.track()
class AccountApplication(CityRow):
    """An enterprise's application for an account: what was sent, and what was decided about it.

    `content` is exactly what the applicant confirmed, without identity numbers (their keyed digests
    stand in it). `digest` is printed on the receipt.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="applications")
    number = models.CharField(max_length=30, unique=True)
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=ApplicationState.choices, default=ApplicationState.WAITING
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(state="WAITING"), name="orgs_one_waiting_application"
            ),
            models.CheckConstraint(
                condition=Q(state="WAITING", decided_at__isnull=True, decided_by__isnull=True)
                | Q(state__in=["APPROVED", "REJECTED"], decided_at__isnull=False, decided_by__isnull=False),
                name="orgs_application_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state="REJECTED") | ~Q(reason=""), name="orgs_rejection_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.number


@pghistory.track()
class DelegationLetter(models.Model):
    """授权委托书: an approver of a firm lets somebody act as its clerk, for some acts, from a day to a day.

    The signed paper itself is a document; documents stand above this context, so it is named by text.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="letters")
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="letters_given")
    clerk = models.ForeignKey(User, on_delete=models.PROTECT, related_name="letters_held")
    scope = ArrayField(models.CharField(max_length=30), db_comment="contexts whose acts are covered")
    valid_from = models.DateField()
    valid_to = models.DateField(db_comment="last day of validity")
    document_id = models.CharField(max_length=60, blank=True)
    document_digest = models.CharField(max_length=64, blank=True)
    given_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    revoke_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="orgs_letter_period"),
            models.CheckConstraint(condition=Q(scope__len__gt=0), name="orgs_letter_scope"),
            models.CheckConstraint(condition=~Q(clerk=F("given_by")), name="orgs_letter_two_users"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True, revoke_reason="")
                | (Q(revoked_at__isnull=False, revoked_by__isnull=False) & ~Q(revoke_reason="")),
                name="orgs_letter_revoked",
            ),
        ]
        indexes = [models.Index(fields=["clerk", "valid_to"])]


class ApprovalState(models.TextChoices):
    WAITING = "WAITING", "待复核"
    APPROVED = "APPROVED", "已同意"
    REJECTED = "REJECTED", "已退回"
    WITHDRAWN = "WITHDRAWN", "已撤回"


@pghistory.track()
class Approval(CityRow):
    """A second person's answer to one act: asked by a maker, decided by a checker, never the same human.

    What was asked (`act`, subject, `payload`, maker) cannot change, and a decided row cannot change at
    all: triggers refuse both (migration 0002).
    """

    act = models.CharField(max_length=80, db_comment="journal word of the act that needs the second person")
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    payload = models.JSONField()
    payload_digest = models.CharField(max_length=64)
    summary_zh = models.CharField(max_length=300)
    summary_en = models.CharField(max_length=300)
    checker_roles = ArrayField(models.CharField(max_length=20, choices=[(r.value, r.label.zh) for r in Role]))
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="approvals", db_comment="of the maker"
    )
    maker_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    maker_person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ApprovalState.choices, default=ApprovalState.WAITING)
    decided_at = models.DateTimeField(null=True, blank=True)
    checker_user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    checker_person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["act", "subject_type", "subject_id"],
                condition=Q(state="WAITING"),
                name="orgs_one_waiting_approval",
            ),
            models.CheckConstraint(
                condition=Q(checker_person__isnull=True) | ~Q(checker_person=F("maker_person")),
                name="orgs_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="WAITING",
                    decided_at__isnull=True,
                    checker_user__isnull=True,
                    checker_person__isnull=True,
                )
                | Q(
                    state="WITHDRAWN",
                    decided_at__isnull=False,
                    checker_user__isnull=True,
                    checker_person__isnull=True,
                )
                | Q(
                    state__in=["APPROVED", "REJECTED"],
                    decided_at__isnull=False,
                    checker_user__isnull=False,
                    checker_person__isnull=False,
                ),
                name="orgs_approval_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state="REJECTED") | ~Q(reason=""), name="orgs_refusal_has_reason"
            ),
            models.CheckConstraint(condition=Q(checker_roles__len__gt=0), name="orgs_approval_has_checkers"),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-id"], name="orgs_approval_subject"),
            models.Index(fields=["-id"], condition=Q(state="WAITING"), name="orgs_approval_waiting"),
        ]
