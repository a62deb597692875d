"""Fixtures of every test: a real PostgreSQL, fresh databases, fake clocks, an in-process network.

One server per test run (shared by the parallel workers), one migrated template per server, one
database per test, dropped after. Seeds are printed.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from lionrock.app.migrations import all_migrations, world_migrations
from lionrock.kernel import log
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database, migrate
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from lionrock.kernel.postgres import EmbeddedPostgres

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
START = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def pytest_report_header() -> str:
    return f"seed: {SEED} (set LIONROCK_TEST_SEED to repeat another run)"


def pytest_configure() -> None:
    log.configure("warning", log_format="text")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public schemas and others' test suites, beside the checkout."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.fail("the shared test data (../shared beside the checkout) is absent; "
                    "tests that compare with public schemas need it")
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """Address prefix of the test run's server; the first worker starts it, the last stops it."""
    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        root = root.parent
    with _shared_server(root) as socket_directory:
        yield socket_directory


class _shared_server:  # noqa: N801 - reads as a function
    """A server counted by its users across processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._state = root / "postgres-users.json"

    def __enter__(self) -> str:
        with self._locked():
            state = json.loads(self._state.read_text()) if self._state.exists() else {}
            if not state.get("users"):
                state = self._start()
            state["users"] += 1
            self._state.write_text(json.dumps(state))
            return str(state["socket"])

    def __exit__(self, *_: object) -> None:
        with self._locked():
            state = json.loads(self._state.read_text())
            state["users"] -= 1
            self._state.write_text(json.dumps(state))
            if state["users"] == 0:
                subprocess.run(["kill", "-INT", str(state["pid"])], check=False)
                shutil.rmtree(state["directory"], ignore_errors=True)

    def _start(self) -> dict[str, object]:
        import tempfile

        directory = Path(tempfile.mkdtemp(prefix="lrt-"))
        directory.chmod(0o755)
        server = EmbeddedPostgres(directory, durable=False)
        server.start()
        url = server.url("postgres")
        asyncio.run(_make_template(url))
        return {"users": 0, "pid": server.pid, "socket": str(server.socket_directory),
                "directory": str(directory)}

    def _locked(self) -> _FileLock:
        return _FileLock(self._root / "postgres.lock")


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._handle = self._path.open("w")
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._handle.close()


async def _make_template(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE template_city")
    await connection.close()
    database = await Database.open(url.replace("/postgres?", "/template_city?"), pool_size_max=2)
    await migrate(database, [*all_migrations(), *world_migrations()])
    await database.close()


@pytest.fixture
async def database_url(postgres_server: str, worker_id: str) -> AsyncIterator[str]:
    """Address of a fresh migrated database, dropped after the test."""
    name = f"test_{worker_id}_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(f"postgresql://lionrock@/postgres?host={postgres_server}")
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template_city STRATEGY FILE_COPY")
        yield f"postgresql://lionrock@/{name}?host={postgres_server}"
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


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
    )
    return Kernel(
        settings=settings, database=database, wire_clock=wire_clock,
        business_clock=business_clock, ids=Ids(wire_clock, seed=SEED), key_store=key_store,
        network=network,
    )
