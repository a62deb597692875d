"""The right to ask, one bucket at a time: status enquiries, refused registrations, payments.

Look-ups are charged many at once (lookups.py) by the same rules.
Source: Pix DICT anti-scan rules; UPI's outage of April 2025 by storms of status checks.
"""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.kernel.clock import WireClock
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.buckets import (
    Bucket,
    charged,
    check_may_ask,
    refilled,
)
from lionrock.payments.addressing.service.keyring import Keyring
from lionrock.payments.addressing.store import buckets
from lionrock.payments.addressing.store.buckets import Question


class Quota:
    """The buckets of all participants and of their payers."""

    def __init__(self, wire_clock: WireClock, keyring: Keyring) -> None:
        self._wire_clock = wire_clock
        self._keyring = keyring

    async def open(self, db: Connection, organisation_id: str) -> Bucket | Refused:
        """Return the participant's bucket, refilled and locked; LOOKUPS_EXHAUSTED when empty."""
        found = await buckets.lock_bucket(db, organisation_id)
        bucket = refilled(found, self._wire_clock.now())
        return check_may_ask(bucket) or bucket

    async def charge(
        self, db: Connection, organisation_id: str, bucket: Bucket, cost: int
    ) -> None:
        """Take the cost of what was asked."""
        await buckets.save_bucket(db, organisation_id, charged(bucket, cost))

    async def give_back(self, db: Connection, payments: Sequence[tuple[str, str]]) -> None:
        """Give a token back to each (organisation, payer): a payment followed its look-up."""
        questions = [
            Question(organisation_id, self._keyring.payer(organisation_id, payer), -1)
            for organisation_id, payer in payments
        ]
        await buckets.charge(db, questions, self._wire_clock.now())
