"""The public API of offers: reading only; sign-ups are made on the pages."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from ninja import Query, Router

from terrace.market.listings import access, queries
from terrace.market.listings.schemas import LotOut, LotPage

router = Router(tags=["lots"])
PER_PAGE_MAX = 100


@router.get("", response=LotPage, auth=None, summary="Lots with their newest offer")
def list_lots(
    request: HttpRequest,
    pollutant: str = "",
    area: str = "",
    basin: str = "",
    state: str = "",
    page: int = Query(1, ge=1),
    per_page: int = Query(25, ge=1, le=PER_PAGE_MAX),
) -> dict[str, Any]:
    """`state`: empty for lots on sale, `ended`, `all`, or a state's code. Those that end first come first."""
    rows = queries.public_listings(pollutant=pollutant, area=area, basin=basin, state=state)
    found = Paginator(rows, per_page).get_page(page)
    return {
        "count": found.paginator.count,
        "page": found.number,
        "pages": found.paginator.num_pages,
        "lots": [queries.lot_document(listing) for listing in found],
    }


@router.get("/{lot_id}", response=LotOut, auth=None, summary="One lot")
def get_lot(request: HttpRequest, lot_id: int) -> dict[str, Any]:
    """The lot with its newest public offer; 404 with code access.not_found when there is none."""
    actor = request.actor  # type: ignore[attr-defined]  # ADR 0005
    _, listing = access.get_lot_for(actor, lot_id)
    return queries.lot_document(listing)
