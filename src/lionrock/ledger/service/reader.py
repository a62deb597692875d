"""Reading the ledger's query tables: balances, transfers, holds; waiting to see one's own write.

The tables follow the journal by a few milliseconds; each row carries the journal sequence it stands
at. For a decision about money ask the ledger itself: only it refuses what is not there.
"""

from __future__ import annotations

import asyncio

import msgspec

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.values import (
    TIMESTAMP_NS_MAX,
    Account,
    Balance,
    HoldStatus,
    Transfer,
)
from lionrock.ledger.store import projection, queries

POLL_MS = 5
WAIT_MS_MAX = 5_000


class AccountRow(msgspec.Struct, frozen=True):
    """An account as of the journal row that last changed it."""

    account: Account
    sequence: int


class TransferRow(msgspec.Struct, frozen=True):
    """A transfer, and what became of it if it is a hold."""

    transfer: Transfer
    hold_status: HoldStatus | None
    sequence: int


class LedgerReader:
    """The query side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait_for(self, sequence: int, timeout_ms: int = WAIT_MS_MAX) -> bool:
        """Wait until the query tables have copied row `sequence`; False when time runs out."""
        deadline_ms = monotonic_ms() + min(timeout_ms, WAIT_MS_MAX)
        while True:
            reached = await self._database.read(projection.position)
            if reached.sequence >= sequence:
                return True
            if monotonic_ms() >= deadline_ms:
                return False
            await asyncio.sleep(POLL_MS / 1000)

    async def journal_sequence(self) -> int:
        """Return the journal's last committed row."""
        return await self._database.read(queries.journal_sequence)

    async def account(self, db: Connection, account_id: int) -> AccountRow | None:
        """Return an account with its balances, or None."""
        found = await queries.account(db, account_id)
        return None if found is None else AccountRow(*found)

    async def transfer(self, db: Connection, transfer_id: int) -> TransferRow | None:
        """Return a transfer, or None."""
        found = await queries.transfer(db, transfer_id)
        return None if found is None else TransferRow(*found)

    async def refusal(self, db: Connection, transfer_id: int) -> TransferResult | None:
        """Return why an id that answers `id_already_failed` was refused the first time."""
        return await queries.refusal(db, transfer_id)

    async def transfers_of_account(
        self, db: Connection, account_id: int, *, before_ns: int = TIMESTAMP_NS_MAX,
        limit: int = queries.TRANSFERS_PAGE_MAX,
    ) -> list[TransferRow]:
        """Return an account's transfers older than `before_ns`, newest first, at most 100."""
        rows = await queries.transfers_of_account(
            db, account_id, before_ns=before_ns, limit=limit)
        return [TransferRow(*row) for row in rows]

    async def holds(
        self, db: Connection, status: HoldStatus, *, after_ns: int = 0,
        limit: int = queries.TRANSFERS_PAGE_MAX,
    ) -> list[TransferRow]:
        """Return open or expired holds that have a time-out, first to lapse first, at most 100."""
        rows = await queries.holds(db, status, after_ns=after_ns, limit=limit)
        return [TransferRow(*row) for row in rows]

    async def balance_at(
        self, db: Connection, account_id: int, sequence: int
    ) -> Balance | None:
        """Return what an account with the flag `history` held once row `sequence` was in."""
        found = await queries.balance_at(db, account_id, sequence)
        return None if found is None else found[0]
