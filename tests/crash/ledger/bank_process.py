"""The bank test's processes that are killed: `python -m tests.crash.ledger.bank_process ROLE ...`.

front NUMBER FOLDER ADDRESS SEED: half of the clients. worker FOLDER ADDRESS: repeats what a dead
front left. projection URL: copies the journal to the query tables.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random

import msgspec

from lionrock.kernel import log
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Database
from lionrock.ledger.api import LedgerClient, Projection, TransferDraft, Unavailable, connect
from tests.crash.ledger.bank import (
    ALL_ACCOUNTS,
    CLIENTS,
    Intent,
    Notes,
    Read,
    Told,
    choose_kind,
    judge,
    lines_in,
    plan,
    refund,
    resolution,
    wrong_with,
)

PAUSE_S = 0.004
FRONTS = 2
LEFT_ALONE_MS = 1_000
PAID_MAX = 200


class Teller:
    """One client: notes what it will do, does it, notes what it was told."""

    def __init__(self, client: LedgerClient, number: int, folder: Path, seed: str) -> None:
        self._client = client
        self._number = number
        self._chance = Random(f"{seed}-{number}-{monotonic_ms()}")
        self._intents = Notes(folder / f"intents-{number}")
        self._told = Notes(folder / f"told-{number}")
        self._reads = Notes(folder / f"reads-{number}")
        self._next = 1 + sum(1 for _ in lines_in(folder / f"intents-{number}"))
        self._paid: list[TransferDraft] = []

    async def live(self, stopping: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stopping.is_set():
            kind = choose_kind(self._chance)
            if kind == "read":
                await self._read()
            elif kind == "refund" and self._paid:
                paid = self._paid.pop(self._chance.randrange(len(self._paid)))
                await self._call(refund(paid))
            else:
                await self._move("transfer" if kind == "refund" else kind)
            await asyncio.sleep(PAUSE_S)

    async def _move(self, kind: str) -> None:
        self._next += 1
        intent = plan(kind, self._number, self._next, self._chance)
        told = await self._call(intent)
        if not all(told.stands):
            return
        if kind == "transfer" and len(self._paid) < PAID_MAX:
            self._paid.append(intent.drafts[0])
        if kind == "hold" and self._chance.random() < 0.9:
            self._next += 1
            await self._call(resolution(intent.drafts[0], self._chance))

    async def _call(self, intent: Intent) -> Told:
        self._intents.add(intent)
        told = await send(self._client, intent)
        self._told.add(told)
        return told

    async def _read(self) -> None:
        try:
            accounts = await self._client.lookup_accounts(ALL_ACCOUNTS)
        except Unavailable:
            return
        self._reads.add(Read(wrong_with(accounts)))


async def send(client: LedgerClient, intent: Intent) -> Told:
    """Send until answered, the same ids each time."""
    while True:
        try:
            return judge(intent, await client.create_transfers(intent.drafts))
        except Unavailable:
            continue


async def run_front(number: str, folder: str, address: str, seed: str) -> None:
    """Run this front's clients until SIGTERM."""
    client = connect(address, timeout_ms=60_000)
    stopping = _stop_event()
    await asyncio.gather(*(
        Teller(client, each, Path(folder), seed).live(stopping)
        for each in range(CLIENTS) if each % FRONTS == int(number)
    ))
    await client.close()


class Left:
    """What was noted and not answered for a while, over all clients' files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reached: dict[Path, int] = {}
        self._open: dict[int, tuple[Intent, float]] = {}
        self._told: set[int] = set()

    def look(self) -> list[Intent]:
        """Read what is new; returns what has been left alone for too long."""
        for path in sorted(self._folder.glob("told-*")):
            for line in self._new_lines(path):
                key = msgspec.json.decode(line, type=Told).key
                if self._open.pop(key, None) is None:
                    self._told.add(key)
        for path in sorted(self._folder.glob("intents-*")):
            for line in self._new_lines(path):
                intent = msgspec.json.decode(line, type=Intent)
                if intent.key in self._told:
                    self._told.discard(intent.key)
                else:
                    self._open[intent.key] = (intent, monotonic_ms())
        now_ms = monotonic_ms()
        return [intent for intent, since_ms in self._open.values()
                if now_ms - since_ms > LEFT_ALONE_MS]

    def _new_lines(self, path: Path) -> list[bytes]:
        lines = []
        for line, reached in lines_in(path, self._reached.get(path, 0)):
            lines.append(line)
            self._reached[path] = reached
        return lines


async def run_worker(folder: str, address: str) -> None:
    """Repeat what was left, until SIGTERM."""
    client = connect(address, timeout_ms=60_000)
    stopping, left = _stop_event(), Left(Path(folder))
    told = Notes(Path(folder) / "told-worker")
    while not stopping.is_set():
        for intent in left.look():
            told.add(await send(client, intent))
        await asyncio.sleep(0.2)
    await client.close()


async def run_projection(url: str) -> None:
    """Copy until killed."""
    database = await Database.open(url, pool_size_max=2)
    await Projection(database).run_for_ever()


def _stop_event() -> asyncio.Event:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    return stopping


ROLES: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    "front": run_front, "worker": run_worker, "projection": run_projection,
}

if __name__ == "__main__":
    log.configure("error")
    asyncio.run(ROLES[sys.argv[1]](*sys.argv[2:]))
