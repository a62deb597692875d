"""The ledger process: one writer behind a Unix socket (or a loopback port).

Frames in, frames out (connections.py, wire.py). The process ends, and must be started again, when
another writer has taken over or the journal contradicts the state; it does not try to be clever
about either.
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
from lionrock.ledger.connections import CONNECTIONS_MAX, Front
from lionrock.ledger.service.writer import Writer
from lionrock.ledger.wire import Unavailable, parse_address

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
    front = Front(writer)
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


async def _listen(front: Front, address: str) -> tuple[asyncio.Server, _SocketFile | None]:
    parsed = parse_address(address)
    loop = asyncio.get_running_loop()
    if not isinstance(parsed, str):
        return await loop.create_server(front.connection, *parsed), None
    _remove_left_over(parsed)
    before = os.umask(0o177)  # the file is the only lock on the door: for its owner alone
    try:
        server = await loop.create_unix_server(front.connection, parsed, backlog=CONNECTIONS_MAX)
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
