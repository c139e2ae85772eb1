"""Quotes of a round with a limit: which are taken, which of each bidder's counts (E2, E3), as bids for the clearing.

Wuyi and Yiwu: sixty minutes, at most ten quotes, the final one counts, even if it is lower. Hengshui: the highest
counts. A quote that is refused is none: it uses up no number and replaces nothing.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.ascending import PRICE_FEN_MAX
from terrace.market.auctions.rules.clearing import Bids
from terrace.market.auctions.rules.modes.mode import Counts, QuoteLimit

GRAM_PLACES = 6  # grams a year are millionths of a tonne


class Why(enum.StrEnum):
    """Why a quote is refused."""

    OUTSIDE_ROUND = "outside_round"
    TOO_MANY = "too_many"
    NO_QUANTITY = "no_quantity"
    BELOW_FLOOR = "below_floor"
    TOO_HIGH = "too_high"
    NOT_A_STEP = "not_a_step"


TEXTS: Mapping[Why, Text] = {
    Why.OUTSIDE_ROUND: Text(
        "不在报价时间内，报价未被接受。", "The round is not open; the quote was not accepted."
    ),
    Why.TOO_MANY: Text(
        "报价次数已用完，报价未被接受。", "All quotes have been used; the quote was not accepted."
    ),
    Why.NO_QUANTITY: Text("数量须大于零。", "The quantity must be above zero."),
    Why.BELOW_FLOOR: Text("报价低于底价，未被接受。", "The quote is below the floor; it was not accepted."),
    Why.TOO_HIGH: Text("报价超出平台可处理的范围。", "The quote is beyond what the platform can process."),
    Why.NOT_A_STEP: Text(
        "报价须为底价加上加价幅度的整数倍。", "The quote must be the floor plus a whole number of increments."
    ),
}


@dataclass(frozen=True, slots=True)
class Round:
    """When and how quotes are taken; half-open in time. `increment_fen` None: any whole fen."""

    floor_fen: int
    opens_at: dt.datetime
    closes_at: dt.datetime
    limit: QuoteLimit
    increment_fen: int | None = None


@dataclass(frozen=True, slots=True)
class RoundQuote:
    """One quote as it arrived. The sequence number, one per quote, decides between equal instants."""

    seq: int
    bidder: str
    price_fen: int
    grams: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """Quotes that count in order of arrival, those that were overtaken by the bidder's own, and those refused."""

    counted: tuple[RoundQuote, ...]
    superseded: tuple[RoundQuote, ...]
    refused: tuple[tuple[RoundQuote, Why], ...]

    def bids(self) -> Bids:
        """The counted quotes as bids: yuan and tonnes, ids in order of arrival. None counted is an empty book."""
        return Bids(
            ids=[f"{quote.seq:012d}" for quote in self.counted],
            bidders=[quote.bidder for quote in self.counted],
            prices=[quote.price_fen for quote in self.counted],
            quantities=[quote.grams for quote in self.counted],
            price_places=2,
            quantity_places=GRAM_PLACES,
            times=[quote.at for quote in self.counted],
        )


def why_not(terms: Round, quote: RoundQuote, used: int) -> Why | None:
    """The first reason against a quote of a bidder who has `used` so many already."""
    most, step = terms.limit.most, terms.increment_fen
    checks = (
        (not terms.opens_at <= quote.at < terms.closes_at, Why.OUTSIDE_ROUND),
        (quote.grams <= 0, Why.NO_QUANTITY),
        (quote.price_fen < terms.floor_fen, Why.BELOW_FLOOR),
        (quote.price_fen > PRICE_FEN_MAX, Why.TOO_HIGH),
        (step is not None and (quote.price_fen - terms.floor_fen) % step != 0, Why.NOT_A_STEP),
        (most is not None and used >= most, Why.TOO_MANY),
    )
    return next((why for applies, why in checks if applies), None)


def take_quotes(terms: Round, quotes: Iterable[RoundQuote]) -> Taken:
    """All quotes of a round in their sequence; the order in which they are given never matters."""
    accepted: dict[str, list[RoundQuote]] = {}
    refused = []
    for quote in sorted(quotes, key=lambda quote: quote.seq):
        own = accepted.setdefault(quote.bidder, [])
        why = why_not(terms, quote, len(own))
        if why is None:
            own.append(quote)
        else:
            refused.append((quote, why))
    counted: list[RoundQuote] = []
    for own in accepted.values():
        if terms.limit.counts is Counts.EVERY:
            counted += own
        elif own and terms.limit.counts is Counts.FINAL:
            counted.append(own[-1])
        elif own:
            counted.append(max(own, key=lambda quote: (quote.price_fen, -quote.seq)))
    chosen = {quote.seq for quote in counted}
    return Taken(
        counted=tuple(sorted(counted, key=lambda quote: quote.seq)),
        superseded=tuple(
            sorted((q for own in accepted.values() for q in own if q.seq not in chosen), key=lambda q: q.seq)
        ),
        refused=tuple(refused),
    )
