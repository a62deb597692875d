"""The background work of payments: driving payments, delivering notices.

All queues are safe to run on any number of workers, and to repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Handler, Together
from lionrock.kernel.outbox import EventHandler
from lionrock.payments.addressing.service import addressing
from lionrock.payments.service.payments import Payments
from lionrock.payments.service.post import DELIVER_QUEUE
from lionrock.payments.service.switch import DRIVE_NEAR_QUEUE, DRIVE_QUEUE


def handlers(room: Payments) -> Mapping[str, Handler]:
    """Return the job handlers of this pillar by queue."""
    driving = Together(room.together.drive, room.switch.drive)
    return {
        DRIVE_QUEUE: driving, DELIVER_QUEUE: room.post.deliver, DRIVE_NEAR_QUEUE: driving,
        **room.daily.handlers(),
        **room.settlement.handlers(),
        **room.files.handlers(),
        **room.wallets.moving.handlers(),
        **room.debits.handlers(),
        **room.recalls.handlers(),
        **room.requests.handlers(),
        **room.addressing.handlers(),
        **room.links.handlers(),
        **room.onboarding.handlers(),
    }


def subscriptions(room: Payments) -> Mapping[str, Sequence[EventHandler]]:
    """What this pillar's rooms hear of its own events, by topic."""
    return room.links.subscriptions()


async def start(db: Connection, room: Payments) -> None:
    """Make the jobs due that come again for ever; calling again is harmless."""
    await room.settlement.cuts.start(db)
    await addressing.start(db)
