"""A city whose front also serves the ledger's routes, and an operator's client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lionrock.identity import api as identity_api
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from lionrock.kernel.http import build_application
from lionrock.ledger.api import LedgerClient, LedgerReader, in_process, table
from tests.http.identity.city import ISSUER, City, founded
from tests.http.identity.clients import TestClient
from tests.put_away import Places


@pytest.fixture
async def city(kernel: Kernel, tmp_path: Path, places: Places) -> City:
    """The identity tests' city, with the ledger's table beside identity's."""
    city = await founded(kernel, tmp_path, places)
    reader = LedgerReader(kernel.database)
    city.application = build_application(
        kernel, [identity_api.table(city.identity), table(reader, city.identity)])
    kernel.network.applications[ISSUER] = city.application
    ada = city.people["ada"].id
    granted = await kernel.database.run(
        lambda db: city.identity.grant_staff_role(db, ada, "operator"))
    assert not isinstance(granted, Refused), granted
    return city


@pytest.fixture
async def client(city: City) -> TestClient:
    """A client that may ask for the scope `staff`."""
    client = TestClient(city, "operations")
    registration = replace(
        client.registration(), scopes=frozenset({"openid", "profile", "staff"}))
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, registration))
    assert not isinstance(registered, Refused), registered
    return client


@pytest.fixture
async def ledger(kernel: Kernel) -> AsyncIterator[LedgerClient]:
    """A ledger in this process, its projection running."""
    async with in_process(kernel.database, kernel.business_clock) as client:
        yield client
