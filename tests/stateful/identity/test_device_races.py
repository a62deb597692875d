"""Devices, passkeys and recoveries when two do the same thing at once."""

from __future__ import annotations

import asyncio

import httpx

from lionrock.identity.store import approvals as approvals_store
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from tests.http.identity.authenticator import (
    Authenticator,
    Lie,
    Page,
    enrolment_code,
    opened,
)
from tests.http.identity.city import City
from tests.http.identity.test_recovery import message_code, post, proven


async def test_parallel_enrolments_stop_at_five_devices(city: City) -> None:
    codes = [await enrolment_code(city) for _ in range(7)]
    pages = [Page(city) for _ in codes]
    for page in pages:
        await page.open()
    enrolled = await asyncio.gather(
        *(page.enrol(Authenticator(), code) for page, code in zip(pages, codes, strict=True))
    )
    assert sorted(answer.status_code for answer in enrolled) == [201] * 4 + [409] * 3


async def test_one_code_enrols_one_device_however_often_it_is_shown(city: City) -> None:
    code = await enrolment_code(city)
    pages = [Page(city) for _ in range(4)]
    for page in pages:
        await page.open()
    enrolled = await asyncio.gather(*(page.enrol(Authenticator(), code) for page in pages))
    assert sorted(answer.status_code for answer in enrolled) == [201] + [403] * 3


async def test_one_assertion_shown_at_once_counts_once(city: City) -> None:
    page, authenticator = await opened(city)
    approval = await city.asked("ada")
    path, body = f"/approvals/{approval.id}", {"decision": "approved"}
    begun = (await page.call("POST", f"{path}/challenge", body)).json()["public_key"]
    signed = authenticator.get(begun, Lie())
    answers = await asyncio.gather(
        *(page.call("POST", f"{path}/answer", signed) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 3
    assert len(await city.receipts("identity.approval_decided")) == 1


async def test_recovery_is_completed_once(city: City) -> None:
    secret = await proven(city)
    answers = await asyncio.gather(
        *(post(city, "/completion", secret=secret) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 3
    assert len(await city.receipts("identity.recovery_completed")) == 1


async def test_a_no_while_the_recovery_is_completed_waits_and_changes_nothing(
    city: City,
) -> None:
    secret = await proven(city)
    (notice,) = await city.kernel.database.run(
        lambda db: city.identity.approvals.pending_for(db, city.people["ada"].id)
    )

    async def say_no(db: Connection) -> httpx.Response:
        assert await approvals_store.lock_approval(db, notice.id) is not None
        completing = asyncio.create_task(post(city, "/completion", secret=secret))
        # Time for the completion to hold the recovery; it does not wait for the approval.
        await asyncio.wait({completing}, timeout=60)
        decided = await city.identity.approvals.withdraw(db, notice.id)
        assert not isinstance(decided, Refused) and decided.state == "rejected"
        return await completing

    completed = await city.kernel.database.run(say_no)
    assert completed.status_code == 201, completed.text
    assert len(await city.receipts("identity.recovery_completed")) == 1


async def test_parallel_guesses_use_up_the_tries_one_by_one(city: City) -> None:
    begun = await post(city, identifier="ada")
    secret, code = begun.json()["secret"], await message_code(city)
    await asyncio.gather(*(post(city, "/codes", secret=secret, code="1") for _ in range(8)))
    assert (await post(city, "/codes", secret=secret, code=code)).status_code == 403
