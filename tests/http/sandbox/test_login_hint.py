"""login_hint leads straight to a phone; the waiting page speaks JSON to programs."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import ISSUER, REDIRECT, City
from tests.http.identity.clients import TestClient, new_client

JSON = {"accept": "application/json"}


async def begin(city: City, client: TestClient, hint: str = "ada") -> tuple[Browser, str]:
    """Open the authorization endpoint with a hint; returns the browser and the waiting path."""
    browser = Browser(city)
    answer = await browser.open(client.client_id, await client.pushed(login_hint=hint))
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{ISSUER}/identity/sign-in/")
    return browser, urlsplit(location).path


async def answer_phone(city: City, browser: Browser, path: str, decision: str) -> None:
    """Read the number on the page and answer on Ada's phone."""
    page = await browser.get(path)
    number = page.text.split('data-number="')[1].split('"')[0]
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], decision, number)


async def test_a_hint_of_a_client_that_may_give_it_asks_the_phone_at_once(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting)
    (asked,) = await city.phone.pending("ada")
    assert asked["kind"] == "sign_in"
    assert browser.cookies
    waiting = await browser.get(path, **JSON)
    assert waiting.json() == {"status": "pending", "redirect_to": None}
    assert waiting.headers["content-type"] == "application/json"


async def test_a_hint_of_a_client_that_may_not_give_it_is_ignored(city: City) -> None:
    client = await new_client(city)
    page = await Browser(city).open(client.client_id, await client.pushed(login_hint="ada"))
    assert page.status_code == 200
    assert "identifier" in page.text
    assert await city.phone.pending("ada") == []


async def test_a_hint_in_the_address_is_ignored(city: City, hinting: TestClient) -> None:
    page = await Browser(city).open(hinting.client_id, await hinting.pushed(), login_hint="ada")
    assert page.status_code == 200
    assert await city.phone.pending("ada") == []


async def test_loading_the_address_again_asks_no_second_time(
    city: City, hinting: TestClient
) -> None:
    browser, request_uri = Browser(city), await hinting.pushed(login_hint="ada")
    first = await browser.open(hinting.client_id, request_uri)
    again = await browser.open(hinting.client_id, request_uri)
    assert first.headers["location"] == again.headers["location"]
    assert len(await city.phone.pending("ada")) == 1
    other = await Browser(city).open(hinting.client_id, request_uri)
    assert other.headers["location"] != first.headers["location"]


@pytest.mark.parametrize(
    ("method", "headers"), [("HEAD", {}), ("GET", {"sec-purpose": "prefetch"})]
)
async def test_a_prefetch_of_the_address_asks_nobody(
    city: City, hinting: TestClient, method: str, headers: dict[str, str]
) -> None:
    request_uri = await hinting.pushed(login_hint="ada")
    path = f"/identity/authorize?client_id={hinting.client_id}&request_uri={request_uri}"
    assert (await Browser(city).get(path, method=method, **headers)).status_code == 200
    assert await city.phone.pending("ada") == []


async def test_an_unknown_persona_looks_like_a_phone_that_nobody_answers(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting, "nobody-holds-this")
    assert (await browser.get(path, **JSON)).json()["status"] == "pending"
    assert 'data-number="' in (await browser.get(path)).text
    city.wire_clock.advance(seconds=301)
    ended = (await browser.get(path, **JSON)).json()
    assert ended["status"] == "expired"
    assert parse_qs(urlsplit(ended["redirect_to"]).query)["error"] == ["access_denied"]


async def test_approved_in_json_gives_the_code_with_issuer_and_state(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    ended = (await browser.get(path, **JSON)).json()
    assert ended["status"] == "approved"
    assert ended["redirect_to"].startswith(f"{REDIRECT}?")
    fields = parse_qs(urlsplit(ended["redirect_to"]).query)
    assert fields["iss"] == [ISSUER]
    assert fields["state"] == ["the-state"]
    redeemed = await hinting.redeem(fields["code"][0])
    assert redeemed.status_code == 200, redeemed.text


async def test_the_same_browser_reads_the_same_answer_until_the_code_is_used(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    first = (await browser.get(path, **JSON)).json()
    assert (await browser.get(path, **JSON)).json() == first
    code = parse_qs(urlsplit(first["redirect_to"]).query)["code"][0]
    assert (await hinting.redeem(code)).status_code == 200
    used = (await browser.get(path, **JSON)).json()
    assert used == {"status": "approved", "redirect_to": None}
    assert error_code(await browser.get(path)) == "identity.sign_in_finished"


async def test_the_answer_is_not_repeated_after_the_codes_time(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    assert (await browser.get(path, **JSON)).json()["redirect_to"]
    city.wire_clock.advance(seconds=59)
    assert (await browser.get(path, **JSON)).json()["redirect_to"]
    city.wire_clock.advance(seconds=1)
    assert (await browser.get(path, **JSON)).json()["redirect_to"] is None


async def test_denied_on_the_phone_is_told_in_json(city: City, hinting: TestClient) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "rejected")
    first = (await browser.get(path, **JSON)).json()
    assert first["status"] == "denied"
    assert parse_qs(urlsplit(first["redirect_to"]).query)["error"] == ["access_denied"]
    assert (await browser.get(path, **JSON)).json() == first


async def test_another_browser_learns_nothing_in_json(city: City, hinting: TestClient) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    stranger = await Browser(city).get(path, **JSON)
    assert stranger.status_code == 404
    assert stranger.json()["code"] == "identity.sign_in_unknown"
    other = Browser(city)
    await other.open(hinting.client_id, await hinting.pushed())
    assert (await other.get(path, **JSON)).status_code == 404
    assert (await browser.get(path, **JSON)).json()["redirect_to"]


async def test_head_and_prefetch_in_json_do_not_end_a_sign_in(
    city: City, hinting: TestClient
) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    seen = await browser.get(path, **JSON, **{"sec-purpose": "prefetch"})
    assert seen.json() == {"status": "approved", "redirect_to": None}
    assert (await browser.get(path)).status_code == 303


async def test_a_browser_that_takes_html_too_gets_the_page(city: City, hinting: TestClient) -> None:
    browser, path = await begin(city, hinting)
    page = await browser.get(path, accept="text/html,application/json;q=0.9")
    assert page.headers["content-type"].startswith("text/html")
    assert 'http-equiv="refresh"' in page.text


async def test_the_database_does_not_hold_the_kept_code(city: City, hinting: TestClient) -> None:
    browser, path = await begin(city, hinting)
    await answer_phone(city, browser, path, "approved")
    kept = (await browser.get(path, **JSON)).json()["redirect_to"]
    code = parse_qs(urlsplit(kept).query)["code"][0]
    row = await city.kernel.database.run(
        lambda db: db.fetchrow("SELECT * FROM identity.sign_ins WHERE finished_at IS NOT NULL")
    )
    assert row is not None
    assert row["answer"]
    assert code.split(".")[0].encode() not in bytes(row["answer"])


async def test_a_request_lives_sixty_seconds(city: City, hinting: TestClient) -> None:
    answer = await hinting.push(login_hint="ada")
    assert answer.json()["expires_in"] == 60
    city.wire_clock.advance(seconds=60)
    late = await Browser(city).open(hinting.client_id, answer.json()["request_uri"])
    assert error_code(late) == "identity.request_expired"
