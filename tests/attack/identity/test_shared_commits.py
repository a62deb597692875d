"""Many clients at once: requests share commits, and nothing else. Two fronts, one memory."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.directory.api import Directory
from lionrock.evidence.api import Evidence
from lionrock.identity import api
from lionrock.identity.api import ASSERTION_TYPE, ClientPolicy, Identity
from lionrock.identity.service.clients import CLIENT_STALE_MS
from lionrock.kernel.http import build_application
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

TOKEN = "/identity/token"
AT_ONCE = 24


@pytest.fixture
async def caller(city: City) -> TestClient:
    """A client that may ask for tokens of its own."""
    made = TestClient(city, "machine-one")
    made.policy = ClientPolicy(grant_types=frozenset({"client_credentials"}))
    registration = msgspec.structs.replace(
        made.registration(), scopes=frozenset({"resource"}), policy=made.policy
    )
    await city.kernel.database.run(
        lambda db: city.identity.register_client(db, registration)
    )
    return made


def front(city: City) -> httpx.AsyncClient:
    """Another front of the same city, with memory of its own in its process only."""
    identity = Identity(city.kernel, Evidence(city.kernel, Directory(city.kernel)))
    application: Any = build_application(city.kernel, [api.table(identity)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=ISSUER)


async def ask(
    http: httpx.AsyncClient, caller: TestClient, *, assertion: str | None = None,
    proof: str | None = None, **changes: str,
) -> httpx.Response:
    form = {
        "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion or caller.assertion(),
    }  # fmt: skip
    shown = proof or caller.proof("POST", f"{ISSUER}{TOKEN}")
    return await http.post(TOKEN, data=form | changes, headers={"dpop": shown})


async def test_a_refusal_among_many_at_once_touches_only_its_own_request(
    city: City, caller: TestClient
) -> None:
    used = caller.assertion()
    async with front(city) as http:
        assert (await ask(http, caller, assertion=used)).status_code == 200
        answers = await asyncio.gather(
            *(ask(http, caller) for _ in range(AT_ONCE)),
            ask(http, caller, assertion=used),
            ask(http, caller, scope="profile"),
            ask(http, caller, proof="broken"),
            *(ask(http, caller) for _ in range(AT_ONCE)),
        )
    codes = [answer.json().get("code") for answer in answers if answer.status_code != 200]
    assert codes[0] == "identity.client_assertion_replayed"
    assert len(codes) == 3
    tokens = {answer.json()["access_token"] for answer in answers if answer.status_code == 200}
    assert len(tokens) == 2 * AT_ONCE
    kept = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM identity.access_tokens"))
    assert kept == 2 * AT_ONCE + 1


@pytest.mark.behaviour("attack-assertion-replay")
async def test_one_assertion_at_two_fronts_at_once_gets_one_token(
    city: City, caller: TestClient
) -> None:
    async with front(city) as one, front(city) as other:
        for _ in range(4):
            used = caller.assertion()
            answers = await asyncio.gather(
                *(ask(http, caller, assertion=used) for http in (one, other) * 4)
            )
            assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]


@pytest.mark.behaviour("attack-proof-replay")
async def test_one_proof_at_two_fronts_at_once_gets_one_token(
    city: City, caller: TestClient
) -> None:
    async with front(city) as one, front(city) as other:
        used = caller.proof("POST", f"{ISSUER}{TOKEN}")
        answers = await asyncio.gather(
            *(ask(http, caller, proof=used) for http in (one, other) * 4)
        )
        granted = [answer for answer in answers if answer.status_code == 200]
        refused = {answer.json()["error"] for answer in answers if answer.status_code != 200}
        assert len(granted) == 1
        assert refused == {"invalid_dpop_proof"}


async def test_assertion_of_a_request_refused_for_its_proof_is_used_up(
    city: City, caller: TestClient
) -> None:
    async with front(city) as http:
        used = caller.assertion()
        refused = await ask(http, caller, assertion=used, proof="broken")
        assert refused.json()["error"] == "invalid_dpop_proof"
        again = await ask(http, caller, assertion=used)
        assert again.json()["code"] == "identity.client_assertion_replayed"


async def test_proof_shown_with_a_used_assertion_stays_good(
    city: City, caller: TestClient
) -> None:
    """Whoever sends a stolen assertion uses up nothing of the client's."""
    async with front(city) as http:
        used, fresh = caller.assertion(), caller.proof("POST", f"{ISSUER}{TOKEN}")
        assert (await ask(http, caller, assertion=used)).status_code == 200
        assert (await ask(http, caller, assertion=used, proof=fresh)).status_code == 401
        assert (await ask(http, caller, proof=fresh)).status_code == 200


async def test_client_taken_out_of_use_at_one_front_is_refused_by_all_within_a_second(
    city: City, caller: TestClient
) -> None:
    async with front(city) as http:
        assert (await ask(http, caller)).status_code == 200
        gone = msgspec.structs.replace(
            caller.registration(), scopes=frozenset({"resource"}), policy=caller.policy,
            is_active=False,
        )
        await city.kernel.database.run(lambda db: city.identity.clients.replace(db, gone))
        assert CLIENT_STALE_MS <= 500
        await asyncio.sleep(CLIENT_STALE_MS / 1000 + 0.1)
        assert (await ask(http, caller)).json()["error"] == "invalid_client"


async def test_of_many_requests_pushed_at_once_only_those_with_a_used_assertion_are_not_kept(
    city: City, client: TestClient
) -> None:
    used = client.assertion()
    url = f"{ISSUER}/identity/par"

    async def push(http: httpx.AsyncClient, assertion: str | None = None) -> httpx.Response:
        form = client.request() | {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or client.assertion(),
        }  # fmt: skip
        return await http.post(url, data=form)

    async with front(city) as one, front(city) as other:
        assert (await push(one, used)).status_code == 201
        answers = await asyncio.gather(
            *(push(http, assertion) for http in (one, other)
              for assertion in (*[None] * AT_ONCE, used, *[None] * AT_ONCE)))
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert refused == ["identity.client_assertion_replayed"] * 2
    kept = await city.kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM identity.pushed_requests"))
    assert kept == 4 * AT_ONCE + 1
