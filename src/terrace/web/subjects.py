"""Where the subjects of ledger entries have their pages: the one place that knows all contexts."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import NoReverseMatch

from terrace.kernel.ledger.queries import register_subject
from terrace.web.navigation import address

# Subject type in the ledger -> name of its page. What has no page of its own (a right's serial) is left out.
PAGES = {
    "parcel": "rights:parcel",
    "verification": "rights:verification",
    "intake": "reserve:intake",
    "signup": "listings:signup",
    "listing": "listings:listing_case",
    "auction": "auctions:auction",
    "agreement": "auctions:agreement",
    "settlement.trade": "settlement:trade",
    "settlement.refund": "settlement:refund",
    "settlement.bank_line": "settlement:suspense_line",
}


def register() -> None:
    """Called once, when all contexts are ready."""
    for subject_type, url_name in PAGES.items():
        register_subject(subject_type, _page(url_name))


def _page(url_name: str) -> Callable[[str], str]:
    def page_of(number: str) -> str:
        try:
            return address(url_name, number)
        except NoReverseMatch:  # an entry made by an import or a test may name a subject by other words
            return ""

    return page_of
