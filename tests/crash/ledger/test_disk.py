"""A full disk and an fsync that fails under the ledger: nobody is told what did not last.

The full disk is a small tmpfs that a ballast file fills. The failing fsync is a file system that
promises more than the disk below it has: a write is accepted into memory, and writing it out fails,
so that PostgreSQL's fsync gets an error, which it must treat as a crash (it panics and recovers).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lionrock.app.migrations import all_migrations
from lionrock.kernel.db import Connection, Database, migrate
from lionrock.kernel.postgres import EmbeddedPostgres
from lionrock.ledger.api import connect
from tests.crash.journey.harness import GONE
from tests.crash.journey.test_database_and_disk import fill
from tests.crash.ledger.servers import LedgerProcess, durable_server, relaunch
from tests.crash.ledger.test_kill import CALLERS, Load, check, open_accounts

pytestmark = pytest.mark.city

SMALL_MIB = 320
PROMISED_MIB = 600


def mount(*words: str) -> None:
    """Mount something, or skip where that is not permitted."""
    result = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {result.stderr.strip()}")


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A tmpfs of its own; yields its mount point."""
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    folder = Path(tempfile.mkdtemp(prefix="lrd-"))
    folder.chmod(0o755)
    mount("-t", "tmpfs", "-o", f"size={SMALL_MIB}m,mode=0755", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


@contextlib.contextmanager
def promising_disk(below: Path) -> Iterator[Path]:
    """A file system on a sparse file of that disk, with more room than the disk has."""
    image, folder = below / "image", below / "mounted"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(PROMISED_MIB << 20)
    subprocess.run(["mkfs.ext2", "-q", "-F", str(image)], check=True)
    mount("-o", "loop,errors=continue", str(image), str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


async def live_through(server: EmbeddedPostgres, below: Path, log: Path) -> None:
    """Load, a disk that fills, room again; nothing acknowledged is lost and nothing is doubled."""
    url = server.url("postgres")
    first = await Database.open(url, pool_size_max=2)
    await migrate(first, all_migrations())
    await first.close()
    process = LedgerProcess(url, str(log.parent / "l.sock"), log)
    process.start()
    client = connect(str(log.parent / "l.sock"), timeout_ms=120_000)
    await open_accounts(client)
    load = Load(client)
    callers = asyncio.gather(*(load.call(number) for number in range(CALLERS)))
    await load.get_somewhere(callers)
    ballast = fill(below)
    await make_it_write(url)
    stuck = len(load.acknowledged)
    await asyncio.sleep(0.5)
    ballast.unlink()
    if not server.alive():
        await relaunch(server)
    await go_on(process, load, callers, stuck)
    await client.close()
    process.end()
    database = await Database.open(url, pool_size_max=2)
    await check(database, load)
    await database.close()


async def make_it_write(url: str) -> None:
    """Have the server need room at once: a new segment of the log, and all its pages on disk."""
    for statement in ("SELECT pg_switch_wal()", "CHECKPOINT", "SELECT pg_switch_wal()"):
        with contextlib.suppress(*GONE, TimeoutError):
            async with asyncio.timeout(10):
                database = await Database.open(url, pool_size_max=1)
                await database.read(partial(_execute, statement=statement))
                await database.close()


async def _execute(db: Connection, statement: str) -> None:
    await db.execute(statement)


async def go_on(
    process: LedgerProcess, load: Load, callers: asyncio.Future[list[None]], stuck: int
) -> None:
    """Wait until callers are answered again, the ledger being started again if it ended."""
    async with asyncio.timeout(120):
        while len(load.acknowledged) < stuck + 50:
            if not process.is_alive():
                process.start()
            await asyncio.sleep(0.1)
    load.is_over = True
    await callers


@pytest.mark.timeout(400)
async def test_a_full_disk_under_the_ledger_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with small_disk() as disk, durable_server(disk) as server:
        await live_through(server, disk, tmp_path / "log")


@pytest.mark.timeout(400)
async def test_an_fsync_that_fails_under_the_ledger_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    with small_disk() as disk, promising_disk(disk) as folder, durable_server(folder) as server:
        await live_through(server, disk, tmp_path / "log")
        said = (folder / "postgres.log").read_text(errors="replace")
        assert "could not fsync" in said or "Input/output error" in said, said[-2_000:]
