"""The payments city of tests/unit/payments/city.py, and a front in it that drives payments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.unit.payments.city import PaymentsCity, city, world_database, world_database_url

__all__ = ["city", "here", "world_database", "world_database_url"]


@pytest.fixture
async def here(city: PaymentsCity) -> AsyncIterator[asyncio.Task[None]]:
    """The loop of a process that serves messages."""
    task = asyncio.create_task(city.payments.here.run_for_ever())
    await asyncio.sleep(0)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
