"""The projection: copies the journal into the query tables, whole rows in order, exactly once.

Any number of processes may run it; the lock on its position lets one copy at a time. Because the
position moves in the same transaction as the copies, a crash repeats nothing and skips nothing.
"""

from __future__ import annotations

import asyncio

import structlog

from lionrock.kernel.db import Connection, Database
from lionrock.ledger.domain.copies import Copies
from lionrock.ledger.store import journal, projection

ENTRIES_PER_READ = 32
ENTRIES_PER_COPY = 4_096
TRANSFERS_PER_COPY = 100_000
POLL_MS = 10
PAUSE_AFTER_FAILURE_MS = 500

_log = structlog.get_logger("lionrock.ledger")


class Projection:
    """Keeps the query tables up with the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_once(self) -> int:
        """Copy the next few journal rows; returns how many (0: nothing new, or another copies).

        Looking for rows is one statement that writes nothing. A lock is written down and its
        transaction waits for the disk, a hundred times a second while nobody pays.
        """
        if not await self._database.alone(projection.is_behind):
            return 0
        return await self._database.run(_copy_next)

    async def catch_up(self) -> None:
        """Copy until the journal's present end."""
        while await self.run_once():
            pass

    async def run_for_ever(self) -> None:
        """Follow the journal until cancelled; outlives a database that goes and returns."""
        while True:
            try:
                copied = await self.run_once()
            except journal.DATABASE_FAILURES as error:
                _log.warning("ledger_projection_failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_MS / 1000)
                continue
            if copied < ENTRIES_PER_READ:
                await asyncio.sleep(POLL_MS / 1000)


async def _copy_next(db: Connection) -> int:
    start = await projection.claim_position(db)
    if start is None:
        return 0
    copies, last, count = Copies(), None, 0
    while copies.transfers_count < TRANSFERS_PER_COPY and count < ENTRIES_PER_COPY:
        after = last.sequence if last else start.sequence
        entries = await journal.entries_after(db, after, ENTRIES_PER_READ)
        for entry in entries:
            assert entry.sequence == after + 1, "rows are copied in order, none left out"
            copies.add(entry)
            last, after = entry, entry.sequence
        count += len(entries)
        if len(entries) < ENTRIES_PER_READ:
            break
    if last is None:
        return 0
    await _copy(db, copies)
    until_ns = last.time_ns + max(len(last.results) - 1, 0)
    assert until_ns > start.until_ns, "time advances from row to row"
    await projection.set_position(db, projection.Position(last.sequence, until_ns))
    return count


async def _copy(db: Connection, copies: Copies) -> None:
    await projection.add_accounts(db, copies.accounts)
    await projection.add_transfers(db, copies.transfers)
    await projection.add_account_pages(db, copies)
    await projection.add_failed(db, copies.failed)
    await projection.set_hold_statuses(db, copies.statuses)
    await projection.change_balances(db, copies)
    await projection.set_flags(db, copies.flags)
    await projection.add_history(db, copies.history.values())
