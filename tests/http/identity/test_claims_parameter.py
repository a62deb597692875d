"""The claims parameter (OIDC Core s5.5): single claims by name, where the client may have them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from lionrock.kernel.jose import Unverified, read_unverified
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import City
from tests.http.identity.keepers import Keeper, new_keeper, refresh, signed_in


@pytest.fixture
async def keeper(city: City) -> Keeper:
    """A client registered for profile and contact."""
    return await new_keeper(city)


def id_claims(answer: dict[str, Any]) -> dict[str, Any]:
    """What the id_token says."""
    seen = read_unverified(answer["id_token"])
    assert isinstance(seen, Unverified)
    return dict(seen.claims)


@pytest.mark.behaviour("test-claims-parameter-identity-claims")
async def test_named_claims_come_in_the_id_token_and_in_userinfo_without_their_scope(
    keeper: Keeper,
) -> None:
    claims = {
        "id_token": {"name": {"essential": True}, "email": None},
        "userinfo": {"phone_number": {"essential": True}},
    }
    first = await signed_in(keeper, scope="openid", claims=json.dumps(claims))
    told = id_claims(first)
    assert (told["name"], told["email"]) == ("Ada", "ada@harbour.example")
    assert "phone_number" not in told
    userinfo = (await keeper.get(first["access_token"])).json()
    assert set(userinfo) == {"sub", "phone_number"}
    again = (await refresh(keeper, first["refresh_token"])).json()
    assert id_claims(again)["email"] == "ada@harbour.example"
    assert set((await keeper.get(again["access_token"])).json()) == {"sub", "phone_number"}


async def test_person_is_told_on_the_phone_what_named_claims_give(
    city: City, keeper: Keeper
) -> None:
    browser = Browser(city)
    claims = json.dumps({"userinfo": {"email": None}})
    page = await browser.open(
        keeper.client_id, await keeper.pushed(scope="openid", claims=claims)
    )
    assert "your phone number and e-mail" in page.text
    await browser.identify(page, "ada")
    (asked,) = await city.phone.pending("ada")
    assert "your phone number and e-mail" in asked["words"]


async def test_claims_that_the_client_may_not_have_or_nobody_has_are_left_out(
    city: City,
) -> None:
    client = await new_keeper(city, "bare")
    client_scopes = frozenset({"openid", "resource"})
    bare = msgspec.structs.replace(client.registration(), scopes=client_scopes)
    await city.kernel.database.run(lambda db: city.identity.clients.replace(db, bare))
    claims = json.dumps({
        "userinfo": {"email": {"essential": True}, "shoe_size": {"essential": True}},
        "id_token": {"name": {"essential": True}},
    })  # fmt: skip
    first = await signed_in(client, scope="openid", claims=claims)
    assert set((await client.get(first["access_token"])).json()) == {"sub"}
    assert "name" not in id_claims(first)


async def test_only_the_subject_that_was_asked_for_may_sign_in(
    city: City, keeper: Keeper
) -> None:
    ada = id_claims(await signed_in(keeper))["sub"]
    claims = json.dumps({"id_token": {"sub": {"value": ada}}})
    assert id_claims(await signed_in(keeper, claims=claims))["sub"] == ada
    request_uri = await keeper.pushed(claims=claims)
    callback = await Browser(city).sign_in(keeper.client_id, request_uri, "ben")
    assert callback["error"] == "access_denied"


async def test_essential_acr_that_nobody_reaches_is_refused_and_a_known_one_is_met(
    keeper: Keeper,
) -> None:
    unknown = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:x"]}}})
    answer = await keeper.push(claims=unknown)
    assert answer.json()["error"] == "unmet_authentication_requirements"
    wish = json.dumps({"id_token": {"acr": {"values": ["urn:x"]}}})
    acr = id_claims(await signed_in(keeper, claims=wish))["acr"]
    met = json.dumps({"id_token": {"acr": {"essential": True, "value": acr}}})
    assert id_claims(await signed_in(keeper, claims=met))["acr"] == acr


async def test_essential_acr_above_what_was_reached_ends_with_the_standards_error(
    city: City, keeper: Keeper
) -> None:
    high = "urn:lionrock:acr:passkey-uv"
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": [high]}}})
    callback = await Browser(city).sign_in(
        keeper.client_id, await keeper.pushed(claims=claims), "ada"
    )
    assert callback["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    "claims",
    [
        "", "[]", "null", "7", "{", '{"userinfo": []}', '{"userinfo": {"email": 1}}',
        '{"userinfo": {"email": {"essential": "yes"}}}', '{"id_token": {"acr": {"values": "x"}}}',
        '{"id_token": {"sub": {"value": {"a": 1}}}}', '{"userinfo": {}, "userinfo": {}}',
        json.dumps({"userinfo": {f"c{n}": None for n in range(31)}}),
        json.dumps({"id_token": {"acr": {"values": ["x"] * 11}}}),
        json.dumps({"userinfo": {"x": "y" * 5000}}),
    ],
)  # fmt: skip
async def test_claims_that_are_no_request_are_refused_when_pushed(
    keeper: Keeper, claims: str
) -> None:
    answer = await keeper.push(claims=claims)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert error_code(answer) == "identity.claims"


@pytest.mark.parametrize("claims", ["{}", '{"other": 1}', '{"userinfo": {}}'])
async def test_empty_and_unknown_members_ask_for_nothing(keeper: Keeper, claims: str) -> None:
    assert (await keeper.push(claims=claims)).status_code == 201
