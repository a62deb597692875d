"""Background work of cases: awards carried through, and what happens elsewhere that concerns them.

Everything here may come more than once and on any worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.identity.api import DECIDED_TOPIC
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.outbox import EventHandler
from lionrock.payments.api import REJECTED_TOPIC, SETTLED_TOPIC
from lionrock.programmes.cases.service import COMMIT_QUEUE, Cases


def handlers(room: Cases) -> Mapping[str, JobHandler]:
    """Return the job handlers of cases by queue."""
    return {COMMIT_QUEUE: room.awards.redrive}


def subscriptions(room: Cases) -> Mapping[str, Sequence[EventHandler]]:
    """Return the handlers of other pillars' events by topic."""
    return {
        DECIDED_TOPIC: (room.signatures.on_approval_decided,),
        SETTLED_TOPIC: (room.payouts.on_payment_settled,),
        REJECTED_TOPIC: (room.payouts.on_payment_rejected,),
    }
