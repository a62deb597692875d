"""An attacker who registers: deceiving names, addresses and keys, others' tokens (RFC 7591 s5)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from lionrock.kernel.db import Connection
from lionrock.kernel.jose import generate_encryption_key, generate_key
from tests.attack.identity.forge import rs256
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.clients import TestClient
from tests.http.identity.registrations import good_metadata, manage, register, registered

LASTING = pytest.mark.asyncio(loop_scope="module")


async def _clients(city: City) -> int:
    async def count(db: Connection) -> int:
        return int(await db.fetchval("SELECT count(*) FROM identity.clients"))

    return await city.kernel.database.run(count)


async def _is_refused(
    city: City, metadata: Any, error: str = "invalid_client_metadata", field: str = ""
) -> httpx.Response:
    before = await _clients(city)
    answer = await register(city, metadata)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == error
    assert field in answer.json()["error_description"]
    assert await _clients(city) == before
    return answer


REDIRECTS: dict[str, Any] = {
    "RFC9700-4.11-javascript": "javascript:alert(1)",
    "RFC9700-4.11-data": "data:text/html,x",
    "RFC8252-7.1-custom-scheme": "myapp://callback",
    "file": "file:///etc/passwd",
    "RFC6749-3.1.2-fragment": f"{REDIRECT}#x",
    "RFC6749-3.1.2-empty-fragment": f"{REDIRECT}#",
    "RFC9700-2.1-wildcard-host": "https://*.example/callback",
    "RFC9700-2.1-wildcard-path": "https://client.example/*",
    "RFC6749-3.1.2-relative": "/callback",
    "RFC3986-3.2.1-credentials": "https://bank.example@evil.example/",
    "RFC3986-5.2.4-dots": "https://client.example/a/../b",
    "WHATWG-backslash": "https://client.example\\@evil.example/",
    "http-not-loopback": "http://client.example/callback",
    "http-loopback-in-name": "http://127.0.0.1.evil.example/",
    "http-other-private": "http://192.168.0.1/",
    "newline": "https://client.example/\nx",
    "no-host": "https:///callback",
    "idn-not-ascii": "https://cli\u0435nt.example/",
    "empty": "",
    "limit-513": "https://client.example/" + "a" * 490,
    "port-0": "https://client.example:0/",
    "port-65536": "https://client.example:65536/",
}


@LASTING
@pytest.mark.behaviour("attack-redirect")
@pytest.mark.parametrize("case", REDIRECTS)
async def test_address_that_cannot_be_trusted_is_refused(town: City, case: str) -> None:
    metadata = good_metadata(TestClient(town), redirect_uris=[REDIRECT, REDIRECTS[case]])
    await _is_refused(town, metadata, "invalid_redirect_uri")


NAMES: dict[str, Any] = {
    "markup": "<script>alert(1)</script>",
    "attribute": 'Tea" onmouseover="x',
    "entity": "Tea &amp; Co",
    "template": "{{7*7}}",
    "UTS39-cyrillic-a": "B\u0430nk",
    "UTS39-all-cyrillic": "\u0440\u0430\u0443\u0440\u0430\u04cf",
    "UTS39-greek": "\u0391pple",
    "UTS39-fullwidth": "\uff22ank",
    "UTS39-mathematical": "\U0001d401ank",
    "bidi-override": "knaB\u202eBank",
    "bidi-isolate": "a\u2066b\u2069",
    "zero-width": "Ba\u200bnk",
    "combining": "Ban\u0335k",
    "newline": "Tea\nApproved",
    "nul": "Tea\x00",
    "private-use": "Tea\ue000",
    "blank": "  ",
    "empty": "",
    "missing": None,
    "limit-81": "T" * 81,
    "not-text": 7,
    "list": ["Tea"],
}


@LASTING
@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("case", NAMES)
async def test_name_that_could_deceive_a_person_is_refused(town: City, case: str) -> None:
    metadata = good_metadata(TestClient(town), client_name=NAMES[case])
    await _is_refused(town, metadata, field="client_name")


@LASTING
@pytest.mark.parametrize("member", ["client_name#zh-Hant", "client_name#zh-Hans"])
async def test_name_in_another_language_is_checked_like_the_first(
    town: City, member: str
) -> None:
    metadata = good_metadata(TestClient(town)) | {member: "\u202e\u8336"}
    await _is_refused(town, metadata, field=member)


@LASTING
@pytest.mark.parametrize("name", ["O'Brien \u2013 T\u00e9a (HK) 2", "\u6d77\u6e2f\u8336\u5c45"])
async def test_honest_name_is_text_on_page_and_phone(town: City, name: str) -> None:
    client, _ = await registered(town, client_name=name)
    page = await Browser(town).open(client.client_id, await client.pushed())
    assert page.status_code == 200
    assert name in page.text.replace("&#39;", "'")


def _keys(how: str, client: TestClient) -> Any:
    key, public = client.key, client.key.public_jwk
    other = generate_key().public_jwk
    return {
        "RFC7517-9.2-private-member": {"keys": [{**public, "d": "A" * 43}]},
        "RFC7517-4.5-same-kid": {"keys": [public, {**other, "kid": public["kid"]}]},
        "same-key-twice": {"keys": [public, {**public, "kid": "another"}]},
        "RFC7518-6.3-rsa": {"keys": [{**rs256()[1], "kid": "r"}]},
        "RFC7518-6.4-symmetric": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        "RFC7517-4.4-alg-none": {"keys": [{**public, "alg": "none"}]},
        "RFC7517-4.4-alg-RS256": {"keys": [{**public, "alg": "RS256"}]},
        "RFC7517-4.2-use-other": {"keys": [{**public, "use": "sign"}]},
        "only-encryption": {"keys": [generate_encryption_key().public_jwk]},
        "invalid-curve-point": {"keys": [{**key.bare_jwk, "y": "A" * 43}]},
        "no-keys": {"keys": []},
        "keys-object": {"keys": {"0": public}},
        "key-text": {"keys": ["x"]},
        "no-set": {},
        "limit-6": {"keys": [generate_key().public_jwk for _ in range(6)]},
        "limit-kid-129": {"keys": [{**public, "kid": "k" * 129}]},
        "a-list": [public],
    }[how]


@LASTING
@pytest.mark.behaviour("attack-jwks-confusion")
@pytest.mark.parametrize(
    "how",
    ["RFC7517-9.2-private-member", "RFC7517-4.5-same-kid", "same-key-twice", "RFC7518-6.3-rsa",
     "RFC7518-6.4-symmetric", "RFC7517-4.4-alg-none", "RFC7517-4.4-alg-RS256",
     "RFC7517-4.2-use-other", "only-encryption", "invalid-curve-point", "no-keys", "keys-object",
     "key-text", "no-set", "limit-6", "limit-kid-129", "a-list"],
)  # fmt: skip
async def test_keys_that_cannot_be_a_client_s_are_refused(town: City, how: str) -> None:
    client = TestClient(town)
    await _is_refused(town, good_metadata(client, jwks=_keys(how, client)), field="jwks")


@LASTING
async def test_what_a_key_points_at_is_not_kept(town: City) -> None:
    client = TestClient(town)
    jwk = {**client.key.public_jwk, "x5u": "https://evil.example/x", "x5c": ["AAAA"]}
    answer = await register(town, good_metadata(client, jwks={"keys": [jwk]}))
    kept = await town.kernel.database.run(
        lambda db: town.identity.clients.find(db, answer.json()["client_id"])
    )
    assert kept is not None
    assert set(kept.keys[0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


METADATA: dict[str, tuple[dict[str, Any], str]] = {
    "secret": ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
    "public": ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
    "RS256": ({"token_endpoint_auth_signing_alg": "RS256"}, "token_endpoint_auth_signing_alg"),
    "object-none": ({"request_object_signing_alg": "none"}, "request_object_signing_alg"),
    "id_token-none": ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
    "userinfo-HS256": ({"userinfo_signed_response_alg": "HS256"}, "userinfo_signed_response_alg"),
    "not-bound": ({"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens"),
    "not-pushed": (
        {"require_pushed_authorization_requests": False}, "require_pushed_authorization_requests",
    ),
    "public-subject": ({"subject_type": "public"}, "subject_type"),
    "foreign-sector": (
        {"sector_identifier_uri": "https://bank.example/sector"}, "sector_identifier_uri",
    ),
    "implicit": ({"grant_types": ["implicit"]}, "grant_types"),
    "password": ({"grant_types": ["authorization_code", "password"]}, "grant_types"),
    "no-grants": ({"grant_types": []}, "grant_types"),
    "grant-twice": ({"grant_types": ["authorization_code"] * 2}, "grant_types"),
    "response-token": ({"response_types": ["token"]}, "response_types"),
    "response-hybrid": ({"response_types": ["code id_token"]}, "response_types"),
    "response-without-grant": (
        {"grant_types": ["client_credentials"], "response_types": ["code"]}, "response_types",
    ),
    "no-addresses": ({"redirect_uris": []}, "redirect_uris"),
    "address-twice": ({"redirect_uris": [REDIRECT, REDIRECT]}, "redirect_uris"),
    "limit-addresses-11": (
        {"redirect_uris": [f"{REDIRECT}?{n}" for n in range(11)]}, "redirect_uris",
    ),
    "addresses-text": ({"redirect_uris": REDIRECT}, "redirect_uris"),
    "staff-scope": ({"scope": "openid staff"}, "scope"),
    "unknown-scope": ({"scope": "openid admin"}, "scope"),
    "no-keys": ({"jwks": None}, "jwks"),
    "keys-and-address": ({"jwks_uri": "https://client.example/jwks"}, "jwks"),
    "encryption-without-key": (
        {"id_token_encrypted_response_alg": "ECDH-ES",
         "id_token_encrypted_response_enc": "A256GCM"}, "id_token_encrypted_response_alg",
    ),
    "form_post": ({"response_modes": ["form_post"]}, "response_modes"),
    "ciba-without-mode": (
        {"grant_types": ["urn:openid:params:grant-type:ciba"]}, "backchannel_token_delivery_mode",
    ),
    "mode-without-ciba": (
        {"backchannel_token_delivery_mode": "poll"}, "backchannel_token_delivery_mode",
    ),
    "ciba-mode-unknown": (
        {"backchannel_token_delivery_mode": "mail"}, "backchannel_token_delivery_mode",
    ),
    "ciba-user-code": ({"backchannel_user_code_parameter": True}, "backchannel_user_code"),
    "ping-to-plain-http": (
        {"grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"],
         "backchannel_token_delivery_mode": "ping",
         "backchannel_client_notification_endpoint": "http://client.example/cb"},
        "ciba_notification_uri",
    ),
    "bound-as-text": ({"dpop_bound_access_tokens": "yes"}, "dpop_bound_access_tokens"),
}  # fmt: skip


@LASTING
@pytest.mark.parametrize("case", METADATA)
async def test_metadata_that_asks_for_less_than_the_profile_is_refused(
    town: City, case: str
) -> None:
    changes, field = METADATA[case]
    await _is_refused(town, good_metadata(TestClient(town), **changes), field=field)


@LASTING
async def test_software_statement_is_refused_clearly(town: City) -> None:
    metadata = good_metadata(TestClient(town), software_statement="a.b.c")
    await _is_refused(town, metadata, "unapproved_software_statement")


@LASTING
async def test_members_that_nobody_knows_give_nothing(town: City) -> None:
    _, answer = await registered(
        town, policy={"may_introspect": True}, may_introspect=True, may_hint_login=True,
        client_id="portal", sector="bank.example", organisation_id="bank", is_active=False,
        test_company_id="com_1",
    )  # fmt: skip
    assert answer["client_id"].startswith("dyn-")
    assert not {"policy", "may_introspect", "sector", "organisation_id"} & answer.keys()
    client = await town.kernel.database.run(
        lambda db: town.identity.clients.find(db, answer["client_id"])
    )
    assert client is not None
    assert client.policy.may_introspect is False
    assert client.sector == client.id
    assert client.organisation_id == ""


@LASTING
@pytest.mark.behaviour("attack-duplicate-parameters")
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"client_name":"a","client_name":"b"}', b"{", b"\xff", b"NaN"]
)
async def test_body_that_is_no_object_with_each_member_once_is_refused(
    town: City, body: bytes
) -> None:
    async with town.http() as http:
        answer = await http.post(
            "/identity/register", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 400
    assert error_code(answer) == "identity.registration_malformed"


@LASTING
@pytest.mark.behaviour("attack-oversized")
async def test_body_beyond_the_limit_is_refused(town: City) -> None:
    async with town.http() as http:
        answer = await http.post(
            "/identity/register", content=b" " * (32 * 1024 + 1),
            headers={"content-type": "application/json"},
        )  # fmt: skip
        form = await http.post("/identity/register", data={"client_name": "Tea"})
    assert answer.status_code == 413
    assert form.status_code == 415


@LASTING
async def test_another_registration_s_token_is_worth_nothing(town: City) -> None:
    (one, mine), (_, theirs) = await registered(town), await registered(town)
    stolen = theirs | {"registration_access_token": mine["registration_access_token"]}
    body = good_metadata(TestClient(town), client_id=theirs["client_id"], client_name="Mine")
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        answer = await manage(town, method, stolen, sent)
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await manage(town, "GET", theirs)).json()["client_name"] == "Tea House"
    assert (await one.push()).status_code == 201


@LASTING
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic x", "DPoP {}", "Bearer {} {}", "bearer x{}"]
)
async def test_token_that_is_not_sent_as_it_should_be_is_refused(
    town: City, authorization: str
) -> None:
    _, mine = await registered(town)
    token = mine["registration_access_token"]
    answer = await manage(town, "GET", mine, authorization=authorization.format(token, token))
    assert answer.status_code == 401


@LASTING
async def test_client_cannot_be_renamed_into_another_or_state_what_the_server_states(
    town: City,
) -> None:
    client, mine = await registered(town)
    for changes in (
        {"client_id": "portal"}, {}, {"client_id": client.client_id, "client_id_issued_at": 1},
        {"client_id": client.client_id, "registration_access_token": "mine"},
    ):  # fmt: skip
        answer = await manage(town, "PUT", mine, good_metadata(client, **changes))
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_client_metadata"
    assert (await manage(town, "GET", mine)).status_code == 200


@LASTING
async def test_invalid_change_leaves_registration_and_token_as_they_were(town: City) -> None:
    client, mine = await registered(town)
    answer = await manage(town, "PUT", mine, good_metadata(
        client, client_id=client.client_id, redirect_uris=["javascript:x"],
    ))  # fmt: skip
    assert answer.json()["error"] == "invalid_redirect_uri"
    assert (await manage(town, "GET", mine)).json() == mine


@LASTING
async def test_invented_initial_token_is_refused_even_where_none_is_needed(town: City) -> None:
    answer = await register(town, good_metadata(TestClient(town)), token="t" * 43)
    assert answer.status_code == 401


async def test_change_of_scopes_does_not_widen_what_people_gave_before(city: City) -> None:
    client, mine = await registered(city, scope="openid")
    token = await client.token(scope="openid")
    await manage(city, "PUT", mine, good_metadata(
        client, client_id=client.client_id, scope="openid profile contact",
    ))  # fmt: skip
    assert set((await client.get(token)).json()) == {"sub"}


async def test_registration_changed_twice_at_once_changes_once(city: City) -> None:
    client, mine = await registered(city)
    bodies = [
        good_metadata(client, client_id=client.client_id, client_name=f"Tea {n}") for n in range(3)
    ]
    answers = await asyncio.gather(*(manage(city, "PUT", mine, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    (good,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await manage(city, "GET", good)).json()["client_name"] == good["client_name"]


async def test_initial_token_for_one_registers_one_though_used_at_once(city: City) -> None:
    token = await city.kernel.database.run(
        lambda db: city.identity.registrations.issue_initial_token(db, issued_by="operator")
    )
    metadata = good_metadata(TestClient(city))
    answers = await asyncio.gather(*(register(city, metadata, token) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]
