"""Questions to the database, gathered: one statement answers all that wait at that moment.

While one round is under way the next one collects, so an idle process asks at once and a busy one
asks for many together. Rounds that follow each other quickly are small and cost as much as large
ones: with a pace, one begins that long after the one before it, at the earliest.
Not for: transactions of several statements. What is asked has been checked: no question can make
the statement fail for the others.
Invariant: each question is answered once, from a statement that began after it was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import DATABASE_FAILURES

Q = TypeVar("Q")
A = TypeVar("A")
TOGETHER_MAX = 64


class Gathering(Generic[Q, A]):
    """Gathers questions of one kind; `answer` returns one answer each, in their order.

    With `apart`, two questions for which it returns the same are asked one round after the other.
    `pace_ms`: the least time between the beginnings of two rounds; a full round does not wait.
    """

    def __init__(
        self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *,
        apart: Callable[[Q], Hashable] | None = None, pace_ms: float = 0,
    ) -> None:
        self._answer = answer
        self._pace_ms = pace_ms
        self._apart = apart
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Return the answer; raises what the database raises for this question."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                next_ms = monotonic_ms() + self._pace_ms
                await self._round(self._take())
                left_ms = next_ms - monotonic_ms()
                if left_ms > 0 and len(self._waiting) < TOGETHER_MAX:
                    await asyncio.sleep(left_ms / 1_000)
            self._task = None
        except asyncio.CancelledError:
            self._task = None
            raise
        except BaseException:
            # A fault of ours; those who came meanwhile have no part in it.
            self._task = asyncio.create_task(self._work()) if self._waiting else None
            raise

    def _take(self) -> list[tuple[Q, asyncio.Future[A]]]:
        if self._apart is None:
            group, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            return group
        group, left, seen = [], [], set()
        for each in self._waiting:
            mark = self._apart(each[0])
            if len(group) == TOGETHER_MAX or mark in seen:
                left.append(each)
                continue
            seen.add(mark)
            group.append(each)
        self._waiting = left
        return group

    async def _round(self, group: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in group])
        except DATABASE_FAILURES as error:
            # Not repeated: whether the statement took effect is not known when a connection broke.
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except BaseException as error:
            # What ends the process is not to be taken for a question that was called off.
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            raise
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)

