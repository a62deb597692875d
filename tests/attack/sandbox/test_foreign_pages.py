"""A foreign web page, open on the developer's machine, tries to press the phones' buttons.

It can send to the loopback address, and by DNS rebinding it can have its own name point there.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.whole.conftest import WORLD, WholeCity

PHONE = "/phone/api/ada/answers"
ANSWER = {"approval_id": "apr_" + "0" * 32, "decision": "approved"}


async def send(city: WholeCity, method: str, path: str, **more: Any) -> httpx.Response:
    """Send to the world as a browser would."""
    transport = httpx.ASGITransport(city.world.application)
    async with httpx.AsyncClient(transport=transport, base_url=WORLD) as client:
        return await client.request(method, path, **more)


async def test_world_answers_under_its_own_name_only(city: WholeCity) -> None:
    """A rebound name is the page's own, and its scripts would read the answers."""
    for path in ("/", "/phone/api/ada/approvals"):
        assert (await send(city, "GET", path)).status_code == 200
        rebound = await send(city, "GET", path, headers={"host": "evil.test"})
        assert rebound.status_code == 421


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_foreign_page_sends_no_form_to_a_party(city: WholeCity, site: str) -> None:
    foreign = {"sec-fetch-site": site}
    for path in (PHONE, "/phone/ada", "/bank-harbour/operator/transfers"):
        assert (await send(city, "POST", path, json=ANSWER, headers=foreign)).status_code == 403


async def test_own_page_and_own_programs_are_answered(city: WholeCity) -> None:
    for headers in ({}, {"sec-fetch-site": "same-origin"}):
        answer = await send(city, "POST", PHONE, json=ANSWER, headers=headers)
        assert answer.json()["code"] == "phone.not_asked"


async def test_a_link_from_the_portal_opens_a_phone(city: WholeCity) -> None:
    followed = await send(city, "GET", "/phone/ada", headers={"sec-fetch-site": "cross-site"})
    assert followed.status_code == 200
