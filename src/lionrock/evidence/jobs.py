"""Growing the log, asking witnesses, and receipts of what the directory did.

The integration is one job that comes again for ever; recording a receipt schedules nothing, so that
two transactions that record never wait for each other. A witness's job is made due by each new
checkpoint and tries until it has cosigned the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lionrock.directory.api import PLATFORM_ORGANISATION
from lionrock.evidence.domain import receipt
from lionrock.evidence.service import Evidence
from lionrock.evidence.service.log import COSIGN_QUEUE
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Again, Done, Job, JobHandler
from lionrock.kernel.outbox import Event, EventHandler

INTEGRATE_QUEUE = "evidence.integrate"
INTEGRATE_KEY = "log"
INTEGRATE_EVERY_MS = 250
INTEGRATE_ROUNDS_MAX = 20
COSIGN_RETRY_MS_FIRST = 500
COSIGN_RETRY_MS_MAX = 30_000


async def start(db: Connection) -> None:
    """Make the integration job due; each start of a worker may call it."""
    await jobs.schedule(db, queue=INTEGRATE_QUEUE, key=INTEGRATE_KEY)


def handlers(evidence: Evidence) -> Mapping[str, JobHandler]:
    """Return the job handlers of this pillar by queue."""

    async def integrate(_job: Job) -> Again:
        for _ in range(INTEGRATE_ROUNDS_MAX):
            if await evidence.log.integrate() == 0:
                break
        await evidence.log.sign_head()
        return Again(after_ms=INTEGRATE_EVERY_MS)

    async def cosign(job: Job) -> Done | Again:
        if await evidence.log.cosign(job.key):
            return Done()
        wait_ms = COSIGN_RETRY_MS_FIRST * 2 ** min(job.attempt - 1, 10)
        return Again(after_ms=min(COSIGN_RETRY_MS_MAX, wait_ms))

    return {INTEGRATE_QUEUE: integrate, COSIGN_QUEUE: cosign}


def subscriptions(kernel: Kernel, evidence: Evidence) -> Mapping[str, Sequence[EventHandler]]:
    """Return the handlers of other pillars' events by topic: directory changes leave receipts."""

    async def record(event: Event) -> None:
        payload = event.payload
        named = ("organisation_id", "change_id")
        references = {name: payload[name] for name in named if name in payload}
        about = f"{payload['kind']} key" if "kind" in payload else str(payload.get("status", ""))

        async def use_case(db: Connection) -> None:
            # The receipt takes the event's number, so that a repeated event finds it there.
            receipt_id = f"{receipt.ID_PREFIX}_{event.id.rsplit('_', 1)[1]}"
            await evidence.record_as(
                db, receipt_id, kind=event.topic, issuer=PLATFORM_ORGANISATION,
                references=references, digests={}, about=about,
                at=datetime.fromisoformat(payload["at"]),
            )  # fmt: skip

        await kernel.database.run(use_case)

    return {"directory.key_changed": (record,), "directory.status_changed": (record,)}
