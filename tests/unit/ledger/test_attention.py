"""Staying awake for a quick caller: only for one, and only for a moment."""

from __future__ import annotations

import asyncio

from lionrock.ledger.service.attention import AT_ONCE_MS, AWAKE_MS_MAX, Attention


class Time:
    """Milliseconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.ms = 1_000.0

    def __call__(self) -> float:
        return self.ms


async def turns() -> None:
    """Let the loop turn a few times."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_first_request_and_one_after_a_pause_keep_nobody_awake() -> None:
    time = Time()
    attention = Attention(time)
    attention.asked()
    assert not attention.is_awake
    attention.answered()
    time.ms += 2 * AT_ONCE_MS
    attention.asked()
    assert not attention.is_awake


async def test_a_request_at_once_keeps_the_loop_awake_until_a_moment_after_its_answer() -> None:
    time = Time()
    attention = Attention(time)
    attention.answered()
    attention.asked()
    await turns()
    assert attention.is_awake
    attention.answered()
    await turns()
    assert attention.is_awake
    time.ms += 2 * AT_ONCE_MS
    await turns()
    assert not attention.is_awake


async def test_a_request_whose_answer_does_not_come_lets_the_loop_sleep_in_the_end() -> None:
    time = Time()
    attention = Attention(time)
    attention.answered()
    attention.asked()
    time.ms += 2 * AWAKE_MS_MAX
    await turns()
    assert not attention.is_awake
