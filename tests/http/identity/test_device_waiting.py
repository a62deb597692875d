"""A new device: it waits, the older ones are asked about it, and a person has five at most."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from lionrock.kernel.errors import Refused
from tests.attack.identity.handset import call, code_of
from tests.http.identity.authenticator import Authenticator, Page, enrolment_code, opened
from tests.http.identity.browser import Browser
from tests.http.identity.city import City, enrol
from tests.http.identity.clients import TestClient

DAY_S = 24 * 3600


def let_wait(city: City, seconds: int) -> None:
    """New devices wait that long from now on."""
    settings = msgspec.structs.replace(city.kernel.settings, device_waiting_s=seconds)
    city.identity.devices._kernel = dataclasses.replace(city.kernel, settings=settings)


async def waiting(city: City, persona: str = "ada") -> tuple[Page, Authenticator]:
    """A page with a passkey that has to wait for a day."""
    let_wait(city, DAY_S)
    return await opened(city, persona)


async def notice(city: City, persona: str = "ada") -> dict[str, Any]:
    """What the older phone is asked about the new device."""
    (asked,) = await city.phone.pending(persona)
    assert asked["kind"] == "identity.device"
    return asked


async def test_waiting_device_approves_no_deed_and_may_reject(city: City) -> None:
    page, authenticator = await waiting(city)
    approval = await city.asked("ada")
    refused = await page.answer(authenticator, approval.id)
    assert refused.json()["code"] == "identity.device_waiting"
    assert (await city.approval(approval.id)).state == "pending"
    rejected = await page.answer(authenticator, approval.id, "rejected")
    assert rejected.json()["state"] == "rejected"


async def test_waiting_period_ends_by_the_business_clock(city: City) -> None:
    page, authenticator = await waiting(city)
    for seconds, state in ((DAY_S - 1, "pending"), (1, "approved")):
        city.business_clock.advance(seconds=seconds)
        approval = await city.asked("ada")
        await page.answer(authenticator, approval.id)
        assert (await city.approval(approval.id)).state == state


async def test_older_device_vouches_and_the_wait_is_over(city: City) -> None:
    page, authenticator = await waiting(city)
    asked = await notice(city)
    assert "A new device was added" in asked["words"]
    await city.phone.answer("ada", asked["approval_id"], "approved")
    approval = await city.asked("ada")
    assert (await page.answer(authenticator, approval.id)).json()["state"] == "approved"


async def test_older_device_says_no_and_the_new_one_is_out_of_use(city: City) -> None:
    page, authenticator = await waiting(city)
    await city.phone.answer("ada", (await notice(city))["approval_id"], "rejected")
    assert (await page.call("GET", "/home")).status_code == 401
    assert (await page.sign_in(authenticator)).json()["code"] == "identity.passkey_credential"
    assert await city.phone.pending("ada") == []


async def test_unanswered_notice_lets_the_wait_run_its_course(city: City) -> None:
    page, authenticator = await waiting(city)
    city.business_clock.advance(seconds=DAY_S)
    await city.worker().run_due()
    approval = await city.asked("ada")
    assert (await page.answer(authenticator, approval.id)).json()["state"] == "approved"


async def test_device_cannot_vouch_for_itself(city: City) -> None:
    page, authenticator = await opened(city)
    asked = await notice(city)
    assert (await page.home())["approvals"] == []
    refused = await page.answer(authenticator, asked["approval_id"])
    assert refused.json()["code"] == "identity.device_own_notice"


async def test_two_waiting_devices_cannot_vouch_for_each_other(city: City) -> None:
    page, authenticator = await waiting(city)
    other, _ = await waiting(city)
    (asked,) = (await page.home())["approvals"]
    refused = await page.answer(authenticator, asked["approval_id"])
    assert refused.json()["code"] == "identity.device_waiting"
    devices = (await other.home())["devices"]["devices"]
    refused = await other.call("DELETE", f"/devices/{devices[0]['device_id']}")
    assert refused.json()["code"] == "identity.device_waiting"


async def test_notice_is_asked_although_the_phone_is_full(city: City) -> None:
    for _ in range(8):
        await city.asked("ada")
    assert isinstance(await city.ask("ada"), Refused)
    await opened(city)
    kinds = [asked["kind"] for asked in await city.phone.pending("ada")]
    assert kinds.count("identity.device") == 1


async def test_person_has_five_devices_at_most_and_the_code_stays_good(city: City) -> None:
    page, _ = await opened(city)
    for _ in range(3):
        assert (await page.enrol(Authenticator(), await enrolment_code(city))).status_code == 201
    code = await enrolment_code(city)
    refused = await page.enrol(Authenticator(), code)
    assert refused.json()["code"] == "identity.devices_max"
    devices = (await page.home())["devices"]
    assert len(devices["devices"]) == devices["devices_max"] == 5
    await page.call("DELETE", f"/devices/{devices['devices'][-1]['device_id']}")
    assert (await page.enrol(Authenticator(), code)).status_code == 201


async def test_phone_lists_and_revokes_the_holders_own_devices(city: City) -> None:
    path = "/identity/v1/device/devices"
    await opened(city)
    listed = msgspec.json.decode((await call(city, "GET", path)).body)["devices"]
    assert [device["kind"] for device in listed] == ["key", "passkey"]
    assert [device["is_this"] for device in listed] == [True, False]
    mine = listed[1]["device_id"]
    refused = await call(city, "DELETE", f"{path}/{mine}", persona="ben")
    assert code_of(refused) == "identity.device_unknown"
    assert (await call(city, "DELETE", f"{path}/{mine}")).status == 204
    assert code_of(await call(city, "DELETE", f"{path}/{mine}")) == "identity.device_unknown"


async def test_enrolment_and_revocation_leave_receipts_that_name_nobody(city: City) -> None:
    page, _ = await opened(city)
    devices = (await page.home())["devices"]["devices"]
    await page.call("DELETE", f"/devices/{devices[0]['device_id']}")
    assert len(await city.receipts("identity.device_enrolled")) == 4
    (revoked,) = await city.receipts("identity.device_revoked")
    assert "dev_" not in str(revoked)
    assert "per_" not in str(revoked)


async def test_waiting_device_signs_in_at_the_lowest_level_only(
    city: City, client: TestClient
) -> None:
    page, authenticator = await waiting(city)
    for wanted, outcome in (
        (None, "code="), ("urn:lionrock:acr:device", "code="),
        ("urn:lionrock:acr:device-number", "error=unmet_authentication_requirements"),
    ):  # fmt: skip
        browser = Browser(city)
        request_uri = await client.pushed(acr_values=wanted)
        path, number = await browser.start(client.client_id, request_uri, "ada")
        asked = (await page.home())["approvals"][-1]
        await page.answer(authenticator, asked["approval_id"], number=number)
        assert outcome in (await browser.get(path)).headers["location"]


@pytest.mark.parametrize("persona", ["ben"])
async def test_replaced_phone_is_not_asked_about_itself(city: City, persona: str) -> None:
    await enrol(city, persona)
    assert await city.phone.pending(persona) == []
