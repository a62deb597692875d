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
    """Write a row if `epoch` is in force, holding the epoch row's lock; False when it is not."""
    tag = await db.execute(
        "WITH fence AS (SELECT epoch FROM ledger.epoch WHERE epoch = $1 FOR UPDATE)"
        f" INSERT INTO ledger.journal (epoch, {_ENTRY})"
        " SELECT epoch, $2, $3, $4, $5, $6, $7 FROM fence",
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
    """Write a snapshot if `epoch` is in force, and drop all but the last `keep`."""
    tag = await db.execute(
        "WITH fence AS (SELECT epoch FROM ledger.epoch WHERE epoch = $1 FOR UPDATE)"
        " INSERT INTO ledger.snapshots (sequence, state, digest) SELECT $2, $3, $4 FROM fence"
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


async def durability_lacking(db: Connection) -> list[str]:
    """Return the server settings that let a committed row be lost in a crash."""
    rows = await db.fetch(
        "SELECT name FROM pg_settings WHERE setting = 'off'"
        " AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
    )
    return [row["name"] for row in rows]


async def recall(db: Connection, ids: Iterable[int], until_ns: int) -> Recalled:
    """Return what the query tables know of these transfer ids from at or before `until_ns`."""
    wanted = [UUID(int=i) for i in ids]
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
    transfers = [transfer_of(row) for row in rows]
    holds = {
        transfer.id: HoldStatus(row["hold_status"])
        for transfer, row in zip(transfers, rows, strict=True)
        if row["hold_status"] is not None
    }
    return Recalled(
        {transfer.id: transfer for transfer in transfers},
        holds,
        {row["id"].int: row["timestamp_ns"] for row in failed},
    )


def transfer_of(row: asyncpg.Record) -> Transfer:
    """Read a transfer from a row of ledger.transfers."""
    return Transfer(
        row["id"].int, row["debit_account_id"].int, row["credit_account_id"].int, row["amount"],
        row["pending_id"].int, row["user_data_128"].int, int(row["user_data_64"]),
        row["user_data_32"], row["timeout"], row["ledger"], row["code"], row["flags"],
        row["timestamp_ns"],
    )
