"""An attacker who bends authorization requests, pushed or in the browser (RFC 9126, RFC 7636)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lionrock.identity.domain.requests import REQUEST_URI_LIFE_S
from lionrock.kernel.jose import thumbprint
from tests.attack.identity.forge import marked
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.clients import TestClient, new_client

LASTING = pytest.mark.asyncio(loop_scope="module")
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "RFC9126-2.1-request_uri-pushed": (
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request",
        "request_uri_pushed",
    ),
    "RFC9101-6.1-request-object": (
        {"request": "a.b.c"}, "invalid_request_object", "request_object_malformed",
    ),
    "FAPI2-5.3.2.2-redirect_uri-missing": (
        {"redirect_uri": None}, "invalid_request", "redirect_uri_missing",
    ),
    "RFC9700-2.1-redirect_uri-unregistered": (
        {"redirect_uri": "https://evil.example/"}, "invalid_request", "redirect_uri_unregistered",
    ),
    "RFC9700-2.1-redirect_uri-longer": (
        {"redirect_uri": f"{REDIRECT}/.."}, "invalid_request", "redirect_uri_unregistered",
    ),
    "RFC9700-2.1-redirect_uri-query-added": (
        {"redirect_uri": f"{REDIRECT}?x=1"}, "invalid_request", "redirect_uri_unregistered",
    ),
    "RFC7636-4.4.1-no-challenge": (
        {"code_challenge": None, "code_challenge_method": None}, "invalid_request", "pkce_missing",
    ),
    "FAPI2-5.3.2.2-plain": (
        {"code_challenge": "v" * 43, "code_challenge_method": "plain"}, "invalid_request",
        "pkce_method",
    ),
    "RFC7636-4.3-method-missing-means-plain": (
        {"code_challenge_method": None}, "invalid_request", "pkce_method",
    ),
    "RFC7636-4.2-challenge-too-short": (
        {"code_challenge": "v" * 42}, "invalid_request", "pkce_missing",
    ),
    "RFC7636-4.2-challenge-with-newline": (
        {"code_challenge": "v" * 42 + "\n"}, "invalid_request", "pkce_missing",
    ),
    "FAPI2-5.3.2.2-code-id_token": (
        {"response_type": "code id_token"}, "unsupported_response_type", "response_type",
    ),
    "FAPI2-5.3.2.2-token": (
        {"response_type": "token"}, "unsupported_response_type", "response_type",
    ),
    "RFC6749-4.1.2.1-response_type-missing": (
        {"response_type": None}, "invalid_request", "response_type_missing",
    ),
    "response_mode-fragment": ({"response_mode": "fragment"}, "invalid_request", "response_mode"),
    "RFC6749-3.3-scope-unknown": ({"scope": "openid admin"}, "invalid_scope", "scope"),
    "RFC6749-3.3-scope-not-registered": ({"scope": "openid staff"}, "invalid_scope", "scope"),
    "RFC6749-3.3-scope-missing": ({"scope": None}, "invalid_scope", "scope"),
    "RFC6749-3.3-scope-double-blank": ({"scope": "openid  profile"}, "invalid_scope", "scope"),
    "limit-state-2049": ({"state": "s" * 2049}, "invalid_request", "parameter_length"),
    "limit-nonce-2049": ({"nonce": "n" * 2049}, "invalid_request", "parameter_length"),
    "OIDC-3.1.2.1-prompt-unknown": ({"prompt": "please"}, "invalid_request", "prompt"),
    "RFC9449-10-dpop_jkt-no-thumbprint": (
        {"dpop_jkt": "short"}, "invalid_dpop_proof", "dpop_jkt_mismatch",
    ),
}  # fmt: skip
ACCEPTED: dict[str, dict[str, Any]] = {
    "RFC6749-3.3-scope-order": {"scope": "company openid profile"},
    "no-state": {"state": None},
    "no-nonce": {"nonce": None},
    "nonce-64": {"nonce": "n" * 64},
    "limit-nonce-2048": {"nonce": "n" * 2048},
    "limit-state-2048": {"state": "s" * 2048},
    "RFC6749-3.1-unknown-parameters-are-ignored": {"foo": "bar"},
    "response_mode-query": {"response_mode": "query"},
}


REFUSED_BEHAVIOURS = {
    "RFC9126-2.1-request_uri-pushed": "par-authorization-request-containing-request_uri-form-param",
    "FAPI2-5.3.2.2-redirect_uri-missing": "ensure-redirect-uri-in-authorization-request",
    "RFC9700-2.1-redirect_uri-unregistered": "plain-fapi-tolerate-unregistered-redirect-uri",
    "RFC7636-4.4.1-no-challenge": "par-ensure-pkce-required",
    "FAPI2-5.3.2.2-plain": "par-plain-pkce-rejected",
    "FAPI2-5.3.2.2-code-id_token": "ensure-response-type-code-idtoken-fails",
    "FAPI2-5.3.2.2-token": "ensure-response-type-token-fails",
    "RFC9700-2.1-redirect_uri-longer": "attack-redirect",
    "RFC7636-4.3-method-missing-means-plain": "attack-pkce-downgrade",
    "limit-state-2049": "attack-oversized",
}


@LASTING
@pytest.mark.parametrize("case", marked(REFUSED, REFUSED_BEHAVIOURS))
async def test_bent_request_is_refused_at_the_push(caller: TestClient, case: str) -> None:
    changes, error, code = REFUSED[case]
    answer = await caller.push(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert error_code(answer) == f"identity.{code}"


ACCEPTED_BEHAVIOURS = {
    "RFC6749-3.3-scope-order": "ensure-other-scope-order-succeeds",
    "no-state": "ensure-authorization-request-without-state-success",
    "no-nonce": "ensure-authorization-request-without-nonce-success",
    "nonce-64": "ensure-authorization-request-with-64-char-nonce-success",
    "limit-nonce-2048": "ensure-authorization-request-with-long-nonce",
    "limit-state-2048": "ensure-authorization-request-with-long-state",
}


@LASTING
@pytest.mark.parametrize("case", marked(ACCEPTED, ACCEPTED_BEHAVIOURS))
async def test_request_within_the_profile_comes_back_with_its_own_values(
    town: City, caller: TestClient, case: str
) -> None:
    changes = ACCEPTED[case]
    callback = await Browser(town).sign_in(
        caller.client_id, await caller.pushed(**changes), "ada"
    )
    expected = caller.request(**changes).get("state")
    assert callback.get("state") == expected
    assert callback["iss"] == "http://platform.test"
    assert set(callback) == {"code", "iss"} | ({"state"} if expected else set())


@LASTING
@pytest.mark.behaviour("attack-duplicate-parameters")
async def test_parameter_given_twice_is_refused(town: City, caller: TestClient) -> None:
    body = f"client_id={caller.client_id}&client_id={caller.client_id}"
    async with town.http() as http:
        answer = await http.post(
            "/identity/par", content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.behaviour("par-attempt-invalid-http-method")
async def test_push_by_another_method_is_refused(city: City, method: str) -> None:
    async with city.http() as http:
        answer = await http.request(method, "/identity/par")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@LASTING
async def test_push_as_json_is_refused(town: City, caller: TestClient) -> None:
    async with town.http() as http:
        answer = await http.post("/identity/par", json=caller.request())
    assert answer.status_code == 415


@LASTING
@pytest.mark.behaviour("ensure-unsigned-authorization-request-without-using-par-fails")
async def test_request_not_pushed_gets_an_error_page_and_no_redirect(
    town: City, caller: TestClient
) -> None:
    browser = Browser(town)
    query = "&".join(f"{n}={v}" for n, v in caller.request().items())
    answer = await browser.get(f"/identity/authorize?client_id={caller.client_id}&{query}")
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert error_code(answer) == "identity.request_not_pushed"


@pytest.mark.behaviour("par-attempt-to-use-request_uri-for-different-client")
async def test_request_uri_of_another_client_is_not_known(city: City, client: TestClient) -> None:
    other = await new_client(city, "client-two")
    answer = await Browser(city).open(other.client_id, await client.pushed())
    assert answer.status_code == 400
    assert error_code(answer) == "identity.request_unknown"


@LASTING
async def test_request_uri_invented_is_not_known(town: City, caller: TestClient) -> None:
    invented = "urn:ietf:params:oauth:request_uri:" + "a" * 43
    answer = await Browser(town).open(caller.client_id, invented)
    assert error_code(answer) == "identity.request_unknown"


@pytest.mark.behaviour("par-attempt-to-use-expired-request_uri")
async def test_request_uri_expires_at_its_time_and_not_before(
    city: City, client: TestClient
) -> None:
    request_uri, browser = await client.pushed(), Browser(city)
    city.wire_clock.advance(seconds=REQUEST_URI_LIFE_S - 1)
    assert (await browser.open(client.client_id, request_uri)).status_code == 200
    city.wire_clock.advance(seconds=1)
    answer = await browser.open(client.client_id, request_uri)
    assert answer.status_code == 400
    assert error_code(answer) == "identity.request_expired"


@LASTING
@pytest.mark.behaviour("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
@pytest.mark.behaviour("par-without-duplicate-parameters")
async def test_reload_and_prefetch_do_not_use_the_request_up(
    town: City, caller: TestClient
) -> None:
    request_uri, browser = await caller.pushed(), Browser(town)
    query = f"/identity/authorize?client_id={caller.client_id}&request_uri={request_uri}"
    for _ in range(3):
        assert (await browser.get(query)).status_code == 200
    assert (await browser.get(query, method="HEAD")).status_code == 200
    callback = await browser.sign_in(caller.client_id, request_uri, "ada")
    assert "code" in callback


@LASTING
@pytest.mark.behaviour("par-attempt-reuse-request_uri")
async def test_request_uri_is_used_up_by_the_completed_sign_in(
    town: City, caller: TestClient
) -> None:
    request_uri, browser = await caller.pushed(), Browser(town)
    await browser.sign_in(caller.client_id, request_uri, "ada")
    for each in (browser, Browser(town)):
        answer = await each.open(caller.client_id, request_uri)
        assert answer.status_code == 400
        assert error_code(answer) == "identity.request_used"


async def test_two_tabs_of_one_request_yield_one_code(city: City, client: TestClient) -> None:
    request_uri = await client.pushed()
    one, two = Browser(city), Browser(city)
    path_one, number_one = await one.start(client.client_id, request_uri, "ada")
    path_two, number_two = await two.start(client.client_id, request_uri, "ada")
    first, second = await city.phone.pending("ada")
    await city.phone.answer("ada", first["approval_id"], "approved", number_one)
    await city.phone.answer("ada", second["approval_id"], "approved", number_two)
    assert (await one.get(path_one)).status_code == 303
    refused = await two.get(path_two)
    assert refused.status_code == 400
    assert error_code(refused) == "identity.request_used"


@LASTING
@pytest.mark.behaviour("state-only-outside-request-object-not-used")
async def test_values_in_the_address_never_replace_pushed_ones(
    town: City, caller: TestClient
) -> None:
    browser = Browser(town)
    request_uri = await caller.pushed(state=None)
    page = await browser.open(
        caller.client_id, request_uri, state="evil", nonce="evil", scope="contact",
        redirect_uri="https://evil.example/", prompt="none",
    )  # fmt: skip
    assert page.status_code == 200
    callback = await browser.sign_in(caller.client_id, request_uri, "ada")
    assert "state" not in callback


@LASTING
@pytest.mark.behaviour("user-rejects-authentication")
@pytest.mark.behaviour("attack-mix-up")
async def test_person_who_says_no_sends_access_denied_with_iss_and_state(
    town: City, caller: TestClient
) -> None:
    callback = await Browser(town).sign_in(
        caller.client_id, await caller.pushed(), "ada", "rejected"
    )
    assert callback == {
        "error": "access_denied", "iss": "http://platform.test", "state": "the-state",
    }  # fmt: skip


@LASTING
@pytest.mark.behaviour("attack-mix-up")
async def test_silent_request_gets_login_required(town: City, caller: TestClient) -> None:
    request_uri = await caller.pushed(prompt="none")
    answer = await Browser(town).open(caller.client_id, request_uri)
    assert answer.status_code == 303
    fields = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert fields["error"] == "login_required"
    assert fields["iss"] == "http://platform.test"


@pytest.mark.behaviour("ensure-dpopproof-at-par-endpoint-binding-success")
@pytest.mark.behaviour("ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt")
async def test_proof_at_the_push_binds_the_code_to_its_key(
    city: City, client: TestClient
) -> None:
    answer = await client.post("/identity/par", client.request())
    callback = await Browser(city).sign_in(
        client.client_id, answer.json()["request_uri"], "ada"
    )
    bound, client.dpop_key = client.dpop_key, client.key
    stolen = await client.redeem(callback["code"])
    assert stolen.status_code == 400
    assert stolen.json()["error"] == "invalid_grant"
    client.dpop_key = bound
    assert (await client.redeem(callback["code"])).status_code == 200


@LASTING
@pytest.mark.behaviour("ensure-mismatched-dpop-jkt-fails")
async def test_dpop_jkt_of_another_key_than_the_proof_is_refused(caller: TestClient) -> None:
    answer = await caller.post("/identity/par", caller.request(dpop_jkt="a" * 43))
    assert answer.status_code == 400
    assert error_code(answer) == "identity.dpop_jkt_mismatch"


@LASTING
@pytest.mark.behaviour("ensure-token-endpoint-fails-with-mismatched-dpop-jkt")
async def test_dpop_jkt_alone_binds_the_code_to_its_key(town: City, caller: TestClient) -> None:
    code = await caller.code(dpop_jkt="a" * 43)
    stolen = await caller.redeem(code)
    assert stolen.json()["error"] == "invalid_grant"
    assert error_code(stolen) == "identity.dpop_key_mismatch"


@LASTING
async def test_bad_proof_at_the_push_is_refused_though_it_is_optional(caller: TestClient) -> None:
    proof = caller.proof("POST", "http://platform.test/identity/token")
    answer = await caller.post("/identity/par", caller.request(), proof=proof)
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert error_code(answer) == "identity.dpop_target"


@LASTING
@pytest.mark.behaviour("ensure-dpop-auth-code-binding-success")
async def test_code_bound_by_thumbprint_is_redeemed_with_that_key(caller: TestClient) -> None:
    code = await caller.code(dpop_jkt=thumbprint(caller.dpop_key.bare_jwk))
    assert (await caller.redeem(code)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-ssrf-request-uri")
@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/", "https://client.example/request.jwt", "file:///x"]
)
async def test_request_uri_of_elsewhere_is_never_fetched(
    town: City, caller: TestClient, address: str
) -> None:
    asked: list[str] = []

    async def trap(scope: Any, _receive: Any, _send: Any) -> None:
        asked.append(scope["path"])

    town.kernel.network.applications["https://client.example"] = trap
    try:
        pushed = await caller.push(request_uri=address)
        opened = await Browser(town).open(caller.client_id, address)
    finally:
        town.kernel.network.applications.pop("https://client.example")
    assert error_code(pushed) == "identity.request_uri_pushed"
    assert opened.status_code == 400
    assert error_code(opened) == "identity.request_unknown"
    assert asked == []
