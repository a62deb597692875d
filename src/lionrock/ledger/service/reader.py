"""Reading the ledger's query tables: balances, transfers, holds; waiting to see one's own write.

The tables follow the journal by a few milliseconds; each row carries the journal sequence it stands
at. For a decision about money ask the ledger itself: only it refuses what is not there.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.domain.filters import AccountFilter, QueryFilter
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.values import (
    TIMESTAMP_NS_MAX,
    Account,
    Balance,
    HoldStatus,
    Transfer,
)
from lionrock.ledger.service.keeping import UNCOPIED_MAX
from lionrock.ledger.store import filtered, pages, projection, queries

POLL_MS = 5
WAIT_MS_MAX = 5_000
STALLED_MS = 5_000
_NS_PER_MS = 1_000_000
CopyState = Literal["level", "copying", "stalled", "holding"]


class AccountRow(msgspec.Struct, frozen=True):
    """An account as of the journal row that last changed it."""

    account: Account
    sequence: int


class TransferRow(msgspec.Struct, frozen=True):
    """A transfer, and what became of it if it is a hold."""

    transfer: Transfer
    hold_status: HoldStatus | None
    sequence: int


class BalanceRow(msgspec.Struct, frozen=True):
    """What an account with the flag `history` held from `timestamp_ns` on."""

    timestamp_ns: int
    balance: Balance
    sequence: int


class CopyLag(msgspec.Struct, frozen=True):
    """How far the query tables are behind the journal; `behind_ns` in business time."""

    rows: int
    journal_sequence: int
    behind_ns: int


class CopyProgress(msgspec.Struct, frozen=True):
    """The projection at one moment: rows written and copied, what waits, and for how long.

    `events` counts those of the first 100,000 rows that wait. `waits_ms` is how long the oldest of
    them waits, in business time. `state`: level (nothing waits), copying, stalled (something waits
    longer than STALLED_MS), holding (more waits than the writer may run ahead: it takes no batch
    before room is made).
    """

    written: int
    copied: int
    events: int
    waits_ms: int
    state: CopyState


def copy_progress(
    copied: int, written: int, events: int, oldest_ns: int | None, now_ns: int
) -> CopyProgress:
    """Say how the projection stands at an instant of business time."""
    assert copied <= written, "only what was written is copied"
    waits_ms = 0 if oldest_ns is None else max(0, now_ns - oldest_ns) // _NS_PER_MS
    state: CopyState = "level" if copied == written else "copying"
    if state == "copying" and events > UNCOPIED_MAX:
        state = "holding"
    elif state == "copying" and waits_ms > STALLED_MS:
        state = "stalled"
    return CopyProgress(written, copied, events, waits_ms, state)


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
        assert 0 < limit <= queries.TRANSFERS_PAGE_MAX, "pages are bounded"
        if before_ns <= 1:
            return []
        wanted = AccountFilter(account_id=account_id, timestamp_max=before_ns - 1, limit=limit,
                               is_reversed=True)
        return [TransferRow(*row) for row in await pages.account_transfers(db, wanted)]

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

    async def balance_as_of(
        self, db: Connection, account_id: int, at_ns: int
    ) -> Balance | None:
        """Return what an account with the flag `history` held at a business instant."""
        found = await queries.balance_as_of(db, account_id, at_ns)
        return None if found is None else found[0]

    async def query_accounts(self, db: Connection, wanted: QueryFilter) -> list[AccountRow]:
        """Return the accounts that a filter matches, in order of their opening."""
        return [AccountRow(*row) for row in await filtered.query_accounts(db, wanted)]

    async def query_transfers(self, db: Connection, wanted: QueryFilter) -> list[TransferRow]:
        """Return the transfers that a filter matches, in order of time."""
        return [TransferRow(*row) for row in await filtered.query_transfers(db, wanted)]

    async def get_account_transfers(
        self, db: Connection, wanted: AccountFilter
    ) -> list[TransferRow]:
        """Return the transfers of one account that a filter matches, in order of time."""
        return [TransferRow(*row) for row in await pages.account_transfers(db, wanted)]

    async def get_account_balances(
        self, db: Connection, wanted: AccountFilter
    ) -> list[BalanceRow]:
        """Return what an account with the flag `history` held after each event that touched it.

        The lapse of a hold is such an event. ValueError for a filter by side, code or user data:
        balances are of the account, not of one of its transfers.
        """
        is_narrow = (wanted.user_data_128 or wanted.user_data_64 or wanted.user_data_32
                     or wanted.code or not wanted.has_debits or not wanted.has_credits)
        if is_narrow:
            raise ValueError("balances are filtered by time alone")
        return [BalanceRow(*row) for row in await filtered.account_balances(db, wanted)]

    async def lag(self, db: Connection) -> CopyLag:
        """Return how far the query tables are behind the journal."""
        return CopyLag(*await queries.distance(db))

    async def progress(self, db: Connection, now: datetime) -> CopyProgress:
        """Return how the projection stands at a business instant."""
        now_ns = int(now.timestamp() * 1_000) * _NS_PER_MS
        return copy_progress(*await queries.waiting(db), now_ns)
