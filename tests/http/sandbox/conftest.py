"""The city of the identity tests, with a client that may name who is to sign in."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refused
from tests.http.identity.city import City, founded
from tests.http.identity.clients import TestClient, new_client
from tests.put_away import Places


@pytest.fixture
async def city(kernel: Kernel, tmp_path: Path, places: Places) -> City:
    """Three people with phones, a company, a service."""
    return await founded(kernel, tmp_path, places)


@pytest.fixture
async def hinting(city: City) -> TestClient:
    """A client whose policy lets it hint who signs in."""
    client = await new_client(city, "hinting-client")
    allowed = msgspec.structs.replace(
        client.registration(), policy=ClientPolicy(may_hint_login=True)
    )
    replaced = await city.kernel.database.run(lambda db: city.identity.clients.replace(db, allowed))
    assert not isinstance(replaced, Refused), replaced
    return client
