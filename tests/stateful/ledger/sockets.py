"""Running the socket server in a test, and a PostgreSQL proxy that breaks connections on demand."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from lionrock.kernel.clock import BusinessClock
from lionrock.kernel.db import Database
from lionrock.ledger.server import serve

PATIENT_MS = 60_000  # of a client: a machine under load is no ledger that does not answer


@asynccontextmanager
async def running_server(
    database: Database, clock: BusinessClock, address: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve at `address` until the block ends; errors of the server are the block's."""
    stopping = asyncio.Event()
    task = asyncio.create_task(serve(database, clock, address, stopping))
    async with asyncio.timeout(60):
        while not await _answers(address):
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
    try:
        yield task
    finally:
        stopping.set()
        await task


def file_exists(path: str) -> bool:
    return os.path.exists(path)


async def _answers(address: str) -> bool:
    try:
        if "/" in address:
            _, writer = await asyncio.open_unix_connection(address)
        else:
            host, port = address.split(":")
            _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


class PostgresProxy:
    """Stands between the ledger and PostgreSQL and cuts the connection around a journal commit.

    `cut` is "before" (the statement never reaches the server) or "after" (the server has committed
    it and its reply is thrown away); it takes effect once, at the next execution of the journal's
    statement, which is a transaction of its own. `is_down` refuses new connections.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._upstream = str(Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432")
        self._directory = tempfile.TemporaryDirectory(prefix="lrp-")
        self.url = f"postgresql://{parts.netloc}{parts.path}?host={self._directory.name}"
        self.cut: str | None = None
        self.cuts_made = 0
        self.is_down = False

    async def __aenter__(self) -> PostgresProxy:
        path = str(Path(self._directory.name) / ".s.PGSQL.5432")
        self._server = await asyncio.start_unix_server(self._serve, path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._directory.cleanup()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.is_down:
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_unix_connection(self._upstream)
        link = _Link(self, writer, up_writer)
        await asyncio.gather(link.requests(reader), link.replies(up_reader))


# A Parse message: its length, the statement's name, its text.
_JOURNAL_PARSE = re.compile(rb"P....([^\0]+)\0[^\0]*INSERT INTO ledger\.journal", re.DOTALL)


class _Link:
    def __init__(
        self, proxy: PostgresProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._statement: bytes | None = None  # the journal's, by the name it was prepared under
        self._is_swallowing = False

    async def requests(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self._is_cut_before(data):
                    break
                self._server.write(data)
                await self._server.drain()
        self._server.close()
        self._client.close()

    def _is_cut_before(self, data: bytes) -> bool:
        """Whether the connection ends before this commit; otherwise perhaps its reply will."""
        if parsed := _JOURNAL_PARSE.search(data):
            self._statement = parsed.group(1)
        is_execution = (self._statement is not None and data[:1] == b"B"
                        and b"\0" + self._statement + b"\0" in data)
        if not is_execution or self._proxy.cut is None:
            return False
        how, self._proxy.cut = self._proxy.cut, None
        self._proxy.cuts_made += 1
        self._is_swallowing = how == "after"
        return how == "before"

    async def replies(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self._is_swallowing:
                    break
                self._client.write(data)
                await self._client.drain()
        self._client.close()
        self._server.close()
