"""The price of asking: buckets of tokens, so that nobody can list the register.

A proxy that is found costs 1, one that is not costs 20, a payment gives 1 back. Each question draws
on two buckets: the participant's, and that of the payer it asks for; both must hold something.
Status enquiries draw on the participant's alone. The database does the same sums in one statement
for many questions (payments.charge); a test compares it with these.
Source: the anti-scan rules of the Pix DICT API; UPI's outage of April 2025 by storms of checks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.addressing.domain.refusals import AddressingRefusal

COST_FOUND = 1
COST_NOT_FOUND = 20
GIFT_PAYMENT = 1


class BucketRule(msgspec.Struct, frozen=True):
    """How much a bucket holds, and how often a token comes back."""

    tokens_max: int
    refill_ms: int


PARTICIPANT = BucketRule(1_000, 1_000)
PERSON = BucketRule(100, 30_000)
BUCKET_TOKENS_MAX = PARTICIPANT.tokens_max


class Bucket(msgspec.Struct, frozen=True):
    """A right to ask; `tokens` as of the wire instant `at`."""

    tokens: int
    at: datetime


def refilled(bucket: Bucket | None, now: datetime, rule: BucketRule = PARTICIPANT) -> Bucket:
    """Return the bucket with what time has given back, up to the maximum; None: a full one."""
    if bucket is None:
        return Bucket(rule.tokens_max, now)
    elapsed_ms = max(0, int((now - bucket.at).total_seconds() * 1000))
    gained = elapsed_ms // rule.refill_ms
    # The instant moves by what was counted, so that fractions of a second add up to tokens.
    counted_until = bucket.at + timedelta(milliseconds=gained * rule.refill_ms)
    return Bucket(min(rule.tokens_max, bucket.tokens + gained), counted_until)


def check_may_ask(bucket: Bucket) -> Refused | None:
    """LOOKUPS_EXHAUSTED when nothing is left. The last look-up may overdraw: its cost is known
    only when it has been done."""
    return None if bucket.tokens > 0 else Refused(AddressingRefusal.LOOKUPS_EXHAUSTED)


def charged(bucket: Bucket, cost: int) -> Bucket:
    """Take the cost of one question."""
    assert cost > 0, "a question costs something"
    return Bucket(bucket.tokens - cost, bucket.at)


def given_back(bucket: Bucket, rule: BucketRule = PARTICIPANT) -> Bucket:
    """Return the bucket after a payment: the look-up before it was meant."""
    return Bucket(min(rule.tokens_max, bucket.tokens + GIFT_PAYMENT), bucket.at)
