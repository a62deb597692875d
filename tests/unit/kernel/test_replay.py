"""Replay memory: one True per value and realm, whatever the expiry, however many fronts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from lionrock.kernel import replay, ring
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.replay import REPLAYS


async def _remember(database: Database, clock: FrozenClock, value: str, life_s: int,
                    realm: str = "demo") -> bool:
    expires_at = clock.now() + timedelta(seconds=life_s)
    return await database.run(lambda db: replay.remember(db, realm, value, expires_at))


async def test_a_value_is_accepted_once_in_a_realm(
    database: Database, wire_clock: FrozenClock
) -> None:
    assert await _remember(database, wire_clock, "a", 100)
    assert not await _remember(database, wire_clock, "a", 100)
    assert await _remember(database, wire_clock, "b", 100)
    assert await _remember(database, wire_clock, "a", 100, realm="other")


@pytest.mark.parametrize("life_s", [1, 119, 121, 359, 659])
async def test_a_value_with_another_expiry_is_still_the_same_value(
    database: Database, wire_clock: FrozenClock, life_s: int
) -> None:
    assert await _remember(database, wire_clock, "a", 240)
    assert not await _remember(database, wire_clock, "a", life_s)


async def test_of_many_fronts_at_once_one_is_told_that_the_value_is_new(
    database: Database, wire_clock: FrozenClock
) -> None:
    """Different expiries fall into different slots, where no constraint would meet."""
    for value in "abcd":
        told = await asyncio.gather(
            *(_remember(database, wire_clock, value, 80 * n) for n in range(1, 9))
        )
        assert sum(told) == 1


async def test_a_value_held_by_a_transaction_that_rolls_back_is_new_again(
    database: Database, wire_clock: FrozenClock
) -> None:
    expires_at = wire_clock.now() + timedelta(seconds=60)

    async def fail(db: Connection) -> None:
        assert await replay.remember(db, "demo", "a", expires_at)
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError):
        await database.run(fail)
    assert await _remember(database, wire_clock, "a", 60)


async def test_of_a_request_only_what_came_before_the_known_value_is_remembered(
    database: Database, wire_clock: FrozenClock
) -> None:
    expires_at = wire_clock.now() + timedelta(seconds=60)

    def unit(*values: str) -> list[replay.Value]:
        return [replay.value_of("demo", value, expires_at) for value in values]

    assert await _remember(database, wire_clock, "old", 60)
    told = await database.run(lambda db: replay.remember_all(
        db, [unit("a", "b"), unit("c", "old", "d"), [], unit("e")]))
    assert told == [None, 1, None, None]
    assert not await _remember(database, wire_clock, "c", 60)
    assert await _remember(database, wire_clock, "d", 60)


async def test_a_value_stays_remembered_until_its_expiry_while_slots_are_emptied(
    database: Database, wire_clock: FrozenClock
) -> None:
    assert await _remember(database, wire_clock, "long", REPLAYS.reach_s - 1)
    for _ in range(REPLAYS.reach_s // 10 - 1):
        wire_clock.advance(seconds=10)
        await ring.sweep(database, REPLAYS, wire_clock.now())
        assert not await _remember(database, wire_clock, "long", 60)
    for _ in range(3):
        wire_clock.advance(seconds=REPLAYS.width_s)
        await ring.sweep(database, REPLAYS, wire_clock.now())
    assert await _remember(database, wire_clock, "long", 60)
