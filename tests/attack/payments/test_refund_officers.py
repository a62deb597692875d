"""One officer, a department's server, or an old event tries to give a fee back alone."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.kernel.outbox import Event
from lionrock.payments.links.domain.refunds import APPROVAL_KIND, Officer
from lionrock.sandbox.world.answering import PhoneRefused
from tests.http.payments.test_intents import paid, refund, till
from tests.http.payments.test_refund_officers import bureau, large, state
from tests.unit.payments.city import LANTAU, TEA_ACCOUNT
from tests.unit.payments.officers import Bureau
from tests.unit.payments.payees import Till, open_till

__all__ = ["bureau", "till"]


def decided(approval_id: str, reference: str = "", decision: str = "approved") -> Event:
    """An event as identity would send it, or somebody who pretends to be it."""
    return Event(id="evt_1", topic="identity.approval_decided", payload={
        "approval_id": approval_id, "kind": APPROVAL_KIND, "reference": reference,
        "decision": decision,
    })


async def balance(till: Till) -> str:
    """What the payer of the fee has."""
    statement = await till.city.statement(LANTAU, TEA_ACCOUNT)
    return str(statement["balances"]["HKD"])


async def test_the_officer_who_asked_cannot_agree_twice_or_alone(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    assert await bureau.say("chan", asked["approval_id"]) == "pending"
    with pytest.raises(PhoneRefused):
        await bureau.say("chan", asked["approval_id"])
    await till.city.settle()
    assert (await state(till, asked))["state"] == "waiting"
    assert await balance(till) == "4750.00"


async def test_a_refund_asked_in_somebodys_name_ends_with_that_officers_no(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    # A taken-over server asks in chan's name; chan is the first to see it.
    await bureau.say("chan", asked["approval_id"], "rejected")
    for name in ("wong", "lee"):
        await bureau.say(name, asked["approval_id"])
    await till.city.settle()
    assert (await state(till, asked))["state"] == "rejected"
    assert await balance(till) == "4750.00"


async def test_nobody_but_the_officers_asked_can_answer(till: Till, bureau: Bureau) -> None:
    _, asked = await large(till)
    for stranger in ("iris", "otto"):
        with pytest.raises(PhoneRefused):
            await bureau.say(stranger, asked["approval_id"])
    assert (await state(till, asked))["state"] == "waiting"


async def test_a_false_event_orders_nothing(till: Till, bureau: Bureau) -> None:
    _, asked = await large(till)
    await bureau.say("chan", asked["approval_id"])
    refunds = till.city.payments.links.refunds
    for event in (decided(asked["approval_id"], asked["id"]), decided("apr_0", asked["id"]),
                  decided(asked["approval_id"], decision="expired")):  # fmt: skip
        await refunds.on_approval_decided(event)
    await till.city.settle()
    assert (await state(till, asked))["state"] == "waiting"


async def test_a_decision_told_again_and_side_by_side_pays_once(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    for name in ("chan", "wong"):
        await bureau.say(name, asked["approval_id"])
    refunds, event = till.city.payments.links.refunds, decided(asked["approval_id"])
    await asyncio.gather(*(refunds.on_approval_decided(event) for _ in range(4)))
    await till.city.settle()
    await refunds.on_approval_decided(event)
    await till.city.settle()
    assert (await state(till, asked))["state"] == "paid"
    assert await balance(till) == "4900.00"


async def test_the_approval_of_another_refund_is_no_approval_of_this_one(
    till: Till, bureau: Bureau
) -> None:
    intent, first = await large(till, amount="101.00")
    _, second = await refund(till, intent, reference="R-2", amount="149.00")
    for name in ("chan", "wong"):
        await bureau.say(name, first["approval_id"])
    await till.city.settle()

    async def swap(db: Any) -> None:
        plant = "UPDATE payments.refunds SET approval_id = $2 WHERE id = $1"
        await db.execute(plant, first["id"], None)
        await db.execute(plant, second["id"], first["approval_id"])

    await till.city.kernel.database.run(swap)
    await till.city.payments.links.refunds.on_approval_decided(decided(first["approval_id"]))
    await till.city.settle()
    assert (await state(till, second))["state"] == "waiting"
    assert await balance(till) == "4851.00"


async def test_a_yes_of_somebody_who_is_no_officer_any_more_counts_no_more(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    for name in ("chan", "wong"):
        await bureau.say(name, asked["approval_id"])
    # Before the decision is carried out the appointment ends.
    standing = await till.city.kernel.database.run(
        lambda db: bureau.officers.standing(db, bureau.people["iris"].id)
    )
    assert isinstance(standing, list)
    [wong] = [each for each in standing if each.name == "wong"]
    assert isinstance(await bureau.end(wong), Officer)
    await till.city.settle()
    assert (await state(till, asked))["state"] == "rejected"
    assert await balance(till) == "4750.00"


async def test_a_yes_of_somebody_suspended_since_counts_no_more(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    for name in ("chan", "wong"):
        await bureau.say(name, asked["approval_id"])
    await till.city.kernel.database.run(lambda db: db.execute(
        "UPDATE identity.persons SET status = 'suspended' WHERE id = $1", bureau.people["wong"].id
    ))
    await till.city.settle()
    assert (await state(till, asked))["state"] == "rejected"
    assert await balance(till) == "4750.00"


async def test_a_large_refund_is_not_given_back_in_small_ones(till: Till, bureau: Bureau) -> None:
    intent = await paid(till)
    states = [
        (await refund(till, intent, reference=f"R-{number}", amount="50.00"))[1]["state"]
        for number in range(4)
    ]
    assert states == ["ordered", "ordered", "waiting", "waiting"]


async def test_small_refunds_side_by_side_stay_within_the_limit(
    till: Till, bureau: Bureau
) -> None:
    intent = await paid(till)
    answers = await asyncio.gather(*(
        refund(till, intent, reference=f"R-{number}", amount="60.00") for number in range(4)
    ))
    states = sorted(answer["state"] for _, answer in answers)
    assert states == ["ordered", "waiting", "waiting", "waiting"]


async def test_another_departments_officers_decide_nothing_here(
    till: Till, bureau: Bureau
) -> None:
    other = await open_till(till.city, "harbour-service")
    await till.city.payments.links.refunds.open_account("harbour-service", "HKD", 100_00)
    intent = await paid(other)
    status, refused = await refund(other, intent, amount="150.00")
    assert (status, refused["code"]) == (403, "payments.refund_officer_not_appointed")


async def test_calling_off_and_agreeing_at_once_end_in_one_of_the_two(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    await bureau.say("chan", asked["approval_id"])

    async def agree() -> None:
        try:
            await bureau.say("wong", asked["approval_id"])
        except PhoneRefused:
            return

    path = f"/payments/v1/refunds/{asked['id']}/withdrawal"
    reply, _ = await asyncio.gather(till.payee.ask("POST", path), agree())
    await till.city.settle()
    ended = (await state(till, asked))["state"]
    # Called off before the decision was carried out, or too late for that.
    expected = {200: ("rejected", "4750.00"), 409: ("paid", "4900.00")}[reply.status_code]
    assert (ended, await balance(till)) == expected, msgspec.json.decode(bytes(reply.body))
