"""Signing in with the phone's camera, and with the app on the same device."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import segno

from tests.http.identity.browser import Browser
from tests.http.identity.city import ISSUER, REDIRECT, City
from tests.http.identity.clients import TestClient
from tests.http.identity.scanning import open_scan_page


async def test_a_scan_signs_the_holder_of_the_phone_in_with_no_identifier_typed(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    scanned = await city.phone.scan("ben", await page.content())
    asked = scanned["approval"]
    assert "Client" in asked["words"] and "https://client.example" in asked["words"]
    assert asked["needs_number"] is True and "return_to" not in scanned
    await city.phone.answer("ben", asked["approval_id"], "approved", await page.number())
    ended = await page.load()
    assert ended.status_code == 303 and ended.headers["location"].startswith(REDIRECT)
    code = parse_qs(urlsplit(ended.headers["location"]).query)["code"][0]
    token = (await client.redeem(code)).json()["access_token"]
    assert (await client.get(token)).json()["name"] == "Ben"


async def test_the_page_shows_the_code_first_and_the_number_after_the_scan(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    before = (await page.load()).text
    assert "data-number" not in before and "qr.svg" in before
    # It turns without scripts too; with them in place, so that nobody is interrupted (WCAG 2.2.1).
    assert '<noscript><meta http-equiv="refresh"' in before
    assert re.findall(r"<script src=\"([^\"]+)", before) == ["/portal/static/renew.js"]
    await city.phone.scan("ada", await page.content())
    after = (await page.load()).text
    assert "data-number" in after and "qr.svg" not in after


async def test_the_picture_is_the_pages_code_and_fits_a_strict_policy(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    shown = await page.load()
    assert "img-src 'self'" in shown.headers["content-security-policy"]
    picture = await page.browser.get(f"{page.path}/qr.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cache-control"] == "no-store"
    expected = io.BytesIO()
    segno.make(await page.content(), error="m", micro=False).save(
        expected, kind="svg", scale=5, dark="#000", light="#fff", xmldecl=False
    )
    assert picture.content == expected.getvalue()
    assert "<script" not in picture.text and "href" not in picture.text


async def test_the_code_changes_every_few_seconds(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    seen = set()
    for _ in range(4):
        seen.add(await page.content())
        city.wire_clock.advance(seconds=8)
    assert len(seen) == 4


async def test_a_no_after_a_scan_sends_the_browser_back_with_access_denied(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    asked = (await city.phone.scan("ada", await page.content()))["approval"]
    await city.phone.answer("ada", asked["approval_id"], "rejected", None)
    assert "error=access_denied" in (await page.load()).headers["location"]


async def test_a_sign_in_by_scan_may_be_called_off_on_the_page(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    text = (await page.load()).text
    token = text.split('name="form_token" value="')[1].split('"')[0]
    ended = await page.browser.post(f"{page.path}/cancel", {"form_token": token})
    assert "error=access_denied" in ended.headers["location"]


@pytest.mark.parametrize("link", ["app", "web"])
async def test_the_app_on_the_same_device_brings_its_browser_back(
    city: City, client: TestClient, link: str
) -> None:
    page = await open_scan_page(city, client)
    content = await (page.app_link() if link == "app" else page.web_link())
    scanned = await city.phone.scan("ada", content)
    assert scanned["approval"]["needs_number"] is False
    await city.phone.answer("ada", scanned["approval"]["approval_id"], "approved", None)
    # Approved, but this browser was not brought back by the app yet.
    assert (await page.load()).status_code == 200
    back = await page.browser.get(scanned["return_to"].removeprefix(ISSUER))
    assert back.status_code == 303 and back.headers["location"] == f"{ISSUER}{page.path}"
    assert "code=" in (await page.load()).headers["location"]


async def test_the_phones_page_takes_a_code_and_leads_the_way_back(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    async with city.http("http://world.test") as http:
        form = {"content": await page.app_link()}
        scanned = await http.post("/phone/ada", data=form)
        assert scanned.status_code == 303, scanned.text
        (asked,) = await city.phone.pending("ada")
        form = {"approval_id": asked["approval_id"], "decision": "approved"}
        answered = await http.post("/phone/ada", data=form)
    assert answered.headers["location"].startswith(f"{ISSUER}{page.path}/return?secret=")


async def test_the_driver_scans_through_the_phones_door(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    async with city.http("http://world.test") as http:
        bad = await http.post("/phone/api/ada/scans", json={})
        good = await http.post("/phone/api/ada/scans", json={"content": await page.content()})
    assert (bad.status_code, good.status_code) == (400, 201)
    assert good.json()["scan"]["approval"]["kind"] == "sign_in"


async def test_a_code_opened_in_a_browser_says_that_it_is_for_the_app(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    opened = await Browser(city).get((await page.content()).removeprefix(ISSUER))
    assert opened.status_code == 200 and "app" in opened.text
    assert "data-content" in (await page.load()).text
