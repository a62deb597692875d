"""The projection: copies the journal into the query tables, whole rows in order, exactly once.

Any number of processes may run it; the lock on its position lets one copy at a time. Because the
position moves in the same transaction as the copies, a crash repeats nothing and skips nothing.
"""

from __future__ import annotations

import asyncio

import structlog

from lionrock.kernel.db import Connection, Database
from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import (
    Created,
    Entry,
    created,
    decode_effects,
    holds_resolved,
)
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.values import Account, Balance, HoldStatus, Transfer
from lionrock.ledger.store import journal, projection

ENTRIES_PER_COPY = 32
POLL_MS = 10
PAUSE_AFTER_FAILURE_MS = 500

_log = structlog.get_logger("lionrock.ledger")


class Projection:
    """Keeps the query tables up with the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_once(self) -> int:
        """Copy the next few journal rows; returns how many (0: nothing new, or another copies)."""
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
            if copied < ENTRIES_PER_COPY:
                await asyncio.sleep(POLL_MS / 1000)


async def _copy_next(db: Connection) -> int:
    start = await projection.claim_position(db)
    if start is None:
        return 0
    entries = await journal.entries_after(db, start.sequence, ENTRIES_PER_COPY)
    if not entries:
        return 0
    assert entries[0].sequence == start.sequence + 1, "rows are copied in order, none left out"
    await _copy(db, [(entry, created(entry)) for entry in entries])
    last = entries[-1]
    until_ns = last.time_ns + max(len(last.results) - 1, 0)
    assert until_ns > start.until_ns, "time advances from row to row"
    await projection.set_position(db, projection.Position(last.sequence, until_ns))
    return len(entries)


async def _copy(db: Connection, rows: list[tuple[Entry, Created]]) -> None:
    accounts: list[tuple[int, Account]] = []
    transfers: list[tuple[int, Transfer]] = []
    failed: list[tuple[int, int, TransferResult, int]] = []
    statuses: dict[int, HoldStatus] = {}
    balances: list[tuple[int, int, int, Balance]] = []
    for entry, added in rows:
        effects = decode_effects(entry)
        accounts += [(entry.sequence, account) for account in added.accounts]
        transfers += [(entry.sequence, transfer) for transfer in added.transfers]
        failed += [(entry.sequence, *refused) for refused in added.failed]
        statuses |= holds_resolved(added.transfers, effects.expired)
        balances += [
            (account_id, entry.sequence, entry.time_ns, balance)
            for account_id, balance in records.decode_balances(effects.balances)
        ]
    await projection.add_accounts(db, accounts)
    await projection.add_transfers(db, transfers)
    await projection.add_failed(db, failed)
    await projection.set_hold_statuses(db, statuses)
    await projection.set_balances(db, balances)
