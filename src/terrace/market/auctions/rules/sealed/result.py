"""The whole sealed form in its order: qualify, clear with the engine, report (E8, steps 1 to 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace.kernel.base.quantity import half_up
from terrace.market.auctions.rules.clearing import Bids, Outcome, clear
from terrace.market.auctions.rules.clearing.columns import show
from terrace.market.auctions.rules.sealed.limits import Limits
from terrace.market.auctions.rules.sealed.qualify import CENTS, Qualified, SealedTerms, qualify

RATIO_PLACES = 2


@dataclass(frozen=True, slots=True)
class Step:
    """The book at one price: qualified bids only. Quantities as text in the unit of the bids."""

    price: str
    bidders: int
    quantity: str
    cumulative: str


@dataclass(frozen=True, slots=True)
class Winner:
    """What one bidder won over all its lines."""

    bidder: str
    quantity: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class SealedResult:
    """What is published. `cover_ratio` counts qualified lots only; `submitted_ratio` all that came in.

    In California's first auction of 2012 the published ratio fell from 3.10 to 1.06 when bids over the limits
    were taken out: the two are never mixed here. Both are rounded half up to two decimals. Lowest, median,
    mean and highest are prices over qualified lots; the median is the price of the lower middle lot, the mean
    is rounded half up to the cent; all None when nothing qualified.
    """

    terms: SealedTerms
    qualified: Qualified
    outcome: Outcome
    cover_ratio: str
    submitted_ratio: str
    steps: tuple[Step, ...]
    lowest: str | None
    median: str | None
    mean: str | None
    highest: str | None
    winners: tuple[Winner, ...]

    def as_dict(self) -> dict[str, Any]:
        """What `terrace sealed --json` prints: the outcome of `terrace clear` with the report around it."""
        book = self.qualified
        return {
            **self.outcome.as_dict(),
            "submitted": book.show(book.submitted),
            "qualified": book.show(book.qualified),
            "cover_ratio": self.cover_ratio,
            "submitted_ratio": self.submitted_ratio,
            "distribution": {
                "lowest": self.lowest,
                "median": self.median,
                "mean": self.mean,
                "highest": self.highest,
                "steps": [
                    {
                        "price": step.price,
                        "bidders": step.bidders,
                        "quantity": step.quantity,
                        "cumulative": step.cumulative,
                    }
                    for step in self.steps
                ],
            },
            "winners": [
                {
                    "bidder": winner.bidder,
                    "quantity": winner.quantity,
                    "amount": show(winner.amount_cents, CENTS, CENTS),
                }
                for winner in self.winners
            ],
            "lines": [
                {
                    "bid_id": line.bid_id,
                    "bidder": line.bidder,
                    "price": show(line.price_cents, CENTS, CENTS),
                    "quantity": book.show(line.units),
                    "from": list(line.origins),
                }
                for line in book.lines
            ],
            "findings": [
                {**finding.as_dict(), "quantity": book.show(finding.units)} for finding in book.findings
            ],
        }


def run_sealed(bids: Bids, terms: SealedTerms, limits: Limits | None = None) -> SealedResult:
    """Qualify, clear and report. Row order never matters. Raises TieNeedsTime as the clearing does."""
    book = qualify(bids, terms, limits)
    clearing = terms.clearing
    outcome = clear(book.bids, clearing)
    assert clearing.supply is not None
    supply = int(clearing.supply.scaleb(book.places))
    by_price: dict[int, dict[str, int]] = {}
    for line in book.lines:
        held = by_price.setdefault(line.price_cents, {})
        held[line.bidder] = held.get(line.bidder, 0) + line.units
    units_at = {price: sum(held.values()) for price, held in by_price.items()}
    return SealedResult(
        terms=terms,
        qualified=book,
        outcome=outcome,
        cover_ratio=_ratio(book.qualified, supply),
        submitted_ratio=_ratio(book.submitted, supply),
        steps=_steps(book, by_price),
        lowest=_price(min(by_price, default=None)),
        median=_price(_median(units_at)),
        mean=_price(_mean(units_at)),
        highest=_price(max(by_price, default=None)),
        winners=_winners(outcome, book),
    )


def _ratio(units: int, supply: int) -> str:
    return show(half_up(units * 10**RATIO_PLACES, supply), RATIO_PLACES, RATIO_PLACES)


def _price(cents: int | None) -> str | None:
    return None if cents is None else show(cents, CENTS, CENTS)


def _steps(book: Qualified, by_price: Mapping[int, Mapping[str, int]]) -> tuple[Step, ...]:
    steps, reached = [], 0
    for price in sorted(by_price, reverse=True):
        units = sum(by_price[price].values())
        reached += units
        steps.append(
            Step(show(price, CENTS, CENTS), len(by_price[price]), book.show(units), book.show(reached))
        )
    return tuple(steps)


def _median(units_at: Mapping[int, int]) -> int | None:
    total, reached = sum(units_at.values()), 0
    for price in sorted(units_at):
        reached += units_at[price]
        if 2 * reached >= total:
            return price
    return None


def _mean(units_at: Mapping[int, int]) -> int | None:
    total = sum(units_at.values())
    return half_up(sum(price * units for price, units in units_at.items()), total) if total else None


def _winners(outcome: Outcome, book: Qualified) -> tuple[Winner, ...]:
    """By bidder, in the order of names."""
    won: dict[str, tuple[int, int]] = {}
    for award in outcome.awards:
        units, cents = won.get(award.bidder, (0, 0))
        more = int(Decimal(award.quantity).scaleb(book.places))
        won[award.bidder] = (units + more, cents + award.amount_cents)
    return tuple(Winner(name, book.show(units), cents) for name, (units, cents) in sorted(won.items()))
