"""The life of an organisation: an enterprise applies, is admitted or sent back, suspended, frozen, closed."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction
from procrastinate.contrib.django import app as jobs

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base import credit_code
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal, SamePerson
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, rules
from terrace.kernel.orgs.models import (
    AccountApplication,
    ApplicationState,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationState,
    Person,
    User,
)
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.services.approvals import AlreadyDecided, ReasonMissing
from terrace.kernel.orgs.services.people import PersonData, check_free, identity_digest, invite, sign_in_for


class CreditCodeInvalid(Refusal):
    code = "orgs.credit_code_invalid"
    text = Text("统一社会信用代码有误：{fault}。", "The unified social credit code is wrong: {fault}.")
    hint = Text("请对照营业执照核对18位代码。", "Compare the 18 characters with the business licence.")
    clause = "GB 32100-2015"
    http_status = 422


class AlreadyRegistered(Refusal):
    code = "orgs.already_registered"
    text = Text(
        "该统一社会信用代码已开户，账户状态：{state}。",
        "An account with this credit code exists; its state: {state}.",
    )
    hint = Text(
        "请由本单位已登记的人员登录，并在“我的单位”增加人员。",
        "Let a registered person of the firm sign in and add people under “My organisation”.",
    )


class ApplicationWaiting(Refusal):
    code = "orgs.application_waiting"
    text = Text(
        "该统一社会信用代码的开户申请{number}正在审核。",
        "Application {number} for this credit code is being examined.",
    )
    hint = Text("请等待审核结果，通知会发送到申请邮箱。", "Wait for the answer; it comes by e-mail.")


class WrongState(Refusal):
    code = "orgs.wrong_state"
    text = Text("账户目前为“{state}”，不能{step}。", "The account is {state}; it is not possible to {step}.")
    hint = Text("请刷新页面核对账户状态。", "Reload the page and look at the account's state.")


@dataclass(frozen=True, slots=True)
class AccountData:
    """What an enterprise states about itself when it applies."""

    credit_code: str
    name: str
    name_en: str
    legal_representative: str
    area: str
    address: str
    phone: str
    email: str
    bank_name: str
    bank_account_no: str


_STATE_TEXTS = {
    OrganisationState.APPLIED: Text("待审核", "waiting for admission"),
    OrganisationState.ACTIVE: Text("正常", "active"),
    OrganisationState.SUSPENDED: Text("暂停", "suspended"),
    OrganisationState.FROZEN: Text("冻结", "frozen"),
    OrganisationState.CLOSED: Text("注销", "closed"),
}


def state_text(state: str) -> Text:
    """What the state of an organisation is called."""
    return _STATE_TEXTS[OrganisationState(state)]


def checked_code(code: str) -> str:
    """The plain form of a credit code. Raises CreditCodeInvalid with the reason."""
    check = credit_code.check(code)
    if not check.valid:
        raise CreditCodeInvalid(fault=check.reason)
    return check.code


@act("orgs.account.apply")
def apply_for_account(
    *,
    actor: Actor,
    account: AccountData,
    clerk: PersonData,
    approver: PersonData,
    now: dt.datetime,
    key: str | None = None,
) -> AccountApplication:
    """An enterprise asks for an account, with the two people who will act for it (D step 0).

    Nobody needs to be signed in. The organisation stands as APPLIED until the exchange decides; after a
    refusal the same code may apply again with corrected facts.
    Raises CreditCodeInvalid, AlreadyRegistered, ApplicationWaiting, SamePerson, PersonMismatch,
    UsernameTaken.
    """
    code = checked_code(account.credit_code)
    content: dict[str, Any] = {
        **asdict(account),
        "credit_code": code,
        "clerk": clerk.as_json(),
        "approver": approver.as_json(),
    }
    digest = digest_of(content)
    facts = {name: value for name, value in asdict(account).items() if name != "credit_code"}
    try:
        with transaction.atomic():
            organisation, made = Organisation.objects.select_for_update().get_or_create(
                credit_code=code,
                defaults={**facts, "kind": OrganisationKind.ENTERPRISE, "state": OrganisationState.APPLIED},
            )
    except IntegrityError:  # two first applications with one code at the same moment
        organisation, made = Organisation.objects.select_for_update().get(credit_code=code), False
    answer = first_answer(actor=actor, act="orgs.account.apply", key=key, request_digest=digest)
    if answer is not None:
        return AccountApplication.objects.get(pk=answer["application_id"])
    if organisation.state != OrganisationState.APPLIED:
        raise AlreadyRegistered(state=state_text(organisation.state))
    waiting = organisation.applications.filter(state=ApplicationState.WAITING).first()
    if waiting is not None:
        raise ApplicationWaiting(number=waiting.number)
    if clerk.identity_digest == approver.identity_digest:
        raise SamePerson
    for person in (clerk, approver):
        check_free(person)
    if not made:
        for name, value in facts.items():
            setattr(organisation, name, value)
        organisation.save(update_fields=list(facts))
    earlier = organisation.applications.count()
    application = AccountApplication.objects.create(
        organisation=organisation,
        number=f"KH{local(now):%Y%m%d}-{organisation.pk:05d}-{earlier + 1}",
        content=content,
        digest=digest,
        submitted_at=now,
    )
    record(
        actor=actor,
        act="orgs.account.apply",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        facts={
            "number": application.number,
            "credit_code": code,
            "name": account.name,
            "content_digest": digest,
        },
        key=key,
        request_digest=digest,
        result={"application_id": application.pk},
    )
    return application


@act("orgs.account.decide")
def decide_application(
    *, actor: Actor, application_id: int, approve: bool, reason: str, now: dt.datetime
) -> AccountApplication:
    """The exchange's checker admits an enterprise or sends the application back with a reason.

    Admission makes the organisation ACTIVE, gives its two people their sign-ins (a human who has one keeps
    it) with the roles clerk and approver from today, and queues their invitations.
    Raises NotAllowed, NotFound, AlreadyDecided, ReasonMissing, UsernameTaken, PersonMismatch.
    """
    access.may_decide_applications(actor).require()
    application = (
        AccountApplication.objects.select_for_update()
        .select_related("organisation")
        .filter(pk=application_id)
        .first()
    )
    if application is None:
        raise NotFound(what=Text("该开户申请", "the application"))
    if application.state != ApplicationState.WAITING:
        raise AlreadyDecided(
            state=Text("已通过", "approved")
            if application.state == "APPROVED"
            else Text("已退回", "sent back")
        )
    if not approve and not reason.strip():
        raise ReasonMissing
    organisation = application.organisation
    people: list[int] = []
    if approve:
        organisation.state = OrganisationState.ACTIVE
        organisation.state_since = now
        organisation.save(update_fields=["state", "state_since"])
        today = local(now).date()
        for who, role in (("clerk", Role.FIRM_CLERK), ("approver", Role.FIRM_APPROVER)):
            user, made = sign_in_for(PersonData(**application.content[who]))
            Membership.objects.create(user=user, organisation=organisation, role=role, since=today)
            people.append(user.pk)
            if made:
                invite(user)
    application.state = ApplicationState.APPROVED if approve else ApplicationState.REJECTED
    application.decided_at = now
    application.decided_by_id = actor.user_id
    application.reason = reason.strip()
    application.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    jobs.configure_task("orgs.answer").defer(application_id=application.pk)
    record(
        actor=actor,
        act="orgs.account.decide",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        reason=application.reason,
        facts={
            "number": application.number,
            "before": {"state": "APPLIED"},
            "after": {"state": organisation.state},
            "decision": application.state,
            "users": people,
        },
    )
    return application


def _step(*, actor: Actor, organisation_id: int, step: str, reason: str, now: dt.datetime) -> Organisation:
    organisation = Organisation.objects.select_for_update().filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound(what=Text("该单位", "the organisation"))
    access.may_change_state(actor, organisation, step).require()
    rule = rules.STATE_STEPS[step]
    if organisation.state not in rule.sources:
        raise WrongState(
            state=state_text(organisation.state), step=Text(rule.label.zh, rule.label.en.lower())
        )
    if not reason.strip():
        raise ReasonMissing
    before = organisation.state
    organisation.state = rule.target
    organisation.state_since = now
    organisation.state_reason = reason.strip()
    organisation.save(update_fields=["state", "state_since", "state_reason"])
    jobs.configure_task("orgs.state").defer(organisation_id=organisation.pk)
    record(
        actor=actor,
        act=f"orgs.organisation.{step}",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        reason=organisation.state_reason,
        facts={"before": {"state": before}, "after": {"state": organisation.state}},
    )
    return organisation


@act("orgs.organisation.suspend")
def suspend_organisation(
    *, actor: Actor, organisation_id: int, reason: str, now: dt.datetime
) -> Organisation:
    """Stop an enterprise from acting, for a reason it is told (R24). Its people can sign in and read.

    Raises NotFound, NotAllowed, WrongState, ReasonMissing; so do the other steps.
    """
    return _step(actor=actor, organisation_id=organisation_id, step="suspend", reason=reason, now=now)


@act("orgs.organisation.resume")
def resume_organisation(*, actor: Actor, organisation_id: int, reason: str, now: dt.datetime) -> Organisation:
    """End a suspension, with the reason."""
    return _step(actor=actor, organisation_id=organisation_id, step="resume", reason=reason, now=now)


@act("orgs.organisation.freeze")
def freeze_organisation(*, actor: Actor, organisation_id: int, reason: str, now: dt.datetime) -> Organisation:
    """Freeze an enterprise's account on the order of a court or authority (the reason names the paper)."""
    return _step(actor=actor, organisation_id=organisation_id, step="freeze", reason=reason, now=now)


@act("orgs.organisation.unfreeze")
def unfreeze_organisation(
    *, actor: Actor, organisation_id: int, reason: str, now: dt.datetime
) -> Organisation:
    """End a freeze, with the reason."""
    return _step(actor=actor, organisation_id=organisation_id, step="unfreeze", reason=reason, now=now)


@act("orgs.organisation.close")
def close_organisation(*, actor: Actor, organisation_id: int, reason: str, now: dt.datetime) -> Organisation:
    """Close an enterprise's account for good; its history stays."""
    return _step(actor=actor, organisation_id=organisation_id, step="close", reason=reason, now=now)


STEPS = {
    "suspend": suspend_organisation,
    "resume": resume_organisation,
    "freeze": freeze_organisation,
    "unfreeze": unfreeze_organisation,
    "close": close_organisation,
}


def _only_system(actor: Actor) -> None:
    if not actor.is_system:
        raise NotAllowed(
            reason=Text(
                "仅限平台初始化(命令行)使用。",
                "this belongs to the set-up of the platform (command line) only.",
            )
        )


@act("orgs.organisation.found")
def found_organisation(
    *,
    actor: Actor,
    credit_code: str,
    name: str,
    name_en: str,
    kind: OrganisationKind,
    now: dt.datetime,
    is_synthetic: bool = False,
    **facts: str,
) -> Organisation:
    """Enter an organisation as ACTIVE when the platform is set up: bodies of the city, demo firms.

    `facts`: area, address, legal_representative, phone, email, bank_account_no, bank_name.
    Raises NotAllowed for anybody but the system, CreditCodeInvalid, AlreadyRegistered.
    """
    _only_system(actor)
    code = checked_code(credit_code)
    known = Organisation.objects.filter(credit_code=code).first()
    if known is not None:
        raise AlreadyRegistered(state=state_text(known.state))
    organisation = Organisation.objects.create(
        credit_code=code,
        name=name,
        name_en=name_en,
        kind=kind,
        state=OrganisationState.ACTIVE,
        state_since=now,
        is_synthetic=is_synthetic,
        **facts,
    )
    record(
        actor=actor,
        act="orgs.organisation.found",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        facts={"credit_code": code, "name": name, "kind": kind, "is_synthetic": is_synthetic},
    )
    return organisation


class RolesConflict(Refusal):
    code = "orgs.roles_conflict"
    text = Text(
        "{person}在该单位已任“{held}”，不能同时任“{wanted}”。",
        "{person} is already “{held}” there and cannot be “{wanted}” as well.",
    )
    hint = Text(
        "经办与复核须由两人分任；请先结束原角色，或改派他人。",
        "Maker and checker must be two people: end the first role, or name somebody else.",
    )


class RoleDoesNotFit(Refusal):
    code = "orgs.role_does_not_fit"
    text = Text("“{role}”不适用于这类单位。", "“{role}” does not exist in this kind of organisation.")
    http_status = 422


def check_role(*, organisation: Organisation, person: Person, role: str, on: dt.date) -> None:
    """Part: refuse a role that does not fit the organisation, or that opposes one this human holds there.

    All sign-ins of the human count, and delegation letters count as the role of clerk; the caller holds
    the lock of the organisation. Raises RoleDoesNotFit, RolesConflict.
    """
    if not rules.fits(role, organisation.kind):
        raise RoleDoesNotFit(role=Role(role).label)
    held = set(
        Membership.objects.filter(organisation=organisation, user__person=person)
        .exclude(until__lt=on)
        .values_list("role", flat=True)
    )
    if organisation.letters.filter(clerk__person=person, revoked_at__isnull=True, valid_to__gte=on).exists():
        held.add(Role.FIRM_CLERK)
    other = rules.opposed_role(held, role)
    if other is not None:
        raise RolesConflict(person=person.name, held=other.label, wanted=Role(role).label)


@act("orgs.member.found")
def found_member(
    *,
    actor: Actor,
    organisation_id: int,
    role: Role,
    username: str,
    name: str,
    identity: str,
    password: str | None,
    now: dt.datetime,
    email: str = "",
) -> User:
    """Give a person a sign-in and a role when the platform is set up (first staff, demo users).

    `identity` is what the same human is known by again (an identity number; in the demo any text); only
    its digest is kept. Without a password the person gets an invitation.
    Raises NotAllowed for anybody but the system, NotFound, RoleDoesNotFit, RolesConflict, UsernameTaken.
    """
    _only_system(actor)
    organisation = Organisation.objects.select_for_update().filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound(what=Text("该单位", "the organisation"))
    data = PersonData(name, identity_digest(identity), username, email)
    user = User.objects.filter(username=username, person__identity_digest=data.identity_digest).first()
    if user is None:
        check_free(data)
        person, _ = Person.objects.get_or_create(
            identity_digest=data.identity_digest, defaults={"name": name}
        )
        user = User(username=username, email=email, person=person)
        user.set_password(password)
        user.save()
        if password is None:
            invite(user)
    assert user.person is not None
    today = local(now).date()
    check_role(organisation=organisation, person=user.person, role=role, on=today)
    membership, _ = Membership.objects.get_or_create(
        user=user, organisation=organisation, role=role, until=None, defaults={"since": today}
    )
    record(
        actor=actor,
        act="orgs.member.found",
        subject_type="membership",
        subject_id=membership.pk,
        at=now,
        facts={
            "organisation": organisation.credit_code,
            "user": username,
            "role": role,
            "since": membership.since,
        },
    )
    return user
