"""The same allocation over numpy columns: the marginal price by bracketing, without sorting the book."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from terrace.market.auctions.rules.clearing.engine import Allocation, _Work

Column = npt.NDArray[np.int64]
SAMPLE = 4_096
MARGIN = 160  # places of the sample to either side: wide enough that a second try is rare


def marginal_price(prices: Column, quantities: Column, supply: int) -> tuple[int, int, Column] | None:
    """The price at which demand passes `supply`, the units wanted above it, and those units by bid.

    None when demand does not pass supply. A sample brackets the price, one pass counts what lies above
    the bracket, and only the bracket is sorted; a bracket that misses is widened to the whole book.
    """
    n = len(prices)
    step = max(1, n // SAMPLE)
    sample, weights = prices[::step], quantities[::step]
    order = np.argsort(sample)[::-1]
    reached = np.cumsum(weights[order])
    total = int(quantities.sum())
    if total <= supply:
        return None
    at = int(np.searchsorted(reached, supply * int(reached[-1]) // total))
    high = int(sample[order[max(0, at - MARGIN)]])
    low = int(sample[order[min(len(order) - 1, at + MARGIN)]])
    if at < MARGIN:
        high = int(prices.max())
    if at + MARGIN >= len(order):
        low = int(prices.min())
    units = quantities * (prices > high)
    above = int(units.sum())
    inside = np.flatnonzero((prices >= low) & (prices <= high))
    wanted = quantities[inside]
    if above > supply or above + int(wanted.sum()) <= supply:
        inside, wanted, above = np.arange(n), quantities, 0
        units = np.zeros(n, dtype=np.int64)
    near = prices[inside]
    falling = np.argsort(near)[::-1]
    reached = above + np.cumsum(wanted[falling])
    price = int(near[falling[int(np.searchsorted(reached, supply, side="right"))]])
    full = inside[near > price]
    units[full] = quantities[full]
    return price, int(above + wanted[near > price].sum()), units


def allocate_fast(
    work: _Work,
    candidates: Sequence[int] | None,
    quantities: Sequence[int],
    share: Callable[[Any, Sequence[int], Sequence[int], int], dict[int, int]],
) -> Allocation:
    """`engine.allocate` over columns; the bids at the margin are shared by the same code."""
    assert work.supply is not None
    prices = np.asarray(work.prices, dtype=np.int64)
    wanted = np.asarray(quantities, dtype=np.int64)
    if candidates is not None:
        kept = np.zeros(len(wanted), dtype=bool)
        kept[np.asarray(candidates, dtype=np.int64)] = True
        wanted = wanted * kept
    demand = int(wanted.sum())
    found = marginal_price(prices, wanted, work.supply) if demand else None
    if found is None:
        asked = prices[wanted > 0]
        lowest = int(asked.min()) if len(asked) else None
        return Allocation(wanted.tolist(), demand, lowest, None)
    price, above, units = found
    group = np.flatnonzero((prices == price) & (wanted > 0)).tolist()
    awards: list[int] = units.tolist()
    for i, given in share(work, group, quantities, work.supply - above).items():
        awards[i] = given
    if any(awards[i] for i in group):
        lowest = price
    else:
        dearer = prices[units > 0]
        lowest = int(dearer.min()) if len(dearer) else None
    return Allocation(awards, demand, lowest, price)
