"""Who may see and do what in the reserve."""

from __future__ import annotations

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document
from terrace.kernel.orgs.roles import Role
from terrace.market.reserve.models import Intake, ReleasePlan
from terrace.market.rights.access import role_verdict

READERS = (
    Role.RESERVE_MAKER,
    Role.RESERVE_CHECKER,
    Role.BUREAU,
    Role.BUREAU_CHECKER,
    Role.EXCHANGE_MAKER,
    Role.EXCHANGE_CHECKER,
    Role.FINANCE,
    Role.AUDITOR,
    Role.MONITOR,
)


def may_prepare(actor: Actor) -> Verdict:
    """Register intakes and write plans."""
    return role_verdict(actor, Role.RESERVE_MAKER)


def may_check(actor: Actor) -> Verdict:
    """Approve or send back; that it is another person than the maker is checked with the approval."""
    return role_verdict(actor, Role.RESERVE_CHECKER)


def may_see_desk(actor: Actor) -> Verdict:
    return role_verdict(actor, *READERS)


def may_read_paper(actor: Actor, document: Document) -> Verdict:
    """Papers of an intake: whoever may see the reserve's desk."""
    del document
    return may_see_desk(actor)


def get_intake_for(actor: Actor, intake_id: int) -> Intake:
    """Raises NotFound."""
    found = (
        Intake.objects.select_related("body", "area", "parcel__right", "from_parcel__holder")
        .filter(pk=intake_id)
        .first()
    )
    if found is None or not may_see_desk(actor):
        raise NotFound(what=Text("该入库记录", "the intake"))
    return found


def get_plan_for(actor: Actor, plan_id: int) -> ReleasePlan:
    """Raises NotFound."""
    found = ReleasePlan.objects.select_related("body").filter(pk=plan_id).first()
    if found is None or not may_see_desk(actor):
        raise NotFound(what=Text("该出让计划", "the release plan"))
    return found
