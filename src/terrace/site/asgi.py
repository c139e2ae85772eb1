"""The live-events process: GET /api/v1/auctions/{id}/events as server-sent events, and nothing else.

A bare ASGI application without Django, run in its own process beside the pages (design.md, ADR 0006):

    granian --interface asgi --backpressure 16384 --runtime-mode st --loop uvloop terrace.site.asgi:application

One database connection listens; each event is turned into bytes once and sent to every watcher. The table
`auctions_live_event` is the truth, a notification only the hint that it has grown: after a lost database
the listener comes back, reads what it missed, and no watcher notices more than a pause. A browser that
comes back names the last event it saw (Last-Event-ID, or `?after=` at first) and gets all that followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import psycopg

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = re.compile(r"^/api/v1/auctions/(\d{1,18})/events$")
CHANNEL = "auction_events"
HEARTBEAT_SECONDS = 10.0
LOOK_SECONDS = 1.0  # how often the table is asked whether a hint was lost
RECONNECT_SECONDS_MAX = 3.0
KEPT_EVENTS = 500
CATCH_UP_ROWS = 1_000

SNAPSHOT_SQL = (
    "SELECT s.event_seq, auction_public_state(a, s)::text FROM auctions_auction a"
    " JOIN auctions_state s ON s.auction_id = a.id WHERE a.id = %s"
)
GROWN_SQL = "SELECT auction_id, event_seq FROM auctions_state WHERE auction_id = ANY(%s)"
AFTER_SQL = (
    "SELECT seq, kind, data FROM auctions_live_event WHERE auction_id = %s AND seq > %s ORDER BY seq LIMIT %s"
)
# A bid can be read before it is on the disk (ADR 0006): what was read is told only after this.
DURABLE_SQL = (
    "SELECT pg_logical_emit_message(true, 'auction_events', '')"
    " WHERE pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()"
)

logger = logging.getLogger("terrace.events")


def encoded(seq: int, kind: str, data: str) -> bytes:
    """One event as it goes over the wire. `data` is one line of JSON."""
    return f"id: {seq}\nevent: {kind}\ndata: {data}\n\n".encode()


class Unavailable(Exception):
    """The database cannot be asked now."""


class Channel:
    """One watched auction: the last events as bytes, and everybody who waits for the next one."""

    __slots__ = ("auction_id", "changed", "first", "kept", "last", "loading", "pulse", "pulses", "watchers")

    def __init__(self, auction_id: int) -> None:
        self.auction_id = auction_id
        self.watchers = 0
        self.first = 0  # sequence of kept[0]
        self.last = -1  # sequence of the newest event known; -1: not loaded yet
        self.kept: list[bytes] = []
        self.pulses = 0
        self.pulse = b""  # heartbeat or notice without a number: only for those who listen now
        self.changed = asyncio.Event()
        self.loading = asyncio.Lock()

    def append(self, seq: int, event: bytes) -> None:
        if not self.kept:
            self.first = seq
        self.kept.append(event)
        self.last = seq
        if len(self.kept) > 2 * KEPT_EVENTS:
            del self.kept[:KEPT_EVENTS]
            self.first += KEPT_EVENTS

    def wake(self) -> None:
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()

    def beat(self, pulse: bytes) -> None:
        self.pulse = pulse
        self.pulses += 1
        self.wake()

    def holds_after(self, seq: int) -> bool:
        """Whether every event after `seq` is in memory."""
        return seq >= self.last or (bool(self.kept) and seq + 1 >= self.first)

    def after(self, seq: int) -> bytes:
        start = seq + 1 - self.first
        if start == len(self.kept) - 1:
            return self.kept[-1]  # the usual case: everybody waits for this one event
        return b"".join(self.kept[start:])


class Events:
    """The application: starts its listener with the server's lifespan (or the first request)."""

    def __init__(self, database_url: str | None = None) -> None:
        self.database_url = database_url
        self.channels: dict[int, Channel] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.reader: psycopg.AsyncConnection[Any] | None = None
        self.reading = asyncio.Lock()
        self.is_listening = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            self.start()
            await self._http(scope, receive, send)

    def start(self) -> None:
        """Begin to listen; a no-op when it has begun."""
        if not self.tasks:
            loop = asyncio.get_running_loop()
            self.tasks = [loop.create_task(work()) for work in (self._listen, self._look, self._heartbeat)]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []
        if self.reader is not None:
            await self.reader.close()
            self.reader = None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                # Thousands of long-lived objects follow: look through them rarely.
                gc.collect()
                gc.freeze()
                gc.set_threshold(50_000, 20, 50)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    # The database: one connection listens, one answers questions.

    async def _connect(self, purpose: str) -> psycopg.AsyncConnection[Any]:
        url = self.database_url or os.environ.get("DATABASE_URL")
        if not url:
            raise Unavailable("DATABASE_URL is not set")
        return await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=5, application_name=f"terrace events {purpose}"
        )

    async def _rows(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        async with self.reading:
            for attempt in (1, 2):
                try:
                    if self.reader is None or self.reader.closed:
                        self.reader = await self._connect("reader")
                    cursor = await self.reader.execute(sql, parameters)
                    rows = await cursor.fetchall()
                    if rows:
                        await self.reader.execute(DURABLE_SQL)
                    return rows
                except psycopg.OperationalError as error:
                    if self.reader is not None:
                        await self.reader.close()
                        self.reader = None
                    if attempt == 2:
                        raise Unavailable(str(error)) from error
        raise Unavailable

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                connection = await self._connect("listener")
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    # Heard from now on; what was missed stands in the table.
                    for channel in list(self.channels.values()):
                        await self._catch_up(channel)
                    self.is_listening = True
                    self._tell_all({"live": True})
                    pause = 0.1
                    async for notice in connection.notifies():
                        await self._heard(notice.payload)
            except (psycopg.Error, Unavailable, OSError) as error:
                logger.warning("the database is away: %s", str(error).strip().splitlines()[:1])
            if self.is_listening:
                self.is_listening = False
                self._tell_all({"live": False})
            await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - spreads reconnects, no secret
            pause = min(pause * 2, RECONNECT_SECONDS_MAX)

    async def _heard(self, payload: str) -> None:
        words = payload.split(" ", 3)
        channel = self.channels.get(int(words[0]))
        if channel is None or channel.last < 0:
            return  # nobody watches, or the first watcher is reading the table at this moment
        seq = int(words[1])
        if len(words) == 4 and seq == channel.last + 1 and not channel.loading.locked():
            channel.append(seq, encoded(seq, words[2], words[3]))
            channel.wake()
        elif seq > channel.last:
            await self._catch_up(channel)

    async def _catch_up(self, channel: Channel) -> None:
        async with channel.loading:
            if channel.last < 0:
                return
            grown = False
            while True:
                rows = await self._rows(AFTER_SQL, (channel.auction_id, channel.last, CATCH_UP_ROWS))
                for seq, kind, data in rows:
                    channel.append(seq, encoded(seq, kind, data))
                    grown = True
                if len(rows) < CATCH_UP_ROWS:
                    break
            if grown:
                channel.wake()

    def _tell_all(self, status: dict[str, bool]) -> None:
        pulse = f"event: status\ndata: {json.dumps(status)}\n\n".encode()
        for channel in self.channels.values():
            channel.beat(pulse)

    async def _look(self) -> None:
        """A hint may be lost (a killed web process, a failover): one query a second finds every log that grew."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.channels:
                continue
            with contextlib.suppress(Unavailable):
                for auction_id, seq in await self._rows(GROWN_SQL, (list(self.channels),)):
                    channel = self.channels.get(auction_id)
                    if channel is not None and seq > channel.last >= 0:
                        await self._catch_up(channel)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for channel in list(self.channels.values()):
                channel.beat(b": still here\n\n")

    # HTTP

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz":
            await _answer(send, 200, {"status": "ok", "listening": self.is_listening})
            return
        match = PATH.match(scope["path"])
        if match is None:
            await _problem(send, 404, "access.not_found", "没有此地址。No such address.")
            return
        if scope["method"] != "GET":
            await _problem(send, 405, "request.method", "只支持 GET。Only GET.", [(b"allow", b"GET")])
            return
        try:
            seen = _last_seen(scope)
        except ValueError:
            await _problem(
                send,
                422,
                "input.invalid",
                "Last-Event-ID 应为不小于零的整数。Last-Event-ID must be a whole number.",
            )
            return
        channel = self.channels.setdefault(int(match[1]), Channel(int(match[1])))
        channel.watchers += 1
        try:
            try:
                opening, seen = await self._opening(channel, seen)
            except Unavailable:
                await _problem(
                    send,
                    503,
                    "service.busy",
                    "实时事件暂不可用，请稍后重连。Live events are not available now; try again in a moment.",
                    [(b"retry-after", b"2")],
                )
                return
            if opening is None:
                await _problem(send, 404, "access.not_found", "没有此竞价。No such auction.")
                return
            await self._stream(channel, opening, seen, receive, send)
        finally:
            channel.watchers -= 1
            if channel.watchers == 0 and self.channels.get(channel.auction_id) is channel:
                del self.channels[channel.auction_id]

    async def _opening(self, channel: Channel, seen: int | None) -> tuple[bytes | None, int]:
        """What a new watcher gets first: all after `seen`, or the state as it stands. None: no such auction."""
        async with channel.loading:
            if channel.last < 0 or seen is None:
                rows = await self._rows(SNAPSHOT_SQL, (channel.auction_id,))
                if not rows:
                    return None, 0
                at, state = rows[0]
                if channel.last < 0:
                    channel.last = at
                if seen is None:
                    return encoded(at, "state", state), at
            missed = b""
            if not channel.holds_after(seen):
                rows = await self._rows(AFTER_SQL, (channel.auction_id, seen, 1_000_000))
                missed = b"".join(encoded(*row) for row in rows)
                seen = rows[-1][0] if rows else seen
        return missed, seen

    async def _stream(
        self, channel: Channel, opening: bytes, seen: int, receive: Receive, send: Send
    ) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-store"),
                    (b"x-accel-buffering", b"no"),
                    (b"x-content-type-options", b"nosniff"),
                ],
            }
        )
        # After a restart thousands come back: each is told to wait a different moment.
        retry = f"retry: {random.randint(500, 2500)}\n\n"  # noqa: S311 - spreads reconnects, no secret
        await send({"type": "http.response.body", "body": retry.encode() + opening, "more_body": True})
        me = asyncio.current_task()
        assert me is not None
        leaving = asyncio.get_running_loop().create_task(_until_gone(receive, me))
        pulses = channel.pulses
        try:
            while True:
                changed = channel.changed
                if channel.last > seen:
                    if channel.holds_after(seen):
                        body, seen = channel.after(seen), channel.last
                    else:  # a watcher so slow that memory no longer holds what it needs
                        rows = await self._rows(AFTER_SQL, (channel.auction_id, seen, CATCH_UP_ROWS))
                        body = b"".join(encoded(*row) for row in rows)
                        seen = rows[-1][0]
                elif channel.pulses != pulses:
                    body, pulses = channel.pulse, channel.pulses
                else:
                    await changed.wait()
                    continue
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except (asyncio.CancelledError, Unavailable):
            if me.cancelling() and not leaving.done():
                raise  # the server stops
        finally:
            leaving.cancel()


async def _until_gone(receive: Receive, watcher: asyncio.Task[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.cancel()


def _last_seen(scope: Scope) -> int | None:
    """Last-Event-ID of a browser that comes back, else `after` of the address, else None."""
    for name, value in scope["headers"]:
        if name == b"last-event-id" and value.strip():
            return _number(value.decode("latin-1"))
    after = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("after")
    return None if not after else _number(after[0])


def _number(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


async def _problem(
    send: Send, status: int, code: str, title: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = {"type": f"about:blank#{code}", "code": code, "title": title, "detail": title, "status": status}
    await _answer(send, status, body, b"application/problem+json", headers or [])


async def _answer(
    send: Send,
    status: int,
    body: dict[str, Any],
    kind: bytes = b"application/json",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind),
                (b"content-length", str(len(content)).encode()),
                *(headers or []),
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})


application = Events()
