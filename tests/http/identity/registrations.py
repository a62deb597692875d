"""Clients that register themselves, for the tests of registration."""

from __future__ import annotations

from typing import Any

import httpx

from lionrock.kernel.jose import generate_key
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.clients import TestClient, without_none


def good_metadata(client: TestClient, **changes: Any) -> dict[str, Any]:
    """Metadata that is accepted; a change to None leaves the member out."""
    metadata: dict[str, Any] = {
        "client_name": "Tea House", "redirect_uris": [REDIRECT],
        "jwks": {"keys": [client.key.public_jwk]}, "scope": "openid profile company",
    }  # fmt: skip
    return without_none(metadata | changes)


async def register(
    city: City, metadata: Any, token: str | None = None, **kwargs: Any
) -> httpx.Response:
    """Post metadata to the registration endpoint."""
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    async with city.http() as http:
        return await http.post(
            "/identity/register", json=metadata, headers=headers | kwargs.pop("headers", {})
        )


async def registered(city: City, **changes: Any) -> tuple[TestClient, dict[str, Any]]:
    """Register a client; returns it, ready to use, and the answer."""
    client = TestClient(city, "unnamed", generate_key())
    answer = await register(city, good_metadata(client, **changes))
    assert answer.status_code == 201, answer.text
    client.client_id = answer.json()["client_id"]
    return client, answer.json()


async def manage(
    city: City, method: str, registration: dict[str, Any], body: Any = None, **headers: str
) -> httpx.Response:
    """Call a registration's own address with its token."""
    sent = {"authorization": f"Bearer {registration['registration_access_token']}"} | headers
    async with city.http() as http:
        return await http.request(
            method, registration["registration_client_uri"], json=body, headers=sent
        ) if body is not None else await http.request(
            method, registration["registration_client_uri"], headers=sent
        )
