"""A client whose keys live at its own address, and an attacker who chooses that address (SSRF)."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from lionrock.identity.http import table
from lionrock.identity.http.clients import ClientCall, learn_keys
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import Key, generate_encryption_key, generate_key
from lionrock.kernel.network import Network
from tests.attack.identity.forge import rs256
from tests.http.identity.browser import error_code
from tests.http.identity.city import City, found
from tests.http.identity.clients import TestClient
from tests.http.identity.registrations import good_metadata, manage, register

HOST = "https://keys.example"
ADDRESS = f"{HOST}/jwks"


class KeyHost:
    """A client's own web server: it counts who asks, and answers whatever the test wants."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.asked = 0
        self.keys: list[dict[str, Any]] = []
        self.answer: Response | None = None
        self.delay_s = 0.0
        self.idle_in_transaction: int | None = None
        city.kernel.network.applications[HOST] = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        self.idle_in_transaction = await self.city.kernel.database.run(_idle)
        answer = self.answer or Response(
            msgspec.json.encode({"keys": self.keys}), media_type="application/jwk-set+json"
        )
        await answer(Request(scope).scope, receive, send)


async def _idle(db: Connection) -> int:
    return int(await db.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
    ))  # fmt: skip


@pytest.fixture
async def host(city: City) -> KeyHost:
    """A client's own web server."""
    return KeyHost(city)


def _metadata(client: TestClient, uri: str = ADDRESS) -> dict[str, Any]:
    return good_metadata(client, jwks=None, jwks_uri=uri)


async def _registered(host: KeyHost) -> tuple[TestClient, dict[str, Any]]:
    client = TestClient(host.city, "unnamed")
    host.keys = host.keys or [client.key.public_jwk]
    answer = await register(host.city, _metadata(client))
    assert answer.status_code == 201, answer.text
    client.client_id = answer.json()["client_id"]
    return client, answer.json()


async def _with(client: TestClient, key: Key) -> int:
    client.key = key
    return (await client.push()).status_code


async def test_keys_are_fetched_at_registration_and_not_at_each_request(host: KeyHost) -> None:
    client, answer = await _registered(host)
    assert answer["jwks_uri"] == ADDRESS
    assert "jwks" not in answer
    for _ in range(3):
        assert (await client.push()).status_code == 201
    assert host.asked == 1


async def test_nothing_waits_for_the_host_inside_a_transaction(host: KeyHost) -> None:
    client, _ = await _registered(host)
    assert host.idle_in_transaction == 0
    host.city.wire_clock.advance(seconds=61)
    new = generate_key()
    host.keys = [client.key.public_jwk, new.public_jwk]
    assert await _with(client, new) == 201
    assert host.idle_in_transaction == 0


async def test_new_key_is_learnt_at_its_first_use_at_any_endpoint(host: KeyHost) -> None:
    client, _ = await _registered(host)
    old, code = client.key, await client.code()
    host.city.wire_clock.advance(seconds=59)
    client.key = generate_key()
    host.keys = [old.public_jwk, client.key.public_jwk]
    assert (await client.redeem(code)).status_code == 401
    host.city.wire_clock.advance(seconds=1)
    assert error_code(await client.redeem("c" * 43)) == "identity.code_unknown"
    assert await _with(client, old) == 201
    assert host.asked == 2


async def test_made_up_kids_make_us_ask_once_a_minute_at_most(host: KeyHost) -> None:
    client, _ = await _registered(host)
    for minute in range(1, 4):
        host.city.wire_clock.advance(seconds=60)
        for _ in range(5):
            assert await _with(client, generate_key()) == 401
        assert host.asked == 1 + minute


async def test_broken_signature_by_a_known_kid_makes_us_ask_nothing(host: KeyHost) -> None:
    client, _ = await _registered(host)
    host.city.wire_clock.advance(seconds=120)
    broken = client.assertion()[:-6] + "AAAAAA"
    answer = await client.post(
        "/identity/par", client.request(), assertion=broken, proof=None
    )
    assert answer.status_code == 401
    assert host.asked == 1


async def test_key_taken_away_stops_counting_at_the_next_renewal(host: KeyHost) -> None:
    client, _ = await _registered(host)
    host.keys = [generate_key().public_jwk]
    host.city.wire_clock.advance(minutes=9)
    assert await host.city.identity.key_sets.renew_stale() == 0
    assert (await client.push()).status_code == 201
    host.city.wire_clock.advance(minutes=2)
    assert await host.city.identity.key_sets.renew_stale() == 1
    assert await host.city.identity.key_sets.renew_stale() == 0
    assert (await client.push()).status_code == 401


async def test_host_that_fails_later_does_not_cost_the_keys_that_are_there(
    host: KeyHost,
) -> None:
    client, _ = await _registered(host)
    for answer in (Response(status_code=500), Response(b"<html>"), Response(b'{"keys": []}')):
        host.answer = answer
        host.city.wire_clock.advance(minutes=11)
        assert await host.city.identity.key_sets.renew_stale() == 1
        assert (await client.push()).status_code == 201


async def test_keys_of_wrong_kind_are_passed_over(host: KeyHost) -> None:
    client = TestClient(host.city, "unnamed")
    private = {**generate_key().bare_jwk, "d": "A" * 43}
    host.keys = [
        {**rs256()[1], "kid": "rsa"}, private, {"kty": "oct", "k": "AAAA"}, {"kty": "EC"},
        generate_encryption_key().public_jwk, client.key.public_jwk,
    ]  # fmt: skip
    client, _ = await _registered_as(host, client)
    assert (await client.push()).status_code == 201


async def _registered_as(host: KeyHost, client: TestClient) -> tuple[TestClient, Any]:
    answer = await register(host.city, _metadata(client))
    assert answer.status_code == 201, answer.text
    client.client_id = answer.json()["client_id"]
    return client, answer.json()


async def test_replaced_address_is_asked_and_the_old_keys_are_gone(host: KeyHost) -> None:
    client, mine = await _registered(host)
    old, client.key = client.key, generate_key()
    host.keys = [client.key.public_jwk]
    answer = await manage(host.city, "PUT", mine, _metadata(
        client, f"{HOST}/other"
    ) | {"client_id": client.client_id})  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert (await client.push()).status_code == 201
    assert await _with(client, old) == 401


async def _refusal(host: KeyHost) -> str:
    """Register with the host's answer; the reason that the refusal names."""
    answer = await register(host.city, _metadata(TestClient(host.city)))
    assert answer.status_code == 400, answer.text
    assert error_code(answer) == "identity.registration_keys_unreachable"
    assert answer.json()["error"] == "invalid_client_metadata"
    return str(answer.json()["error_description"]).rsplit(": ", 1)[-1].rstrip(".")


@pytest.mark.behaviour("attack-ssrf-jwks-uri")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RedirectResponse("http://169.254.169.254/latest/meta-data/"), "It answered 307, not 200"),
        (RedirectResponse(f"{HOST}/elsewhere", 301), "It answered 301, not 200"),
        (Response(status_code=204), "It answered 204, not 200"),
        (Response(b'{"keys":[]}', status_code=404), "It answered 404, not 200"),
        (Response(gzip.compress(b" " * 10_000_000), headers={"content-encoding": "gzip"}),
         "response_encoded"),
        (Response(b" " * (64 * 1024 + 1)), "At most 65536 bytes are taken"),
        (Response(b"<html>"), "There is no key set with a usable key"),
        (Response(b'{"keys":[],"keys":[]}'), "There is no key set with a usable key"),
        (Response(b'{"keys":{}}'), "There is no key set with a usable key"),
        (Response(b"[" * 5000), "There is no key set with a usable key"),
    ],
    ids=[
        "redirect-to-metadata", "redirect-to-itself", "no-content", "not-found", "gzip-bomb",
        "limit-65537", "html", "member-twice", "keys-object", "deep",
    ],
)  # fmt: skip
async def test_hostile_answer_is_refused(host: KeyHost, answer: Response, reason: str) -> None:
    host.answer = answer
    assert reason in await _refusal(host)
    assert host.asked == 1


@pytest.mark.behaviour("attack-ssrf-jwks-uri")
async def test_answer_that_drips_is_given_up(host: KeyHost) -> None:
    host.delay_s = 4.0
    assert await _refusal(host) == "timed_out"


async def test_key_set_without_the_key_that_answers_are_encrypted_to_is_not_taken(
    host: KeyHost,
) -> None:
    client, recipient = TestClient(host.city, "unnamed"), generate_encryption_key()
    host.keys = [client.key.public_jwk, recipient.public_jwk]
    metadata = _metadata(client) | {
        "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
    }  # fmt: skip
    answer = await register(host.city, metadata)
    client.client_id = answer.json()["client_id"]
    host.keys = [client.key.public_jwk]
    host.city.wire_clock.advance(minutes=11)
    await host.city.identity.key_sets.renew_stale()
    tokens = (await client.redeem(await client.code())).json()
    assert tokens["id_token"].count(".") == 4


async def test_two_keys_of_one_kid_are_no_key_set(host: KeyHost) -> None:
    one, two = generate_key(), generate_key()
    host.keys = [one.public_jwk, {**two.public_jwk, "kid": one.kid}]
    assert "no key set" in await _refusal(host)


ADDRESSES = {
    "loopback": "https://127.0.0.1/jwks",
    "loopback-name": "https://localhost/jwks",
    "loopback-v6": "https://[::1]/jwks",
    "loopback-mapped": "https://[::ffff:127.0.0.1]/jwks",
    "loopback-decimal": "https://2130706433/jwks",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "private": "https://10.0.0.1/jwks",
    "private-v6": "https://[fd00::1]/jwks",
    "unspecified": "https://0.0.0.0/jwks",
    "rebinding": "https://rebind.example/jwks",
    "mixed": "https://mixed.example/jwks",
    "other-port": "https://client.example:5432/jwks",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:5432/x",
    "data": "data:application/json,{}",
    "plain-http": "http://client.example/jwks",
    "loopback-http": "http://127.0.0.1/jwks",
    "credentials": "https://user:secret@client.example/jwks",
    "backslash": "https://client.example\\@127.0.0.1/jwks",
    "fragment": "https://client.example/jwks#x",
    "newline": "https://client.example/\r\nx: y",
    "limit-513": "https://client.example/" + "a" * 490,
}


@pytest.mark.behaviour("attack-ssrf-jwks-uri")
@pytest.mark.parametrize("case", ADDRESSES)
async def test_address_inside_is_never_reached(
    kernel: Kernel, tmp_path: Path, case: str
) -> None:
    answers = {
        "rebind.example": [["93.184.215.14"], ["127.0.0.1"]], "mixed.example": [],
        "client.example": [["93.184.215.14"]],
    }  # fmt: skip
    resolved: list[str] = []

    async def resolver(name: str, _port: int) -> list[str]:
        resolved.append(name)
        if name == "mixed.example":
            return ["93.184.215.14", "10.0.0.1"]
        if name == "rebind.example":
            # By the time it is asked, the name has turned inwards.
            return answers[name][-1]
        return {"localhost": ["127.0.0.1"], "2130706433": ["127.0.0.1"]}.get(name, [name])

    settings = msgspec.structs.replace(
        kernel.settings, composition="serve", registration="open", allow_private_targets=False
    )
    guarded = Network(resolver=resolver, applications={})
    try:
        city = await found(
            dataclasses.replace(kernel, settings=settings, network=guarded), tmp_path
        )
        answer = await register(city, _metadata(TestClient(city), ADDRESSES[case]))
    finally:
        await guarded.close()
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client_metadata"
    if resolved:
        assert "No answer: address_refused" in answer.json()["error_description"]
    else:
        assert "jwks_uri" in answer.json()["error_description"] or "No answer" in answer.text


async def test_every_endpoint_of_clients_learns_new_keys(city: City) -> None:
    routes = [r for r in table(city.identity).routes if issubclass(r.call, ClientCall)]
    assert [r.name for r in routes if r.mend is not learn_keys] == []
