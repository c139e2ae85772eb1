"""The clearing itself. Integers throughout: numpy where they fit, Python's own where not, with equal results."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from terrace.kernel.base.errors import Refusal
from terrace.kernel.base.texts import Text
from terrace.market.auctions.rules.clearing import vickrey
from terrace.market.auctions.rules.clearing.columns import Bids, rows_source, show, show_all
from terrace.market.auctions.rules.clearing.terms import (
    RULE_VERSION,
    IfShort,
    Method,
    PriceRule,
    Terms,
    Tie,
    places_of,
    plain,
)

FAST_FROM = 2_000  # bids; below that importing numpy costs more than it saves
FIT_MAX = 2**62


class TieNeedsTime(Refusal):
    """Bids of different bidders tie for the last units and nothing says who was first."""

    code = "auctions.clearing.tie_needs_time"
    text = Text(
        "价格 {price} 处报价并列({bids})，按时间确定须有 submitted_at。",
        "Bids tie at price {price} ({bids}); a tie by time needs submitted_at.",
    )
    hint = Text(
        "请补充 submitted_at 列，或选择 --tie random 或 pro-rata。",
        "Add the column submitted_at, or choose --tie random or pro-rata.",
    )
    http_status = 422


class Reason(enum.StrEnum):
    """Why a bid got nothing."""

    BELOW_RESERVE = "below_reserve"
    BIDDER_CAP = "bidder_cap"
    SUPERSEDED = "superseded"
    BELOW_MINIMUM = "below_minimum"
    OUTBID = "outbid"
    TIE_LOST = "tie_lost"
    BELOW_RANK = "below_rank"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Award:
    """One line of the result. `price` is per unit; for Vickrey the line's average, the amount being exact."""

    bid_id: str
    bidder: str
    quantity: str
    price: str
    amount_cents: int

    def as_dict(self) -> dict[str, str]:
        return {
            "bid_id": self.bid_id,
            "bidder": self.bidder,
            "quantity": self.quantity,
            "price": self.price,
            "amount": f"{self.amount_cents // 100}.{self.amount_cents % 100:02d}",
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a clearing; `as_dict` is what `terrace clear --json` prints and what a bundle keeps."""

    status: str
    method: Method
    price: str | None
    supply: str
    sold: str
    unsold: str
    demand: str
    revenue_cents: int
    lowest_accepted: str | None
    highest_rejected: str | None
    awards: tuple[Award, ...]
    rejected: tuple[tuple[str, Reason], ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "method": self.method.value,
            "price": self.price,
            "supply": self.supply,
            "sold": self.sold,
            "unsold": self.unsold,
            "demand": self.demand,
            "revenue": show(self.revenue_cents, 2, 2),
            "lowest_accepted": self.lowest_accepted,
            "highest_rejected": self.highest_rejected,
            "awards": [award.as_dict() for award in self.awards],
            "rejected": [{"bid_id": bid_id, "reason": reason.value} for bid_id, reason in self.rejected],
            "rule_version": RULE_VERSION,
        }


class _Work:
    """Bids and terms in common integer units."""

    def __init__(self, bids: Bids, terms: Terms) -> None:
        self.bids, self.terms = bids, terms
        extra = [terms.supply, terms.lot, terms.bidder_cap]
        self.quantity_places = max([bids.quantity_places, *map(places_of, extra)])
        self.price_places = max(bids.price_places, places_of(terms.reserve))
        factor = 10 ** (self.quantity_places - bids.quantity_places)
        self.quantities = _times(bids.quantities, factor)
        self.minimums = None if bids.minimums is None else _times(bids.minimums, factor)
        self.prices = _times(bids.prices, 10 ** (self.price_places - bids.price_places))
        self.reserve = self._price(terms.reserve)
        self.lot = 1 if terms.lot is None else self._quantity(terms.lot)
        self.supply = None if terms.supply is None else self._quantity(terms.supply)
        self.cap = self._cap()
        self.reasons: dict[int, Reason] = {}

    def _quantity(self, value: Decimal) -> int:
        return int(value.scaleb(self.quantity_places))

    def _price(self, value: Decimal) -> int:
        return int(value.scaleb(self.price_places))

    def _cap(self) -> int | None:
        terms = self.terms
        if terms.bidder_cap is not None:
            cap = self._quantity(terms.bidder_cap)
        elif terms.bidder_cap_percent is not None and self.supply is not None:
            share = Fraction(terms.bidder_cap_percent) / 100
            cap = self.supply * share.numerator // share.denominator
        else:
            return None
        return cap // self.lot * self.lot

    def first(self, i: int) -> tuple[Any, ...]:
        """The bid's place among equal prices."""
        return self.bids.first(i)

    def show_price(self, price: int) -> str:
        return show(price, self.price_places, 2)

    def show_quantity(self, quantity: int) -> str:
        return show(quantity, self.quantity_places)


def _times(values: Sequence[int], factor: int) -> Sequence[int]:
    return values if factor == 1 else [int(value) * factor for value in values]


def clear(bids: Bids, terms: Terms, *, engine: str = "") -> Outcome:
    """Clear `bids` under `terms`. Row order never matters.

    `engine` "python" or "numpy" forces one way of computing; they give the same result. Raises
    BidFileInvalid (a quantity that is no multiple of the lot) and TieNeedsTime.
    """
    work = _Work(bids, terms)
    _check_lots(work)
    if terms.method is Method.TOP_SHARE:
        return _top_share(work)
    candidates = _candidates(work)
    quantities = _capped(work, candidates)
    fast = engine == "numpy" or (not engine and len(bids) >= FAST_FROM)
    if fast and _fits(work, quantities):
        from terrace.market.auctions.rules.clearing.fast import allocate_fast

        allocation = allocate_fast(work, candidates, quantities, share_margin)
    else:
        allocation = allocate(work, candidates, quantities, share_margin)
    return _settle(work, candidates, quantities, allocation)


@dataclass(slots=True)
class Allocation:
    """Units by bid. `lowest` is the lowest price that gets anything, `rejected` the highest that loses any."""

    awards: Sequence[int]
    demand: int
    lowest: int | None
    rejected: int | None


def _check_lots(work: _Work) -> None:
    if work.lot == 1:
        return
    for i, quantity in enumerate(work.quantities):
        if quantity % work.lot:
            lot = plain(work.terms.lot)
            source = work.bids.source or rows_source("bids")
            raise source.error(i, "quantity", f"{lot}的整数倍", f"a multiple of the lot {lot}")


def _candidates(work: _Work) -> Sequence[int] | None:
    """The bids that compete, by index; None when all of them do. The others get their reason."""
    reserve, prices, n = work.reserve, work.prices, len(work.bids)
    if reserve <= 0 or min(prices, default=reserve) >= reserve:
        valid: Sequence[int] | None = None
    else:
        valid = [i for i in range(n) if prices[i] >= reserve]
        work.reasons.update((i, Reason.BELOW_RESERVE) for i in range(n) if prices[i] < reserve)
    if work.terms.method is not Method.DESCENDING:
        return valid
    return _best_of_each(work, range(n) if valid is None else valid)


def _best_of_each(work: _Work, valid: Sequence[int]) -> list[int]:
    """Each bidder's highest price, the earliest among equal; its other bids are superseded."""
    best: dict[str, int] = {}
    for i in valid:
        bidder = work.bids.bidders[i]
        held = best.get(bidder)
        if held is None or (-work.prices[i], work.first(i)) < (-work.prices[held], work.first(held)):
            best[bidder] = i
    kept = set(best.values())
    work.reasons.update((i, Reason.SUPERSEDED) for i in valid if i not in kept)
    return sorted(kept)


def _capped(work: _Work, candidates: Sequence[int] | None) -> Sequence[int]:
    """Quantities after each bidder's cap: what is over it is cut from its lowest price up (later first)."""
    cap = work.cap
    if cap is None:
        return work.quantities
    totals: dict[str, int] = {}
    chosen = range(len(work.bids)) if candidates is None else candidates
    for i in chosen:
        bidder = work.bids.bidders[i]
        totals[bidder] = totals.get(bidder, 0) + work.quantities[i]
    over = {bidder for bidder, total in totals.items() if total > cap}
    if not over:
        return work.quantities
    quantities = list(work.quantities)
    held: dict[str, list[int]] = {}
    for i in chosen:
        if work.bids.bidders[i] in over:
            held.setdefault(work.bids.bidders[i], []).append(i)
    for own in held.values():
        left = cap
        for i in sorted(own, key=lambda i: (-work.prices[i], work.first(i))):
            kept = min(quantities[i], left)
            if kept < quantities[i] and work.minimums is not None and kept < work.minimums[i]:
                kept = 0
            quantities[i] = kept
            left -= kept
            if kept == 0:
                work.reasons[i] = Reason.BIDDER_CAP
    return quantities


def _fits(work: _Work, quantities: Sequence[int]) -> bool:
    """Whether every sum and product of the fast path stays inside 64 bits."""
    most = max(quantities, default=0) * len(quantities)
    return most < FIT_MAX and max(work.prices, default=0) < FIT_MAX


Share = Callable[[Any, Sequence[int], Sequence[int], int], dict[int, int]]


def allocate(
    work: _Work, candidates: Sequence[int] | None, quantities: Sequence[int], share: Share
) -> Allocation:
    """Units from the highest price down; the bids at the price where demand passes supply share the rest."""
    assert work.supply is not None
    awards = [0] * len(quantities)
    chosen = [i for i in (range(len(quantities)) if candidates is None else candidates) if quantities[i]]
    chosen.sort(key=work.prices.__getitem__, reverse=True)
    rest, lowest, rejected, at = work.supply, None, None, 0
    while at < len(chosen) and rejected is None:
        price, end, wanted = work.prices[chosen[at]], at, 0
        while end < len(chosen) and work.prices[chosen[end]] == price:
            wanted += quantities[chosen[end]]
            end += 1
        group = chosen[at:end]
        if wanted <= rest:
            for i in group:
                awards[i] = quantities[i]
            rest -= wanted
            lowest = price
        else:
            for i, units in share(work, group, quantities, rest).items():
                awards[i] = units
            rejected = price
            if any(awards[i] for i in group):
                lowest = price
        at = end
    return Allocation(awards, sum(quantities[i] for i in chosen), lowest, rejected)


def share_margin(work: _Work, group: Sequence[int], quantities: Sequence[int], rest: int) -> dict[int, int]:
    """Units of `rest` for the bids at the marginal price, who together want more. Bids absent get nothing."""
    rest = rest // work.lot * work.lot
    if rest == 0:
        return {}
    tie = work.terms.tie
    if tie is Tie.TIME:
        _require_times(work, group)
        return _in_order(work, sorted(group, key=work.first), quantities, rest)
    if tie is Tie.RANDOM:
        return _in_order(work, sorted(group, key=lambda i: _draw(work, i)), quantities, rest)
    return _pro_rata(work, group, quantities, rest, residual=tie is Tie.PRO_RATA)


def _require_times(work: _Work, group: Sequence[int]) -> None:
    bids = work.bids
    if len({bids.bidders[i] for i in group}) < 2:
        return
    unknown = [i for i in group if bids.times is None or bids.times[i] is None]
    if unknown:
        named = ", ".join(sorted(bids.ids[i] for i in group)[:5])
        raise TieNeedsTime(
            price=work.show_price(work.prices[group[0]]), bids=named + ("…" if len(group) > 5 else "")
        )


def _draw(work: _Work, i: int) -> tuple[bytes, str]:
    """The bid's place in the seeded order: a digest of seed and bid_id, so that no row order can change it."""
    bid_id = work.bids.ids[i]
    return hashlib.sha256(f"{work.terms.seed}\n{bid_id}".encode()).digest(), bid_id


def _least(work: _Work, i: int) -> int:
    return 0 if work.minimums is None else work.minimums[i]


def _in_order(work: _Work, order: Sequence[int], quantities: Sequence[int], rest: int) -> dict[int, int]:
    """One after another; a bid that could only get less than its minimum is passed over."""
    given: dict[int, int] = {}
    for i in order:
        units = min(quantities[i], rest)
        if units == 0:
            break
        if units < _least(work, i):
            work.reasons[i] = Reason.BELOW_MINIMUM
            continue
        given[i] = units
        rest -= units
    return given


def _pro_rata(
    work: _Work, group: Sequence[int], quantities: Sequence[int], rest: int, *, residual: bool
) -> dict[int, int]:
    """Shares by quantity, floored to the lot; bids under their minimum drop out, the largest shortfall first.

    Of equal shortfalls the later bid drops (then the greater bid_id). With `residual` the lots left by
    flooring go one each in the seeded order.
    """
    active = sorted(group, key=work.first)
    while True:
        wanted = sum(quantities[i] for i in active)
        if wanted <= rest:
            given = {i: quantities[i] for i in active}
        else:
            given = {i: quantities[i] * rest // wanted // work.lot * work.lot for i in active}
        short = [(_least(work, i) - given[i], n) for n, i in enumerate(active) if given[i] < _least(work, i)]
        if not short:
            break
        dropped = active.pop(max(short)[1])
        work.reasons[dropped] = Reason.BELOW_MINIMUM
    if residual:
        left = (rest - sum(given.values())) // work.lot
        for i in sorted(active, key=lambda i: _draw(work, i)):
            if left <= 0:
                break
            if given[i] < quantities[i]:
                given[i] += work.lot
                left -= 1
    return given


def _settle(
    work: _Work, candidates: Sequence[int] | None, quantities: Sequence[int], allocation: Allocation
) -> Outcome:
    """What each line pays, and the outcome."""
    terms, supply = work.terms, work.supply
    assert supply is not None
    short = allocation.demand < supply
    if short and allocation.demand and terms.if_short is IfShort.CANCEL:
        for i in range(len(work.bids)):
            work.reasons.setdefault(i, Reason.CANCELLED)
        return _outcome(work, "cancelled", None, supply, allocation, [], [], [])
    won = [i for i, units in enumerate(allocation.awards) if units]
    price: int | None = None
    if terms.method is Method.UNIFORM and won:
        price = allocation.lowest
        if terms.price_rule is PriceRule.HIGHEST_REJECTED:
            price = work.reserve if allocation.rejected is None else allocation.rejected
    if terms.method is Method.VICKREY:
        amounts, line_prices = vickrey.payments(work, candidates, quantities, allocation, won)
    else:
        paid = [work.prices[i] if price is None else price for i in won]
        amounts = _amounts(work, paid, [allocation.awards[i] for i in won])
        shown = show_all(paid, work.price_places, 2)
        line_prices = [shown[each] for each in paid]
    if not won:
        status = "unsold"
    else:
        status = "short" if short else "sold"
    return _outcome(work, status, price, supply, allocation, won, amounts, line_prices)


def _amounts(work: _Work, prices: Sequence[int], units: Sequence[int]) -> list[int]:
    """Cents of each line for all years, half up once per line; nothing here is negative."""
    factor, unit = 200 * work.terms.years, 10 ** (work.price_places + work.quantity_places)
    double = 2 * unit
    return [(price * each * factor + unit) // double for price, each in zip(prices, units, strict=True)]


def _outcome(
    work: _Work,
    status: str,
    price: int | None,
    supply: int,
    allocation: Allocation,
    won: Sequence[int],
    amounts: Sequence[int],
    line_prices: Sequence[str],
) -> Outcome:
    ids, bidders = work.bids.ids, work.bids.bidders
    units = allocation.awards
    quantities = show_all((units[i] for i in won), work.quantity_places)
    awards = [
        Award(ids[i], bidders[i], quantities[units[i]], shown, amount)
        for i, amount, shown in zip(won, amounts, line_prices, strict=True)
    ]
    awards.sort(key=lambda award: award.bid_id)
    winners = set(won)
    rejected_price = allocation.rejected
    rejected = []
    for i, bid_id in enumerate(ids):
        if i in winners:
            continue
        reason = work.reasons.get(i)
        if reason is None:
            at_margin = rejected_price is not None and work.prices[i] == allocation.lowest == rejected_price
            reason = Reason.TIE_LOST if at_margin else Reason.OUTBID
        rejected.append((bid_id, reason))
    rejected.sort()
    sold = sum(units[i] for i in won)
    nothing = not won
    return Outcome(
        status=status,
        method=work.terms.method,
        price=None if price is None else work.show_price(price),
        supply=work.show_quantity(supply),
        sold=work.show_quantity(sold),
        unsold=work.show_quantity(max(0, supply - sold)),
        demand=work.show_quantity(allocation.demand),
        revenue_cents=sum(amounts),
        lowest_accepted=None if nothing or allocation.lowest is None else work.show_price(allocation.lowest),
        highest_rejected=None if rejected_price is None else work.show_price(rejected_price),
        awards=tuple(awards),
        rejected=tuple(rejected),
    )


def _top_share(work: _Work) -> Outcome:
    """E3: the first round-half-up(share x n) of the n bidders that quoted win, each its own quantity and price."""
    n = len(work.bids)
    valid = [i for i in range(n) if work.prices[i] >= work.reserve]
    work.reasons.update((i, Reason.BELOW_RESERVE) for i in range(n) if work.prices[i] < work.reserve)
    best = _best_of_each(work, valid)
    quantities = _capped(work, best)
    best.sort(key=lambda i: (-work.prices[i], work.first(i)))
    # floor(share * n + 1/2) in integers; 0.7 * 15 must give 11, not the 10 of rounding to even.
    share = Fraction(work.terms.share)
    winners = (2 * share.numerator * len(best) + share.denominator) // (2 * share.denominator)
    if 0 < winners < len(best) and work.prices[best[winners - 1]] == work.prices[best[winners]]:
        price = work.prices[best[winners]]
        _require_times(work, [i for i in best if work.prices[i] == price])
    won = [i for i in best[:winners] if quantities[i]]
    work.reasons.update((i, Reason.BELOW_RANK) for i in best[winners:])
    units = [0] * n
    for i in won:
        units[i] = quantities[i]
    sold = sum(units)
    lost = [work.prices[i] for i in best[winners:]]
    allocation = Allocation(
        units,
        sum(quantities[i] for i in best),
        min((work.prices[i] for i in won), default=None),
        max(lost, default=None),
    )
    amounts = _amounts(work, [work.prices[i] for i in won], [units[i] for i in won])
    shown = [work.show_price(work.prices[i]) for i in won]
    supply = sold if work.supply is None else work.supply
    return _outcome(work, "sold" if won else "unsold", None, supply, allocation, won, amounts, shown)
