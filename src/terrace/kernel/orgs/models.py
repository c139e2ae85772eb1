"""Organisations, people, memberships. `User` signs in; `Person` is the human; `Membership` gives a role."""

from __future__ import annotations

import pghistory
from django.contrib.auth.models import AbstractUser
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
    is_synthetic = models.BooleanField(default=False, db_comment="an invented demo firm; pages say so")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(credit_code__regex=r"^[0-9A-HJ-NPQRTUWXY]{18}$"), name="orgs_credit_code_form"
            )
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
