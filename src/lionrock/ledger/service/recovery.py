"""From snapshot and journal to the state in memory, comparing every hash on the way.

Damaged stops the start: a ledger that contradicts its journal must not answer.
"""

from __future__ import annotations

import functools

import msgspec
import structlog

from lionrock.kernel.db import Connection, Database
from lionrock.ledger.domain import records, snapshot
from lionrock.ledger.domain.machine import (
    GENESIS_HASH,
    Damaged,
    Entry,
    Operation,
    Request,
    decode_input,
    decode_requests,
    mentioned_keys,
    replay,
)
from lionrock.ledger.domain.records import Malformed
from lionrock.ledger.domain.seen import FINGERPRINT, Seen
from lionrock.ledger.domain.state import Recalled, State
from lionrock.ledger.domain.values import HoldStatus
from lionrock.ledger.store import journal

ENTRIES_PAGE = 64

_log = structlog.get_logger("lionrock.ledger")


class Restored(msgspec.Struct, frozen=True):
    """The state after the journal's last row."""

    state: State
    sequence: int
    hash: bytes


async def restore(database: Database, *, use_snapshot: bool = True) -> Restored:
    """Rebuild the state; Damaged names the first row or snapshot that does not agree.

    Called after the epoch was claimed, so that the journal no longer grows meanwhile. Without the
    snapshot the whole journal is replayed, which checks snapshots too when compared.
    """
    state, sequence, row_hash = State(), 0, GENESIS_HASH
    if use_snapshot:
        state, sequence, row_hash = await database.read(_from_snapshot)
        if state.archived_until_ns:
            state.seen = await _seen_until(database, state.archived_until_ns, sequence)
    checkpoints = await database.read(lambda db: journal.checkpoints_after(db, sequence))
    replayed = 0
    while True:
        entries = await _entries_after(database, sequence)
        if not entries:
            break
        await _recall_for(database, state, entries)
        for entry in entries:
            if entry.sequence != sequence + 1:
                raise Damaged(f"journal row {sequence + 1} is missing")
            replay(state, entry, row_hash)
            sequence, row_hash = entry.sequence, entry.hash
            expected = checkpoints.get(sequence)
            if expected is not None and snapshot.state_hash(state) != expected:
                raise Damaged(f"after journal row {sequence} the accounts are not as they were")
            replayed += 1
    _log.info("ledger_restored", sequence=sequence, replayed=replayed)
    return Restored(state, sequence, row_hash)


async def _entries_after(database: Database, sequence: int) -> list[Entry]:
    return await database.read(lambda db: journal.entries_after(db, sequence, ENTRIES_PAGE))


async def _from_snapshot(db: Connection) -> tuple[State, int, bytes]:
    found = await journal.latest_snapshot(db)
    if found is None:
        return State(), 0, GENESIS_HASH
    sequence, encoded, digest = found
    state, sequence_inside, row_hash = snapshot.restore(encoded, digest)
    if sequence_inside != sequence or await journal.entry_hash(db, sequence) != row_hash:
        raise Damaged(f"the snapshot at row {sequence} is not of this journal")
    return state, sequence, row_hash


async def _seen_until(database: Database, archived_until_ns: int, sequence: int) -> Seen:
    """The ids archived by an instant: the saved filter, and those of the rows after it.

    A few more than were archived, which costs a question to the query tables, never an answer.
    """
    saved = await database.read(
        lambda db: journal.saved_seen(db, archived_until_ns, FINGERPRINT))
    reached, seen = 0, Seen()
    if saved is not None:
        seen = Seen(saved.bits, saved.count, saved.until_ns, saved.latest)
        # The row that the instant cuts through is read again.
        row = await database.read(lambda db: journal.row_at(db, saved.until_ns, sequence))
        reached = max(row - 1, 0)
    while reached < sequence:
        until = min(reached + ENTRIES_PAGE, sequence)
        rows = await database.read(functools.partial(
            journal.inputs_between, after=reached, until=until))
        for row_input in rows:
            seen.add([
                key for request in decode_input(row_input)
                if request.operation is Operation.CREATE_TRANSFERS
                for key in records.keys_in(request.events)
            ])
        reached = until
    seen.until_ns = archived_until_ns
    return seen


async def _recall_for(database: Database, state: State, entries: list[Entry]) -> None:
    """For a page of rows at once: nothing is left to disk while they are replayed."""
    try:
        requests = [request for entry in entries for request in decode_requests(entry)]
        await recall(database, state, requests)
    except Malformed as error:
        raise Damaged(f"journal row {entries[0].sequence} or soon after: {error}") from error


async def recall(database: Database, state: State, requests: list[Request]) -> None:
    """Before a batch: bring back from disk what it mentions and memory no longer holds."""
    if not state.archived_until_ns:
        return
    known, refused, seen = state.known, state.refused, state.seen
    missing = seen.may_have([
        key for key in mentioned_keys(requests, seen.are_later)
        if key not in known and key not in refused
    ])
    if not missing:
        state.recalled = Recalled()
        return
    recalled = await database.read(
        lambda db: journal.recall(db, missing, state.archived_until_ns))
    state.recalled = recalled
    assert HoldStatus.OPEN not in recalled.holds.values(), "open holds stay in memory"
