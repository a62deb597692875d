"""A million random operations: the machine answers as the plain model does, and keeps the same.

Seeds are printed; LIONROCK_TEST_SEED=<seed> plays the same worlds again, and
LIONROCK_MODEL_OPERATIONS=<count> says how many operations the long form has.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest

from lionrock.ledger.domain.results import AccountResult, TransferResult
from tests.stateful.ledger.comparing import Comparison
from tests.stateful.ledger.events import Events, opened

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
OPERATIONS_LONG = int(os.environ.get("LIONROCK_MODEL_OPERATIONS", "1000000"))
OPERATIONS_QUICK = 20_000
WORLD_OPERATIONS = 20_000
# Late worlds are so late that a timeout may not fit any more.
BEGINNINGS_S = (1_000, 1_770_000_000, 8_000_000_000)


def play_world(seed: int, operations: int, told: Counter[str]) -> int:
    """One world from its opening to a full comparison; returns how many operations it had."""
    chance = Random(seed)
    comparison = Comparison(chance.choice(BEGINNINGS_S))
    comparison.play(opened())
    events = Events(chance, comparison.model)
    while comparison.operations < operations:
        if chance.random() < 0.05:
            comparison.wait(chance.choice((0, 1, 4, 5, 60, 3_600)))
        calls = events.calls()
        for results in comparison.play(*calls):
            told.update(results)
        events.keep(calls)
    comparison.compare_everything()
    comparison.check_replay()
    return comparison.operations


def play_worlds(operations: int, world_operations: int) -> Counter[str]:
    """Worlds until there were so many operations; says which seed was the last when it fails."""
    told: Counter[str] = Counter()
    played = worlds = 0
    while played < operations:
        seed = SEED + worlds
        try:
            played += play_world(seed, min(world_operations, operations - played), told)
        except AssertionError:
            print(f"the world of LIONROCK_TEST_SEED={seed} differs")
            raise
        worlds += 1
    print(f"{played} operations in {worlds} worlds from seed {SEED}: the machine is the model; "
          f"{len(told)} different results, {told['ok']} ok")
    return told


def test_the_machine_answers_and_keeps_what_the_plain_model_does() -> None:
    told = play_worlds(OPERATIONS_QUICK, 5_000)
    assert told["ok"] > OPERATIONS_QUICK / 10


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_million_operations_never_part_the_machine_from_the_plain_model() -> None:
    told = play_worlds(OPERATIONS_LONG, WORLD_OPERATIONS)
    if OPERATIONS_LONG >= 1_000_000:
        names = {str(name) for name in (*TransferResult, *AccountResult)}
        assert set(told) == names, names - set(told)
