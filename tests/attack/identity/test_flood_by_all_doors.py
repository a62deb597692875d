"""An attacker who floods one person by every door at once: sign-ins, scans, the back channel."""

from __future__ import annotations

import msgspec
import pytest

from tests.attack.identity.test_push_bombing import begin, fetch
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.scanning import open_scan_page

RINGS_MAX = 8


@pytest.mark.behaviour("attack-push-bombing")
async def test_doors_together_ring_no_more_often_than_one(city: City, client: TestClient) -> None:
    back = await new_back_channel_client(city)
    other = await new_client(city, "client-two")
    for _ in range(6):
        await begin(city, client, "ada")
        assert (await back.ask()).status_code == 200
        await begin(city, other, "+85259000001")
    assert len(await city.phone.pending("ada")) <= RINGS_MAX
    assert await city.phone.pending("ben") == []


@pytest.mark.behaviour("attack-push-bombing")
async def test_flooded_person_still_signs_in_by_scanning(city: City, client: TestClient) -> None:
    back = await new_back_channel_client(city)
    for _ in range(9):
        await begin(city, client, "ada")
        await back.ask()
    page = await open_scan_page(city, client, Browser(city))
    asked = (await city.phone.scan("ada", await page.content()))["approval"]
    await city.phone.answer("ada", asked["approval_id"], "approved", await page.number())
    ended = await page.load()
    assert ended.status_code == 303
    assert "code=" in ended.headers["location"]


@pytest.mark.behaviour("attack-push-bombing")
async def test_flooded_person_still_signs_in_by_the_code_on_the_page(
    city: City, client: TestClient
) -> None:
    back = await new_back_channel_client(city)
    for _ in range(9):
        await begin(city, client, "ada")
        await back.ask()
    browser, path, number, code = await begin(city, client, "ada")
    fetched = await fetch(city, code)
    assert fetched.status == 201, fetched.body
    asked = msgspec.json.decode(fetched.body)
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    assert "code=" in (await browser.get(path)).headers["location"]


@pytest.mark.behaviour("attack-push-bombing")
async def test_rings_that_were_refused_still_count(city: City) -> None:
    back = await new_back_channel_client(city)
    rung = 0
    for _ in range(12):
        await back.asked()
        for asked in await city.phone.pending("ada"):
            rung += 1
            await city.phone.answer("ada", asked["approval_id"], "rejected", None)
        city.wire_clock.advance(seconds=10)
        city.business_clock.advance(seconds=10)
    assert 1 <= rung <= 5


@pytest.mark.behaviour("attack-push-bombing")
async def test_flood_of_the_back_channel_leaves_room_for_the_persons_deeds(city: City) -> None:
    for number in range(3):
        back = await new_back_channel_client(city, client_id=f"client-flood-{number}")
        for _ in range(4):
            assert (await back.ask()).status_code == 200
    assert len(await city.phone.pending("ada")) == city.kernel.settings.limit_sign_ins_pending
    await city.asked("ada")
