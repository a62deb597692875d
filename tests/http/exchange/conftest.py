"""The town of the exchange tests, for every folder that has a conftest importing it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from tests.databases import Databases
from tests.http.exchange.town import Town, found


@pytest.fixture
async def world_database(databases: Databases) -> AsyncIterator[Database]:
    """A database for the world: the platform's cannot be reached through it."""
    async with databases.fresh() as url:
        opened = await Database.open(url, pool_size_max=6)
        yield opened
        await opened.close()


@pytest.fixture
async def town(kernel: Kernel, world_database: Database, tmp_path: Path) -> Town:
    """The platform, the providers and one company."""
    return await found(kernel, world_database, tmp_path)
