"""Refresh tokens keep a service signed in, rotate, and forgive an answer that got lost."""

from __future__ import annotations

import pytest

from lionrock.identity.api import ClientPolicy, start
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import Unverified, generate_key, read_unverified
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.keepers import POLICY, Keeper, new_keeper, refresh, signed_in


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client whose policy has refresh tokens."""
    return await new_keeper(city)



@pytest.mark.behaviour("refresh-token")
async def test_refresh_gives_a_new_access_token_a_new_refresh_token_and_the_same_subject(
    keeper: TestClient,
) -> None:
    first = await signed_in(keeper)
    keeper.city.wire_clock.advance(seconds=1)
    answer = await refresh(keeper, first["refresh_token"])
    second = answer.json()
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["token_type"] == "DPoP"
    assert second["scope"] == first["scope"]
    before, after = (read_unverified(each["id_token"]) for each in (first, second))
    assert isinstance(before, Unverified)
    assert isinstance(after, Unverified)
    for name in ("iss", "sub", "aud", "auth_time", "acr"):
        assert before.claims[name] == after.claims[name]
    assert "nonce" not in after.claims
    for token in (first["access_token"], second["access_token"]):
        assert (await keeper.get(token)).status_code == 200


async def test_client_without_the_grant_type_gets_and_uses_no_refresh_token(
    city: City, client: TestClient, keeper: TestClient
) -> None:
    assert "refresh_token" not in await signed_in(client)
    token = (await signed_in(keeper))["refresh_token"]
    answer = await refresh(client, token)
    assert answer.json()["error"] == "unauthorized_client"
    assert error_code(answer) == "identity.grant_type_not_allowed"


async def test_lost_answer_is_asked_again_with_the_token_before_and_gives_the_same_successor(
    keeper: TestClient,
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    lost = (await refresh(keeper, token)).json()
    again = await refresh(keeper, token)
    assert again.status_code == 200
    assert again.json()["refresh_token"] == lost["refresh_token"]
    assert (await refresh(keeper, lost["refresh_token"])).status_code == 200


async def test_refresh_token_used_after_its_successor_costs_the_grant(
    city: City, keeper: TestClient
) -> None:
    first = await signed_in(keeper)
    second = (await refresh(keeper, first["refresh_token"])).json()
    third = (await refresh(keeper, second["refresh_token"])).json()
    reused = await refresh(keeper, first["refresh_token"])
    assert reused.json()["error"] == "invalid_grant"
    assert error_code(reused) == "identity.refresh_reused"
    for token in (first, second, third):
        assert (await keeper.get(token["access_token"])).status_code == 401
    dead = await refresh(keeper, third["refresh_token"])
    assert error_code(dead) == "identity.refresh_unknown"
    told = [e["payload"] for e in await city.events() if e["topic"] == "identity.grant_revoked"]
    assert told == [{"grant_id": first["grant_id"], "consent_ids": [], "by": "refresh_reuse"}]


async def test_rotation_keeps_one_row_for_ever(city: City, keeper: TestClient) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    for _ in range(5):
        token = (await refresh(keeper, token)).json()["refresh_token"]

    async def count(db: Connection) -> tuple[int, int]:
        row = await db.fetchrow(
            "SELECT count(*) AS families, max(generation) AS newest FROM identity.refresh_families"
        )
        return row["families"], row["newest"]

    assert await city.kernel.database.run(count) == (1, 6)


async def test_scope_is_narrowed_for_one_token_and_whole_again_for_the_next(
    keeper: TestClient,
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    narrow = (await refresh(keeper, token, scope="profile")).json()
    assert narrow["scope"] == "profile"
    assert "id_token" not in narrow
    whole = (await refresh(keeper, narrow["refresh_token"])).json()
    assert whole["scope"] == "openid profile company"


async def test_scope_is_never_widened(keeper: TestClient) -> None:
    token = (await signed_in(keeper, scope="openid profile"))["refresh_token"]
    for scope in ("openid profile company", "contact", "staff", "no-such"):
        answer = await refresh(keeper, token, scope=scope)
        assert answer.json()["error"] == "invalid_scope"
    assert (await refresh(keeper, token)).status_code == 200


async def test_another_key_may_refresh_and_the_new_token_is_bound_to_it(
    keeper: TestClient,
) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    keeper.dpop_key = generate_key()
    answer = await refresh(keeper, token)
    assert answer.status_code == 200, answer.text
    assert (await keeper.get(answer.json()["access_token"])).status_code == 200
    keeper.dpop_key = generate_key()
    assert (await keeper.get(answer.json()["access_token"])).status_code == 401


async def test_policy_may_bind_the_refresh_token_to_the_key_of_the_sign_in(city: City) -> None:
    bound = ClientPolicy(grant_types=POLICY.grant_types, refresh_is_key_bound=True)
    client = await new_client(city, "bound", bound)
    token = (await signed_in(client))["refresh_token"]
    first_key, client.dpop_key = client.dpop_key, generate_key()
    refused = await refresh(client, token)
    assert refused.json()["error"] == "invalid_grant"
    assert error_code(refused) == "identity.dpop_key_mismatch"
    client.dpop_key = first_key
    assert (await refresh(client, token)).status_code == 200


async def test_refresh_token_that_rests_too_long_ends(city: City, keeper: TestClient) -> None:
    idle_s = city.kernel.settings.refresh_idle_s
    token = (await signed_in(keeper))["refresh_token"]
    city.wire_clock.advance(seconds=idle_s - 1)
    token = (await refresh(keeper, token)).json()["refresh_token"]
    city.wire_clock.advance(seconds=idle_s)
    answer = await refresh(keeper, token)
    assert answer.json()["error"] == "invalid_grant"
    assert error_code(answer) == "identity.refresh_expired"


async def test_refresh_token_ends_with_its_absolute_life_however_often_it_is_used(
    city: City, keeper: TestClient
) -> None:
    settings = city.kernel.settings
    token, passed = (await signed_in(keeper))["refresh_token"], 0
    while passed + settings.refresh_idle_s - 1 < settings.refresh_life_s:
        city.wire_clock.advance(seconds=settings.refresh_idle_s - 1)
        passed += settings.refresh_idle_s - 1
        token = (await refresh(keeper, token)).json()["refresh_token"]
    city.wire_clock.advance(seconds=settings.refresh_life_s - passed)
    assert error_code(await refresh(keeper, token)) == "identity.refresh_expired"


async def test_swept_grant_takes_its_refresh_tokens_along(city: City, keeper: TestClient) -> None:
    token = (await signed_in(keeper))["refresh_token"]
    city.wire_clock.advance(seconds=city.kernel.settings.refresh_life_s + 3601)
    await city.kernel.database.run(start)
    await city.worker().run_due()

    async def count(db: Connection) -> tuple[int, int]:
        return (
            await db.fetchval("SELECT count(*) FROM identity.grants"),
            await db.fetchval("SELECT count(*) FROM identity.refresh_families"),
        )

    assert await city.kernel.database.run(count) == (0, 0)
    assert error_code(await refresh(keeper, token)) == "identity.refresh_unknown"
