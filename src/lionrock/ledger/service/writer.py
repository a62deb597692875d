"""The single writer: collects what is waiting, runs it as one batch, answers after its COMMIT.

One task owns the state. While a batch is being committed further requests wait and become the next
batch, so that load makes batches larger and not answers wrong. When the reply to a COMMIT is lost
the writer stops and rereads the journal under the epoch row's lock until it knows; nobody is
answered before. A writer whose epoch is over raises Fenced and never answers again.

Not for: sockets (server.py), rules (domain).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec
import structlog

from lionrock.kernel.clock import BusinessClock
from lionrock.kernel.db import Database
from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import (
    BATCH_EVENTS_MAX,
    Damaged,
    Entry,
    Request,
    execute,
)
from lionrock.ledger.domain.machine import Operation as JournalOperation
from lionrock.ledger.domain.state import State
from lionrock.ledger.service.attention import Attention
from lionrock.ledger.service.keeping import Copies, Lag, Limits, Line, Snapshots
from lionrock.ledger.service.recovery import recall, restore
from lionrock.ledger.store import journal, projection
from lionrock.ledger.wire import Operation, Unavailable, check_payload

WAITING_MAX = 4_096
TICK_MS = 100
REREAD_PAUSE_MS_FIRST = 20
REREAD_PAUSE_MS_MAX = 1_000
_NS_PER_US = 1_000

_log = structlog.get_logger("lionrock.ledger")


class Fenced(RuntimeError):
    """Another writer has taken over; this one must end."""


class Busy(RuntimeError):
    """More requests are waiting than the writer keeps; nothing was tried."""


class Malformed(ValueError):
    """A request that breaks the rules of size and range; a bug of the caller."""


class Answer(msgspec.Struct, frozen=True):
    """Result bytes or records, and the journal row they stand in (for look-ups: the last row)."""

    sequence: int
    payload: bytes


class _Work(msgspec.Struct, frozen=True):
    operation: Operation
    payload: bytes
    answer: asyncio.Future[Answer]

    @property
    def events_count(self) -> int:
        record_bytes = records.RECORD_BYTES if self.is_creation else records.ID_BYTES
        return len(self.payload) // record_bytes

    @property
    def is_creation(self) -> bool:
        return self.operation <= Operation.CREATE_TRANSFERS


class Writer:
    """The ledger's one writer in this process."""

    def __init__(
        self, database: Database, business_clock: BusinessClock, limits: Limits | None = None
    ) -> None:
        self._database = database
        self._business_clock = business_clock
        self._limits = limits or Limits()
        self._state = State()
        self._epoch = 0
        self._sequence = 0
        self._hash = b""
        self._waiting: deque[_Work] = deque()
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_stopping = False
        self._is_over = False
        self._line = Line(database)
        self._copies = Copies(self._limits.uncopied_max)
        self._snapshots = Snapshots(database, self._limits)
        self._attention = Attention()

    @property
    def sequence(self) -> int:
        """The last committed journal row."""
        return self._sequence

    @property
    def hash(self) -> bytes:
        """The last committed row's hash: equal hashes mean equal journals."""
        return self._hash

    @property
    def transfers_in_memory(self) -> int:
        """How many transfers the state holds; the others are on disk."""
        return len(self._state.known)

    @property
    def lag(self) -> Lag:
        """How far the query tables are behind what this writer committed."""
        return self._copies.lag

    async def start(self) -> None:
        """Take over from any other writer and rebuild the state; Damaged when it cannot be."""
        assert self._epoch == 0, "a writer starts once"
        self._epoch = await self._database.run(journal.claim_epoch)
        restored = await restore(self._database)
        self._state, self._sequence = restored.state, restored.sequence
        self._hash = restored.hash
        await self._check_database()
        await self.look_at_copies()
        _log.info("ledger_writer_started", epoch=self._epoch, sequence=self._sequence)

    async def _check_database(self) -> None:
        """What the journal cannot say of itself: the copies fit it, and commits are durable."""
        copied = await self._database.read(projection.position)
        if copied.sequence > self._sequence:
            raise Damaged(f"the query tables have copied row {copied.sequence}, the journal ends "
                          f"at {self._sequence}: the database has lost committed rows")
        if copied.until_ns < self._state.archived_until_ns:
            raise Damaged("the query tables lack what the snapshot left to them; "
                          "remove the snapshots to replay from the start")
        lacking = await self._database.read(journal.durability_lacking)
        if lacking:
            _log.warning("ledger_database_not_durable", settings_off=lacking)

    def submit(self, operation: Operation, payload: bytes) -> asyncio.Future[Answer]:
        """Queue a request; the future ends with an Answer or with Unavailable.

        Raises Malformed, Busy or Unavailable at once when it is not queued.
        """
        reason = check_payload(operation, payload)
        if reason is not None:
            raise Malformed(reason)
        if self._is_over or self._is_stopping:
            raise Unavailable("the ledger is stopping")
        if len(self._waiting) >= WAITING_MAX:
            raise Busy(f"{WAITING_MAX} requests are waiting")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Work(operation, payload, answer))
        self._arrived.set()
        return answer

    def stop(self) -> None:
        """Ask `run` to end after what it is doing; what waits is answered Unavailable."""
        self._is_stopping = True
        self._arrived.set()
        self._has_room.set()

    async def run(self) -> None:
        """Serve until stopped; raises Fenced or Damaged when this writer must not go on."""
        assert self._epoch > 0, "start comes first"
        ticker = asyncio.create_task(self._tick())
        try:
            while not self._is_stopping:
                await self._arrived.wait()
                # Let what is already readable be queued too: one commit for all of it.
                await asyncio.sleep(0)
                await self._wait_for_copies()
                await self._serve(self._take_group())
        finally:
            self._is_over = True
            ticker.cancel()
            self._refuse(self._waiting)
            self._waiting.clear()
            await self._snapshots.finish()
            await self._line.close()

    async def _tick(self) -> None:
        """See to what nobody asks for: holds that lapse, and how far the query tables are."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            if self._is_expiry_due():
                self._arrived.set()
            try:
                await self.look_at_copies()
            except journal.DATABASE_FAILURES as error:
                _log.debug("ledger_copies_unknown", error=type(error).__name__)

    async def look_at_copies(self) -> None:
        """Learn how far the query tables are: what they have may be forgotten here."""
        self._copies.copied(await self._database.read(projection.position))
        if not self._copies.is_too_far_behind:
            self._has_room.set()

    async def _wait_for_copies(self) -> None:
        """Back-pressure: what the query tables lack is held in memory, which is bounded."""
        if self._copies.is_too_far_behind and not self._is_stopping:
            self._has_room.clear()
            await self._has_room.wait()

    def _is_expiry_due(self) -> bool:
        expires_at_ns = self._state.next_expiry_ns()
        return expires_at_ns is not None and expires_at_ns <= self._now_ns()

    def _now_ns(self) -> int:
        """The business instant, never at or before a timestamp already given."""
        instant = self._business_clock.now()
        whole_s = int(instant.replace(microsecond=0).timestamp())
        now_ns = whole_s * 1_000_000_000 + instant.microsecond * _NS_PER_US
        return max(now_ns, self._state.time_ns + 1)

    def _take_group(self) -> list[_Work]:
        """The oldest requests that fit into one batch; at least one if any waits."""
        group: list[_Work] = []
        events_count = 0
        while self._waiting:
            events_count += self._waiting[0].events_count
            if group and events_count > BATCH_EVENTS_MAX:
                break
            group.append(self._waiting.popleft())
        if not self._waiting and not self._is_stopping:
            self._arrived.clear()
        return group

    async def _serve(self, group: list[_Work]) -> None:
        creations = [work for work in group if work.is_creation]
        lookups = [work for work in group if not work.is_creation]
        try:
            if creations or self._is_expiry_due():
                await self._serve_creations(creations)
            if lookups:
                await self._serve_lookups(lookups)
            await self._snapshots.take_if_due(
                self._state, self._epoch, self._sequence, self._hash,
                uncopied=self._copies.events)
            self._forget()
        except BaseException:
            self._refuse(group)
            raise

    async def _serve_creations(self, works: list[_Work]) -> None:
        requests = [Request(JournalOperation(work.operation), work.payload) for work in works]
        try:
            await recall(self._database, self._state, requests)
        except journal.DATABASE_FAILURES as error:
            _log.warning("ledger_recall_failed", error=type(error).__name__)
            self._refuse(works)
            return
        entry, results = execute(
            self._state, requests, time_ns=self._now_ns(), sequence=self._sequence + 1,
            previous=self._hash,
        )
        if len(works) == 1 and works[0].events_count == 1:
            self._attention.asked()
        # The state is now one row ahead of the journal; nothing is answered until they agree.
        await self._commit(entry)
        assert entry.sequence == self._sequence + 1, "rows are committed in order"
        self._sequence, self._hash = entry.sequence, entry.hash
        self._copies.committed(entry.sequence, len(entry.results))
        self._snapshots.committed(len(entry.results))
        for work, result in zip(works, results, strict=True):
            _answer(work, Answer(entry.sequence, result))
        self._attention.answered()

    async def _commit(self, entry: Entry) -> None:
        """Return once the row is known to be committed; Fenced when it never will be."""
        pause_ms = REREAD_PAUSE_MS_FIRST
        while True:
            try:
                if await self._line.run(lambda db: journal.append(db, self._epoch, entry)):
                    return
                raise Fenced(f"epoch {self._epoch} is over")
            except journal.DATABASE_FAILURES as error:
                _log.warning("ledger_commit_unknown", sequence=entry.sequence,
                             error=type(error).__name__)
            if await self._was_committed(entry, pause_ms):
                return
            pause_ms = min(pause_ms * 2, REREAD_PAUSE_MS_MAX)

    async def _was_committed(self, entry: Entry, pause_ms: int) -> bool:
        """Reread the journal, for as long as it takes, until the row's fate is known.

        The epoch row's lock is the point: it is granted only after the transaction whose reply was
        lost has ended either way.
        """
        while True:
            await asyncio.sleep(pause_ms / 1000)
            if self._is_stopping:
                raise Unavailable("stopped before the outcome of a commit was known")
            try:
                head = await self._database.run(journal.locked_head)
                break
            except journal.DATABASE_FAILURES as error:
                _log.warning("ledger_reread_failed", error=type(error).__name__)
                pause_ms = min(pause_ms * 2, REREAD_PAUSE_MS_MAX)
        if head.epoch != self._epoch:
            raise Fenced(f"epoch {self._epoch} is over, {head.epoch} is in force")
        if head.sequence < self._sequence:
            raise Damaged(f"the database has lost journal rows that it had committed: its last is "
                          f"{head.sequence}, {self._sequence} was answered")
        if head.sequence == self._sequence:
            return False
        if head.sequence != entry.sequence or head.hash != entry.hash:
            raise Damaged(f"journal row {head.sequence} was written by nobody known")
        return True

    async def _serve_lookups(self, works: list[_Work]) -> None:
        """Answer from memory, if nobody else has written since: no stale reads."""
        try:
            epoch = await self._line.run(journal.current_epoch)
            if epoch != self._epoch:
                raise Fenced(f"epoch {self._epoch} is over, {epoch} is in force")
            for work in works:
                _answer(work, Answer(self._sequence, await self._look_up(work)))
        except journal.DATABASE_FAILURES as error:
            _log.warning("ledger_lookup_failed", error=type(error).__name__)
            self._refuse(works)

    async def _look_up(self, work: _Work) -> bytes:
        if work.operation is Operation.LOOKUP_ACCOUNTS:
            accounts = map(self._state.account, records.decode_ids(work.payload))
            return b"".join(records.encode_account(a) for a in accounts if a is not None)
        keys = records.keys(work.payload)
        state = self._state
        missing = state.seen.may_have([key for key in keys if key not in state.known])
        recalled: dict[bytes, bytes] = {}
        if missing:
            until_ns = state.archived_until_ns
            found = await self._database.read(lambda db: journal.recall(db, missing, until_ns))
            recalled = found.transfers
        stored = (
            state.find_record(key) if key in state.known else recalled.get(key) for key in keys)
        return b"".join(record for record in stored if record is not None)

    def _forget(self) -> None:
        """Leave settled transfers to the query tables once memory holds enough of them."""
        if len(self._state.known) > self._limits.transfers_in_memory_max:
            self._state.archive(self._copies.reached.until_ns)

    def _refuse(self, works: Sequence[_Work] | deque[_Work]) -> None:
        for work in works:
            if not work.answer.done():
                work.answer.set_exception(Unavailable("repeat the same request"))


def _answer(work: _Work, answer: Answer) -> None:
    if not work.answer.done():  # a caller may have gone away meanwhile
        work.answer.set_result(answer)
