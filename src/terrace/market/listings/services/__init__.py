"""The acts of public offers and sign-ups, and the seams for the auctions above (`on_mode`, `on_admitted`)."""

from terrace.market.listings.services.court import lifted_by_court, stop_for_court
from terrace.market.listings.services.decisions import (
    mark_failed,
    mark_sold,
    pass_listing_deadline,
)
from terrace.market.listings.services.deposits import deposit_paid
from terrace.market.listings.services.endings import sale_ended
from terrace.market.listings.services.notices import content_of
from terrace.market.listings.services.offers import (
    ListingTerms,
    accept_listing,
    announce_listing,
    change_listing,
    draft_listing,
    relist,
    resume_listing,
    suspend_listing,
    terminate_listing,
    withdraw_listing,
)
from terrace.market.listings.services.preview import preview_eligibility
from terrace.market.listings.services.qualification import qualify_signup
from terrace.market.listings.services.signals import link_sale, on_admitted, on_mode, on_stop, sale_links
from terrace.market.listings.services.signups import (
    attach_paper,
    confirm_signup,
    fill_signup,
    pass_signup_deadline,
    return_signup,
    send_signup,
    start_signup,
    withdraw_signup,
)

__all__ = [
    "ListingTerms",
    "accept_listing",
    "announce_listing",
    "attach_paper",
    "change_listing",
    "confirm_signup",
    "content_of",
    "deposit_paid",
    "draft_listing",
    "fill_signup",
    "lifted_by_court",
    "link_sale",
    "mark_failed",
    "mark_sold",
    "on_admitted",
    "on_mode",
    "on_stop",
    "pass_listing_deadline",
    "pass_signup_deadline",
    "preview_eligibility",
    "qualify_signup",
    "relist",
    "resume_listing",
    "return_signup",
    "sale_ended",
    "sale_links",
    "send_signup",
    "start_signup",
    "stop_for_court",
    "suspend_listing",
    "terminate_listing",
    "withdraw_listing",
    "withdraw_signup",
]
