"""The log after crashes: at each write, of the database connection, of the whole process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from lionrock.evidence.api import verify_bundle
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection, Database
from tests.http.evidence.consistency import check_log
from tests.http.evidence.town import Town, found
from tests.stateful.ledger.conftest import until

SEED = 20260220
WRITES = [
    ("evidence.receipts", "UPDATE"), ("evidence.tiles", "INSERT OR UPDATE"),
    ("evidence.tree", "UPDATE"), ("evidence.checkpoints", "INSERT"),
    ("evidence.cosignatures", "INSERT"), ("kernel.jobs", "INSERT OR UPDATE"),
]  # fmt: skip


@pytest.fixture
async def town(kernel: Kernel, tmp_path: Path) -> Town:
    """A platform with an empty log, two members and two witnesses."""
    return await found(kernel, tmp_path)


async def break_writes(database: Database, table: str, operations: str, when: str) -> None:
    """Let the database fail each such write, before or after it was made."""

    async def use_case(db: Connection) -> None:
        await db.execute(
            "CREATE FUNCTION fail_write() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'crash'; END $$"
        )
        await db.execute(
            f"CREATE TRIGGER crash {when} {operations} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION fail_write()"
        )

    await database.run(use_case)


async def mend_writes(database: Database) -> None:
    await database.run(lambda db: db.execute("DROP FUNCTION fail_write CASCADE"))


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
@pytest.mark.parametrize(("table", "operations"), WRITES)
async def test_a_crash_at_any_write_leaves_one_history_that_goes_on(
    town: Town, table: str, operations: str, when: str
) -> None:
    database = town.kernel.database
    for _ in range(3):
        await town.run()
    await town.evidence.catch_up()
    for _ in range(5):
        await town.run()
    await break_writes(database, table, operations, when)
    for _ in range(3):
        with pytest.raises(asyncpg.RaiseError):
            await town.evidence.catch_up()
        await check_log(database)
    await mend_writes(database)
    await town.evidence.catch_up()
    assert await check_log(database) == 8
    verdict = verify_bundle(await town.export(), await town.trust())
    assert verdict.ok, verdict.failures


async def test_connections_cut_at_random_leave_one_history(town: Town, database_url: str) -> None:
    luck = random.Random(SEED)
    print(f"seed {SEED}")
    database = town.kernel.database
    killer = await asyncpg.connect(database_url)
    is_over, has_run = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        while not is_over.is_set():
            try:
                await town.run()
                has_run.set()
                await town.evidence.catch_up()
            except (
                # InternalClientError: asyncpg's own state after the server cut it off mid-protocol.
                asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError,
            ):  # fmt: skip
                await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    try:
        for _ in range(25):
            await asyncio.sleep(luck.uniform(0.002, 0.04))
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await has_run.wait()
    finally:
        is_over.set()
        await asyncio.gather(*tasks)
        await killer.close()
    await town.evidence.catch_up()
    assert await check_log(database) > 0
    assert verify_bundle(await town.export(), await town.trust()).ok


async def has_grown(database: Database) -> bool:
    return await check_log(database) > 0


async def test_a_process_killed_while_integrating_leaves_one_history(
    town: Town, database_url: str, tmp_path: Path
) -> None:
    luck = random.Random(SEED)
    print(f"seed {SEED}")
    child = Path(__file__).parent / "integrating_process.py"
    sizes: list[int] = []
    for _ in range(5):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(child), database_url, str(tmp_path / "keys"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"working\n"
        if sizes and sizes[-1] == 0:
            # Starting took the machine longer than the pauses before.
            await until(partial(has_grown, town.kernel.database))
        await asyncio.sleep(luck.uniform(0.05, 0.6))
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        sizes.append(await check_log(town.kernel.database))
    assert sizes == sorted(sizes)
    assert sizes[-1] > 0
    await town.run()
    await town.evidence.catch_up()
    assert verify_bundle(await town.export(), await town.trust()).ok
