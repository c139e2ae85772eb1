"""Trading modes E1 to E8 as data, each with the engine it is handed to."""

from terrace.market.auctions.rules.modes.mode import (
    Counts,
    Form,
    Mark,
    Mode,
    Nobody,
    Offered,
    OneBidder,
    Pays,
    Period,
    QuoteLimit,
    Source,
    Stage,
    Who,
)
from terrace.market.auctions.rules.modes.one_bidder import Deal, LeastPrice, least_price
from terrace.market.auctions.rules.modes.presets import MODES, SEALED_MODES, ModeUnknown, mode_of
from terrace.market.auctions.rules.modes.quotes import Round, RoundQuote, Taken, take_quotes

__all__ = [
    "MODES",
    "SEALED_MODES",
    "Counts",
    "Deal",
    "Form",
    "LeastPrice",
    "Mark",
    "Mode",
    "ModeUnknown",
    "Nobody",
    "Offered",
    "OneBidder",
    "Pays",
    "Period",
    "QuoteLimit",
    "Round",
    "RoundQuote",
    "Source",
    "Stage",
    "Taken",
    "Who",
    "least_price",
    "mode_of",
    "take_quotes",
]
