"""The business clock's epoch: how far ahead of real time this city is, shared by all processes.

One row; the sandbox moves it forward, everybody reads it. Invariant: once a city has begun to
run, the offset only grows; a city may be founded on any day, also one that is past.
"""

from __future__ import annotations

from datetime import timedelta

from lionrock.kernel.db import Connection


async def found_on(db: Connection, offset: timedelta) -> bool:
    """Let a city that has not begun yet begin this far from real time; False when it has begun."""
    founded = await db.fetchval(
        "UPDATE kernel.business_clock SET offset_s = $1, epoch = 1 WHERE epoch = 0 RETURNING 1",
        int(offset.total_seconds()),
    )
    return founded is not None


async def read_offset(db: Connection) -> timedelta:
    """Return how far the business clock is ahead; nothing before the first migration."""
    if await db.fetchval("SELECT to_regclass('kernel.business_clock')") is None:
        return timedelta(0)
    return timedelta(seconds=await db.fetchval("SELECT offset_s FROM kernel.business_clock"))
