"""Attackers of sessions: fixation, stolen and foreign cookies, forged forms, open redirects."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lionrock.kernel.db import Connection
from lionrock.portal.http.calls import BEGIN_COOKIE, COOKIE, own_path
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code
from tests.whole.conftest import WholeCity


def cookies_set(answer: Any) -> dict[str, str]:
    """The Set-Cookie lines of an answer by cookie name."""
    lines = answer.headers.get_list("set-cookie")
    return {line.partition("=")[0]: line for line in lines}


async def test_a_session_id_is_new_at_each_sign_in(opened: Opened) -> None:
    ada = await opened("ada")
    before = ada.client.cookies[COOKIE]
    await ada.sign_in("ada")
    assert ada.client.cookies[COOKIE] != before
    thief = await opened()
    thief.client.cookies.set(COOKIE, before)
    assert (await thief.get("/portal/cases")).status_code == 303, "the old session has ended"


async def test_a_cookie_given_by_somebody_else_is_not_taken_over(opened: Opened) -> None:
    ada = await opened()
    ada.client.cookies.set(COOKIE, "A" * 43, domain="platform.test")
    await ada.sign_in("ada")
    values = {cookie.value for cookie in ada.client.cookies.jar if cookie.name == COOKIE}
    assert "A" * 43 not in values or len(values) > 1
    thief = await opened()
    thief.client.cookies.set(COOKIE, "A" * 43)
    assert (await thief.get("/portal/cases")).status_code == 303


async def test_cookies_are_httponly_and_lax(opened: Opened) -> None:
    visitor = await opened()
    begun = cookies_set(await visitor.get("/portal/sign-in"))
    line = begun[BEGIN_COOKIE].lower()
    assert "httponly" in line and "samesite=lax" in line and "path=/" in line


async def test_a_callback_of_another_browser_is_refused(opened: Opened) -> None:
    """RFC 6749 s10.12: the answer must come back to the browser that asked."""
    ada, mallory = await opened(), await opened()
    callback = await callback_of(ada)
    refused = await mallory.get(callback)
    assert (refused.status_code, error_code(refused)) == (400, "portal.sign_in_lost")
    await mallory.get("/portal/sign-in")
    refused = await mallory.get(callback)
    assert (refused.status_code, error_code(refused)) == (400, "relying_party.state")
    assert (await ada.get(callback)).status_code == 303


async def test_a_callback_is_taken_once(opened: Opened) -> None:
    ada = await opened()
    secret_before = await ada.get("/portal/sign-in")
    assert secret_before.status_code == 303
    callback = await callback_of(ada)
    secret = ada.client.cookies[BEGIN_COOKIE]
    assert (await ada.get(callback)).status_code == 303
    ada.client.cookies.set(BEGIN_COOKIE, secret, domain="platform.test", path="/")
    again = await ada.get(callback)
    assert (again.status_code, error_code(again)) == (400, "portal.sign_in_lost")


@pytest.mark.parametrize("change", [{"iss": "http://evil.example"}, {"state": "x"}, {"code": "x"}])
async def test_a_changed_callback_is_refused(opened: Opened, change: dict[str, str]) -> None:
    """RFC 9207 s2.4 (iss), RFC 6749 s10.12 (state)."""
    ada = await opened()
    query = dict(parse_qsl(urlsplit(await callback_of(ada)).query)) | change
    refused = await ada.client.get("/portal/callback", params=query)
    assert refused.status_code >= 400
    assert COOKIE not in cookies_set(refused)


@pytest.mark.parametrize("token", ["", "A" * 43])
async def test_a_form_without_its_own_token_is_refused(opened: Opened, token: str) -> None:
    ada = await opened("ada")
    refused = await ada.post("/portal/sign-out", {"form_token": token})
    assert (refused.status_code, error_code(refused)) == (403, "portal.form_forged")
    assert (await ada.get("/portal/cases")).status_code == 200, "nobody was signed out"


async def test_a_form_of_another_persons_session_is_refused(opened: Opened) -> None:
    ada, karen = await opened("ada"), await opened("karen")
    page = await karen.get("/portal/company")
    foreign = page.text.split('name="form_token" value="')[1].split('"')[0]
    refused = await ada.post("/portal/sign-out", {"form_token": foreign})
    assert error_code(refused) == "portal.form_forged"


async def test_a_form_sent_from_another_site_is_refused(opened: Opened) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/company")
    token = page.text.split('name="form_token" value="')[1].split('"')[0]
    refused = await ada.client.post(
        "/portal/sign-out", data={"form_token": token}, headers={"sec-fetch-site": "cross-site"}
    )
    assert error_code(refused) == "portal.form_forged"


async def test_a_form_needs_a_session(opened: Opened) -> None:
    visitor = await opened()
    refused = await visitor.post("/portal/sign-out", {"form_token": "x"})
    assert (refused.status_code, error_code(refused)) == (401, "portal.session_ended")


async def test_tokens_and_facts_are_at_rest_only_sealed(opened: Opened, city: WholeCity) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/funding")
    await ada.submit(page, "/portal/funding", employees_full_time="4711")

    async def read(db: Connection) -> Any:
        return await db.fetch("SELECT secret_hash, sealed FROM portal.sessions")

    rows = await city.platform.kernel.database.run(read)
    assert len(rows) == 1
    assert b"4711" not in rows[0]["sealed"] and b"access_token" not in rows[0]["sealed"]
    assert rows[0]["secret_hash"] != ada.client.cookies[COOKIE].encode()


async def test_a_sealed_row_cannot_be_put_in_anothers_place(
    opened: Opened, city: WholeCity
) -> None:
    ada, karen = await opened("ada"), await opened("karen")

    async def swap(db: Connection) -> None:
        await db.execute(
            "UPDATE portal.sessions a SET sealed = b.sealed FROM portal.sessions b "
            "WHERE a.secret_hash <> b.secret_hash"
        )

    await city.platform.kernel.database.run(swap)
    for visitor in (ada, karen):
        assert (await visitor.get("/portal/cases")).status_code == 303


async def test_a_revoked_mandate_ends_acting_for_the_company_at_once(
    opened: Opened, city: WholeCity
) -> None:
    karen = await opened("karen")
    assert (await karen.get("/portal/cases")).status_code == 200
    identity = city.platform.identity

    async def revoke(db: Connection) -> None:
        person = await identity.parties.find_person(db, "karen")
        assert person is not None
        held = await identity.mandates.of_person(db, person.id)
        await identity.revoke_mandate(db, held[0].id, held[0].company_id, "operator")

    await city.platform.kernel.database.run(revoke)
    assert (await karen.get("/portal/cases")).headers["location"] == "/portal/company"


async def test_a_company_without_a_mandate_cannot_be_chosen(opened: Opened) -> None:
    henry, ada = await opened("henry"), await opened("ada")
    page = await ada.get("/portal/company")
    assert "Harbour Robotics" in page.text
    own = await henry.get("/portal/company")
    token = own.text.split('name="form_token" value="')[1].split('"')[0]
    refused = await henry.post(
        "/portal/company", {"form_token": token, "company": f"com_{'0' * 32}"}
    )
    assert error_code(refused) == "relying_party.token"


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/portal//evil.example",
     "/portal/../x", "/portal/x?y=1", "javascript:alert(1)", "/identity/x", ""],
)
def test_after_signing_in_nobody_is_led_elsewhere(address: str) -> None:
    assert own_path(address) == "/"


def test_after_signing_in_one_comes_back_to_the_page() -> None:
    assert own_path("/portal/cases/cas_1") == "/portal/cases/cas_1"


async def callback_of(visitor: Visitor) -> str:
    """Sign in as ada as far as the callback, which is returned and not opened."""
    page = await visitor.open("/portal/sign-in")
    asked = await visitor.submit(page, "/identity/authorize/sign-in", identifier="ada")
    await visitor.approve("ada", asked.text)
    ended = await visitor.get(urlsplit(str(asked.url)).path)
    address = urlsplit(ended.headers["location"])
    assert address.path == "/portal/callback"
    return f"{address.path}?{address.query}"
