"""The business clock's epoch: how far ahead of real time this city is, shared by all processes.

One row; the sandbox moves it forward, everybody reads it. Invariant: it only grows.
"""

from __future__ import annotations

from datetime import timedelta

from lionrock.kernel.db import Connection


async def read_offset(db: Connection) -> timedelta:
    """Return how far the business clock is ahead; nothing before the first migration."""
    if await db.fetchval("SELECT to_regclass('kernel.business_clock')") is None:
        return timedelta(0)
    return timedelta(seconds=await db.fetchval("SELECT offset_s FROM kernel.business_clock"))
