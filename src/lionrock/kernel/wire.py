"""HTTP/1.1 over kept connections, for the one way out (kernel.network): bytes out, one answer in.

A pool of its own because each request of the general ones looks at all connections, several times;
with many under way that cost more than all else. It does little: whole bodies, no pipelining, no
upgrades, no decompression. What is not exactly an answer is refused, not guessed.

Not for: which addresses may be reached, what may be asked, deadlines (kernel.network).
Source: RFC 9112 s4, s5, s6.3 (length of a message), s7.1 (chunked), s9.3 (persistence); RFC 9110
s15.2 (1xx).
Invariants: a connection that did not end its answer cleanly, was said to close, or had bytes left
over is never used again; an answer that breaks off is no answer.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast

import msgspec

CONNECTIONS_MAX = 64
IDLE_CONNECTIONS_MAX = 32
IDLE_S_MAX = 20.0
HEAD_BYTES_MAX = 64 * 1024
CHUNK_LINE_BYTES_MAX = 1_024
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\0]*)?")
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NO_VALUE = re.compile(r"[\r\n\0]")

Opener = Callable[["Place", Callable[[], asyncio.Protocol]], Awaitable[asyncio.BaseProtocol]]


class BrokenOff(OSError):
    """The connection ended, or said what is no HTTP, before the answer was whole."""


class TooLarge(OSError):
    """The answer is larger than it may be."""


class Place(msgspec.Struct, frozen=True):
    """Where a connection goes: connections to one place serve each other's requests."""

    scheme: str
    host: str
    port: int


class Answer(msgspec.Struct, frozen=True):
    """A whole answer; field names as they came."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


def request_bytes(
    method: str, target: bytes, fields: Iterable[tuple[str, str]], body: bytes
) -> bytes:
    """Return a request as it goes over the wire; ValueError for what no field can hold."""
    if _FIELD_NAME.fullmatch(method) is None:
        raise ValueError("a method is a token")
    lines = [f"{method} {target.decode('ascii')} HTTP/1.1"]
    for name, value in fields:
        if _FIELD_NAME.fullmatch(name) is None or _NO_VALUE.search(value) is not None:
            raise ValueError(f"the field {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


class _Reading:
    """The answer to one request, as its bytes come; `feed` returns it when it is whole."""

    def __init__(self, method: str, body_bytes_max: int) -> None:
        self._has_no_body = method == "HEAD"
        self._body_bytes_max = body_bytes_max
        self._buffer = bytearray()
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        # Bytes of the body still to come; None: until the end of the connection.
        self._left: int | None = 0
        self._is_chunked = False
        self._in_trailer = False
        self._body = bytearray()
        self.may_be_kept = False

    @property
    def left_over(self) -> bool:
        """Whether more came than belongs to the answer."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Answer | None:
        """Take more bytes; raises BrokenOff and TooLarge."""
        self._buffer += data
        while self._head is None:
            if not self._read_head():
                return None
        if self._is_chunked:
            return self._answer() if self._read_chunks() else None
        count = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        self._take(count)
        if self._left is None:
            return None
        self._left -= count
        return self._answer() if self._left == 0 else None

    def end(self) -> Answer | None:
        """The connection has ended: the answer, if that is what ends it."""
        return self._answer() if self._head is not None and self._left is None else None

    def _answer(self) -> Answer:
        assert self._head is not None, "the head comes first"
        return Answer(self._head[0], self._head[1], bytes(self._body))

    def _take(self, count: int) -> None:
        self._body += self._buffer[:count]
        del self._buffer[:count]
        if len(self._body) > self._body_bytes_max:
            raise TooLarge

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_BYTES_MAX:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise BrokenOff("the head of the answer is too large")
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        matched = _STATUS_LINE.fullmatch(first)
        found = [_FIELD.fullmatch(line) for line in lines]
        if matched is None or None in found:
            raise BrokenOff("the answer is no HTTP/1.1")
        fields = [(field[1], field[2]) for field in found if field is not None]
        status = int(matched[2])
        if status == 101:
            raise BrokenOff("nobody asked for another protocol")
        if status >= 200:
            self._head = (status, fields)
            self._find_length(status, fields, is_1_0=matched[1] == b"0")
        return True

    def _find_length(
        self, status: int, fields: Sequence[tuple[bytes, bytes]], *, is_1_0: bool
    ) -> None:
        """How the body ends (RFC 9112 s6.3); two ways at once are a smuggler's."""
        values: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            values.setdefault(name.lower(), []).append(value)
        codings, lengths = values.get(b"transfer-encoding"), values.get(b"content-length")
        tokens = b",".join(values.get(b"connection", ())).lower().split(b",")
        self.may_be_kept = not is_1_0 and b"close" not in {each.strip() for each in tokens}
        if self._has_no_body or status in (204, 304):
            self._left = 0
        elif codings is not None:
            if lengths is not None or is_1_0 or [each.lower() for each in codings] != [b"chunked"]:
                raise BrokenOff("the length of the answer is not clear")
            self._is_chunked = True
        elif lengths is not None:
            if len(set(lengths)) != 1 or not lengths[0].isdigit() or len(lengths[0]) > 18:
                raise BrokenOff("the length of the answer is not clear")
            self._left = int(lengths[0])
            if self._left > self._body_bytes_max:
                raise TooLarge
        else:
            self._left, self.may_be_kept = None, False

    def _read_chunks(self) -> bool:
        """Read what is there of a chunked body; says whether its end was among it."""
        while True:
            assert self._left is not None, "chunks have lengths"
            if self._left > 0:
                count = min(self._left, len(self._buffer))
                self._take(count)
                self._left -= count
                if self._left > 0:
                    return False
                # The line end after a chunk's bytes is read with the next line.
                self._left = -1
            end = self._buffer.find(b"\r\n")
            if end < 0 or end > CHUNK_LINE_BYTES_MAX:
                if len(self._buffer) > CHUNK_LINE_BYTES_MAX:
                    raise BrokenOff("the line of a chunk is too long")
                return False
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            if self._read_chunk_line(line):
                return True

    def _read_chunk_line(self, line: bytes) -> bool:
        if self._in_trailer:
            # Trailer fields are not for us; the empty line ends them.
            return not line
        if self._left == -1:
            if line:
                raise BrokenOff("a chunk is longer than it said")
            self._left = 0
            return False
        matched = _CHUNK.fullmatch(line)
        if matched is None:
            raise BrokenOff("a chunk has no length")
        self._left = int(matched[1], 16)
        self._in_trailer = self._left == 0
        return False


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._reading: _Reading | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self.is_usable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        # uvloop's transports are none by class, only by what they can.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        if self._reading is None:
            # Nobody asked: whatever it is, it is no answer to the next request.
            self.close()
            return
        try:
            answer = self._reading.feed(data)
        except (BrokenOff, TooLarge) as error:
            self._fail(error)
            return
        if answer is not None:
            self._finish(answer, is_kept=self._reading.may_be_kept)

    def eof_received(self) -> bool:
        """See Protocol."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self.is_usable = False
        answer = self._reading.end() if self._reading is not None and exc is None else None
        if answer is not None:
            self._finish(answer, is_kept=False)
        else:
            self._fail(BrokenOff("the connection ended before the answer"))

    async def exchange(self, method: str, request: bytes, body_bytes_max: int) -> Answer:
        """Send a whole request and return the whole answer; raises BrokenOff and TooLarge."""
        assert self._reading is None and self._transport is not None, "one at a time"
        self._reading = _Reading(method, body_bytes_max)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        except BaseException:
            # Also given up by the caller: what comes later answers nobody.
            self.close()
            raise

    def _finish(self, answer: Answer, *, is_kept: bool) -> None:
        reading, self._reading = self._reading, None
        if not is_kept or (reading is not None and reading.left_over):
            self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        self._reading = None
        self.close()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def close(self) -> None:
        """Hang up."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.close()


class Pool:
    """Connections that are kept for a while after use; `opener` makes new ones."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._idle: dict[Place, deque[Connection]] = {}
        self._idle_count = 0
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    async def exchange(
        self, place: Place, method: str, request: bytes, body_bytes_max: int
    ) -> Answer:
        """Send a request over a kept or a new connection; raises what both can raise."""
        async with self._free:
            connection = self._take(place)
            if connection is None:
                made = await self._opener(place, Connection)
                connection = cast("Connection", made)
            answer = await connection.exchange(method, request, body_bytes_max)
            self._give_back(place, connection)
            return answer

    async def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        self._idle_count = 0
        # Transports close with the loop's next turn.
        await asyncio.sleep(0)

    def _take(self, place: Place) -> Connection | None:
        now = asyncio.get_running_loop().time()
        there = self._idle.get(place)
        while there:
            # The one used last: the others grow old and go.
            connection = there.pop()
            self._idle_count -= 1
            if not there:
                del self._idle[place]
            if connection.is_usable and now - connection.idle_since < IDLE_S_MAX:
                return connection
            connection.close()
        return None

    def _give_back(self, place: Place, connection: Connection) -> None:
        if not connection.is_usable:
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.setdefault(place, deque()).append(connection)
        self._idle_count += 1
        if self._idle_count > IDLE_CONNECTIONS_MAX:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = min(self._idle, key=lambda each: self._idle[each][0].idle_since)
        self._idle[oldest].popleft().close()
        self._idle_count -= 1
        if not self._idle[oldest]:
            del self._idle[oldest]


async def open_connection(
    address: str, place: Place, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext
) -> asyncio.BaseProtocol:
    """Connect to a checked address; with TLS, the name is the place's. Raises OSError."""
    is_tls = place.scheme == "https"
    _, protocol = await asyncio.get_running_loop().create_connection(
        factory, address, place.port, ssl=tls if is_tls else None,
        server_hostname=place.host if is_tls else None,
    )
    return protocol
