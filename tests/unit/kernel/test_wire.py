"""HTTP/1.1 answers as bytes: whole ones however they are cut, and what is no answer at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lionrock.kernel.wire import (
    HEAD_BYTES_MAX,
    Answer,
    BrokenOff,
    Connection,
    Place,
    Pool,
    TooLarge,
    open_connection,
    request_bytes,
)

BODY_MAX = 100
WHOLE = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", b""),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", b"x"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
     b"okabc"),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nlate: field\r\n\r\n",
     b"z"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\n\r\nok", b"ok"),
]  # fmt: skip
NO_ANSWERS = [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nname : value\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n folded: value\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nzz\r\n0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"x" * (HEAD_BYTES_MAX + 1),
]


class _Server:
    """Answers each request with the same bytes, in pieces; counts connections."""

    def __init__(self, answer: bytes, piece: int, *, hangs_up: bool) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._answer, self._piece, self._hangs_up = answer, piece, hangs_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not (self._hangs_up and self.requests):
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                await self._write(writer)
        self.requests.clear()
        writer.close()

    async def until_asked(self, connections: int) -> None:
        """Wait until a question has come over so many connections, one after the other."""
        async with asyncio.timeout(60):
            while self.connections < connections or not self.requests:  # noqa: ASYNC110 - below
                await asyncio.sleep(0)

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(self._answer), self._piece):
            writer.write(self._answer[at : at + self._piece])
            await writer.drain()
            # Each piece comes by itself.
            await asyncio.sleep(0)


@asynccontextmanager
async def served(
    answer: bytes, *, piece: int = 1_000_000, hangs_up: bool = False
) -> AsyncIterator[tuple[_Server, Pool, Place]]:
    """A server and a pool that reaches it."""
    server = _Server(answer, piece, hangs_up=hangs_up)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    place = Place("http", "bank.example", listening.sockets[0].getsockname()[1])

    async def opened(there: Place, factory: type[Connection]) -> asyncio.BaseProtocol:
        return await open_connection("127.0.0.1", there, factory, None)  # type: ignore[arg-type] # no TLS here

    pool = Pool(opened)  # type: ignore[arg-type] # the factory is our class
    yield server, pool, place
    await pool.close()
    listening.close()


async def ask(pool: Pool, place: Place, method: str = "POST") -> Answer:
    """One request."""
    request = request_bytes(method, b"/path", [("host", "bank.example")], b"")
    async with asyncio.timeout(60):
        return await pool.exchange(place, method, request, BODY_MAX)


@pytest.mark.parametrize(("answer", "body"), WHOLE)
@pytest.mark.parametrize("piece", [1, 1_000_000])
async def test_an_answer_is_whole_however_it_is_cut_and_the_connection_is_kept(
    answer: bytes, body: bytes, piece: int
) -> None:
    async with served(answer, piece=piece) as (server, pool, place):
        for _ in range(3):
            assert (await ask(pool, place)).body == body
        assert server.connections == 1


@pytest.mark.parametrize("answer", NO_ANSWERS)
async def test_what_is_not_exactly_an_answer_is_none(answer: bytes) -> None:
    async with served(answer, hangs_up=True) as (_, pool, place):
        with pytest.raises(BrokenOff):
            await ask(pool, place)


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async with served(b"HTTP/1.1 200 OK\r\n\r\nall", hangs_up=True) as (server, pool, place):
        for _ in range(2):
            assert (await ask(pool, place)).body == b"all"
        assert server.connections == 2


async def test_bytes_after_an_answer_end_the_connection_and_answer_nobody() -> None:
    answer = WHOLE[0][0] + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfake"
    async with served(answer) as (server, pool, place):
        for _ in range(3):
            assert (await ask(pool, place)).body == b"ok"
        assert server.connections == 3


async def test_a_connection_that_is_said_to_close_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok"
    async with served(answer) as (server, pool, place):
        for _ in range(2):
            await ask(pool, place)
        assert server.connections == 2


async def test_one_more_byte_than_allowed_is_too_large() -> None:
    head = "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n"
    answer = head.format(BODY_MAX).encode() + b"x" * BODY_MAX
    async with served(answer) as (_, pool, place):
        assert len((await ask(pool, place)).body) == BODY_MAX
    answer = head.format(BODY_MAX + 1).encode() + b"x" * (BODY_MAX + 1)
    async with served(answer) as (_, pool, place):
        with pytest.raises(TooLarge):
            await ask(pool, place)


async def test_an_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    async with served(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") as (_, pool, place):
        for _ in range(2):
            assert (await ask(pool, place, "HEAD")).body == b""


async def test_who_gives_up_leaves_no_answer_for_the_next() -> None:
    async with served(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no") as (server, pool, place):
        for number in range(1, 3):
            asking = asyncio.create_task(
                pool.exchange(place, "POST", b"POST / HTTP/1.1\r\n\r\n", BODY_MAX))
            await server.until_asked(number)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asking, 0.05)
            assert server.connections == number


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b"])
def test_a_field_cannot_smuggle_another(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        request_bytes("GET", b"/", [("name", value)], b"")
    with pytest.raises(ValueError, match="cannot be sent"):
        request_bytes("GET", b"/", [(f"name{value}", "x")], b"")
