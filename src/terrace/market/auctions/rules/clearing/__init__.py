"""Clearing of sealed bids, exactly and reproducibly: domain E2, E3, E8; the methods of `terrace clear`."""

from terrace.market.auctions.rules.clearing.columns import BidFileInvalid, Bids, read_bids
from terrace.market.auctions.rules.clearing.engine import Award, Outcome, TieNeedsTime, clear
from terrace.market.auctions.rules.clearing.terms import (
    RULE_VERSION,
    IfShort,
    Method,
    PriceRule,
    Terms,
    TermsInvalid,
    Tie,
)

__all__ = [
    "RULE_VERSION",
    "Award",
    "BidFileInvalid",
    "Bids",
    "IfShort",
    "Method",
    "Outcome",
    "PriceRule",
    "Terms",
    "TermsInvalid",
    "Tie",
    "TieNeedsTime",
    "clear",
    "read_bids",
]
