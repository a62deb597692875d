"""Timers and event handlers of the exchange; all are harmless when run again.

Queues: "exchange.acknowledge" (a revocation or pause whose leases may still run),
"exchange.expire" (a consent's end), "exchange.erase" (a delivery's retention is over). Event:
"identity.approval_decided".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.exchange.service import Exchange
from lionrock.exchange.service.fetches import ERASE_QUEUE
from lionrock.exchange.service.lifecycle import ACKNOWLEDGE_QUEUE, EXPIRE_QUEUE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import Again, Done, Job, JobHandler
from lionrock.kernel.outbox import Event, EventHandler

APPROVAL_DECIDED = "identity.approval_decided"


def handlers(exchange: Exchange) -> Mapping[str, JobHandler]:
    """Return the job handlers by queue."""
    run = exchange.kernel.database.run

    async def acknowledge(job: Job) -> Done | Again:
        wait_ms = await run(lambda db: exchange.lifecycle.acknowledge(db, job.key))
        if isinstance(wait_ms, Refused) or wait_ms == 0:
            return Done()
        return Again(after_ms=wait_ms)

    async def expire(job: Job) -> Done | Again:
        await run(lambda db: exchange.lifecycle.expire(db, job.key))
        return Done()

    async def erase(job: Job) -> Done | Again:
        await run(lambda db: exchange.fetches.erase(db, job.key))
        return Done()

    return {ACKNOWLEDGE_QUEUE: acknowledge, EXPIRE_QUEUE: expire, ERASE_QUEUE: erase}


def subscriptions(exchange: Exchange) -> Mapping[str, Sequence[EventHandler]]:
    """Return the event handlers by topic."""

    async def approval_decided(event: Event) -> None:
        approval_id = event.payload["approval_id"]
        run = exchange.kernel.database.run
        await run(lambda db: exchange.consents.decide(db, approval_id))
        await run(lambda db: exchange.amendments.decide(db, approval_id))

    return {APPROVAL_DECIDED: (approval_decided,)}
