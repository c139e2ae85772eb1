"""The gate: routes by path, keeps bodies whole, and says nothing that a client could have forged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from terrace.site.gate import Gate, Head

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def upstream(name: bytes, seen: list[bytes]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length:")
                    ),
                    0,
                )
                body = await reader.readexactly(length)
                seen.append(head + body)
                answer = name + b":" + body
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    return handle


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return await reader.readexactly(length)


def play(
    tmp_path: Path,
    scene: Callable[[asyncio.StreamReader, asyncio.StreamWriter, list[bytes]], Awaitable[None]],
) -> None:
    async def main() -> None:
        seen: list[bytes] = []
        web, events = tmp_path / "web.sock", tmp_path / "events.sock"
        servers = [
            await asyncio.start_unix_server(await upstream(b"web", seen), str(web)),
            await asyncio.start_unix_server(await upstream(b"events", seen), str(events)),
        ]
        front = tmp_path / "front.sock"
        gate = Gate(web=web, events=events)
        server = await asyncio.get_running_loop().create_unix_server(gate.protocol(), str(front))
        reader, writer = await asyncio.open_unix_connection(str(front))
        async with asyncio.timeout(10):
            await scene(reader, writer, seen)
        writer.close()
        for each in [server, *servers]:
            each.close()
        await asyncio.sleep(0.05)

    uvloop.run(main())


def test_one_connection_serves_pages_and_then_events(tmp_path: Path) -> None:
    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
        assert await ask(reader, writer, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b"web:"
        assert (
            await ask(reader, writer, b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
            == b"web:hello"
        )
        assert (
            await ask(reader, writer, b"GET /api/v1/auctions/7/events HTTP/1.1\r\nHost: x\r\n\r\n")
            == b"events:"
        )

    play(tmp_path, scene)


def test_forwarding_headers_of_a_client_are_replaced(tmp_path: Path) -> None:
    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
        await ask(
            reader,
            writer,
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n",
        )
        assert b"1.2.3.4" not in seen[0]
        assert b"https" not in seen[0]
        assert seen[0].count(b"X-Forwarded-For:") == 1

    play(tmp_path, scene)


def test_a_head_that_arrives_in_pieces_and_a_body_in_pieces(tmp_path: Path) -> None:
    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
        for piece in (b"POST /a HTT", b"P/1.1\r\nHost: x\r\nContent-Le", b"ngth: 6\r\n\r", b"\nabc"):
            writer.write(piece)
            await asyncio.sleep(0.02)
        assert await ask(reader, writer, b"def") == b"web:abcdef"

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nContent-Length: -5",
        b"POST / HTTP/1.1\r\nContent-Length : 5",
        b"POST / HTTP/1.1\r\n folded: yes",
    ],
)
def test_heads_that_could_smuggle_a_request_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"malformed|ambiguous"):
        Head(raw)


@pytest.mark.parametrize(
    ("line", "is_events"),
    [
        (b"GET /api/v1/auctions/12/events HTTP/1.1", True),
        (b"GET /api/v1/auctions/12/events?after=3 HTTP/1.1", True),
        (b"POST /api/v1/auctions/12/events HTTP/1.1", False),
        (b"GET /api/v1/auctions/12/eventsx HTTP/1.1", False),
        (b"GET /api/v1/auctions/1/2/events HTTP/1.1", False),
        (b"GET /lots/?next=/api/v1/auctions/12/events HTTP/1.1", False),
    ],
)
def test_only_the_events_address_goes_to_the_events_process(line: bytes, is_events: bool) -> None:
    assert Head(line + b"\r\nHost: x").is_events is is_events


def test_garbage_and_endless_heads_are_answered_and_closed(tmp_path: Path) -> None:
    async def scene(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
        writer.write(b"GET / HTTP/1.1\r\n" + b"x" * 40_000)
        assert (await reader.read()).startswith(b"HTTP/1.1 431")
        assert seen == []

    play(tmp_path, scene)
