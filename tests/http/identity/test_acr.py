"""Levels of assurance: asked for, reached, told in the id_token, and stepped up at a resource."""

from __future__ import annotations

from typing import Any

import pytest

from lionrock.identity.domain.assurance import ACR_VALUES
from lionrock.identity.http.resources import check_access_token
from lionrock.identity.service.assurance import step_up
from lionrock.identity.service.identity import PrincipalCall
from lionrock.kernel.http import Route, RouteTable, build_application, reply
from lionrock.kernel.jose import verify_jws
from tests.http.identity.authenticator import opened
from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient

DEVICE, NUMBER, PASSKEY = ACR_VALUES
GUARDED = f"{ISSUER}/guarded"


async def by_passkey(city: City, client: TestClient, **changes: Any) -> str:
    """Sign in with a passkey; returns where the browser is sent."""
    page, authenticator = await opened(city, "carmen")
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(**changes), "carmen")
    asked = (await page.home())["approvals"][-1]
    await page.answer(authenticator, asked["approval_id"], number=number)
    return str((await browser.get(path)).headers["location"])


def code_in(location: str) -> str:
    """The code of a redirect."""
    assert "code=" in location, location
    return location.split("code=")[1].split("&")[0]


async def id_token(city: City, client: TestClient, code: str) -> dict[str, Any]:
    """The claims of the id_token that a code brings."""
    answer = await client.redeem(code)
    assert answer.status_code == 200, answer.text
    token = answer.json()["id_token"]
    verified: Any = verify_jws(token, city.identity.tokens.signing_key(), typ="JWT")
    return dict(verified.claims)


async def test_id_token_says_level_methods_and_time(city: City, client: TestClient) -> None:
    now_s = city.kernel.wire_clock.now_s()
    claims = await id_token(city, client, await client.code("ada"))
    assert (claims["acr"], claims["amr"]) == (NUMBER, ["pop", "mca"])
    assert claims["auth_time"] == now_s
    claims = await id_token(city, client, code_in(await by_passkey(city, client)))
    assert (claims["acr"], claims["amr"]) == (PASSKEY, ["pop", "user", "mfa"])


@pytest.mark.parametrize(
    ("wanted", "is_met"),
    [
        (DEVICE, True), (NUMBER, True), (PASSKEY, False), (f"{PASSKEY} {NUMBER}", True),
        (f"urn:other {DEVICE}", True), (f"urn:other {PASSKEY}", False),
    ],
)  # fmt: skip
async def test_phone_with_a_number_meets_what_it_meets(
    city: City, client: TestClient, wanted: str, is_met: bool
) -> None:
    browser = Browser(city)
    callback = await browser.sign_in(
        client.client_id, await client.pushed(acr_values=wanted), "ada"
    )
    assert ("code" in callback) == is_met
    if not is_met:
        assert callback["error"] == "unmet_authentication_requirements"
        assert callback["state"] == "the-state"
        assert callback["iss"]


async def test_passkey_meets_the_highest_level(city: City, client: TestClient) -> None:
    location = await by_passkey(city, client, acr_values=PASSKEY)
    claims = await id_token(city, client, code_in(location))
    assert claims["acr"] == PASSKEY


async def test_unmet_level_uses_the_request_up(city: City, client: TestClient) -> None:
    request_uri = await client.pushed(acr_values=PASSKEY)
    callback = await Browser(city).sign_in(client.client_id, request_uri, "ada")
    assert "error" in callback
    again = await Browser(city).open(client.client_id, request_uri)
    assert again.status_code == 400


@pytest.mark.parametrize("acr_values", ["urn:other", "", " ", "x" * 501])
async def test_level_that_is_not_ours_is_refused_when_pushed(
    client: TestClient, acr_values: str
) -> None:
    answer = await client.push(acr_values=acr_values)
    assert answer.status_code == 400
    assert answer.json()["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize("max_age", ["-1", "1.5", "soon", "", "9999999999", "٣"])
async def test_max_age_that_is_no_number_is_refused(client: TestClient, max_age: str) -> None:
    answer = await client.push(max_age=max_age)
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["code"] == "identity.max_age"


async def test_max_age_zero_is_met_for_nobody_is_remembered(
    city: City, client: TestClient
) -> None:
    claims = await id_token(city, client, await client.code("ada", max_age="0"))
    assert claims["auth_time"] == city.kernel.wire_clock.now_s()


async def test_metadata_lists_the_levels(city: City) -> None:
    async with city.http() as http:
        found = (await http.get("/.well-known/openid-configuration")).json()
    assert found["acr_values_supported"] == list(ACR_VALUES)


async def reply_seen(_call: PrincipalCall) -> Any:
    """The guarded deed."""
    return reply({"seen": True})


def guard(city: City, acr: str, max_age_s: int | None) -> None:
    """Add a resource that wants a level, and a freshness, to the city."""
    row = Route(
        method="GET", path="/guarded", name="guarded", summary="Guarded", call=PrincipalCall,
        steps=(check_access_token, step_up(acr, max_age_s), reply_seen), scope="openid",
    )  # fmt: skip
    table = RouteTable(pillar="test", room=city.identity, routes=(row,))
    extended = build_application(city.kernel, [*city.application.tables, table])
    city.application = extended
    city.kernel.network.applications["http://platform.test"] = extended


async def test_resource_asks_for_a_higher_level(city: City, client: TestClient) -> None:
    guard(city, PASSKEY, None)
    answer = await client.get(await client.token(), "/guarded", url=GUARDED)
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("DPoP ")
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{PASSKEY}"' in challenge
    redeemed = await client.redeem(code_in(await by_passkey(city, client, acr_values=PASSKEY)))
    token = redeemed.json()["access_token"]
    assert (await client.get(token, "/guarded", url=GUARDED)).status_code == 200


async def test_resource_asks_for_a_fresher_sign_in(city: City, client: TestClient) -> None:
    guard(city, DEVICE, 60)
    token = await client.token()
    assert (await client.get(token, "/guarded", url=GUARDED)).status_code == 200
    city.wire_clock.advance(seconds=61)
    answer = await client.get(token, "/guarded", url=GUARDED)
    assert answer.status_code == 401
    assert 'max_age="60"' in answer.headers["www-authenticate"]


async def test_company_token_keeps_the_level_of_the_person(
    city: City, client: TestClient
) -> None:
    guard(city, NUMBER, None)
    token = await client.token("ada")
    exchanged = await client.exchange(token, city.company.id)
    assert exchanged.status_code == 200, exchanged.text
    company_token = exchanged.json()["access_token"]
    assert (await client.get(company_token, "/guarded", url=GUARDED)).status_code == 200
