"""Whoever can open the ledger's socket and sends what no honest client sends."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.ledger.api import AccountDraft, connect
from lionrock.ledger.connections import CONNECTIONS_MAX
from lionrock.ledger.server import AddressTaken, serve
from lionrock.ledger.wire import (
    FRAME_BYTES_MAX,
    Operation,
    ReplyFrame,
    RequestFrame,
    Status,
    decode_reply,
    encode_frame,
    parse_address,
    read_body,
)
from tests.stateful.ledger.sockets import PATIENT_MS, running_server

ACCOUNT = AccountDraft(id=1, ledger=344, code=1)


@pytest.fixture
async def address(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> AsyncIterator[str]:
    path = str(tmp_path / "ledger.sock")
    async with running_server(database, business_clock, path):
        yield path


async def exchange(address: str, data: bytes) -> ReplyFrame | None:
    """Send bytes, return the reply, and require that the connection then ends."""
    reader, writer = await asyncio.open_unix_connection(address)
    writer.write(data)
    body = await read_body(reader)
    if body is not None:
        assert await read_body(reader) is None, "the connection stays open"
    writer.close()
    return None if body is None else decode_reply(body)


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def request(**fields: object) -> bytes:
    whole = {"version": 1, "request_id": 7, "operation": 2, "payload": bytes(128)} | fields
    return frame(msgspec.msgpack.encode(list(whole.values())))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(b"\xc1"), "not a request frame"),
        (frame(b"{}"), "not a request frame"),
        (frame(msgspec.msgpack.encode({"version": 1})), "not a request frame"),
        (frame(msgspec.msgpack.encode([1, 7, 2])), "not a request frame"),
        (frame(msgspec.msgpack.encode([1, 7, 2, b"", 5])), "not a request frame"),
        (request(payload="text"), "not a request frame"),
        (request(operation=0), "not a request frame"),
        (request(operation=5), "not a request frame"),
        (request(request_id="x"), "not a request frame"),
        (request(version=2), "version 2"),
        (request(payload=b""), "0 events"),
        (request(payload=bytes(127)), "not whole records"),
        (request(payload=bytes(48) + bytes(7) + b"\x80" + bytes(72)), "amount"),
        (struct.pack(">I", 0), "0 bytes"),
        (struct.pack(">I", FRAME_BYTES_MAX + 1), "at most"),
        (struct.pack(">I", 2**32 - 1), "at most"),
        (b"GET / HTTP/1.1\r\n\r\n", "at most"),
        (frame(msgspec.msgpack.encode([1, 7, 2, b""])[:-1] + b"\xff" * 9), "not a request"),
    ],
)
async def test_a_frame_of_the_wrong_shape_is_refused_and_the_connection_closed(
    address: str, data: bytes, reason: str
) -> None:
    reply = await exchange(address, data)
    assert reply is not None
    assert reply.status is Status.MALFORMED
    assert reason in reply.payload.decode()
    client = connect(address, timeout_ms=PATIENT_MS)
    assert await client.create_accounts([ACCOUNT]) == ["ok"]
    await client.close()


async def test_a_frame_at_the_size_limit_is_read_and_one_byte_more_is_not(address: str) -> None:
    body = msgspec.msgpack.encode([1, 7, 2, bytes(128_000)])
    assert len(body) <= FRAME_BYTES_MAX
    reader, writer = await asyncio.open_unix_connection(address)
    writer.write(frame(body))
    answer = await read_body(reader)
    assert answer is not None
    assert len(decode_reply(answer).payload) == 1_000
    writer.close()
    padding = FRAME_BYTES_MAX - len(msgspec.msgpack.encode([1, 7, 2, bytes(128_040)])) + 128_040
    at_limit = msgspec.msgpack.encode([1, 7, 2, bytes(padding)])
    assert len(at_limit) == FRAME_BYTES_MAX
    reply = await exchange(address, frame(at_limit))
    assert reply is not None
    assert "not whole records" in reply.payload.decode()
    reply = await exchange(address, frame(at_limit + b"\x00"))
    assert reply is not None
    assert "at most" in reply.payload.decode()


async def test_half_a_frame_and_a_hang_up_disturb_nobody(address: str) -> None:
    for cut in (1, 4, 20):
        _, writer = await asyncio.open_unix_connection(address)
        writer.write(request()[:cut])
        await writer.drain()
        writer.close()
    client = connect(address, timeout_ms=PATIENT_MS)
    assert await client.create_accounts([ACCOUNT]) == ["ok"]
    await client.close()


async def test_a_peer_that_hangs_up_before_its_answer_disturbs_nobody(address: str) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_unix_connection(address)
        writer.write(request(operation=1))
        await writer.drain()
        writer.transport.abort()
    client = connect(address, timeout_ms=PATIENT_MS)
    assert await client.create_accounts([ACCOUNT]) == ["ok"]
    await client.close()


async def test_a_peer_that_never_reads_is_not_read_from_for_ever(address: str) -> None:
    _, greedy = await asyncio.open_unix_connection(address)
    lookups = encode_frame(
        RequestFrame(1, 1, Operation.LOOKUP_ACCOUNTS, (1).to_bytes(16, "little") * 1_000))
    client = connect(address, timeout_ms=PATIENT_MS)
    await client.create_accounts([ACCOUNT])
    sent = 0
    try:
        async with asyncio.timeout(1.5):
            while True:  # each asks for 128 kB; nothing is ever read
                greedy.write(lookups)
                await greedy.drain()
                sent += 1
    except TimeoutError:
        pass
    assert sent < 400, "the server must stop reading from a peer that does not read"
    assert await client.create_accounts([ACCOUNT]) == ["exists"]
    greedy.transport.abort()
    await client.close()


async def test_the_connection_beyond_the_last_is_closed_at_once(address: str) -> None:
    taken = [await asyncio.open_unix_connection(address) for _ in range(CONNECTIONS_MAX)]
    reader, writer = taken[-1]
    writer.write(request(operation=1))
    assert await read_body(reader) is not None, "the last one allowed is served"
    reader, writer = await asyncio.open_unix_connection(address)
    assert await reader.read() == b""
    writer.close()
    taken.pop()[1].close()
    client = connect(address, timeout_ms=PATIENT_MS)
    assert await client.create_accounts([ACCOUNT]) == ["ok"], "a place that was left is free"
    await client.close()
    for _, writer in taken:
        writer.close()


async def test_only_the_owner_may_open_the_socket(address: str) -> None:
    mode = os.stat(address).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "address", ["0.0.0.0:8800", "192.168.1.5:8800", "example.com:80", "127.0.0.1", "127.0.0.1:0",
                "127.0.0.1:65536", "127.0.0.1:x", "", ":8800"]
)
def test_an_address_that_others_can_reach_or_nobody_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="ledger address"):
        parse_address(address)


def test_paths_and_loopback_ports_are_addresses() -> None:
    assert parse_address("/run/x/ledger.sock") == "/run/x/ledger.sock"
    assert parse_address("127.0.0.1:8800") == ("127.0.0.1", 8800)
    assert parse_address("[::1]:8800") == ("::1", 8800)


async def test_a_second_ledger_at_the_same_address_does_not_touch_the_first(
    address: str, database: Database, business_clock: FrozenClock
) -> None:
    with pytest.raises(AddressTaken, match="stop that one first"):
        await serve(database, business_clock, address, asyncio.Event())
    client = connect(address, timeout_ms=PATIENT_MS)
    assert await client.create_accounts([ACCOUNT]) == ["ok"], "the first still has its epoch"
    await client.close()


async def test_a_file_that_is_not_a_socket_is_not_removed(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    path = tmp_path / "precious"
    path.write_text("keep me")
    with pytest.raises(OSError):
        await serve(database, business_clock, str(path), asyncio.Event())
    assert path.read_text() == "keep me"
