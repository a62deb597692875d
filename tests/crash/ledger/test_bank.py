"""A bank under kill -9: sixteen clients go on while everything they rely on dies at random.

The ledger, two fronts with the clients, the worker that repeats what dead fronts left, the
projection and PostgreSQL are killed; each is started again at once. At the end nothing that was
acknowledged is lost, nothing is doubled, no chain is half there, debits are credits, and every read
of the whole ledger had found the total.

The short form runs with the others; `make crash` runs the long one (SECONDS=600). The seed decides
who dies when; what the clients do meanwhile depends on the machine too.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from operator import gt
from pathlib import Path
from random import Random

import pytest

from lionrock.app.migrations import all_migrations
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import Database, migrate
from lionrock.kernel.postgres import EmbeddedPostgres
from lionrock.ledger.api import all_created, connect
from tests.crash.ledger.bank import lines_in, opening
from tests.crash.ledger.bank_end import Counts, Ending
from tests.crash.ledger.servers import (
    Killable,
    LedgerProcess,
    durable_server,
    kill_server,
    relaunch,
)
from tests.stateful.ledger.conftest import until

pytestmark = pytest.mark.city

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
SECONDS_LONG = int(os.environ.get("SECONDS") or "600")
DATABASE = "database"
PROGRESS_S_MAX = 90
TOLD_MIN, READS_MIN = 500, 10
PROCESSES = "tests.crash.ledger.bank_process"


class Bank:
    """The processes of a run, kept up, and killed one after the other."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self.folder = folder
        self.url = server.url("postgres")
        self.address = str(folder / "l.sock")
        self.kills: Counter[str] = Counter()
        self._server = server
        notes, log = str(folder), folder / "log"
        self.processes: dict[str, Killable] = {
            "ledger": LedgerProcess(self.url, self.address, log),
            "projection": Killable(PROCESSES, "projection", self.url, log=log),
            "worker": Killable(PROCESSES, "worker", notes, self.address, log=log),
            **{f"front-{n}": Killable(
                PROCESSES, "front", str(n), notes, self.address, str(SEED), log=log)
               for n in range(2)},
        }

    async def open(self) -> None:
        """Start the ledger and give the customers what they begin with."""
        self.processes["ledger"].start()
        client = connect(self.address, timeout_ms=60_000)
        accounts, transfers = opening()
        assert all_created(await client.create_accounts(accounts))
        assert all_created(await client.create_transfers(transfers))
        await client.close()

    async def live(self, seconds: float, pause_s: float, chance: Random) -> None:
        """Kill one after the other until the time is over and every victim had its turn.

        However slow the machine is, the clients are told enough to judge by.
        """
        keeping = asyncio.create_task(self._keep_up())
        await self._get_somewhere(all)
        ends_ms = monotonic_ms() + seconds * 1_000
        turns: list[str] = []
        while (monotonic_ms() < ends_ms or len(self.kills) <= len(self.processes)
               or not self._is_enough()):
            await asyncio.sleep(pause_s * (0.3 + 1.4 * chance.random()))
            if not turns:
                turns = chance.sample([DATABASE, *self.processes], len(self.processes) + 1)
            await self._kill(turns.pop())
            await self._get_somewhere(any)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        for name in self.processes:
            if not self.processes[name].is_alive():
                self.processes[name].start()

    async def _kill(self, victim: str) -> None:
        self.kills[victim] += 1
        if victim == DATABASE:
            kill_server(self._server)
            await relaunch(self._server)
        elif self.processes[victim].is_alive():
            self.processes[victim].kill()

    async def _get_somewhere(self, of_fronts: Callable[[Iterable[bool]], bool]) -> None:
        """Wait until fronts have been told something new: machines differ in speed."""
        before = self._told_bytes()

        async def is_further() -> bool:
            return of_fronts(map(gt, self._told_bytes(), before))

        await until(is_further, PROGRESS_S_MAX)

    def _is_enough(self) -> bool:
        counts = Ending(self.folder).counts
        told = sum(1 for path in self.folder.glob("told-[0-9]*") for _ in lines_in(path))
        return told > TOLD_MIN and counts.reads > READS_MIN

    def _told_bytes(self) -> list[int]:
        sizes = [0, 0]
        for path in self.folder.glob("told-[0-9]*"):
            sizes[int(path.name.removeprefix("told-")) % 2] += path.stat().st_size
        return sizes

    async def _keep_up(self) -> None:
        while True:
            for process in self.processes.values():
                if not process.is_alive():
                    process.start()
            await asyncio.sleep(0.1)

    async def end(self) -> Counts:
        """Let the clients finish, repeat what nobody was answered for, and compare everything."""
        for name in ("front-0", "front-1", "worker"):
            code = await asyncio.to_thread(self.processes[name].end)
            # One that had only just been started again may not know SIGTERM yet.
            assert code in {0, -signal.SIGTERM}, self.last_words()
        client = connect(self.address, timeout_ms=60_000)
        database = await Database.open(self.url, pool_size_max=4)
        ending = Ending(self.folder)
        await ending.finish(client)
        self.processes["projection"].kill()
        counts = await ending.check(client, database)
        await client.close()
        await database.close()
        return counts

    def last_words(self) -> str:
        """The end of what the processes logged."""
        return (self.folder / "log").read_text(errors="replace")[-2_000:]

    def stop(self) -> None:
        """Stop whatever still runs."""
        for process in self.processes.values():
            if process.is_alive():
                process.end()


async def run_bank(folder: Path, seconds: float, pause_s: float) -> Counts:
    """One run; prints its counts."""
    print(f"seed {SEED}")
    with durable_server() as server:
        bank = Bank(server, folder)
        opened = await Database.open(bank.url, pool_size_max=2)
        await migrate(opened, all_migrations())
        await opened.close()
        try:
            await bank.open()
            await bank.live(seconds, pause_s, Random(SEED))
            counts = await bank.end()
        finally:
            bank.stop()
    died = ", ".join(f"{name} {count}" for name, count in sorted(bank.kills.items()))
    print(f"kills {bank.kills.total()} ({died}); {counts.line()}")
    assert set(bank.kills) == {DATABASE, *bank.processes}, "every victim had its turn"
    return counts


def check(counts: Counts) -> None:
    """Nothing lost, nothing doubled, nothing half done, nothing that did not add up."""
    assert (counts.lost, counts.doubled, counts.half_chains, counts.wrong_reads) == (0, 0, 0, 0)
    assert counts.wrong == []
    assert counts.acknowledged > 200
    assert min(counts.refused, counts.chains, counts.reads) > 5


@pytest.mark.timeout(300)
async def test_a_bank_whose_processes_are_killed_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    check(await run_bank(tmp_path, 4, 0.5))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_LONG * 2 + 300)
async def test_a_bank_killed_for_ten_minutes_loses_and_doubles_nothing(tmp_path: Path) -> None:
    check(await run_bank(tmp_path, SECONDS_LONG, 1.0))
