"""The relying-party library believes no server that lies (OIDC Core s3.1.3.7, RFC 9449 s5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from lionrock.identity.api import RelyingParty, Tokens
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, read_unverified, sign_jws
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, REDIRECT, City
from tests.http.identity.clients import TestClient

Edit = Callable[[dict[str, Any]], dict[str, Any]]


class Meddler:
    """Stands between the library and the real server and rewrites the answers of one path."""

    def __init__(self, city: City, path: str, edit: Edit) -> None:
        self._application = city.application
        self._path = path
        self._edit = edit
        city.kernel.network.applications[ISSUER] = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != self._path:
            await self._application(scope, receive, send)
            return
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._application(scope, receive, keep)
        fields = self._edit(json.loads(b"".join(m.get("body", b"") for m in kept)))
        body = json.dumps(fields).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": kept[0]["status"],
                    "headers": headers})  # fmt: skip
        await send({"type": "http.response.body", "body": body})


def _party(client: TestClient) -> RelyingParty:
    kernel = client.city.kernel
    return RelyingParty(
        client.client_id, ISSUER, client.key, REDIRECT, kernel.network, kernel.wire_clock
    )


async def _sign_in(client: TestClient) -> Tokens | Refused:
    party = _party(client)
    begun = await party.begin(scope="openid profile company")
    assert not isinstance(begun, Refused), begun
    address, transaction = begun
    query = dict(parse_qsl(urlsplit(address).query))
    callback = await Browser(client.city).sign_in(client.client_id, query["request_uri"], "ada")
    return await party.finish(callback, transaction)


def _claims(**changes: Any) -> Edit:
    """Sign the id_token anew by a key that the server does not publish."""

    def edit(fields: dict[str, Any]) -> dict[str, Any]:
        seen = read_unverified(fields["id_token"])
        assert not isinstance(seen, Refused)
        token = sign_jws(generate_key(), seen.claims | changes, typ="JWT")
        return fields | {"id_token": token}

    return edit


async def test_honest_server_is_believed(client: TestClient) -> None:
    tokens = await _sign_in(client)
    assert not isinstance(tokens, Refused), tokens
    party = _party(client)
    company = await party.exchange_for_company(tokens, client.city.company.id)
    assert not isinstance(company, Refused), company
    claims = await party.userinfo(company)
    assert not isinstance(claims, Refused), claims
    assert claims["act"]["sub"] == tokens.subject


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda f: f | {"token_type": "Bearer"}, "token"),
        (lambda f: f | {"expires_in": "900"}, "token"),
        (lambda f: {n: v for n, v in f.items() if n != "access_token"}, "token"),
        (lambda f: {n: v for n, v in f.items() if n != "id_token"}, "id_token"),
        (lambda f: f | {"id_token": "a.b.c"}, "id_token"),
        (_claims(), "id_token"),
        (lambda f: f | {"id_token": _none(f["id_token"])}, "id_token"),
    ],
    ids=[
        "RFC9449-5-bearer-downgrade", "RFC6749-5.1-expires-text", "RFC6749-5.1-no-token",
        "OIDC-3.1.3.3-no-id_token", "OIDC-3.1.3.7-no-jwt", "OIDC-3.1.3.7.6-other-key",
        "RFC8725-3.1-none",
    ],
)  # fmt: skip
async def test_meddled_token_answer_is_not_believed(
    client: TestClient, edit: Edit, code: str
) -> None:
    Meddler(client.city, "/identity/token", edit)
    refused = await _sign_in(client)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == f"relying_party.{code}"


def _none(id_token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{id_token.split('.')[1]}."


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"}, {"aud": "client-two"}, {"aud": ["client-one"]},
        {"nonce": "another"}, {"nonce": None}, {"exp": 0}, {"exp": "soon"},
        {"iat": 1771578000 + 3600}, {"sub": 7},
    ],
)  # fmt: skip
async def test_id_token_with_a_wrong_claim_is_not_believed(
    client: TestClient, changes: dict[str, Any]
) -> None:
    key = client.city.identity.tokens.signing_key()

    def edit(fields: dict[str, Any]) -> dict[str, Any]:
        seen = read_unverified(fields["id_token"])
        assert not isinstance(seen, Refused)
        return fields | {"id_token": sign_jws(key, seen.claims | changes, typ="JWT")}

    Meddler(client.city, "/identity/token", edit)
    refused = await _sign_in(client)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "relying_party.id_token"


async def test_userinfo_about_somebody_else_is_not_believed(client: TestClient) -> None:
    tokens = await _sign_in(client)
    assert not isinstance(tokens, Refused)
    Meddler(client.city, "/identity/userinfo", lambda f: f | {"sub": "another"})
    refused = await _party(client).userinfo(tokens)
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "relying_party.userinfo"


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: f | {"issuer": "https://other.example"},
        lambda f: {n: v for n, v in f.items() if n != "jwks_uri"},
        lambda f: f | {"token_endpoint": 7},
    ],
)
async def test_metadata_of_another_issuer_is_not_used(client: TestClient, edit: Edit) -> None:
    Meddler(client.city, "/.well-known/openid-configuration", edit)
    refused = await _party(client).begin()
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "relying_party.metadata"


async def test_refused_push_says_why(client: TestClient) -> None:
    refused = await _party(client).begin(scope="staff")
    assert isinstance(refused, Refused)
    assert refused.refusal.value == "relying_party.push"
    assert refused.detail == "invalid_scope identity.scope"
