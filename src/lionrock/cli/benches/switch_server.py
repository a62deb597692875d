"""A lean HTTP/1.1 server for the banks of `lionrock bench switch`.

It shares the cores with what is measured, so it does as little as it can: bodies of known length,
kept connections. Not for: anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

# (path, headers, body): the status and the body to answer.
Take = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]


class Server(asyncio.Protocol):
    """Takes requests of known length, one after the other on a kept connection."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            status, answer = self._take(first.split(" ")[1], headers, body)
            assert self._transport is not None, "it is connected"
            head = f"HTTP/1.1 {status} -\r\ncontent-length: {len(answer)}\r\n\r\n"
            self._transport.write(head.encode() + answer)
