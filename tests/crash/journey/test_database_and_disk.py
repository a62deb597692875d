"""A database killed under load and a full disk: clear answers, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from lionrock.app.supervisor import City
from lionrock.kernel.network import Network
from tests.crash.journey.harness import (
    GONE,
    Supervision,
    Watched,
    city_folder,
    settings_in,
    until,
)
from tests.crash.journey.proxies import ANSWER_KEPT, Registering

pytestmark = pytest.mark.city

DATABASE_GONE = "503 kernel.database_unavailable"
DISK_FULL = "507 kernel.disk_full"
WRITERS_COUNT = 4
DISK_MIB = 420
WRITES_MAX = 2_000


@pytest.mark.timeout(300)
async def test_a_database_killed_under_load_answers_503_and_loses_nothing_acknowledged() -> None:
    with city_folder() as folder, City(settings_in(folder / "city")) as city, Supervision(city):
        network = Network(allow_private=True, ports=None)
        registering, platform = Registering(city.settings, network), Watched(
            city.settings.database_url)
        stored_before = await registering.stored(platform)
        front_before = city.child("front").pid
        stopping = asyncio.Event()

        async def write() -> None:
            while not stopping.is_set():
                await registering.once()

        writers = [asyncio.create_task(write()) for _ in range(WRITERS_COUNT)]
        for _ in range(3):
            await registering.until_kept(5)
            assert city.postgres is not None and city.postgres.pid is not None
            os.kill(city.postgres.pid, signal.SIGKILL)
            seen = registering.answers[DATABASE_GONE]

            async def is_answered(before: int = seen) -> bool:
                return registering.answers[DATABASE_GONE] > before

            await until("the fronts say that the database is gone", is_answered)
        await registering.until_kept(5)
        stopping.set()
        await asyncio.gather(*writers)
        print(dict(registering.answers))
        assert set(registering.answers) <= {ANSWER_KEPT, DATABASE_GONE}, registering.answers
        # A commit whose answer was lost may be there as well: never fewer than acknowledged.
        assert await registering.stored(platform) - stored_before >= registering.kept
        assert city.child("front").pid == front_before, "the front was not restarted"
        await platform.close()
        await network.close()


@contextlib.contextmanager
def small_disk(mount_point: Path) -> Iterator[None]:
    """A disk of its own for a folder; skips where mounting is not permitted."""
    if os.geteuid() != 0:
        pytest.skip("a small disk can only be mounted by root")
    mount_point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "tmpfs",
               str(mount_point)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if result.returncode != 0:
        pytest.skip(f"mounting a small disk is not permitted here: {result.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(mount_point)], check=False)


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to the last byte; returns the file to remove."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                write_for_ever(ballast, size)
    return file


def write_for_ever(file: FileIO, size: int) -> None:
    """Write blocks until the disk refuses one (OSError)."""
    while True:
        file.write(b"\0" * size)


@pytest.mark.timeout(300)
async def test_a_full_disk_is_answered_clearly_and_loses_nothing_acknowledged() -> None:
    with (
        city_folder() as folder, small_disk(folder / "city"),
        City(settings_in(folder / "city")) as city, Supervision(city),
    ):
        network = Network(allow_private=True, ports=None)
        registering = Registering(city.settings, network)
        platform = Watched(city.settings.database_url)
        stored_before = await registering.stored(platform)
        await registering.until_kept(5)
        ballast = fill(folder / "city")
        await refused_with(registering, DISK_FULL)
        # The next write-ahead segment cannot be made either: the server itself goes down.
        with contextlib.suppress(*GONE):
            await platform.value("SELECT pg_switch_wal()::text")
        await refused_with(registering, DATABASE_GONE, DISK_FULL)
        ballast.unlink()
        await registering.until_kept(20)
        print(dict(registering.answers))
        assert set(registering.answers) <= {ANSWER_KEPT, DATABASE_GONE, DISK_FULL}
        assert await registering.stored(platform) - stored_before >= registering.kept
        await platform.close()
        await network.close()


async def refused_with(registering: Registering, *answers: str) -> None:
    """Write until one of these answers comes."""
    for _ in range(WRITES_MAX):
        if await registering.once() in answers:
            return
    raise AssertionError(f"none of {answers} came: {registering.answers}")
