"""Rings: tables of artefacts that expire, and that never grow.

A ring is a table partitioned by LIST (slot) into SLOTS fixed partitions, `<table>_0` to
`<table>_7`. A row's slot is (its expiry // width) mod SLOTS, so a slot holds what expires within
one width, and comes round again when that is long over. Expired slots are emptied by TRUNCATE: no
row is deleted, nothing is left to vacuum, no partition is ever made or missing.

Invariants: a row lives, and is kept after, at most `reach_s`, which leaves one slot free to be
emptied. A slot is emptied only when the clock says that no live row belongs there *and* no row in
it is live: a clock that jumps costs space for a while, never a row.

Not for: rows that somebody may want to see later; rows that other tables refer to by a foreign key
(PostgreSQL does not truncate those).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import asyncpg
import msgspec
import structlog

from lionrock.kernel.db import Connection, Database

SLOTS = 8
LOCK_TIMEOUT_MS = 50
SWEEP_EVERY_MS = 10_000
_MARK = "."
_log = structlog.get_logger("lionrock.ring")


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `width_s`: seconds of expiry in a slot; `kept_s`: how long after it rows count."""

    table: str
    width_s: int
    kept_s: int = 0

    @property
    def reach_s(self) -> int:
        """How far ahead a row may expire: all slots but the present one and the free one."""
        return (SLOTS - 2) * self.width_s - self.kept_s

    def slot(self, expires_at: datetime) -> int:
        """Return the slot of a row that expires then."""
        return int(expires_at.timestamp()) // self.width_s % SLOTS

    def partition(self, slot: int) -> str:
        """Return the name of a slot's partition.

        A look-up that knows its slot names it: PostgreSQL then has one small plan to keep, where
        over the whole table it would plan anew each time, which takes longer than the look-up.
        """
        return f"{self.table}_{slot}"

    def stamp(self, secret: str, expires_at: datetime) -> str:
        """Return a secret that names its slot, so that it is looked up in one partition."""
        return f"{secret}{_MARK}{self.slot(expires_at)}"

    def free_slots(self, now: datetime) -> list[int]:
        """Return the slots where, by the clock, no row lives and none is added yet."""
        edge = now - timedelta(seconds=self.kept_s)
        first = int(edge.timestamp()) // self.width_s
        last = int((now + timedelta(seconds=self.reach_s)).timestamp()) // self.width_s
        assert last - first < SLOTS, "the live windows fit into the ring"
        return [window % SLOTS for window in range(last + 1, first + SLOTS)]


def stamped_slot(secret: str) -> int | None:
    """Return the slot that a secret names; None when it names none (then nothing is on record)."""
    if len(secret) < 2 or secret[-2] != _MARK or secret[-1] not in "01234567":
        return None
    return int(secret[-1])


async def sweep(database: Database, ring: Ring, now: datetime) -> list[int]:
    """Empty the slots whose rows have all expired; returns which.

    A slot that somebody reads at this moment is left for the next time (after LOCK_TIMEOUT_MS).
    """
    emptied = []
    for slot in ring.free_slots(now):
        try:
            if await database.run(partial(_empty, ring=ring, slot=slot, now=now)):
                emptied.append(slot)
        except asyncpg.LockNotAvailableError:
            _log.info("slot_in_use", table=ring.table, slot=slot)
    return emptied


async def _empty(db: Connection, ring: Ring, slot: int, now: datetime) -> bool:
    partition = ring.partition(slot)
    edge = now - timedelta(seconds=ring.kept_s)
    is_live = f"SELECT EXISTS (SELECT FROM {partition} WHERE expires_at > $1)"
    if not await db.fetchval(f"SELECT EXISTS (SELECT FROM {partition})"):
        return False
    if await db.fetchval(is_live, edge):
        return False
    await db.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    await db.execute(f"LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")
    # Again, now that nobody can add: a front whose clock is behind may have used the slot.
    if await db.fetchval(is_live, edge):
        return False
    await db.execute(f"TRUNCATE {partition}")
    return True
