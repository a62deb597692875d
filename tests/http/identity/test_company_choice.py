"""The company chosen at log-in: the code stands for the choice, and nothing is taken on trust."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lionrock.identity.api import Company
from lionrock.kernel.jose import key_from_jwk, verify_jws
from tests.http.identity.browser import Browser, error_code, hidden_fields
from tests.http.identity.city import City
from tests.http.identity.desk import Desk, engaged, mandate_of, new_company, new_desk

SCOPE = "openid profile company"


@pytest.fixture
async def desk(city: City) -> Desk:
    """A service that asks which company."""
    return await new_desk(city)


@pytest.fixture
async def firm(city: City) -> Company:
    """Ada's other company."""
    company = await new_company(city, "70000025", "Tea Accountants Limited")
    await mandate_of(city, "ada", company)
    return company


async def _page(
    city: City, desk: Desk, persona: str = "ada", **changes: Any
) -> tuple[Browser, str, httpx.Response]:
    """Sign in as far as the page that asks for the company."""
    browser = Browser(city)
    request = {"scope": SCOPE, "company_selection": "required"} | changes
    path, number = await browser.start(desk.client_id, await desk.pushed(**request), persona)
    asked = (await city.phone.pending(persona))[-1]
    await city.phone.answer(persona, asked["approval_id"], "approved", number)
    page = await browser.get(path)
    return browser, path, page


async def _choose(
    browser: Browser, path: str, page: httpx.Response, company: str
) -> httpx.Response:
    return await browser.post(f"{path}/company", hidden_fields(page.text) | {"company": company})


async def _redeemed(desk: Desk, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 303, answer.text
    code = httpx.URL(answer.headers["location"]).params["code"]
    told = await desk.redeem(code)
    assert told.status_code == 200, told.text
    body: dict[str, Any] = told.json()
    return body


def _claims(city: City, id_token: str) -> dict[str, Any]:
    key = key_from_jwk(city.identity.tokens.signing_key().public_jwk)
    verified = verify_jws(id_token, key, typ="JWT")  # type: ignore[arg-type]  # it is a key
    claims: dict[str, Any] = dict(verified.claims)  # type: ignore[union-attr]  # it verifies
    return claims


@pytest.mark.parametrize("asked", [{}, {"company_selection": None, "prompt": "select_account"}])
async def test_code_stands_for_the_company_that_was_chosen(
    city: City, desk: Desk, firm: Company, asked: dict[str, Any]
) -> None:
    browser, path, page = await _page(city, desk, **asked)
    assert page.status_code == 200
    for shown in ("Harbour Robotics Limited", "Tea Accountants Limited", "As myself"):
        assert shown in page.text
    tokens = await _redeemed(desk, await _choose(browser, path, page, firm.id))
    told = (await desk.get(tokens["access_token"])).json()
    assert told["company"]["business_number"] == "70000025"
    claims = _claims(city, tokens["id_token"])
    assert (claims["sub"], claims["act"]) == (told["sub"], {"sub": told["act"]["sub"]})


async def test_who_acts_as_themselves_gets_a_persons_token(
    city: City, desk: Desk, firm: Company
) -> None:
    browser, path, page = await _page(city, desk)
    tokens = await _redeemed(desk, await _choose(browser, path, page, "self"))
    told = (await desk.get(tokens["access_token"])).json()
    assert "company" not in told
    assert told["name"] == "Ada"


async def test_client_of_the_firm_can_be_chosen(city: City, desk: Desk, firm: Company) -> None:
    client = await new_company(city, "70000033", "Client Limited")
    await engaged(city, firm, client)
    browser, path, page = await _page(city, desk)
    assert "through Tea Accountants Limited" in page.text
    tokens = await _redeemed(desk, await _choose(browser, path, page, client.id))
    assert "act" in _claims(city, tokens["id_token"])["act"]


async def test_company_of_somebody_else_is_not_chosen(
    city: City, desk: Desk, firm: Company
) -> None:
    other = await new_company(city, "70000041")
    await mandate_of(city, "ben", other)
    browser, path, page = await _page(city, desk)
    assert other.id not in page.text
    for company in (other.id, "com_" + "0" * 32, "x" * 200, ""):
        refused = await _choose(browser, path, page, company)
        assert refused.status_code == 403
    assert (await _choose(browser, path, page, firm.id)).status_code == 303


async def test_mandate_that_ended_after_the_choice_gives_no_token(
    city: City, desk: Desk
) -> None:
    browser, path, page = await _page(city, desk)
    answer = await _choose(browser, path, page, city.company.id)
    await city.kernel.database.run(
        lambda db: city.identity.revoke_mandate(db, city.mandate.id, city.company.id, "operator")
    )
    told = await desk.redeem(httpx.URL(answer.headers["location"]).params["code"])
    assert (told.status_code, told.json()["error"]) == (400, "invalid_target")


async def test_choice_is_taken_once_from_the_browser_that_signed_in(
    city: City, desk: Desk
) -> None:
    browser, path, page = await _page(city, desk)
    forged = hidden_fields(page.text) | {"company": city.company.id, "form_token": "0" * 64}
    assert error_code(await browser.post(f"{path}/company", forged)) == "identity.sign_in_forged"
    other = Browser(city)
    stolen = await _choose(other, path, page, city.company.id)
    assert error_code(stolen) == "identity.sign_in_unknown"
    assert (await _choose(browser, path, page, city.company.id)).status_code == 303
    again = await _choose(browser, path, page, "self")
    assert error_code(again) == "identity.sign_in_finished"


async def test_choice_before_the_phone_said_yes_is_refused(city: City, desk: Desk) -> None:
    browser = Browser(city)
    pushed = await desk.pushed(scope=SCOPE, company_selection="required")
    path, _ = await browser.start(desk.client_id, pushed, "ada")
    waiting = await browser.get(path)
    refused = await _choose(browser, path, waiting, city.company.id)
    assert error_code(refused) == "identity.sign_in_finished"


async def test_program_is_not_told_an_address_before_the_choice(city: City, desk: Desk) -> None:
    browser, path, page = await _page(city, desk)
    told = await browser.get(path, accept="application/json")
    assert told.json() == {"status": "approved", "redirect_to": None}
    assert (await _choose(browser, path, page, "self")).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"company_selection": "maybe"}, {"scope": "openid profile"},
        {"prompt": "none"}, {"company_selection": ""},
    ],
)  # fmt: skip
async def test_selection_that_cannot_be_is_refused_when_pushed(
    desk: Desk, changes: dict[str, Any]
) -> None:
    answer = await desk.push(**({"scope": SCOPE, "company_selection": "required"} | changes))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_company_token_switches_to_another_company_of_the_person_with_the_same_key(
    city: City, desk: Desk, firm: Company
) -> None:
    browser, path, page = await _page(city, desk)
    tokens = await _redeemed(desk, await _choose(browser, path, page, city.company.id))
    switched = await desk.exchange(tokens["access_token"], firm.id, scope="openid company")
    assert switched.status_code == 200, switched.text
    assert switched.json()["scope"] == "openid company"
    told = (await desk.get(switched.json()["access_token"])).json()
    assert told["company"]["business_number"] == "70000025"
    wider = await desk.exchange(
        switched.json()["access_token"], city.company.id, scope="openid profile company"
    )
    assert wider.json()["error"] == "invalid_scope"
