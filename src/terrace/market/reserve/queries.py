"""Reads of the reserve: the public figures and the entries beneath them, and the desk's lists."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import BooleanField, F, QuerySet, Sum, Value

from terrace.kernel.base.quantity import Pollutant, Quantity
from terrace.kernel.base.texts import Text
from terrace.kernel.orgs.models import OrganisationKind
from terrace.market.reserve import rules
from terrace.market.reserve.models import Intake, PlannedLot, ReleasePlan
from terrace.market.rights.models import Parcel
from terrace.market.rights.rules import CITY, Basin


def region_label(region: str) -> Text:
    """`tuhai` as its basin, the city's code as the whole city."""
    if region == CITY:
        return Text("全市(大气)", "Whole city (air)")
    return Basin(region).label


@dataclass(frozen=True, slots=True)
class Figure:
    """The reserve of one pollutant in one region: taken in, released, frozen for sale, available."""

    pollutant: Pollutant
    region: str
    taken_in: Quantity
    released: Quantity
    frozen: Quantity
    available: Quantity

    @property
    def region_label(self) -> Text:
        return region_label(self.region)


def figures() -> list[Figure]:
    """The public figures of the reserve, one line per pollutant and region. One query.

    Every parcel of a reserve body came in once; what children took of it went out.
    """
    rows = (
        Parcel.objects.filter(holder__kind=OrganisationKind.RESERVE_BODY)
        .values("right__pollutant", "right__region")
        .annotate(came=Sum("quantity_g"), went=Sum("taken_g"), kept=Sum("frozen_g"))
        .order_by("right__pollutant", "right__region")
    )
    found = []
    for row in rows:
        pollutant = Pollutant(row["right__pollutant"])
        found.append(
            Figure(
                pollutant,
                row["right__region"],
                Quantity(pollutant, row["came"]),
                Quantity(pollutant, row["went"]),
                Quantity(pollutant, row["kept"]),
                Quantity(pollutant, row["came"] - row["went"] - row["kept"]),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry beneath a figure: into the reserve or out of it."""

    at: dt.datetime
    incoming: bool
    quantity: Quantity
    parcel: Parcel
    paper: str
    what: Text


class Movements:
    """Everything that makes one figure, newest first; a slice reads only what it shows.

    Parcels of the reserve came in, children of them went out: two sets that are never the same row twice in
    one direction. Counting is two queries, a slice is three.
    """

    def __init__(self, pollutant: Pollutant, region: str) -> None:
        self.pollutant = pollutant
        of_figure = Parcel.objects.filter(right__pollutant=pollutant.value, right__region=region)
        self._came = of_figure.filter(holder__kind=OrganisationKind.RESERVE_BODY)
        self._went = of_figure.filter(parent__holder__kind=OrganisationKind.RESERVE_BODY)

    def count(self) -> int:
        return self._came.count() + self._went.count()

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, part: slice) -> list[Movement]:
        start, stop = part.start or 0, part.stop
        sides = [
            side.annotate(incoming=Value(incoming, output_field=BooleanField())).values_list(
                "made_at", "id", "incoming"
            )
            for side, incoming in ((self._came, True), (self._went, False))
        ]
        order = sides[0].union(sides[1], all=True).order_by("-made_at", "-id", "incoming")
        found = list(order[start:stop])
        parcels = Parcel.objects.select_related("right", "holder", "intake").in_bulk(
            [pk for _, pk, _ in found]
        )
        return [self._movement(parcels[pk], incoming) for _, pk, incoming in found]

    def _movement(self, parcel: Parcel, incoming: bool) -> Movement:
        return Movement(
            parcel.made_at,
            incoming,
            Quantity(self.pollutant, parcel.quantity_g),
            parcel,
            parcel.source,
            _intake_label(parcel) if incoming else Text("出让", "Released"),
        )


def movements(pollutant: Pollutant, region: str) -> Movements:
    """The entries beneath the figure of a pollutant and region."""
    return Movements(pollutant, region)


def _intake_label(parcel: Parcel) -> Text:
    intake: Intake | None = getattr(parcel, "intake", None)
    return rules.IntakeKind(intake.kind).label if intake is not None else Text("入库", "Taken in")


def list_intakes(state: str = "") -> QuerySet[Intake]:
    found = Intake.objects.select_related("area", "body").order_by("-pk")
    return found.filter(state=state) if state else found


def list_plans() -> QuerySet[ReleasePlan]:
    return ReleasePlan.objects.select_related("body").prefetch_related("lots").order_by("-pk")


def lots_of(plan_id: int) -> QuerySet[PlannedLot]:
    return PlannedLot.objects.filter(plan_id=plan_id).select_related("parcel__right__area")


def free_parcels(body_id: int) -> QuerySet[Parcel]:
    """Parcels of a reserve body that still hold something, newest first."""
    return (
        Parcel.objects.filter(holder_id=body_id, taken_g__lt=F("quantity_g"))
        .select_related("right__area")
        .order_by("-pk")
    )


def parcels_of_reserve() -> QuerySet[Parcel]:
    return (
        Parcel.objects.filter(holder__kind=OrganisationKind.RESERVE_BODY, taken_g__lt=F("quantity_g"))
        .select_related("right__area", "holder")
        .order_by("-pk")
    )
