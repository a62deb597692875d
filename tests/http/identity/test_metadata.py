"""Metadata promises what is enforced, and nothing else (RFC 8414, OIDC Discovery, FAPI 2.0)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.http.identity.city import ISSUER, City

DOCUMENTS = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]


async def _metadata(city: City, path: str = DOCUMENTS[0]) -> dict[str, Any]:
    async with city.http() as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


@pytest.mark.behaviour("discovery-end-point-verification")
async def test_both_documents_are_the_same_and_name_their_own_issuer(city: City) -> None:
    found = [await _metadata(city, path) for path in DOCUMENTS]
    assert found[0] == found[1]
    assert found[0]["issuer"] == ISSUER


@pytest.mark.behaviour("discovery-end-point-verification")
async def test_what_fapi_demands_is_promised(city: City) -> None:
    found = await _metadata(city)
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["require_pushed_authorization_requests"] is True
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert found["response_types_supported"] == ["code"]
    assert found["subject_types_supported"] == ["pairwise"]
    for name in (
        "token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported",
        "id_token_signing_alg_values_supported",
    ):  # fmt: skip
        assert "ES256" in found[name]
        assert not {"RS256", "HS256", "none"} & set(found[name])


@pytest.mark.parametrize(
    "name",
    [
        "pushed_authorization_request_endpoint", "token_endpoint", "userinfo_endpoint",
        "authorization_endpoint", "jwks_uri",
    ],
)  # fmt: skip
@pytest.mark.behaviour("discovery-end-point-verification")
async def test_every_endpoint_named_is_there(city: City, name: str) -> None:
    address = (await _metadata(city))[name]
    assert address.startswith(f"{ISSUER}/")
    async with city.http() as http:
        answer = await http.get(urlsplit(address).path)
    assert answer.status_code != 404


@pytest.mark.behaviour("discovery-end-point-verification")
async def test_keys_are_public_and_for_signing(city: City) -> None:
    async with city.http() as http:
        keys = (await http.get("/identity/jwks")).json()["keys"]
    assert keys
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["kty"] == "EC"
        assert key["use"] == "sig"
        assert "d" not in key


async def test_signed_messages_and_registration_are_promised(city: City) -> None:
    found = await _metadata(city)
    assert set(found["response_modes_supported"]) == {"query", "jwt", "query.jwt"}
    assert found["request_parameter_supported"] is True
    assert set(found["request_object_signing_alg_values_supported"]) == {"ES256", "Ed25519"}
    for answer in ("id_token", "userinfo", "authorization"):
        assert found[f"{answer}_signing_alg_values_supported"] == ["ES256"]
        assert found[f"{answer}_encryption_alg_values_supported"] == ["ECDH-ES"]
        assert found[f"{answer}_encryption_enc_values_supported"] == ["A256GCM"]
    assert found["registration_endpoint"] == f"{ISSUER}/identity/register"
