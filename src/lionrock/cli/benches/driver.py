"""A lean HTTP/1.1 client for benches: one keep-alive connection per caller, nothing checked.

It shares the cores with what it measures, so it does as little as it can. Not for: anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """Status, head (as it came, lower case not guaranteed) and body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The first header of a name; empty when there is none."""
        wanted = name.lower().encode() + b":"
        for line in self.head.split(b"\r\n")[1:]:
            if line[: len(wanted)].lower() == wanted:
                return line[len(wanted) :].strip().decode()
        return ""


class Connection(asyncio.Protocol):
    """One connection; one request at a time. One that the server closed while idle is made anew."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        # uvloop's transport does not inherit from asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        start = head.lower().find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if not waiting.done():  # who waited may have given up
                waiting.set_result(Answer(int(head[9:12]), head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._transport = None
        self._buffer.clear()
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"the server hung up ({exc})"))

    async def open(self) -> None:
        """Connect, also again."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)

    async def send(self, request: bytes) -> Answer:
        """Send a whole request and wait for its answer; ConnectionError when it is cut off."""
        if self._transport is None:
            await self.open()
        return await self.begin(request)

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it."""
        return self._transport is not None

    def begin(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a whole request on an open connection; its answer, or ConnectionError, comes."""
        assert self._waiting is None, "one at a time"
        assert self._transport is not None, "it is open"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """Connect to the city's fronts on this machine."""
    connection = Connection(port)
    await connection.open()
    return connection


def request(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def form(path: str, host: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """Return the POST of a form."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return request("POST", path, host, {**kind, **headers}, urlencode(fields).encode())
