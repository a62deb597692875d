"""Leases: how a revocation bites everywhere within half a second without asking every holder.

A provider's gateway may answer only while it holds a lease: the hub's word, at most LEASE_MS_MAX
old, that the consent is active. The hub remembers when its last lease runs out; a revocation stops
new leases at once and is acknowledged when the remembered ones have run out.

Why no response can follow an acknowledgement: the hub grants a lease at its instant g, in a
transaction that has seen the consent active, and remembers g + length (and a little more, because
another front with another clock may acknowledge). The gateway counts the same length from the
instant it *sent* the question, which is before g, and begins no response later. The acknowledgement
is after g + length. So the gateway's clock needs to agree with the hub's in rate only.

Not for: saving leases (store.py), asking for them (gateway/).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import msgspec

# No lease is relied on, and no revocation waits, longer than this.
LEASE_MS_MAX = 500
# What the clocks of two fronts may differ by; together with the lease granted, LEASE_MS_MAX.
FRONT_SKEW_MS_MAX = 100
LEASE_MS = LEASE_MS_MAX - FRONT_SKEW_MS_MAX
# A response begins only while this much of the lease is left: what a server may need between our
# last look at the clock and the first byte.
LEASE_MARGIN_MS = 50


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's memory of one lease: who holds it and when it has run out (wire clock)."""

    holder: str
    until: datetime.datetime


class HeldLease(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway's side: when it asked (own monotonic clock), for how long it may answer."""

    asked_at_ms: float
    lease_ms: int

    def covers(self, now_ms: float) -> bool:
        """Say whether a response may begin now."""
        allowed_ms = min(self.lease_ms, LEASE_MS_MAX) - LEASE_MARGIN_MS
        return 0 <= now_ms - self.asked_at_ms < allowed_ms


def lease_length_ms(expires_at: datetime.datetime, business_now: datetime.datetime) -> int:
    """Return how long a lease granted now may last: never past the end of the consent."""
    left_ms = int((expires_at - business_now) / datetime.timedelta(milliseconds=1))
    return max(0, min(LEASE_MS, left_ms))


def remembered_until(granted_at: datetime.datetime, lease_ms: int) -> datetime.datetime:
    """Return until when the hub counts a lease as held, by any front's clock."""
    return granted_at + datetime.timedelta(milliseconds=lease_ms + FRONT_SKEW_MS_MAX)


def wait_for_leases_ms(leases: Iterable[Lease], now: datetime.datetime) -> int:
    """Return how long, in whole milliseconds, until all given leases have run out; 0 when none."""
    latest = max((lease.until for lease in leases), default=now)
    left = latest - now
    if left <= datetime.timedelta(0):
        return 0
    # Rounded up: acknowledging a part of a millisecond early would break the promise.
    return -(-left // datetime.timedelta(milliseconds=1))
