"""Events between rooms that may not import each other: written with the change, delivered after it.

`emit` adds one job per event in the caller's transaction; the worker calls every subscriber of the
topic, at least once and in no promised order. Subscribers are bound in app/ and are idempotent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.ids import Ids

QUEUE = "kernel.events"


class Event(msgspec.Struct, frozen=True):
    """Something that happened; `id` is unique, so that a subscriber can recognise a repeat."""

    id: str
    topic: str
    payload: dict[str, Any]


EventHandler = Callable[[Event], Awaitable[None]]


async def emit(db: Connection, ids: Ids, topic: str, payload: dict[str, Any]) -> str:
    """Record an event in the caller's transaction; returns its id."""
    event_id = ids.new("evt")
    await jobs.schedule(
        db, queue=QUEUE, key=event_id, payload={"topic": topic, "payload": payload}
    )
    return event_id


def dispatcher(subscriptions: Mapping[str, Sequence[EventHandler]]) -> jobs.JobHandler:
    """Return the job handler that hands events to their subscribers.

    A subscriber that fails makes the whole event come again; the others see a repeat.
    """

    async def deliver(job: jobs.Job) -> jobs.Done:
        event = Event(id=job.key, topic=job.payload["topic"], payload=job.payload["payload"])
        for handler in subscriptions.get(event.topic, ()):
            await handler(event)
        return jobs.Done()

    return deliver
