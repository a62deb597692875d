"""Attacks on signing in by scan or app link: relay, fixation, replay, foreign and stale codes."""

from __future__ import annotations

import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.sandbox.world.answering import PhoneRefused
from tests.attack.identity import handset
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import ISSUER, City
from tests.http.identity.clients import TestClient, new_client
from tests.http.identity.scanning import ScanPage, open_scan_page


async def refused(city: City, content: str, persona: str = "ada") -> str:
    """Scan, and return the code of the refusal; nobody is asked by that."""
    before = await city.phone.pending(persona)
    with pytest.raises(PhoneRefused) as caught:
        await city.phone.scan(persona, content)
    assert await city.phone.pending(persona) == before
    return caught.value.code


@pytest.mark.behaviour("attack-qr-relay")
async def test_a_code_of_another_origin_is_refused(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    content = await page.content()
    for origin in ("http://evil.example", "https://platform.test", f"{ISSUER}.evil.example"):
        moved = content.replace(ISSUER, origin)
        assert await refused(city, moved) == "identity.scan_foreign"
    assert await refused(city, "otherapp://sign-in/x") == "identity.scan_foreign"
    assert await refused(city, content + "a" * 400) == "identity.scan_foreign"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"),
        lambda c: c.replace("/qr/", "/link/"),
        lambda c: c.replace("/qr/", "/nfc/"),
        lambda c: c + "/",
        lambda c: c.rsplit("/", 1)[0],
        lambda c: c.replace("/sin_", "/sin_0"),
    ],
)
async def test_a_code_with_anything_changed_is_refused(
    city: City, client: TestClient, change: object
) -> None:
    page = await open_scan_page(city, client)
    assert callable(change)
    assert await refused(city, change(await page.content())) == "identity.scan_unknown"


@pytest.mark.behaviour("attack-qr-relay")
async def test_the_tag_of_one_sign_in_does_not_serve_another(
    city: City, client: TestClient
) -> None:
    one, two = await open_scan_page(city, client), await open_scan_page(city, client)
    tag = (await one.content()).rsplit("/", 1)[1]
    mixed = (await two.content()).rsplit("/", 1)[0] + f"/{tag}"
    assert await refused(city, mixed) == "identity.scan_unknown"


@pytest.mark.behaviour("attack-qr-relay")
async def test_a_code_is_good_for_two_steps_and_no_longer(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    stale = await page.content()
    city.wire_clock.advance(seconds=16)
    assert await refused(city, stale) == "identity.scan_rotated"
    last = await page.content()
    city.wire_clock.advance(seconds=8)
    assert (await city.phone.scan("ada", last))["approval"]


async def test_a_code_of_a_step_that_has_not_come_is_refused(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    parts = (await page.content()).split("/")
    parts[-2] = str(int(parts[-2]) + 1)
    assert await refused(city, "/".join(parts)) == "identity.scan_unknown"


async def test_a_code_is_taken_once_by_whichever_phone_comes_first(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    content = await page.content()
    await city.phone.scan("ada", content)
    assert await refused(city, content, "ben") == "identity.scan_used"
    assert await refused(city, content, "ada") == "identity.scan_used"


async def test_a_code_of_a_finished_sign_in_is_refused(city: City, client: TestClient) -> None:
    request_uri, browser = await client.pushed(), Browser(city)
    page = await open_scan_page(city, client, browser, request_uri)
    content = await page.content()
    text = (await page.load()).text
    token = text.split('name="form_token" value="')[1].split('"')[0]
    await browser.post(f"{page.path}/cancel", {"form_token": token})
    assert await refused(city, content) == "identity.scan_used"


async def test_a_code_of_a_request_that_was_used_meanwhile_is_refused(
    city: City, client: TestClient
) -> None:
    request_uri, browser = await client.pushed(), Browser(city)
    page = await open_scan_page(city, client, browser, request_uri)
    await Browser(city).sign_in(client.client_id, request_uri, "ben")
    assert await refused(city, await page.content()) == "identity.scan_unknown"


@pytest.mark.behaviour("attack-qr-relay")
async def test_a_relayed_code_needs_the_number_of_the_page_it_belongs_to(
    city: City, client: TestClient
) -> None:
    # The attacker's page is copied to the victim, who sees another number or none.
    attacker = await open_scan_page(city, client)
    asked = (await city.phone.scan("ada", await attacker.content()))["approval"]
    number = await attacker.number()
    seen_elsewhere = f"{(int(number) + 1) % 100:02d}"
    for _ in range(3):
        with pytest.raises(PhoneRefused):
            await city.phone.answer("ada", asked["approval_id"], "approved", seen_elsewhere)
    ended = await attacker.load()
    assert "error=access_denied" in ended.headers["location"]


@pytest.mark.behaviour("attack-qr-relay")
async def test_a_relayed_code_cannot_be_approved_without_a_number(
    city: City, client: TestClient
) -> None:
    attacker = await open_scan_page(city, client)
    asked = (await city.phone.scan("ada", await attacker.content()))["approval"]
    with pytest.raises(PhoneRefused) as caught:
        await city.phone.answer("ada", asked["approval_id"], "approved", None)
    assert caught.value.code == "identity.number_missing"
    assert (await attacker.load()).status_code == 200


async def approved_link(city: City, page: ScanPage, persona: str) -> str:
    """Open a page's app link on somebody's phone and approve; returns the way back."""
    scanned = await city.phone.scan(persona, await page.app_link())
    await city.phone.answer(persona, scanned["approval"]["approval_id"], "approved", None)
    return str(scanned["return_to"]).removeprefix(ISSUER)


@pytest.mark.behaviour("attack-qr-relay")
async def test_an_attackers_app_link_that_a_victim_approves_signs_nobody_in(
    city: City, client: TestClient
) -> None:
    attacker, victim = await open_scan_page(city, client), Browser(city)
    way_back = await approved_link(city, attacker, "ada")
    # The app brings the victim's own browser back, which did not begin this.
    assert error_code(await victim.get(way_back)) == "identity.sign_in_unknown"
    waiting = await attacker.load()
    assert waiting.status_code == 200 and "code=" not in waiting.text


@pytest.mark.behaviour("attack-session-fixation")
async def test_an_attackers_phone_cannot_sign_a_victims_browser_in_by_its_link(
    city: City, client: TestClient
) -> None:
    victim = await open_scan_page(city, client)
    await approved_link(city, victim, "ben")
    assert (await victim.load()).status_code == 200
    for secret in ("", "0" * 64, "x"):
        back = await victim.browser.get(f"{victim.path}/return?secret={secret}")
        assert error_code(back) == "identity.scan_return"
    assert (await victim.load()).status_code == 200


async def test_the_way_back_of_one_sign_in_does_not_open_another(
    city: City, client: TestClient
) -> None:
    one, two = await open_scan_page(city, client), await open_scan_page(city, client)
    way_back = await approved_link(city, one, "ada")
    await approved_link(city, two, "ada")
    secret = way_back.rsplit("=", 1)[1]
    back = await two.browser.get(f"{two.path}/return?secret={secret}")
    assert error_code(back) == "identity.scan_return"
    assert (await two.load()).status_code == 200


@pytest.mark.behaviour("attack-session-fixation")
async def test_the_code_and_the_page_are_shown_to_the_browser_that_began_only(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    for path in (page.path, f"{page.path}/qr.svg", f"{page.path}/status"):
        assert error_code(await Browser(city).get(path)) == "identity.sign_in_unknown"


async def test_the_picture_is_gone_once_it_was_scanned(city: City, client: TestClient) -> None:
    page = await open_scan_page(city, client)
    await city.phone.scan("ada", await page.content())
    gone = await page.browser.get(f"{page.path}/qr.svg")
    assert error_code(gone) == "identity.scan_used"


@pytest.mark.behaviour("attack-csrf")
async def test_the_button_is_taken_from_the_browser_that_saw_it_only(
    city: City, client: TestClient
) -> None:
    page = await Browser(city).open(client.client_id, await client.pushed())
    stolen = await Browser(city).post("/identity/authorize/scan", hidden_fields(page.text))
    assert error_code(stolen) == "identity.sign_in_forged"


async def test_a_scan_must_be_signed_by_a_device_and_counts_once(
    city: City, client: TestClient
) -> None:
    page = await open_scan_page(city, client)
    async with city.http() as http:
        bare = await http.post("/identity/v1/device/scans", json={"content": await page.content()})
    assert bare.json()["code"] == "identity.device_signature"
    path, body = "/identity/v1/device/scans", b'{"content":"x"}'
    answer = await handset.call(city, "POST", path, body)
    assert answer.status == 403 and b"identity.scan_foreign" in answer.body


async def test_a_client_under_test_is_joined_by_its_own_officers_only(city: City) -> None:
    client = await new_client(city, "client-tested", ClientPolicy(test_company_id=city.company.id))
    page = await open_scan_page(city, client)
    assert await refused(city, await page.content(), "ben") == "identity.scan_unknown"
    assert (await city.phone.scan("ada", await page.content()))["approval"]


@pytest.mark.behaviour("attack-push-bombing")
async def test_a_phone_may_scan_so_many_codes_in_ten_minutes(
    city: City, client: TestClient
) -> None:
    most = city.kernel.settings.limit_scans
    for _ in range(most):
        page = await open_scan_page(city, client)
        asked = (await city.phone.scan("ada", await page.content()))["approval"]
        await city.phone.answer("ada", asked["approval_id"], "rejected", None)
    page = await open_scan_page(city, client)
    assert await refused(city, await page.content()) == "identity.scan_limited"
    assert (await city.phone.scan("ben", await page.content()))["approval"]


async def test_a_code_of_one_client_ends_at_that_client_only(
    city: City, client: TestClient
) -> None:
    other = await new_client(city, "client-two")
    page = await open_scan_page(city, client)
    asked = (await city.phone.scan("ada", await page.content()))["approval"]
    await city.phone.answer("ada", asked["approval_id"], "approved", await page.number())
    code = (await page.load()).headers["location"].split("code=")[1].split("&")[0]
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
