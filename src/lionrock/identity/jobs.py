"""Timers of identity: approvals that run out of time, and forgetting what ended long ago."""

from __future__ import annotations

from datetime import timedelta

from lionrock.identity.service.approvals import EXPIRY_QUEUE
from lionrock.identity.service.identity import Identity
from lionrock.identity.store import tokens as store
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job, JobHandler

SWEEP_QUEUE = "identity.sweep"
SWEEP_EVERY_MS = 60_000
# Codes are kept this long after their time, so that a late reuse still revokes its tokens.
KEPT_AFTER = timedelta(hours=1)


def handlers(room: Identity) -> dict[str, JobHandler]:
    """Return the pillar's job handlers by queue."""

    async def expire_approval(job: Job) -> Done | Again:
        """The business clock passed the approval's time."""
        await room.kernel.database.run(lambda db: room.approvals.expire(db, job.key))
        return Done()

    async def sweep(_job: Job) -> Done | Again:
        """Forget what ended; comes again for ever."""
        before = room.kernel.wire_clock.now() - KEPT_AFTER
        count = await room.kernel.database.run(lambda db: store.sweep(db, before))
        is_more = count >= store.SWEEP_ROWS_MAX
        return Again(after_ms=100 if is_more else SWEEP_EVERY_MS)

    return {EXPIRY_QUEUE: expire_approval, SWEEP_QUEUE: sweep}


async def start(db: Connection) -> None:
    """Make the sweep due (called once when a city starts; calling again is harmless)."""
    await jobs.schedule(db, queue=SWEEP_QUEUE, key="sweep")
