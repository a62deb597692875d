"""The town of the exchange tests, for every folder that has a conftest importing it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from tests.http.exchange.town import Town, found


@pytest.fixture
async def world_database(
    postgres_server: str, worker_id: str, database: Database
) -> AsyncIterator[Database]:
    """An empty database for the world: the platform's cannot be reached through it."""
    name = f"world_{worker_id}_{os.getpid()}_{id(database)}"
    admin = await asyncpg.connect(f"postgresql://lionrock@/postgres?host={postgres_server}")
    try:
        await admin.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        opened = await Database.open(
            f"postgresql://lionrock@/{name}?host={postgres_server}", pool_size_max=6
        )
        yield opened
        await opened.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def town(kernel: Kernel, world_database: Database, tmp_path: Path) -> Town:
    """The platform, the providers and one company."""
    return await found(kernel, world_database, tmp_path)
