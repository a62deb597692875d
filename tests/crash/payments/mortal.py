"""The payments city whose platform and banks die where a tripwire says."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.keys import KeyStore
from lionrock.ledger.client import in_process
from tests.unit.payments.city import PaymentsCity, build_city, world_context
from tests.unit.payments.faults import (
    TrippingDatabase,
    TrippingLedger,
    TrippingNetwork,
    Tripwire,
)


@pytest.fixture
def wire() -> Tripwire:
    """The tripwire of the test."""
    return Tripwire()


@pytest.fixture
async def mortal_city(
    kernel: Kernel, wire_clock: FrozenClock, world_database: Database, tmp_path: Path,
    wire: Tripwire,
) -> AsyncIterator[PaymentsCity]:
    """A city whose platform and banks die where the tripwire says."""
    database = TrippingDatabase(world_database, wire, "bank")
    async for founded in _found(kernel, wire_clock, database, tmp_path, wire):
        yield founded


@pytest.fixture
async def mortal_platform(
    kernel: Kernel, wire_clock: FrozenClock, world_database: Database, tmp_path: Path,
    wire: Tripwire,
) -> AsyncIterator[PaymentsCity]:
    """A city whose platform dies where the tripwire says; of its banks the network may fail."""
    async for founded in _found(kernel, wire_clock, world_database, tmp_path, wire):
        yield founded


async def _found(
    kernel: Kernel, wire_clock: FrozenClock, banks: Database, tmp_path: Path, wire: Tripwire
) -> AsyncIterator[PaymentsCity]:
    mortal = dataclasses.replace(
        kernel, database=TrippingDatabase(kernel.database, wire, "platform"),
        network=TrippingNetwork(wire, "platform"),
    )
    keys = KeyStore(tmp_path / "world-keys", "world", scrypt_cost=2**4)
    context = world_context(mortal, wire_clock, banks, keys, TrippingNetwork(wire, "bank"))
    async with in_process(kernel.database, kernel.business_clock) as ledger:
        yield await build_city(mortal, wire_clock, TrippingLedger(ledger, wire), context)
    await mortal.network.close()
    await context.network.close()
