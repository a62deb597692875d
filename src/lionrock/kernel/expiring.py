"""Tables whose expired rows are deleted: a bounded number a time, the earliest end first.

For what cannot be a ring (kernel.ring): rows that live longer than a turn of one, that end early,
or that others refer to. Needs an index over the end of a row (and, with `where`, over those rows).

Invariants: one statement deletes at most ROWS_MAX rows and is a transaction of its own, so that no
sweep holds locks for long; rows that somebody holds at this moment are left for the next time; a
sweep ends after STATEMENTS_MAX statements, whatever is left. The space of deleted rows is used
again once autovacuum has been by: `lionrock bench expiry-1m` shows that the files do not grow.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import msgspec

from lionrock.kernel.db import Connection, Database

# In each round (ring.SWEEP_EVERY_MS): more than the busiest table gets in that time.
ROWS_MAX = 1_000
STATEMENTS_MAX = 5
ROUND_ROWS_MAX = ROWS_MAX * STATEMENTS_MAX


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `ends`: the column that says when a row ends, on `clock`.

    `kept_s`: how long after its end a row is kept; `where`: a condition on the rows that are swept.
    """

    table: str
    ends: str = "expires_at"
    kept_s: int = 0
    where: str = "true"
    clock: Literal["wire", "business"] = "wire"


async def sweep(database: Database, expiring: Expiring, now: datetime) -> int:
    """Delete rows that ended more than `kept_s` before `now`; returns how many."""
    before = now - timedelta(seconds=expiring.kept_s)
    deleted = 0
    for _ in range(STATEMENTS_MAX):
        count = await database.run(partial(_delete, expiring=expiring, before=before))
        deleted += count
        if count < ROWS_MAX:
            break
    return deleted


async def _delete(db: Connection, expiring: Expiring, before: datetime) -> int:
    # An array is made once; a subquery under IN may be run again per row, past its LIMIT. A row
    # that changes between being found and being held has another place then, and stays.
    tag = await db.execute(
        f"DELETE FROM {expiring.table} WHERE ctid = ANY (ARRAY("
        f" SELECT ctid FROM {expiring.table} WHERE {expiring.ends} < $1 AND {expiring.where}"
        f" ORDER BY {expiring.ends} LIMIT $2 FOR UPDATE SKIP LOCKED))",
        before, ROWS_MAX,
    )  # fmt: skip
    return int(tag.rpartition(" ")[2])
