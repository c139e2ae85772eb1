"""E4 and R42: the price at which the only qualified bidder may have the lot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from terrace.kernel.base.quantity import half_up
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.modes.mode import Mode, OneBidder


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal at the place of the project in the trading days that count: fen per tonne on one basis, grams a year."""

    price_fen: int
    grams: int


@dataclass(frozen=True, slots=True)
class LeastPrice:
    """The least price of the agreement in fen per tonne, and how it was found."""

    price_fen: int
    text: Text


def least_price(mode: Mode, floor_fen: int, deals: Iterable[Deal] = ()) -> LeastPrice:
    """The floor; under R42 the average of the deals (weighted by quantity, half up to the fen) where it is higher.

    The source says "average deal price of the previous ten trading days" and not how it is weighted or what
    holds without deals: weighting by quantity, and the floor then, are proposed. The caller chooses the days.
    """
    floor = LeastPrice(floor_fen, Text("底价", "the floor price"))
    if mode.one_bidder is not OneBidder.AGREEMENT_AT_AVERAGE:
        return floor
    counted = [deal for deal in deals if deal.grams > 0]
    if not counted:
        return floor
    total = sum(deal.grams for deal in counted)
    average = half_up(sum(deal.price_fen * deal.grams for deal in counted), total)
    if average <= floor_fen:
        return floor
    days = mode.average_days
    return LeastPrice(
        average,
        Text(
            f"前{days}个交易日{len(counted)}笔成交的加权平均价",
            f"the weighted average of {len(counted)} deals in the previous {days} trading days",
        ),
    )
