"""An attacker in another browser, on another site, or with somebody's phone number."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient


@pytest.mark.behaviour("attack-session-fixation")
async def test_other_browser_cannot_watch_finish_or_cancel_a_sign_in(
    city: City, client: TestClient
) -> None:
    victim, thief = Browser(city), Browser(city)
    path, number = await victim.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    await thief.open(client.client_id, await client.pushed())
    for browser in (thief, Browser(city)):
        for answer in (
            await browser.get(path), await browser.get(f"{path}/status"),
            await browser.post(f"{path}/cancel", {"form_token": "a" * 64}),
        ):  # fmt: skip
            assert answer.status_code == 404
            assert error_code(answer) == "identity.sign_in_unknown"
    assert (await victim.get(path)).status_code == 303


async def test_id_or_code_that_names_another_slot_or_none_is_not_found(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    slots = set("01234567") - {path[-1]}
    for end in (*slots, "8", "x", "-1", "٣", "0.0", "0;--"):
        bent = await browser.get(f"{path[:-1]}{end}")
        assert (bent.status_code, error_code(bent)) == (404, "identity.sign_in_unknown"), end
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    code = parse_qs(urlsplit((await browser.get(path)).headers["location"]).query)["code"][0]
    for end in (*set("01234567") - {code[-1]}, "8", "x", "٣", ""):
        refused = await client.redeem(code[:-1] + end)
        assert error_code(refused) == "identity.code_unknown", end
    assert (await client.redeem(code)).status_code == 200


@pytest.mark.parametrize(
    "how",
    [
        "RFC9700-4.7-no-cookie", "RFC9700-4.7-other-browser", "RFC9700-4.7-token-of-other-request",
        "RFC9700-4.7-no-token", "fetch-metadata-cross-site",
    ],
)  # fmt: skip
@pytest.mark.behaviour("attack-csrf")
async def test_form_not_shown_to_this_browser_asks_nobody(
    city: City, client: TestClient, how: str
) -> None:
    browser = Browser(city)
    page = await browser.open(client.client_id, await client.pushed())
    form, headers = hidden_fields(page.text) | {"identifier": "ada"}, {}
    if how == "RFC9700-4.7-no-cookie":
        browser = Browser(city)
    elif how == "RFC9700-4.7-other-browser":
        browser = Browser(city)
        await browser.open(client.client_id, await client.pushed())
    elif how == "RFC9700-4.7-token-of-other-request":
        form["request_uri"] = await client.pushed()
    elif how == "RFC9700-4.7-no-token":
        form["form_token"] = ""
    else:
        headers = {"sec-fetch-site": "cross-site"}
    answer = await browser.post("/identity/authorize/sign-in", form, headers)
    assert answer.status_code == 403
    assert error_code(answer) == "identity.sign_in_forged"
    assert await city.phone.pending("ada") == []


@pytest.mark.behaviour("attack-enumeration")
async def test_page_does_not_tell_whether_an_identifier_is_known(
    city: City, client: TestClient
) -> None:
    pages = []
    for identifier in ("ada", "nobody", "+852 5900 0001", "+852 5999 9999", "???", " "):
        browser = Browser(city)
        path, number = await browser.start(client.client_id, await client.pushed(), identifier)
        text = (await browser.get(path)).text
        code = re.search(r"data-code>([0-9 ]{9})<", text)
        assert code is not None
        changing = (
            path.rsplit("/", 1)[1], hidden_fields(text)["form_token"], code.group(1), number,
        )  # fmt: skip
        for value in changing:
            text = text.replace(value, "")
        pages.append(text)
        assert (await browser.get(f"{path}/status")).json() == {"state": "waiting"}
    assert len(set(pages)) == 1


async def test_decoy_sign_in_ends_as_access_denied(city: City, client: TestClient) -> None:
    browser = Browser(city)
    path, _ = await browser.start(client.client_id, await client.pushed(), "nobody")
    city.wire_clock.advance(seconds=300)
    ended = await browser.get(path)
    assert ended.status_code == 303
    assert "error=access_denied" in ended.headers["location"]


async def test_unanswered_sign_in_expires_as_access_denied_and_leaves_the_phone(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    city.wire_clock.advance(seconds=299)
    city.business_clock.advance(seconds=299)
    assert (await browser.get(path)).status_code == 200
    assert len(await city.phone.pending("ada")) == 1
    city.wire_clock.advance(seconds=1)
    city.business_clock.advance(seconds=1)
    assert await city.phone.pending("ada") == []
    assert "error=access_denied" in (await browser.get(path)).headers["location"]
    assert number


async def test_approved_sign_ins_do_not_count_as_bombing(city: City, client: TestClient) -> None:
    for _ in range(9):
        await client.code()


async def test_cancelled_sign_in_leaves_the_phone_and_sends_access_denied(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    form = hidden_fields((await browser.get(path)).text)
    ended = await browser.post(f"{path}/cancel", form)
    assert ended.status_code == 303
    assert "error=access_denied" in ended.headers["location"]
    assert await city.phone.pending("ada") == []
    again = await browser.post(f"{path}/cancel", form)
    assert error_code(again) == "identity.sign_in_finished"
    assert (await city.approval(asked["approval_id"])).state == "rejected"
    assert number


async def test_head_and_prefetch_do_not_end_an_approved_sign_in(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    assert (await browser.get(path, method="HEAD")).status_code == 200
    assert (await browser.get(path, **{"sec-purpose": "prefetch"})).status_code == 200
    assert (await browser.get(path)).status_code == 303
    assert error_code(await browser.get(path)) == "identity.sign_in_finished"


async def test_page_is_safe_html_in_three_languages_without_script(
    city: City, client: TestClient
) -> None:
    for language, word in (("en", "Sign in to"), ("zh-Hant", "登入"), ("zh-Hans", "登录")):
        request_uri = await client.pushed(ui_locales=language)
        page = await Browser(city).open(client.client_id, request_uri)
        assert word in page.text
        assert f'<html lang="{language}">' in page.text
        assert "<script" not in page.text
        assert " style=" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"


async def test_cookie_is_http_only_lax_and_bound_to_the_host(
    city: City, client: TestClient
) -> None:
    page = await Browser(city).open(client.client_id, await client.pushed())
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("lionrock-sign-in=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Domain" not in cookie
    assert "Secure" not in cookie, "the test city is http; see the https test"


async def test_cookie_on_https_is_secure_with_the_host_prefix(
    city: City, client: TestClient
) -> None:
    city.identity.issuer = "https://platform.test"
    page = await Browser(city).open(client.client_id, await client.pushed())
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-lionrock-sign-in=")
    assert "Secure" in cookie
    assert "Path=/" in cookie


async def test_guessed_number_is_refused_and_the_third_guess_rejects(
    city: City, client: TestClient
) -> None:
    browser = Browser(city)
    path, number = await browser.start(client.client_id, await client.pushed(), "ada")
    (asked,) = await city.phone.pending("ada")
    wrong = f"{(int(number) + 1) % 100:02d}"
    for left in (2, 1, 0):
        with pytest.raises(Exception, match=r"identity\.number_wrong"):
            await city.phone.answer("ada", asked["approval_id"], "approved", wrong)
        approval = await city.approval(asked["approval_id"])
        assert approval.tries_left == left
    assert approval.state == "rejected"
    assert "error=access_denied" in (await browser.get(path)).headers["location"]


async def test_number_of_another_sign_in_is_wrong(city: City, client: TestClient) -> None:
    one, two = Browser(city), Browser(city)
    _, number_one = await one.start(client.client_id, await client.pushed(), "ada")
    path_two, number_two = await two.start(client.client_id, await client.pushed(), "ada")
    first, second = await city.phone.pending("ada")
    if number_one != number_two:
        with pytest.raises(Exception, match=r"identity\.number_wrong"):
            await city.phone.answer("ada", second["approval_id"], "approved", number_one)
    with pytest.raises(Exception, match=r"identity\.number_missing"):
        await city.phone.answer("ada", first["approval_id"], "approved")
    assert (await two.get(f"{path_two}/status")).json() == {"state": "waiting"}


async def test_error_page_has_a_code_no_redirect_and_no_echo_of_input(city: City) -> None:
    answer = await Browser(city).get(
        "/identity/authorize?client_id=<script>x</script>&request_uri=<b>"
    )
    assert answer.status_code == 400
    assert "<script>x" not in answer.text
    assert re.search("data-error-code='identity.request_unknown'", answer.text)
    assert not isinstance(answer.headers.get("location"), str)


@pytest.mark.behaviour("attack-xss-client-name")
async def test_service_name_with_markup_is_shown_as_text(city: City) -> None:
    sly = TestClient(city, "client-sly")
    registration = sly.registration()
    names = type(registration.names)("<img src=x>", "<b>壞</b>", "<b>坏</b>")
    changed = msgspec.structs.replace(registration, names=names)
    done = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, changed)
    )
    assert not isinstance(done, Refused)
    page = await Browser(city).open(sly.client_id, await sly.pushed())
    assert "&lt;img src=x&gt;" in page.text
    assert "<img" not in page.text
