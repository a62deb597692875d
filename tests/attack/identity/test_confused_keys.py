"""An attacker who shows one party's key or token as another's (RFC 8725 s2.7, s2.8, s3.11)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel import secrets
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key
from tests.attack.identity.effects import rows
from tests.attack.identity.forge import b64, es256, hs256, jws, rs256, unsigned
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

LASTING = pytest.mark.asyncio(loop_scope="module")
NOW = 1771578000  # the frozen wire clock, 20 February 2026, 09:00 UTC
JWK = "https://evil.example/jwks"


def claims_of(client: TestClient) -> dict[str, Any]:
    """The claims of a good client assertion."""
    return {
        "iss": client.client_id, "sub": client.client_id, "aud": ISSUER, "jti": secrets.token(),
        "iat": NOW, "exp": NOW + 60,
    }  # fmt: skip


def forgeries(client: TestClient, kind: str) -> str:
    """An assertion that names its own key or weakens its algorithm."""
    header = {"alg": "ES256", "kid": client.key.kid, "typ": "JWT"}
    claims, other, rsa = claims_of(client), generate_key(), rs256()
    public = msgspec.json.encode(client.key.public_jwk)
    headers: dict[str, tuple[dict[str, Any], Any]] = {
        "none": ({"alg": "none"}, unsigned), "None": ({"alg": "None"}, unsigned),
        "nOnE-signed": ({"alg": "nOnE"}, es256(client.key)),
        "RS256": ({"alg": "RS256"}, rsa[0]), "PS256": ({"alg": "PS256"}, rsa[0]),
        "HS256-jwk": ({"alg": "HS256"}, hs256(public)),
        "HS256-empty": ({"alg": "HS256"}, hs256(b"")),
        "ES384-named": ({"alg": "ES384"}, es256(client.key)),
        "alg-list": ({"alg": ["ES256"]}, es256(client.key)),
        "alg-missing": ({"alg": None}, es256(client.key)),
        "jwk": ({"jwk": other.bare_jwk}, es256(other)), "jku": ({"jku": JWK}, es256(other)),
        "x5u": ({"x5u": JWK}, es256(other)), "x5c": ({"x5c": [b64(b"x")]}, es256(other)),
        "kid-of-nobody": ({"kid": "nobody"}, es256(other)),
        "kid-sql": ({"kid": "' OR '1'='1"}, es256(other)),
        "kid-path": ({"kid": "../../dev/null"}, hs256(b"")),
        "kid-object": ({"kid": {"a": 1}}, es256(client.key)),
        "crit": ({"crit": ["b64"], "b64": False}, es256(client.key)),
        "zip": ({"zip": "DEF", "crit": ["zip"]}, es256(client.key)),
    }  # fmt: skip
    changed, sign = headers[kind]
    return jws({n: v for n, v in (header | changed).items() if v is not None}, claims, sign)


ALGORITHMS = (
    "none", "None", "nOnE-signed", "RS256", "PS256", "HS256-jwk", "HS256-empty", "ES384-named",
    "alg-list", "alg-missing",
)  # fmt: skip
KEYS = (
    "jwk", "jku", "x5u", "x5c", "kid-of-nobody", "kid-sql", "kid-path", "kid-object", "crit", "zip",
)  # fmt: skip


@LASTING
@pytest.mark.parametrize(
    "kind",
    [
        *(pytest.param(k, marks=pytest.mark.behaviour("attack-alg-confusion")) for k in ALGORITHMS),
        *(pytest.param(k, marks=pytest.mark.behaviour("attack-jwks-confusion")) for k in KEYS),
    ],
)
async def test_forged_assertion_redeems_no_code_and_pushes_nothing(
    town: City, caller: TestClient, kind: str
) -> None:
    code, asked = await caller.code(), []

    async def host(scope: Any, _receive: Any, _send: Any) -> None:
        asked.append(scope["path"])

    town.kernel.network.applications["https://evil.example"] = host
    before = await rows(town)
    pushed = await caller.post(
        "/identity/par", caller.request(), assertion=forgeries(caller, kind), proof=None
    )
    redeemed = await caller.redeem(code, assertion=forgeries(caller, kind))
    for answer in (pushed, redeemed):
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_client"
    assert await rows(town) == before
    assert asked == []
    assert (await caller.redeem(code)).status_code == 200


@pytest.mark.behaviour("attack-jwks-confusion")
async def test_key_of_another_client_under_the_same_kid_opens_nothing(
    city: City, client: TestClient
) -> None:
    attacker = TestClient(city, "client-two")
    twin = {**attacker.key.public_jwk, "kid": client.key.kid}
    registration = msgspec.structs.replace(attacker.registration(), keys=(twin,))
    done = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, registration)
    )
    assert not isinstance(done, Refused), done
    code, header = await client.code(), {"alg": "ES256", "kid": client.key.kid, "typ": "JWT"}
    before = await rows(city)
    for claims in (claims_of(client), claims_of(client) | {"sub": "client-two"}):
        forged = jws(header, claims, es256(attacker.key))
        answer = await client.redeem(code, assertion=forged)
        assert answer.json()["error"] == "invalid_client"
    assert await rows(city) == before
    own = jws(header, claims_of(attacker), es256(attacker.key))
    stolen = await attacker.redeem(code, assertion=own)
    assert stolen.json()["error"] == "invalid_grant"
    assert (await client.redeem(code)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-jwks-confusion")
async def test_token_that_the_server_signed_is_no_assertion_object_or_proof(
    town: City, caller: TestClient
) -> None:
    """The server's own key is trusted for what the server says, never for a client."""
    request_uri = await caller.pushed(response_mode="jwt")
    response = (await Browser(town).sign_in(caller.client_id, request_uri, "ada"))["response"]
    id_token = (await caller.redeem(await caller.code())).json()["id_token"]
    code = await caller.code()
    before = await rows(town)
    for shown in (response, id_token):
        assertion = await caller.redeem(code, assertion=shown)
        assert assertion.json()["error"] == "invalid_client"
        proof = await caller.redeem(code, proof=shown)
        assert proof.json()["error"] == "invalid_dpop_proof"
        pushed = await caller.post("/identity/par", {"request": shown}, proof=None)
        assert pushed.json()["error"] == "invalid_request_object"
    assert await rows(town) == before
    assert (await caller.redeem(code)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-jwks-confusion")
async def test_proof_and_assertion_and_object_do_not_stand_in_for_each_other(
    town: City, caller: TestClient
) -> None:
    caller_proof = caller.proof("POST", f"{ISSUER}/identity/token", key=caller.key)
    code = await caller.code()
    before = await rows(town)
    for assertion in (caller_proof, caller.request_object()):
        answer = await caller.redeem(code, assertion=assertion)
        assert answer.json()["error"] == "invalid_client"
    for proof in (caller.assertion(), caller.request_object()):
        answer = await caller.redeem(code, proof=proof)
        assert answer.json()["error"] == "invalid_dpop_proof"
    for request in (caller.assertion(), caller_proof):
        answer = await caller.post("/identity/par", {"request": request}, proof=None)
        assert answer.json()["error"] == "invalid_request_object"
    assert await rows(town) == before
    assert (await caller.redeem(code)).status_code == 200
