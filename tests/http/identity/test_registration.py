"""A client registers itself, signs people in, changes its registration, goes (RFC 7591, 7592)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from lionrock.identity.api import Client
from lionrock.identity.service import registration
from lionrock.identity.service.registration import REGISTRATION_PATH
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_encryption_key, generate_key
from tests.http.identity.browser import error_code
from tests.http.identity.city import ISSUER, REDIRECT, City, found
from tests.http.identity.clients import TestClient
from tests.http.identity.registrations import good_metadata, manage, register, registered


async def test_registered_client_signs_somebody_in_at_once(city: City) -> None:
    client, answer = await registered(city)
    assert answer["client_id_issued_at"] == city.kernel.wire_clock.now_s()
    assert answer["registration_client_uri"] == f"{ISSUER}/identity/register/{client.client_id}"
    assert answer["token_endpoint_auth_method"] == "private_key_jwt"
    assert answer["grant_types"] == ["authorization_code"]
    assert "client_secret" not in answer
    token = await client.token()
    assert (await client.get(token)).json()["name"] == "Ada"


async def test_two_registrations_of_one_address_see_different_pseudonyms(city: City) -> None:
    subjects = set()
    for _ in range(2):
        client, _answer = await registered(city)
        subjects.add((await client.get(await client.token())).json()["sub"])
    assert len(subjects) == 2


async def test_controls_asked_for_are_the_client_s_policy(city: City) -> None:
    client, _ = await registered(
        city, require_signed_request_object=True, require_dpop_nonce=True,
        require_signed_response=True, require_code_binding=True,
    )  # fmt: skip
    assert error_code(await client.push()) == "identity.signed_request_required"
    answer = await client.post(
        "/identity/par", {"request": client.request_object(response_mode="jwt")}, proof=None
    )
    assert error_code(answer) == "identity.code_binding_required"


async def test_answers_are_encrypted_as_registered(city: City) -> None:
    client = TestClient(city, "unnamed")
    recipient = generate_encryption_key()
    answer = await register(city, good_metadata(
        client, jwks={"keys": [client.key.public_jwk, recipient.public_jwk]},
        id_token_encrypted_response_alg="ECDH-ES", id_token_encrypted_response_enc="A256GCM",
    ))  # fmt: skip
    client.client_id = answer.json()["client_id"]
    tokens = (await client.redeem(await client.code())).json()
    assert tokens["id_token"].count(".") == 4


async def test_metadata_refused_is_no_challenge_to_authenticate(city: City) -> None:
    for wrong in (
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"redirect_uris": ["http://elsewhere.example/cb"]},
    ):
        answer = await register(city, good_metadata(TestClient(city, "unnamed"), **wrong))
        assert answer.status_code == 400, answer.text
        assert "www-authenticate" not in answer.headers
    _client, registration = await registered(city)
    gone = registration | {"registration_access_token": "x" * 43}
    assert (await manage(city, "GET", gone)).headers["www-authenticate"] == "Bearer"


async def test_registration_is_read_replaced_with_a_new_token_and_deleted(city: City) -> None:
    client, answer = await registered(city)
    read = await manage(city, "GET", answer)
    assert read.status_code == 200
    assert read.json() == answer
    second = generate_key()
    changed = await manage(city, "PUT", answer, good_metadata(
        client, client_id=client.client_id, client_name="Tea Shop",
        jwks={"keys": [second.public_jwk]},
    ))  # fmt: skip
    assert changed.status_code == 200, changed.text
    assert changed.json()["client_name"] == "Tea Shop"
    assert changed.json()["registration_access_token"] != answer["registration_access_token"]
    assert (await manage(city, "GET", answer)).status_code == 401
    assert (await client.push()).status_code == 401
    client.key = second
    token = await client.token()
    gone = await manage(city, "DELETE", changed.json())
    assert gone.status_code == 204
    assert gone.content == b""
    assert (await client.get(token)).status_code == 401
    assert error_code(await client.push()) == "identity.client_unknown"
    assert (await manage(city, "GET", changed.json())).status_code == 401


async def _city(kernel: Kernel, folder: Path, **settings: object) -> City:
    changed = msgspec.structs.replace(kernel.settings, **settings)
    return await found(dataclasses.replace(kernel, settings=changed), folder)


async def test_where_a_token_is_needed_it_registers_as_often_as_it_says(
    kernel: Kernel, tmp_path: Path
) -> None:
    city = await _city(kernel, tmp_path, composition="serve")
    assert city.identity.registrations.mode == "token"
    client = TestClient(city, "unnamed")
    metadata = good_metadata(client)
    assert error_code(await register(city, metadata)) == "identity.registration_token"
    token = await kernel.database.run(
        lambda db: city.identity.registrations.issue_initial_token(
            db, issued_by="operator", uses=2, life=timedelta(hours=1)
        )
    )
    answers = [(await register(city, metadata, token)).status_code for _ in range(3)]
    assert answers == [201, 201, 401]
    expiring = await kernel.database.run(
        lambda db: city.identity.registrations.issue_initial_token(
            db, issued_by="operator", life=timedelta(hours=1)
        )
    )
    city.wire_clock.advance(hours=1)
    assert (await register(city, metadata, expiring)).status_code == 401


async def test_where_it_is_off_nobody_registers_and_the_metadata_does_not_offer_it(
    kernel: Kernel, tmp_path: Path
) -> None:
    closed = await _city(kernel, tmp_path, registration="off")
    answer = await register(closed, good_metadata(TestClient(closed)))
    assert answer.status_code == 403
    assert answer.json()["error"] == "access_denied"
    async with closed.http() as http:
        shown = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert "registration_endpoint" not in shown


@pytest.mark.parametrize("composition", ["sandbox", "serve"])
async def test_loopback_addresses_and_login_hints_are_for_the_sandbox_only(
    kernel: Kernel, tmp_path: Path, composition: str
) -> None:
    city = await _city(kernel, tmp_path, composition=composition, registration="open")
    is_sandbox = composition == "sandbox"
    metadata = good_metadata(TestClient(city), redirect_uris=["http://127.0.0.1:9000/cb?x=1"])
    answer = await register(city, metadata)
    assert answer.status_code == (201 if is_sandbox else 400)
    accepted = await register(city, good_metadata(TestClient(city)))
    client = await kernel.database.run(
        lambda db: city.identity.clients.find(db, accepted.json()["client_id"])
    )
    assert client is not None
    assert client.policy.may_hint_login is is_sandbox


async def test_tokens_of_registrations_are_kept_as_hashes(city: City) -> None:
    _, answer = await registered(city)

    async def dump(db: Connection) -> str:
        return str([dict(r) for r in await db.fetch("SELECT * FROM identity.registrations")])

    stored = await city.kernel.database.run(dump)
    assert answer["registration_access_token"] not in stored
    assert "127.0.0.1" not in stored


@pytest.mark.parametrize("limit", [3])
async def test_registrations_of_a_source_are_limited_for_an_hour(
    kernel: Kernel, tmp_path: Path, limit: int
) -> None:
    city = await _city(kernel, tmp_path, limit_registrations=limit)
    metadata = good_metadata(TestClient(city))
    answers = [(await register(city, metadata)).status_code for _ in range(limit + 1)]
    assert answers == [201] * limit + [429]
    city.wire_clock.advance(hours=1)
    assert (await register(city, metadata)).status_code == 201


async def test_registration_is_where_the_metadata_says(city: City) -> None:
    async with city.http() as http:
        shown = (await http.get("/.well-known/openid-configuration")).json()
    assert shown["registration_endpoint"] == f"{ISSUER}{REGISTRATION_PATH}"


async def test_several_addresses_with_queries_are_kept_letter_for_letter(city: City) -> None:
    uris = [REDIRECT, f"{REDIRECT}?tenant=1&x=%20", "https://other.example/"]
    client, answer = await registered(city, redirect_uris=uris)
    assert answer["redirect_uris"] == uris
    assert (await client.push(redirect_uri=uris[1])).status_code == 201
    assert (await client.push(redirect_uri=f"{REDIRECT}?tenant=1")).status_code == 400


async def test_operator_lets_somebody_register_and_nobody_else_can(
    kernel: Kernel, tmp_path: Path
) -> None:
    city = await _city(kernel, tmp_path, composition="serve")
    office = TestClient(city, "client-office")
    registration = office.registration()
    scopes = frozenset({"openid", "profile", "company", "staff"})
    given = {name: getattr(registration, name) for name in registration.__struct_fields__}
    await kernel.database.run(
        lambda db: city.identity.register_client(db, Client(**(given | {"scopes": scopes})))
    )
    await kernel.database.run(
        lambda db: city.identity.grant_staff_role(db, city.people["ada"].id, "operator")
    )
    path, answers = "/identity/v1/registration-tokens", {}
    for persona in ("ada", "ben"):
        token = await office.token(persona, scope="openid staff company")
        proof = office.proof("POST", f"{ISSUER}{path}", token=token)
        async with city.http() as http:
            answers[persona] = await http.post(
                path, json={"uses": 1}, headers={"authorization": f"DPoP {token}", "dpop": proof}
            )
    assert answers["ben"].status_code == 403
    assert answers["ada"].status_code == 201
    initial = answers["ada"].json()["initial_access_token"]
    metadata = good_metadata(TestClient(city))
    assert (await register(city, metadata, initial)).status_code == 201
    assert (await register(city, metadata, initial)).status_code == 401


async def remains(city: City, client_id: str) -> bool:
    """Whether a client is on record after the sweep."""
    await city.kernel.database.run(city.identity.registrations.remove_unused)
    query = "SELECT count(*) FROM identity.clients WHERE id = $1"
    return bool(await city.kernel.database.run(lambda db: db.fetchval(query, client_id)))


async def test_client_that_was_never_given_a_token_is_removed_after_its_time(city: City) -> None:
    client, answer = await registered(city)
    assert (await client.push()).status_code == 201
    city.wire_clock.advance(seconds=city.kernel.settings.registration_unused_s)
    assert await remains(city, client.client_id)
    city.wire_clock.advance(seconds=1)
    assert not await remains(city, client.client_id)
    assert (await client.push()).status_code == 401
    assert (await manage(city, "GET", answer)).status_code == 401


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials"])
async def test_client_that_was_given_a_token_once_stays(city: City, grant: str) -> None:
    scope = {} if grant == "authorization_code" else {"scope": "resource"}
    client, answer = await registered(city, grant_types=[grant], **scope)
    if grant == "authorization_code":
        await client.token()
    else:
        given = await client.post("/identity/token", {"grant_type": grant})
        assert given.status_code == 200, given.text
    city.wire_clock.advance(seconds=10 * city.kernel.settings.registration_unused_s)
    assert await remains(city, client.client_id)
    assert (await manage(city, "GET", answer)).status_code == 200


async def test_unused_client_that_something_refers_to_is_only_taken_out_of_use(
    city: City,
) -> None:
    client, _ = await registered(city)
    await city.kernel.database.run(lambda db: db.execute(
        "INSERT INTO identity.declared_service_roles (client_id, role) VALUES ($1, 'clerk')",
        client.client_id,
    ))  # fmt: skip
    city.wire_clock.advance(seconds=city.kernel.settings.registration_unused_s + 1)
    assert await remains(city, client.client_id)
    assert (await client.push()).status_code == 401


async def test_room_for_registrations_comes_back_when_unused_ones_go(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "REGISTRATIONS_MAX", 1)
    await registered(city)
    client = TestClient(city, "unnamed")
    assert (await register(city, good_metadata(client))).status_code == 429
    city.wire_clock.advance(seconds=city.kernel.settings.registration_unused_s + 1)
    await city.kernel.database.run(city.identity.registrations.remove_unused)
    assert (await register(city, good_metadata(client))).status_code == 201
