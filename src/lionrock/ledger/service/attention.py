"""Staying awake for a caller that calls again at once.

A process that sleeps between the request, the database's answer and the next request is woken twice
a call, and on a virtual machine each time costs more than what it then does. So after a request
that came right after an answer, the event loop looks again instead of sleeping, until a moment
after the answer. Not for: several callers or large requests, which keep the processors busy.
Invariants: nobody calls again at once, nobody is waited for; one look a turn of the loop, beside
whatever else there is to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lionrock.kernel.clock import monotonic_ms

# A request this long after an answer, or sooner, is one of a caller that waits for nothing else.
AT_ONCE_MS = 0.3
# The longest that one request keeps the loop awake: a few commits.
AWAKE_MS_MAX = 2.0


class Attention:
    """Keeps one event loop awake between the requests of one quick caller."""

    def __init__(self, now_ms: Callable[[], float] = monotonic_ms) -> None:
        self._now_ms = now_ms
        self._answered_ms = float("-inf")
        self._until_ms = float("-inf")
        self._is_looking = False

    @property
    def is_awake(self) -> bool:
        """Whether the loop is kept awake."""
        return self._is_looking

    def asked(self) -> None:
        """A request came, and nobody else waits."""
        now_ms = self._now_ms()
        if now_ms - self._answered_ms > AT_ONCE_MS:
            return
        self._until_ms = now_ms + AWAKE_MS_MAX
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def answered(self) -> None:
        """It was answered."""
        self._answered_ms = self._now_ms()
        self._until_ms = min(self._until_ms, self._answered_ms + AT_ONCE_MS)

    def _look(self) -> None:
        self._is_looking = self._now_ms() < self._until_ms
        if self._is_looking:
            asyncio.get_running_loop().call_soon(self._look)
