"""Rings: expired slots are emptied, live rows never, whatever the clock does."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from lionrock.kernel import ring
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.replay import REPLAYS
from lionrock.kernel.ring import SLOTS, Ring, stamped_slot

KEPT = Ring(table="demo.kept", width_s=60, kept_s=120)


async def _add(database: Database, expires_at: datetime, count: int = 1) -> None:
    await database.run(lambda db: db.execute(
        "INSERT INTO kernel.replays (key, slot, expires_at)"
        " SELECT sha256(gen_random_uuid()::text::bytea), $1, $2 FROM generate_series(1, $3)",
        REPLAYS.slot(expires_at), expires_at, count))


async def _count(database: Database) -> int:
    return int(await database.run(lambda db: db.fetchval("SELECT count(*) FROM kernel.replays")))


@pytest.mark.parametrize("which", [REPLAYS, KEPT])
def test_no_row_that_may_live_or_is_kept_falls_into_a_free_slot(
    which: Ring, wire_clock: FrozenClock
) -> None:
    now = wire_clock.now()
    for offset_s in range(3 * which.width_s):
        instant = now + timedelta(seconds=offset_s)
        free = which.free_slots(instant)
        assert len(free) == 1
        for life_s in range(-which.kept_s, which.reach_s + 1):
            assert which.slot(instant + timedelta(seconds=life_s)) not in free


def test_every_slot_comes_free_in_one_turn_of_the_ring(wire_clock: FrozenClock) -> None:
    now, width = wire_clock.now(), timedelta(seconds=KEPT.width_s)
    assert {KEPT.free_slots(now + n * width)[0] for n in range(SLOTS)} == set(range(SLOTS))


def test_a_stamped_secret_names_its_slot_and_others_name_none(wire_clock: FrozenClock) -> None:
    expires_at = wire_clock.now()
    stamped = REPLAYS.stamp("secret", expires_at)
    assert stamped_slot(stamped) == REPLAYS.slot(expires_at)
    for other in ("", "3", "secret", "secret3", "secret.8", "secret.x", "secret.\u0663"):
        assert stamped_slot(other) is None


async def test_expired_slots_are_emptied_to_nothing_on_disk(
    database: Database, wire_clock: FrozenClock
) -> None:
    # A database that another test used may hold empty pages; what is measured begins with none.
    await database.run(lambda db: db.execute("TRUNCATE kernel.replays"))
    start = wire_clock.now()
    for n in range(1, 6):
        await _add(database, start + timedelta(seconds=n * REPLAYS.width_s), 500)
    # Twice round: a slot that something looked at in its first minute is emptied in its second.
    for _ in range(2 * SLOTS):
        wire_clock.advance(seconds=REPLAYS.width_s)
        await ring.sweep(database, REPLAYS, wire_clock.now())
    size = "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('kernel.replays')"
    assert await database.run(lambda db: db.fetchval(size)) == 0


async def test_a_clock_that_jumps_far_ahead_and_back_loses_no_row_that_lives_again(
    database: Database, wire_clock: FrozenClock
) -> None:
    """Ahead, everything is expired; whatever is emptied then was refused for its age too."""
    now = wire_clock.now()
    for n in range(6):
        await _add(database, now + timedelta(seconds=n * REPLAYS.width_s + 30))
    backwards = now - timedelta(seconds=20 * REPLAYS.width_s)
    for n in range(2 * SLOTS):
        await ring.sweep(database, REPLAYS, backwards + n * timedelta(seconds=REPLAYS.width_s))
    assert await _count(database) == 6


async def test_a_slot_that_holds_one_live_row_is_left_alone(
    database: Database, wire_clock: FrozenClock
) -> None:
    """A row beyond the ring's reach falls into the free slot, among expired ones."""
    now = wire_clock.now()
    beyond = now + timedelta(seconds=7 * REPLAYS.width_s)
    assert REPLAYS.slot(beyond) in REPLAYS.free_slots(now)
    await _add(database, beyond)
    await _add(database, beyond - timedelta(seconds=SLOTS * REPLAYS.width_s), 10)
    assert await ring.sweep(database, REPLAYS, now) == []
    assert await _count(database) == 11


async def test_a_slot_in_use_is_left_for_the_next_time(
    database: Database, wire_clock: FrozenClock
) -> None:
    now = wire_clock.now()
    free = REPLAYS.free_slots(now)[0]
    await _add(database, now - timedelta(seconds=REPLAYS.width_s))
    assert REPLAYS.slot(now - timedelta(seconds=REPLAYS.width_s)) == free
    reading, done = asyncio.Event(), asyncio.Event()

    async def read(db: Connection) -> None:
        await db.fetch("SELECT count(*) FROM kernel.replays")
        reading.set()
        await done.wait()

    reader = asyncio.create_task(database.run(read))
    await reading.wait()
    assert await ring.sweep(database, REPLAYS, now) == []
    done.set()
    await reader
    assert await ring.sweep(database, REPLAYS, now) == [free]
