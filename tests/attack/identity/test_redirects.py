"""An attacker who wants the answer at another address: each is compared as a string (RFC 9700)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from tests.attack.identity.effects import rows
from tests.http.identity.browser import Browser, error_code
from tests.http.identity.city import REDIRECT, City
from tests.http.identity.clients import TestClient

LASTING = pytest.mark.asyncio(loop_scope="module")
TRICKS = {
    "RFC3986-6.2.2.1-host-case": "https://CLIENT.example/callback",
    "RFC3986-6.2.2.1-scheme-case": "HTTPS://client.example/callback",
    "RFC3986-6.2.2.2-escaped": "https://client.example/%63allback",
    "RFC3986-6.2.2.3-dots": "https://client.example/x/../callback",
    "RFC3986-6.2.3-default-port": "https://client.example:443/callback",
    "other-port": "https://client.example:8443/callback",
    "plain-http": "http://client.example/callback",
    "trailing-slash": f"{REDIRECT}/",
    "trailing-blank": f"{REDIRECT} ",
    "leading-blank": f" {REDIRECT}",
    "newline": f"{REDIRECT}\r\nset-cookie: a=b",
    "fragment": f"{REDIRECT}#x",
    "query": f"{REDIRECT}?next=https://evil.example",
    "shorter": "https://client.example/",
    "longer": f"{REDIRECT}.evil.example",
    "subdomain": "https://evil.client.example/callback",
    "suffix": "https://client.example.evil.example/callback",
    "credentials": "https://client.example@evil.example/callback",
    "backslash": "https://evil.example\\@client.example/callback",
    "nul": f"{REDIRECT}\0.evil.example",
    "fullwidth-slash": "https://client.example\uff0fcallback",
    "two-addresses": f"{REDIRECT} https://evil.example/",
    "javascript": "javascript:alert(1)//client.example/callback",
    "scheme-relative": "//client.example/callback",
}


@LASTING
@pytest.mark.behaviour("attack-redirect")
@pytest.mark.parametrize("case", TRICKS)
@pytest.mark.parametrize("is_signed", [False, True], ids=["plain", "request-object"])
async def test_address_near_the_registered_one_is_refused_and_nothing_is_kept(
    town: City, caller: TestClient, case: str, is_signed: bool
) -> None:
    before = await rows(town)
    changes: dict[str, Any] = {"redirect_uri": TRICKS[case]}
    form = {"request": caller.request_object(**changes)} if is_signed else (
        caller.request(**changes)
    )  # fmt: skip
    answer = await caller.post("/identity/par", form, proof=None)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert error_code(answer) == "identity.redirect_uri_unregistered"
    assert "location" not in answer.headers
    assert await rows(town) == before


@LASTING
@pytest.mark.behaviour("attack-redirect")
@pytest.mark.parametrize("case", ["trailing-slash", "RFC3986-6.2.2.2-escaped", "query"])
async def test_address_near_the_pushed_one_does_not_redeem_a_code(
    town: City, caller: TestClient, case: str
) -> None:
    code = await caller.code()
    before = await rows(town)
    answer = await caller.redeem(code, redirect_uri=TRICKS[case])
    assert answer.json()["error"] == "invalid_grant"
    assert await rows(town) == before
    assert (await caller.redeem(code)).status_code == 200


@LASTING
@pytest.mark.behaviour("attack-redirect")
async def test_unknown_client_or_request_gets_a_page_and_is_sent_nowhere(
    town: City, caller: TestClient
) -> None:
    known = await caller.pushed()
    for client_id, request_uri in (
        ("client-nobody", known), ("", known), (caller.client_id, ""),
        (caller.client_id, "https://evil.example/"),
    ):  # fmt: skip
        answer = await Browser(town).open(
            client_id, request_uri, redirect_uri="https://evil.example/"
        )
        assert 400 <= answer.status_code < 500
        assert "location" not in answer.headers
        assert "evil.example" not in answer.text


@pytest.mark.behaviour("attack-redirect")
async def test_registered_query_is_kept_and_the_answer_is_added_to_it(city: City) -> None:
    client = TestClient(city, "client-query")
    address = f"{REDIRECT}?tenant=7"
    changed = msgspec.structs.replace(client.registration(), redirect_uris=(address,))
    done = await city.kernel.database.run(lambda db: city.identity.register_client(db, changed))
    assert not isinstance(done, Refused), done
    browser = Browser(city)
    path, number = await browser.start(
        client.client_id, await client.pushed(redirect_uri=address), "ada"
    )
    (asked,) = await city.phone.pending("ada")
    await city.phone.answer("ada", asked["approval_id"], "approved", number)
    ended = await browser.get(path)
    assert ended.headers["location"].startswith(f"{address}&")
