"""One attacker who would like to count as many, and who has us call others for nothing."""

from __future__ import annotations

import dataclasses

import httpx
import msgspec
import pytest

from tests.attack.identity.test_jwks_uri import ADDRESS, KeyHost
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient
from tests.http.identity.registrations import good_metadata, manage, register


def ration(city: City, limit: int) -> None:
    """A source may register that often in an hour from now on."""
    settings = msgspec.structs.replace(city.kernel.settings, limit_registrations=limit)
    city.identity.registrations._kernel = dataclasses.replace(city.kernel, settings=settings)


async def register_from(city: City, address: str) -> int:
    """Register as somebody at an address."""
    transport = httpx.ASGITransport(city.application, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
        answer = await http.post("/identity/register", json=good_metadata(TestClient(city)))
    return answer.status_code


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", 429),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", 201),
        ("::ffff:192.0.2.1", "192.0.2.1", 429),
        ("192.0.2.1", "192.0.2.2", 201),
    ],
)
async def test_a_subscriber_s_many_addresses_are_one_source(
    city: City, first: str, second: str, expected: int
) -> None:
    ration(city, 1)
    assert await register_from(city, first) == 201
    assert await register_from(city, second) == expected


async def test_changes_that_make_us_call_out_are_rationed_like_registrations(city: City) -> None:
    host = KeyHost(city)
    client = TestClient(city)
    host.keys = [client.key.public_jwk]
    metadata = good_metadata(client, jwks=None, jwks_uri=ADDRESS)
    mine = (await register(city, metadata)).json()
    asked = host.asked
    ration(city, 3)
    host.keys = []
    changed = metadata | {"client_id": mine["client_id"]}
    answers = [(await manage(city, "PUT", mine, changed)).status_code for _ in range(4)]
    assert answers == [400, 400, 429, 429]
    assert host.asked == asked + 2
