"""A client in its own name (RFC 6749 s4.4): its own scopes, and nothing about any person."""

from __future__ import annotations

import pytest

from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import Keeper, new_keeper


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client with scopes of its own."""
    return await new_keeper(city)


async def test_without_scope_a_client_gets_all_of_its_own_and_none_about_persons(
    keeper: Keeper,
) -> None:
    answer = await keeper.own_token()
    assert set(answer["scope"].split()) == keeper.more_scopes
    assert answer["token_type"] == "DPoP"
    assert not {"id_token", "refresh_token", "grant_id"} & set(answer)


async def test_client_gets_fewer_when_it_asks_for_fewer(keeper: Keeper) -> None:
    assert (await keeper.own_token(scope="resource"))["scope"] == "resource"


@pytest.mark.parametrize("scope", ["openid", "profile", "resource profile", "directory", "x"])
async def test_scope_of_a_person_or_of_nobody_is_refused(keeper: Keeper, scope: str) -> None:
    answer = await keeper.post(
        "/identity/token", {"grant_type": "client_credentials", "scope": scope}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_client_without_scopes_of_its_own_gets_no_token(city: City) -> None:
    bare = await new_keeper(city, "bare", more_scopes=frozenset())
    answer = await bare.post("/identity/token", {"grant_type": "client_credentials"})
    assert answer.json()["error"] == "invalid_scope"


@pytest.mark.behaviour("ensure-holder-of-key-required")
async def test_clients_own_token_needs_a_proof_too(keeper: Keeper) -> None:
    answer = await keeper.post(
        "/identity/token", {"grant_type": "client_credentials"}, proof=None
    )
    assert answer.json()["error"] == "invalid_dpop_proof"


async def test_clients_own_token_is_refused_where_a_person_is_needed(keeper: Keeper) -> None:
    token = (await keeper.own_token())["access_token"]
    answer = await keeper.get(token)
    assert answer.status_code == 403
    assert error_code(answer) == "identity.token_without_person"


async def test_clients_own_token_is_no_subject_of_an_exchange(city: City, keeper: Keeper) -> None:
    token = (await keeper.own_token())["access_token"]
    answer = await keeper.exchange(token, city.company.id)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "invalid_scope")
