"""Rows of status enquiries: how many about one payment, and each participant's bucket.

Not for: what they cost (domain.enquiries).
"""

from __future__ import annotations

from lionrock.kernel.db import Connection
from lionrock.payments.domain.enquiries import EnquiryBucket


async def lock_bucket(
    db: Connection, organisation_id: str, full: EnquiryBucket
) -> EnquiryBucket:
    """Return a participant's bucket, its row locked; `full` for one that never asked."""
    row = await db.fetchrow(
        "INSERT INTO payments.enquiry_buckets AS there (organisation_id, tokens, at)"
        " VALUES ($1, $2, $3) ON CONFLICT (organisation_id)"
        "  DO UPDATE SET tokens = there.tokens RETURNING tokens, at",
        organisation_id, full.tokens, full.at,
    )
    assert row is not None, "the row was there or has been written"
    return EnquiryBucket(row["tokens"], row["at"])


async def save_bucket(db: Connection, organisation_id: str, bucket: EnquiryBucket) -> None:
    """Write a bucket that is locked."""
    await db.execute(
        "UPDATE payments.enquiry_buckets SET tokens = $2, at = $3 WHERE organisation_id = $1",
        organisation_id, bucket.tokens, bucket.at,
    )


async def load_count(db: Connection, payment_id: str, organisation_id: str) -> int:
    """Return how many enquiries about a payment a participant has had answered."""
    found = await db.fetchval(
        "SELECT count FROM payments.enquiries WHERE payment_id = $1 AND organisation_id = $2",
        payment_id, organisation_id,
    )
    return int(found or 0)


async def count_one(db: Connection, payment_id: str, organisation_id: str) -> None:
    """Count an answered enquiry."""
    await db.execute(
        "INSERT INTO payments.enquiries AS there (payment_id, organisation_id, count)"
        " VALUES ($1, $2, 1) ON CONFLICT (payment_id, organisation_id)"
        "  DO UPDATE SET count = there.count + 1",
        payment_id, organisation_id,
    )
