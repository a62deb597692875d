"""What goes over the ledger's socket: length-prefixed msgpack frames around fixed-width records.

A frame is a 4-byte big-endian length and that many bytes of msgpack. Both sides refuse frames that
are larger than FRAME_BYTES_MAX or not of the expected shape; after such a frame the connection is
closed, because its bytes can no longer be trusted to be in step. There is no authentication: the
socket is a file only its owner can open, or a loopback address.
"""

from __future__ import annotations

import asyncio
import struct
from enum import IntEnum

import msgspec

from lionrock.kernel.network import Unreachable, UnreachableReason
from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import REQUEST_EVENTS_MAX
from lionrock.ledger.domain.values import AMOUNT_MAX

PROTOCOL_VERSION = 1
FRAME_BYTES_MAX = REQUEST_EVENTS_MAX * records.RECORD_BYTES + 64
FRAME_S_MAX = 10.0
_LENGTH = struct.Struct(">I")
_AMOUNTS = struct.Struct("<48x2Q64x")
_ACCOUNT_AMOUNTS = struct.Struct("<16x8Q48x")


class Operation(IntEnum):
    """What a frame asks for; the first two are the journal's own numbers."""

    CREATE_ACCOUNTS = 1
    CREATE_TRANSFERS = 2
    LOOKUP_ACCOUNTS = 3
    LOOKUP_TRANSFERS = 4


class Status(IntEnum):
    """How a request ended."""

    OK = 0
    UNAVAILABLE = 1  # outcome unknown or not tried; repeat the same
    BUSY = 2  # not tried; repeat the same a little later
    MALFORMED = 3  # never try again; the connection is closed


class RequestFrame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A client's request; `request_id` is the client's own and comes back in the reply."""

    version: int
    request_id: int
    operation: Operation
    payload: bytes


class ReplyFrame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The answer: one byte an event for creations, records for look-ups, a text for refusals."""

    request_id: int
    status: Status
    sequence: int
    payload: bytes


class Unavailable(Unreachable):
    """The ledger did not answer in time. What was sent may or may not have been carried out."""

    def __init__(self, detail: str) -> None:
        super().__init__(UnreachableReason.TIMED_OUT, detail)


class FrameRefused(ValueError):
    """A frame that is too large, not msgpack, or not of the expected shape.

    `request_id` is that of the frame where it could be read, else 0.
    """

    def __init__(self, reason: str, request_id: int = 0) -> None:
        super().__init__(reason)
        self.request_id = request_id


_requests = msgspec.msgpack.Decoder(RequestFrame)
_replies = msgspec.msgpack.Decoder(ReplyFrame)


def encode_frame(frame: RequestFrame | ReplyFrame) -> bytes:
    """Return the frame with its length before it."""
    body = msgspec.msgpack.encode(frame)
    assert len(body) <= FRAME_BYTES_MAX, "checked before encoding"
    return _LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> RequestFrame:
    """Read a request; FrameRefused says what was expected."""
    try:
        frame = _requests.decode(body)
    except msgspec.DecodeError as error:
        raise FrameRefused(f"not a request frame: {error}") from error
    if frame.version != PROTOCOL_VERSION:
        raise FrameRefused(f"protocol version {frame.version}; this ledger speaks "
                           f"{PROTOCOL_VERSION}")
    return frame


def decode_reply(body: bytes) -> ReplyFrame:
    """Read a reply; FrameRefused says what was expected."""
    try:
        return _replies.decode(body)
    except msgspec.DecodeError as error:
        raise FrameRefused(f"not a reply frame: {error}") from error


def frame_length(received: bytes | bytearray, at: int = 0) -> int:
    """Read the length before a frame; FrameRefused for nothing or too much."""
    length: int = _LENGTH.unpack_from(received, at)[0]
    if not 0 < length <= FRAME_BYTES_MAX:
        raise FrameRefused(f"a frame of {length} bytes; at most {FRAME_BYTES_MAX} are taken")
    return length


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """Read one frame's body; None at the end of the stream between frames.

    Raises FrameRefused for a length of nothing or too much, IncompleteReadError or TimeoutError
    for a frame that does not arrive whole.
    """
    try:
        head = await reader.readexactly(_LENGTH.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    length = frame_length(head)
    async with asyncio.timeout(FRAME_S_MAX):
        return await reader.readexactly(length)


def check_payload(operation: Operation, payload: bytes) -> str | None:
    """Say what is wrong with a request's records, or None; every rule of size and range.

    What passes here is decoded without Malformed later, inside the batch of all callers.
    """
    is_lookup = operation >= Operation.LOOKUP_ACCOUNTS
    record_bytes = records.ID_BYTES if is_lookup else records.RECORD_BYTES
    count, rest = divmod(len(payload), record_bytes)
    if rest:
        return f"{len(payload)} bytes are not whole records of {record_bytes}"
    if not 0 < count <= REQUEST_EVENTS_MAX:
        return f"{count} events; 1 to {REQUEST_EVENTS_MAX} are taken"
    if operation is Operation.CREATE_TRANSFERS:
        for low, high in _AMOUNTS.iter_unpack(payload):
            if high or low > AMOUNT_MAX:
                return "an amount exceeds 2**63 - 1"
    if operation is Operation.CREATE_ACCOUNTS:
        for sums in _ACCOUNT_AMOUNTS.iter_unpack(payload):
            if any(sums[1::2]) or max(sums) > AMOUNT_MAX:
                return "a balance exceeds 2**63 - 1"
    return None


def parse_address(address: str) -> str | tuple[str, int]:
    """Return a socket path, or host and port of a loopback address; ValueError for anything else.

    A path contains a slash. The protocol has no authentication and no encryption, so an address
    that other machines can reach is refused.
    """
    if "/" in address:
        return address
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ValueError(f"ledger address {address!r}: expected a socket path or host:port")
    if host not in {"127.0.0.1", "localhost", "::1", "[::1]"}:
        raise ValueError(f"ledger address {address!r}: only loopback hosts; the ledger's socket "
                         "has no authentication")
    return host.strip("[]"), int(port)
