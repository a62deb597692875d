"""The outside parties forget single-use values as the platform does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from lionrock.kernel import replay
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.sandbox.world.frame import World, WorldContext
from lionrock.sandbox.world.store import WorldStore


async def test_memory_of_the_outside_parties_is_emptied_when_its_values_have_expired(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    database = kernel.database
    world = World(
        WorldContext(
            platform_url="https://platform.example", world_url="https://world.example",
            wire_clock=wire_clock, business_clock=kernel.business_clock, ids=kernel.ids,
            key_store=kernel.key_store, network=kernel.network, database=database,
            store=WorldStore(database),
        ),
        [],
    )  # fmt: skip
    until = wire_clock.now() + timedelta(seconds=60)
    assert await database.run(lambda db: replay.remember(db, "bank", "nonce", until))
    assert not await database.run(lambda db: replay.remember(db, "bank", "nonce", until))
    # To the window after the one that it expires in: a sweep comes by more often than windows pass.
    width_s = replay.REPLAYS.width_s
    wire_clock.advance(seconds=60 + width_s - int(until.timestamp()) % width_s)
    (forget,) = world.loops()
    task: asyncio.Future[None] = asyncio.ensure_future(forget())
    for _ in range(400):
        if not await database.run(lambda db: db.fetchval("SELECT count(*) FROM kernel.replays")):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("what expired is remembered still")
    task.cancel()
