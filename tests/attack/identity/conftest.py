"""The city of the identity attacks: a fresh one, or one that lasts for a module.

Attacks that leave nothing behind share the town (`town`, `caller`, marked `LASTING`), so
that hundreds of them do not make hundreds of databases. Nobody moves its clocks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.config import Settings
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.ids import Ids
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.network import Network
from tests.conftest import SEED, START
from tests.databases import Databases
from tests.http.identity.city import City, found, founded
from tests.http.identity.clients import TestClient, new_client
from tests.put_away import Places


@pytest.fixture
async def city(kernel: Kernel, tmp_path: Path, places: Places) -> City:
    """Three people with phones, a company, a service."""
    return await founded(kernel, tmp_path, places)


@pytest.fixture
async def client(city: City) -> TestClient:
    """A registered client."""
    return await new_client(city)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[City]:
    """A city for all attacks of a module; its clocks stand still."""
    folder = tmp_path_factory.mktemp("lasting")
    wire_clock, network = FrozenClock(START), Network(applications={})
    async with databases.fresh() as url:
        database = await Database.open(url)
        kernel = Kernel(
            settings=Settings(
                data_directory=str(folder), public_url="http://platform.test",
                world_url="http://world.test", allow_private_targets=True,
                answer_least_ms=0,
            ),
            database=database, wire_clock=wire_clock, business_clock=FrozenClock(START),
            ids=Ids(wire_clock, seed=SEED), network=network,
            key_store=KeyStore(folder / "keys", "test passphrase", scrypt_cost=2**4),
        )  # fmt: skip
        try:
            yield await found(kernel, folder)
        finally:
            await network.close()
            await database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(town: City) -> TestClient:
    """A client of the lasting city."""
    return await new_client(town)
