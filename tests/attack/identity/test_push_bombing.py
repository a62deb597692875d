"""An attacker who starts sign-ins in other people's names, again and again."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from lionrock.kernel.network import Reply
from tests.attack.identity.handset import call, code_of
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client

QUIET = "/identity/v1/device/sign-ins"


async def begin(city: City, client: TestClient, identifier: str) -> tuple[Browser, str, str, str]:
    """Begin a sign-in; returns the browser, the page's path, its number and its code."""
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), identifier)
    found = re.search(r"data-code>([0-9 ]{9})<", (await browser.get(path)).text)
    assert found is not None
    return browser, path, number, found.group(1)


async def fetch(city: City, code: str, persona: str = "ada") -> Reply:
    """Type a sign-in's code on a phone."""
    return await call(city, "POST", QUIET, msgspec.json.encode({"code": code}), persona=persona)


async def flood(city: City, client: TestClient, times: int, identifier: str = "ada") -> None:
    for _ in range(times):
        await begin(city, client, identifier)


@pytest.mark.parametrize("identifier", ["ada", "nobody", "+85259000001", "ada@harbour.example"])
@pytest.mark.behaviour("attack-enumeration")
async def test_flood_is_answered_alike_whoever_is_named(
    city: City, client: TestClient, identifier: str
) -> None:
    await flood(city, client, 6)
    browser = Browser(city)
    page = await browser.open(client.client_id, await client.pushed())
    assert (await browser.identify(page, identifier)).status_code == 303


@pytest.mark.behaviour("attack-push-bombing")
async def test_phone_is_told_of_five_sign_ins_at_most(city: City, client: TestClient) -> None:
    other = await new_client(city, "client-two")
    await flood(city, client, 7)
    await flood(city, other, 4, "+85259000001")
    assert len(await city.phone.pending("ada")) == 5


@pytest.mark.behaviour("attack-push-bombing")
async def test_all_clients_together_ring_eight_times_in_ten_minutes(
    city: City, client: TestClient
) -> None:
    other, rung = await new_client(city, "client-two"), 0
    for each in (client, other) * 6:
        browser, path, *_ = await begin(city, each, "ada")
        rung += len(await city.phone.pending("ada"))
        city.wire_clock.advance(seconds=30)
        for asked in await city.phone.pending("ada"):
            await city.phone.answer("ada", asked["approval_id"], "rejected")
        assert (await browser.get(path)).status_code == 303 or rung >= 8
    assert rung == 8


async def test_flood_leaves_room_for_deeds_on_the_phone(city: City, client: TestClient) -> None:
    await flood(city, client, 9)
    await city.asked("ada")


@pytest.mark.behaviour("attack-push-bombing")
async def test_flood_does_not_lock_the_person_out(city: City, client: TestClient) -> None:
    await flood(city, client, 12)
    told = {asked["approval_id"] for asked in await city.phone.pending("ada")}
    browser, path, number, code = await begin(city, client, "ada")
    assert {asked["approval_id"] for asked in await city.phone.pending("ada")} == told
    fetched = await fetch(city, code)
    assert fetched.status == 201, fetched.body
    asked: dict[str, Any] = msgspec.json.decode(fetched.body)
    assert asked["needs_number"]
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    ended = await browser.get(path)
    assert ended.status_code == 303
    assert "code=" in ended.headers["location"]
    assert code_of(await fetch(city, code)) == "identity.quiet_sign_in"


async def test_quiet_list_names_services_and_not_codes(city: City, client: TestClient) -> None:
    await flood(city, client, 20)
    listed = msgspec.json.decode((await call(city, "GET", QUIET)).body)["sign_ins"]
    assert len(listed) == 10
    assert {frozenset(each) for each in listed} == {frozenset({"service", "started_at"})}
    assert msgspec.json.decode((await call(city, "GET", QUIET, persona="ben")).body) == {
        "sign_ins": []
    }


async def test_code_is_worth_nothing_on_another_persons_phone(
    city: City, client: TestClient
) -> None:
    await flood(city, client, 6)
    _, _, _, code = await begin(city, client, "ada")
    _, _, _, decoy = await begin(city, client, "nobody")
    assert code_of(await fetch(city, code, persona="ben")) == "identity.quiet_sign_in"
    assert code_of(await fetch(city, decoy)) == "identity.quiet_sign_in"
    assert code_of(await fetch(city, "")) == "identity.quiet_sign_in"
    assert (await fetch(city, code)).status == 201


async def test_code_of_an_ended_sign_in_asks_nothing(city: City, client: TestClient) -> None:
    await flood(city, client, 6)
    _, _, _, code = await begin(city, client, "ada")
    city.wire_clock.advance(seconds=300)
    assert code_of(await fetch(city, code)) == "identity.quiet_sign_in"


async def test_kept_quiet_sign_ins_do_not_prolong_the_silence(
    city: City, client: TestClient
) -> None:
    await flood(city, client, 5)
    for seconds in (300, 299):
        city.wire_clock.advance(seconds=seconds)
        city.business_clock.advance(seconds=seconds)
        await flood(city, client, 3)
    assert await city.phone.pending("ada") == []
    city.wire_clock.advance(seconds=2)
    await begin(city, client, "ada")
    assert len(await city.phone.pending("ada")) == 1
