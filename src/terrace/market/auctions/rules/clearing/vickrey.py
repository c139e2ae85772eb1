"""Multi-unit Vickrey: each bidder pays for the bids of others that its units displaced."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from terrace.kernel.base.quantity import half_up
from terrace.market.auctions.rules.clearing.columns import show

if TYPE_CHECKING:
    from terrace.market.auctions.rules.clearing.engine import Allocation, _Work

PRICE_PLACES = 6


class _Displaced:
    """The losing units of others, dearest first, as prefix sums; one bidder's own are left out by bisection."""

    def __init__(self, work: _Work, losing: list[tuple[int, int, str]]) -> None:
        self.prices = [price for price, _, _ in losing]
        self.units = list(accumulate((units for _, units, _ in losing), initial=0))
        self.values = list(accumulate((price * units for price, units, _ in losing), initial=0))
        self.reserve = work.reserve
        self.own: dict[str, tuple[list[int], list[int], list[int]]] = {}
        for place, (price, units, bidder) in enumerate(losing):
            places, held, value = self.own.setdefault(bidder, ([], [0], [0]))
            places.append(place)
            held.append(held[-1] + units)
            value.append(value[-1] + price * units)

    def cost(self, bidder: str, units: int) -> int:
        """What the first `units` losing units of the others are worth; the reserve for those that nobody wanted."""
        places, held, value = self.own.get(bidder, ((), (0,), (0,)))

        def others(end: int) -> int:
            return self.units[end] - held[bisect.bisect_left(places, end)]

        last = len(self.prices)
        if others(last) <= units:
            covered = others(last)
            return self.values[last] - value[-1] + (units - covered) * self.reserve
        low, high = 0, last  # the first place at which the others' units cover what is asked
        while low < high:
            middle = (low + high) // 2
            if others(middle) < units:
                low = middle + 1
            else:
                high = middle
        total = self.values[low] - value[bisect.bisect_left(places, low)]
        return total - (others(low) - units) * self.prices[low - 1] if low else 0


def payments(
    work: _Work,
    candidates: Sequence[int] | None,
    quantities: Sequence[int],
    allocation: Allocation,
    won: Sequence[int],
) -> tuple[list[int], list[str]]:
    """Cents and average price of each winning bid.

    A bidder's lines, dearest first, take the displaced units in turn; the cents of a line are the
    rounded running total less what was charged before, so that the lines add up to the rounded sum.
    """
    chosen = range(len(quantities)) if candidates is None else candidates
    losing = sorted(
        (
            (work.prices[i], quantities[i] - allocation.awards[i], work.bids.bidders[i])
            for i in chosen
            if quantities[i] > allocation.awards[i]
        ),
        key=lambda bid: -bid[0],
    )
    displaced = _Displaced(work, losing)
    lines: dict[str, list[int]] = {}
    for i in won:
        lines.setdefault(work.bids.bidders[i], []).append(i)
    unit = 10 ** (work.price_places + work.quantity_places)
    amounts: dict[int, int] = {}
    shown: dict[int, str] = {}
    for bidder, own in lines.items():
        units, before, charged = 0, 0, 0
        for i in sorted(own, key=lambda i: (-work.prices[i], work.bids.ids[i])):
            units += allocation.awards[i]
            total = displaced.cost(bidder, units)
            running = half_up(total * work.terms.years * 100, unit)
            amounts[i] = running - charged
            average = half_up(
                (total - before) * 10**PRICE_PLACES, allocation.awards[i] * 10**work.price_places
            )
            shown[i] = show(average, PRICE_PLACES, 2)
            before, charged = total, running
    return [amounts[i] for i in won], [shown[i] for i in won]
