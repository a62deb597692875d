"""Fairness between consumers at a provider's gateway: nobody's burst is another's wait.

Only so many requests are worked on at once. What comes beyond waits in a queue of its consumer, and
a place that becomes free goes to the next consumer in turn, not to the longest queue. Whoever has
too many waiting already is told so (429) and keeps the places of the others free.

Not for: how often a consent may be used (domain/fetching.py). Process-local: each gateway process
has its own places.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lionrock.exchange.domain.refusals import ExchangeRefusal
from lionrock.kernel.errors import Refused

PLACES_MAX = 32
WAITING_PER_CONSUMER_MAX = 256
RETRY_AFTER_S = 1


class Turns:
    """The places of one gateway; one event loop."""

    def __init__(
        self, places: int = PLACES_MAX, waiting_max: int = WAITING_PER_CONSUMER_MAX
    ) -> None:
        assert places >= 1 and waiting_max >= 0, "somebody must be let in"
        self._free = places
        self._waiting_max = waiting_max
        # Consumers in the order of their turns; whoever was served goes to the end.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, consumer: str) -> AsyncIterator[Refused | None]:
        """Wait for a place and hold it; CONSUMER_BUSY at once when too many wait already."""
        if not await self._enter(consumer):
            yield Refused(ExchangeRefusal.CONSUMER_BUSY, retry_after_s=RETRY_AFTER_S)
            return
        try:
            yield None
        finally:
            self._leave()

    async def _enter(self, consumer: str) -> bool:
        if self._free > 0 and not self._waiting:
            self._free -= 1
            return True
        queue = self._waiting.get(consumer)
        if len(queue or ()) >= self._waiting_max:
            return False
        if queue is None:
            queue = self._waiting[consumer] = deque()
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            self._give_up(consumer, place)
            raise
        return True

    def _give_up(self, consumer: str, place: asyncio.Future[None]) -> None:
        """A waiting request is gone: its place in the queue, or the one just given, is freed."""
        if place.done() and not place.cancelled():
            self._leave()
            return
        queue = self._waiting.get(consumer)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[consumer]

    def _leave(self) -> None:
        """Hand the place to the next consumer in turn, or keep it free."""
        while self._waiting:
            consumer, queue = self._waiting.popitem(last=False)
            place = queue.popleft()
            if queue:
                self._waiting[consumer] = queue
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
