"""Reading the inbox, and finding whom a message goes to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db.models import Q, QuerySet

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.clock import local
from terrace.kernel.notify.models import Message
from terrace.kernel.orgs.models import Membership, User


def inbox_of(actor: Actor) -> QuerySet[Message]:
    """The actor's messages, newest first."""
    if actor.user_id is None:
        return Message.objects.none()
    return Message.objects.filter(user_id=actor.user_id).order_by("-id")


def count_unread(actor: Actor) -> int:
    """How many messages the actor has not read: for the number at the bell."""
    if actor.user_id is None:
        return 0
    return Message.objects.filter(user_id=actor.user_id, read_at=None).count()


def recipients(
    *, organisation_ids: Collection[int], roles: Collection[str], user_ids: Collection[int], now: dt.datetime
) -> list[User]:
    """The active people meant: members of the organisations (with one of the roles, if any), plus the named users.

    Roles without organisations mean everybody with one of them.
    """
    today = local(now).date()
    wanted = Q(pk__in=list(user_ids))
    if organisation_ids or roles:
        members = Membership.objects.filter(since__lte=today).filter(Q(until=None) | Q(until__gte=today))
        if organisation_ids:
            members = members.filter(organisation_id__in=list(organisation_ids))
        if roles:
            members = members.filter(role__in=[str(role) for role in roles])
        wanted |= Q(pk__in=members.values("user_id"))
    return list(User.objects.filter(wanted, is_active=True).order_by("pk"))
