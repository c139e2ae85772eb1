"""HTTP clients that cost little: prepared requests over kept connections, one event loop."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop


@dataclass
class Tally:
    """What a round of load found."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    if length:
        await reader.readexactly(length)
    return int(head[9:12])


def bid_request(auction: int, price_fen: int, session: str) -> bytes:
    """One quote as a browser sends it: session and CSRF cookies, CSRF header, a key of its own."""
    body = json.dumps({"price": f"{price_fen // 100}.{price_fen % 100:02d}"}).encode()
    return (
        f"POST /api/v1/auctions/{auction}/bids HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Cookie: sessionid={session}; csrftoken={'c' * 32}\r\nX-CSRFToken: {'c' * 32}\r\n"
        f"Idempotency-Key: {uuid.uuid4()}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def bare_request() -> bytes:
    body = b'{"price": "21000.00"}'
    return (
        f"POST /bare HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def load(port: int, clients: int, seconds: float, request_of: Callable[[int], bytes]) -> Tally:
    """`clients` connections send one request after the other for `seconds`; only 201 counts as accepted."""

    async def client(n: int, tally: Tally, until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.perf_counter() < until:
                sent = time.perf_counter()
                writer.write(request_of(n))
                status = await _read_answer(reader)
                if status == 201:
                    tally.accepted += 1
                    tally.latencies.append(time.perf_counter() - sent)
                elif status == 409:
                    tally.refused += 1
                else:
                    raise RuntimeError(f"unexpected status {status}")
        finally:
            writer.close()

    async def run() -> Tally:
        tally = Tally()
        started = time.perf_counter()
        await asyncio.gather(*(client(n, tally, started + seconds) for n in range(clients)))
        tally.seconds = time.perf_counter() - started
        return tally

    return uvloop.run(run())


def watch(
    port: int, auction: int, watchers: int, bids: int, place: Callable[[], None], pause: float
) -> list[float]:
    """Seconds from the instant the database gave a bid to its arrival, for every watcher and every bid."""
    delays: list[float] = []

    class Watcher(asyncio.Protocol):
        def __init__(self, ready: asyncio.Event, counted: list[int]) -> None:
            self.ready = ready
            self.counted = counted
            self.buffer = b""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
            transport.write(
                f"GET /api/v1/auctions/{auction}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            )  # type: ignore[attr-defined]

        def data_received(self, data: bytes) -> None:
            now = time.time()
            self.buffer += data
            if b"event: state" in self.buffer:
                self.counted[0] += 1
                self.buffer = b""
                if self.counted[0] == watchers:
                    self.ready.set()
            while (end := self.buffer.find(b"\n\n")) >= 0:
                block, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
                if b"event: bid" in block:
                    begin = block.index(b'"at": "') + 7
                    delays.append(now - _seconds(block[begin : begin + 27]))

    async def run() -> None:
        ready = asyncio.Event()
        counted = [0]
        loop = asyncio.get_running_loop()
        transports = []
        for start in range(0, watchers, 200):
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda: Watcher(ready, counted), "127.0.0.1", port)
                    for _ in range(min(200, watchers - start))
                )
            )
            transports += [transport for transport, _ in made]
        await asyncio.wait_for(ready.wait(), 60)
        for _ in range(bids):
            await loop.run_in_executor(None, place)
            await asyncio.sleep(pause)
        await asyncio.sleep(1.5)
        for transport in transports:
            transport.close()

    uvloop.run(run())
    return delays


_known: dict[bytes, float] = {}


def _seconds(text: bytes) -> float:
    """An instant like 2023-12-04T01:00:00.123456Z; the same bytes are read once for all watchers."""
    import datetime as dt

    found = _known.get(text)
    if found is None:
        found = _known[text] = dt.datetime.fromisoformat(text.decode()).timestamp()
    return found
