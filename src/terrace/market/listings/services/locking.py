"""Locks in the order of ADR 0001: the case first, then the row."""

from __future__ import annotations

from terrace.kernel.base.errors import NotFound
from terrace.kernel.base.texts import Text
from terrace.kernel.procedures import services as procedures
from terrace.kernel.procedures.models import Case
from terrace.market.listings.models import Listing, SignUp


def lock_listing(listing_id: int) -> tuple[Listing, Case]:
    """Part. Raises NotFound."""
    case_id = Listing.objects.filter(pk=listing_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该公告", "the listing"))
    case = procedures.lock_case(case_id)
    listing = (
        Listing.objects.select_for_update(of=("self",))
        .select_related("lot__parcel__right__area", "lot__seller", "lot__planned_lot")
        .get(pk=listing_id)
    )
    return listing, case


def lock_signup(signup_id: int) -> tuple[SignUp, Case]:
    """Part. Raises NotFound."""
    case_id = SignUp.objects.filter(pk=signup_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotFound(what=Text("该报名", "the sign-up"))
    case = procedures.lock_case(case_id)
    signup = (
        SignUp.objects.select_for_update(of=("self",))
        .select_related("listing__lot__parcel__right__area", "organisation", "need__project__unit__area")
        .get(pk=signup_id)
    )
    return signup, case
