"""Who belongs to an organisation and in which role: changes of roles, bank account, delegation letters.

Changes of roles and of the bank account need two people (issue 2): somebody proposes, another decides, and
the effect follows in the decision. A delegation letter is one approver's signed act.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from allauth.mfa.models import Authenticator

from terrace.kernel.audit.services import digest_of, first_answer, record
from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.base.db import act
from terrace.kernel.base.errors import NotAllowed, NotFound, Refusal, SamePerson
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import access, rules
from terrace.kernel.orgs.models import (
    Approval,
    ApprovalState,
    DelegationLetter,
    Membership,
    Organisation,
    Person,
    User,
)
from terrace.kernel.orgs.roles import Role
from terrace.kernel.orgs.services.approvals import AlreadyDecided, PersonUnknown, ReasonMissing, ask, decide
from terrace.kernel.orgs.services.organisations import RoleDoesNotFit, check_role
from terrace.kernel.orgs.services.people import PersonData, check_free, invite, sign_in_for


class PeriodInvalid(Refusal):
    code = "orgs.period_invalid"
    text = Text("有效期不正确：自{first}至{last}。", "The period is not possible: from {first} to {last}.")
    hint = Text(
        "截止日不得早于起始日，且不得早于今天。",
        "The last day may not come before the first, nor before today.",
    )
    http_status = 422


class ScopeUnknown(Refusal):
    code = "orgs.scope_unknown"
    text = Text("请至少选择一项授权事务。", "Choose at least one kind of act that the letter covers.")
    http_status = 422


class RoleHeld(Refusal):
    code = "orgs.role_held"
    text = Text("{person}已经是“{role}”。", "{person} is “{role}” already.")


def _lock_organisation(organisation_id: int) -> Organisation:
    organisation = Organisation.objects.select_for_update().filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound(what=Text("该单位", "the organisation"))
    return organisation


@act("orgs.role.propose")
def propose_role(
    *,
    actor: Actor,
    organisation_id: int,
    role: Role,
    person: PersonData,
    since: dt.date,
    now: dt.datetime,
    until: dt.date | None = None,
    key: str | None = None,
) -> Approval:
    """Propose that a human gets a role in an organisation from a day (to a day); a second person decides.

    Raises NotFound, NotAllowed, RoleDoesNotFit, RolesConflict, RoleHeld, PeriodInvalid, PersonMismatch,
    UsernameTaken, PersonUnknown, AlreadyAsked.
    """
    organisation = _lock_organisation(organisation_id)
    access.may_propose_roles(actor, organisation).require()
    payload: dict[str, Any] = {
        "organisation_id": organisation.pk,
        "role": role,
        "person": person.as_json(),
        "since": since.isoformat(),
        "until": until.isoformat() if until else None,
    }
    digest = digest_of(payload)
    answer = first_answer(actor=actor, act="orgs.role.propose", key=key, request_digest=digest)
    if answer is not None:
        return Approval.objects.get(pk=answer["approval_id"])
    if until is not None and (until < since or until < local(now).date()):
        raise PeriodInvalid(first=since, last=until)
    check_free(person)
    _check_grant(organisation, person, role, since)
    approval = ask(
        actor=actor,
        act="orgs.role.grant",
        subject_type="organisation.role",
        subject_id=f"{organisation.pk}:{role}:{person.identity_digest[:16]}",
        payload=payload,
        checker_roles=access.role_checkers(actor, organisation),
        summary=Text(
            f"{organisation.name}：{person.name}任“{role.label.zh}”",
            f"{organisation.name_en or organisation.name}: {person.name} as “{role.label.en}”",
        ),
        now=now,
    )
    record(
        actor=actor,
        act="orgs.role.propose",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        facts={"approval": approval.pk, "person": person.name, "role": role, "since": since, "until": until},
        key=key,
        request_digest=digest,
        result={"approval_id": approval.pk},
    )
    return approval


def _check_grant(organisation: Organisation, data: PersonData, role: Role, since: dt.date) -> None:
    person = Person.objects.filter(identity_digest=data.identity_digest).first()
    if person is None:
        if not rules.fits(role, organisation.kind):
            raise RoleDoesNotFit(role=role.label)
        return
    check_role(organisation=organisation, person=person, role=role, on=since)
    if Membership.objects.filter(
        organisation=organisation, user__person=person, role=role, until__isnull=True
    ).exists():
        raise RoleHeld(person=person.name, role=role.label)


@act("orgs.role.propose_end")
def propose_role_end(
    *, actor: Actor, membership_id: int, until: dt.date, reason: str, now: dt.datetime
) -> Approval:
    """Propose that a role ends with the day `until` (its last day, yesterday at the earliest).

    Raises NotFound, NotAllowed, PeriodInvalid, ReasonMissing, PersonUnknown, AlreadyAsked.
    """
    membership = access.get_membership_for(actor, membership_id)
    organisation = _lock_organisation(membership.organisation_id)
    if not reason.strip():
        raise ReasonMissing
    yesterday = local(now).date() - dt.timedelta(days=1)
    if until < membership.since or until < yesterday:
        raise PeriodInvalid(first=membership.since, last=until)
    person, role = membership.user.display_name(), Role(membership.role)
    approval = ask(
        actor=actor,
        act="orgs.role.end",
        subject_type="membership",
        subject_id=membership.pk,
        payload={"membership_id": membership.pk, "until": until.isoformat(), "reason": reason.strip()},
        checker_roles=access.role_checkers(actor, organisation),
        summary=Text(
            f"{organisation.name}：{person}不再任“{role.label.zh}”",
            f"{organisation.name_en or organisation.name}: {person} no longer “{role.label.en}”",
        ),
        now=now,
    )
    record(
        actor=actor,
        act="orgs.role.propose_end",
        subject_type="membership",
        subject_id=membership.pk,
        at=now,
        reason=reason.strip(),
        facts={"approval": approval.pk, "person": person, "role": role, "until": until},
    )
    return approval


@act("orgs.bank.propose")
def propose_bank_account(
    *, actor: Actor, organisation_id: int, bank_name: str, bank_account_no: str, now: dt.datetime
) -> Approval:
    """Propose another bank account of the firm; deposits come from it and go back to it, so two people sign.

    Raises NotFound, NotAllowed, PersonUnknown, AlreadyAsked.
    """
    organisation = _lock_organisation(organisation_id)
    access.may_change_bank(actor, organisation).require()
    approval = ask(
        actor=actor,
        act="orgs.bank.change",
        subject_type="organisation.bank",
        subject_id=organisation.pk,
        payload={
            "organisation_id": organisation.pk,
            "bank_name": bank_name,
            "bank_account_no": bank_account_no,
        },
        checker_roles=[Role.FIRM_APPROVER],
        summary=Text(
            f"{organisation.name}：变更银行账户", f"{organisation.name_en or organisation.name}: bank account"
        ),
        now=now,
    )
    record(
        actor=actor,
        act="orgs.bank.propose",
        subject_type="organisation",
        subject_id=organisation.pk,
        at=now,
        facts={"approval": approval.pk},
    )
    return approval


def _grant(payload: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    organisation = _lock_organisation(payload["organisation_id"])
    data, role = PersonData(**payload["person"]), Role(payload["role"])
    since = dt.date.fromisoformat(payload["since"])
    _check_grant(organisation, data, role, since)
    user, made = sign_in_for(data)
    membership = Membership.objects.create(
        user=user,
        organisation=organisation,
        role=role,
        since=since,
        until=dt.date.fromisoformat(payload["until"]) if payload["until"] else None,
    )
    if made:
        invite(user)
    return {
        "before": {},
        "after": {"membership": membership.pk, "role": role, "since": since, "until": membership.until},
    }


def _end(payload: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    membership = Membership.objects.select_for_update().get(pk=payload["membership_id"])
    before = membership.until
    membership.until = max(dt.date.fromisoformat(payload["until"]), membership.since)
    membership.save(update_fields=["until"])
    return {"before": {"until": before}, "after": {"until": membership.until}}


def _change_bank(payload: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    organisation = _lock_organisation(payload["organisation_id"])
    before = {"bank_name": organisation.bank_name, "bank_account_no": organisation.bank_account_no}
    after = {"bank_name": payload["bank_name"], "bank_account_no": payload["bank_account_no"]}
    organisation.bank_name, organisation.bank_account_no = after["bank_name"], after["bank_account_no"]
    organisation.save(update_fields=["bank_name", "bank_account_no"])
    return {"before": before, "after": after}


@act("orgs.factor.propose")
def propose_factor_reset(*, actor: Actor, username: str, reason: str, now: dt.datetime) -> Approval:
    """An administrator proposes to remove a user's second factor (telephone and recovery codes lost).

    The other administrator decides; then the user signs in by password and sets up a new one at once.
    Raises NotAllowed, NotFound, ReasonMissing, PersonUnknown, AlreadyAsked.
    """
    access.require_role(actor, Role.ADMIN).require()
    user = User.objects.select_related("person").filter(username=username.strip(), is_active=True).first()
    if user is None:
        raise NotFound(what=Text("该账号", "the sign-in"))
    if not reason.strip():
        raise ReasonMissing
    approval = ask(
        actor=actor,
        act="orgs.factor.reset",
        subject_type="user.factor",
        subject_id=user.pk,
        payload={"user_id": user.pk, "username": user.username, "reason": reason.strip()},
        checker_roles=[Role.ADMIN_CHECKER],
        summary=Text(
            f"解除{user.display_name()}的第二因素", f"Remove the second factor of {user.display_name()}"
        ),
        now=now,
    )
    record(
        actor=actor,
        act="orgs.factor.propose",
        subject_type="user",
        subject_id=user.pk,
        at=now,
        reason=reason.strip(),
        facts={"approval": approval.pk, "username": user.username},
    )
    return approval


def _reset_factor(payload: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    held = Authenticator.objects.filter(user_id=payload["user_id"])
    kinds = sorted(held.values_list("type", flat=True))
    held.delete()
    return {"before": {"factors": kinds}, "after": {"factors": []}}


EFFECTS: dict[str, Callable[[dict[str, Any], dt.datetime], dict[str, Any]]] = {
    "orgs.role.grant": _grant,
    "orgs.role.end": _end,
    "orgs.bank.change": _change_bank,
    "orgs.factor.reset": _reset_factor,
}


@act("orgs.approval.decide")
def decide_proposal(
    *, actor: Actor, approval_id: int, approve: bool, reason: str, now: dt.datetime
) -> Approval:
    """The second signature on a change of roles or of a bank account, with its effect when it is given.

    Raises what `approvals.decide` raises, NotAllowed for acts of other contexts (they have their own
    page), and what the effect refuses (RolesConflict, RoleHeld …): then nothing is decided.
    """
    approval = decide(actor=actor, approval_id=approval_id, approve=approve, reason=reason, now=now)
    effect = EFFECTS.get(approval.act)
    if effect is None:
        raise NotAllowed(
            reason=Text("请在该业务自己的页面办理。", "this is decided on the page of its own business.")
        )
    change = effect(approval.payload, now) if approve else {}
    record(
        actor=actor,
        act="orgs.approval.decide",
        subject_type="approval",
        subject_id=approval.pk,
        at=now,
        reason=approval.reason,
        facts={
            "act": approval.act,
            "subject": f"{approval.subject_type} {approval.subject_id}",
            "maker_person": approval.maker_person_id,
            "decision": approval.state,
            **change,
        },
    )
    return approval


@act("orgs.letter.give")
def give_letter(
    *,
    actor: Actor,
    clerk: PersonData,
    scope: Sequence[str],
    valid_from: dt.date,
    valid_to: dt.date,
    now: dt.datetime,
    document_id: str = "",
    document_digest: str = "",
    key: str | None = None,
) -> DelegationLetter:
    """授权委托书: the firm's approver lets a human act as its clerk, for the acts in `scope`, on the days given.

    `scope` holds keys of `rules.SCOPES`. The signed paper is named by document id and digest (SHA-256).
    Raises NotAllowed, SamePerson, ScopeUnknown, PeriodInvalid, RolesConflict, PersonMismatch, UsernameTaken.
    """
    access.may_give_letters(actor).require()
    if actor.user_id is None or actor.person_id is None or actor.organisation_id is None:
        raise PersonUnknown
    organisation = _lock_organisation(actor.organisation_id)
    covered = sorted(set(scope))
    digest = digest_of(
        [clerk.as_json(), covered, valid_from.isoformat(), valid_to.isoformat(), document_digest]
    )
    answer = first_answer(actor=actor, act="orgs.letter.give", key=key, request_digest=digest)
    if answer is not None:
        return DelegationLetter.objects.get(pk=answer["letter_id"])
    if not covered or not rules.SCOPES.keys() >= set(covered):
        raise ScopeUnknown
    if valid_to < valid_from or valid_to < local(now).date():
        raise PeriodInvalid(first=valid_from, last=valid_to)
    user, made = sign_in_for(clerk)
    assert user.person is not None
    if user.person.pk == actor.person_id:
        raise SamePerson
    check_role(organisation=organisation, person=user.person, role=Role.FIRM_CLERK, on=valid_from)
    letter = DelegationLetter.objects.create(
        organisation=organisation,
        given_by_id=actor.user_id,
        clerk=user,
        scope=covered,
        valid_from=valid_from,
        valid_to=valid_to,
        document_id=document_id,
        document_digest=document_digest,
        given_at=now,
    )
    if made:
        invite(user)
    record(
        actor=actor,
        act="orgs.letter.give",
        subject_type="delegation_letter",
        subject_id=letter.pk,
        at=now,
        facts={
            "clerk": clerk.name,
            "clerk_user": user.pk,
            "scope": covered,
            "valid_from": valid_from,
            "valid_to": valid_to,
            "document_id": document_id,
            "document_digest": document_digest,
        },
        key=key,
        request_digest=digest,
        result={"letter_id": letter.pk},
    )
    return letter


@act("orgs.letter.revoke")
def revoke_letter(*, actor: Actor, letter_id: int, reason: str, now: dt.datetime) -> DelegationLetter:
    """Revoke a delegation letter at once. Raises NotFound, NotAllowed, AlreadyDecided, ReasonMissing."""
    letter = DelegationLetter.objects.select_for_update().filter(pk=letter_id).first()
    if letter is None or letter.organisation_id != actor.organisation_id:
        raise NotFound(what=Text("该授权委托书", "the delegation letter"))
    access.may_give_letters(actor).require()
    if letter.revoked_at is not None:
        raise AlreadyDecided(state=Text("已撤销", "revoked"))
    if not reason.strip():
        raise ReasonMissing
    letter.revoked_at = now
    letter.revoked_by_id = actor.user_id
    letter.revoke_reason = reason.strip()
    letter.save(update_fields=["revoked_at", "revoked_by", "revoke_reason"])
    record(
        actor=actor,
        act="orgs.letter.revoke",
        subject_type="delegation_letter",
        subject_id=letter.pk,
        at=now,
        reason=letter.revoke_reason,
        facts={"clerk_user": letter.clerk_id, "before": {"revoked": False}, "after": {"revoked": True}},
    )
    return letter


def own_waiting(approval: Approval) -> bool:
    """Whether the approval is one of this context's own and can be decided on the page of second signatures."""
    return approval.state == ApprovalState.WAITING and approval.act in EFFECTS
