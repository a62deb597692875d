"""The ledger process: one writer behind a Unix socket (or a loopback port).

Frames in, frames out (wire.py). A malformed frame is answered once and its connection closed. The
process ends, and must be started again, when another writer has taken over or the journal
contradicts the state; it does not try to be clever about either.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import stat
from typing import NamedTuple

import structlog

from lionrock.kernel.clock import BusinessClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.ledger.service.writer import Answer, Busy, Malformed, Writer
from lionrock.ledger.wire import (
    FRAME_BYTES_MAX,
    FrameRefused,
    ReplyFrame,
    RequestFrame,
    Status,
    Unavailable,
    decode_request,
    encode_frame,
    parse_address,
    read_body,
)

CONNECTIONS_MAX = 256
IN_FLIGHT_PER_CONNECTION_MAX = 256
CLOSING_S_MAX = 1.0

_log = structlog.get_logger("lionrock.ledger")


class AddressTaken(RuntimeError):
    """A ledger already answers at this address; the text says what to do."""


async def serve_ledger(kernel: Kernel, address: str, stopping: asyncio.Event) -> None:
    """Serve the ledger at `address` until `stopping` is set.

    Raises AddressTaken before anything is touched, Damaged when the journal cannot be replayed,
    Fenced when another writer has taken over.
    """
    tune_process()
    await serve(kernel.database, kernel.business_clock, address, stopping)


def tune_process() -> None:
    """Let Python look for cycles seldom: a batch makes thousands of short-lived tuples and none."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


async def serve(
    database: Database, business_clock: BusinessClock, address: str, stopping: asyncio.Event
) -> None:
    """As serve_ledger, from its two needs."""
    await _check_free(address)
    writer = Writer(database, business_clock)
    await writer.start()
    front = _Front(writer)
    server, socket_file = await _listen(front, address)
    serving = asyncio.create_task(writer.run())
    waiting = asyncio.create_task(stopping.wait())
    _log.info("ledger_listening", address=address)
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        server.close()
        writer.stop()
        # What is being committed is still answered before the connections close.
        with contextlib.suppress(Unavailable):  # stopped while the database was away
            await serving
    finally:
        server.close()
        serving.cancel()
        waiting.cancel()
        await front.close()
        _remove(socket_file)


async def _check_free(address: str) -> None:
    """Refuse an address where a ledger answers; a socket file left by a dead one is no obstacle."""
    parsed = parse_address(address)
    try:
        if isinstance(parsed, str):
            _, writer = await asyncio.open_unix_connection(parsed)
        else:
            _, writer = await asyncio.open_connection(*parsed)
    except OSError:
        return
    writer.close()
    raise AddressTaken(f"a ledger already answers at {address}; stop that one first")


async def _listen(front: _Front, address: str) -> tuple[asyncio.Server, _SocketFile | None]:
    parsed = parse_address(address)
    if not isinstance(parsed, str):
        return await asyncio.start_server(
            front.serve_connection, *parsed, limit=FRAME_BYTES_MAX), None
    _remove_left_over(parsed)
    before = os.umask(0o177)  # the file is the only lock on the door: for its owner alone
    try:
        server = await asyncio.start_unix_server(
            front.serve_connection, parsed, limit=FRAME_BYTES_MAX)
    finally:
        os.umask(before)
    return server, _SocketFile(parsed, os.stat(parsed).st_ino)


class _SocketFile(NamedTuple):
    path: str
    inode: int


def _remove_left_over(path: str) -> None:
    """Remove the socket file of a ledger that died; anything that is not a socket stays."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)


def _remove(socket_file: _SocketFile | None) -> None:
    """Remove our socket file, but not one that a successor has put in its place."""
    if socket_file is None:
        return
    with contextlib.suppress(FileNotFoundError):
        if os.stat(socket_file.path).st_ino == socket_file.inode:
            os.unlink(socket_file.path)


class _Front:
    """The connections of one server."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def close(self) -> None:
        """Close all connections, letting answers already written go out for a moment."""
        handlers = [task for task in self._connections.values() if task is not None]
        for connection in self._connections:
            connection.close()
        if handlers:
            await asyncio.wait(handlers, timeout=CLOSING_S_MAX)
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.gather(*handlers, return_exceptions=True)

    async def serve_connection(
        self, reader: asyncio.StreamReader, connection: asyncio.StreamWriter
    ) -> None:
        """Serve one connection until it ends or breaks the protocol."""
        if len(self._connections) >= CONNECTIONS_MAX:
            _log.warning("ledger_connections_exhausted", connections_max=CONNECTIONS_MAX)
            connection.close()
            return
        self._connections[connection] = asyncio.current_task()
        try:
            await self._read_requests(reader, connection)
        except FrameRefused as error:
            _log.warning("ledger_frame_refused", reason=str(error))
            _send(connection, ReplyFrame(
                error.request_id, Status.MALFORMED, 0, str(error).encode()))
        except (OSError, EOFError, TimeoutError):
            pass  # the peer is gone or stuck; it repeats what it needs over a new connection
        finally:
            self._connections.pop(connection)
            connection.close()

    async def _read_requests(
        self, reader: asyncio.StreamReader, connection: asyncio.StreamWriter
    ) -> None:
        in_flight = asyncio.Semaphore(IN_FLIGHT_PER_CONNECTION_MAX)
        while (body := await read_body(reader)) is not None:
            request = decode_request(body)
            await in_flight.acquire()
            self._start(request, connection, in_flight)
            # A peer that does not read its replies is not read from either.
            await connection.drain()

    def _start(
        self, request: RequestFrame, connection: asyncio.StreamWriter,
        in_flight: asyncio.Semaphore,
    ) -> None:
        try:
            future = self._writer.submit(request.operation, request.payload)
        except (Busy, Unavailable) as error:
            in_flight.release()
            status = Status.BUSY if isinstance(error, Busy) else Status.UNAVAILABLE
            _send(connection, ReplyFrame(request.request_id, status, 0, str(error).encode()))
            return
        except Malformed as error:
            in_flight.release()
            raise FrameRefused(str(error), request.request_id) from error

        def reply(done: asyncio.Future[Answer]) -> None:
            in_flight.release()
            error = done.exception()
            if error is not None:
                frame = ReplyFrame(request.request_id, Status.UNAVAILABLE, 0, str(error).encode())
            else:
                answer = done.result()
                frame = ReplyFrame(request.request_id, Status.OK, answer.sequence, answer.payload)
            _send(connection, frame)

        future.add_done_callback(reply)


def _send(connection: asyncio.StreamWriter, frame: ReplyFrame) -> None:
    if not connection.is_closing():
        connection.write(encode_frame(frame))
