"""E6: both sides say yes to the same terms, two persons each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrace.market.auctions.rules.negotiated import (
    TEXTS,
    Facts,
    Proposal,
    Side,
    State,
    Status,
    Why,
    break_off,
    confirm,
    enter,
    propose,
)

SELLER, BUYER = Side.SELLER, Side.BUYER
FACTS = Facts(floor_fen=400_000)
TERMS = Proposal(price_fen=400_000, quantity_g=1_000_000, pay_days=5)
OTHER = Proposal(price_fen=450_000, quantity_g=1_000_000, pay_days=5)


def went(answer: State | Why) -> State:
    assert isinstance(answer, State), answer
    return answer


def proposed() -> State:
    return went(propose(State(), FACTS, SELLER, "s1", TERMS))


def three_yes() -> State:
    state = went(enter(proposed(), FACTS, BUYER, "b1", TERMS))
    return went(confirm(state, FACTS, SELLER, "s2", TERMS))


def test_the_fourth_person_makes_the_agreement() -> None:
    assert three_yes().status is Status.PROPOSED
    state = went(confirm(three_yes(), FACTS, BUYER, "b2", TERMS))
    assert (state.status, state.proposal) == (Status.AGREED, TERMS)
    assert (state.maker(SELLER), state.checker(SELLER)) == ("s1", "s2")
    assert (state.maker(BUYER), state.checker(BUYER)) == ("b1", "b2")
    assert confirm(state, FACTS, BUYER, "b3", TERMS) is Why.ENDED
    assert propose(state, FACTS, SELLER, "s1", OTHER) is Why.ENDED
    assert break_off(state) is Why.ENDED


def test_a_checker_may_confirm_before_the_other_side_has_entered() -> None:
    state = went(confirm(proposed(), FACTS, SELLER, "s2", TERMS))
    state = went(enter(state, FACTS, BUYER, "b1", TERMS))
    assert went(confirm(state, FACTS, BUYER, "b2", TERMS)).status is Status.AGREED


def test_new_terms_take_every_yes_back() -> None:
    state = went(propose(three_yes(), FACTS, BUYER, "b1", OTHER))
    assert (state.makers, state.checkers, state.proposal) == (((BUYER, "b1"),), (), OTHER)
    assert confirm(state, FACTS, BUYER, "b2", TERMS) is Why.OTHER_TERMS
    assert enter(state, FACTS, SELLER, "s1", TERMS) is Why.OTHER_TERMS
    assert went(enter(state, FACTS, SELLER, "s1", OTHER)).maker(SELLER) == "s1"


def test_the_floor_on_both_sides() -> None:
    low = Proposal(399_999, 1_000_000, 5)
    assert propose(State(), FACTS, SELLER, "s1", low) is Why.BELOW_FLOOR
    assert went(propose(State(), FACTS, SELLER, "s1", TERMS)).proposal == TERMS
    # The floor, the freeze and the buyer are looked at again at every step.
    assert confirm(three_yes(), Facts(400_001), BUYER, "b2", TERMS) is Why.BELOW_FLOOR
    assert confirm(three_yes(), Facts(0, right_free=False), BUYER, "b2", TERMS) is Why.RIGHT_NOT_FREE
    assert confirm(three_yes(), Facts(0, buyer_eligible=False), BUYER, "b2", TERMS) is Why.BUYER_NOT_ELIGIBLE


def test_two_persons_of_each_side_and_nobody_for_both() -> None:
    assert enter(State(), FACTS, BUYER, "b1", TERMS) is Why.NOTHING_PROPOSED
    assert confirm(proposed(), FACTS, SELLER, "s1", TERMS) is Why.SAME_PERSON
    assert confirm(proposed(), FACTS, BUYER, "b2", TERMS) is Why.NOT_ENTERED
    assert enter(proposed(), FACTS, SELLER, "s3", TERMS) is Why.ALREADY
    assert confirm(three_yes(), FACTS, SELLER, "s3", TERMS) is Why.ALREADY
    assert enter(proposed(), FACTS, BUYER, "s1", TERMS) is Why.BOTH_SIDES
    assert confirm(three_yes(), FACTS, BUYER, "s2", TERMS) is Why.BOTH_SIDES
    # Also where the earlier yes has been taken back by new terms.
    anew = went(propose(three_yes(), FACTS, BUYER, "b1", OTHER))
    assert propose(anew, FACTS, BUYER, "s2", TERMS) is Why.BOTH_SIDES


def test_breaking_off() -> None:
    state = went(break_off(three_yes()))
    assert state.status is Status.BROKEN_OFF
    assert confirm(state, FACTS, BUYER, "b2", TERMS) is Why.ENDED


@pytest.mark.parametrize("why", Why)
def test_every_reason_is_said_in_both_languages(why: Why) -> None:
    assert TEXTS[why].zh and TEXTS[why].en


steps = st.lists(
    st.tuples(
        st.sampled_from([propose, enter, confirm]),
        st.sampled_from(Side),
        st.sampled_from(["p1", "p2", "p3", "p4"]),
        st.sampled_from([TERMS, OTHER, Proposal(1, 1, 1)]),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_whatever_happens_an_agreement_has_four_persons_and_a_lawful_price(
    history: list[tuple[Callable[..., State | Why], Side, str, Proposal]],
) -> None:
    state = State()
    for step, side, person, proposal in history:
        answer = step(state, FACTS, side, person, proposal)
        if isinstance(answer, State):
            state = answer
        if state.status is Status.AGREED:
            persons = [who for _, who in (*state.makers, *state.checkers)]
            assert len(set(persons)) == len(persons) == 4
            assert state.proposal is not None and state.proposal.price_fen >= FACTS.floor_fen
        sides: dict[str, set[Side]] = {}
        for where, who in state.acted:
            sides.setdefault(who, set()).add(where)
        assert all(len(where) == 1 for where in sides.values())
