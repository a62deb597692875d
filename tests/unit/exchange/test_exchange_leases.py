"""Leases: length, margin, and that no response follows an acknowledgement in any interleaving."""

from __future__ import annotations

import datetime
import os
import random

import pytest

from lionrock.exchange.domain.leases import (
    FRONT_SKEW_MS_MAX,
    LEASE_MARGIN_MS,
    LEASE_MS,
    LEASE_MS_MAX,
    HeldLease,
    Lease,
    lease_length_ms,
    remembered_until,
    wait_for_leases_ms,
)

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))

NOW = datetime.datetime(2026, 2, 20, 9, 0, tzinfo=datetime.UTC)


def after(ms: float) -> datetime.datetime:
    return NOW + datetime.timedelta(milliseconds=ms)


def test_a_lease_never_outlives_its_consent() -> None:
    assert lease_length_ms(after(10_000), NOW) == LEASE_MS
    assert lease_length_ms(after(LEASE_MS), NOW) == LEASE_MS
    assert lease_length_ms(after(120), NOW) == 120
    assert lease_length_ms(NOW, NOW) == 0
    assert lease_length_ms(after(-5_000), NOW) == 0


def test_a_response_begins_only_inside_the_lease_less_its_margin() -> None:
    held = HeldLease(asked_at_ms=1_000.0, lease_ms=500)
    last = 1_000.0 + 500 - LEASE_MARGIN_MS
    assert held.covers(1_000.0)
    assert held.covers(last - 0.1)
    assert not held.covers(last)
    assert not held.covers(999.0), "a clock that ran backwards opens nothing"


def test_a_longer_lease_than_the_maximum_counts_as_the_maximum() -> None:
    held = HeldLease(asked_at_ms=0.0, lease_ms=60_000)
    assert not held.covers(LEASE_MS_MAX)


def test_the_wait_is_for_the_last_lease_and_rounded_up() -> None:
    leases = [Lease(holder="a", until=after(100)), Lease(holder="b", until=after(250.4))]
    assert wait_for_leases_ms(leases, NOW) == 251
    assert wait_for_leases_ms(leases, after(300)) == 0
    assert wait_for_leases_ms([], NOW) == 0


class _City:
    """The lease protocol with simulated time: hub and gateways made of the real decisions."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.is_revoked_at: float | None = None
        self.leases: list[Lease] = []
        self.responses_at: list[float] = []

    def fetch(self, asked_at: float, skew: float) -> None:
        """One fetch: question sent, hub grants, answer travels, data are read, first byte."""
        granted_at = asked_at + self.chance.uniform(0, 300)
        if self.is_revoked_at is not None and granted_at >= self.is_revoked_at:
            return
        front_skew = self.chance.uniform(-FRONT_SKEW_MS_MAX, 0)
        length = lease_length_ms(after(3_600_000), after(granted_at))
        until = remembered_until(after(granted_at + front_skew), length)
        self.leases.append(Lease(holder="bank", until=until))
        held = HeldLease(asked_at_ms=asked_at + skew, lease_ms=length)
        begins_at = granted_at + self.chance.uniform(0, 300) + self.chance.uniform(0, 300)
        if held.covers(begins_at + skew):
            sent_at = begins_at + self.chance.uniform(0, LEASE_MARGIN_MS)
            self.responses_at.append(sent_at)


@pytest.mark.parametrize("seed", range(5))
def test_no_response_begins_after_the_acknowledgement(seed: int) -> None:
    chance = random.Random(SEED + seed)
    answered = 0
    for _ in range(2_000):
        city = _City(chance)
        city.is_revoked_at = chance.uniform(0, 1_000)
        for _ in range(6):
            city.fetch(chance.uniform(0, 1_000), skew=chance.uniform(-10**6, 10**6))
        revoked_at = after(city.is_revoked_at)
        wait_ms = wait_for_leases_ms(city.leases, revoked_at)
        assert wait_ms <= LEASE_MS_MAX
        acknowledged_at = city.is_revoked_at + wait_ms
        assert all(sent_at < acknowledged_at for sent_at in city.responses_at)
        answered += len(city.responses_at)
    assert answered > 1_000, "the interleavings must contain real responses"
