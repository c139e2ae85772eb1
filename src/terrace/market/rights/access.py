"""Who may see and do what with units, verifications, parcels and needs."""

from __future__ import annotations

from django.db.models import QuerySet

from terrace.kernel.base.actor import Actor, Verdict
from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document
from terrace.kernel.orgs.roles import Role
from terrace.market.rights import rules
from terrace.market.rights.models import (
    Area,
    ConductRecord,
    DischargeUnit,
    NeedConfirmation,
    Parcel,
    ParcelHold,
    Project,
    Verification,
)

FIRM = (Role.FIRM_CLERK, Role.FIRM_APPROVER)
BUREAU = (Role.BUREAU, Role.BUREAU_CHECKER)
RESERVE = (Role.RESERVE_MAKER, Role.RESERVE_CHECKER)
EXCHANGE = (Role.EXCHANGE_MAKER, Role.EXCHANGE_CHECKER)
READ_ALL = (Role.AUDITOR, Role.MONITOR)
YES = Verdict(True)


def role_verdict(actor: Actor, *roles: Role) -> Verdict:
    """Yes when the actor holds one of `roles`; else no, naming them."""
    if actor.has_role(*roles):
        return YES
    if actor.user_id is None and not actor.is_system:
        return Verdict(False, Text("请先登录。", "sign in first."))
    return Verdict(
        False,
        Text(
            f"应由{'、'.join(r.label.zh for r in roles)}办理。",
            f"to be done by: {', '.join(r.label.en for r in roles)}.",
        ),
    )


def own_firm(actor: Actor, organisation_id: int) -> bool:
    return actor.has_role(*FIRM) and actor.organisation_id == organisation_id


def may_list_cases(actor: Actor) -> Verdict:
    """Lists of verifications and needs: whoever may see some of them; the query shows only those."""
    return role_verdict(actor, *FIRM, Role.BRANCH, *BUREAU, *READ_ALL, *RESERVE, *EXCHANGE, Role.PERMIT)


def may_see_firm(actor: Actor, organisation_id: int, area: Area) -> Verdict:
    """A firm's papers: the firm, the branch of the area, the bureau, the market's bodies, the auditor."""
    if own_firm(actor, organisation_id) or actor.has_role(
        *BUREAU,
        *READ_ALL,
        *EXCHANGE,
        *RESERVE,
        Role.PERMIT,
    ):
        return YES
    if actor.has_role(Role.BRANCH) and actor.area == area.code:
        return YES
    return Verdict(False, Text("不是本单位或本辖区的事项。", "not of your organisation or area."))


def may_act_for_firm(actor: Actor, organisation_id: int | None) -> Verdict:
    """A clerk may fill in papers of her own firm only."""
    if not actor.has_role(Role.FIRM_CLERK):
        return role_verdict(actor, Role.FIRM_CLERK)
    if organisation_id is None or actor.organisation_id != organisation_id:
        return Verdict(False, Text("只能办理本单位的事项。", "only for your own organisation."))
    return YES


def may_review(actor: Actor, unit: DischargeUnit) -> Verdict:
    """The branch of the unit's area (R5)."""
    if not actor.has_role(Role.BRANCH):
        return role_verdict(actor, Role.BRANCH)
    if actor.area != unit.area.code:
        return Verdict(
            False,
            Text(f"由{unit.area.name}分局办理。", f"to be done by the branch of {unit.area.name_en}."),
        )
    return YES


def may_decide_verification(actor: Actor) -> Verdict:
    return role_verdict(actor, *BUREAU)


def may_load_areas(actor: Actor) -> Verdict:
    return YES if actor.is_system else role_verdict(actor, Role.ADMIN)


def may_record_quality(actor: Actor) -> Verdict:
    return YES if actor.is_system else role_verdict(actor, *BUREAU)


def may_enter_conduct(actor: Actor) -> Verdict:
    """Whether the actor may enter records at all; for which firms says `may_record_conduct`."""
    return role_verdict(actor, *BUREAU, Role.BRANCH)


def may_record_conduct(actor: Actor, organisation_id: int) -> Verdict:
    """The bureau for every firm; a branch for firms that have a site in its area."""
    verdict = may_enter_conduct(actor)
    if not verdict or actor.has_role(*BUREAU):
        return verdict
    if DischargeUnit.objects.filter(organisation_id=organisation_id, area__code=actor.area).exists():
        return YES
    return Verdict(
        False, Text("该单位在本辖区没有排污场所。", "this firm has no site in the area of your branch.")
    )


def may_list_bars(actor: Actor) -> Verdict:
    """Conduct records and court orders: bodies that decide by them, the auditor; a firm sees its own."""
    return role_verdict(actor, *FIRM, Role.BRANCH, *BUREAU, *READ_ALL, *EXCHANGE, *RESERVE)


def conduct_for(actor: Actor) -> QuerySet[ConductRecord]:
    """The records an actor may see, newest first: a firm its own, a branch those of its area, others all."""
    found = ConductRecord.objects.select_related("organisation").order_by("-pk")
    if actor.has_role(*BUREAU, *READ_ALL, *EXCHANGE):
        return found
    if actor.has_role(Role.BRANCH):
        in_area = DischargeUnit.objects.filter(area__code=actor.area).values("organisation_id")
        return found.filter(organisation_id__in=in_area)
    return found.filter(organisation_id=actor.organisation_id or 0)


def get_conduct_for(actor: Actor, conduct_id: int) -> ConductRecord:
    """Raises NotAllowed, NotFound: that another firm has a record is not told."""
    may_list_bars(actor).require()
    found = conduct_for(actor).filter(pk=conduct_id).first()
    if found is None:
        raise NotFound(what=Text("该记录", "the record"))
    return found


def court_orders_for(actor: Actor) -> QuerySet[ParcelHold]:
    """The court's freezes an actor may see, newest first: a firm those on its own rights, staff all."""
    found = (
        ParcelHold.objects.filter(kind=rules.HoldKind.COURT.value)
        .select_related("parcel__right__area", "parcel__holder")
        .order_by("-pk")
    )
    if actor.has_role(*BUREAU, *READ_ALL, *EXCHANGE, Role.BRANCH):
        return found
    return found.filter(parcel__holder_id=actor.organisation_id or 0)


def get_court_order_for(actor: Actor, hold_id: int) -> ParcelHold:
    """Raises NotAllowed, NotFound."""
    may_list_bars(actor).require()
    found = court_orders_for(actor).filter(pk=hold_id).first()
    if found is None:
        raise NotFound(what=Text("该司法冻结", "the court's freeze"))
    return found


def may_read_court_paper(actor: Actor, document: Document) -> Verdict:
    """Papers of a court: the bureau that carries them out and the monitor; the auditor reads everything anyway."""
    del document
    return role_verdict(actor, *BUREAU, *READ_ALL)


def may_freeze_by_court(actor: Actor) -> Verdict:
    return role_verdict(actor, *BUREAU)


def may_see_parcel(actor: Actor, parcel: Parcel) -> Verdict:
    """The chain of a right is public once a right is issued (design: a citizen can read it)."""
    del actor, parcel
    return YES


def may_read_paper(actor: Actor, document: Document) -> Verdict:
    """Papers of a verification: whoever may see the verification."""
    found = Verification.objects.select_related("unit__area").filter(pk=document.subject_id).first()
    if found is None:
        return Verdict(False, Text("没有对应的核定申请。", "there is no such verification."))
    return may_see_firm(actor, found.unit.organisation_id, found.unit.area)


def get_unit_for(actor: Actor, unit_id: int) -> DischargeUnit:
    """Raises NotFound, NotAllowed."""
    unit = DischargeUnit.objects.select_related("organisation", "area").filter(pk=unit_id).first()
    if unit is None or not may_see_firm(actor, unit.organisation_id, unit.area):
        raise NotFound(what=Text("该排污单位", "the unit"))
    return unit


def get_verification_for(actor: Actor, verification_id: int) -> Verification:
    """Raises NotFound when it does not exist or is not the actor's business: existence is not told."""
    found = (
        Verification.objects.select_related("unit__organisation", "unit__area")
        .filter(pk=verification_id)
        .first()
    )
    if found is None or not may_see_firm(actor, found.unit.organisation_id, found.unit.area):
        raise NotFound(what=Text("该核定申请", "the verification"))
    return found


def get_project_for(actor: Actor, project_id: int) -> Project:
    """Raises NotFound."""
    found = Project.objects.select_related("unit__organisation", "unit__area").filter(pk=project_id).first()
    if found is None or not may_see_firm(actor, found.unit.organisation_id, found.unit.area):
        raise NotFound(what=Text("该项目", "the project"))
    return found


def get_need_for(actor: Actor, need_id: int) -> NeedConfirmation:
    """Raises NotFound."""
    found = (
        NeedConfirmation.objects.select_related("project__unit__organisation", "project__unit__area")
        .filter(pk=need_id)
        .first()
    )
    if found is None or not may_see_firm(actor, found.project.unit.organisation_id, found.project.unit.area):
        raise NotFound(what=Text("该需求确认", "the need confirmation"))
    return found


def get_parcel_for(actor: Actor, parcel_id: int) -> Parcel:
    """Raises NotFound."""
    found = (
        Parcel.objects.select_related("right__area", "right__verification", "holder", "unit", "parent")
        .filter(pk=parcel_id)
        .first()
    )
    if found is None or not may_see_parcel(actor, found):
        raise NotFound(what=Text("该份额", "the parcel"))
    return found
