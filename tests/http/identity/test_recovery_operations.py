"""A person with no device left: two operators hand a code over, and it brings the person back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.identity.browser import error_code
from tests.http.identity.city import City
from tests.http.identity.desk import Desk, new_desk
from tests.http.identity.test_recovery import begin, message_code, messages, post

OPERATIONS = "/identity/v1/operations"


@pytest.fixture
async def desk(city: City) -> Desk:
    """The operators' service; Ben and Carmen are operators."""

    async def make(db: Any) -> None:
        for persona in ("ben", "carmen"):
            person_id = city.people[persona].id
            assert await city.identity.grant_staff_role(db, person_id, "operator") is None

    await city.kernel.database.run(make)
    return await new_desk(city)


async def ask(city: City, desk: Desk, by: str, about: str) -> Any:
    """An operator asks for a code for somebody."""
    token = await desk.token(by, scope="openid company staff")
    deed = {"kind": "issue_recovery_code", "person_id": city.people[about].id}
    return await desk.send(token, "POST", OPERATIONS, {"deed": deed})


async def approve(desk: Desk, by: str, asked: Any) -> Any:
    """Another operator approves."""
    token = await desk.token(by, scope="openid company staff")
    path = f"{OPERATIONS}/{asked.json()['operation_id']}"
    return await desk.send(token, "POST", f"{path}/approval")


async def test_code_of_two_operators_and_one_of_the_mailbox_bring_a_person_back(
    city: City, desk: Desk
) -> None:
    asked = await ask(city, desk, "ben", "ada")
    assert asked.status_code == 202 and "recovery_code" not in str(asked.json()["outcome"])
    assert asked.json()["recovery_code"] is None
    done = (await approve(desk, "carmen", asked)).json()
    code = done["recovery_code"]
    assert done["enrolment_code"] is None and done["outcome"]["expires_at"].startswith("2026-02-27")
    secret = await begin(city)
    await post(city, "/codes", secret=secret, code=await message_code(city))
    shown = await post(city, "/codes", secret=secret, code=code)
    assert shown.json()["proven"] == ["in_person", "message"]
    completed = await post(city, "/completion", secret=secret)
    await city.phone.enrol("ada", completed.json()["enrolment_code"])


async def test_code_is_shown_once_and_kept_nowhere_in_the_clear(city: City, desk: Desk) -> None:
    asked = await ask(city, desk, "ben", "ada")
    code = (await approve(desk, "carmen", asked)).json()["recovery_code"]
    token = await desk.token("carmen", scope="openid company staff")
    for path in (OPERATIONS, f"{OPERATIONS}/{asked.json()['operation_id']}"):
        assert code not in (await desk.send(token, "GET", path)).text
    again = await approve(desk, "carmen", asked)
    assert error_code(again) == "identity.operation_decided"
    for kind in ("operation_requested", "operation_decided", "recovery_code_issued"):
        (receipt,) = await city.receipts(f"identity.{kind}")
        assert code not in str(receipt) and city.people["ada"].id not in str(receipt)
    assert len(await messages(city)) == 2, "the person is told"


async def test_nobody_alone_and_nobody_for_oneself(city: City, desk: Desk) -> None:
    own = await ask(city, desk, "ben", "ben")
    assert error_code(own) == "identity.operation_own"
    asked = await ask(city, desk, "ben", "ada")
    alone = await approve(desk, "ben", asked)
    assert error_code(alone) == "identity.operation_same_person"
    about = await ask(city, desk, "ben", "carmen")
    decided = await approve(desk, "carmen", about)
    assert error_code(decided) == "identity.operation_own"
    stranger = await ask(city, desk, "ada", "ben")
    assert error_code(stranger) == "identity.operator_only"
    assert await messages(city) == [] and await messages(city, "carmen") == []


async def test_person_who_is_suspended_or_unknown_gets_no_code(city: City, desk: Desk) -> None:
    asked = await ask(city, desk, "ben", "ada")
    ada = city.people["ada"].id
    await city.kernel.database.run(
        lambda db: city.identity.parties.set_person_status(db, ada, "suspended")
    )
    assert error_code(await approve(desk, "carmen", asked)) == "identity.person_unknown"
    token = await desk.token("ben", scope="openid company staff")
    deed = {"kind": "issue_recovery_code", "person_id": "per_nobody"}
    unknown = await desk.send(token, "POST", OPERATIONS, {"deed": deed})
    assert error_code(await approve(desk, "carmen", unknown)) == "identity.person_unknown"
    assert await city.receipts("identity.recovery_code_issued") == []


async def test_operation_that_was_rejected_or_ran_out_issues_nothing(
    city: City, desk: Desk
) -> None:
    asked = await ask(city, desk, "ben", "ada")
    city.business_clock.advance(days=3)
    assert error_code(await approve(desk, "carmen", asked)) == "identity.operation_expired"
    assert await messages(city) == []
