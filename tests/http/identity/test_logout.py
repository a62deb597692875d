"""Logging out: all sign-ins of a browser end together, and every service that took part is told."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import msgspec
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.identity.domain.logout import LOGOUT_EVENT
from lionrock.kernel.errors import Refused
from lionrock.kernel.jose import generate_key, key_from_jwk, sign_jws, verify_jws
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import ISSUER, REDIRECT, City
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.registrations import good_metadata, register

AFTER = "https://client.example/goodbye?from=lionrock"
SINGLE = "https://single.test"


class Listener:
    """A service's back-channel log-out endpoint; answers with the next of `statuses`."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.tokens: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        self.tokens.append(parse_qs(body.decode())["logout_token"][0])
        status = self.statuses.pop(0) if self.statuses else 200
        fields = [(b"location", b"https://single.test/other")] if status == 302 else []
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def listener(city: City) -> Listener:
    """The endpoint, reachable from the platform."""
    listener = Listener()
    city.kernel.network.applications[SINGLE] = listener
    return listener


async def logged_in(
    city: City, browser: Browser, client_id: str = "client-one", persona: str = "ada"
) -> tuple[TestClient, dict[str, Any]]:
    """A client that takes part in log-outs, and the tokens of a sign-in in a browser."""
    policy = ClientPolicy(
        backchannel_logout_uri=f"{SINGLE}/{client_id}", post_logout_redirect_uris=(AFTER,)
    )
    client = await new_client(city, client_id, policy)
    return client, await sign_in(browser, client, persona)


async def sign_in(browser: Browser, client: TestClient, persona: str = "ada") -> dict[str, Any]:
    """Sign in once more in a browser; returns the token's answer."""
    callback = await browser.sign_in(client.client_id, await client.pushed(), persona)
    answer = await client.redeem(callback["code"])
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unchecked."""
    part = token.split(".")[1]
    claims: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * 3))
    return claims


async def log_out(browser: Browser, **parameters: str) -> httpx.Response:
    """Open the log-out endpoint."""
    return await browser.get(f"/identity/logout?{urlencode(parameters)}")


async def is_live(client: TestClient, tokens: dict[str, Any]) -> bool:
    """Whether userinfo still answers."""
    return (await client.get(tokens["access_token"])).status_code == 200


async def test_a_log_out_ends_the_token_and_leads_back(city: City, listener: Listener) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    answer = await log_out(
        browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER, state="s 1"
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{AFTER}&state=s+1"
    assert not await is_live(client, tokens)


async def test_the_logout_token_is_what_the_standard_asks_for(
    city: City, listener: Listener
) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    await log_out(browser, id_token_hint=tokens["id_token"])
    await city.worker().run_due()
    async with city.http() as http:
        jwks = (await http.get("/identity/jwks")).json()["keys"]
    keys = [key for key in map(key_from_jwk, jwks) if not isinstance(key, Refused)]
    verified = verify_jws(listener.tokens[0], keys, typ="logout+jwt")
    assert not isinstance(verified, Refused), verified
    claims = verified.claims
    assert claims["iss"] == ISSUER and claims["aud"] == client.client_id
    assert claims["events"] == {LOGOUT_EVENT: {}} and "nonce" not in claims
    hint = claims_of(tokens["id_token"])
    assert (claims["sub"], claims["sid"]) == (hint["sub"], hint["sid"])
    assert 0 < claims["exp"] - claims["iat"] <= 120 and claims["jti"]


async def test_every_service_of_the_browser_is_told_and_no_other(
    city: City, listener: Listener
) -> None:
    browser, elsewhere = Browser(city), Browser(city)
    one, first = await logged_in(city, browser)
    two, second = await logged_in(city, browser, "client-two")
    away = await sign_in(elsewhere, one)
    await log_out(browser, id_token_hint=first["id_token"])
    await city.worker().run_due()
    assert {claims_of(token)["aud"] for token in listener.tokens} == {"client-one", "client-two"}
    assert not await is_live(two, second)
    assert await is_live(one, away)


async def test_what_a_session_is_called_links_no_two_services(
    city: City, listener: Listener
) -> None:
    browser = Browser(city)
    _, first = await logged_in(city, browser)
    _, second = await logged_in(city, browser, "client-two")
    assert claims_of(first["id_token"])["sid"] != claims_of(second["id_token"])["sid"]


async def test_without_a_hint_the_person_is_asked_first(city: City, listener: Listener) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    page = await log_out(browser, client_id="client-one", post_logout_redirect_uri=AFTER)
    assert page.status_code == 200 and "Client sent you here" in page.text
    assert await is_live(client, tokens)
    done = await browser.post("/identity/logout/confirmation", hidden_fields(page.text))
    assert done.status_code == 303 and done.headers["location"] == AFTER
    assert not await is_live(client, tokens)


async def test_another_browsers_id_token_logs_nobody_out_unasked(
    city: City, listener: Listener
) -> None:
    browser, thief = Browser(city), Browser(city)
    client, tokens = await logged_in(city, browser)
    page = await log_out(thief, id_token_hint=tokens["id_token"])
    assert page.status_code == 200
    await thief.post("/identity/logout/confirmation", hidden_fields(page.text))
    assert await is_live(client, tokens)


async def test_an_expired_id_token_is_still_a_hint(city: City, listener: Listener) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    city.wire_clock.advance(seconds=600)
    answer = await log_out(
        browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER
    )
    assert answer.status_code == 303
    assert not await is_live(client, tokens)


@pytest.mark.behaviour("attack-csrf")
async def test_a_forged_confirmation_logs_nobody_out(city: City, listener: Listener) -> None:
    browser, stranger = Browser(city), Browser(city)
    client, tokens = await logged_in(city, browser)
    page = await log_out(stranger)
    stolen = hidden_fields(page.text)
    for form in (stolen, stolen | {"form_token": ""}):
        answer = await browser.post("/identity/logout/confirmation", form)
        assert answer.status_code == 403 and error_code(answer) == "identity.logout_forged"
    own = hidden_fields((await log_out(browser)).text)
    crossed = await browser.post(
        "/identity/logout/confirmation", own, headers={"sec-fetch-site": "cross-site"}
    )
    assert crossed.status_code == 403
    assert await is_live(client, tokens)


@pytest.mark.behaviour("attack-redirect")
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"client_id": "client-one", "post_logout_redirect_uri": REDIRECT}, "logout_redirect"),
        ({"client_id": "client-one", "post_logout_redirect_uri": AFTER + "&x=1"},
         "logout_redirect"),
        ({"client_id": "client-one", "post_logout_redirect_uri": "https://evil.example/"},
         "logout_redirect"),
        ({"post_logout_redirect_uri": AFTER}, "logout_client"),
        ({"client_id": "nobody", "post_logout_redirect_uri": AFTER}, "logout_client"),
        ({"client_id": "client-one", "state": "x" * 2049}, "logout_state"),
        ({"id_token_hint": "not.a.token"}, "logout_hint"),
        ({"id_token_hint": "x" * 9000}, "logout_hint"),
    ],
)  # fmt: skip
async def test_a_bent_request_gets_a_page_and_no_redirect(
    city: City, listener: Listener, parameters: dict[str, str], code: str
) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    answer = await log_out(browser, **parameters)
    assert answer.status_code == 400 and error_code(answer) == f"identity.{code}"
    assert "location" not in answer.headers
    assert await is_live(client, tokens)


async def test_a_hint_signed_by_somebody_else_is_refused(city: City, listener: Listener) -> None:
    browser = Browser(city)
    client, tokens = await logged_in(city, browser)
    forged = sign_jws(generate_key(), claims_of(tokens["id_token"]), typ="JWT")
    answer = await log_out(browser, id_token_hint=forged)
    assert error_code(answer) == "identity.logout_hint"
    other = await log_out(browser, id_token_hint=tokens["id_token"], client_id="client-two")
    assert error_code(other) == "identity.logout_client"
    assert await is_live(client, tokens)


async def test_a_service_that_is_down_is_told_later_with_a_fresh_token(
    city: City, listener: Listener
) -> None:
    browser = Browser(city)
    _, tokens = await logged_in(city, browser)
    listener.statuses = [503, 200]
    await log_out(browser, id_token_hint=tokens["id_token"])
    for _ in range(3):
        await city.worker().run_due()
        city.wire_clock.advance(seconds=5)
    first, second = map(claims_of, listener.tokens)
    assert first["jti"] != second["jti"] and second["iat"] > first["iat"]


@pytest.mark.behaviour("attack-ssrf-logout")
@pytest.mark.parametrize("status", [302, 400, 204])
async def test_a_service_that_answers_is_told_once_and_followed_nowhere(
    city: City, listener: Listener, status: int
) -> None:
    browser = Browser(city)
    _, tokens = await logged_in(city, browser)
    listener.statuses = [status]
    await log_out(browser, id_token_hint=tokens["id_token"])
    for _ in range(3):
        await city.worker().run_due()
        city.wire_clock.advance(seconds=60)
    assert len(listener.tokens) == 1


async def test_a_client_that_registered_nothing_has_no_session(city: City) -> None:
    browser = Browser(city)
    client = await new_client(city)
    tokens = await sign_in(browser, client)
    assert "sid" not in claims_of(tokens["id_token"])


@pytest.mark.behaviour("attack-clickjacking")
async def test_the_page_that_asks_cannot_be_framed(city: City) -> None:
    page = await log_out(Browser(city))
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_a_client_registers_where_log_outs_are_told_and_lead(city: City) -> None:
    wanted = {
        "backchannel_logout_uri": "https://client.example/told",
        "backchannel_logout_session_required": True, "post_logout_redirect_uris": [AFTER],
    }  # fmt: skip
    answer = await register(city, good_metadata(TestClient(city)) | wanted)
    assert answer.status_code == 201, answer.text
    assert {name: answer.json()[name] for name in wanted} == wanted


@pytest.mark.behaviour("attack-ssrf-logout")
@pytest.mark.parametrize(
    "bent",
    [
        {"backchannel_logout_uri": "http://169.254.169.254/latest"},
        {"backchannel_logout_uri": "file:///etc/passwd"},
        {"backchannel_logout_uri": "https://user:pw@client.example/"},
        {"post_logout_redirect_uris": ["javascript:alert(1)"]},
        {"post_logout_redirect_uris": ["https://client.example/#x"]},
        {"post_logout_redirect_uris": [AFTER] * 11},
    ],
)
async def test_an_address_that_no_log_out_may_reach_is_not_registered(
    city: City, bent: dict[str, Any]
) -> None:
    answer = await register(city, good_metadata(TestClient(city)) | bent)
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_client_metadata"
