"""Reading organisations, people and what waits for a second person."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q, QuerySet

from terrace.kernel.base.actor import Actor
from terrace.kernel.orgs import rules
from terrace.kernel.orgs.models import (
    AccountApplication,
    ApplicationState,
    Approval,
    ApprovalState,
    DelegationLetter,
    Membership,
    Organisation,
    OrganisationState,
)
from terrace.kernel.orgs.roles import Role

_APPROVAL_PARTS = ("organisation", "maker_person", "checker_person")


def pending_for(actor: Actor) -> QuerySet[Approval]:
    """What waits for this actor's second signature, oldest first: the roles fit, the maker is another human.

    A firm's roles check their own firm only; `access.may_check` says the same about one approval.
    """
    if actor.person_id is None:
        return Approval.objects.none()
    staff = sorted(actor.roles - rules.FIRM_ROLES)
    firm = sorted(actor.roles & rules.FIRM_ROLES)
    fits = Q(pk__in=())
    if staff:
        fits |= Q(checker_roles__overlap=staff)
    if firm:
        fits |= Q(checker_roles__overlap=firm, organisation_id=actor.organisation_id)
    return (
        Approval.objects.filter(fits, state=ApprovalState.WAITING)
        .exclude(maker_person_id=actor.person_id)
        .select_related(*_APPROVAL_PARTS)
        .order_by("asked_at", "id")
    )


def asked_by(actor: Actor) -> QuerySet[Approval]:
    """What this human has submitted and another has not decided yet."""
    if actor.person_id is None:
        return Approval.objects.none()
    return (
        Approval.objects.filter(maker_person_id=actor.person_id, state=ApprovalState.WAITING)
        .select_related(*_APPROVAL_PARTS)
        .order_by("asked_at", "id")
    )


def decided_with(actor: Actor) -> QuerySet[Approval]:
    """What this human asked or decided, newest first."""
    if actor.person_id is None:
        return Approval.objects.none()
    return (
        Approval.objects.filter(Q(maker_person_id=actor.person_id) | Q(checker_person_id=actor.person_id))
        .exclude(state=ApprovalState.WAITING)
        .select_related(*_APPROVAL_PARTS)
        .order_by("-id")
    )


def approval_of(act: str, subject_type: str, subject_id: object) -> Approval | None:
    """The newest request for a second signature on a subject, decided or not."""
    return (
        Approval.objects.filter(act=act, subject_type=subject_type, subject_id=str(subject_id))
        .select_related(*_APPROVAL_PARTS)
        .order_by("-id")
        .first()
    )


def list_organisations(*, state: str = "", kind: str = "", words: str = "") -> QuerySet[Organisation]:
    """Organisations by state, kind and words (name or the start of the credit code), newest first."""
    found = Organisation.objects.order_by("-id")
    if state in OrganisationState.values:
        found = found.filter(state=state)
    if kind:
        found = found.filter(kind=kind)
    if words:
        found = found.filter(
            Q(name__icontains=words) | Q(name_en__icontains=words) | Q(credit_code__istartswith=words)
        )
    return found


def waiting_applications() -> QuerySet[AccountApplication]:
    """Applications for accounts that wait for the exchange, oldest first."""
    return (
        AccountApplication.objects.filter(state=ApplicationState.WAITING)
        .select_related("organisation")
        .order_by("submitted_at", "id")
    )


def organisation_by_code(credit_code: str) -> Organisation | None:
    return Organisation.objects.filter(credit_code=credit_code).first()


def application_by_number(number: str) -> AccountApplication | None:
    return AccountApplication.objects.select_related("organisation").filter(number=number).first()


def members_of(organisation_id: int, *, on: dt.date) -> QuerySet[Membership]:
    """Who belongs to an organisation on a day or later, by role."""
    return (
        Membership.objects.filter(organisation_id=organisation_id)
        .exclude(until__lt=on)
        .select_related("user__person")
        .order_by("role", "since", "id")
    )


def letters_of(organisation_id: int) -> QuerySet[DelegationLetter]:
    """Every delegation letter of a firm, newest first."""
    return (
        DelegationLetter.objects.filter(organisation_id=organisation_id)
        .select_related("clerk__person", "given_by__person")
        .order_by("-id")
    )


def user_ids_with_role(organisation_id: int, *roles: Role, on: dt.date) -> list[int]:
    """Users who hold one of `roles` in an organisation on a day: whom to tell."""
    return list(
        members_of(organisation_id, on=on)
        .filter(role__in=roles, since__lte=on)
        .values_list("user_id", flat=True)
        .distinct()
    )


def organisation_names(ids: list[int]) -> dict[int, tuple[str, str]]:
    """Chinese and English names by id: for pages of contexts that keep only the id."""
    rows = Organisation.objects.filter(pk__in=ids).values_list("pk", "name", "name_en")
    return {pk: (name, name_en or name) for pk, name, name_en in rows}


def branch_areas() -> list[tuple[str, str, str]]:
    """The areas of the city as their county branches name them: (area, Chinese name, English name)."""
    rows = (
        Organisation.objects.filter(kind="BRANCH", state=OrganisationState.ACTIVE)
        .exclude(area="")
        .order_by("id")
        .values_list("area", "name", "name_en")
    )
    return [(area, name, name_en or name) for area, name, name_en in rows]


def demo_accounts() -> QuerySet[Membership]:
    """Every sign-in of the invented organisations with its role and organisation, in the order of set-up."""
    return (
        Membership.objects.filter(organisation__is_synthetic=True, until__isnull=True, user__is_active=True)
        .select_related("user__person", "organisation")
        .order_by("organisation_id", "id")
    )


def application_by_id(application_id: int) -> AccountApplication | None:
    return AccountApplication.objects.select_related("organisation").filter(pk=application_id).first()


def with_waiting_application(ids: list[int]) -> set[int]:
    """Which of these organisations have an application that waits."""
    return set(
        AccountApplication.objects.filter(
            organisation_id__in=ids, state=ApplicationState.WAITING
        ).values_list("organisation_id", flat=True)
    )
