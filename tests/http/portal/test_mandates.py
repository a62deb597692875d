"""People and mandates through the pages: asked, approved on the phone, in effect, ended."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor

FORM = {"kind": "person", "holder": "henry", "role": "user", "signatures": "1", "may_apply": "yes"}


async def asked(ada: Visitor, **changes: str) -> httpx.Response:
    """Send the form; returns the waiting page, or the form again."""
    form = await ada.get("/portal/mandates/new")
    return await ada.submit(form, "/portal/mandates", **(FORM | changes))


def path_of(page: httpx.Response) -> str:
    """The path of a waiting page."""
    return page.url.path


async def test_mandate_is_asked_for_approved_and_ended_on_the_phone(opened: Opened) -> None:
    ada = await opened("ada")
    waiting = await asked(ada, limit="5,000", last_day="2030-12-31")
    assert "data-number" in waiting.text and "henry" in waiting.text
    path = path_of(waiting)
    assert f'data-wait="{path}/state"' in waiting.text
    before = (await ada.get(f"{path}/state")).json()
    await ada.approve("ada", waiting.text)
    assert (await ada.get(f"{path}/state")).json() != before
    assert "In effect" in (await ada.get(path)).text
    people = await ada.get("/portal/mandates")
    assert "HK$5,000.00" in people.text and "In effect" in people.text
    of_henry = r'action="(/portal/mandates/[^"]+/end)">[^/]*?<button[^/]*: Henry'
    (action,) = set(re.findall(of_henry, people.text))
    ending = await ada.submit(people, action)
    await ada.approve("ada", ending.text)
    assert "In effect" in (await ada.get(path_of(ending))).text
    assert "HK$5,000.00" not in (await ada.get("/portal/mandates")).text


async def test_grant_to_nobody_is_asked_like_any_other_and_takes_no_effect(
    opened: Opened,
) -> None:
    ada = await opened("ada", "zh-Hant")
    waiting = await asked(ada, holder="nobody@harbour.example")
    assert "data-number" in waiting.text
    await ada.approve("ada", waiting.text)
    assert "未生效" in (await ada.get(path_of(waiting))).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"holder": "?"}, "Who"), ({"kind": "firm", "holder": "99999999"}, "Who"),
        ({"may_apply": ""}, "What for"), ({"limit": "much"}, "Up to"),
        ({"signatures": "x"}, "Acts"),
        ({"last_day": "soon"}, "Last day"), ({"last_day": "2001-01-01"}, "Last day"),
        ({"signatures": "9"}, "Acts"),
    ],
)  # fmt: skip
async def test_mandate_that_cannot_be_asked_for_leads_back_to_its_field(
    opened: Opened, changes: dict[str, str], field: str
) -> None:
    ada = await opened("ada")
    refused = await asked(ada, **changes)
    assert refused.status_code == 422, refused.text[:400]
    notice = refused.text.split('role="alert"', 1)[1].split("</strong>", 1)[0]
    assert notice.endswith(f"<strong>{field}"), notice
    assert f'value="{FORM["holder"]}"' in refused.text or "holder" in changes


async def test_other_companys_change_is_not_found(opened: Opened) -> None:
    ada, karen = await opened("ada"), await opened("karen")
    path = path_of(await asked(ada))
    for address in (path, f"{path}/state"):
        answer = await karen.get(address)
        assert answer.status_code in (303, 404), address
        assert "henry" not in answer.text


async def test_person_without_a_company_is_led_to_choose_one(opened: Opened) -> None:
    henry = await opened("henry")
    assert (await henry.get("/portal/mandates")).headers["location"] == "/portal/company"


async def firms(ada: Visitor, **changes: str) -> httpx.Response:
    """Send the form for an agent firm."""
    form = await ada.get("/portal/mandates/new?for=firm")
    assert '<option value="firm" selected>' in form.text
    return await ada.submit(form, "/portal/mandates", **(FORM | {"kind": "firm"} | changes))


async def test_agent_firm_is_engaged_over_the_page_with_firms_of_its_own(opened: Opened) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/mandates")
    assert "/portal/mandates/new?for=firm" in page.text
    number = await business_number(opened)
    waiting = await firms(ada, holder=number, may_subagent="yes")
    assert "data-number" in waiting.text, waiting.text[:400]
    await ada.approve("ada", waiting.text)
    people = await ada.get("/portal/mandates")
    assert "agent firm" in people.text and "agents of its own" in people.text
    again = await firms(ada, holder="70000017", may_apply="", may_subagent="yes")
    assert again.status_code == 422
    person = await asked(ada, may_subagent="yes")
    assert person.status_code == 422 and "an agent firm only" in person.text


async def business_number(opened: Opened) -> str:
    """The number of another company of the city."""
    city = (await opened()).city
    rows = await city.platform.kernel.database.run(lambda db: db.fetch(
        "SELECT business_number, names->>'en' AS name FROM identity.companies"
        " WHERE status = 'live' ORDER BY id"
    ))  # fmt: skip
    return next(str(row["business_number"]) for row in rows if "Harbour" not in row["name"])
