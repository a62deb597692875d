"""Introspection and revocation: each client is told of its own, a resource server of its scopes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import trusted_key, verify_jws
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.keepers import POLICY, Keeper, new_keeper, refresh, signed_in

RESOURCE_SERVER = msgspec.structs.replace(POLICY, may_introspect=True)


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client with refresh tokens."""
    return await new_keeper(city)


async def test_client_is_told_of_its_own_access_token(city: City, keeper: Keeper) -> None:
    token = (await signed_in(keeper))["access_token"]
    shown = await keeper.introspect(token, token_type_hint="access_token")
    userinfo = (await keeper.get(token)).json()
    assert shown["active"] is True
    assert shown["client_id"] == "keeper"
    assert shown["token_type"] == "DPoP"
    assert shown["scope"] == "openid profile company"
    assert shown["sub"] == userinfo["sub"]
    assert shown["iss"] == ISSUER
    assert shown["exp"] - shown["iat"] == 900
    assert set(shown["cnf"]) == {"jkt"}
    assert shown["acr"]
    city.wire_clock.advance(seconds=900)
    assert await keeper.introspect(token) == {"active": False}


async def test_another_client_hears_not_active_as_for_a_token_that_never_was(
    city: City, keeper: Keeper
) -> None:
    first = await signed_in(keeper)
    stranger = await new_keeper(city, "stranger")
    for token in (first["access_token"], first["refresh_token"], "x" * 43, "y" * 600, "a.1.b"):
        assert await stranger.introspect(token) == {"active": False}


async def test_resource_server_is_told_of_its_scopes_only_and_of_another_subject(
    city: City, keeper: Keeper
) -> None:
    server = await new_keeper(city, "server", RESOURCE_SERVER, more_scopes=frozenset())
    token = (await signed_in(keeper, scope="openid profile"))["access_token"]
    shown = await server.introspect(token)
    assert shown["active"] is True
    assert shown["scope"] == "profile"
    assert shown["sub"] != (await keeper.introspect(token))["sub"]
    bare = (await signed_in(keeper, scope="openid"))["access_token"]
    assert await server.introspect(bare) == {"active": False}
    refresh_token = (await signed_in(keeper))["refresh_token"]
    assert await server.introspect(refresh_token) == {"active": False}


async def test_company_token_shows_the_company_as_subject_and_the_person_as_actor(
    city: City, keeper: Keeper
) -> None:
    own = (await signed_in(keeper))["access_token"]
    acting = (await keeper.exchange(own, city.company.id)).json()["access_token"]
    shown, person = await keeper.introspect(acting), await keeper.introspect(own)
    assert shown["act"] == {"sub": person["sub"]}
    assert shown["sub"] != person["sub"]
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    assert await keeper.introspect(acting) == {"active": False}
    assert (await keeper.introspect(own))["active"] is True


async def test_clients_own_token_has_no_subject(keeper: Keeper) -> None:
    shown = await keeper.introspect((await keeper.own_token())["access_token"])
    assert shown["active"] is True
    assert "sub" not in shown


async def test_refresh_token_is_active_until_it_is_replaced_and_used(keeper: Keeper) -> None:
    first = (await signed_in(keeper))["refresh_token"]
    assert (await keeper.introspect(first))["active"] is True
    second = (await refresh(keeper, first)).json()["refresh_token"]
    assert (await keeper.introspect(first))["active"] is True
    await refresh(keeper, second)
    assert await keeper.introspect(first) == {"active": False}
    assert (await keeper.introspect(second))["active"] is True


@pytest.mark.parametrize("is_known", [True, False], ids=["active", "not-active"])
@pytest.mark.behaviour("signed-introspection")
async def test_answer_comes_signed_for_the_caller_when_accept_asks(
    city: City, keeper: Keeper, is_known: bool
) -> None:
    token = (await signed_in(keeper))["access_token"] if is_known else "x" * 43
    form = {
        "token": token, "client_assertion": keeper.assertion(),
        "client_assertion_type": ASSERTION_TYPE,
    }  # fmt: skip
    async with city.http() as http:
        answer = await http.post(
            "/identity/introspect", data=form,
            headers={"accept": "application/token-introspection+jwt"},
        )  # fmt: skip
        keys = (await http.get("/identity/jwks")).json()["keys"]
    assert answer.headers["content-type"] == "application/token-introspection+jwt"
    verified = verify_jws(
        answer.text, [trusted_key(k) for k in keys], typ="token-introspection+jwt"
    )
    assert not isinstance(verified, Refused), verified
    assert verified.claims["iss"] == ISSUER
    assert verified.claims["aud"] == "keeper"
    assert set(verified.claims) == {"iss", "aud", "iat", "token_introspection"}
    assert verified.claims["token_introspection"]["active"] is is_known


@pytest.mark.parametrize("path", ["/identity/introspect", "/identity/revoke"])
async def test_both_endpoints_want_client_authentication_and_a_token(
    city: City, keeper: Keeper, path: str
) -> None:
    missing = await keeper.post(path, {}, proof=None)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    assert error_code(missing) == "identity.token_parameter"
    async with city.http() as http:
        answer = await http.post(path, data={"token": "x", "client_id": "keeper"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assertion = keeper.assertion()
    first = await keeper.post(path, {"token": "x"}, assertion=assertion, proof=None)
    again = await keeper.post(path, {"token": "x"}, assertion=assertion, proof=None)
    assert (first.status_code, again.status_code) == (200, 401)


async def test_revoked_access_token_ends_with_what_it_was_exchanged_for(
    city: City, keeper: Keeper
) -> None:
    first = await signed_in(keeper)
    acting = (await keeper.exchange(first["access_token"], city.company.id)).json()
    assert (await keeper.revoke(first["access_token"])).status_code == 200
    for token in (first["access_token"], acting["access_token"]):
        assert (await keeper.get(token)).status_code == 401
    assert (await refresh(keeper, first["refresh_token"])).status_code == 200


async def test_revoked_refresh_token_takes_the_grant_along(city: City, keeper: Keeper) -> None:
    first = await signed_in(keeper)
    second = (await refresh(keeper, first["refresh_token"])).json()
    answer = await keeper.revoke(second["refresh_token"], token_type_hint="access_token")
    assert (answer.status_code, answer.content) == (200, b"")
    for each in (first, second):
        assert (await keeper.get(each["access_token"])).status_code == 401
        dead = await refresh(keeper, each["refresh_token"])
        assert dead.json()["error"] == "invalid_grant"


async def test_strangers_and_unknown_tokens_are_answered_200_without_effect(
    city: City, keeper: Keeper
) -> None:
    stranger = await new_keeper(city, "stranger")
    first = await signed_in(keeper)
    shown: list[Any] = [first["access_token"], first["refresh_token"], "x" * 43, "z" * 5000, "a.b"]
    for token in shown:
        assert (await stranger.revoke(token)).status_code == 200
    assert (await keeper.get(first["access_token"])).status_code == 200
    assert (await refresh(keeper, first["refresh_token"])).status_code == 200
