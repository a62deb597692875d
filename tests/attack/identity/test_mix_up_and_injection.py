"""An attacker between servers and sessions: mix-up, injected codes, PKCE weakened (RFC 9700)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import Unverified, generate_key, read_unverified
from tests.attack.identity.effects import rows
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

LASTING = pytest.mark.asyncio(loop_scope="module")


def _told(answer: httpx.Response) -> dict[str, str]:
    """What a redirect to the client says; a signed response (JARM) is opened."""
    assert answer.status_code == 303, answer.text
    told = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    if "response" not in told:
        return told
    seen = read_unverified(told["response"])
    assert isinstance(seen, Unverified)
    return {name: str(value) for name, value in seen.claims.items()}


async def _ended(city: City, client: TestClient, how: str, mode: str | None) -> dict[str, str]:
    """Bring a sign-in to an end in one of the ways there are."""
    browser = Browser(city)
    if how == "silent":
        request_uri = await client.pushed(response_mode=mode, prompt="none")
        return _told(await browser.open(client.client_id, request_uri))
    request_uri = await client.pushed(response_mode=mode)
    path, number = await browser.start(client.client_id, request_uri, "ada")
    if how == "cancelled":
        form = hidden_fields((await browser.get(path)).text)
        return _told(await browser.post(f"{path}/cancel", form))
    if how == "expired":
        city.wire_clock.advance(seconds=300)
        return _told(await browser.get(path))
    asked = (await city.phone.pending("ada"))[-1]
    await city.phone.answer("ada", asked["approval_id"], how, number)
    return _told(await browser.get(path))


@pytest.mark.behaviour("attack-mix-up")
@pytest.mark.parametrize("mode", [None, "jwt"])
@pytest.mark.parametrize("how", ["approved", "rejected", "cancelled", "silent", "expired"])
async def test_however_a_sign_in_ends_the_answer_names_its_issuer(
    city: City, client: TestClient, how: str, mode: str | None
) -> None:
    told = await _ended(city, client, how, mode)
    assert told["iss"] == ISSUER
    assert ("code" in told) is (how == "approved")
    assert ("error" in told) is (how != "approved")


@LASTING
@pytest.mark.behaviour("attack-code-injection")
async def test_code_put_into_another_session_of_the_same_client_brings_nothing(
    town: City, caller: TestClient
) -> None:
    # The victim's session has a verifier of its own; the attacker brings the code of another.
    stolen = await caller.code("ada")
    before = await rows(town)
    answer = await caller.redeem(stolen, code_verifier="w" * 43)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert await rows(town) == before
    assert (await caller.redeem(stolen)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-code-injection")
async def test_code_bound_to_a_session_s_key_is_worth_nothing_with_another(
    town: City, caller: TestClient
) -> None:
    pushed = await caller.post("/identity/par", caller.request())
    callback = await Browser(town).sign_in(caller.client_id, pushed.json()["request_uri"], "ada")
    before = await rows(town)
    proof = caller.proof("POST", f"{ISSUER}/identity/token", key=generate_key())
    answer = await caller.redeem(callback["code"], proof=proof)
    assert answer.json()["error"] == "invalid_grant"
    assert await rows(town) == before
    assert (await caller.redeem(callback["code"])).status_code == 200


async def _service_callback(city: City, address: str) -> dict[str, str]:
    """Let ben finish a sign-in that the service began."""
    asked = dict(parse_qsl(urlsplit(address).query))
    browser = Browser(city)
    path, number = await browser.start(asked["client_id"], asked["request_uri"], "ben")
    question = (await city.phone.pending("ben"))[-1]
    await city.phone.answer("ben", question["approval_id"], "approved", number)
    return _told(await browser.get(path))


@pytest.mark.behaviour("attack-code-injection")
async def test_service_is_not_signed_in_by_a_code_of_the_attacker_s_own_session(
    city: City,
) -> None:
    party = city.service._relying_party()
    attackers, victims = await party.begin(scope="openid"), await party.begin(scope="openid")
    assert not isinstance(attackers, Refused) and not isinstance(victims, Refused)
    callback = await _service_callback(city, attackers[0])
    # Forged login (CSRF on the callback): the attacker's whole answer, then only its code.
    as_sent = await party.finish(callback, victims[1])
    with_state = await party.finish(callback | {"state": victims[1].state}, victims[1])
    assert isinstance(as_sent, Refused) and as_sent.refusal.value == "relying_party.state"
    assert isinstance(with_state, Refused) and with_state.refusal.value == "relying_party.token"
    assert not isinstance(await party.finish(callback, attackers[1]), Refused)


DOWNGRADES: dict[str, dict[str, Any]] = {
    "RFC9700-2.1.1-no-verifier": {"code_verifier": None},
    "RFC9700-4.8-empty-verifier": {"code_verifier": ""},
    "RFC7636-4.6-challenge-as-plain-verifier": {},
    "RFC7636-4.3-method-plain-at-the-token": {"code_challenge_method": "plain"},
    "RFC7636-4.3-other-challenge-at-the-token": {
        "code_challenge": "w" * 43, "code_challenge_method": "plain", "code_verifier": "w" * 43,
    },
}  # fmt: skip


@LASTING
@pytest.mark.behaviour("attack-pkce-downgrade")
@pytest.mark.parametrize("case", DOWNGRADES)
async def test_code_of_a_challenge_is_not_redeemed_in_a_weaker_way(
    town: City, caller: TestClient, case: str
) -> None:
    code, changes = await caller.code(), dict(DOWNGRADES[case])
    if case.startswith(("RFC7636-4.6", "RFC7636-4.3-method")):
        changes["code_verifier"] = caller.request()["code_challenge"]
    before = await rows(town)
    answer = await caller.redeem(code, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")
    assert await rows(town) == before
    assert (await caller.redeem(code)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-pkce-downgrade")
async def test_challenge_in_the_address_does_not_replace_the_pushed_one(
    town: City, caller: TestClient
) -> None:
    browser, request_uri = Browser(town), await caller.pushed()
    page = await browser.open(
        caller.client_id, request_uri, code_challenge="w" * 43, code_challenge_method="plain"
    )
    assert page.status_code == 200
    code = (await browser.sign_in(caller.client_id, request_uri, "ada"))["code"]
    weakened = await caller.redeem(code, code_verifier="w" * 43)
    assert error_code(weakened) == "identity.code_verifier"
    assert (await caller.redeem(code)).status_code == 200
