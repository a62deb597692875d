"""The server's keys change with the clock, and nobody is refused because of it."""

from __future__ import annotations

from typing import Any

from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Key, key_from_jwk, read_unverified, verify_jws
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient


async def published(city: City) -> list[Key]:
    """The keys at jwks_uri."""
    async with city.http() as http:
        answer = await http.get("/identity/jwks")
    keys = [key_from_jwk(jwk) for jwk in answer.json()["keys"]]
    return [key for key in keys if not isinstance(key, Refused)]


async def id_token(client: TestClient) -> str:
    """A fresh id_token."""
    answer = await client.redeem(await client.code())
    return str(answer.json()["id_token"])


def holds(token: str, keys: list[Key]) -> bool:
    """Whether one of the keys signed a token."""
    return not isinstance(verify_jws(token, keys, typ="JWT"), Refused)


def kid_of(token: str) -> Any:
    """The key that a token says signed it."""
    seen = read_unverified(token)
    assert not isinstance(seen, Refused), seen
    return seen.header["kid"]


async def test_who_fetched_the_keys_long_before_can_check_after_a_change(
    city: City, client: TestClient
) -> None:
    life_s = city.kernel.settings.signing_key_life_s
    cached = await published(city)
    before = await id_token(client)
    city.wire_clock.advance(seconds=life_s)
    after = await id_token(client)
    assert kid_of(before) != kid_of(after)
    assert holds(after, cached), "the next key was published a whole window before"
    assert holds(before, await published(city)), "the last one still is"


async def test_one_key_signs_for_the_whole_of_its_window(city: City, client: TestClient) -> None:
    life_s = city.kernel.settings.signing_key_life_s
    city.wire_clock.advance(seconds=life_s - city.wire_clock.now_s() % life_s)
    first = await id_token(client)
    city.wire_clock.advance(seconds=life_s - 60)
    assert kid_of(await id_token(client)) == kid_of(first)


async def test_a_key_is_gone_two_windows_later(city: City, client: TestClient) -> None:
    old = await id_token(client)
    city.wire_clock.advance(seconds=2 * city.kernel.settings.signing_key_life_s)
    assert not holds(old, await published(city))


async def test_the_published_keys_are_public_and_say_what_they_are_for(city: City) -> None:
    async with city.http() as http:
        keys = (await http.get("/identity/jwks")).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 2
    for key in keys:
        assert "d" not in key and key["use"] == "sig" and key["alg"] == "ES256"
