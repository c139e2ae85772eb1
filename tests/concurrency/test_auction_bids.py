"""Many real connections at one auction: the lock is needed, and it suffices."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection

from terrace.kernel.audit.queries import verify_chain
from terrace.kernel.base import clock
from terrace.kernel.base.errors import Refusal
from terrace.market.auctions import queries, services
from terrace.market.auctions.models import Auction, AuctionState, Bid, Bidder, LiveEvent, RefusedQuote
from terrace.market.auctions.services import bidding
from terrace.market.auctions.tests import factories
from terrace.market.auctions.tests.factories import START, STEP

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16


def together(work: Callable[[int], object], count: int = THREADS) -> list[BaseException]:
    """Run `work` in threads that start at the same moment, each with its own connection."""
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            work(n)
        except Exception as error:  # noqa: BLE001 - handed to the test, which says what may fail
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return failures


def quote(bidder: Bidder, price: int, key: str) -> services.PlacedBid | None:
    try:
        return services.place_bid(
            actor=factories.actor_for(bidder.organisation),
            auction_id=bidder.auction_id,
            price_fen=price,
            key=key,
        )
    except Refusal:
        return None


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same function without its row lock, slowed where it decides, for the proof that the lock is needed."""
    with connection.cursor() as cursor:
        for name in ("auction_place_bid", "auction_quote"):
            cursor.execute(f"SELECT pg_get_functiondef('{name}'::regproc)")
            source: str = cursor.fetchone()[0]
            assert source.count("FOR UPDATE") == (name == "auction_place_bid")
            source = source.replace("FOR UPDATE", "").replace(
                "v_phase := auction_phase", "PERFORM pg_sleep(0.05); v_phase := auction_phase"
            )
            cursor.execute(re.sub(r"\b(auction_place_bid|auction_quote)\(", r"\1_unlocked(", source))
    monkeypatch.setattr(
        bidding, "QUOTE_SQL", bidding.QUOTE_SQL.replace("auction_quote", "auction_quote_unlocked")
    )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP PROCEDURE auction_quote_unlocked")
        cursor.execute("DROP FUNCTION auction_place_bid_unlocked")


def bidders_of(auction: Auction, count: int) -> list[Bidder]:
    bidders = [factories.bidder(auction) for _ in range(count)]
    for bidder in bidders:
        assert bidder.organisation.name  # read before the threads start
    return bidders


def test_without_the_lock_two_bidders_take_the_same_place(unlocked: None) -> None:
    bidders = bidders_of(factories.auction(), 8)
    failures = together(lambda n: quote(bidders[n], START, f"k{n}"), len(bidders))
    # Only the unique sequence stands in the way then: a fault instead of an answer.
    assert failures
    assert all(isinstance(failure, DatabaseError) for failure in failures)


def test_bids_of_many_connections_are_gapless_rising_and_replayable() -> None:
    auction = factories.auction()
    bidders = bidders_of(auction, THREADS)
    rng = random.Random(20231204)
    steps = [[rng.randint(0, 12) for _ in range(25)] for _ in bidders]

    def work(n: int) -> None:
        for attempt, ahead in enumerate(steps[n]):
            best = AuctionState.objects.values_list("best_fen", flat=True).get(pk=auction.pk) or START - STEP
            quote(bidders[n], best + ahead * STEP, f"{n}-{attempt}")

    assert together(work) == []
    bids = list(Bid.objects.filter(auction=auction).order_by("seq"))
    assert [bid.seq for bid in bids] == list(range(1, len(bids) + 1))
    assert all(later.price_fen >= bid.price_fen + STEP for bid, later in itertools.pairwise(bids))
    assert all(later.at >= bid.at for bid, later in itertools.pairwise(bids))
    assert all(later.ends_at >= bid.ends_at for bid, later in itertools.pairwise(bids))
    assert len(bids) + RefusedQuote.objects.count() == THREADS * 25
    assert len(bids) > 10
    assert list(LiveEvent.objects.order_by("seq").values_list("seq", flat=True)) == [bid.seq for bid in bids]
    assert queries.check_state(auction.pk) is None
    assert verify_chain() is None


def test_one_key_sent_by_many_connections_at_once_is_one_bid() -> None:
    bidder = bidders_of(factories.auction(), 1)[0]
    answers: list[Any] = []
    assert together(lambda n: answers.append(quote(bidder, START, "same"))) == []
    assert Bid.objects.count() == 1
    assert RefusedQuote.objects.count() == 0
    assert {(answer.seq, answer.at) for answer in answers} == {(1, answers[0].at)}
    assert sum(not answer.repeated for answer in answers) == 1


def test_only_accepted_quotes_extend_the_timed_period() -> None:
    now = clock.now()
    auction = factories.auction(now)
    bidders = bidders_of(auction, THREADS)
    for n, bidder in enumerate(bidders):
        assert quote(bidder, START + n * STEP, "free") is not None
    clock.set_now(auction.free_until + dt.timedelta(minutes=5))
    top = START + THREADS * STEP
    # All quote the same price: one is accepted, the others are too low and move nothing.
    assert together(lambda n: quote(bidders[n], top, "timed")) == []
    accepted = Bid.objects.filter(phase="TIMED")
    state = AuctionState.objects.get(pk=auction.pk)
    assert accepted.count() == 1
    assert state.extensions == 1
    assert state.timed_ends_at == accepted.get().at + dt.timedelta(minutes=4)
    assert RefusedQuote.objects.filter(why="too_low").count() == THREADS - 1


def test_auctions_do_not_wait_for_each_other() -> None:
    auctions = [factories.auction() for _ in range(THREADS)]
    bidders = [bidders_of(auction, 1)[0] for auction in auctions]
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM auctions_state WHERE auction_id = %s FOR UPDATE", [auctions[0].pk])
        assert together(lambda n: quote(bidders[n], START, "k") if n else None) == []
        cursor.execute("ROLLBACK")
    assert Bid.objects.count() == THREADS - 1


@pytest.fixture
def procedure() -> Iterator[Callable[[str, str], str]]:
    """The procedure of a quote with one line replaced, under another name; returns the statement that calls it."""
    made: list[str] = []

    def changed(old: str, new: str) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_functiondef('auction_quote'::regproc)")
            source: str = cursor.fetchone()[0]
            assert source.count(old) == 1
            made.append(f"auction_quote_{len(made)}")
            cursor.execute(source.replace(old, new).replace("public.auction_quote(", f"{made[-1]}("))
        return bidding.QUOTE_SQL.replace("auction_quote", made[-1])

    yield changed
    with connection.cursor() as cursor:
        for name in made:
            cursor.execute(f"DROP PROCEDURE {name}")


FLUSH = "PERFORM pg_logical_emit_message(true, 'auction_quote', '');"


def test_a_bidder_does_not_wait_for_the_disk_of_the_one_before(
    procedure: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bidders_of(factories.auction(), 2)
    answers: list[Any] = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")  # the disk is slow: its flush ends when we say so
    slow_disk = "PERFORM set_config('lock_timeout', '0', true), pg_advisory_xact_lock(4711);"
    monkeypatch.setattr(bidding, "QUOTE_SQL", procedure(FLUSH, f"{slow_disk} {FLUSH}"))

    def slow() -> None:
        try:
            answers.append(quote(first, START, "slow"))
        finally:
            connection.close()

    waiting = threading.Thread(target=slow)
    waiting.start()
    try:
        until(lambda: Bid.objects.filter(seq=1).exists())
        assert answers == []  # recorded and visible, not yet acknowledged
        monkeypatch.undo()
        placed = quote(second, START + STEP, "quick")
        assert placed is not None
        assert placed.seq == 2
        assert answers == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(4711)")
        waiting.join(30)
    assert [answer.seq for answer in answers] == [1]


def test_an_answer_leaves_only_when_its_bid_is_on_the_disk(
    procedure: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder = bidders_of(factories.auction(), 1)[0]
    # The place in the log of the database behind the commit of the quote, noted before anything is flushed.
    noted = "PERFORM set_config('test.committed_at', pg_current_wal_insert_lsn()::text, false);"
    monkeypatch.setattr(bidding, "QUOTE_SQL", procedure(FLUSH, f"{noted} {FLUSH}"))
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # the cluster of the tests does without
        for price, key in ((START, "accepted"), (START - STEP, "refused"), (START, "accepted")):
            quote(bidder, price, key)
            cursor.execute(
                "SELECT pg_current_wal_flush_lsn() >= current_setting('test.committed_at')::pg_lsn"
            )
            assert cursor.fetchone() == (True,)
        cursor.execute("RESET synchronous_commit")


def test_auctions_bidders_and_states_are_never_deleted() -> None:
    bidder = bidders_of(factories.auction(), 1)[0]
    for row in (bidder, AuctionState.objects.get(), Auction.objects.get()):
        with pytest.raises(DatabaseError, match="keeps its rows"):
            type(row)._default_manager.filter(pk=row.pk)._raw_delete(using="default")


def until(ready: Callable[[], bool]) -> None:
    """Look again and again, at most half a minute."""
    end = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
