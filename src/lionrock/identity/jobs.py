"""Timers of identity: approvals that run out of time, and forgetting what ended long ago."""

from __future__ import annotations

from lionrock.identity.service.approvals import EXPIRY_QUEUE
from lionrock.identity.service.identity import Identity
from lionrock.identity.store import requests, tokens
from lionrock.kernel import jobs, ring
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job, JobHandler

SWEEP_QUEUE = "identity.sweep"
RINGS = (*requests.RINGS, *tokens.RINGS)


def handlers(room: Identity) -> dict[str, JobHandler]:
    """Return the pillar's job handlers by queue."""

    async def expire_approval(job: Job) -> Done | Again:
        """The business clock passed the approval's time."""
        await room.kernel.database.run(lambda db: room.approvals.expire(db, job.key))
        return Done()

    async def sweep(_job: Job) -> Done | Again:
        """Empty the slots of what expired; comes again for ever."""
        for each in RINGS:
            await ring.sweep(room.kernel.database, each, room.kernel.wire_clock.now())
        return Again(after_ms=ring.SWEEP_EVERY_MS)

    return {EXPIRY_QUEUE: expire_approval, SWEEP_QUEUE: sweep}


async def start(db: Connection) -> None:
    """Make the sweep due (called once when a city starts; calling again is harmless)."""
    await jobs.schedule(db, queue=SWEEP_QUEUE, key="sweep")
