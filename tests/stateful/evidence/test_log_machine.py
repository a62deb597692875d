"""Random lives of a log: recording, growing, signing, witnesses coming and going, in any order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lionrock.evidence.api import verify_bundle
from lionrock.kernel.context import Kernel
from tests.http.evidence.consistency import check_log
from tests.http.evidence.town import WITNESSES, Town, found

SEEDS = (1, 2, 3)
STEPS = 120


@pytest.fixture
async def town(kernel: Kernel, tmp_path: Path) -> Town:
    """A platform with an empty log, two members and two witnesses."""
    return await found(kernel, tmp_path)


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_order_of_events_gives_two_histories(town: Town, seed: int) -> None:
    print(f"seed {seed}")
    luck = random.Random(seed)
    applications = town.kernel.network.applications
    recorded = size = 0
    for _ in range(STEPS):
        match luck.choice(("record", "record", "integrate", "sign", "cosign", "down", "up")):
            case "record":
                for _ in range(luck.choice((1, 1, 2, 90))):
                    await town.run()
                    recorded += 1
            case "integrate":
                await town.evidence.log.integrate()
            case "sign":
                await town.evidence.log.sign_head()
            case "cosign":
                await town.evidence.log.cosign(luck.choice(WITNESSES))
            case "down":
                applications["http://world.test"] = _nobody
            case _:
                applications["http://world.test"] = town.world.application
        grown = await check_log(town.kernel.database)
        assert size <= grown <= recorded
        size = grown
    applications["http://world.test"] = town.world.application
    await town.run()
    await town.evidence.catch_up()
    assert await check_log(town.kernel.database) == recorded + 1
    verdict = verify_bundle(await town.export(), await town.trust())
    assert verdict.ok, verdict.failures


async def _nobody(_scope: object, _receive: object, _send: object) -> None:
    raise ConnectionError("down")
