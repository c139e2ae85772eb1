"""The acts of an auction: open, admit, quote, close; and the agreement with a single bidder (E4)."""

from terrace.market.auctions.services.agreement import (
    BelowFloor,
    accept_price,
    agree_for_listing,
    ask_award,
    decide_award,
    lapse_agreement,
    propose_price,
    refuse_agreement,
    return_price,
)
from terrace.market.auctions.services.bidding import (
    BidRefused,
    BidTooLow,
    KeyMissing,
    PlacedBid,
    place_bid,
)
from terrace.market.auctions.services.closing import (
    AuctionRunning,
    RecordDamaged,
    admit_signup,
    close_auction,
    open_for_listing,
    stop_for_listing,
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
    "AuctionRunning",
    "BelowFloor",
    "BidRefused",
    "BidTooLow",
    "KeyMissing",
    "LotOnOffer",
    "PlacedBid",
    "RecordDamaged",
    "TermsInvalid",
    "accept_price",
    "admit_bidder",
    "admit_signup",
    "agree_for_listing",
    "ask_award",
    "close_auction",
    "create_auction",
    "decide_award",
    "enter_bidder",
    "lapse_agreement",
    "open_auction",
    "open_for_listing",
    "place_bid",
    "propose_price",
    "refuse_agreement",
    "return_price",
    "stop_for_listing",
]
