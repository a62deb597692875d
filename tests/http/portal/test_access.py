"""My access: grants are shown and taken back, devices removed, everything left at once."""

from __future__ import annotations

import re

import pytest

from lionrock.identity.api import Grant
from lionrock.identity.store import grants as store
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.portal.conftest import Opened
from tests.http.portal.visitor import Visitor, error_code
from tests.whole.conftest import WholeCity

_DEVICE = re.compile(r'action="(/portal/access/devices/[^"]+/removal)"')


async def _given(city: WholeCity, persona: str = "ada") -> Grant:
    """A grant on record of a persona for the harbour service."""
    identity, now = city.platform.identity, city.platform.kernel.wire_clock.now()

    async def use_case(db: Connection) -> Grant:
        person = await identity.parties.find_person(db, persona)
        assert person is not None
        grant = Grant(
            id=identity.kernel.ids.new("gra"), client_id="harbour-service", person_id=person.id,
            scopes=("openid", "profile"), signed_in_at=now, created_at=now, updated_at=now,
            expires_at=now.replace(year=now.year + 1),
        )  # fmt: skip
        await store.save_grant(db, grant)
        return grant

    return await city.platform.kernel.database.run(use_case)


async def test_service_with_a_grant_is_shown_in_words_and_taken_back(
    opened: Opened, city: WholeCity
) -> None:
    ada, grant = await opened("ada"), await _given(city)
    page = await ada.get("/portal/access")
    for shown in ("Harbour service", "your name", "a name for you that only it knows"):
        assert shown.lower() in page.text.lower(), shown
    action = f"/portal/access/grants/{grant.id}/revocation"
    after = await ada.submit(page, action)
    assert "No service may act for you beyond one visit." in after.text
    again = await ada.submit(page, action)
    assert (again.status_code, error_code(again)) == (404, "identity.grant_unknown")


async def test_somebody_elses_grant_and_device_are_not_there(
    opened: Opened, city: WholeCity
) -> None:
    ada, karen, grant = await opened("ada"), await opened("karen"), await _given(city)
    hers, theirs = await ada.get("/portal/access"), await karen.get("/portal/access")
    (device,) = set(_DEVICE.findall(hers.text))
    assert grant.id not in theirs.text and device not in theirs.text
    token = re.search(r'name="form_token" value="([^"]+)"', theirs.text)
    assert token is not None
    for action, code in ((f"/portal/access/grants/{grant.id}/revocation", "identity.grant_unknown"),
                         (device, "identity.device_unknown")):
        assert error_code(await karen.post(action, {"form_token": token.group(1)})) == code


async def test_removed_device_answers_nothing_any_more(opened: Opened, city: WholeCity) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/access")
    assert "This is your only one." in page.text
    (action,) = set(_DEVICE.findall(page.text))
    after = await ada.submit(page, action)
    assert action not in after.text
    identity, run = city.platform.identity, city.platform.kernel.database.run
    device_id = action.split("/")[-2]
    gone = await run(lambda db: identity.devices.device(db, device_id))
    assert isinstance(gone, Refused)


async def test_who_signed_in_with_a_waiting_device_removes_none(
    opened: Opened, city: WholeCity
) -> None:
    ada = await opened("ada")
    page = await ada.get("/portal/access")
    (action,) = set(_DEVICE.findall(page.text))

    async def lower(db: Connection) -> None:
        await db.execute(
            "UPDATE identity.authentications SET acr = 'urn:lionrock:acr:device'"
        )

    await city.platform.kernel.database.run(lower)
    refused = await ada.submit(page, action)
    assert (refused.status_code, error_code(refused)) == (403, "identity.device_waiting")


async def test_log_out_everywhere_ends_every_browser_of_the_person_and_nobody_elses(
    opened: Opened,
) -> None:
    here, there, karen = await opened("ada"), await opened("ada"), await opened("karen")
    gone = await here.submit(await here.get("/portal/access"), "/portal/access/log-out")
    assert "Sign in" in gone.text
    for browser in (here, there):
        assert (await browser.get("/portal/access")).status_code == 303
    assert (await karen.get("/portal/access")).status_code == 200


@pytest.mark.parametrize("path", ["log-out", "devices/dev_1/removal", "grants/gra_1/revocation"])
async def test_forged_form_changes_nothing(opened: Opened, path: str) -> None:
    ada: Visitor = await opened("ada")
    forged = await ada.post(f"/portal/access/{path}", {"form_token": "x"})
    assert (forged.status_code, error_code(forged)) == (403, "portal.form_forged")
    assert (await ada.get("/portal/access")).status_code == 200
