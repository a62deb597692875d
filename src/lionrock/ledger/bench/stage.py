"""What the bench measures: a ledger process on a durable embedded PostgreSQL, perhaps its copies.

Each is a process of its own, as in production, so that the cores are shared as they would be.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lionrock.kernel import log
from lionrock.kernel.clock import OffsetBusinessClock, SystemWireClock
from lionrock.kernel.db import Database, Migration, migrate, migrations_in
from lionrock.kernel.postgres import EmbeddedPostgres
from lionrock.ledger.bench.load import ACCOUNTS, CODE, ISSUER, LEDGER
from lionrock.ledger.client import LedgerClient, connect
from lionrock.ledger.domain.machine import REQUEST_EVENTS_MAX
from lionrock.ledger.domain.results import all_created
from lionrock.ledger.domain.values import AccountDraft, AccountFlags, TransferDraft
from lionrock.ledger.server import serve, tune_process
from lionrock.ledger.service.projection import Projection

FUNDS = 10**12
CLIENT_TIMEOUT_MS = 120_000
_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)


class Stage:
    """A database, and the processes started on it."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "ledger.sock")
        self._server = EmbeddedPostgres(directory, durable=True)
        self._processes: list[asyncio.subprocess.Process] = []
        self.ledger_pid = 0
        self.url = ""

    async def start(self) -> None:
        """Start the database and make the tables."""
        self._server.start()
        self.url = self._server.url("postgres")
        database = await Database.open(self.url, pool_size_max=2)
        await migrate(database, _migrations())
        await database.close()

    async def start_ledger(self) -> LedgerClient:
        """Start a ledger process and return a client of it, once it answers."""
        process = await self._run("ledger", self.url, self.address)
        self.ledger_pid = process.pid
        client = connect(self.address, timeout_ms=CLIENT_TIMEOUT_MS)
        await client.lookup_accounts([1])
        return client

    async def kill_ledger(self) -> None:
        """End the ledger as a crash would."""
        [process] = [p for p in self._processes if p.pid == self.ledger_pid]
        process.kill()
        await process.wait()
        self._processes.remove(process)

    async def start_projection(self) -> None:
        """Start a process that keeps the query tables up."""
        await self._run("projection", self.url, "")

    async def _run(self, role: str, url: str, address: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lionrock.ledger.bench", role, url, address)
        self._processes.append(process)
        return process

    async def stop(self) -> None:
        """End all processes and the database."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            await process.wait()
        self._server.stop()


@asynccontextmanager
async def prepared_stage() -> AsyncIterator[tuple[Stage, LedgerClient]]:
    """A ledger with funded accounts that may not overdraw, in a directory of its own."""
    directory = _temporary_directory()
    stage = Stage(directory)
    try:
        await stage.start()
        client = await stage.start_ledger()
        await _open_accounts(client)
        yield stage, client
        await client.close()
    finally:
        await stage.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _temporary_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="lrb-"))
    directory.chmod(0o755)  # PostgreSQL's own user must be able to enter
    return directory


async def _open_accounts(client: LedgerClient) -> None:
    assert all_created(await client.create_accounts(
        [AccountDraft(id=ISSUER, ledger=LEDGER, code=CODE)]))
    for first in range(1, ACCOUNTS + 1, REQUEST_EVENTS_MAX):
        ids = range(first, min(first + REQUEST_EVENTS_MAX, ACCOUNTS + 1))
        assert all_created(await client.create_accounts(
            [AccountDraft(id=i, ledger=LEDGER, code=CODE, flags=_LIMITED) for i in ids]))
        assert all_created(await client.create_transfers([
            TransferDraft(id=i, debit_account_id=ISSUER, credit_account_id=i, amount=FUNDS,
                          ledger=LEDGER, code=CODE) for i in ids]))


def _migrations() -> list[Migration]:
    package = Path(__file__).resolve().parent.parent.parent
    return [
        *migrations_in(package / "kernel" / "migrations", "kernel"),
        *migrations_in(package / "ledger" / "migrations", "ledger"),
    ]


async def play(role: str, url: str, address: str) -> None:
    """The measured processes: a ledger, or a projection, and nothing else."""
    log.configure("warning")
    database = await Database.open(url, pool_size_max=4)
    if role == "projection":
        await Projection(database).run_for_ever()
    tune_process()
    await serve(database, OffsetBusinessClock(SystemWireClock()), address, asyncio.Event())
