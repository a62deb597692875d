"""An attacker who has a token and bends its proofs (RFC 9449 s4.3, s7, s11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lionrock.identity.domain.dpop import token_hash
from lionrock.kernel import secrets
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_key
from tests.attack.identity.forge import es256, hs256, jws, rs256, unsigned
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

LASTING = pytest.mark.asyncio(loop_scope="module")
URL = f"{ISSUER}/identity/userinfo"
NOW = 1771578000

REFUSED_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "RFC9449-4.3.3-jti-missing": ({"jti": None}, "dpop_jti"),
    "RFC9449-4.3.3-jti-empty": ({"jti": ""}, "dpop_jti"),
    "RFC9449-4.3.3-jti-number": ({"jti": 5}, "dpop_jti"),
    "limit-jti-257": ({"jti": "j" * 257}, "dpop_jti"),
    "RFC9449-4.3.8-htm-missing": ({"htm": None}, "dpop_method"),
    "RFC9449-4.3.8-htm-other": ({"htm": "POST"}, "dpop_method"),
    "RFC9449-4.3.8-htm-lower": ({"htm": "get"}, "dpop_method"),
    "RFC9449-4.3.9-htu-missing": ({"htu": None}, "dpop_target"),
    "RFC9449-4.3.9-htu-other-path": ({"htu": f"{ISSUER}/identity/token"}, "dpop_target"),
    "RFC9449-4.3.9-htu-other-host": (
        {"htu": "http://platform.test.evil.example/identity/userinfo"}, "dpop_target",
    ),
    "RFC9449-4.3.9-htu-other-scheme": (
        {"htu": "https://platform.test/identity/userinfo"}, "dpop_target",
    ),
    "RFC9449-4.3.9-htu-other-port": (
        {"htu": "http://platform.test:8080/identity/userinfo"}, "dpop_target",
    ),
    "RFC9449-4.3.9-htu-credentials": (
        {"htu": "http://x@platform.test/identity/userinfo"}, "dpop_target",
    ),
    "RFC9449-4.3.9-htu-relative": ({"htu": "/identity/userinfo"}, "dpop_target"),
    "RFC9449-4.3.9-htu-list": ({"htu": [URL]}, "dpop_target"),
    "RFC3986-6.2.2.1-path-case-matters": (
        {"htu": f"{ISSUER}/Identity/userinfo"}, "dpop_target",
    ),
    "RFC9449-4.3.11-iat-missing": ({"iat": None}, "dpop_time"),
    "RFC9449-4.3.11-iat-hour-ago": ({"iat": NOW - 3600}, "dpop_time"),
    "RFC9449-4.3.11-iat-hour-ahead": ({"iat": NOW + 3600}, "dpop_time"),
    "limit-iat-61-s-ago": ({"iat": NOW - 61}, "dpop_time"),
    "limit-iat-61-s-ahead": ({"iat": NOW + 61}, "dpop_time"),
    "RFC9449-4.3.11-iat-string": ({"iat": str(NOW)}, "dpop_time"),
    "RFC9449-4.3.11-iat-true": ({"iat": True}, "dpop_time"),
    "RFC7519-4.1.4-exp-past": ({"exp": NOW - 3600}, "dpop_time"),
    "RFC7519-4.1.5-nbf-ahead": ({"nbf": NOW + 3600}, "dpop_time"),
    "RFC9449-4.3.12-ath-missing": ({"ath": None}, "dpop_token_hash"),
    "RFC9449-4.3.12-ath-wrong": ({"ath": token_hash("another")}, "dpop_token_hash"),
    "RFC9449-4.3.12-ath-token-itself": ({"ath": "token"}, "dpop_token_hash"),
}  # fmt: skip
ACCEPTED_CLAIMS: dict[str, dict[str, Any]] = {
    "RFC9449-4.3.9-htu-query": {"htu": f"{URL}?x=1"},
    "RFC9449-4.3.9-htu-fragment": {"htu": f"{URL}#part"},
    "RFC3986-6.2.2.1-scheme-and-host-case": {"htu": "HTTP://Platform.TEST/identity/userinfo"},
    "RFC3986-6.2.3-default-port": {"htu": "http://platform.test:80/identity/userinfo"},
    "RFC3986-6.2.2.2-escaped-unreserved": {"htu": f"{ISSUER}/identity/%75serinfo"},
    "RFC3986-6.2.2.3-dot-segments": {"htu": f"{ISSUER}/identity/x/../userinfo"},
    "RFC9449-4.2-extra-claims": {"extra": {"a": 1}},
    "iat-10-s-ago": {"iat": NOW - 10},
    "iat-10-s-ahead": {"iat": NOW + 10},
    "exp-and-nbf-around-now": {"exp": NOW + 30, "nbf": NOW - 30},
    "limit-jti-256": {"jti": "j" * 256},
}


async def _is_still_good(client: TestClient, token: str) -> None:
    """After each refusal a correct proof still works."""
    assert (await client.get(token)).status_code == 200


@LASTING
@pytest.mark.parametrize("case", REFUSED_CLAIMS)
@pytest.mark.behaviour("dpop-negative-tests")
@pytest.mark.behaviour("attack-htu-ath")
async def test_proof_with_a_wrong_claim_is_refused(caller: TestClient, case: str) -> None:
    token = await caller.token()
    claims, code = REFUSED_CLAIMS[case]
    answer = await caller.get(token, **claims)
    assert answer.status_code == 401
    assert error_code(answer) == f"identity.{code}"
    assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"]
    await _is_still_good(caller, token)


@LASTING
@pytest.mark.parametrize("case", ACCEPTED_CLAIMS)
@pytest.mark.behaviour("dpop-negative-tests")
async def test_proof_within_the_standard_is_accepted(caller: TestClient, case: str) -> None:
    answer = await caller.get(await caller.token(), **ACCEPTED_CLAIMS[case])
    assert answer.status_code == 200, answer.text


def _forged(client: TestClient, token: str, how: str) -> str:
    key = client.dpop_key
    header: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.bare_jwk}
    claims = {
        "jti": secrets.token(), "htm": "GET", "htu": URL, "iat": NOW, "ath": token_hash(token),
    }  # fmt: skip
    sign, rsa_jwk = rs256()
    private = {**key.bare_jwk, "d": "A" * 43}
    forged: dict[str, Callable[[], str]] = {
        "RFC9449-4.3.2-no-jwt": lambda: "not a proof",
        "RFC9449-4.3.2-two-parts": lambda: "a.b",
        "RFC9449-4.3.4-typ-missing": lambda: jws(
            {"alg": "ES256", "jwk": key.bare_jwk}, claims, es256(key)
        ),
        "RFC9449-4.3.4-typ-JWT": lambda: jws(header | {"typ": "JWT"}, claims, es256(key)),
        "RFC9449-4.3.5-alg-missing": lambda: jws(
            {"typ": "dpop+jwt", "jwk": key.bare_jwk}, claims, es256(key)
        ),
        "RFC9449-4.3.5-alg-none": lambda: jws(header | {"alg": "none"}, claims, unsigned),
        "RFC9449-4.3.5-alg-RS256": lambda: jws(
            header | {"alg": "RS256", "jwk": rsa_jwk}, claims, sign
        ),
        "RFC9449-4.3.5-alg-HS256": lambda: jws(
            header | {"alg": "HS256"}, claims, hs256(str(key.bare_jwk).encode())
        ),
        "RFC9449-4.3.6-bad-signature": lambda: jws(header, claims, es256(generate_key())),
        "RFC9449-4.3.6-empty-signature": lambda: jws(header, claims, unsigned),
        "RFC9449-4.3.7-jwk-missing": lambda: jws(
            {"typ": "dpop+jwt", "alg": "ES256"}, claims, es256(key)
        ),
        "RFC9449-4.3.7-jwk-private": lambda: jws(header | {"jwk": private}, claims, es256(key)),
        "RFC9449-4.3.7-jwk-text": lambda: jws(header | {"jwk": "key"}, claims, es256(key)),
        "RFC9449-4.3.7-jwk-other-use": lambda: jws(
            header | {"jwk": key.bare_jwk | {"use": "enc"}}, claims, es256(key)
        ),
        "RFC7515-4.1.11-crit": lambda: jws(header | {"crit": ["exp"]}, claims, es256(key)),
        "limit-proof-4097": lambda: jws(header | {"pad": "x" * 3300}, claims, es256(key)),
    }
    return forged[how]()


@LASTING
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("RFC9449-4.3.2-no-jwt", "dpop_malformed"),
        ("RFC9449-4.3.2-two-parts", "dpop_malformed"),
        ("RFC9449-4.3.4-typ-missing", "dpop_type"),
        ("RFC9449-4.3.4-typ-JWT", "dpop_type"),
        ("RFC9449-4.3.5-alg-missing", "dpop_algorithm"),
        ("RFC9449-4.3.5-alg-none", ""),
        ("RFC9449-4.3.5-alg-RS256", "dpop_algorithm"),
        ("RFC9449-4.3.5-alg-HS256", "dpop_algorithm"),
        ("RFC9449-4.3.6-bad-signature", "dpop_signature"),
        ("RFC9449-4.3.6-empty-signature", "dpop_malformed"),
        ("RFC9449-4.3.7-jwk-missing", "dpop_key"),
        ("RFC9449-4.3.7-jwk-private", "dpop_key"),
        ("RFC9449-4.3.7-jwk-text", "dpop_key"),
        ("RFC9449-4.3.7-jwk-other-use", "dpop_key"),
        ("RFC7515-4.1.11-crit", "dpop_malformed"),
        ("limit-proof-4097", "dpop_malformed"),
    ],
)
@pytest.mark.behaviour("dpop-negative-tests")
@pytest.mark.behaviour("attack-alg-confusion")
async def test_forged_proof_is_refused(caller: TestClient, how: str, code: str) -> None:
    token = await caller.token()
    proof = _forged(caller, token, how)
    answer = await caller.get(
        token, headers=[("authorization", f"DPoP {token}"), ("dpop", proof)]
    )
    assert answer.status_code == 401
    assert error_code(answer).startswith(f"identity.{code or 'dpop_'}")
    await _is_still_good(caller, token)


@LASTING
@pytest.mark.behaviour("dpop-negative-tests")
async def test_proof_by_another_key_is_refused(caller: TestClient) -> None:
    token = await caller.token()
    answer = await caller.get(token, key=generate_key())
    assert answer.status_code == 401
    assert error_code(answer) == "identity.dpop_key_mismatch"
    await _is_still_good(caller, token)


@LASTING
@pytest.mark.behaviour("dpop-negative-tests")
@pytest.mark.behaviour("attack-proof-replay")
async def test_same_proof_twice_is_refused(caller: TestClient) -> None:
    token = await caller.token()
    headers = [
        ("authorization", f"DPoP {token}"), ("dpop", caller.proof("GET", URL, token=token)),
    ]  # fmt: skip
    assert (await caller.get(token, headers=headers)).status_code == 200
    again = await caller.get(token, headers=headers)
    assert again.status_code == 401
    assert error_code(again) == "identity.dpop_replayed"
    await _is_still_good(caller, token)


@LASTING
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda t, p: [("authorization", f"DPoP {t}")], "dpop_missing"),
        (lambda t, p: [("authorization", f"Bearer {t}")], "token_scheme"),
        (lambda t, p: [("authorization", f"Bearer {t}"), ("dpop", p)], "token_scheme"),
        (lambda t, p: [("dpop", p)], "token_missing"),
        (lambda t, p: [("authorization", f"DPoP {t}"), ("dpop", p), ("dpop", p)], "dpop_several"),
        (lambda t, p: [("authorization", f"DPoP {t}"), ("dpop", p), ("DPoP", "x")],
         "dpop_several"),
        (lambda t, p: [("authorization", f"DPoP {t}"), ("dpop", f"{p}, {p}")], "dpop_malformed"),
        (lambda t, p: [("authorization", f"DPoP {t}"), ("authorization", f"Bearer {t}"),
                       ("dpop", p)], "token_scheme"),
        (lambda t, p: [("authorization", f"Basic {t}"), ("dpop", p)], "token_scheme"),
        (lambda t, p: [("authorization", "DPoP "), ("dpop", p)], "token_invalid"),
        (lambda t, p: [("authorization", f"DPoP {'x' * 600}"), ("dpop", p)], "token_scheme"),
    ],
    ids=[
        "RFC9449-7.1-no-proof", "RFC9449-7.2-downgrade", "RFC9449-7.2-downgrade-with-proof",
        "RFC6750-3.1-no-token", "RFC9449-4.3.1-two-proofs", "RFC9449-4.3.1-two-proofs-other-case",
        "RFC9110-5.3-proofs-in-one-field", "RFC6750-2-two-authorizations", "RFC9449-7.1-basic",
        "RFC9449-7.1-empty", "limit-authorization-513",
    ],
)  # fmt: skip
@pytest.mark.behaviour("dpop-negative-tests")
async def test_headers_that_do_not_bind_are_refused(
    caller: TestClient, make: Any, code: str
) -> None:
    token = await caller.token()
    headers = make(token, caller.proof("GET", URL, token=token))
    answer = await caller.get(token, headers=headers)
    assert answer.status_code == 401
    assert error_code(answer) == f"identity.{code}"
    assert answer.headers["www-authenticate"].startswith("DPoP ")
    assert 'algs="ES256 Ed25519"' in answer.headers["www-authenticate"]
    await _is_still_good(caller, token)


@LASTING
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP"])
@pytest.mark.behaviour("access-token-type-header-case-sensitivity")
async def test_scheme_is_compared_without_case(caller: TestClient, scheme: str) -> None:
    assert (await caller.get(await caller.token(), scheme=scheme)).status_code == 200


@LASTING
@pytest.mark.parametrize("name", ["DPoP", "DPOP", "dpop", "dPop"])
@pytest.mark.behaviour("dpop-negative-tests")
async def test_header_name_is_compared_without_case(caller: TestClient, name: str) -> None:
    token = await caller.token()
    headers = [
        ("authorization", f"DPoP {token}"), (name, caller.proof("GET", URL, token=token)),
    ]  # fmt: skip
    assert (await caller.get(token, headers=headers)).status_code == 200


@LASTING
async def test_userinfo_by_post_is_answered_and_its_proof_names_post(caller: TestClient) -> None:
    token = await caller.token()
    assert (await caller.get(token, method="POST")).status_code == 200
    refused = await caller.get(token, method="POST", htm="GET")
    assert error_code(refused) == "identity.dpop_method"


@LASTING
async def test_invented_token_is_refused_even_with_a_perfect_proof(caller: TestClient) -> None:
    answer = await caller.get("t" * 43)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@LASTING
async def test_token_without_the_scope_of_the_endpoint_is_refused(caller: TestClient) -> None:
    token = await caller.token(scope="openid profile")
    answer = await caller.get(token, "/identity/v1/mandates")
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="company"' in answer.headers["www-authenticate"]


async def test_proofs_of_strangers_do_not_fill_the_memory(
    city: City, client: TestClient
) -> None:
    async def count(db: Connection) -> int:
        return int(await db.fetchval("SELECT count(*) FROM kernel.replays"))

    token = await client.token()
    before = await city.kernel.database.run(count)
    for _ in range(5):
        assert (await client.get("t" * 43)).status_code == 401
        assert (await client.get(token, key=generate_key())).status_code == 401
    assert await city.kernel.database.run(count) == before
    assert (await client.get(token)).status_code == 200
    assert await city.kernel.database.run(count) == before + 1


@LASTING
async def test_host_header_does_not_decide_what_htu_must_be(
    town: City, caller: TestClient
) -> None:
    token = await caller.token()
    proof = caller.proof("GET", "http://evil.example/identity/userinfo", token=token)
    headers = [
        ("authorization", f"DPoP {token}"), ("dpop", proof), ("host", "evil.example"),
    ]  # fmt: skip
    answer = await caller.get(token, headers=headers)
    assert answer.status_code in (401, 421)


@LASTING
@pytest.mark.behaviour("check-dpop-proof-nbf-exp")
@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"nbf": NOW, "exp": NOW + 300}, 200), ({"nbf": NOW + 3600}, 401),
        ({"exp": NOW - 3600}, 401), ({"nbf": "now"}, 401), ({"exp": None}, 200),
    ],
)
async def test_nbf_and_exp_of_a_proof_count_when_they_are_there(
    caller: TestClient, claims: dict[str, Any], status: int
) -> None:
    token = await caller.token()
    assert (await caller.get(token, **claims)).status_code == status
    await _is_still_good(caller, token)
