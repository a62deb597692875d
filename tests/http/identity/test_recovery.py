"""A person who lost every device: two proofs, a wait, and a new start."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import httpx
import msgspec
import pytest

from lionrock.kernel.errors import Refused
from tests.http.identity.authenticator import Authenticator, Page, opened
from tests.http.identity.city import City
from tests.http.identity.clients import TestClient

ROOT = "/identity/v1/recoveries"
DAY_S = 24 * 3600


async def post(city: City, path: str = "", **body: Any) -> httpx.Response:
    """A call of a recovery."""
    async with city.http() as http:
        return await http.post(f"{ROOT}{path}", json=body)


async def begin(city: City, identifier: str = "ada") -> str:
    """Begin a recovery; returns its secret."""
    begun = await post(city, identifier=identifier)
    assert begun.status_code == 201, begun.text
    return str(begun.json()["secret"])


async def messages(city: City, persona: str = "ada") -> list[Any]:
    """What was sent to a persona, newest first."""
    person_id = city.people[persona].id
    return await city.kernel.database.run(
        lambda db: city.identity.recovery.messages.of_person(db, person_id)
    )


async def message_code(city: City, persona: str = "ada", channel: str = "phone") -> str:
    """The newest code sent to a persona."""
    sent = [m for m in await messages(city, persona) if m.channel == channel]
    found = re.search(r"\d{8}", sent[0].body)
    assert found is not None
    return found.group()


async def in_person_code(city: City, persona: str = "ada") -> str:
    """A code that two operators hand over."""
    person_id = city.people[persona].id
    made_by, checked_by = city.people["ben"].id, city.people["carmen"].id
    code = await city.kernel.database.run(
        lambda db: city.identity.recovery.issue_in_person_code(
            db, person_id, made_by=made_by, checked_by=checked_by
        )
    )
    assert not isinstance(code, Refused), code
    return code.code


async def proven(city: City) -> str:
    """A recovery of ada's with two proofs."""
    secret = await begin(city)
    await post(city, "/codes", secret=secret, code=await message_code(city))
    shown = await post(city, "/codes", secret=secret, code=await in_person_code(city))
    assert shown.json()["proven"] == ["in_person", "message"]
    return secret


def cool(city: City, seconds: int) -> None:
    """Recoveries take that long at least from now on."""
    settings = msgspec.structs.replace(city.kernel.settings, recovery_cooling_s=seconds)
    city.identity.recovery._kernel = dataclasses.replace(city.kernel, settings=settings)


async def test_message_and_operator_bring_a_person_back(city: City, client: TestClient) -> None:
    token, code = await client.token("ada"), await client.code("ada")
    secret = await proven(city)
    done = await post(city, "/completion", secret=secret)
    assert done.status_code == 201, done.text
    assert (await client.get(token)).status_code == 401
    assert (await client.redeem(code)).json()["error"] == "invalid_grant"
    with pytest.raises(Exception, match=r"identity\.device_unknown"):
        await city.phone.pending("ada")
    await city.phone.enrol("ada", done.json()["enrolment_code"])
    assert await city.phone.pending("ada") == []
    await client.token("ada")
    assert len(await city.receipts("identity.recovery_completed")) == 1
    again = await post(city, "/completion", secret=secret)
    assert again.json()["code"] == "identity.recovery_incomplete"


async def test_message_and_another_device_bring_a_person_back(city: City) -> None:
    secret = await begin(city)
    await post(city, "/codes", secret=secret, code=await message_code(city, channel="email"))
    (asked,) = await city.phone.pending("ada")
    assert "to recover your identity" in asked["words"]
    await city.phone.answer("ada", asked["approval_id"], "approved")
    shown = await post(city, "/status", secret=secret)
    assert shown.json()["proven"] == ["device", "message"]
    assert (await post(city, "/completion", secret=secret)).status_code == 201


async def test_cooling_period_runs_by_the_business_clock(city: City) -> None:
    cool(city, DAY_S)
    secret = await proven(city)
    for seconds, status in ((DAY_S - 1, 409), (1, 201)):
        city.business_clock.advance(seconds=seconds)
        assert (await post(city, "/completion", secret=secret)).status_code == status


async def test_new_device_after_recovery_waits_like_any_other(city: City) -> None:
    settings = msgspec.structs.replace(city.kernel.settings, device_waiting_s=DAY_S)
    city.identity.devices._kernel = dataclasses.replace(city.kernel, settings=settings)
    done = await post(city, "/completion", secret=await proven(city))
    page, authenticator = Page(city), Authenticator()
    await page.open()
    await page.enrol(authenticator, done.json()["enrolment_code"])
    await page.sign_in(authenticator)
    approval = await city.asked("ada")
    refused = await page.answer(authenticator, approval.id)
    assert refused.json()["code"] == "identity.device_waiting"


async def test_recovery_ends_passkeys_pages_and_open_enrolment_codes(city: City) -> None:
    page, authenticator = await opened(city)
    ada = city.people["ada"].id
    code = await city.kernel.database.run(
        lambda db: city.identity.issue_enrolment_code(db, ada)
    )
    assert isinstance(code, str)
    assert (await post(city, "/completion", secret=await proven(city))).status_code == 201
    assert (await page.call("GET", "/home")).status_code == 401
    assert (await page.sign_in(authenticator)).json()["code"] == "identity.passkey_credential"
    refused = await page.enrol(Authenticator(), code)
    assert refused.json()["code"] == "identity.enrolment_code"


async def test_recovery_is_open_for_seven_days(city: City) -> None:
    secret = await proven(city)
    city.business_clock.advance(days=7)
    for path in ("/status", "/completion"):
        assert (await post(city, path, secret=secret)).json()["code"] == "identity.recovery_unknown"


async def test_code_handed_over_needs_two_operators_and_leaves_a_receipt(city: City) -> None:
    ada, ben, carmen = (city.people[p].id for p in ("ada", "ben", "carmen"))
    for made_by, checked_by in ((ben, ben), (ada, carmen), (carmen, ada)):

        async def issue(db: Any, made_by: str = made_by, checked_by: str = checked_by) -> Any:
            return await city.identity.recovery.issue_in_person_code(
                db, ada, made_by=made_by, checked_by=checked_by
            )

        refused = await city.kernel.database.run(issue)
        assert isinstance(refused, Refused)
        assert refused.refusal.value == "identity.recovery_checker"
    await in_person_code(city)
    (receipt,) = await city.receipts("identity.recovery_code_issued")
    assert "per_" not in str(receipt)


async def test_new_code_handed_over_ends_the_one_before(city: City) -> None:
    first, secret = await in_person_code(city), await begin(city)
    second = await in_person_code(city)
    refused = await post(city, "/codes", secret=secret, code=first)
    assert refused.json()["code"] == "identity.recovery_code"
    shown = await post(city, "/codes", secret=secret, code=second)
    assert shown.json()["proven"] == ["in_person"]


async def test_code_handed_over_lasts_seven_days(city: City) -> None:
    code = await in_person_code(city)
    city.business_clock.advance(days=7)
    secret = await begin(city)
    assert (await post(city, "/codes", secret=secret, code=code)).status_code == 403


async def test_person_is_told_of_a_code_handed_over_in_three_languages(city: City) -> None:
    code = await in_person_code(city)
    sent = await messages(city)
    assert sorted(message.channel for message in sent) == ["email", "phone"]
    for message in sent:
        assert code not in message.body
        for words in ("Two officers", "兩名職員", "两名职员"):
            assert words in message.body
