"""kill -9 of the ledger, a front, the worker or the database at any step of a payout: paid once."""

from __future__ import annotations

import asyncio
import random

import pytest

from lionrock.kernel.clock import monotonic_ms
from tests.conftest import SEED
from tests.crash.journey.boundaries import BOUNDARIES
from tests.crash.journey.harness import VICTIMS, Payout, Scene, open_scene

pytestmark = pytest.mark.city

# One or two victims a boundary, every victim at least twice.
QUICK = (
    ("intent saved", "worker"),
    ("ledger holds, not saved", "ledger"),
    ("ledger holds, not saved", "worker"),
    ("hold and message being saved", "database"),
    ("message saved, not sent", "worker"),
    ("bank has it, answer not sent", "database"),
    ("answer on its way", "front"),
    ("answer posted, not saved", "front"),
    ("answer saved, not posted", "ledger"),
    ("answer saved, not posted", "front"),
    ("posted, not saved", "database"),
    ("settled, programmes not told", "worker"),
)
KILLS_MAX = 3
KILL_AFTER_S_MAX = 1.5


async def kill_at(
    scene: Scene, payout: Payout, boundary: str, victim: str, *, is_hurried: bool
) -> None:
    """One scenario: reach the boundary, kill, let go, wait for the end, count."""
    await scene.ready()
    started_ms = monotonic_ms()
    before = await scene.money()
    let_go = await BOUNDARIES[boundary](scene, payout)
    reached_ms = monotonic_ms()
    await scene.kill(victim)
    await let_go()
    await scene.finish(payout, is_hurried=is_hurried)
    await scene.check_paid_once(payout, before)
    print(f"{boundary:34} kill -9 {victim:9} paid once"
          f"  (reached after {(reached_ms - started_ms) / 1000:.1f} s,"
          f" ended {(monotonic_ms() - reached_ms) / 1000:.1f} s after the kill)")


@pytest.mark.timeout(400)
async def test_a_process_killed_at_a_step_boundary_of_a_payout_still_pays_exactly_once() -> None:
    async with open_scene() as scene:
        assert {boundary for boundary, _ in QUICK} == BOUNDARIES.keys()
        assert {victim for _, victim in QUICK} == set(VICTIMS)
        for payout, (boundary, victim) in zip(scene.payouts, QUICK, strict=True):
            await kill_at(scene, payout, boundary, victim, is_hurried=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_every_boundary_of_a_payout_survives_every_victim(victim: str) -> None:
    async with open_scene() as scene:
        for payout, boundary in zip(scene.payouts, BOUNDARIES, strict=False):
            await kill_at(scene, payout, boundary, victim, is_hurried=False)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_random_deaths_during_payouts_pay_each_exactly_once() -> None:
    chance = random.Random(SEED)
    print("seed", SEED)
    async with open_scene() as scene:
        for payout in scene.payouts:
            await scene.ready()
            before = await scene.money()
            await scene.release(payout)
            for _ in range(chance.randint(1, KILLS_MAX)):
                await asyncio.sleep(chance.uniform(0, KILL_AFTER_S_MAX))
                victim = chance.choice(VICTIMS)
                print(payout.milestone, "kill -9", victim)
                await scene.kill(victim)
            await scene.finish(payout, is_hurried=False)
            await scene.check_paid_once(payout, before)
