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
    """One connection; one request at a time."""

    def __init__(self) -> None:
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
            waiting.set_result(Answer(int(head[9:12]), head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        if self._waiting is not None:
            self._waiting.set_exception(ConnectionError(f"the server hung up ({exc})"))

    async def send(self, request: bytes) -> Answer:
        """Send a whole request and wait for its answer."""
        assert self._waiting is None and self._transport is not None, "one at a time"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """Connect to the city's fronts on this machine."""
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, "127.0.0.1", port
    )
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
