"""An attacker who bends, copies or borrows signed request objects (RFC 9101, Message Signing)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_key, read_unverified
from tests.attack.identity.forge import b64, es256, hs256, jws, rs256, unsigned
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import ISSUER, REDIRECT, City
from tests.http.identity.clients import TestClient, new_client, without_none

LASTING = pytest.mark.asyncio(loop_scope="module")
NOW = 1771578000  # the frozen wire clock, 20 February 2026, 09:00 UTC
PAR = f"{ISSUER}/identity/par"
MINUTE = 60


def _case(name: str, claims: dict[str, Any], reason: str, *behaviours: str) -> Any:
    marks = [pytest.mark.behaviour(each) for each in behaviours]
    return pytest.param(claims, reason, id=name, marks=marks)


REFUSED = [
    _case("MS-5.3.1-exp-missing", {"exp": None}, "time", "ensure-request-object-without-exp-fails"),
    _case("MS-5.3.1-nbf-missing", {"nbf": None}, "time", "ensure-request-object-without-nbf-fails"),
    _case("MS-5.3.1-expired", {"nbf": NOW - 600, "exp": NOW - 300}, "time",
          "ensure-expired-request-object-fails"),
    _case("MS-5.3.1-exp-70-minutes-ahead", {"exp": NOW + 70 * MINUTE}, "time",
          "ensure-request-object-with-exp-over-60-fails"),
    _case("MS-5.3.1-exp-3601-s-after-nbf", {"exp": NOW + 3601}, "time"),
    _case("MS-5.3.1-nbf-70-minutes-back", {"nbf": NOW - 70 * MINUTE}, "time",
          "ensure-request-object-with-nbf-over-60-fails"),
    _case("FAPI2-5.3.2.1-nbf-61-s-ahead", {"nbf": NOW + 61}, "time"),
    _case("FAPI2-5.3.2.1-iat-61-s-ahead", {"iat": NOW + 61}, "time"),
    _case("RFC7519-4.1.4-exp-string", {"exp": str(NOW + 60)}, "time"),
    _case("RFC7519-4.1.5-nbf-true", {"nbf": True}, "time"),
    _case("RFC9101-4-aud-other", {"aud": "https://other.example"}, "audience",
          "ensure-request-object-with-bad-aud-fails"),
    _case("RFC9101-4-aud-par-endpoint", {"aud": PAR}, "audience"),
    _case("RFC9101-4-aud-missing", {"aud": None}, "audience"),
    _case("RFC9101-4-aud-list-of-others", {"aud": [PAR, "x"]}, "audience"),
    _case("RFC9101-4-aud-object", {"aud": {"iss": ISSUER}}, "audience"),
    _case("RFC9101-4-iss-other", {"iss": "client-two"}, "issuer"),
    _case("RFC9101-4-iss-missing", {"iss": None}, "issuer"),
    _case("RFC9101-10.8-sub-is-the-client", {"sub": "client-one"}, "issuer"),
    _case("RFC9101-5-client_id-other", {"client_id": "client-two"}, "parameter"),
    _case("RFC9101-4-request-inside", {"request": "a.b.c"}, "parameter"),
    _case("RFC9101-4-request_uri-inside", {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
          "parameter", "par-authorization-request-containing-request_uri"),
    _case("RFC9101-4-scope-list", {"scope": ["openid"]}, "parameter"),
    _case("RFC9101-4-state-object", {"state": {"a": 1}}, "parameter"),
    _case("RFC9101-4-nonce-true", {"nonce": True}, "parameter"),
    _case("RFC7519-4.1.7-jti-number", {"jti": 7}, "jti"),
    _case("RFC7519-4.1.7-jti-empty", {"jti": ""}, "jti"),
    _case("limit-jti-257", {"jti": "j" * 257}, "jti"),
]  # fmt: skip
ACCEPTED = [
    _case("FAPI2-5.3.2.1-nbf-8-s-ahead", {"nbf": NOW + 8}, "",
          "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted"),
    _case("MS-5.3.1-exp-3600-s-after-nbf", {"exp": NOW + 3600}, ""),
    _case("MS-5.3.1-nbf-59-minutes-back", {"nbf": NOW - 59 * MINUTE, "exp": NOW + 30}, ""),
    _case("RFC9101-4-aud-list", {"aud": ["https://other.example", ISSUER]}, "",
          "ensure-request-object-with-multiple-aud-succeeds"),
    _case("RFC9101-4-jti-optional", {"jti": None}, ""),
    _case("RFC9101-4-iat-optional", {"iat": None}, ""),
    _case("RFC9101-4-client_id-optional-inside", {"client_id": None}, ""),
    _case("RFC9101-4-unknown-claims", {"foo": {"bar": 1}}, ""),
    _case("RFC9101-4-number-as-number", {"max_age": 600}, ""),
]  # fmt: skip


async def _push(client: TestClient, token: str, **outside: str) -> httpx.Response:
    return await client.post("/identity/par", {"request": token} | outside, proof=None)


async def _pushes(city: City) -> int:
    async def count(db: Connection) -> int:
        return int(await db.fetchval("SELECT count(*) FROM identity.pushed_requests"))

    return await city.kernel.database.run(count)


@LASTING
@pytest.mark.parametrize(("claims", "reason"), REFUSED)
async def test_object_with_a_wrong_claim_is_refused_and_leaves_nothing(
    town: City, caller: TestClient, claims: dict[str, Any], reason: str
) -> None:
    before = await _pushes(town)
    answer = await _push(caller, caller.request_object(**claims))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request_object"
    assert error_code(answer) == f"identity.request_object_{reason}"
    assert await _pushes(town) == before


@LASTING
@pytest.mark.parametrize(("claims", "_reason"), ACCEPTED)
async def test_object_within_the_profile_is_accepted(
    caller: TestClient, claims: dict[str, Any], _reason: str
) -> None:
    answer = await _push(caller, caller.request_object(**claims))
    assert answer.status_code == 201, answer.text


@LASTING
@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT", "application/oauth-authz-req+jwt"])
async def test_object_of_a_known_type_is_accepted(caller: TestClient, typ: str) -> None:
    assert (await _push(caller, caller.request_object(typ=typ))).status_code == 201


@LASTING
@pytest.mark.parametrize("typ", ["dpop+jwt", "client-authentication+jwt", "at+jwt"])
async def test_token_of_another_type_is_no_request_object(caller: TestClient, typ: str) -> None:
    answer = await _push(caller, caller.request_object(typ=typ))
    assert error_code(answer) == "identity.request_object_type"


FORGERIES = [
    pytest.param("FAPI2-5.4.1-RS256", "algorithm", marks=pytest.mark.behaviour(
        "ensure-signed-request-object-with-RS256-fails")),
    pytest.param("RFC8725-3.1-none", "", marks=pytest.mark.behaviour(
        "ensure-request-object-signature-algorithm-is-not-none")),
    pytest.param("RFC9101-6.2-broken-signature", "signature", marks=pytest.mark.behaviour(
        "ensure-request-object-with-invalid-signature-fails")),
    pytest.param("RFC9101-6.2-other-key", "signature", marks=pytest.mark.behaviour(
        "ensure-matching-key-in-authorization-request")),
    pytest.param("RFC8725-2.1-HS256-with-public-key", "algorithm"),
    pytest.param("RFC7515-4.1.3-own-jwk-in-header", "signature", marks=pytest.mark.behaviour(
        "attack-jwks-confusion")),
    pytest.param("RFC7515-4.1.2-jku-in-header", "signature", marks=pytest.mark.behaviour(
        "attack-jwks-confusion")),
    pytest.param("RFC7515-4.1.5-x5u-in-header", "signature", marks=pytest.mark.behaviour(
        "attack-jwks-confusion")),
    pytest.param("RFC7515-4.1.11-crit", "malformed"),
    pytest.param("RFC8725-2.7-kid-path", "signature"),
    pytest.param("RFC8725-2.4-claim-twice", "malformed"),
    pytest.param("RFC9101-6.1-no-jwt", "malformed"),
    pytest.param("RFC9101-6.1-encrypted", "malformed"),
    pytest.param("limit-object-32769", "malformed"),
]


def _forged(client: TestClient, how: str) -> str:
    seen = read_unverified(client.request_object())
    assert hasattr(seen, "claims")
    claims: dict[str, Any] = seen.claims
    header = {"alg": "ES256", "kid": client.key.kid, "typ": "oauth-authz-req+jwt"}
    own, other = es256(client.key), generate_key()
    evil = "https://evil.example/jwks"
    simple: dict[str, Callable[[], str]] = {
        "FAPI2-5.4.1-RS256": lambda: jws(header | {"alg": "RS256"}, claims, rs256()[0]),
        "RFC8725-3.1-none": lambda: jws(header | {"alg": "none"}, claims, unsigned),
        "RFC8725-2.1-HS256-with-public-key": lambda: jws(
            header | {"alg": "HS256"}, claims, hs256(str(client.key.public_jwk).encode())
        ),
        "RFC9101-6.2-other-key": lambda: jws(header, claims, es256(other)),
        "RFC7515-4.1.3-own-jwk-in-header": lambda: jws(
            header | {"jwk": other.bare_jwk}, claims, es256(other)
        ),
        "RFC7515-4.1.2-jku-in-header": lambda: jws(header | {"jku": evil}, claims, es256(other)),
        "RFC7515-4.1.5-x5u-in-header": lambda: jws(header | {"x5u": evil}, claims, es256(other)),
        "RFC7515-4.1.11-crit": lambda: jws(header | {"crit": ["exp"]}, claims, own),
        "RFC8725-2.7-kid-path": lambda: jws(header | {"kid": "../../x"}, claims, own),
        "RFC9101-6.1-no-jwt": lambda: "not a jwt",
        "RFC9101-6.1-encrypted": lambda: "a.b.c.d.e",
        "limit-object-32769": lambda: "a" * 32769,
    }
    if how in simple:
        return simple[how]()
    if how == "RFC9101-6.2-broken-signature":
        good = client.request_object()
        return good[:-8] + ("A" * 8 if not good.endswith("A" * 8) else "B" * 8)
    assert how == "RFC8725-2.4-claim-twice", how
    return _signed_text(client, '{"iss":"a","iss":"client-one"}')


def _signed_text(client: TestClient, text: str) -> str:
    head = b64(b'{"alg":"ES256"}')
    body = f"{head}.{b64(text.encode())}"
    return f"{body}.{b64(es256(client.key)(body.encode()))}"


@LASTING
@pytest.mark.parametrize(("how", "reason"), FORGERIES)
async def test_forged_object_is_refused(
    town: City, caller: TestClient, how: str, reason: str
) -> None:
    before = await _pushes(town)
    answer = await _push(caller, _forged(caller, how))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request_object"
    if reason:
        assert error_code(answer) == f"identity.request_object_{reason}"
    assert await _pushes(town) == before


async def test_object_of_another_client_is_refused(city: City, client: TestClient) -> None:
    other = await new_client(city, "client-two")
    answer = await _push(client, other.request_object())
    assert answer.json()["error"] == "invalid_request_object"


async def test_object_used_twice_is_refused_whatever_was_refused_before(
    city: City, client: TestClient
) -> None:
    token = client.request_object(scope="nonsense")
    assert error_code(await _push(client, token)) == "identity.scope"
    assert error_code(await _push(client, token)) == "identity.request_object_replayed"
    city.wire_clock.advance(seconds=299)
    assert error_code(await _push(client, token)) == "identity.request_object_replayed"


async def test_object_sent_twice_at_once_is_taken_once(
    city: City, client: TestClient
) -> None:
    token = client.request_object()
    answers = await asyncio.gather(*(_push(client, token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert await _pushes(city) == 1


async def test_two_clients_may_use_the_same_jti(city: City, client: TestClient) -> None:
    other = await new_client(city, "client-two")
    for each in (client, other):
        assert (await _push(each, each.request_object(jti="the-same"))).status_code == 201


@pytest.mark.behaviour("ensure-unsigned-request-at-par-endpoint-fails")
async def test_unsigned_request_is_refused_where_a_signed_one_is_required(city: City) -> None:
    client = await new_client(
        city, "client-strict", ClientPolicy(require_signed_request_object=True)
    )
    before = await _pushes(city)
    answer = await client.push()
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert error_code(answer) == "identity.signed_request_required"
    assert await _pushes(city) == before
    assert (await _push(client, client.request_object())).status_code == 201


@LASTING
@pytest.mark.behaviour("ensure-different-state-inside-and-outside-request-object")
@pytest.mark.behaviour("ensure-different-nonce-inside-and-outside-request-object")
async def test_values_beside_the_object_never_count(town: City, caller: TestClient) -> None:
    answer = await _push(
        caller, caller.request_object(state="inside", nonce="inside"), state="outside",
        nonce="outside", scope="openid contact", redirect_uri="https://evil.example/",
        response_mode="jwt", response_type="token",
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    callback = await Browser(town).sign_in(
        caller.client_id, answer.json()["request_uri"], "ada"
    )
    assert callback["state"] == "inside"
    tokens = (await caller.redeem(callback["code"])).json()
    seen = read_unverified(tokens["id_token"])
    assert hasattr(seen, "claims")
    assert seen.claims["nonce"] == "inside"
    assert tokens["scope"] == "openid profile company"


@LASTING
@pytest.mark.behaviour("state-only-outside-request-object-not-used")
async def test_state_beside_the_object_alone_is_not_returned(
    town: City, caller: TestClient
) -> None:
    answer = await _push(caller, caller.request_object(state=None), state="outside")
    callback = await Browser(town).sign_in(
        caller.client_id, answer.json()["request_uri"], "ada"
    )
    assert "state" not in callback


@LASTING
@pytest.mark.behaviour("ensure-request-object-without-redirect-uri-fails")
async def test_object_without_redirect_uri_is_refused_even_with_one_beside_it(
    caller: TestClient,
) -> None:
    answer = await _push(
        caller, caller.request_object(redirect_uri=None), redirect_uri=REDIRECT
    )
    assert answer.json()["error"] == "invalid_request"
    assert error_code(answer) == "identity.redirect_uri_missing"


@LASTING
async def test_request_uri_beside_an_object_is_refused(caller: TestClient) -> None:
    answer = await _push(
        caller, caller.request_object(), request_uri="urn:ietf:params:oauth:request_uri:x"
    )
    assert error_code(answer) == "identity.request_uri_pushed"


@LASTING
async def test_client_assertion_is_no_request_object_and_an_object_no_assertion(
    caller: TestClient,
) -> None:
    assert (await _push(caller, caller.assertion())).json()["error"] == "invalid_request_object"
    answer = await caller.post(
        "/identity/par", caller.request(), assertion=caller.request_object(typ="JWT"), proof=None
    )
    assert answer.json()["error"] == "invalid_client"


@LASTING
async def test_object_alone_does_not_authenticate_its_client(
    town: City, caller: TestClient
) -> None:
    async with town.http() as http:
        answer = await http.post(
            "/identity/par", data=without_none({"request": caller.request_object()})
        )
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


async def test_client_may_sign_with_any_of_its_keys_by_kid(city: City) -> None:
    client = TestClient(city, "client-keys")
    second = generate_key("Ed25519")
    registration = client.registration()
    changed = type(registration)(**{
        name: getattr(registration, name) for name in registration.__struct_fields__
        if name != "keys"
    }, keys=(client.key.public_jwk, second.public_jwk))  # fmt: skip
    await city.kernel.database.run(lambda db: city.identity.register_client(db, changed))
    for key in (client.key, second):
        assert (await _push(client, client.request_object(key=key))).status_code == 201
    nameless = jws({"alg": "ES256"}, {"iss": "client-keys", "jti": secrets.token()},
                   es256(client.key))  # fmt: skip
    assert error_code(await _push(client, nameless)) == "identity.request_object_signature"
