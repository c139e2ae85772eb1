"""What was rejected, cut or moved before a sealed clearing, each with its reason and the numbers used."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terrace.kernel.base.texts import Text


class Why(enum.StrEnum):
    """The reason; the first group rejects a bid whole, the second removes lots, `MOVED` offers lots at a lower price."""

    NOT_WHOLE_CENTS = "not_whole_cents"
    NOT_A_LOT = "not_a_lot"
    BELOW_RESERVE = "below_reserve"
    BELOW_BID_MINIMUM = "below_bid_minimum"
    NOT_ADMITTED = "not_admitted"

    PURCHASE_LIMIT = "purchase_limit"
    HOLDING_LIMIT = "holding_limit"
    GUARANTEE = "guarantee"
    BELOW_MINIMUM = "below_minimum"

    MOVED = "moved"


REJECTED = frozenset(
    {
        Why.NOT_WHOLE_CENTS,
        Why.NOT_A_LOT,
        Why.BELOW_RESERVE,
        Why.BELOW_BID_MINIMUM,
        Why.NOT_ADMITTED,
    }
)

TEXTS: Mapping[Why, Text] = {
    Why.NOT_WHOLE_CENTS: Text(
        "价格 {price} 不是整分，报价无效。", "The price {price} is not in whole cents; the bid is invalid."
    ),
    Why.NOT_A_LOT: Text(
        "数量 {quantity} 不是每手 {lot} 的整数倍，报价无效。",
        "The quantity {quantity} is no multiple of the lot {lot}; the bid is invalid.",
    ),
    Why.BELOW_RESERVE: Text(
        "价格 {price} 低于保留价 {reserve}，报价无效。",
        "The price {price} is below the reserve price {reserve}; the bid is invalid.",
    ),
    Why.BELOW_BID_MINIMUM: Text(
        "数量 {quantity} 低于最小报价数量 {bid_minimum}，报价无效。",
        "The quantity {quantity} is below the least quantity of a bid, {bid_minimum}; the bid is invalid.",
    ),
    Why.NOT_ADMITTED: Text(
        "额度表中没有报价人 {bidder}，报价无效。",
        "The bidder {bidder} is not in the table of limits; the bid is invalid.",
    ),
    Why.PURCHASE_LIMIT: Text(
        "{party}共报 {total}，购买限额 {limit}，按价格从低到高削减，本报价减 {quantity}。",
        "{party} bid {total} in all against a purchase limit of {limit}; cut from the lowest price up, this bid by {quantity}.",
    ),
    Why.HOLDING_LIMIT: Text(
        "{party}共报 {total}，尚可持有 {limit}，按价格从低到高削减，本报价减 {quantity}。",
        "{party} bid {total} in all and may still hold {limit}; cut from the lowest price up, this bid by {quantity}.",
    ),
    Why.GUARANTEE: Text(
        "须担保 {required}，已担保 {guarantee}，在更低价格上也放不下，本报价减 {quantity}。",
        "A guarantee of {required} is required and {guarantee} was given; {quantity} of this bid fit at no lower price either.",
    ),
    Why.BELOW_MINIMUM: Text(
        "削减后仅剩 {left}，低于报价人声明的最小数量 {minimum}，整份报价退出，减 {quantity}。",
        "Only {left} were left after the cuts, below the bid's own minimum {minimum}; the whole bid falls away, {quantity}.",
    ),
    Why.MOVED: Text(
        "须担保 {required}，已担保 {guarantee}，{quantity} 由价格 {price} 移至下一可容纳的价格 {to_price}。",
        "A guarantee of {required} is required and {guarantee} was given; {quantity} were tried again and fit at {to_price} instead of {price}.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rejection, cut or move. `quantity` counts units of the book; `numbers` are what the text names."""

    bid_id: str
    bidder: str
    why: Why
    units: int
    numbers: Mapping[str, Any]

    @property
    def text(self) -> Text:
        """The reason in both languages."""
        both = TEXTS[self.why]
        names = {name: value for name, value in self.numbers.items() if not isinstance(value, Text)}
        pairs = {name: value for name, value in self.numbers.items() if isinstance(value, Text)}
        return Text(
            both.zh.format(**names, **{name: pair.zh for name, pair in pairs.items()}),
            both.en.format(**names, **{name: pair.en for name, pair in pairs.items()}),
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "bid_id": self.bid_id,
            "bidder": self.bidder,
            "reason": self.why.value,
            "zh": self.text.zh,
            "en": self.text.en,
            "numbers": {name: value for name, value in self.numbers.items() if not isinstance(value, Text)},
        }
