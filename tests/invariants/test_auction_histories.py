"""Random histories of quotes: the rules keep their promises, and the SQL function decides exactly as they do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terrace.kernel.audit.queries import verify_chain
from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.kernel.orgs.models import Organisation, OrganisationState
from terrace.market.auctions import queries, services
from terrace.market.auctions.models import AuctionState, Bid, BidderState, RefusedQuote
from terrace.market.auctions.rules import ascending
from terrace.market.auctions.rules.ascending import (
    Accepted,
    Phase,
    Quote,
    Refused,
    Standing,
    Terms,
    ends_at,
    minimum,
    moment,
    opening,
    outcome,
    place,
    replay,
)
from terrace.market.auctions.tests import factories

START, STEP = 1_000, 100
OPENS = dt.datetime(2023, 12, 4, 1, 0, tzinfo=dt.UTC)
seconds = st.integers(0, 90).map(lambda n: dt.timedelta(seconds=n))


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    timed = draw(st.booleans())
    return Terms(
        start_price_fen=START,
        increment_fen=STEP,
        opens_at=OPENS,
        free_until=OPENS + dt.timedelta(seconds=draw(st.integers(60, 300))),
        wait=dt.timedelta(seconds=draw(st.sampled_from([0, 30, 60]))),
        window=dt.timedelta(seconds=draw(st.sampled_from([30, 60]))),
        timed_period=timed,
        timed_quoters_min=draw(st.integers(1, 3)),
        whole_steps=draw(st.booleans()),
        free_quoters_only=draw(st.booleans()),
        leader_may_raise=draw(st.booleans()),
        late_quote=None if timed or draw(st.booleans()) else dt.timedelta(seconds=45),
        extensions_max=draw(st.none() | st.integers(0, 3)),
        confirm_factor=draw(st.sampled_from([2, 10])),
    )


# who, how far above the next valid price (in fen), when after the quote before, confirmed
attempts = st.lists(
    st.tuples(
        st.sampled_from("ABCD"),
        st.sampled_from([-STEP, -1, 0, 0, 0, 1, STEP, 5 * STEP, 5_000, 10**6, 10**16]),
        seconds,
        st.booleans(),
    ),
    max_size=25,
)
STANDINGS = {
    "A": Standing(),
    "B": Standing(limit_fen=START + 20 * STEP),
    "C": Standing(),
    "D": Standing(),
}


@settings(deadline=None, max_examples=300)
@given(terms=terms(), attempts=attempts, start=st.integers(-60, 200))
def test_promises_of_the_rules(terms: Terms, attempts: list[tuple[str, int, Any, bool]], start: int) -> None:
    state = opening(terms)
    now = OPENS + dt.timedelta(seconds=start)
    taken: list[Quote] = []
    for bidder, above, later, confirmed in attempts:
        now += later
        before_end, before = ends_at(terms, state), state
        price = minimum(terms, state) + above
        answer = place(terms, state, Quote(bidder, price, now, confirmed, STANDINGS[bidder]))
        phase = moment(terms, before, now).phase
        if isinstance(answer, Refused):
            assert state == before
            continue
        assert isinstance(answer, Accepted)
        state = answer.state
        taken.append(Quote(bidder, price, now, confirmed=True))
        assert phase in (Phase.FREE, Phase.TIMED)
        assert ends_at(terms, state) >= before_end
        assert state.seq == before.seq + 1
        assert state.best_fen == price >= START
        if before.best_fen is not None:
            assert price >= before.best_fen + STEP
        if phase is Phase.TIMED and answer.extended:
            assert ends_at(terms, state) == now + terms.window
        if phase is Phase.TIMED and terms.free_quoters_only:
            assert bidder in before.free_quoters
        if terms.extensions_max is not None:
            assert state.extensions <= terms.extensions_max
    assert replay(terms, taken) == state
    result = outcome(terms, state)
    assert result.price_fen == max((q.price_fen for q in taken), default=None)
    assert (result.status == "sold") is bool(taken)
    if taken:
        assert result.winner == max(taken, key=lambda q: q.price_fen).bidder
        assert result.ended_at > taken[-1].at
    bundle = ascending.bundle(terms, taken, about={"number": "x"})
    assert ascending.rerun(bundle) == bundle


@pytest.mark.django_db
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(terms=terms(), attempts=attempts, start=st.integers(-60, 200))
def test_the_database_decides_as_the_rules_do(
    terms: Terms, attempts: list[tuple[str, int, Any, bool]], start: int
) -> None:
    names = [f.name for f in Terms.__dataclass_fields__.values()]
    auction = factories.auction(OPENS, **{name: getattr(terms, name) for name in names})
    assert auction.terms == terms
    bidders = {
        name: factories.bidder(auction, limit_fen=standing.limit_fen) for name, standing in STANDINGS.items()
    }
    standings = dict(STANDINGS)
    bidders["C"].state = BidderState.EXCLUDED
    state = opening(terms)
    now = OPENS + dt.timedelta(seconds=start)
    for n, (name, above, later, confirmed) in enumerate(attempts):
        now += later
        clock.set_now(now)
        if n == 12:  # in the middle one is excluded and one organisation suspended
            bidders["C"].save()
            standings["C"] = Standing(admitted=False)
            Organisation.objects.filter(pk=bidders["D"].organisation_id).update(
                state=OrganisationState.SUSPENDED, state_reason="test"
            )
            standings["D"] = Standing(organisation_active=False)
        bidder = bidders[name]
        price = minimum(terms, state) + above
        placed = None
        code = ""
        try:
            placed = services.place_bid(
                actor=factories.actor_for(bidder.organisation),
                auction_id=auction.pk,
                price_fen=price,
                key=str(n),
                confirmed=confirmed,
            )
            at = placed.at
        except Refusal as refusal:
            code = refusal.code
            at = RefusedQuote.objects.get(bidder=bidder, key=str(n)).at
        answer = place(terms, state, Quote(str(bidder.pk), price, at, confirmed, standings[name]))
        if isinstance(answer, Refused):
            assert code == f"auction.bid.{answer.why}"
        else:
            assert placed is not None, code
            state = answer.state
            assert (placed.seq, placed.phase, placed.ends_at) == (
                state.seq,
                answer.phase,
                ends_at(terms, state),
            )
        assert AuctionState.objects.get(pk=auction.pk).as_rules() == state
    public = queries.get_public_state(auction.pk)
    assert public is not None
    assert public.phase == moment(terms, state, max(public.now, state.last_at or public.now)).phase
    assert dt.datetime.fromisoformat(public.values["ends_at"]) == ends_at(terms, state)
    assert queries.check_state(auction.pk) is None
    assert verify_chain() is None
    damaged = Bid.objects.filter(auction=auction).count()
    if damaged:
        AuctionState.objects.filter(pk=auction.pk).update(best_fen=1)
        assert "best_fen" in (queries.check_state(auction.pk) or "")
        AuctionState.objects.filter(pk=auction.pk).update(best_fen=state.best_fen)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM base_clock_setting")
