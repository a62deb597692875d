"""The city of the identity tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from lionrock.kernel.context import Kernel
from tests.http.identity.city import City, found
from tests.http.identity.clients import TestClient, new_client


@pytest.fixture
async def city(kernel: Kernel, tmp_path: Path) -> City:
    """Three people with phones, a company, a service."""
    return await found(kernel, tmp_path)


@pytest.fixture
async def client(city: City) -> TestClient:
    """A registered client."""
    return await new_client(city)
