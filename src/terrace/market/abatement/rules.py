"""Least-cost abatement under a cap (domain G4): who reduces what, the market price, and what an equal cut would cost.

A firm's measures are steps: a quantity (tonnes a year) at a cost per tonne. They are divisible and are taken
cheapest first, in any order of rows; together they never exceed the firm's baseline. Fractions throughout;
money is rounded half up to the cent once, where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from terrace.kernel.base.quantity import half_up
from terrace.kernel.base.table import Row
from terrace.kernel.base.texts import Text

COLUMNS = ("firm", "baseline", "step_quantity", "step_cost")
PLACES_MAX = 6
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Step:
    """One measure: at most `quantity` tonnes a year, at `cost` yuan per tonne."""

    quantity: Fraction
    cost: Fraction


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm's yearly emissions without measures, and its measures, cheapest first."""

    name: str
    baseline: Fraction
    steps: tuple[Step, ...]

    @property
    def most(self) -> Fraction:
        """The most it can abate."""
        return sum((step.quantity for step in self.steps), start=ZERO)

    def cost_of(self, quantity: Fraction) -> Fraction:
        """The least cost of abating `quantity`, which is at most `most`."""
        total, rest = ZERO, quantity
        for step in self.steps:
            used = min(step.quantity, rest)
            total, rest = total + used * step.cost, rest - used
        return total


@dataclass(frozen=True, slots=True)
class Plan:
    """The least-cost plan. `missing` is what all measures together fall short of the cap (0: the cap is kept).

    `price` is the cost per tonne of the dearest step in use: at any lower price somebody would rather buy
    than abate. It is 0 when nothing must be abated and None when the cap cannot be kept. `cost_uniform_cut`
    is None when some firm cannot cut by the common percentage; `cannot_cut` names what each falls short.
    """

    cap: Fraction
    baseline: Fraction
    missing: Fraction
    price: Fraction | None
    abated: Mapping[str, Fraction]
    cost: Fraction
    uniform: Mapping[str, Fraction]
    cost_uniform_cut: Fraction | None
    cannot_cut: Mapping[str, Fraction]


def read_firms(rows: Iterable[Row]) -> list[Firm]:
    """The firms of a table, by name. A firm without measures leaves both step cells empty. Raises InputInvalid.

    Steps beyond a firm's baseline are cut off from the dearest down: nobody abates more than it emits.
    """
    baselines: dict[str, tuple[Fraction, int]] = {}
    steps: dict[str, list[Step]] = {}
    for row in rows:
        name = row.word("firm")
        baseline = Fraction(row.number("baseline", PLACES_MAX))
        known, line = baselines.setdefault(name, (baseline, row.line))
        if known != baseline:
            raise row.invalid(
                "baseline", Text(f"与第{line}行相同的数字", f"the same number as in line {line}")
            )
        own = steps.setdefault(name, [])
        if row.cells["step_quantity"] or row.cells["step_cost"]:
            own.append(
                Step(
                    Fraction(row.number("step_quantity", PLACES_MAX)),
                    Fraction(row.number("step_cost", PLACES_MAX)),
                )
            )
    return [firm(name, baselines[name][0], steps[name]) for name in sorted(baselines)]


def firm(name: str, baseline: Fraction, steps: Iterable[Step]) -> Firm:
    """A firm with its measures in order and within its baseline."""
    kept, left = [], baseline
    for step in sorted(steps, key=lambda step: step.cost):
        used = min(step.quantity, left)
        if used:
            kept.append(Step(used, step.cost))
            left -= used
    return Firm(name, baseline, tuple(kept))


def least_cost(firms: Sequence[Firm], cap: Fraction) -> Plan:
    """The cheapest way to keep the firms' emissions within `cap` (tonnes a year).

    Among steps of equal cost the firm that comes first by name abates first; the total never depends on it.
    """
    baseline = sum((each.baseline for each in firms), start=ZERO)
    needed = max(ZERO, baseline - cap)
    offered = sorted((step.cost, each.name, step.quantity) for each in firms for step in each.steps)
    abated = {each.name: ZERO for each in sorted(firms, key=lambda each: each.name)}
    price: Fraction | None = ZERO
    cost, rest = ZERO, needed
    for each_cost, name, quantity in offered:
        if not rest:
            break
        used = min(quantity, rest)
        abated[name] += used
        cost += used * each_cost
        rest -= used
        price = each_cost
    share = needed / baseline if baseline else ZERO
    uniform = {each.name: each.baseline * share for each in firms}
    cannot = {each.name: uniform[each.name] - each.most for each in firms if each.most < uniform[each.name]}
    return Plan(
        cap=cap,
        baseline=baseline,
        missing=rest,
        price=None if rest else price,
        abated=abated,
        cost=cost,
        uniform=uniform,
        cost_uniform_cut=None
        if cannot
        else sum((each.cost_of(uniform[each.name]) for each in firms), start=ZERO),
        cannot_cut=cannot,
    )


def shown(value: Fraction, places: int) -> str:
    """Half up to `places` decimals, away from zero at the half."""
    return f"{Decimal(half_up(value.numerator * 10**places, value.denominator)).scaleb(-places):f}"


def exact(value: Fraction, places_min: int = 0) -> str:
    """A sum of read numbers as it is, with at least `places_min` decimals: none has more than six."""
    whole, _, part = shown(value, PLACES_MAX).partition(".")
    part = part.rstrip("0").ljust(places_min, "0")
    return f"{whole}.{part}" if part else whole
