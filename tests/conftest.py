"""Fixtures of every test: a real PostgreSQL, fresh databases, fake clocks, an in-process network.

One server per test run (shared by the parallel workers), one migrated template per server, one
database per test that equals the template (see tests.databases). Seeds are printed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop

from lionrock.kernel import log
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from tests.databases import Databases
from tests.put_away import Places

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
START = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]


def pytest_report_header() -> str:
    return f"seed: {SEED} (set LIONROCK_TEST_SEED to repeat another run)"


def pytest_configure() -> None:
    log.configure("warning", log_format="text")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that every process of a city runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def no_power_cuts() -> Iterator[None]:
    """Key files of this process are not waited for on the disk, as PostgreSQL's are not.

    A sync takes 7 ms here and a city makes a dozen keys. Processes that tests start keep theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public schemas and others' test suites, beside the checkout."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.fail("the shared test data (../shared beside the checkout) is absent; "
                    "tests that compare with public schemas need it")
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """The socket folder of the test run's server, which ends with the run (see tests.server)."""
    root, run_pid = tmp_path_factory.getbasetemp(), os.getpid()
    if worker_id != "master":
        root, run_pid = root.parent, os.getppid()
    state = root / "postgres-socket"
    with FileLock(root / "postgres.lock"):
        if not state.exists():
            state.write_text(_start_server(run_pid))
    return state.read_text()


def _start_server(run_pid: int) -> str:
    directory = Path(tempfile.mkdtemp(prefix="lrt-"))
    directory.chmod(0o755)
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.server", str(directory), str(run_pid)],
        cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert holder.stdout is not None, "it is a pipe"
    socket = holder.stdout.readline().strip()
    if not socket:
        pytest.fail("the PostgreSQL server of the test run did not start; see above")
    return socket


class FileLock:
    """Between the workers of one run: who has it goes on, the others wait."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._handle = self._path.open("w")
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._handle.close()


@pytest.fixture(scope="session")
def databases(postgres_server: str, worker_id: str) -> Databases:
    """Where databases come from: `async with databases.fresh() as url`."""
    return Databases(postgres_server, f"test_{worker_id}_{os.getpid()}")


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """Address of a migrated database that holds what a fresh one does."""
    async with databases.fresh() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database."""
    opened = await Database.open(database_url, pool_size_max=8)
    yield opened
    await opened.close()


@pytest.fixture
def wire_clock() -> FrozenClock:
    """The wire clock of the test, standing still at 20 February 2026, 09:00 UTC."""
    return FrozenClock(START)


@pytest.fixture
def business_clock() -> FrozenClock:
    """The business clock of the test, standing still at the same instant."""
    return FrozenClock(START)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """An empty in-process network; plug in with `network.applications[origin] = app`."""
    opened = Network(applications={})
    yield opened
    await opened.close()


@pytest.fixture
def key_store(tmp_path: Path) -> KeyStore:
    """A fresh key store."""
    # The cost is for attackers of stolen files; a new store per test need not pay it.
    return KeyStore(tmp_path / "keys", "test passphrase", scrypt_cost=2**4)


@pytest.fixture
def places(kernel: Kernel, database_url: str, databases: Databases, tmp_path: Path) -> Places:
    """Where a city of one database stands, with the keys of the platform and of its world."""
    return Places(
        databases=databases, kernel=kernel, urls=(database_url,),
        folders=(tmp_path / "keys", tmp_path / "world-keys"), ids=(kernel.ids,),
    )


@pytest.fixture
async def kernel(
    database: Database,
    wire_clock: FrozenClock,
    business_clock: FrozenClock,
    network: Network,
    key_store: KeyStore,
    tmp_path: Path,
) -> Kernel:
    """A kernel with that database, frozen clocks, seeded ids and the in-process network."""
    settings = Settings(
        data_directory=str(tmp_path), public_url="http://platform.test",
        world_url="http://world.test", allow_private_targets=True,
        answer_least_ms=0,
    )
    return Kernel(
        settings=settings, database=database, wire_clock=wire_clock,
        business_clock=business_clock, ids=Ids(wire_clock, seed=SEED), key_store=key_store,
        network=network,
    )
