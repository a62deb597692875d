"""Timers of identity: approvals that run out of time, and forgetting what ended long ago."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import structlog

from lionrock.identity import expiry
from lionrock.identity.recovery.messages import QUEUE as MESSAGE_QUEUE
from lionrock.identity.service.approvals import EXPIRY_QUEUE, RECOUNT_QUEUE
from lionrock.identity.service.ciba import NOTICE_QUEUE
from lionrock.identity.service.identity import Identity
from lionrock.identity.service.sessions import LOGOUT_QUEUE
from lionrock.kernel import jobs, ring
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job, JobHandler

SWEEP_QUEUE = "identity.sweep"
KEYS_QUEUE = "identity.client_keys"
RENEW_KEYS_EVERY_MS = 60_000
EXPIRE_EVERY_MS = 500
_log = structlog.get_logger("lionrock.identity")


def handlers(room: Identity) -> dict[str, JobHandler]:
    """Return the pillar's job handlers by queue."""

    async def expire_approvals(job: Job) -> Done | Again:
        """Let what passed its time on the business clock expire; comes again for ever by it."""
        database = room.kernel.database
        ended = [
            database.run(partial(room.approvals.expire, approval_id=approval_id))
            for approval_id in await database.run(room.approvals.due)
        ]
        # One that cannot end must not hold up the others; it is tried again with them.
        failures = [
            outcome for outcome in await asyncio.gather(*ended, return_exceptions=True)
            if isinstance(outcome, BaseException)
        ]
        next_at = room.kernel.business_clock.now() + timedelta(milliseconds=EXPIRE_EVERY_MS)
        await database.run(
            partial(jobs.schedule, queue=job.queue, key=job.key, business_due_at=next_at)
        )
        if failures:
            _log.error("approvals_not_expired", count=len(failures), error=repr(failures[0]))
        return Done()

    async def recount_approval(job: Job) -> Done | Again:
        """A mandate ended while an answer to the approval was being counted."""
        await room.kernel.database.run(lambda db: room.approvals.recount(db, job.key))
        return Done()

    async def notify_client(job: Job) -> Done | Again:
        """A back-channel request of a ping or push client was decided."""
        return await room.ciba_notices.deliver(job.key, job.attempt)

    async def tell_of_logout(job: Job) -> Done | Again:
        """A session ended, and its service wants to know."""
        return await room.sessions.deliver(job.key, job.attempt)

    async def carry_message(job: Job) -> Done | Again:
        """A message waits for its carrier."""
        return await room.recovery.messages.carry(job.key, job.attempt)

    async def renew_keys(_job: Job) -> Done | Again:
        """Fetch the key sets of clients anew; comes again for ever."""
        await room.key_sets.renew_stale()
        return Again(after_ms=RENEW_KEYS_EVERY_MS)

    async def sweep(_job: Job) -> Done | Again:
        """Forget what expired; comes again for ever."""
        await expiry.sweep(room.kernel)
        await room.kernel.database.run(room.registrations.remove_unused)
        return Again(after_ms=ring.SWEEP_EVERY_MS)

    return {
        EXPIRY_QUEUE: expire_approvals, SWEEP_QUEUE: sweep, KEYS_QUEUE: renew_keys,
        NOTICE_QUEUE: notify_client,
        LOGOUT_QUEUE: tell_of_logout, RECOUNT_QUEUE: recount_approval,
        MESSAGE_QUEUE: carry_message,
    }


async def start(db: Connection) -> None:
    """Make the sweep due (called once when a city starts; calling again is harmless)."""
    await jobs.schedule(db, queue=SWEEP_QUEUE, key="sweep")
    await jobs.schedule(db, queue=KEYS_QUEUE, key="renew")
