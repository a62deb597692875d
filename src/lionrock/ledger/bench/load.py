"""The bench's callers: closed loops over the ledger's socket, as cheap as this side can be.

They share two cores with what they measure, so requests are prepared: payloads with scattered pairs
of accounts, of which only the ids change from call to call. Ids increase, as those of every caller
of ours do (UUIDv7).
"""

from __future__ import annotations

import asyncio
import struct
from array import array
from collections.abc import Callable, Sequence
from itertools import count, cycle
from typing import cast

from lionrock.kernel.clock import monotonic_ms
from lionrock.ledger.domain import records
from lionrock.ledger.domain.values import TransferDraft, TransferFlags
from lionrock.ledger.wire import (
    PROTOCOL_VERSION,
    Operation,
    RequestFrame,
    Status,
    decode_reply,
    encode_frame,
)

LEDGER, CODE = 344, 1
ACCOUNTS = 10_000
ISSUER = ACCOUNTS + 1
TEMPLATES_TRANSFERS = 64_000
CHAIN = 4
_LENGTH = struct.Struct(">I")
_ID_HIGH = 0x0192_0000_0000_7000  # as of a UUIDv7: time first
_LINKED = int(TransferFlags.LINKED)


class Plan:
    """What the callers of one case send."""

    def __init__(self, batch: int, *, is_hot: bool = False, is_chained: bool = False) -> None:
        self.batch = batch
        self.operations = batch // CHAIN if is_chained else batch
        self._templates = cycle([
            _template(batch, first, is_hot=is_hot, is_chained=is_chained)
            for first in range(0, max(TEMPLATES_TRANSFERS, batch), batch)
        ])

    def next_frame(self, ids: count[int]) -> bytearray:
        """The next request, with ids that nobody has used."""
        frame = next(self._templates)
        numbers = array("Q", [next(ids) for _ in range(self.batch)])
        words = memoryview(frame)[-self.batch * records.RECORD_BYTES:].cast("Q")
        words[0::16] = memoryview(numbers)
        return frame


def _template(batch: int, first: int, *, is_hot: bool, is_chained: bool) -> bytearray:
    drafts = []
    for index in range(batch):
        # Scattered pairs, the same in every run; the steps have no factor in common with ACCOUNTS.
        debit = (first + index) * 7_919 % ACCOUNTS + 1
        credit = (debit + (first + index) * 4_801 % (ACCOUNTS - 1)) % ACCOUNTS + 1
        if is_hot:
            debit, credit = (1, max(credit, 2)) if index % 2 else (max(debit, 2), 1)
        is_linked = is_chained and index % CHAIN != CHAIN - 1
        drafts.append(TransferDraft(
            id=_ID_HIGH << 64, debit_account_id=debit, credit_account_id=credit, amount=1,
            ledger=LEDGER, code=CODE, flags=_LINKED if is_linked else 0))
    payload = b"".join(map(records.encode_transfer, drafts))
    return bytearray(encode_frame(
        RequestFrame(PROTOCOL_VERSION, 1, Operation.CREATE_TRANSFERS, payload)))


class Caller(asyncio.Protocol):
    """One connection that sends its next request when the last one was answered."""

    def __init__(self, next_frame: Callable[[], bytearray]) -> None:
        self._next_frame = next_frame
        self._received = bytearray()
        self._started_ms = 0.0
        self._until_ms = 0.0
        self._done: asyncio.Future[None] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self.durations: list[float] = []
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        # uvloop's transports are none by class, only by what they can.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        """A ledger that goes away ends the measurement."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the ledger closed the connection"))

    async def call_until(self, until_ms: float) -> None:
        """Call in a closed loop until then."""
        self._until_ms = until_ms
        self._done = asyncio.get_running_loop().create_future()
        self._call()
        await self._done

    def _call(self) -> None:
        assert self._transport is not None, "connected before"
        frame = self._next_frame()
        self._started_ms = monotonic_ms()
        self._transport.write(bytes(frame))

    def data_received(self, data: bytes) -> None:
        """Read the reply, note how long it took, and call again."""
        self._received += data
        if len(self._received) < _LENGTH.size:
            return
        (length,) = _LENGTH.unpack_from(self._received)
        if len(self._received) < _LENGTH.size + length:
            return
        now_ms = monotonic_ms()
        self.durations.append(now_ms - self._started_ms)
        reply = decode_reply(bytes(self._received[_LENGTH.size:]))
        self._received.clear()
        if reply.status is not Status.OK or any(reply.payload):
            self.errors += 1
        assert self._done is not None
        if now_ms < self._until_ms:
            self._call()
        elif not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect_callers(
    address: str, count_: int, next_frame: Callable[[], bytearray]
) -> Sequence[Caller]:
    """Open the connections of so many callers."""
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(count_):
        _, caller = await loop.create_unix_connection(lambda: Caller(next_frame), address)
        callers.append(caller)
    return callers
