"""Answers that come signed, and encrypted where registered so (JARM, OIDC Core s5.3.2, s10.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from lionrock.identity.api import Client, ClientPolicy
from lionrock.identity.domain.requests import PushedForm
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import (
    CONTENT_ENCRYPTION,
    KEY_AGREEMENT,
    decrypt_jwe,
    generate_encryption_key,
    trusted_key,
    verify_jws,
)
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient, new_client


class SealedClient(TestClient):
    """A client with a key for encryption beside its signing key."""

    __test__ = False

    def __init__(self, city: City, policy: ClientPolicy) -> None:
        super().__init__(city, "client-sealed")
        self.policy = policy
        self.encryption_key = generate_encryption_key()

    def registration(self) -> Client:
        """Its registration, with both keys."""
        plain = super().registration()
        return Client(
            **{name: getattr(plain, name) for name in plain.__struct_fields__ if name != "keys"},
            keys=(self.key.public_jwk, self.encryption_key.public_jwk),
        )

    def opened(self, token: str) -> str:
        """What is inside a JWE to it."""
        plain = decrypt_jwe(token, self.encryption_key)
        assert not isinstance(plain, Refused), plain
        return plain.decode()


async def _sealed(city: City, **policy: Any) -> SealedClient:
    client = SealedClient(city, ClientPolicy(**policy))
    registered = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert not isinstance(registered, Refused), registered
    return client


async def _claims(city: City, token: str) -> dict[str, Any]:
    """Check a JWT as a client does, against the published keys; returns its claims."""
    async with city.http() as http:
        keys = (await http.get("/identity/jwks")).json()["keys"]
    verified = verify_jws(token, [trusted_key(k) for k in keys], typ="JWT")
    assert not isinstance(verified, Refused), verified
    return verified.claims


async def _answer(city: City, client: TestClient, **changes: Any) -> tuple[dict[str, str], str]:
    """Sign in; returns the plain parameters of the callback and the response JWT."""
    decision = changes.pop("decision", "approved")
    callback = await Browser(city).sign_in(
        client.client_id, await client.pushed(**changes), "ada", decision
    )
    return callback, callback.get("response", "")


@pytest.mark.behaviour("jarm-response-is-signed")
@pytest.mark.parametrize("mode", ["jwt", "query.jwt"])
async def test_signed_response_has_issuer_audience_expiry_code_and_state(
    city: City, client: TestClient, mode: str
) -> None:
    callback, response = await _answer(city, client, response_mode=mode)
    assert set(callback) == {"response"}
    claims = await _claims(city, response)
    now_s = city.kernel.wire_clock.now_s()
    assert claims["iss"] == ISSUER
    assert claims["aud"] == client.client_id
    assert now_s < claims["exp"] <= now_s + 600
    assert claims["state"] == "the-state"
    assert set(claims) == {"iss", "aud", "exp", "code", "state"}
    assert (await client.redeem(claims["code"])).status_code == 200


async def test_refusal_is_signed_too(city: City, client: TestClient) -> None:
    _, response = await _answer(city, client, response_mode="jwt", decision="rejected")
    claims = await _claims(city, response)
    assert claims["error"] == "access_denied"
    assert "code" not in claims


async def test_silent_refusal_is_signed_too(city: City, client: TestClient) -> None:
    request_uri = await client.pushed(response_mode="jwt", prompt="none")
    answer = await Browser(city).open(client.client_id, request_uri)
    callback = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert (await _claims(city, callback["response"]))["error"] == "login_required"


@pytest.mark.parametrize(
    "mode", ["fragment", "fragment.jwt", "form_post", "form_post.jwt", "JWT", "query jwt", ""]
)
async def test_mode_that_is_not_offered_is_refused(client: TestClient, mode: str) -> None:
    answer = await client.push(response_mode=mode)
    assert answer.status_code == 400
    assert error_code(answer) == "identity.response_mode"


@pytest.mark.behaviour("jarm-plain-response-refused-where-required")
@pytest.mark.parametrize("mode", [None, "query"])
async def test_plain_response_is_refused_where_a_signed_one_is_required(
    city: City, mode: str | None
) -> None:
    client = await new_client(city, "client-jarm", ClientPolicy(require_signed_response=True))
    refused = await client.push(response_mode=mode)
    assert refused.json()["error"] == "invalid_request"
    assert error_code(refused) == "identity.signed_response_required"
    _, response = await _answer(city, client, response_mode="jwt")
    assert "code" in await _claims(city, response)


async def test_encrypted_response_opens_to_a_signed_one_for_its_client_only(city: City) -> None:
    client = await _sealed(
        city, authorization_encrypted_response_alg=KEY_AGREEMENT,
        authorization_encrypted_response_enc=CONTENT_ENCRYPTION,
    )  # fmt: skip
    _, response = await _answer(city, client, response_mode="jwt")
    assert response.count(".") == 4
    claims = await _claims(city, client.opened(response))
    assert (await client.redeem(claims["code"])).status_code == 200
    assert isinstance(decrypt_jwe(response, generate_encryption_key()), Refused)


async def test_id_token_is_encrypted_for_who_registered_so(city: City) -> None:
    client = await _sealed(
        city, id_token_encrypted_response_alg=KEY_AGREEMENT,
        id_token_encrypted_response_enc=CONTENT_ENCRYPTION,
    )  # fmt: skip
    answer = (await client.redeem(await client.code())).json()
    claims = await _claims(city, client.opened(answer["id_token"]))
    assert claims["nonce"] == "the-nonce"


async def test_userinfo_is_signed_for_who_registered_so(city: City) -> None:
    client = await new_client(
        city, "client-signed", ClientPolicy(userinfo_signed_response_alg="ES256")
    )
    answer = await client.get(await client.token())
    claims = await _claims(city, _jwt(answer))
    assert claims["iss"] == ISSUER
    assert claims["aud"] == client.client_id
    assert claims["name"] == "Ada"


async def test_userinfo_is_signed_then_encrypted_for_who_registered_so(city: City) -> None:
    client = await _sealed(
        city, userinfo_signed_response_alg="ES256", userinfo_encrypted_response_alg=KEY_AGREEMENT,
        userinfo_encrypted_response_enc=CONTENT_ENCRYPTION,
    )  # fmt: skip
    token = await client.token()
    claims = await _claims(city, client.opened(_jwt(await client.get(token))))
    assert claims["name"] == "Ada"
    posted = await client.get(token, method="POST")
    assert _jwt(posted).count(".") == 4


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"userinfo_signed_response_alg": "RS256"}, "userinfo_signed_response_alg"),
        ({"userinfo_signed_response_alg": "none"}, "userinfo_signed_response_alg"),
        ({"id_token_encrypted_response_alg": "RSA1_5"}, "id_token_encrypted_response_alg"),
        ({"id_token_encrypted_response_alg": "ECDH-ES"}, "id_token_encrypted_response_enc"),
        ({"id_token_encrypted_response_enc": "A256GCM"}, "id_token_encrypted_response_enc"),
        ({"authorization_encrypted_response_alg": "ECDH-ES",
          "authorization_encrypted_response_enc": "A256GCM"},
         "authorization_encrypted_response_alg"),
        ({"userinfo_encrypted_response_alg": "ECDH-ES",
          "userinfo_encrypted_response_enc": "A256GCM"}, "userinfo_signed_response_alg"),
        ({"response_modes": frozenset({"query"}), "require_signed_response": True},
         "response_modes"),
        ({"response_modes": frozenset()}, "response_modes"),
        ({"response_modes": frozenset({"form_post"})}, "response_modes"),
        ({"grant_types": frozenset({"password"})}, "grant_types"),
        ({"grant_types": frozenset()}, "grant_types"),
    ],
)  # fmt: skip
async def test_policy_that_could_not_be_kept_is_refused_when_registered(
    city: City, policy: dict[str, Any], field: str
) -> None:
    client = TestClient(city, "client-odd")
    client.policy = ClientPolicy(**policy)
    refused = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, client.registration())
    )
    assert isinstance(refused, Refused)
    assert refused.field == f"policy.{field}"


def test_request_knows_no_mode_but_the_offered_ones() -> None:
    assert PushedForm().response_mode is None


def _jwt(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jwt"
    return answer.text
