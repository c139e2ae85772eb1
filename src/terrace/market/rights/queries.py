"""Reads of the registry of rights. Lists have a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.documents.models import Document
from terrace.kernel.orgs.roles import Role
from terrace.market.rights import rules
from terrace.market.rights.models import (
    Area,
    DischargeUnit,
    NeedConfirmation,
    Parcel,
    ParcelHold,
    PermitEntry,
    Project,
    Verification,
)

FIRM = (Role.FIRM_CLERK, Role.FIRM_APPROVER)


def hold_stands(ledger_hold_id: int) -> bool:
    """Whether a hold on a right is neither released nor delivered."""
    return ParcelHold.objects.filter(ledger_hold_id=ledger_hold_id, state="ACTIVE").exists()


def holds_let_go(parcel_id: int) -> list[int]:
    """The ledger numbers of what was held on a parcel for a listing and released, not delivered, the oldest first."""
    return list(
        ParcelHold.objects.filter(
            parcel_id=parcel_id, kind=rules.HoldKind.LISTING.value, state=rules.HoldState.RELEASED.value
        )
        .order_by("placed_at", "pk")
        .values_list("ledger_hold_id", flat=True)
    )


def court_holds(parcel_id: int) -> bool:
    """Whether a court freezes part of the parcel now."""
    return ParcelHold.objects.filter(
        parcel_id=parcel_id, kind=rules.HoldKind.COURT.value, state="ACTIVE"
    ).exists()


def list_areas() -> QuerySet[Area]:
    return Area.objects.all()


def list_units(organisation_id: int) -> QuerySet[DischargeUnit]:
    """Sites of a firm with their area."""
    return DischargeUnit.objects.filter(organisation_id=organisation_id).select_related("area").order_by("pk")


def list_parcels(organisation_id: int) -> QuerySet[Parcel]:
    """What an organisation holds now, newest first."""
    return (
        Parcel.objects.filter(holder_id=organisation_id, taken_g__lt=F("quantity_g"))
        .select_related("right__area", "unit", "holder")
        .order_by("-pk")
    )


def list_verifications(actor: Actor, state: str = "") -> QuerySet[Verification]:
    """Verifications the actor may see: own firm's, own area's, or all for the city's bodies. Newest first."""
    found = Verification.objects.select_related("unit__organisation", "unit__area").order_by("-pk")
    if state:
        found = found.filter(state=state)
    return found.filter(_visible(actor, "unit__"))


def list_projects(organisation_id: int) -> QuerySet[Project]:
    return (
        Project.objects.filter(unit__organisation_id=organisation_id)
        .select_related("unit__area")
        .prefetch_related("needs__lines")
        .order_by("-pk")
    )


def list_needs(actor: Actor, state: str = "") -> QuerySet[NeedConfirmation]:
    """Needs the actor may see, newest first, with their lines."""
    found = (
        NeedConfirmation.objects.select_related("project__unit__organisation", "project__unit__area")
        .prefetch_related("lines")
        .order_by("-pk")
    )
    if state:
        found = found.filter(state=state)
    return found.filter(_visible(actor, "project__unit__"))


def confirmed_needs(organisation_id: int, pollutant: str) -> QuerySet[NeedConfirmation]:
    """Confirmed needs of a firm for one pollutant that are not fully bought yet."""
    return (
        NeedConfirmation.objects.filter(
            project__unit__organisation_id=organisation_id,
            state=rules.NeedState.CONFIRMED.value,
            lines__pollutant=pollutant,
            lines__bought_g__lt=F("lines__required_g"),
        )
        .select_related("project__unit__area")
        .order_by("pk")
    )


def _visible(actor: Actor, prefix: str) -> Q:
    if actor.has_role(
        Role.BUREAU,
        Role.BUREAU_CHECKER,
        Role.AUDITOR,
        Role.MONITOR,
        Role.EXCHANGE_MAKER,
        Role.EXCHANGE_CHECKER,
        Role.RESERVE_MAKER,
        Role.RESERVE_CHECKER,
        Role.PERMIT,
    ):
        return Q()
    if actor.has_role(Role.BRANCH):
        return Q(**{f"{prefix}area__code": actor.area})
    if actor.has_role(*FIRM) and actor.organisation_id is not None:
        return Q(**{f"{prefix}organisation_id": actor.organisation_id})
    return Q(pk__in=[])


def papers_of(subject_type: str, subject_id: object) -> dict[str, Document]:
    """The newest version of each paper of a subject, by kind. One query."""
    documents = Document.objects.filter(subject_type=subject_type, subject_id=str(subject_id)).order_by("pk")
    return {document.kind: document for document in documents}


def paper_rows(subject_type: str, subject_id: object, words: type[rules.Worded]) -> list[dict[str, Any]]:
    """The papers of a subject as the page's list of documents shows them. One query."""
    return [
        {
            "url": document.url,
            "filename": document.filename,
            "size": document.size_bytes,
            "digest": document.digest,
            "at": document.uploaded_at,
            "kind_label": words(document.kind).label,
        }
        for document in papers_of(subject_type, subject_id).values()
    ]


def list_permit_entries(unit_id: int) -> QuerySet[PermitEntry]:
    return PermitEntry.objects.filter(unit_id=unit_id).order_by("-pk")


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the life of a right, as a citizen reads it."""

    parcel: Parcel
    depth: int
    on_path: bool
    holds: tuple[ParcelHold, ...]
    permits: tuple[PermitEntry, ...]

    @property
    def move(self) -> Text:
        return rules.MoveKind(self.parcel.move_kind).label

    @property
    def left(self) -> Quantity:
        return self.parcel.held


def lineage(parcel: Parcel) -> list[Link]:
    """The whole tree of the parcel's right, root first, children under their parent in order. Three queries.

    `on_path` marks the parcels from the issue to the parcel asked for.
    """
    parcels = list(
        Parcel.objects.filter(right_id=parcel.right_id)
        .select_related("right__area", "holder", "unit")
        .order_by("pk")
    )
    holds: dict[int, list[ParcelHold]] = {}
    for hold in ParcelHold.objects.filter(parcel__right_id=parcel.right_id).order_by("pk"):
        holds.setdefault(hold.parcel_id, []).append(hold)
    permits: dict[int, list[PermitEntry]] = {}
    for line in (
        PermitEntry.objects.filter(parcel__right_id=parcel.right_id).select_related("unit").order_by("pk")
    ):
        if line.parcel_id is not None:
            permits.setdefault(line.parcel_id, []).append(line)
    by_id = {p.pk: p for p in parcels}
    path: set[int] = set()
    step: int | None = parcel.pk
    while step is not None:
        path.add(step)
        step = by_id[step].parent_id
    children: dict[int | None, list[Parcel]] = {}
    for p in parcels:
        children.setdefault(p.parent_id, []).append(p)
    links: list[Link] = []
    waiting = [(p, 0) for p in reversed(children.get(None, []))]
    while waiting:
        p, depth = waiting.pop()
        links.append(Link(p, depth, p.pk in path, tuple(holds.get(p.pk, ())), tuple(permits.get(p.pk, ()))))
        waiting += [(child, depth + 1) for child in reversed(children.get(p.pk, []))]
    return links


@dataclass(frozen=True, slots=True)
class HoldingSum:
    """What an organisation holds of one pollutant in one region and term, over its parcels."""

    pollutant: Pollutant
    region: str
    term_start: dt.date
    term_end: dt.date
    parcels: int
    held: Quantity
    frozen: Quantity


def holdings(organisation_id: int) -> list[HoldingSum]:
    """The register's side of an organisation's ledger accounts: one line per pollutant, region and term."""
    rows = (
        Parcel.objects.filter(holder_id=organisation_id, taken_g__lt=F("quantity_g"))
        .values("right__pollutant", "right__region", "right__term_start", "right__term_end")
        .annotate(n=Count("pk"), held_sum=Sum(F("quantity_g") - F("taken_g")), frozen_sum=Sum("frozen_g"))
        .order_by("right__pollutant", "right__region", "right__term_start")
    )
    sums = []
    for row in rows:
        pollutant = Pollutant(row["right__pollutant"])
        sums.append(
            HoldingSum(
                pollutant,
                row["right__region"],
                row["right__term_start"],
                row["right__term_end"],
                row["n"],
                Quantity(pollutant, row["held_sum"]),
                Quantity(pollutant, row["frozen_sum"]),
            )
        )
    return sums
