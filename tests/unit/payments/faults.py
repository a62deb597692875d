"""Faults at the edges: a process that dies at the n-th crossing, a network that loses and repeats.

They stand in the ports (database, ledger, network) around the real parts; nothing is imitated.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from lionrock.kernel.db import Connection, Database
from lionrock.kernel.network import TIMEOUT_MS, Network, Reply, Unreachable, UnreachableReason
from lionrock.ledger.api import (
    Account,
    AccountDraft,
    AccountResult,
    Ledger,
    Transfer,
    TransferDraft,
    TransferOutcome,
    Unavailable,
)

T = TypeVar("T")


class Killed(BaseException):
    """The process died here. Not an Exception: nothing may handle its own death."""


class Tripwire:
    """Counts crossings; dies at the one it is armed for."""

    def __init__(self) -> None:
        self.crossings = 0
        self._at: int | None = None
        self._is_lasting = False
        self.is_dead = False
        self.places: list[str] = []

    def arm(self, at: int | None, *, is_lasting: bool = False) -> None:
        """Start counting anew and die at the `at`-th crossing from now (None: never).

        `is_lasting`: and at each after it, for processes of several tasks.
        """
        self.crossings, self._at, self.places = 0, at, []
        self.is_dead, self._is_lasting = False, is_lasting

    async def around(self, place: str, call: Awaitable[T]) -> T:
        """Cross before and after a call: it may have happened or not when the process dies."""
        self._cross(f"before {place}", call)
        result = await call
        self._cross(f"after {place}", None)
        return result

    def _cross(self, place: str, call: object) -> None:
        number = self.crossings
        self.crossings += 1
        self.places.append(place)
        if number == self._at or (self.is_dead and self._is_lasting):
            self.is_dead = True
            close = getattr(call, "close", None)
            if close is not None:
                close()
            raise Killed(place)


class TrippingDatabase(Database):
    """A database whose users die around transactions."""

    def __init__(self, inner: Database, wire: Tripwire, name: str) -> None:
        super().__init__(inner._connections)
        self._wire = wire
        self._name = name

    async def run(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a transaction between two crossings."""
        return await self._wire.around(f"{self._name} transaction", super().run(use_case))

    async def alone(self, use_case: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a statement, which is a transaction of its own, between two crossings."""
        return await self._wire.around(f"{self._name} statement", super().alone(use_case))


class TrippingNetwork(Network):
    """A network whose users die around calls, and that may lose, repeat and delay them."""

    def __init__(self, wire: Tripwire, name: str, chance: random.Random | None = None) -> None:
        super().__init__(applications={})
        self._wire = wire
        self._name = name
        self._chance = chance

    def heal(self) -> None:
        """Lose nothing from now on."""
        self._chance = None

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_ms: int = TIMEOUT_MS,
    ) -> Reply:
        """Send between two crossings, perhaps lost on the way there or back, perhaps twice."""

        async def sending() -> Reply:
            fate = self._chance.random() if self._chance else 1.0
            if fate < 0.15:
                raise Unreachable(UnreachableReason.CONNECTION_REFUSED, "lost on the way there")
            sent = await super(TrippingNetwork, self).send(method, url, headers, body, timeout_ms)
            if fate < 0.30:
                raise Unreachable(UnreachableReason.TIMED_OUT, "lost on the way back")
            if fate < 0.40:
                await super(TrippingNetwork, self).send(method, url, headers, body, timeout_ms)
            return sent

        return await self._wire.around(f"{self._name} call", sending())


class TrippingLedger:
    """A ledger whose callers die around calls, and whose answers may be lost."""

    def __init__(self, inner: Ledger, wire: Tripwire, chance: random.Random | None = None) -> None:
        self._inner = inner
        self._wire = wire
        self._chance = chance

    def heal(self) -> None:
        """Lose nothing from now on."""
        self._chance = None

    async def create_accounts(self, drafts: Sequence[AccountDraft]) -> list[AccountResult]:
        """Open accounts."""
        return await self._inner.create_accounts(drafts)

    async def create_transfers(self, drafts: Sequence[TransferDraft]) -> list[TransferOutcome]:
        """Carry out transfers between two crossings."""

        async def calling() -> list[TransferOutcome]:
            fate = self._chance.random() if self._chance else 1.0
            if fate < 0.1:
                raise Unavailable("lost on the way there")
            outcomes = await self._inner.create_transfers(drafts)
            if fate < 0.2:
                raise Unavailable("lost on the way back")
            return outcomes

        return await self._wire.around("ledger call", calling())

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Look accounts up."""
        return await self._inner.lookup_accounts(ids)

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Look transfers up."""
        return await self._inner.lookup_transfers(ids)
