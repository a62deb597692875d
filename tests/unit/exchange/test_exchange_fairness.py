"""Turns at a gateway: who comes next, who is sent away, and that no place is ever lost."""

from __future__ import annotations

import asyncio

from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.exchange.gateway.fairness import RETRY_AFTER_S, Turns


class Doors:
    """Requests that hold their place until told to leave, and the order in which they came in."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.entered: list[str] = []
        self.leave = asyncio.Event()

    async def come(self, consumer: str) -> ExchangeRefusal | None:
        """One request."""
        async with self.turns.turn(consumer) as busy:
            if busy is not None:
                assert busy.retry_after_s == RETRY_AFTER_S
                assert isinstance(busy.refusal, ExchangeRefusal)
                return busy.refusal
            self.entered.append(consumer)
            await self.leave.wait()
            return None


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_burst_of_one_consumer_does_not_make_another_wait_for_its_end() -> None:
    doors = Doors(Turns(places=1))
    tasks = [asyncio.create_task(doors.come("greedy")) for _ in range(10)]
    await settle()
    tasks.append(asyncio.create_task(doors.come("modest")))
    await settle()
    doors.leave.set()
    await asyncio.gather(*tasks)
    assert doors.entered.index("modest") <= 2, doors.entered


async def test_consumers_take_turns() -> None:
    doors = Doors(Turns(places=1))
    tasks = []
    for consumer in ("a", "a", "a", "b", "b", "c"):
        tasks.append(asyncio.create_task(doors.come(consumer)))
        await settle()
    doors.leave.set()
    await asyncio.gather(*tasks)
    assert doors.entered == ["a", "a", "b", "c", "a", "b"]


async def test_who_has_too_many_waiting_is_sent_away_and_others_are_not() -> None:
    doors = Doors(Turns(places=1, waiting_max=2))
    tasks = [asyncio.create_task(doors.come("greedy")) for _ in range(3)]
    await settle()
    assert await doors.come("greedy") is ExchangeRefusal.CONSUMER_BUSY
    other = asyncio.create_task(doors.come("modest"))
    await settle()
    assert not other.done()
    doors.leave.set()
    assert await asyncio.gather(*tasks, other) == [None] * 4


async def test_a_request_that_is_broken_off_gives_its_place_back() -> None:
    doors = Doors(Turns(places=1, waiting_max=2))
    first = asyncio.create_task(doors.come("a"))
    await settle()
    waiting = [asyncio.create_task(doors.come("b")) for _ in range(2)]
    await settle()
    waiting[0].cancel()
    await settle()
    third = asyncio.create_task(doors.come("b"))
    await settle()
    assert not third.done(), "the place in the queue was free again"
    first.cancel()
    await settle()
    assert doors.entered == ["a", "b"], "the next one has come in"
    waiting[1].cancel()
    third.cancel()
    await settle()
    last = asyncio.create_task(doors.come("c"))
    await settle()
    assert doors.entered[-1] == "c"
    doors.leave.set()
    await last


async def test_a_place_given_to_a_request_that_is_gone_goes_to_the_next() -> None:
    doors = Doors(Turns(places=1))
    first = asyncio.create_task(doors.come("a"))
    await settle()
    second = asyncio.create_task(doors.come("b"))
    third = asyncio.create_task(doors.come("c"))
    await settle()
    # Both happen before the second runs again: it is handed the place and is cancelled.
    doors.turns._leave()
    second.cancel()
    await settle()
    assert doors.entered == ["a", "c"]
    first.cancel()
    third.cancel()
    await settle()
