"""Phones that answer by themselves: what each does unasked, kept over restarts, and the loop.

A person who approves everything still reads the number on the page first. The loop learns it from
the sandbox's hook (GET /sandbox/phones/waiting, which no served city has), answers through the same
signed door as every phone, and asks the hook only while some phone answers by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast, get_args

import msgspec

from lionrock.kernel.network import Unreachable
from lionrock.sandbox.world.frame import WorldContext

Habit = Literal["ask", "approve", "deny"]
HABITS: tuple[str, ...] = get_args(Habit)
WAIT_MS = 1_000
PAUSE_S = 0.5
GIVEN_UP_MAX = 10_000
_DECISIONS = {"approve": "approved", "deny": "rejected"}


class PhoneRefused(Exception):
    """The platform (or the phone itself) did not accept; `code` is the stable code."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.status = status
        self.code = code
        self.detail = detail


class Handset(Protocol):
    """What the loop needs of the phones."""

    @property
    def id(self) -> str:
        """The party's name in the world."""
        ...

    async def answer(
        self, persona: str, approval_id: str, decision: str, number: str | None = None
    ) -> str:
        """Sign an answer; PhoneRefused."""
        ...


class Answering:
    """What phones do by themselves. `default` holds for personas that nobody told otherwise."""

    def __init__(self, context: WorldContext, phones: Handset, default: str = "ask") -> None:
        assert default in HABITS, "checked by the settings"
        self._context = context
        self._phones = phones
        self._default = default
        self._changed = asyncio.Event()
        self._given_up: set[tuple[str, str]] = set()

    async def habits(self) -> dict[str, str]:
        """Return what each persona's phone does by itself."""
        store, party = self._context.store, self._phones.id
        enrolled = dict.fromkeys(await store.list(party, "persona"), self._default)
        told = await store.list(party, "auto")
        return enrolled | {name: each["decision"] for name, each in told.items()}

    async def set(self, persona: str, habit: Habit) -> None:
        """Keep what a persona's phone does from now on."""
        await self._context.store.put(self._phones.id, "auto", persona, {"decision": habit})
        self.look_again()

    @property
    def given_up(self) -> int:
        """How many questions the platform took no answer to."""
        return len(self._given_up)

    def look_again(self) -> None:
        """Let the loop read the habits anew, and try again what it had given up."""
        self._given_up.clear()
        self._changed.set()

    async def run_for_ever(self) -> None:
        """Answer what is asked of phones that answer by themselves, for as long as they do."""
        while True:
            self._changed.clear()
            try:
                active = {n: h for n, h in (await self.habits()).items() if h != "ask"}
                if not active:
                    await self._changed.wait()
                    continue
                answered = await self.answer_waiting(active, WAIT_MS)
            except (PhoneRefused, Unreachable):
                await asyncio.sleep(PAUSE_S)
                continue
            if not answered and self._given_up:
                # What the platform does not take stays open: not asked for in a tight loop.
                await asyncio.sleep(PAUSE_S)

    async def answer_waiting(self, active: Mapping[str, str], wait_ms: int) -> int:
        """Answer what waits for these phones now, or what comes first; returns how much."""
        waiting = await self._waiting(list(active), wait_ms)
        open_ones = [
            each for each in waiting if (each["persona"], each["id"]) not in self._given_up
        ]
        done = await asyncio.gather(*(self._answer(each, active) for each in open_ones))
        return sum(done)

    async def _answer(self, asked: dict[str, Any], active: Mapping[str, str]) -> bool:
        persona, approval_id = asked["persona"], asked["id"]
        habit = active[persona]
        number = asked["number"] if habit == "approve" else None
        try:
            await self._phones.answer(persona, approval_id, _DECISIONS[habit], number)
        except PhoneRefused:
            if len(self._given_up) >= GIVEN_UP_MAX:
                self._given_up.clear()
            self._given_up.add((persona, approval_id))
            return False
        return True

    async def _waiting(self, personas: Sequence[str], wait_ms: int) -> list[dict[str, Any]]:
        """Ask the sandbox's hook; a change of habits ends the wait at once."""
        url = (
            f"{self._context.platform_url}/sandbox/phones/waiting"
            f"?personas={','.join(personas)}&wait_ms={wait_ms}"
        )
        asking = asyncio.ensure_future(self._context.network.send("GET", url))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({asking, changed}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return []
            answer = asking.result()
        finally:
            asking.cancel()
            changed.cancel()
        if answer.status != 200:
            raise PhoneRefused(answer.status, "phone.platform")
        return cast("list[dict[str, Any]]", msgspec.json.decode(answer.body))
