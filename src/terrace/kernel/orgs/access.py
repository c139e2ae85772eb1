"""Who is acting, and who may do what with organisations, people and second signatures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection

from terrace.kernel.base.actor import ANONYMOUS, Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs import rules
from terrace.kernel.orgs.models import Approval, Membership, Organisation, User
from terrace.kernel.orgs.roles import Role

__all__ = ["Place", "Standing", "Verdict", "actor_of", "standing_from", "standing_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation that a user can act for, with the roles held there today."""

    organisation_id: int
    name: str
    name_en: str
    kind: str
    area: str
    state: str
    state_reason: str
    membership_id: int | None
    roles: frozenset[str]
    scope: frozenset[str] | None

    @property
    def is_active(self) -> bool:
        return self.state == "ACTIVE"

    def label(self) -> Text:
        return Text(self.name, self.name_en or self.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the platform knows about a signed-in user at the moment of a request."""

    person_name: str = ""
    has_second_factor: bool = False
    places: tuple[Place, ...] = field(default_factory=tuple)

    def place(self, organisation_id: int | None) -> Place | None:
        """The active organisation asked for, else the first active one, else None."""
        active = [p for p in self.places if p.is_active]
        for p in active:
            if p.organisation_id == organisation_id:
                return p
        return active[0] if active else None

    @property
    def blocked(self) -> tuple[Place, ...]:
        """Organisations that cannot act now (suspended, frozen, closed, waiting): the page says why."""
        return tuple(p for p in self.places if not p.is_active)


def standing_of(user: User | AnonymousUser) -> Standing:
    """Read a user's standing today. One query."""
    if user.pk is None or not user.is_active:
        return Standing()
    with connection.cursor() as cursor:
        cursor.execute("SELECT orgs_standing(%s)", [user.pk])
        row = cursor.fetchone()
    return standing_from(json.loads(row[0])) if row is not None and row[0] is not None else Standing()


def standing_from(read: dict[str, Any]) -> Standing:
    """The standing that the database function orgs_standing (migration 0003) told."""
    found: dict[int, list[list[Any]]] = {}
    for row in read["roles"]:
        found.setdefault(row[0], []).append(row)
    return Standing(
        person_name=read["name"],
        has_second_factor=read["second_factor"],
        places=tuple(_place(same) for same in found.values()),
    )


def _place(rows: list[list[Any]]) -> Place:
    organisation_id, name, name_en, kind, area, state, state_reason = rows[0][:7]
    memberships = [row[7] for row in rows if row[7] is not None]
    # A member of the house has its whole role; only somebody who is there by letter alone is limited by it.
    scope = None if memberships else frozenset(s for row in rows for s in row[9])
    return Place(
        organisation_id=organisation_id,
        name=name,
        name_en=name_en,
        kind=kind,
        area=area,
        state=state,
        state_reason=state_reason,
        membership_id=memberships[0] if memberships else None,
        roles=frozenset(row[8] for row in rows),
        scope=scope,
    )


def actor_from(user: User, standing: Standing, organisation_id: int | None = None) -> Actor:
    """The actor that `user` is in the organisation asked for, by a standing that was read already."""
    place = standing.place(organisation_id)
    name = standing.person_name or user.get_full_name() or user.username
    if place is None:
        return Actor(
            user_id=user.pk, person_id=user.person_id, organisation_id=None, membership_id=None, name=name
        )
    return Actor(
        user_id=user.pk,
        person_id=user.person_id,
        organisation_id=place.organisation_id,
        membership_id=place.membership_id,
        roles=place.roles,
        area=place.area,
        name=name,
        scope=place.scope,
    )


def actor_of(user: User | AnonymousUser, organisation_id: int | None = None) -> Actor:
    """Who `user` is today, acting for `organisation_id` (else for the first active organisation). One query.

    Roles come from memberships and delegation letters valid today in Shanghai, in an ACTIVE organisation.
    """
    if not isinstance(user, User) or not user.is_active:
        return ANONYMOUS
    return actor_from(user, standing_of(user), organisation_id)


def needs_second_factor(roles: Iterable[str]) -> bool:
    """Whether a sign-in with these roles must have TOTP or a passkey (outside demo mode)."""
    return not rules.SECOND_FACTOR_ROLES.isdisjoint(roles)


YES = Verdict(True)


def _roles_text(roles: Iterable[Role]) -> Text:
    names = sorted(roles)
    return Text("、".join(r.label.zh for r in names), ", ".join(r.label.en for r in names))


def require_role(actor: Actor, *roles: Role) -> Verdict:
    """Yes when the actor holds one of `roles`; else no, naming them. For every context's access module."""
    if actor.has_role(*roles):
        return YES
    if actor.user_id is None and not actor.is_system:
        return Verdict(False, Text("请先登录。", "sign in first."))
    wanted = _roles_text(roles)
    return Verdict(
        False, Text(f"需要以下角色之一：{wanted.zh}。", f"one of these roles is needed: {wanted.en}.")
    )


def may_decide_applications(actor: Actor) -> Verdict:
    return require_role(actor, Role.EXCHANGE_CHECKER)


def may_list_organisations(actor: Actor) -> Verdict:
    return require_role(
        actor,
        Role.EXCHANGE_MAKER,
        Role.EXCHANGE_CHECKER,
        Role.BUREAU,
        Role.BUREAU_CHECKER,
        Role.AUDITOR,
        Role.MONITOR,
        Role.ADMIN,
        Role.ADMIN_CHECKER,
    )


def may_change_state(actor: Actor, organisation: Organisation, step: str) -> Verdict:
    """Suspend, resume, freeze, unfreeze, close: an enterprise's account only, by the roles of the step."""
    if organisation.kind != "ENTERPRISE":
        return Verdict(False, Text("仅适用于企业账户。", "only enterprise accounts have these steps."))
    return require_role(actor, *rules.STATE_STEPS[step].roles)


def may_see_organisation(actor: Actor, organisation: Organisation) -> Verdict:
    if actor.organisation_id == organisation.pk:
        return YES
    return may_list_organisations(actor)


def get_organisation_for(actor: Actor, organisation_id: int) -> Organisation:
    """The organisation; raises NotFound, NotAllowed."""
    organisation = Organisation.objects.filter(pk=organisation_id).first()
    if organisation is None:
        raise NotFound(what=Text("该单位", "the organisation"))
    may_see_organisation(actor, organisation).require()
    return organisation


def may_propose_roles(actor: Actor, organisation: Organisation) -> Verdict:
    """A firm manages its own people; staff bodies are managed by the platform's administrators."""
    if organisation.kind == "ENTERPRISE" and actor.organisation_id == organisation.pk:
        return require_role(actor, Role.FIRM_CLERK, Role.FIRM_APPROVER)
    return require_role(actor, Role.ADMIN)


def role_checkers(actor: Actor, organisation: Organisation) -> frozenset[Role]:
    """Who gives the second signature on a change of roles proposed by `actor`."""
    if organisation.kind == "ENTERPRISE" and actor.organisation_id == organisation.pk:
        return frozenset({Role.FIRM_APPROVER})
    return frozenset({Role.ADMIN_CHECKER})


def may_change_bank(actor: Actor, organisation: Organisation) -> Verdict:
    """A firm's own people propose another bank account of the firm."""
    if organisation.kind != "ENTERPRISE" or actor.organisation_id != organisation.pk:
        return Verdict(
            False,
            Text("只有本企业人员可以变更账户。", "only people of the firm may change its bank account."),
        )
    return require_role(actor, Role.FIRM_CLERK, Role.FIRM_APPROVER)


def get_membership_for(actor: Actor, membership_id: int) -> Membership:
    """A membership whose end the actor may propose; raises NotFound, NotAllowed."""
    membership = (
        Membership.objects.select_related("organisation", "user__person").filter(pk=membership_id).first()
    )
    if membership is None:
        raise NotFound(what=Text("该角色", "the role"))
    may_propose_roles(actor, membership.organisation).require()
    return membership


def may_give_letters(actor: Actor) -> Verdict:
    return require_role(actor, Role.FIRM_APPROVER)


def may_check(actor: Actor, approval: Approval) -> Verdict:
    """Whether the actor's roles fit the second signature. That it is another human is checked apart."""
    matching = {Role(r) for r in approval.checker_roles} & actor.roles
    if not matching:
        return require_role(actor, *(Role(r) for r in approval.checker_roles))
    # A firm's approver approves for that firm alone; bodies of the city check each other by duty.
    if matching <= rules.FIRM_ROLES and actor.organisation_id != approval.organisation_id:
        return Verdict(False, Text("该事项属于其他单位。", "this belongs to another organisation."))
    return YES


def may_see_approval(actor: Actor, approval: Approval) -> Verdict:
    """The maker's organisation, the possible checkers and the auditor see what was asked and decided."""
    if actor.organisation_id is not None and actor.organisation_id == approval.organisation_id:
        return YES
    if actor.has_role(Role.AUDITOR):
        return YES
    return may_check(actor, approval)


def get_approval_for(actor: Actor, approval_id: int) -> Approval:
    """The approval with maker and organisation; raises NotFound, NotAllowed."""
    approval = (
        Approval.objects.select_related("organisation", "maker_person", "checker_person")
        .filter(pk=approval_id)
        .first()
    )
    if approval is None:
        raise NotFound(what=Text("该复核事项", "the matter"))
    may_see_approval(actor, approval).require()
    return approval
