"""An attacker who keeps, guesses or leaves out the server's DPoP nonces (RFC 9449 s8, s9)."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.identity.domain.dpop import NONCE_WINDOW_S
from lionrock.identity.service.nonces import Nonces
from lionrock.kernel.context import Kernel
from lionrock.kernel.keys import KeyStore
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, WORLD, City, found
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.test_sign_in import browse_service

TOKEN, USERINFO = f"{ISSUER}/identity/token", f"{ISSUER}/identity/userinfo"


async def _city(kernel: Kernel, folder: Path, mode: str) -> City:
    settings = msgspec.structs.replace(kernel.settings, dpop_nonce=mode)
    return await found(dataclasses.replace(kernel, settings=settings), folder)


@pytest.fixture
async def strict(kernel: Kernel, tmp_path: Path) -> City:
    """A city that requires nonces of every client."""
    return await _city(kernel, tmp_path, "required")


def _bent(nonce: str) -> dict[str, Any]:
    return {
        "missing": None, "empty": "", "not-text": 7, "guessed": "A" * 22,
        "longer": nonce + "A", "other-case": nonce.swapcase(), "reversed": nonce[::-1],
        "list": [nonce], "very-long": "n" * 2000,
    }  # fmt: skip


async def _token(city: City, client: TestClient) -> str:
    nonce = city.identity.clients.nonces.current()
    proof = client.proof("POST", TOKEN, nonce=nonce)
    answer = await client.redeem(await _code(client), proof=proof)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _code(client: TestClient) -> str:
    return await client.code()


@pytest.mark.parametrize("how", list(_bent("x")))
async def test_wrong_nonce_at_the_token_endpoint_is_refused_with_the_right_one(
    strict: City, how: str
) -> None:
    client = await new_client(strict)
    code = await client.code()
    bent = _bent(strict.identity.clients.nonces.current())[how]
    refused = await client.redeem(code, proof=client.proof("POST", TOKEN, nonce=bent))
    assert refused.status_code == 400
    assert refused.json()["error"] == "use_dpop_nonce"
    assert error_code(refused) == "identity.dpop_nonce_required"
    nonce = refused.headers["dpop-nonce"]
    again = await client.redeem(code, proof=client.proof("POST", TOKEN, nonce=nonce))
    assert again.status_code == 200, again.text
    assert "dpop-nonce" not in again.headers


@pytest.mark.parametrize("how", list(_bent("x")))
async def test_wrong_nonce_at_a_resource_is_refused_with_the_right_one(
    strict: City, how: str
) -> None:
    client = await new_client(strict)
    token = await _token(strict, client)
    bent = _bent(strict.identity.clients.nonces.current())[how]
    refused = await client.get(token, nonce=bent)
    assert refused.status_code == 401
    assert 'error="use_dpop_nonce"' in refused.headers["www-authenticate"]
    answer = await client.get(token, nonce=refused.headers["dpop-nonce"])
    assert answer.status_code == 200


async def test_nonce_is_good_for_its_window_and_the_next_and_then_no_more(strict: City) -> None:
    client = await new_client(strict)
    token = await _token(strict, client)
    nonce = strict.identity.clients.nonces.current()
    strict.wire_clock.advance(seconds=NONCE_WINDOW_S)
    near_its_end = await client.get(token, nonce=nonce)
    assert near_its_end.status_code == 200
    following = near_its_end.headers["dpop-nonce"]
    assert following != nonce
    strict.wire_clock.advance(seconds=NONCE_WINDOW_S)
    assert (await client.get(token, nonce=nonce)).status_code == 401
    assert (await client.get(token, nonce=following)).status_code == 200


async def test_another_front_knows_the_nonce_and_another_city_does_not(
    strict: City, tmp_path: Path
) -> None:
    other_front = Nonces(strict.kernel)
    assert other_front.current() == strict.identity.clients.nonces.current()
    keys = KeyStore(tmp_path / "other-keys", "another's", scrypt_cost=2**4)
    stranger = Nonces(dataclasses.replace(strict.kernel, key_store=keys))
    assert stranger.current() != other_front.current()
    client = await new_client(strict)
    refused = await client.redeem(
        await client.code(), proof=client.proof("POST", TOKEN, nonce=stranger.current())
    )
    assert refused.json()["error"] == "use_dpop_nonce"


async def test_nonces_of_successive_windows_have_nothing_in_common(strict: City) -> None:
    seen = set()
    for _ in range(40):
        seen.add(strict.identity.clients.nonces.current())
        strict.wire_clock.advance(seconds=NONCE_WINDOW_S)
    assert len(seen) == 40
    raw = {base64.urlsafe_b64decode(n + "==")[:8] for n in seen}
    assert len(raw) == 40


async def test_the_key_behind_the_nonces_changes_each_week(strict: City) -> None:
    strict.identity.clients.nonces.current()
    strict.wire_clock.advance(days=8)
    strict.identity.clients.nonces.current()
    names = [n for n in strict.kernel.key_store.names() if n.startswith("platform/dpop-nonce-")]
    assert len(names) == 2


async def test_good_nonce_does_not_let_a_proof_be_used_twice(strict: City) -> None:
    client = await new_client(strict)
    token = await _token(strict, client)
    proof = client.proof(
        "GET", USERINFO, token=token, nonce=strict.identity.clients.nonces.current()
    )
    headers = [("authorization", f"DPoP {token}"), ("dpop", proof)]
    assert (await client.get(token, headers=headers)).status_code == 200
    assert error_code(await client.get(token, headers=headers)) == "identity.dpop_replayed"


async def test_optional_nonces_are_offered_and_a_wrong_one_is_refused(
    kernel: Kernel, tmp_path: Path
) -> None:
    city = await _city(kernel, tmp_path, "optional")
    client = await new_client(city)
    answer = await client.redeem(await client.code())
    assert answer.status_code == 200
    nonce = answer.headers["dpop-nonce"]
    token = answer.json()["access_token"]
    assert (await client.get(token, nonce=nonce)).status_code == 200
    refused = await client.get(token, nonce="B" * 22)
    assert refused.status_code == 401
    assert refused.headers["dpop-nonce"] == nonce


async def test_without_nonces_a_client_that_sends_one_is_tolerated(
    city: City, client: TestClient
) -> None:
    proof = client.proof("POST", TOKEN, nonce="of another server")
    answer = await client.redeem(await client.code(), proof=proof)
    assert answer.status_code == 200
    assert "dpop-nonce" not in answer.headers
    token = answer.json()["access_token"]
    assert (await client.get(token, nonce="of another server")).status_code == 200


async def test_policy_demands_nonces_of_one_client_though_the_server_does_not(
    city: City, client: TestClient
) -> None:
    strict = await new_client(city, "client-strict", ClientPolicy(require_dpop_nonce=True))
    code = await strict.code()
    refused = await strict.redeem(code)
    nonce = refused.headers["dpop-nonce"]
    answer = await strict.redeem(code, proof=strict.proof("POST", TOKEN, nonce=nonce))
    token = answer.json()["access_token"]
    at_resource = await strict.get(token)
    assert at_resource.status_code == 401
    assert (await strict.get(token, nonce=at_resource.headers["dpop-nonce"])).status_code == 200
    forged = await strict.get(token, nonce="C" * 22)
    assert error_code(forged) == "identity.dpop_nonce_required"
    assert (await client.get(await client.token())).status_code == 200


async def test_our_own_relying_party_signs_in_where_nonces_are_required(strict: City) -> None:
    cookies, session = await browse_service(strict)
    assert session["userinfo"]["name"] == "Ada"
    strict.wire_clock.advance(seconds=2 * NONCE_WINDOW_S)
    async with strict.http(WORLD) as http:
        http.cookies.update(cookies)
        done = await http.post("/harbour-service/company", data={"company": strict.company.id})
    assert done.status_code == 303, done.text
