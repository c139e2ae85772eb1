"""The one address: a small HTTP/1.1 gate that hands each connection to the web or to the events process.

Live events hold thousands of connections open, pages want threads; so they are two processes (design.md,
ADR 0008). The gate reads only request heads: it drops what a client may not say (forwarding headers),
adds its own, and from then on copies bytes. It never buffers a body and never reads an answer.
In production a TLS proxy may do the same by path and talk to the two sockets directly.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

EVENTS_PATH = re.compile(rb"^GET /api/v1/auctions/[^/ ?]+/events(\?| )")
HEAD_BYTES_MAX = 32 * 1024
HEAD_SECONDS_MAX = 20
WATERMARK_BYTES = 256 * 1024
_DROPPED = (b"x-forwarded-for:", b"x-forwarded-proto:", b"x-forwarded-host:", b"forwarded:", b"x-real-ip:")


def answer(status: bytes, text: str) -> bytes:
    """A plain closing answer of the gate itself."""
    body = text.encode()
    return (
        b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: "
        + str(len(body)).encode() + b"\r\n\r\n" + body
    )  # fmt: skip


BUSY = answer(
    b"503 Service Unavailable",
    "系统正在重新启动，请稍后刷新。Terrace is restarting; please try again in a moment.\n",
)
BAD = answer(b"400 Bad Request", "无法识别的请求。The request cannot be understood.\n")
TOO_LARGE = answer(b"431 Request Header Fields Too Large", "请求头过大。The request head is too large.\n")


class Head:
    """The parts of one request head that the gate needs."""

    __slots__ = ("body_bytes", "is_chunked", "is_events", "lines")

    def __init__(self, raw: bytes) -> None:
        self.lines = raw.split(b"\r\n")
        self.is_events = EVENTS_PATH.match(raw) is not None
        self.body_bytes = 0
        self.is_chunked = False
        lengths: set[int] = set()
        for line in self.lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or name != name.strip() or not name:
                raise ValueError("malformed header line")
            key = name.lower()
            if key == b"content-length":
                if not value.strip().isdigit():
                    raise ValueError("malformed content-length")
                lengths.add(int(value))
            elif key == b"transfer-encoding":
                self.is_chunked = True
        if len(lengths) > 1 or (lengths and self.is_chunked):
            raise ValueError("ambiguous body length")  # the opening of request smuggling
        if lengths:
            self.body_bytes = lengths.pop()

    def forwarded(self, peer: bytes, scheme: bytes, trust: bool) -> bytes:
        """The head for the upstream, with forwarding headers of our own unless a trusted proxy set them."""
        lines = self.lines
        if not trust:
            lines = [line for line in lines if not line.lower().startswith(_DROPPED)]
            lines += [b"X-Forwarded-For: " + peer, b"X-Forwarded-Proto: " + scheme]
        return b"\r\n".join(lines) + b"\r\n\r\n"


class Upstream(asyncio.Protocol):
    """The connection to web or events: copies every answer byte to the client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are not its subclasses

    def data_received(self, data: bytes) -> None:
        self.client.answered = True
        if self.client.transport is not None:
            self.client.transport.write(data)

    def pause_writing(self) -> None:
        if self.client.transport is not None:
            self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.client.transport is not None:
            self.client.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.client.upstream_lost(self)


class Client(asyncio.Protocol):
    """One client connection: finds the heads in the byte stream and sends each request where it belongs."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.transport: asyncio.Transport | None = None
        self.upstream: Upstream | None = None
        self.to_events = False
        self.raw = False  # from now on only copy: events, chunked bodies
        self.body_left = 0
        self.buffer = bytearray()
        self.answered = False
        self.connecting = False
        self.timer: asyncio.TimerHandle | None = None
        self.peer = b"unknown"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are not its subclasses
        self.transport.set_write_buffer_limits(high=WATERMARK_BYTES)
        peer = transport.get_extra_info("peername")
        if peer:
            self.peer = str(peer[0]).encode()
        self.gate.clients.add(self)
        self._await_head()

    def _await_head(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(HEAD_SECONDS_MAX, self._head_late)

    def _head_late(self) -> None:
        # An idle keep-alive connection is the upstream's to close; only a half-sent head is ours.
        if self.transport is not None and (self.buffer or self.upstream is None):
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.raw and self.upstream is not None and self.upstream.transport is not None:
            self.upstream.transport.write(data)
            return
        self.buffer += data
        if not self.connecting:
            self._pump()

    def _pump(self) -> None:
        """Send on everything in the buffer that is complete enough to be sent."""
        while self.buffer and self.transport is not None:
            if self.raw or self.body_left:
                assert self.upstream is not None
                if self.upstream.transport is None:
                    return
                size = len(self.buffer) if self.raw else min(self.body_left, len(self.buffer))
                self.upstream.transport.write(bytes(self.buffer[:size]))
                del self.buffer[:size]
                if not self.raw:
                    self.body_left -= size
                continue
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > HEAD_BYTES_MAX:
                    self._refuse(TOO_LARGE)
                return
            try:
                head = Head(bytes(self.buffer[:end]))
            except ValueError:
                self._refuse(BAD)
                return
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
            if self.upstream is None or self.to_events != head.is_events:
                self._connect(head.is_events)
                return  # the head stays in the buffer until the upstream is there
            assert self.upstream.transport is not None
            del self.buffer[: end + 4]
            self.answered = False
            self.upstream.transport.write(
                head.forwarded(self.peer, self.gate.scheme, self.gate.trust_forwarded)
            )
            self.body_left = head.body_bytes
            self.raw = head.is_events or head.is_chunked

    def _connect(self, to_events: bool) -> None:
        if self.upstream is not None:
            old, self.upstream = self.upstream, None
            if old.transport is not None:
                old.transport.close()
        self.to_events = to_events
        self.connecting = True
        task = asyncio.get_running_loop().create_task(
            self._connected(self.gate.events if to_events else self.gate.web)
        )
        self.gate.tasks.add(task)
        task.add_done_callback(self.gate.tasks.discard)

    async def _connected(self, socket: Path) -> None:
        loop = asyncio.get_running_loop()
        for pause in (0.0, 0.1, 0.3, 1.0, 2.0):  # a restarting process is worth a short wait
            await asyncio.sleep(pause)
            if self.transport is None:
                return
            try:
                _, protocol = await loop.create_unix_connection(lambda: Upstream(self), str(socket))
            except OSError:
                continue
            self.connecting = False
            if self.is_gone():
                if protocol.transport is not None:
                    protocol.transport.close()
                return
            self.upstream = protocol
            self._pump()
            return
        self._refuse(BUSY)

    def is_gone(self) -> bool:
        """The client went away (while we waited for the upstream, for instance)."""
        return self.transport is None

    def _refuse(self, text: bytes) -> None:
        if self.transport is not None:
            self.transport.write(text)
            self.transport.close()

    def upstream_lost(self, upstream: Upstream) -> None:
        if upstream is self.upstream and self.transport is not None:
            self.upstream = None
            self.transport.close()

    def pause_writing(self) -> None:
        if self.upstream is not None and self.upstream.transport is not None:
            self.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.upstream is not None and self.upstream.transport is not None:
            self.upstream.transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.gate.clients.discard(self)
        if self.timer is not None:
            self.timer.cancel()
        if self.upstream is not None and self.upstream.transport is not None:
            self.upstream.transport.close()


class Gate:
    """Where the two processes listen, and what this address says about the client."""

    def __init__(
        self, *, web: Path, events: Path, scheme: str = "http", trust_forwarded: bool = False
    ) -> None:
        self.web = web
        self.events = events
        self.scheme = scheme.encode()
        self.trust_forwarded = trust_forwarded
        self.clients: set[Client] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def protocol(self) -> Callable[[], Client]:
        return lambda: Client(self)
