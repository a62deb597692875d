"""A company's consents on its pages: paused, let go on, taken back."""

from __future__ import annotations

import re

from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import error_code
from tests.whole.conftest import WholeCity

INTAKE = "/programmes/v1/intake"


async def agreed(city: WholeCity) -> str:
    """A consent that Ada has agreed to on her phone."""
    ada = await city.act_for(await city.sign_in("ada"))
    asked = await ada.call("POST", f"{INTAKE}/consents", {"bank": "bank-harbour"}, expect=201)
    for consent in asked["consents"]:
        await city.phones.answer("ada", consent["approval_id"])
    await city.settle_down()
    return str(asked["consents"][0]["consent_id"])


def buttons(page: str) -> set[str]:
    """What may be done to the consent that a page shows."""
    return set(re.findall(r'action="/portal/consents/[^"/]+/([a-z]+)"', page))


async def test_a_consent_is_paused_let_go_on_and_taken_back(
    city: WholeCity, opened: Opened
) -> None:
    address = f"/portal/consents/{await agreed(city)}"
    browser = await opened("ada")
    page = await browser.get(address)
    assert buttons(page.text) == {"pause", "revoke"}
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    page = await browser.post(f"{address}/pause", {"form_token": token})
    page = await browser.get(address)
    assert 'data-acknowledged="yes"' in page.text
    assert buttons(page.text) == {"resume", "revoke"}
    await browser.post(f"{address}/resume", {"form_token": token})
    page = await browser.get(address)
    assert buttons(page.text) == {"pause", "revoke"}
    await browser.post(f"{address}/revoke", {"form_token": token})
    page = await browser.get(address)
    assert buttons(page.text) == set()
    refused = await browser.post(f"{address}/resume", {"form_token": token})
    assert error_code(refused) == "exchange.transition_illegal"


async def test_another_companys_consent_cannot_be_paused(city: WholeCity, opened: Opened) -> None:
    address = f"/portal/consents/{await agreed(city)}"
    browser = await opened("carmen")
    form = await browser.get("/portal/company")
    token = form.text.partition('name="form_token" value="')[2].partition('"')[0]
    for deed in ("pause", "resume"):
        refused = await browser.post(f"{address}/{deed}", {"form_token": token})
        assert error_code(refused) == "exchange.consent_unknown"
        forged = await browser.post(f"{address}/{deed}", {"form_token": "guessed"})
        assert error_code(forged) == "portal.form_forged"
