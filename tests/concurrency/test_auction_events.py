"""Live events against a real database: resuming, gaps, a listener that is killed, slow and absent watchers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from terrace.market.auctions import services
from terrace.market.auctions.models import Auction, Bidder
from terrace.market.auctions.tests import factories
from terrace.market.auctions.tests.factories import START, STEP
from terrace.site import asgi
from terrace.site.asgi import Events

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_SECONDS = 10.0


def url() -> str:
    database = settings.DATABASES["default"]
    return (
        f"postgresql://{database['USER']}:{database['PASSWORD']}@/{connection.settings_dict['NAME']}"
        f"?host={database['HOST']}&port={database['PORT'] or 5432}"
    )


class Watcher:
    """A browser's EventSource, as far as the server can tell."""

    def __init__(self, app: Events, path: str, *, last: str | None = None, method: str = "GET") -> None:
        path, _, query = path.partition("?")
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [] if last is None else [(b"last-event-id", last.encode())],
        }
        self.app = app
        self.status = 0
        self.text = ""
        self.gone = asyncio.Event()
        self.grown = asyncio.Condition()
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watcher:
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gone.set()
        assert self.task is not None
        await asyncio.wait_for(self.task, WAIT_SECONDS)

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        async with self.grown:
            self.status = message.get("status", self.status)
            self.text += message.get("body", b"").decode()
            self.grown.notify_all()

    async def until(self, ready: Callable[[list[tuple[str, int, dict[str, Any]]]], bool]) -> None:
        async with self.grown:
            await asyncio.wait_for(self.grown.wait_for(lambda: ready(self.events)), WAIT_SECONDS)

    async def until_bids(self, count: int) -> list[int]:
        await self.until(lambda _: len(self.bids) >= count)
        return self.bids

    @property
    def events(self) -> list[tuple[str, int, dict[str, Any]]]:
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(
                line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":"
            )
            if "data" in fields:
                found.append((fields["event"], int(fields.get("id", -1)), json.loads(fields["data"])))
        return found

    @property
    def bids(self) -> list[int]:
        return [number for kind, number, _ in self.events if kind == "bid"]


@contextlib.contextmanager
def closing_connections() -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


async def quote(bidder: Bidder, price: int) -> None:
    def place() -> None:
        with closing_connections():
            services.place_bid(
                actor=factories.actor_for(bidder.organisation),
                auction_id=bidder.auction_id,
                price_fen=price,
                key=f"k{price}",
            )

    await asyncio.to_thread(place)


def run(scenario: Callable[[Events], Awaitable[None]]) -> None:
    async def with_app() -> None:
        app = Events(url())
        try:
            await scenario(app)
        finally:
            await app.stop()

    asyncio.run(with_app())


@pytest.fixture
def auction() -> Auction:
    return factories.auction()


@pytest.fixture
def bidder(auction: Auction) -> Bidder:
    bidder = factories.bidder(auction)
    assert bidder.organisation.name
    return bidder


def path(auction: Auction) -> str:
    return f"/api/v1/auctions/{auction.pk}/events"


def test_a_new_watcher_gets_the_state_and_then_each_bid(auction: Auction, bidder: Bidder) -> None:
    async def scenario(app: Events) -> None:
        await quote(bidder, START)
        async with Watcher(app, path(auction)) as watcher:
            await watcher.until(bool)
            kind, number, state = watcher.events[0]
            assert (watcher.status, kind, number) == (200, "state", 1)
            assert state["best_fen"] == START
            await quote(bidder, START + STEP)
            assert await watcher.until_bids(1) == [2]
            _, _, data = watcher.events[-1]
            assert (data["price_fen"], data["state"]["next_fen"]) == (START + STEP, START + 2 * STEP)
            assert bidder.organisation.name not in watcher.text
        assert app.channels == {}

    run(scenario)


def test_who_comes_back_gets_exactly_what_was_missed(auction: Auction, bidder: Bidder) -> None:
    async def scenario(app: Events) -> None:
        for n in range(4):
            await quote(bidder, START + n * STEP)
        async with Watcher(app, path(auction), last="2") as watcher:
            assert await watcher.until_bids(2) == [3, 4]
            async with Watcher(app, path(auction) + "?after=0") as second:
                assert await second.until_bids(4) == [1, 2, 3, 4]
            async with Watcher(app, path(auction) + "?after=0", last="4") as third:
                await quote(bidder, START + 4 * STEP)
                assert await third.until_bids(1) == [5]
            assert await watcher.until_bids(3) == [3, 4, 5]

    run(scenario)


def test_the_listener_comes_back_after_its_connection_is_killed(auction: Auction, bidder: Bidder) -> None:
    def kill() -> None:
        with closing_connections(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'terrace events%'"
            )

    async def scenario(app: Events) -> None:
        async with Watcher(app, path(auction)) as watcher:
            await watcher.until(lambda events: any(data.get("live") for _, _, data in events))
            await quote(bidder, START)
            await watcher.until_bids(1)
            await asyncio.to_thread(kill)
            await watcher.until(lambda events: any(data.get("live") is False for _, _, data in events))
            await quote(bidder, START + STEP)
            assert await watcher.until_bids(2) == [1, 2]

    run(scenario)


def test_a_lost_hint_is_made_good_by_the_table(
    auction: Auction, bidder: Bidder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr(asgi, "LOOK_SECONDS", 0.3)

    class Deaf(Events):
        async def _heard(self, payload: str) -> None:
            """Loses every notification."""

    async def scenario() -> None:
        app = Deaf(url())
        try:
            async with Watcher(app, path(auction)) as watcher:
                await watcher.until(bool)
                await quote(bidder, START)
                assert await watcher.until_bids(1) == [1]
                assert ": still here" in watcher.text
        finally:
            await app.stop()

    asyncio.run(scenario())


def test_memory_is_bounded_and_a_slow_watcher_reads_the_table(
    auction: Auction, bidder: Bidder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "KEPT_EVENTS", 2)

    async def scenario(app: Events) -> None:
        async with Watcher(app, path(auction)) as watcher:
            await watcher.until(bool)
            for n in range(9):
                await quote(bidder, START + n * STEP)
            await watcher.until_bids(9)
            assert len(app.channels[auction.pk].kept) <= 4
            async with Watcher(app, path(auction), last="1") as late:
                assert await late.until_bids(8) == list(range(2, 10))

    run(scenario)


@pytest.mark.parametrize(
    ("path", "method", "last", "status", "code"),
    [
        ("/api/v1/auctions/0/events", "GET", None, 404, "access.not_found"),
        ("/api/v1/auctions/x/events", "GET", None, 404, "access.not_found"),
        ("/api/v1/auctions/1/events", "POST", None, 405, "request.method"),
        ("/api/v1/auctions/1/events", "GET", "letters", 422, "input.invalid"),
        ("/api/v1/auctions/1/events?after=-1", "GET", None, 422, "input.invalid"),
    ],
)
def test_what_is_not_an_auction_is_a_problem_document(
    path: str, method: str, last: str | None, status: int, code: str
) -> None:
    async def scenario(app: Events) -> None:
        async with Watcher(app, path, method=method, last=last) as watcher:
            assert watcher.task is not None
            await asyncio.wait_for(watcher.task, WAIT_SECONDS)
        assert (watcher.status, json.loads(watcher.text)["code"]) == (status, code)
        assert app.channels == {}

    run(scenario)


def test_without_a_database_a_newcomer_is_told_to_try_again(auction: Auction) -> None:
    async def scenario() -> None:
        app = Events("postgresql://nobody@127.0.0.1:1/none")
        async with Watcher(app, path(auction)) as watcher:
            assert watcher.task is not None
            await asyncio.wait_for(watcher.task, WAIT_SECONDS)
        assert (watcher.status, json.loads(watcher.text)["code"]) == (503, "service.busy")
        await app.stop()

    asyncio.run(scenario())
