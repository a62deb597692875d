"""An attacker whose service has markup for a name: it is text wherever a person reads it."""

from __future__ import annotations

import re
from html import unescape

import msgspec
import pytest

from lionrock.identity.api import ClientPolicy
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from tests.http.identity.backchannel import new_back_channel_client
from tests.http.identity.browser import Browser, hidden_fields
from tests.http.identity.city import WORLD, City
from tests.http.identity.clients import TestClient
from tests.http.identity.scanning import open_scan_page

NAMES = {
    "element": "<img src=x onerror=alert(1)>",
    "script": "</title><script>alert(1)</script>",
    "attribute": '" autofocus onfocus="alert(1)',
    "apostrophe": "' onmouseover='alert(1)",
    "template": "{{7*7}}{% raw %}",
    "address": "javascript:alert(1)//",
    "comment": "--><svg/onload=alert(1)>",
}
LANGUAGES = ("en", "zh-Hant", "zh-Hans")


async def sly_client(city: City, name: str) -> TestClient:
    """A client that an operator registered with a bad name (registration itself refuses it)."""
    sly = TestClient(city, "client-sly")
    registration = msgspec.structs.replace(
        sly.registration(), names=Text(name, name, name),
        policy=ClientPolicy(post_logout_redirect_uris=("https://client.example/bye",)),
    )  # fmt: skip
    done = await city.kernel.database.run(
        lambda db: city.identity.register_client(db, registration)
    )
    assert not isinstance(done, Refused), done
    return sly


def elements(page: str) -> set[str]:
    """The elements and the event attributes of a page, as a browser would see them."""
    tags = re.findall(r"<([a-zA-Z/!][^\s>]*)", page)
    inside = re.findall(r"<[a-zA-Z][^>]*?\s(on[a-z]+|autofocus)\s*=", page)
    return {tag.lower() for tag in tags} | set(inside)


@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("case", NAMES)
async def test_name_is_text_on_every_page_of_a_sign_in(
    city: City, client: TestClient, case: str
) -> None:
    sly = await sly_client(city, NAMES[case])
    for language in LANGUAGES:
        pages = []
        for each in (sly, client):
            request_uri = await each.pushed(ui_locales=language)
            first = await Browser(city).open(each.client_id, request_uri)
            waiting = Browser(city)
            path, _ = await waiting.start(each.client_id, request_uri, "nobody")
            scan = await open_scan_page(city, each)
            pages.append([first.text, (await waiting.get(path)).text, (await scan.load()).text])
        for ours, honest in zip(*pages, strict=True):
            assert elements(ours) == elements(honest)
            assert NAMES[case] in unescape(ours)


@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("case", NAMES)
async def test_name_is_quoted_text_in_the_words_and_on_the_phone_s_page(
    city: City, client: TestClient, case: str
) -> None:
    honest = await _phone_page(city, client)
    ours = await _phone_page(city, await sly_client(city, NAMES[case]))
    assert elements(ours) == elements(honest)
    (asked,) = await city.phone.pending("ada")
    assert asked["fields"]["service"] == NAMES[case]
    assert asked["words"] in unescape(ours)


async def _phone_page(city: City, client: TestClient) -> str:
    """The phone's page with one question of a client; the one before is answered."""
    for asked in await city.phone.pending("ada"):
        await city.phone.answer("ada", asked["approval_id"], "rejected")
    await Browser(city).start(client.client_id, await client.pushed(), "ada")
    async with city.http(WORLD) as http:
        page = await http.get("/phone/ada")
    assert page.status_code == 200
    return page.text


@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("case", NAMES)
async def test_name_is_text_on_error_and_log_out_pages(
    city: City, client: TestClient, case: str
) -> None:
    sly = await sly_client(city, NAMES[case])
    pages = []
    for each in (sly, client):
        browser = Browser(city)
        request_uri = await each.pushed()
        path, _ = await browser.start(each.client_id, request_uri, "nobody")
        form = hidden_fields((await browser.get(path)).text)
        await browser.post(f"{path}/cancel", form)
        used = await Browser(city).open(each.client_id, request_uri)
        ended = await browser.post(f"{path}/cancel", form)
        leaving = await browser.get(f"/identity/logout?client_id={each.client_id}")
        assert (used.status_code, ended.status_code, leaving.status_code) == (400, 409, 200)
        pages.append([used.text, ended.text, leaving.text])
    for ours, honest in zip(*pages, strict=True):
        assert elements(ours) == elements(honest)


@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("message", ["<script>alert(1)</script>", '"><svg onload=alert(1)>'])
async def test_binding_message_is_text_on_the_phone_s_page(city: City, message: str) -> None:
    back = await new_back_channel_client(city)
    pages = []
    for text in ("1234", message):
        await back.asked(binding_message=text)
        async with city.http(WORLD) as http:
            pages.append((await http.get("/phone/ada")).text)
        await back.decide("rejected")
    assert elements(pages[1]) == elements(pages[0])


@pytest.mark.behaviour("attack-xss-client-name")
@pytest.mark.parametrize("where", ["client_id", "request_uri", "state", "error"])
async def test_error_page_echoes_nothing_of_the_address(city: City, where: str) -> None:
    good = {"client_id": "client-one", "request_uri": "urn:x"}
    query = good | {where: "<script>alert(1)</script>"}
    async with city.http() as http:
        page = await http.get("/identity/authorize", params=query)
        sign_in = await http.get("/identity/sign-in/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "alert(1)" not in page.text
    assert "alert(1)" not in sign_in.text
