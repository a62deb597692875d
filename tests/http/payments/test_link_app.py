"""The bank's app on the payer's own device: shows before it pays, and leads back."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

import pytest

from lionrock.kernel.network import Reply
from tests.unit.payments.city import LANTAU, TEA_ACCOUNT, WORLD, PaymentsCity
from tests.unit.payments.payees import Till, open_till

APP = f"{WORLD}/{LANTAU}/app/pay"


@pytest.fixture
async def till(city: PaymentsCity) -> Till:
    return await open_till(city)


async def show(till: Till, url: str, language: str = "en") -> Reply:
    """Open a link in the app."""
    network = till.city.world.context.network
    return await network.send("GET", f"{APP}?url={quote(url, safe='')}&lang={language}")


async def agree(till: Till, **fields: str) -> Reply:
    """Press the button."""
    return await till.city.world.context.network.send(
        "POST", APP, {"content-type": "application/x-www-form-urlencoded"},
        urlencode({"account": TEA_ACCOUNT, **fields}).encode(),
    )


async def test_the_app_shows_payee_and_sum_pays_once_and_leads_back(till: Till) -> None:
    link = await till.link()
    for language in ("en", "zh-Hant", "zh-Hans"):
        shown = (await show(till, link["url"], language)).body.decode()
        assert f'lang="{language}"' in shown
        assert "88.80 HKD" in shown
        assert "H*** R*** L***" in shown
    found = re.search(r'name="request" value="([^"]+)"', shown)
    assert found is not None
    paid = await agree(till, request=found[1])
    assert f'href="{till.payee.address}/thanks"' in paid.body.decode()
    await till.city.settle()
    assert await till.state(link) == "paid"
    again = await agree(till, request=found[1])
    await till.city.settle()
    assert again.status == 200
    statement = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert statement["balances"]["HKD"] == "4911.20"


async def test_the_app_opens_no_foreign_link_and_pays_nothing_that_it_did_not_show(
    till: Till,
) -> None:
    foreign = await show(till, "https://evil.example/pay/x")
    assert (foreign.status, b"link_of_another_system" in foreign.body) == (400, True)
    assert b"evil.example" not in foreign.body.partition(b"<main>")[2]
    unknown = await agree(till, request="lrq_0")
    assert (unknown.status, b"request_not_shown" in unknown.body) == (400, True)


async def test_the_app_says_why_a_link_cannot_be_paid(till: Till) -> None:
    link = await till.link()
    await till.payee.ask("POST", f"/payments/v1/links/{link['id']}/cancellation")
    shown = await show(till, link["url"])
    assert (shown.status, b"payments.link_cancelled" in shown.body) == (410, True)
