"""What a status enquiry (pacs.028) costs, and when one is answered.

Outcomes are pushed, so that nobody has to ask: who asks too early, too often about one payment, or
too often in all, is refused and told when to come again. A bucket of one's own: asking for statuses
takes nothing from looking up payees.
Pure. Source: UPI's outage of April 2025 by storms of status checks, and the rule after it (a first
check only after a while, at most three for each payment). Invariant: a refusal says when.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from lionrock.kernel.errors import Refused
from lionrock.payments.domain.refusals import PaymentRefusal

REFILL_MS = 1_000
COST_KNOWN = 1
# To try out identifiers costs more than to ask about one's own payments.
COST_UNKNOWN = 20
# What a participant that used up its enquiries about a payment is told to wait: the push.
SPENT_RETRY_S = 3_600


class EnquiryBucket(msgspec.Struct, frozen=True):
    """A participant's right to ask; `tokens` at the wire instant `at`, negative if overdrawn."""

    tokens: int
    at: datetime


def refilled(bucket: EnquiryBucket | None, now: datetime, tokens_max: int) -> EnquiryBucket:
    """Return the bucket with what time has given back: one token a second, up to the maximum."""
    if bucket is None:
        return EnquiryBucket(tokens_max, now)
    gained = max(0, int((now - bucket.at).total_seconds() * 1000)) // REFILL_MS
    # The instant moves by what was counted, so that fractions of a second add up to tokens.
    counted_until = bucket.at + timedelta(milliseconds=gained * REFILL_MS)
    return EnquiryBucket(min(tokens_max, bucket.tokens + gained), counted_until)


def charged(bucket: EnquiryBucket, cost: int) -> EnquiryBucket:
    """Take the cost of one enquiry; the last one may overdraw."""
    assert cost > 0, "an enquiry costs something"
    return EnquiryBucket(bucket.tokens - cost, bucket.at)


def check_may_ask(bucket: EnquiryBucket) -> Refused | None:
    """ENQUIRIES_EXHAUSTED when nothing is left, with the time until one token is there."""
    if bucket.tokens > 0:
        return None
    wait_s = (1 - bucket.tokens) * REFILL_MS // 1000
    return Refused(PaymentRefusal.ENQUIRIES_EXHAUSTED, retry_after_s=max(1, wait_s))


def check_enquiry(
    count: int, count_max: int, age: timedelta, after: timedelta
) -> Refused | None:
    """ENQUIRY_EARLY before a payment is old enough, ENQUIRIES_SPENT after the last answer."""
    if age < after:
        wait_s = int((after - age).total_seconds()) + 1
        return Refused(PaymentRefusal.ENQUIRY_EARLY, retry_after_s=wait_s)
    if count >= count_max:
        return Refused(
            PaymentRefusal.ENQUIRIES_SPENT, f"{count} were answered; the outcome is pushed.",
            retry_after_s=SPENT_RETRY_S,
        )
    return None
