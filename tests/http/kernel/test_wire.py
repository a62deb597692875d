"""The real server with raw sockets before it: what arrives, what is refused, and what is closed."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from starlette.responses import Response

from lionrock.kernel.context import Kernel
from lionrock.kernel.http import Call, Route, RouteTable, bodies, build_application, reply, served
from lionrock.kernel.http.server import STOP_S_MAX, serve
from tests.ports import free_ports, until_listening

HOST = "platform.test"
LIMIT = 200
WAIT_S_MAX = 60.0


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    what: str


async def save_row(call: Call[None, Body]) -> None:
    await call.db.execute(
        "INSERT INTO kernel.replays (key, slot, expires_at) VALUES ($1, 0, '2030-01-01')",
        call.body.what.encode(),
    )


async def reply_body(call: Call[None, Body]) -> Response:
    return reply(call.body)


async def reply_target(call: Call[None, None]) -> Response:
    scope = call.request.scope
    return reply({
        "path": scope["path"], "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(), "client": scope["client"][0],
        "cookies": call.request.headers.getlist("cookie"),
    })


async def reply_length(call: Call[None, bytes]) -> Response:
    return reply({"length": len(call.raw_body)})


class Wire:
    """One server and its port."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, text: str | bytes, *, for_s: float = WAIT_S_MAX) -> bytes:
        """Send the octets and return the answer."""
        reader, writer = await self.open()
        writer.write(text if isinstance(text, bytes) else text.encode("latin-1"))
        try:
            return await asyncio.wait_for(_answer(reader), for_s)
        finally:
            writer.close()

    async def ask_last(self, text: str, *, for_s: float = WAIT_S_MAX) -> bytes:
        """Send the octets and return all until the server closes (else TimeoutError)."""
        reader, writer = await self.open()
        writer.write(text.encode("latin-1"))
        try:
            return await asyncio.wait_for(reader.read(), for_s)
        finally:
            writer.close()

    async def break_off(self, text: str) -> None:
        """Send the octets, then reset the connection."""
        _, writer = await self.open()
        writer.write(text.encode("latin-1"))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.2)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
    body = await reader.read(int(length[0].split()[1])) if length else b""
    return head + body


@pytest.fixture
async def wire(kernel: Kernel) -> AsyncIterator[Wire]:
    table = RouteTable(pillar="demo", room=None, routes=(
        Route(method="POST", path="/demo", name="save", summary="Save.", body=Body,
              steps=(save_row, reply_body), replies={200: Body}, body_bytes_max=LIMIT),
        Route(method="POST", path="/large", name="large", summary="Large.", body_kind="raw",
              steps=(reply_length,), body_bytes_max=4 * served.WHOLE_BYTES_MAX, mode="none"),
        Route(method="GET", path="/at/{rest:path}", name="at", summary="At.", query=None,
              steps=(reply_target,), mode="none"),
    ))
    settings = msgspec.structs.replace(kernel.settings, hosts=(HOST,))
    application = build_application(dataclasses.replace(kernel, settings=settings), [table])
    port = free_ports()
    serving = asyncio.create_task(serve(application, "127.0.0.1", port))
    await until_listening(port)
    yield Wire(port)
    serving.cancel()
    await asyncio.wait({serving})


async def rows(kernel: Kernel) -> int:
    return int(await kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM kernel.replays")))


def post(*fields: str, path: str = "/demo", body: str = "") -> str:
    lines = (f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", *fields)
    return "\r\n".join(lines) + "\r\n\r\n" + body


CHUNKED = "Transfer-Encoding: chunked"
JSON = '{"what": "a"}'


async def test_a_target_with_a_foreign_authority_is_refused_beside_a_good_host(wire: Wire) -> None:
    """RFC 9112 s3.2.2, RFC 9110 s15.5.20: what stands before us may have judged by the other."""
    own = await wire.ask(f"GET http://{HOST}/at/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
    assert own.startswith(b"HTTP/1.1 200 ")
    for authority in ("evil.test", f"{HOST}:81", f"user@{HOST}", f"{HOST}.evil.test"):
        refused = await wire.ask(f"GET http://{authority}/at/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 421 "), authority
        assert b'"kernel.host_unknown"' in refused


@pytest.mark.parametrize("fields", [
    "", "Host: evil.test\r\n", f"Host: {HOST}\r\nHost: {HOST}\r\n",
    f"Host: {HOST}\r\nHost: evil.test\r\n",
])
async def test_only_one_host_field_that_is_ours_is_answered(wire: Wire, fields: str) -> None:
    refused = await wire.ask(f"GET /at/x HTTP/1.1\r\n{fields}\r\n")
    assert refused.startswith(b"HTTP/1.1 421 ")
    assert b"\r\nrequest-id: req_" in refused


async def test_a_field_that_the_checks_would_not_see_is_refused(wire: Wire) -> None:
    refused = await wire.ask(f"GET /at/x HTTP/1.1\r\nHost: {HOST}\r\nCookie: a=\xe9\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert b'"kernel.field_not_ascii"' in refused


async def test_a_target_reaches_the_steps_as_it_is_routed(wire: Wire) -> None:
    answer = await wire.ask(
        f"GET /at/a%20b/%2e+c%2Fd?x=%20y#z HTTP/1.1\r\nHost: {HOST}\r\n"
        "Cookie: a=1\r\nCookie: b=2\r\n\r\n"
    )
    assert msgspec.json.decode(answer.partition(b"\r\n\r\n")[2]) == {
        "path": "/at/a b/.+c/d", "raw_path": "/at/a%20b/.+c/d", "query": "x=%20y",
        "client": "127.0.0.1", "cookies": ["a=1", "b=2"],
    }


async def test_a_connection_is_kept_and_head_has_no_body(wire: Wire) -> None:
    reader, writer = await wire.open()
    writer.write(f"HEAD /at/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S_MAX)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: " in head
    writer.write(post(f"Content-Length: {len(JSON)}", body=JSON).encode())
    again = await asyncio.wait_for(_answer(reader), WAIT_S_MAX)
    assert again.startswith(b"HTTP/1.1 200 "), "nothing of the first answer came before the second"
    writer.close()


async def test_a_body_in_pieces_is_taken_up_to_the_rows_limit(wire: Wire, kernel: Kernel) -> None:
    pieces = "".join(f"{1:x}\r\n{letter}\r\n" for letter in JSON)
    taken = await wire.ask(post(CHUNKED, body=f"{pieces}0\r\n\r\n"))
    assert taken.startswith(b"HTTP/1.1 200 ")
    assert await rows(kernel) == 1
    over = f"{LIMIT + 1:x}\r\n{' ' * (LIMIT + 1)}\r\n"
    refused = await wire.ask_last(post(CHUNKED, body=over))
    assert refused.startswith(b"HTTP/1.1 413 "), "refused though the body has not ended"


async def test_a_body_longer_than_what_is_read_at_once_is_whole(wire: Wire) -> None:
    length = 3 * served.WHOLE_BYTES_MAX + 7
    told = await wire.ask(post(f"Content-Length: {length}", path="/large", body="x" * length))
    assert told.endswith(f'{{"length":{length}}}'.encode())


@pytest.mark.parametrize("ending", ["", "zz\r\n", "0\r\nx-trailer: 1\r\n\r\n"])
async def test_a_body_in_pieces_that_breaks_off_is_not_acted_on(
    wire: Wire, kernel: Kernel, ending: str
) -> None:
    """The server ends it like a complete one: what was sent so far is valid, and must not do."""
    begun = post(CHUNKED, body=f"{len(JSON):x}\r\n{JSON}\r\n{ending}")
    if ending:
        assert (await wire.ask(begun)).startswith(b"HTTP/1.1 408 ")
    else:
        await wire.break_off(begun)
    assert await rows(kernel) == 0


async def test_a_body_that_is_shorter_than_told_is_not_acted_on(
    wire: Wire, kernel: Kernel
) -> None:
    await wire.break_off(post(f"Content-Length: {len(JSON) + 1}", body=JSON))
    assert await rows(kernel) == 0


@pytest.mark.parametrize("framing", [CHUNKED, f"Content-Length: {len(JSON)}"])
async def test_a_body_that_does_not_come_is_given_up(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(bodies, "BODY_S_MAX", 0.2)
    refused = await wire.ask_last(post(framing, body="" if framing == CHUNKED else "{"))
    assert refused.startswith(b"HTTP/1.1 408 ")


async def test_nobody_is_told_to_go_on_with_a_body_that_is_too_large(wire: Wire) -> None:
    refused = await wire.ask_last(post(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"))
    assert refused.startswith(b"HTTP/1.1 413 ")
    reader, writer = await wire.open()
    writer.write(post(f"Content-Length: {len(JSON)}", "Expect: 100-continue").encode())
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_S_MAX) == (
        b"HTTP/1.1 100 Continue\r\n\r\n")
    writer.write(JSON.encode())
    assert (await asyncio.wait_for(_answer(reader), WAIT_S_MAX)).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_length_and_an_encoding_together_gain_nothing(wire: Wire) -> None:
    """RFC 9112 s6.1: the encoding counts, and the connection ends with the answer."""
    for what, fields in {
        "a": (CHUNKED, "Content-Length: 2"), "b": ("Content-Length: 2", CHUNKED),
    }.items():
        text = f'{{"what": "{what}"}}'
        body = f"{len(text):x}\r\n{text}\r\n0\r\n\r\n"
        answer = await wire.ask(post(*fields, body=body))
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")), answer
        assert b"connection: close" in answer or answer.startswith(b"HTTP/1.1 400 ")


async def test_an_idle_connection_does_not_hold_the_server(kernel: Kernel) -> None:
    application = build_application(kernel, [])
    port = free_ports()
    serving = asyncio.create_task(serve(application, "127.0.0.1", port))
    await until_listening(port)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    serving.cancel()
    await asyncio.wait({serving})
    assert time.monotonic() - begun < STOP_S_MAX + 30
    writer.close()
