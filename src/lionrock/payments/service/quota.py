"""A participant's right to ask: look-ups of proxies and status enquiries draw on one bucket.

Source: Pix DICT anti-scan rules; UPI's outage of April 2025 by storms of status checks.
"""

from __future__ import annotations

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.proxies import (
    Bucket,
    charged,
    check_may_ask,
    given_back,
    refilled,
)
from lionrock.payments.service.core import Core
from lionrock.payments.store import members


class Quota:
    """The buckets of all participants; a bucket is locked while it is used."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def open(self, db: Connection, organisation_id: str) -> Bucket | Refused:
        """Return the bucket, refilled; LOOKUPS_EXHAUSTED when it is empty."""
        bucket = await self._refilled(db, organisation_id)
        return check_may_ask(bucket) or bucket

    async def charge(
        self, db: Connection, organisation_id: str, bucket: Bucket, cost: int
    ) -> None:
        """Take the cost of what was asked."""
        await members.save_bucket(db, organisation_id, charged(bucket, cost))

    async def give_back(self, db: Connection, organisation_id: str) -> None:
        """A payment followed a look-up: one token comes back."""
        bucket = await self._refilled(db, organisation_id)
        await members.save_bucket(db, organisation_id, given_back(bucket))

    async def _refilled(self, db: Connection, organisation_id: str) -> Bucket:
        now = self._core.kernel.wire_clock.now()
        full = refilled(None, now)
        return refilled(await members.lock_bucket(db, organisation_id, full), now)
