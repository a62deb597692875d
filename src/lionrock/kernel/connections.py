"""Connections that stay at hand: taking one and giving it back cost no task, no timer, no query.

asyncpg's pool makes connections, ends them and mends what a broken or cancelled query left behind.
For each use it also makes a task, two timers and a wrapper, a tenth of what a small query costs. So
a connection that comes back sound is kept here for whoever wants one next, and goes through the
pool again only now and then (the pool replaces one that served long) or when something went wrong.

Invariants: whoever gives a connection back as sound has no query on it and no transaction; who
waits longest gets the next one; never more than the pool's own number are out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import asyncpg

# Uses of a connection until the pool sees it again.
USES_MAX = 1_000


class Connections:
    """The connections of one asyncpg pool of at most `count_max`."""

    def __init__(self, pool: Any, count_max: int) -> None:
        self._pool = pool
        self._count_max = count_max
        # Taken from the pool: at hand, or in use.
        self._count = 0
        self._at_hand: list[Any] = []
        self._uses: dict[Any, int] = {}
        # Each is given a connection, or None: there is room to take one from the pool.
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._is_closing = False

    async def take(self) -> Any:
        """Take a connection, waiting for one if all are in use; raises what connecting raises."""
        while True:
            while self._at_hand:
                connection = self._at_hand.pop()
                if _is_usable(connection):
                    return connection
                await self._leave(connection)
            if self._count < self._count_max:
                return await self._take_from_pool()
            connection = await self._wait()
            if connection is not None:
                return connection

    async def give_back(self, connection: Any, *, is_sound: bool) -> None:
        """Give a connection back; not sound means that a query on it failed or was cancelled."""
        uses = self._uses[connection] = self._uses.get(connection, 0) + 1
        is_kept = is_sound and uses < USES_MAX and not self._is_closing
        if not is_kept or not _is_usable(connection):
            await self._leave(connection)
        elif not self._hand_over(connection):
            self._at_hand.append(connection)

    async def close(self) -> None:
        """Give everything to the pool and close it; what is in use ends first."""
        self._is_closing = True
        while self._at_hand:
            await self._leave(self._at_hand.pop())
        await self._pool.close()

    async def _take_from_pool(self) -> Any:
        self._count += 1
        try:
            return await self._pool.acquire()
        except BaseException:
            self._count -= 1
            self._hand_over(None)
            raise

    async def _leave(self, connection: Any) -> None:
        self._uses.pop(connection, None)
        try:
            await self._pool.release(connection)
        finally:
            self._count -= 1
            self._hand_over(None)

    async def _wait(self) -> Any:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            # It may have been given one at that very moment.
            if waiting.done() and not waiting.cancelled():
                connection = waiting.result()
                if connection is None:
                    self._hand_over(None)
                else:
                    await self.give_back(connection, is_sound=True)
            raise

    def _hand_over(self, connection: Any) -> bool:
        """Give a connection, or the room for one, to whoever waits longest."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return True
        return False


def _is_usable(connection: Any) -> bool:
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:
        # The pool took it from us when the server ended it.
        return False
