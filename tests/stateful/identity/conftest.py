"""The city of the identity tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from lionrock.kernel.context import Kernel
from tests.http.identity.city import City, founded
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
