"""An attacker who has, copies or bends client assertions (FAPI 2.0 s5.3.2.1, RFC 7523 s3)."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.kernel import secrets
from lionrock.kernel.jose import generate_key
from tests.attack.identity.forge import es256, hs256, jws, marked, rs256, unsigned
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient, new_client

LASTING = pytest.mark.asyncio(loop_scope="module")
PAR, TOKEN = f"{ISSUER}/identity/par", f"{ISSUER}/identity/token"
NOW = 1771578000  # the frozen wire clock, 20 February 2026, 09:00 UTC

REFUSED_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "FAPI2-5.3.2.1-aud-array": ({"aud": [ISSUER]}, "audience"),
    "FAPI2-5.3.2.1-aud-array-of-two": ({"aud": [ISSUER, PAR]}, "audience"),
    "FAPI2-5.3.2.1-aud-par-endpoint": ({"aud": PAR}, "audience"),
    "FAPI2-5.3.2.1-aud-token-endpoint": ({"aud": TOKEN}, "audience"),
    "FAPI2-5.3.2.1-aud-wrong": ({"aud": "https://other.example"}, "audience"),
    "FAPI2-5.3.2.1-aud-trailing-slash": ({"aud": f"{ISSUER}/"}, "audience"),
    "FAPI2-5.3.2.1-aud-missing": ({"aud": None}, "audience"),
    "RFC7523-3-sub-missing": ({"sub": None}, "issuer"),
    "RFC7523-3-iss-missing": ({"iss": None}, "issuer"),
    "RFC7523-3-iss-other": ({"iss": "client-two"}, "issuer"),
    "RFC7523-3-exp-5-minutes-past": ({"exp": NOW - 300}, "time"),
    "RFC7523-3-exp-missing": ({"exp": None}, "time"),
    "RFC7519-4.1.4-exp-string": ({"exp": str(NOW + 60)}, "time"),
    "RFC7519-4.1.4-exp-true": ({"exp": True}, "time"),
    "limit-exp-601-s-ahead": ({"exp": NOW + 601}, "time"),
    "FAPI2-5.3.2.1-nbf-61-s-ahead": ({"nbf": NOW + 61}, "time"),
    "FAPI2-5.3.2.1-iat-61-s-ahead": ({"iat": NOW + 61}, "time"),
    "RFC7519-4.1.5-nbf-string": ({"nbf": "soon"}, "time"),
    "RFC7523-3-jti-missing": ({"jti": None}, "jti"),
    "RFC7519-4.1.7-jti-number": ({"jti": 7}, "jti"),
    "limit-jti-257": ({"jti": "j" * 257}, "jti"),
}
ACCEPTED_CLAIMS: dict[str, dict[str, Any]] = {
    "FAPI2-5.3.2.1-nbf-8-s-ahead": {"nbf": NOW + 8},
    "FAPI2-5.3.2.1-iat-8-s-ahead": {"iat": NOW + 8},
    "RFC7523-3-iat-optional": {"iat": None},
    "limit-exp-600-s-ahead": {"exp": NOW + 600},
    "limit-jti-256": {"jti": "j" * 256},
    "RFC7519-4-unknown-claims-are-ignored": {"extra": "x"},
}


REFUSED_CLAIMS_BEHAVIOURS = {
    "FAPI2-5.3.2.1-aud-array": "par-test-array-as-audience-fails",
    "FAPI2-5.3.2.1-aud-par-endpoint": "par-test-par-endpoint-url-as-audience-fails",
    "FAPI2-5.3.2.1-aud-token-endpoint": "par-test-token-endpoint-url-as-audience-fails",
    "FAPI2-5.3.2.1-aud-wrong": "ensure-client-assertion-with-wrong-aud-fails",
    "RFC7523-3-sub-missing": "ensure-client-assertion-with-no-sub-fails",
    "RFC7523-3-exp-5-minutes-past": "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "FAPI2-5.3.2.1-nbf-61-s-ahead": (
        "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails"
    ),
}


@LASTING
@pytest.mark.parametrize("case", marked(REFUSED_CLAIMS, REFUSED_CLAIMS_BEHAVIOURS))
async def test_assertion_with_a_wrong_claim_is_refused_at_par(
    caller: TestClient, case: str
) -> None:
    claims, reason = REFUSED_CLAIMS[case]
    answer = await caller.post(
        "/identity/par", caller.request(), assertion=caller.assertion(**claims), proof=None
    )
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert error_code(answer) == f"identity.client_assertion_{reason}"
    assert (await caller.push()).status_code == 201


ACCEPTED_CLAIMS_BEHAVIOURS = {
    "FAPI2-5.3.2.1-nbf-8-s-ahead": (
        "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted"
    ),
}


@LASTING
@pytest.mark.parametrize("case", marked(ACCEPTED_CLAIMS, ACCEPTED_CLAIMS_BEHAVIOURS))
async def test_assertion_within_the_profile_is_accepted(caller: TestClient, case: str) -> None:
    assertion = caller.assertion(**ACCEPTED_CLAIMS[case])
    answer = await caller.post(
        "/identity/par", caller.request(), assertion=assertion, proof=None
    )
    assert answer.status_code == 201, answer.text


def _forged(client: TestClient, how: str) -> str:
    claims = {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "jti": secrets.token(),
        "iat": NOW, "exp": NOW + 60,
    }  # fmt: skip
    kid = client.key.kid
    header = {"alg": "ES256", "kid": kid, "typ": "JWT"}
    public = str(client.key.public_jwk).encode()
    if how == "FAPI2-5.4.1-RS256":
        return jws(header | {"alg": "RS256"}, claims, rs256()[0])
    if how == "RFC8725-3.1-none":
        return jws(header | {"alg": "none"}, claims, unsigned)
    if how == "RFC8725-2.1-HS256-with-public-key":
        return jws(header | {"alg": "HS256"}, claims, hs256(public))
    if how == "RFC7515-4.1.11-unknown-crit":
        return jws(header | {"crit": ["x"], "x": 1}, claims, es256(client.key))
    other = generate_key()
    if how == "RFC8725-2.7-kid-path":
        return jws(header | {"kid": "../../etc/passwd"}, claims, es256(client.key))
    if how == "RFC7515-4.1.3-own-jwk-in-header":
        return jws(header | {"jwk": other.bare_jwk}, claims, es256(other))
    if how == "RFC7515-4.1.2-jku-in-header":
        return jws(header | {"jku": "https://evil.example/jwks"}, claims, es256(other))
    if how == "RFC7515-4.1.5-x5u-in-header":
        return jws(header | {"x5u": "https://evil.example/x"}, claims, es256(other))
    assert how == "RFC7523-3-other-key", how
    return jws(header, claims, es256(other))


@LASTING
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("FAPI2-5.4.1-RS256", marks=pytest.mark.behaviour(
            "ensure-signed-client-assertion-with-RS256-fails")),
        *(pytest.param(how, marks=pytest.mark.behaviour("attack-alg-confusion"))
          for how in ("RFC8725-3.1-none", "RFC8725-2.1-HS256-with-public-key")),
        *(pytest.param(how, marks=pytest.mark.behaviour("attack-jwks-confusion"))
          for how in ("RFC7515-4.1.11-unknown-crit", "RFC8725-2.7-kid-path",
                      "RFC7515-4.1.3-own-jwk-in-header", "RFC7515-4.1.2-jku-in-header",
                      "RFC7515-4.1.5-x5u-in-header")),
        "RFC7523-3-other-key",
    ],
)  # fmt: skip
async def test_forged_assertion_is_refused(caller: TestClient, how: str) -> None:
    answer = await caller.post(
        "/identity/par", caller.request(), assertion=_forged(caller, how), proof=None
    )
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    if how == "FAPI2-5.4.1-RS256":
        assert error_code(answer) == "identity.client_assertion_algorithm"


@LASTING
@pytest.mark.behaviour("attack-assertion-replay")
async def test_assertion_used_twice_is_refused_also_at_the_other_endpoint(
    caller: TestClient,
) -> None:
    assertion = caller.assertion()
    first = await caller.post("/identity/par", caller.request(), assertion=assertion, proof=None)
    again = await caller.post("/identity/par", caller.request(), assertion=assertion, proof=None)
    other = await caller.redeem("c" * 43, assertion=assertion)
    assert first.status_code == 201
    assert error_code(again) == "identity.client_assertion_replayed"
    assert error_code(other) == "identity.client_assertion_replayed"


@LASTING
async def test_assertion_of_a_refused_request_is_used_up_too(caller: TestClient) -> None:
    assertion = caller.assertion()
    bad = await caller.post(
        "/identity/par", caller.request(scope="nonsense"), assertion=assertion, proof=None
    )
    again = await caller.post("/identity/par", caller.request(), assertion=assertion, proof=None)
    assert bad.json()["error"] == "invalid_scope"
    assert error_code(again) == "identity.client_assertion_replayed"


async def test_two_clients_may_use_the_same_jti(city: City, client: TestClient) -> None:
    other = await new_client(city, "client-two")
    for each in (client, other):
        answer = await each.post(
            "/identity/par", each.request(), assertion=each.assertion(jti="the-same"), proof=None
        )
        assert answer.status_code == 201


@LASTING
@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"client_assertion": None}, "identity.client_assertion_missing"),
        ({"client_assertion_type": None}, "identity.client_assertion_missing"),
        ({"client_assertion_type": "urn:other"}, "identity.client_assertion_missing"),
        ({"client_assertion": "x.y"}, "identity.client_assertion_malformed"),
        ({"client_assertion": "a" * 4097}, "identity.client_assertion_malformed"),
        ({"client_id": "client-two"}, "identity.client_mismatch"),
    ],
    ids=[
        "FAPI2-5.3.2.1-no-assertion", "RFC7521-4.2-no-type", "RFC7521-4.2-other-type",
        "RFC7523-3-no-jwt", "limit-assertion-4097", "RFC7521-4.2-other-client-id",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/identity/par", "/identity/token"])
@pytest.mark.behaviour("ensure-client-assertion-in-token-endpoint")
@pytest.mark.behaviour("ensure-client-id-in-token-endpoint")
async def test_request_without_a_usable_assertion_is_refused(
    town: City, caller: TestClient, path: str, form: dict[str, str | None], code: str
) -> None:
    sent = {
        "client_assertion": caller.assertion(), "client_assertion_type": ASSERTION_TYPE,
        "grant_type": "authorization_code", "code": "c",
    } | form  # fmt: skip
    async with town.http() as http:
        data = {name: value for name, value in sent.items() if value is not None}
        answer = await http.post(path, data=data)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert error_code(answer) == code
    # No scheme of HTTP was used, so none is asked for: least of all DPoP (RFC 6749 s5.2).
    assert "www-authenticate" not in answer.headers


@LASTING
@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("Basic Y2xpZW50OnNlY3JldA==", 'Basic realm="client"'),
        ("Bearer abc", 'Bearer realm="client"'),
        ("basic", 'basic realm="client"'),
        ('Basic"x y', None),
        ("X" * 33 + " y", None),
        ("", None),
    ],
)
async def test_client_that_tried_in_a_header_is_told_of_the_scheme_that_it_used(
    town: City, sent: str, asked: str | None
) -> None:
    async with town.http() as http:
        answer = await http.post(
            "/identity/token", data={"grant_type": "authorization_code", "code": "c"},
            headers={"authorization": sent},
        )  # fmt: skip
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers.get("www-authenticate") == asked


async def test_unknown_client_is_refused(city: City) -> None:
    stranger = TestClient(city, "client-nobody")
    answer = await stranger.push()
    assert error_code(answer) == "identity.client_unknown"


@LASTING
async def test_client_secret_basic_is_no_client_authentication(
    town: City, caller: TestClient
) -> None:
    async with town.http() as http:
        answer = await http.post(
            "/identity/token", data={"grant_type": "authorization_code", "code": "c"},
            auth=(caller.client_id, "secret"),
        )  # fmt: skip
    assert error_code(answer) == "identity.client_assertion_missing"


@LASTING
async def test_correct_client_id_beside_the_assertion_is_accepted(caller: TestClient) -> None:
    assert (await caller.push(client_id=caller.client_id)).status_code == 201
