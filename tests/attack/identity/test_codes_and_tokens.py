"""An attacker with a stolen code or token (RFC 6749 s4.1, RFC 7636, RFC 8693)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lionrock.identity.domain.mandates import MandateDraft
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, read_unverified, trusted_key, verify_jws
from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client

LASTING = pytest.mark.asyncio(loop_scope="module")
EXCHANGE_CODE = "identity.exchange_target"


@LASTING
async def test_token_answer_is_a_bound_opaque_token_that_nobody_caches(
    town: City, caller: TestClient
) -> None:
    answer = await caller.redeem(await caller.code())
    fields = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert fields["token_type"] == "DPoP"
    assert fields["expires_in"] == 900
    assert fields["scope"] == "openid profile company"
    # 256 random bits, and the slot that it is looked up in.
    assert len(fields["access_token"]) == 43 + 2
    async with town.http() as http:
        keys = (await http.get("/identity/jwks")).json()["keys"]
    verified = verify_jws(fields["id_token"], [trusted_key(k) for k in keys], typ="JWT")
    assert not isinstance(verified, Refused), verified
    assert verified.claims["nonce"] == "the-nonce"
    assert verified.claims["aud"] == caller.client_id
    assert verified.claims["iss"] == "http://platform.test"


@LASTING
@pytest.mark.parametrize("length", [64, 2048])
async def test_long_nonce_comes_back_unchanged(caller: TestClient, length: int) -> None:
    answer = await caller.redeem(await caller.code(nonce="n" * length))
    seen = read_unverified(answer.json()["id_token"])
    assert not isinstance(seen, Refused)
    assert seen.claims["nonce"] == "n" * length


@LASTING
async def test_request_without_nonce_or_openid_gets_no_nonce_or_no_id_token(
    caller: TestClient,
) -> None:
    seen = read_unverified((await caller.redeem(await caller.code(nonce=None))).json()["id_token"])
    assert not isinstance(seen, Refused)
    assert "nonce" not in seen.claims
    plain = (await caller.redeem(await caller.code(scope="profile"))).json()
    assert "id_token" not in plain


@pytest.mark.behaviour("attempt-reuse-authorization-code-after-one-second")
async def test_code_used_twice_is_refused_and_costs_every_token_it_brought(
    city: City, client: TestClient
) -> None:
    code = await client.code()
    token = (await client.redeem(code)).json()["access_token"]
    company_token = (await client.exchange(token, city.company.id)).json()["access_token"]
    city.wire_clock.advance(seconds=1)
    again = await client.redeem(code)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert error_code(again) == "identity.code_used"
    for each in (token, company_token):
        answer = await client.get(each)
        assert answer.status_code == 401
        assert error_code(answer) == "identity.token_invalid"


@pytest.mark.behaviour("ensure-token-endpoint-fails-with-expired-auth-code")
async def test_code_expires_after_sixty_seconds_and_not_before(
    city: City, client: TestClient
) -> None:
    early, late = await client.code(), await client.code()
    city.wire_clock.advance(seconds=59)
    assert (await client.redeem(early)).status_code == 200
    city.wire_clock.advance(seconds=1)
    answer = await client.redeem(late)
    assert answer.json()["error"] == "invalid_grant"
    assert error_code(answer) == "identity.code_expired"


@pytest.mark.behaviour("ensure-authorization-code-is-bound-to-client")
@pytest.mark.behaviour("attack-code-injection")
async def test_code_of_another_client_is_not_known(city: City, client: TestClient) -> None:
    thief = await new_client(city, "client-two")
    code = await client.code()
    answer = await thief.redeem(code)
    assert answer.json()["error"] == "invalid_grant"
    assert error_code(answer) == "identity.code_unknown"
    assert (await client.redeem(code)).status_code == 200


@LASTING
@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        pytest.param(
            {"code_verifier": "w" * 43}, "invalid_grant", "code_verifier",
            marks=pytest.mark.behaviour("incorrect-pkce-code-verifier-rejected"),
        ),
        pytest.param(
            {"code_verifier": None}, "invalid_grant", "code_verifier",
            marks=pytest.mark.behaviour("ensure-pkce-code-verifier-required"),
        ),
        ({"code_verifier": "v" * 42}, "invalid_grant", "code_verifier"),
        ({"code_verifier": "v" * 43 + "\n"}, "invalid_grant", "code_verifier"),
        ({"redirect_uri": None}, "invalid_grant", "code_redirect_uri"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_grant", "code_redirect_uri"),
        ({"code": ""}, "invalid_request", "code_missing"),
        ({"grant_type": None}, "unsupported_grant_type", "grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client", "grant_type_not_allowed"),
        ({"grant_type": "refresh_token"}, "unauthorized_client", "grant_type_not_allowed"),
    ],
    ids=[
        "RFC7636-4.6-wrong-verifier", "RFC7636-4.5-no-verifier", "RFC7636-4.1-short-verifier",
        "RFC7636-4.1-verifier-newline", "RFC6749-4.1.3-no-redirect_uri",
        "RFC6749-4.1.3-other-redirect_uri", "RFC6749-4.1.3-no-code", "RFC6749-5.2-no-grant",
        "FAPI2-5.3.2.1-password", "RFC6749-5.2-client_credentials", "RFC6749-5.2-refresh_token",
    ],
)  # fmt: skip
async def test_bent_token_request_is_refused_and_the_code_still_works(
    caller: TestClient, changes: dict[str, Any], error: str, code: str
) -> None:
    good = await caller.code()
    answer = await caller.redeem(good, **changes) if "code" not in changes else (
        await caller.redeem("", **{n: v for n, v in changes.items() if n != "code"})
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert error_code(answer) == f"identity.{code}"
    assert (await caller.redeem(good)).status_code == 200


@LASTING
@pytest.mark.behaviour("ensure-holder-of-key-required")
async def test_token_without_a_proof_is_refused_at_the_token_endpoint(caller: TestClient) -> None:
    answer = await caller.redeem(await caller.code(), proof=None)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert error_code(answer) == "identity.dpop_missing"


@LASTING
async def test_proof_of_the_push_is_not_taken_again_at_the_token_endpoint(
    caller: TestClient,
) -> None:
    code = await caller.code()
    proof = caller.proof("POST", "http://platform.test/identity/token")
    first = await caller.redeem("x" * 43, proof=proof)
    again = await caller.redeem(code, proof=proof)
    assert error_code(first) == "identity.code_unknown"
    assert error_code(again) == "identity.dpop_replayed"


@LASTING
@pytest.mark.parametrize(
    "offset_s",
    [
        pytest.param(-10, marks=pytest.mark.behaviour(
            "ensure-dpopproof-with-iat-10seconds-before-succeeds")),
        pytest.param(10, marks=pytest.mark.behaviour(
            "ensure-dpopproof-with-iat-10seconds-after-succeeds")),
        -60, 60,
    ],
)  # fmt: skip
async def test_proof_ten_seconds_off_is_accepted(caller: TestClient, offset_s: int) -> None:
    now_s = caller.city.kernel.wire_clock.now_s()
    url = "http://platform.test/identity/token"
    proof = caller.proof("POST", url, iat=now_s + offset_s)
    assert (await caller.redeem(await caller.code(), proof=proof)).status_code == 200


async def test_access_token_expires(city: City, client: TestClient) -> None:
    token = await client.token()
    city.wire_clock.advance(seconds=899)
    assert (await client.get(token)).status_code == 200
    city.wire_clock.advance(seconds=1)
    assert (await client.get(token)).status_code == 401


async def test_token_of_a_suspended_person_or_client_stops_at_once(
    city: City, client: TestClient
) -> None:
    token, identity = await client.token(), city.identity
    ada, run = city.people["ada"].id, city.kernel.database.run
    await run(lambda db: identity.parties.set_person_status(db, ada, "suspended"))
    assert (await client.get(token)).status_code == 401
    await run(lambda db: identity.parties.set_person_status(db, ada, "active"))
    assert (await client.get(token)).status_code == 200
    ended = msgspec.structs.replace(client.registration(), is_active=False)
    await run(lambda db: identity.clients.replace(db, ended))
    assert (await client.get(token)).status_code == 401


async def test_no_secret_is_stored_as_it_is(city: City, client: TestClient) -> None:
    request_uri = await client.pushed()
    code = await client.code()
    token = (await client.redeem(code)).json()["access_token"]

    async def dump(db: Connection) -> str:
        tables = ("pushed_requests", "codes", "access_tokens", "persons", "sign_ins")
        rows = [await db.fetch(f"SELECT * FROM identity.{t}") for t in tables]
        return str([dict(row) for table in rows for row in table])

    stored = await city.kernel.database.run(dump)
    for secret in (request_uri, code, token, "+85259000001", "ada@harbour.example", "Z100000"):
        assert secret not in stored
        assert secret.encode().hex() not in stored


# Acting for a company (RFC 8693).


@LASTING
async def test_exchange_gives_the_company_as_subject_and_the_person_as_actor(
    town: City, caller: TestClient
) -> None:
    token = await caller.token()
    person = (await caller.get(token)).json()
    answer = (await caller.exchange(token, town.company.id)).json()
    assert answer["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    company = (await caller.get(answer["access_token"])).json()
    assert company["sub"] != person["sub"]
    assert company["act"]["sub"] == person["sub"]
    assert company["company"]["id"] == town.company.id
    assert "name" not in company


@LASTING
@pytest.mark.parametrize("named_by", ["audience", "company", "resource"])
async def test_company_may_be_named_by_any_of_the_three_parameters(
    town: City, caller: TestClient, named_by: str
) -> None:
    urn = f"urn:lionrock:company:{town.company.id}"
    answer = await caller.exchange(
        await caller.token(), town.company.id, **({"resource": None} | {named_by: urn})
    )
    assert answer.status_code == 200, answer.text


@LASTING
@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"resource": None}, "invalid_target", "exchange_target"),
        ({"resource": "urn:lionrock:company:com_" + "0" * 32}, "invalid_target", "exchange_target"),
        ({"resource": "https://company.example"}, "invalid_target", "exchange_target"),
        ({"company": "com_" + "1" * 32}, "invalid_target", "exchange_target"),
        ({"subject_token": "t" * 43}, "invalid_request", "subject_token"),
        ({"subject_token": None}, "invalid_request", "subject_token"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request",
         "subject_token_type"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
         "invalid_request", "subject_token_type"),
        ({"actor_token": "t"}, "invalid_request", "subject_token_type"),
        ({"scope": "openid contact"}, "invalid_scope", "scope"),
    ],
    ids=[
        "RFC8693-2.2.2-no-target", "RFC8693-2.2.2-unknown-company", "RFC8693-2.2.2-no-company",
        "RFC8693-2.1-two-companies", "RFC8693-2.1-invented-token", "RFC8693-2.1-no-token",
        "RFC8693-2.1-id_token", "RFC8693-2.1-refresh_token", "RFC8693-2.1-actor_token",
        "RFC8693-2.1-scope-wider",
    ],
)  # fmt: skip
async def test_bent_exchange_is_refused(
    town: City, caller: TestClient, changes: dict[str, Any], error: str, code: str
) -> None:
    answer = await caller.exchange(await caller.token(), town.company.id, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert error_code(answer) == f"identity.{code}"


async def test_exchange_by_another_client_or_key_is_refused(
    city: City, client: TestClient
) -> None:
    token, thief = await client.token(), await new_client(city, "client-two")
    assert error_code(await thief.exchange(token, city.company.id)) == "identity.subject_token"
    client.dpop_key = generate_key()
    refused = await client.exchange(token, city.company.id)
    assert error_code(refused) == "identity.dpop_key_mismatch"


@LASTING
async def test_exchange_without_the_company_scope_is_refused(
    town: City, caller: TestClient
) -> None:
    token = await caller.token(scope="openid profile")
    refused = await caller.exchange(token, town.company.id)
    assert refused.json()["error"] == "invalid_scope"


@LASTING
async def test_person_without_a_mandate_cannot_act_for_the_company(
    town: City, caller: TestClient
) -> None:
    refused = await caller.exchange(await caller.token("carmen"), town.company.id)
    assert refused.json()["error"] == "invalid_target"


@LASTING
async def test_company_token_is_no_step_to_a_company_of_somebody_else(
    town: City, caller: TestClient
) -> None:
    token = (await caller.exchange(await caller.token(), town.company.id)).json()["access_token"]
    refused = await caller.exchange(token, "com_" + "0" * 32)
    assert refused.json()["error"] == "invalid_target"


async def test_company_token_whose_authority_ended_is_no_step_to_a_company(
    city: City, client: TestClient
) -> None:
    token = (await client.exchange(await client.token(), city.company.id)).json()["access_token"]
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    assert error_code(await client.exchange(token, city.company.id)) == "identity.exchange_chain"


async def test_exchanged_token_lives_no_longer_than_its_person_token(
    city: City, client: TestClient
) -> None:
    token = await client.token()
    city.wire_clock.advance(seconds=600)
    answer = (await client.exchange(token, city.company.id)).json()
    assert answer["expires_in"] == 300
    narrowed = await client.exchange(token, city.company.id, scope="company")
    assert narrowed.json()["scope"] == "company"


async def test_revoked_mandate_stops_the_company_token_at_its_next_use(
    city: City, client: TestClient
) -> None:
    token = await client.token()
    company_token = (await client.exchange(token, city.company.id)).json()["access_token"]
    assert (await client.get(company_token)).status_code == 200
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    stopped = await client.get(company_token)
    assert stopped.status_code == 403
    assert error_code(stopped) == "identity.mandate_missing"
    assert (await client.get(token)).status_code == 200
    refused = await client.exchange(token, city.company.id)
    assert refused.json()["error"] == "invalid_target"


async def test_mandate_that_runs_out_stops_the_company_token(
    city: City, client: TestClient
) -> None:
    now = city.kernel.business_clock.now()
    draft = MandateDraft(
        person_id=city.people["ben"].id, company_id=city.company.id, role="representative",
        scopes=frozenset({"programmes"}), valid_from=now, valid_to=now + timedelta(seconds=90),
    )  # fmt: skip
    await city.kernel.database.run(lambda db: city.identity.grant_mandate(db, draft, "operator"))
    token = await client.token("ben")
    company_token = (await client.exchange(token, city.company.id)).json()["access_token"]
    city.business_clock.advance(seconds=89)
    assert (await client.get(company_token)).status_code == 200
    city.business_clock.advance(seconds=1)
    assert (await client.get(company_token)).status_code == 403


async def test_nobody_acts_for_a_company_that_has_ceased(
    city: City, client: TestClient
) -> None:
    token = await client.token()
    company_token = (await client.exchange(token, city.company.id)).json()["access_token"]
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_company_status(db, city.company.id, "ceased")
    )
    assert error_code(await client.get(company_token)) == "identity.company_inactive"
    assert error_code(await client.exchange(token, city.company.id)) == EXCHANGE_CODE
