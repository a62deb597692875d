"""What the writer keeps beside its state: its line to the journal, snapshots, the copies' distance.

Not for: deciding or answering (writer.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Connection, Database, OpenConnection
from lionrock.ledger.domain import snapshot
from lionrock.ledger.domain.seen import FINGERPRINT
from lionrock.ledger.domain.state import State
from lionrock.ledger.store import journal, projection

SNAPSHOT_ROWS = 10_000
SNAPSHOT_EVENTS = 250_000
SNAPSHOTS_KEPT = 2
SNAPSHOT_SPACING = 20  # a snapshot that took 1 s is not followed by another within 20 s
SEEN_SAVED_EVERY = 1_000_000
TRANSFERS_IN_MEMORY_MAX = 200_000
UNCOPIED_MAX = 1_000_000
_MS_PER_S = 1_000

T = TypeVar("T")
_log = structlog.get_logger("lionrock.ledger")


class Limits(msgspec.Struct, frozen=True):
    """When snapshots are taken, how much settled past stays in memory, how far copies may lag."""

    snapshot_rows: int = SNAPSHOT_ROWS
    snapshot_events: int = SNAPSHOT_EVENTS
    snapshot_spacing: int = SNAPSHOT_SPACING
    transfers_in_memory_max: int = TRANSFERS_IN_MEMORY_MAX
    uncopied_max: int = UNCOPIED_MAX


class Lag(msgspec.Struct, frozen=True):
    """How far the query tables are behind the journal."""

    rows: int
    events: int
    ms: float


class Line:
    """One connection kept open, on which each statement is its own transaction and round trip.

    Taking a connection from the pool, BEGIN and COMMIT would be three round trips more for each
    group of payments. A connection that failed goes back; the next call takes another.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened: OpenConnection | None = None

    async def run(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a use case of one statement."""
        if self._opened is None:
            self._opened = await self._database.connect()
        try:
            return await use_case(self._opened.connection)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Give the connection back."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.release()


class Copies:
    """How far the query tables have copied what this writer committed."""

    def __init__(self, uncopied_max: int) -> None:
        self._uncopied_max = uncopied_max
        self.reached = projection.Position(0, 0)
        self._rows: deque[tuple[int, int, float]] = deque()  # sequence, events, committed_ms
        self._events = 0

    def committed(self, sequence: int, events_count: int) -> None:
        """Note a row that is now to be copied."""
        self._rows.append((sequence, events_count, monotonic_ms()))
        self._events += events_count

    def copied(self, reached: projection.Position) -> None:
        """Note how far the query tables are."""
        self.reached = reached
        while self._rows and self._rows[0][0] <= reached.sequence:
            self._events -= self._rows.popleft()[1]

    @property
    def is_too_far_behind(self) -> bool:
        """Say whether the writer must wait for the query tables: memory holds what they lack."""
        return self._events > self._uncopied_max

    @property
    def events(self) -> int:
        """How many committed events the query tables are not known to have."""
        return self._events

    @property
    def lag(self) -> Lag:
        """Return what is committed and not known to be copied."""
        oldest_ms = self._rows[0][2] if self._rows else monotonic_ms()
        return Lag(len(self._rows), self._events, monotonic_ms() - oldest_ms)


class Snapshots:
    """Takes snapshots between batches and writes them while the next batches run."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._rows = 0
        self._events = 0
        self._not_before_ms = 0.0
        self._seen_saved = 0
        self._saving: asyncio.Task[None] | None = None

    def committed(self, events_count: int) -> None:
        """Count a row."""
        self._rows += 1
        self._events += events_count

    async def take_if_due(
        self, state: State, epoch: int, sequence: int, row_hash: bytes, *, uncopied: int
    ) -> None:
        """Encode the state as of now if it is time, and begin to write it.

        `uncopied` is how many events the query tables lack: all of them would be in it.
        """
        is_due = (self._rows >= self._limits.snapshot_rows
                  or self._events >= self._limits.snapshot_events)
        if not is_due or monotonic_ms() < self._not_before_ms:
            return
        if uncopied > SNAPSHOT_EVENTS and self._events < self._limits.uncopied_max:
            return  # it would hold almost as much as the rows that it saves replaying
        await self.finish()
        self._rows = self._events = 0
        try:
            until_ns = (await self._database.read(projection.position)).until_ns
        except journal.DATABASE_FAILURES as error:
            _log.warning("ledger_snapshot_failed", error=type(error).__name__)
            return
        started_ms = monotonic_ms()
        encoded = snapshot.take(state, sequence, row_hash, until_ns)
        state_hash = snapshot.state_hash(state)
        seen = None
        if state.seen.count - self._seen_saved >= SEEN_SAVED_EVERY:
            self._seen_saved = state.seen.count
            seen = journal.SavedSeen(
                state.seen.until_ns, state.seen.count, state.seen.bits, state.seen.latest)

        async def save(db: Connection) -> None:
            await journal.save_snapshot(
                db, epoch, sequence, encoded, snapshot.digest(encoded), keep=SNAPSHOTS_KEPT)
            await journal.save_checkpoint(db, sequence, state_hash)
            if seen is not None:
                await journal.save_seen(db, FINGERPRINT, seen)

        self._saving = asyncio.create_task(self._save(save))
        now_ms = monotonic_ms()
        self._not_before_ms = now_ms + (now_ms - started_ms) * self._limits.snapshot_spacing

    async def _save(self, save: Callable[[Connection], Awaitable[None]]) -> None:
        try:
            await self._database.run(save)
        except journal.DATABASE_FAILURES as error:
            # Only restart time suffers; the next one is due soon.
            _log.warning("ledger_snapshot_failed", error=type(error).__name__)

    async def finish(self) -> None:
        """Let what is being written end."""
        if self._saving is not None:
            await asyncio.wait({self._saving})
