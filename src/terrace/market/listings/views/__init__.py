"""Pages of offers: the public list and lot page, a firm's applications, the desk of the trading institution."""

from terrace.market.listings.views.exchange import (
    change_listing,
    desk,
    listing_case,
    new_listing,
    relist,
)
from terrace.market.listings.views.public import (
    apply,
    listing_by_number,
    lot,
    lots,
    lots_csv,
    lots_json,
)
from terrace.market.listings.views.signups import signup, signup_need, signup_paper, signups

__all__ = [
    "apply",
    "change_listing",
    "desk",
    "listing_by_number",
    "listing_case",
    "lot",
    "lots",
    "lots_csv",
    "lots_json",
    "new_listing",
    "relist",
    "signup",
    "signup_need",
    "signup_paper",
    "signups",
]
