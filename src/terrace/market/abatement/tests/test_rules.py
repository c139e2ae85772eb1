"""Least-cost abatement: a worked example, every plan enumerated on small markets, and the ties."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.kernel.base.errors import InputInvalid
from terrace.kernel.base.table import read_table
from terrace.market.abatement.rules import COLUMNS, Firm, Step, exact, firm, least_cost, read_firms, shown

HEAD = ",".join(COLUMNS) + "\n"


def firms_of(rows: str) -> list[Firm]:
    return read_firms(read_table((HEAD + rows).encode(), "f.csv", COLUMNS))


def made(baseline: int, *steps: tuple[int, int], name: str = "a") -> Firm:
    return firm(name, Fraction(baseline), [Step(Fraction(q), Fraction(c)) for q, c in steps])


def test_worked_example() -> None:
    """150 t under a cap of 120: the two cheap steps; an equal cut of 20% makes the first firm pay 500 a tonne."""
    firms = firms_of("甲,100,10,100\n甲,100,30,500\n乙,50,25,200\n")
    plan = least_cost(firms, Fraction(120))
    assert plan.abated == {"甲": 10, "乙": 20}
    assert (plan.price, plan.cost, plan.missing) == (200, 5000, 0)
    assert plan.uniform == {"甲": 20, "乙": 10}
    assert plan.cost_uniform_cut == 10 * 100 + 10 * 500 + 10 * 200


@pytest.mark.parametrize(
    ("cap", "price", "cost"),
    [(100, 0, 0), (150, 0, 0), (90, 10, 100), (89, 30, 130), (80, 30, 400), (79, None, 400), (0, None, 400)],
)
def test_both_sides_of_each_boundary(cap: int, price: int | None, cost: int) -> None:
    plan = least_cost([made(100, (10, 10), (10, 30))], Fraction(cap))
    assert (plan.price, plan.cost) == (price, cost)
    assert plan.missing == max(0, 80 - cap)
    assert (plan.cost_uniform_cut is None) == (price is None)


def test_a_firm_that_cannot_cut_by_the_common_percentage_is_named() -> None:
    plan = least_cost([made(50, (40, 5), name="a"), made(50, (5, 1), name="b")], Fraction(80))
    assert plan.missing == 0 and plan.cost_uniform_cut is None
    assert plan.cannot_cut == {"b": 5}


def test_among_equal_costs_the_first_name_abates() -> None:
    plan = least_cost([made(10, (5, 7), name="b"), made(10, (5, 7), name="a")], Fraction(14))
    assert plan.abated == {"a": 5, "b": 1}


def test_steps_end_at_the_baseline_the_dearest_first() -> None:
    assert made(10, (8, 50), (7, 20)).steps == (
        Step(Fraction(7), Fraction(20)),
        Step(Fraction(3), Fraction(50)),
    )
    assert made(0, (8, 50)).steps == ()


def test_no_emissions_and_no_measures() -> None:
    plan = least_cost(firms_of("a,0,,\n"), Fraction(0))
    assert (plan.price, plan.cost, plan.cost_uniform_cut, plan.missing) == (0, 0, 0, 0)
    assert least_cost(firms_of("a,5,,\n"), Fraction(1)).missing == 4


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,10,1,1\na,11,1,1\n", "line 3, baseline"),
        (",10,1,1\n", "line 2, firm"),
        ("a,-1,1,1\n", "line 2, baseline"),
        ("a,10,1,\n", "line 2, step_cost"),
        ("a,10,,1\n", "line 2, step_quantity"),
        ("a,10,1,-5\n", "line 2, step_cost"),
        ("a,10,1,1e400\n", "line 2, step_cost"),
        ("a,10,0.0000001,1\n", "line 2, step_quantity"),
        ("a,10,1\n", "line 2, row"),
    ],
)
def test_wrong_rows(rows: str, says: str) -> None:
    with pytest.raises(InputInvalid) as refusal:
        firms_of(rows)
    assert says in refusal.value.message("en")


def test_numbers_as_they_are_shown() -> None:
    assert [exact(Fraction(7, 2)), exact(Fraction(3), 2), exact(Fraction(0))] == ["3.5", "3.00", "0"]
    assert [shown(Fraction(1, 200), 2), shown(Fraction(-1, 3), 6)] == ["0.01", "-0.333333"]


def _plans(steps: Sequence[tuple[int, int, int]], left: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Quantity and cost of every way to use whole tonnes of every step within the baselines."""
    for used in itertools.product(*(range(quantity + 1) for _, quantity, _ in steps)):
        per: dict[int, int] = {}
        for (owner, _, _), tonnes in zip(steps, used, strict=True):
            per[owner] = per.get(owner, 0) + tonnes
        if all(per[owner] <= left[owner] for owner in per):
            yield sum(used), sum(cost * t for (_, _, cost), t in zip(steps, used, strict=True))


step_rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=5
)


@settings(max_examples=150, deadline=None)
@given(step_rows, st.tuples(*[st.integers(0, 5)] * 3), st.integers(0, 16))
def test_no_other_plan_is_cheaper(
    rows: list[tuple[int, int, int]], baselines: tuple[int, int, int], cap: int
) -> None:
    """All plans in whole tonnes are tried; with whole numbers an optimum lies among them."""
    firms = [
        made(baselines[owner], *[(q, c) for o, q, c in rows if o == owner], name=f"f{owner}")
        for owner in range(3)
    ]
    plan = least_cost(firms, Fraction(cap))
    needed = max(0, sum(baselines) - cap)
    every = list(_plans(rows, dict(enumerate(baselines))))
    enough = [cost for quantity, cost in every if quantity >= needed]
    most = max(quantity for quantity, _ in every)
    assert plan.missing == max(0, needed - most)
    if enough:
        assert plan.cost == min(enough)
        if needed:
            # The price is the saving of the last whole tonne.
            easier = min(cost for quantity, cost in every if quantity >= needed - 1)
            assert plan.price == min(enough) - easier
        if plan.cost_uniform_cut is not None:
            assert plan.cost_uniform_cut >= plan.cost
    else:
        assert plan.price is None


@settings(max_examples=100, deadline=None)
@given(step_rows, st.tuples(*[st.integers(0, 9)] * 3), st.integers(0, 300), st.integers(0, 99))
def test_row_order_never_matters_and_totals_agree(
    rows: list[tuple[int, int, int]], baselines: tuple[int, int, int], cap: int, seed: int
) -> None:
    lines = [f"f{owner},{baselines[owner]},{q}.5,{c}.25" for owner, q, c in rows]
    plan = least_cost(firms_of("\n".join(lines)), Fraction(cap, 10))
    random.Random(seed).shuffle(lines)
    assert least_cost(firms_of("\n".join(lines)), Fraction(cap, 10)) == plan
    total = sum(plan.abated.values())
    assert total + plan.missing == max(Fraction(0), plan.baseline - plan.cap)
    assert sum(plan.uniform.values()) == max(Fraction(0), plan.baseline - plan.cap)
