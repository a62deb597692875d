"""The journal, its fence and its snapshots: the write path. Rows in, values out.

Invariants: a row is written only by the writer whose epoch stands in ledger.epoch, and holds that
row's lock until its commit is decided; sequences have no gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg
import msgspec

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.machine import Entry
from lionrock.ledger.domain.records import encode_transfer
from lionrock.ledger.domain.state import Recalled
from lionrock.ledger.domain.values import HoldStatus, Transfer

# Whatever may come out of a database that is going, gone or full. A commit that ended so has an
# unknown outcome. A connection that was terminated while idle may raise InternalClientError.
DATABASE_FAILURES = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
    TimeoutError,
)

_ENTRY = "sequence, time_ns, input, results, effects, hash"
_TRANSFER = (
    "id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, user_data_64,"
    " user_data_32, timeout, ledger, code, flags, timestamp_ns"
)


class Head(msgspec.Struct, frozen=True):
    """The epoch in force and the journal's last row (sequence 0 and no hash before the first)."""

    epoch: int
    sequence: int
    hash: bytes | None


async def claim_epoch(db: Connection) -> int:
    """Take over the right to write; whoever wrote before can no longer commit."""
    return int(await db.fetchval("UPDATE ledger.epoch SET epoch = epoch + 1 RETURNING epoch"))


async def current_epoch(db: Connection) -> int:
    """Return the epoch in force."""
    return int(await db.fetchval("SELECT epoch FROM ledger.epoch"))


async def locked_head(db: Connection) -> Head:
    """Return epoch and last row, after waiting for any journal commit still under way.

    Two statements on purpose: the second takes its snapshot after the lock was granted.
    """
    epoch = await db.fetchval("SELECT epoch FROM ledger.epoch FOR UPDATE")
    row = await db.fetchrow("SELECT sequence, hash FROM ledger.journal ORDER BY sequence DESC"
                            " LIMIT 1")
    return Head(epoch, row["sequence"], row["hash"]) if row else Head(epoch, 0, None)


async def append(db: Connection, epoch: int, entry: Entry) -> bool:
    """Write a row if `epoch` is in force, holding the epoch row's lock; False when it is not.

    One statement, so that outside of a transaction it is one round trip and its own commit.
    """
    tag = await db.execute(
        f"INSERT INTO ledger.journal (epoch, {_ENTRY})"
        " SELECT epoch, $2, $3, $4, $5, $6, $7 FROM ledger.epoch WHERE epoch = $1 FOR UPDATE",
        epoch, entry.sequence, entry.time_ns, entry.input, entry.results, entry.effects,
        entry.hash,
    )
    return tag == "INSERT 0 1"


async def entries_after(db: Connection, sequence: int, limit: int) -> list[Entry]:
    """Return up to `limit` rows after `sequence`, in order."""
    rows = await db.fetch(
        f"SELECT {_ENTRY} FROM ledger.journal WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        sequence, limit,
    )
    return [Entry(*row) for row in rows]


async def entry_hash(db: Connection, sequence: int) -> bytes | None:
    """Return the hash of one row."""
    found = await db.fetchval("SELECT hash FROM ledger.journal WHERE sequence = $1", sequence)
    return None if found is None else bytes(found)


async def save_snapshot(
    db: Connection, epoch: int, sequence: int, state: bytes, digest: bytes, *, keep: int
) -> bool:
    """Write a snapshot if `epoch` is in force, and drop all but the last `keep`.

    Without the epoch row's lock, so that commits go on meanwhile: should another writer take over
    just now, the snapshot is still one of rows that were committed.
    """
    tag = await db.execute(
        "INSERT INTO ledger.snapshots (sequence, state, digest)"
        " SELECT $2, $3, $4 FROM ledger.epoch WHERE epoch = $1"
        " ON CONFLICT ON CONSTRAINT snapshots_pk DO NOTHING",
        epoch, sequence, state, digest,
    )
    await db.execute(
        "DELETE FROM ledger.snapshots WHERE sequence NOT IN"
        " (SELECT sequence FROM ledger.snapshots ORDER BY sequence DESC LIMIT $1)",
        keep,
    )
    return tag == "INSERT 0 1"


async def latest_snapshot(db: Connection) -> tuple[int, bytes, bytes] | None:
    """Return sequence, state and digest of the newest snapshot."""
    row = await db.fetchrow("SELECT sequence, state, digest FROM ledger.snapshots"
                            " ORDER BY sequence DESC LIMIT 1")
    return None if row is None else (row["sequence"], row["state"], row["digest"])


class SavedSeen(msgspec.Struct, frozen=True):
    """A filter of the ids that were archived by an instant."""

    until_ns: int
    count: int
    bits: bytes
    latest: bytes


async def save_seen(db: Connection, fingerprint: str, saved: SavedSeen) -> None:
    """Write the filter of archived ids, and drop all but this and the one before."""
    await db.execute(
        "INSERT INTO ledger.seen (until_ns, fingerprint, count, bits, latest)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT seen_pk DO NOTHING",
        saved.until_ns, fingerprint, saved.count, saved.bits, saved.latest,
    )
    await db.execute(
        "DELETE FROM ledger.seen WHERE until_ns NOT IN"
        " (SELECT until_ns FROM ledger.seen ORDER BY until_ns DESC LIMIT 2)"
    )


async def saved_seen(db: Connection, until_ns: int, fingerprint: str) -> SavedSeen | None:
    """Return the newest filter that covers nothing after `until_ns`."""
    row = await db.fetchrow(
        "SELECT until_ns, count, bits, latest FROM ledger.seen"
        " WHERE until_ns <= $1 AND fingerprint = $2 ORDER BY until_ns DESC LIMIT 1",
        until_ns, fingerprint,
    )
    return None if row is None else SavedSeen(*row)


async def row_at(db: Connection, at_ns: int, last_sequence: int) -> int:
    """Return the last row through `last_sequence` that began at or before `at_ns`; 0 for none.

    Searched by halves, since rows have no gaps and their times increase; time has no index.
    """
    low, high = 0, last_sequence
    while low < high:
        middle = (low + high + 1) // 2
        time_ns = await db.fetchval(
            "SELECT time_ns FROM ledger.journal WHERE sequence = $1", middle)
        if time_ns <= at_ns:
            low = middle
        else:
            high = middle - 1
    return low


async def inputs_between(db: Connection, *, after: int, until: int) -> list[bytes]:
    """Return the inputs of the rows after `after` through `until`, in order."""
    rows = await db.fetch(
        "SELECT input FROM ledger.journal WHERE sequence > $1 AND sequence <= $2"
        " ORDER BY sequence",
        after, until,
    )
    return [row["input"] for row in rows]


async def save_checkpoint(db: Connection, sequence: int, state_hash: bytes) -> None:
    """Record the hash of the state after row `sequence`."""
    await db.execute(
        "INSERT INTO ledger.checkpoints (sequence, state_hash) VALUES ($1, $2)"
        " ON CONFLICT ON CONSTRAINT checkpoints_pk DO NOTHING",
        sequence, state_hash,
    )


async def checkpoints_after(db: Connection, sequence: int) -> dict[int, bytes]:
    """Return the recorded hashes of the states after rows later than `sequence`."""
    rows = await db.fetch(
        "SELECT sequence, state_hash FROM ledger.checkpoints WHERE sequence > $1", sequence)
    return {row["sequence"]: row["state_hash"] for row in rows}


async def durability_lacking(db: Connection) -> list[str]:
    """Return the server settings that let a committed row be lost in a crash."""
    rows = await db.fetch(
        "SELECT name FROM pg_settings WHERE setting = 'off'"
        " AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
    )
    return [row["name"] for row in rows]


async def recall(db: Connection, keys: Iterable[bytes], until_ns: int) -> Recalled:
    """Return what the query tables know of these transfer ids from at or before `until_ns`."""
    wanted = [UUID(bytes=key[::-1]) for key in keys]
    rows = await db.fetch(
        f"SELECT {_TRANSFER}, hold_status FROM ledger.transfers"
        " WHERE id = ANY($1) AND timestamp_ns <= $2",
        wanted, until_ns,
    )
    failed = await db.fetch(
        "SELECT id, timestamp_ns FROM ledger.failed_transfers"
        " WHERE id = ANY($1) AND timestamp_ns <= $2",
        wanted, until_ns,
    )
    return Recalled(
        {key_of(row["id"]): encode_transfer(transfer_of(row), row["timestamp_ns"])
         for row in rows},
        {key_of(row["id"]): HoldStatus(row["hold_status"]) for row in rows if row["hold_status"]},
        {key_of(row["id"]): row["timestamp_ns"] for row in failed},
    )


def key_of(identifier: UUID) -> bytes:
    """Return an id's bytes as the records hold them."""
    return identifier.bytes[::-1]


def transfer_of(row: asyncpg.Record) -> Transfer:
    """Read a transfer from a row of ledger.transfers."""
    return Transfer(
        row["id"].int, row["debit_account_id"].int, row["credit_account_id"].int, row["amount"],
        row["pending_id"].int, row["user_data_128"].int, row["user_data_64"] % 2**64,
        row["user_data_32"], row["timeout"], row["ledger"], row["code"], row["flags"],
        row["timestamp_ns"],
    )
