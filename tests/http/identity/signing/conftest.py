"""The city of the identity tests with its signing room served."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import httpx
import pytest

from lionrock.identity import api
from lionrock.identity.api import Signing
from lionrock.kernel.context import Kernel
from lionrock.kernel.http import build_application
from tests.http.identity.city import ISSUER, City, founded
from tests.put_away import Places


@dataclasses.dataclass
class SigningCity:
    """A city, its signing service, and an application that serves both."""

    city: City
    signing: Signing
    application: Any

    def http(self) -> httpx.AsyncClient:
        """A raw HTTP client of the platform."""
        transport = httpx.ASGITransport(self.application, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)


def with_signing(city: City) -> SigningCity:
    """Serve the signing room beside identity's own routes."""
    signing = Signing(city.kernel, city.identity, city.identity)
    application = build_application(
        city.kernel, [api.table(city.identity), api.signing_table(signing, city.identity)]
    )
    city.application = application
    city.kernel.network.applications[ISSUER] = application
    return SigningCity(city, signing, application)


@pytest.fixture
async def signing_city(kernel: Kernel, tmp_path: Path, places: Places) -> SigningCity:
    """Three people with phones, a company, a service, and signing."""
    return with_signing(await founded(kernel, tmp_path, places))
