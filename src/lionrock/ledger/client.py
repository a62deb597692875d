"""The ledger as its callers see it: over the socket, or in process, with one meaning.

The socket client multiplexes any number of callers over one connection, at most IN_FLIGHT_MAX at a
time. It reconnects and repeats the very same bytes until an answer comes or the caller's time is
up; because ids are used once, repeating is harmless. A caller that sees Unavailable does the same
later.

Not for: choosing ids (save them before the call), or meaning of results (api.all_created).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from lionrock.kernel.clock import BusinessClock
from lionrock.kernel.db import Database
from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import REQUEST_EVENTS_MAX
from lionrock.ledger.domain.results import (
    ACCOUNT_RESULT,
    TRANSFER_RESULT,
    AccountResult,
    TransferOutcome,
)
from lionrock.ledger.domain.values import Account, AccountDraft, Transfer, TransferDraft
from lionrock.ledger.service.keeping import Limits
from lionrock.ledger.service.projection import Projection
from lionrock.ledger.service.writer import Answer, Busy, Writer
from lionrock.ledger.wire import (
    PROTOCOL_VERSION,
    FrameRefused,
    Operation,
    ReplyFrame,
    RequestFrame,
    Status,
    Unavailable,
    decode_reply,
    encode_frame,
    parse_address,
    read_body,
)

IN_FLIGHT_MAX = 64
TIMEOUT_MS = 5_000
PAUSE_MS_FIRST = 10
PAUSE_MS_MAX = 500

Exchange = Callable[[Operation, bytes], Awaitable[Answer]]

_log = structlog.get_logger("lionrock.ledger")


class LedgerClient:
    """Turns drafts into records and result bytes into names; implements api.Ledger."""

    def __init__(self, exchange: Exchange, close: Callable[[], Awaitable[None]]) -> None:
        self._exchange = exchange
        self._close = close

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        """Open accounts; one result each, in order."""
        if not drafts:
            return []
        _check_count(drafts)
        answer = await self._exchange(
            Operation.CREATE_ACCOUNTS, b"".join(map(records.encode_account_draft, drafts))
        )
        assert len(answer.payload) == len(drafts), "one result an account"
        return [ACCOUNT_RESULT[number] for number in answer.payload]

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        """Carry out transfers; one outcome each, in order."""
        if not drafts:
            return []
        _check_count(drafts)
        answer = await self._exchange(
            Operation.CREATE_TRANSFERS, b"".join(map(records.encode_transfer, drafts))
        )
        assert len(answer.payload) == len(drafts), "one result a transfer"
        return [
            TransferOutcome(TRANSFER_RESULT[number], answer.sequence) for number in answer.payload
        ]

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order asked, with balances as of now."""
        if not ids:
            return []
        _check_count(ids)
        answer = await self._exchange(Operation.LOOKUP_ACCOUNTS, records.encode_ids(ids))
        return records.decode_accounts(answer.payload)

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order asked."""
        if not ids:
            return []
        _check_count(ids)
        answer = await self._exchange(Operation.LOOKUP_TRANSFERS, records.encode_ids(ids))
        return records.decode_transfers(answer.payload)

    async def close(self) -> None:
        """Let go of the connection; calls under way end Unavailable."""
        await self._close()


def connect(address: str, *, timeout_ms: int = TIMEOUT_MS) -> LedgerClient:
    """Return a client of the ledger process at `address` (socket path or loopback host:port).

    Connects at the first call, and again whenever the connection was lost.
    """
    link = _Link(address, timeout_ms)
    return LedgerClient(link.exchange, link.close)


@contextlib.asynccontextmanager
async def in_process(
    database: Database, business_clock: BusinessClock, limits: Limits | None = None
) -> AsyncIterator[LedgerClient]:
    """Run writer and projection in this process and yield a client of it (tests, one process)."""
    writer = Writer(database, business_clock, limits)
    await writer.start()
    tasks = [asyncio.create_task(writer.run()),
             asyncio.create_task(Projection(database).run_for_ever())]

    async def exchange(operation: Operation, payload: bytes) -> Answer:
        try:
            return await writer.submit(operation, payload)
        except Busy as error:
            raise Unavailable(str(error)) from error

    async def close() -> None:
        writer.stop()

    try:
        yield LedgerClient(exchange, close)
    finally:
        writer.stop()
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(results[0], Exception) and not isinstance(results[0], Unavailable):
            raise results[0]


def _check_count(events: Sequence[object]) -> None:
    if len(events) > REQUEST_EVENTS_MAX:
        raise ValueError(f"{len(events)} events in one call; at most {REQUEST_EVENTS_MAX}")


class _TryAgain(Exception):
    """The ledger said: not now."""


class _Link:
    """One connection, shared by all calls of a client, made again when it breaks."""

    def __init__(self, address: str, timeout_ms: int) -> None:
        self._address = parse_address(address)
        self._timeout_ms = timeout_ms
        self._in_flight = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._replies: dict[int, asyncio.Future[ReplyFrame]] = {}
        self._last_request_id = 0

    async def exchange(self, operation: Operation, payload: bytes) -> Answer:
        """Send until answered; Unavailable when the time is up."""
        try:
            async with asyncio.timeout(self._timeout_ms / 1000), self._in_flight:
                return await self._exchange_until_answered(operation, payload)
        except TimeoutError as error:
            raise Unavailable(f"no answer from the ledger within {self._timeout_ms} ms") from error

    async def _exchange_until_answered(self, operation: Operation, payload: bytes) -> Answer:
        pause_ms = PAUSE_MS_FIRST
        while True:
            try:
                return await self._exchange_once(operation, payload)
            except (OSError, EOFError, _TryAgain) as error:
                _log.debug("ledger_call_repeated", error=type(error).__name__)
            await asyncio.sleep(pause_ms / 1000)
            pause_ms = min(pause_ms * 2, PAUSE_MS_MAX)

    async def _exchange_once(self, operation: Operation, payload: bytes) -> Answer:
        writer = await self._connected()
        self._last_request_id += 1
        request_id = self._last_request_id
        future: asyncio.Future[ReplyFrame] = asyncio.get_running_loop().create_future()
        self._replies[request_id] = future
        try:
            writer.write(encode_frame(
                RequestFrame(PROTOCOL_VERSION, request_id, operation, payload)))
            await writer.drain()
            reply = await future
        finally:
            del self._replies[request_id]
        if reply.status in {Status.UNAVAILABLE, Status.BUSY}:
            raise _TryAgain
        if reply.status is Status.MALFORMED:
            raise ValueError(f"the ledger refused a frame: {reply.payload.decode()}")
        return Answer(reply.sequence, reply.payload)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None and not self._writer.is_closing():
                return self._writer
            await self.close()
            if isinstance(self._address, str):
                reader, writer = await asyncio.open_unix_connection(self._address)
            else:
                reader, writer = await asyncio.open_connection(*self._address)
            self._writer = writer
            self._reading = asyncio.create_task(self._read(reader, writer))
            return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand replies to their callers; when the stream ends, tell all that wait."""
        try:
            while (body := await read_body(reader)) is not None:
                reply = decode_reply(body)
                future = self._replies.get(reply.request_id)
                if future is not None and not future.done():  # else its caller has given up
                    future.set_result(reply)
        except (OSError, EOFError, TimeoutError, FrameRefused) as error:
            _log.warning("ledger_connection_lost", error=type(error).__name__)
        finally:
            writer.close()
            for future in self._replies.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the ledger closed the connection"))

    async def close(self) -> None:
        """Close the connection, if there is one."""
        reading, self._reading = self._reading, None
        writer, self._writer = self._writer, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if writer is not None:
            writer.close()
