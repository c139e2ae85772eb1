"""The acts of an auction: open, admit, quote, close; and the agreement with a single bidder (E4)."""

from terrace.market.auctions.services.bidding import (
    BidRefused,
    BidTooLow,
    KeyMissing,
    PlacedBid,
    place_bid,
)
from terrace.market.auctions.services.opening import (
    AlreadyClosed,
    AuctionExists,
    LotOnOffer,
    TermsInvalid,
    admit_bidder,
    create_auction,
    enter_bidder,
    open_auction,
)

__all__ = [
    "AlreadyClosed",
    "AuctionExists",
    "BidRefused",
    "BidTooLow",
    "KeyMissing",
    "LotOnOffer",
    "PlacedBid",
    "TermsInvalid",
    "admit_bidder",
    "create_auction",
    "enter_bidder",
    "open_auction",
    "place_bid",
]
