"""Reads of offers and sign-ups. Lists have a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from terrace.kernel.base.actor import Actor
from terrace.kernel.base.quantity import Money, Pollutant, Price, Quantity
from terrace.kernel.documents.models import Document
from terrace.market.listings import rules
from terrace.market.listings.models import Listing, SignUp
from terrace.market.reserve.models import PlannedLot
from terrace.market.rights.queries import papers_of as subject_papers
from terrace.market.rights.rules import ratio_text
from terrace.market.rulebooks.models import EligibilityDecision

LIVE = ("ANNOUNCED", "BIDDING", "AGREEMENT", "SUSPENDED")
ENDED = ("SOLD", "FAILED", "TERMINATED")


def public_listings(
    *, pollutant: str = "", area: str = "", basin: str = "", state: str = ""
) -> QuerySet[Listing]:
    """The newest announced offer of every lot, those that end first on top. One query.

    `state`: "" for those on sale now, "ended", "all", or a state's code.
    """
    # "no later round" is one anti-join; "is the newest" would be asked again for every row
    later = Listing.objects.filter(
        lot=OuterRef("lot"), announced_at__isnull=False, round__gt=OuterRef("round")
    )
    found = Listing.objects.filter(~Exists(later), announced_at__isnull=False).select_related(
        "lot__parcel__right__area", "lot__seller"
    )
    if pollutant:
        found = found.filter(lot__pollutant=pollutant)
    if area:
        found = found.filter(lot__parcel__right__area__code=area)
    if basin:
        found = found.filter(lot__parcel__right__basin=basin)
    if state == "":
        return found.filter(state__in=LIVE).order_by("signup_until", "pk")
    if state == "ended":
        found = found.filter(state__in=ENDED)
    elif state != "all":
        found = found.filter(state=state)
    return found.order_by("-announced_at", "-pk")


def earlier_rounds(listing: Listing) -> QuerySet[Listing]:
    return Listing.objects.filter(
        lot_id=listing.lot_id, round__lt=listing.round, announced_at__isnull=False
    ).order_by("-round")


def exchange_listings() -> QuerySet[Listing]:
    """Every offer with the numbers of its sign-ups, newest first: the calendar of the trading institution.

    The numbers are counted for the rows of the page only, not for every offer before the page is cut.
    """
    return (
        Listing.objects.select_related("lot__parcel__right__area", "lot__seller")
        .annotate(
            applied=_signups(submitted_at__isnull=False),
            waiting=_signups(state="SUBMITTED"),
            admitted=_signups(state="ADMITTED"),
        )
        .order_by("-pk")
    )


def _signups(**conditions: Any) -> Coalesce:
    """How many sign-ups of an offer fulfil the conditions."""
    counted = (
        SignUp.objects.filter(listing=OuterRef("pk"), **conditions)
        .order_by()
        .values("listing")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return Coalesce(Subquery(counted), 0)


def listable_lots() -> QuerySet[PlannedLot]:
    """Approved planned lots that no live offer carries."""
    return (
        PlannedLot.objects.filter(state="LISTABLE", mode="ASCENDING")
        .exclude(lot__listings__state__in=["DRAFT", "ACCEPTED"])
        .select_related("plan", "parcel__right__area")
        .order_by("plan_id", "position")
    )


def qualification_queue() -> QuerySet[SignUp]:
    """Submitted applications that wait for a decision, the earliest deadline first."""
    return (
        SignUp.objects.filter(state="SUBMITTED")
        .select_related("listing__lot", "organisation", "need__project")
        .order_by("listing__qualification_until", "submitted_at")
    )


def deposits_outstanding() -> QuerySet[SignUp]:
    """Qualified firms whose deposit has not arrived."""
    return (
        SignUp.objects.filter(state="QUALIFIED")
        .select_related("listing__lot", "organisation")
        .order_by("listing__deposit_until", "pk")
    )


def signups_of_listing(listing_id: int) -> QuerySet[SignUp]:
    return (
        SignUp.objects.filter(listing_id=listing_id, submitted_at__isnull=False)
        .select_related("organisation", "listing__lot")
        .order_by("pk")
    )


def my_signups(organisation_id: int) -> QuerySet[SignUp]:
    """A firm's applications, newest first."""
    return (
        SignUp.objects.filter(organisation_id=organisation_id)
        .select_related("listing__lot__parcel__right__area", "need")
        .order_by("-pk")
    )


def my_signup_for(actor: Actor, listing: Listing) -> SignUp | None:
    """The application of the actor's firm for an offer, if there is one under way."""
    if actor.organisation_id is None:
        return None
    return (
        SignUp.objects.filter(listing=listing, organisation_id=actor.organisation_id)
        .exclude(state__in=["WITHDRAWN", "LAPSED"])
        .first()
    )


def participants(listing_id: int) -> QuerySet[SignUp]:
    """The admitted bidders of an offer, in the order of their masks. For auctions and, masked, for the public."""
    return (
        SignUp.objects.filter(listing_id=listing_id, state=rules.SignUpState.ADMITTED.value)
        .select_related("organisation", "need")
        .order_by("mask")
    )


def papers_of(signup: SignUp) -> dict[str, Document]:
    """The newest version of each paper of a sign-up, by kind."""
    return subject_papers("signup", signup.pk)


def tasks_of(signup: SignUp) -> list[rules.Task]:
    """The task list of an application."""
    need_left: int | None = None
    if signup.need is not None:
        line = signup.need.lines.filter(pollutant=signup.listing.lot.pollutant).first()
        need_left = line.left_g if line is not None else 0
    return rules.tasks_of(
        need_confirmed=signup.need is not None,
        quantity_g=signup.quantity_g,
        lot_quantity_g=signup.listing.lot.quantity_g,
        need_left_g=need_left,
        papers=papers_of(signup),
        eligible=signup.eligible,
    )


def receipt_facts(signup: SignUp) -> dict[str, Any]:
    """What the receipt's digest covers: who applied for what, with which papers, when."""
    quantity = Quantity(Pollutant(signup.listing.lot.pollutant), signup.quantity_g or 0)
    return {
        "receipt_no": signup.receipt_no,
        "listing": signup.listing.number,
        "lot": signup.listing.lot.number,
        "organisation": signup.organisation.credit_code,
        "pollutant": quantity.pollutant.value,
        "quantity_g": quantity.grams_per_year,
        "need": signup.need.number if signup.need is not None else "",
        "papers": {kind: document.digest for kind, document in sorted(papers_of(signup).items())},
        "submitted_at": signup.submitted_at.astimezone(dt.UTC).isoformat() if signup.submitted_at else "",
    }


def decision_of(signup: SignUp) -> EligibilityDecision | None:
    """The eligibility decision that counts: that of the submission, else that of the draft."""
    wanted = signup.decision_id or signup.draft_decision_id
    return EligibilityDecision.objects.filter(pk=wanted).first() if wanted is not None else None


def lot_document(listing: Listing) -> dict[str, Any]:
    """One lot with its newest offer as data: the same for `.json`, `.csv` and the API. No query of its own
    when lot, seller, parcel, right and area are selected with the listing."""
    lot = listing.lot
    quantity = lot.quantity
    label = listing.state_label
    return {
        "id": lot.pk,
        "number": lot.number,
        "notice_number": listing.number,
        "round": listing.round,
        "project_name": listing.project_name,
        "seller": lot.seller.name,
        "region": listing.region_text,
        "area": lot.parcel.right.area.code,
        "basin": lot.parcel.right.basin,
        "source": listing.source_text,
        "pollutant": lot.pollutant,
        "quantity_g": lot.quantity_g,
        "quantity_t": quantity.tonnes_text().replace(",", ""),
        "years": listing.years,
        "replacement_ratio": ratio_text(listing.ratio_hundredths),
        "start_price": _price_document(listing.start),
        "increment": _price_document(listing.increment),
        "start_amount_yuan": f"{listing.start.amount(quantity).yuan:.2f}",
        "deposit_yuan": f"{listing.deposit.yuan:.2f}",
        "calendar": {name: at.isoformat() for name, at in listing.calendar.items()},
        "wait_seconds": listing.wait_seconds,
        "window_seconds": listing.window_seconds,
        "allocation": listing.allocation_text,
        "buyer_conditions": listing.buyer_conditions,
        "payment": listing.payment_text,
        "contact": listing.contact,
        "state": listing.state,
        "state_label": {"zh": label.zh, "en": label.en},
        "mode": listing.mode,
        "synthetic": lot.is_synthetic,
    }


def _price_document(price: Price) -> dict[str, Any]:
    label = price.label()
    return {
        "yuan_per_tonne": f"{Money(price.fen_per_tonne).yuan:.2f}",
        "basis": price.basis.value,
        "years": price.years,
        "label": {"zh": label.zh, "en": label.en},
    }
