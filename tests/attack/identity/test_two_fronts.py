"""An attacker who shows at one front what another front has seen: the memory is shared."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity import api
from lionrock.identity.api import Identity
from lionrock.kernel.http import build_application
from tests.attack.identity.effects import rows
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

USERINFO = f"{ISSUER}/identity/userinfo"


@pytest.fixture
async def twin(city: City, client: TestClient) -> TestClient:
    """The same client, which reaches another front over the same database."""
    identity = Identity(city.kernel, Evidence(city.kernel, Directory(city.kernel)))
    application = build_application(city.kernel, [api.table(identity)])
    other = dataclasses.replace(city, identity=identity, application=application)
    twin = TestClient(other, client.client_id, client.key)
    twin.dpop_key = client.dpop_key
    return twin


@pytest.mark.behaviour("attack-assertion-replay")
@pytest.mark.parametrize("path", ["/identity/par", "/identity/token", "/identity/revoke"])
async def test_assertion_that_one_front_took_is_refused_by_the_other(
    city: City, client: TestClient, twin: TestClient, path: str
) -> None:
    assertion = client.assertion()
    first = await client.post("/identity/par", client.request(), assertion=assertion, proof=None)
    assert first.status_code == 201
    before = await rows(city)
    form = client.request() | {"grant_type": "authorization_code", "code": "c", "token": "t"}
    again = await twin.post(path, form, assertion=assertion)
    assert again.status_code == 401
    assert error_code(again) == "identity.client_assertion_replayed"
    assert await rows(city) == before


@pytest.mark.behaviour("attack-proof-replay")
async def test_proof_that_one_front_took_is_refused_by_the_other_at_a_resource(
    city: City, client: TestClient, twin: TestClient
) -> None:
    token = await client.token()
    headers = [
        ("authorization", f"DPoP {token}"), ("dpop", client.proof("GET", USERINFO, token=token)),
    ]  # fmt: skip
    assert (await client.get(token, headers=headers)).status_code == 200
    before = await rows(city)
    again = await twin.get(token, headers=headers)
    assert again.status_code == 401
    assert error_code(again) == "identity.dpop_replayed"
    assert await rows(city) == before
    assert (await twin.get(token)).status_code == 200


@pytest.mark.behaviour("attack-proof-replay")
async def test_proof_that_one_front_took_is_refused_by_the_other_at_the_token_endpoint(
    city: City, client: TestClient, twin: TestClient
) -> None:
    one, two = await client.code(), await client.code("ben")
    proof = client.proof("POST", f"{ISSUER}/identity/token")
    assert (await client.redeem(one, proof=proof)).status_code == 200
    before = await rows(city)
    again = await twin.redeem(two, proof=proof)
    assert error_code(again) == "identity.dpop_replayed"
    assert await rows(city) == before
    assert (await twin.redeem(two)).status_code == 200


@pytest.mark.behaviour("attack-assertion-replay")
async def test_request_object_that_one_front_took_is_refused_by_the_other(
    city: City, client: TestClient, twin: TestClient
) -> None:
    request = {"request": client.request_object()}
    assert (await client.post("/identity/par", request, proof=None)).status_code == 201
    before = await rows(city)
    again = await twin.post("/identity/par", request, proof=None)
    assert error_code(again) == "identity.request_object_replayed"
    assert await rows(city) == before


@pytest.mark.behaviour("attack-code-injection")
async def test_code_that_one_front_took_is_refused_by_the_other_and_costs_its_token(
    client: TestClient, twin: TestClient
) -> None:
    code = await client.code()
    token = (await client.redeem(code)).json()["access_token"]
    assert error_code(await twin.redeem(code)) == "identity.code_used"
    for each in (client, twin):
        assert (await each.get(token)).status_code == 401


@pytest.mark.behaviour("attack-code-injection")
async def test_of_two_fronts_that_take_a_code_at_once_one_gives_a_token_and_it_falls(
    client: TestClient, twin: TestClient
) -> None:
    for _ in range(3):
        code = await client.code()
        answers = await asyncio.gather(client.redeem(code), twin.redeem(code))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, error_code(lost)) == (200, "identity.code_used")
        assert (await client.get(won.json()["access_token"])).status_code == 401


@pytest.mark.behaviour("attack-code-injection")
async def test_wrong_try_at_one_front_takes_no_code_from_the_right_one_at_the_other(
    client: TestClient, twin: TestClient
) -> None:
    for _ in range(3):
        code = await client.code()
        wrong, right = await asyncio.gather(
            twin.redeem(code, code_verifier="w" * 43), client.redeem(code)
        )
        assert right.status_code == 200, right.text
        assert error_code(wrong) in ("identity.code_verifier", "identity.code_used")


@pytest.mark.behaviour("par-attempt-reuse-request_uri")
async def test_request_completed_at_one_front_is_used_up_at_the_other(
    city: City, client: TestClient, twin: TestClient
) -> None:
    request_uri = await client.pushed()
    await Browser(city).sign_in(client.client_id, request_uri, "ada")
    answer = await Browser(twin.city).open(client.client_id, request_uri)
    assert error_code(answer) == "identity.request_used"
