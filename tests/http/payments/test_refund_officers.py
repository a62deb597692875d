"""Refunds above the limit: two officers decide on their phones; everything has a receipt."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from lionrock.directory.api import Status
from lionrock.kernel.errors import Refused
from lionrock.payments.links.domain.refunds import APPROVAL_LIFE_S, Officer
from tests.http.payments.test_intents import REPORT, paid, read, refund, till
from tests.unit.payments.city import HARBOUR, LANTAU, TEA_ACCOUNT
from tests.unit.payments.officers import Bureau, open_bureau
from tests.unit.payments.payees import Till, open_till

__all__ = ["till"]


@pytest.fixture
async def bureau(till: Till) -> Bureau:
    """Three officers: chan, wong and lee."""
    return await open_bureau(till.city)


async def large(till: Till, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A paid fee, and a refund of it above the limit that chan asks for."""
    intent = await paid(till)
    status, asked = await refund(till, intent, **({"amount": "150.00"} | changes))
    assert (status, asked["state"]) == (201, "waiting"), asked
    return intent, asked


async def state(till: Till, asked: dict[str, Any]) -> dict[str, Any]:
    """The refund as its department sees it."""
    status, shown = await till.ask(f"/payments/v1/refunds/{asked['id']}")
    assert status == 200, shown
    found: dict[str, Any] = shown
    return found


async def kinds_about(till: Till, refund_id: str) -> list[str]:
    """The kinds of the receipts about a refund, in order."""
    rows = await till.city.kernel.database.read(
        lambda db: db.fetch("SELECT jws FROM evidence.receipts ORDER BY id")
    )
    bodies = [row["jws"].split(".")[1] for row in rows]
    said = [msgspec.json.decode(base64.urlsafe_b64decode(each + "===")) for each in bodies]
    return [each["kind"] for each in said if each["references"].get("refund_id") == refund_id]


async def test_two_officers_say_yes_on_their_phones_and_the_money_goes_back(
    till: Till, bureau: Bureau
) -> None:
    intent, asked = await large(till)
    for name in ("chan", "wong", "lee"):
        assert await bureau.asked(name) == [asked["approval_id"]]
    [shown] = await bureau.phone.pending("wong")
    for word in ("HKD 150.00", intent["number"], "Licensing Office", "Paid twice", "chan"):
        assert word in shown["words"], shown["words"]
    assert await bureau.say("chan", asked["approval_id"]) == "pending"
    await till.city.settle()
    assert (await state(till, asked))["state"] == "waiting"
    assert await bureau.say("wong", asked["approval_id"]) == "approved"
    await till.city.settle()
    done = await state(till, asked)
    assert (done["state"], done["requested_by"], done["decided_by"]) == ("paid", "chan", "wong")
    assert (await till.city.statement(LANTAU, TEA_ACCOUNT))["balances"]["HKD"] == "4900.00"
    own = [each for each in await kinds_about(till, asked["id"]) if "refund" in each]
    assert own == [
        "payments.refund_asked", "payments.refund_ordered", "payments.fee_refunded",
    ]
    assert (await read(till, intent))["refunds"][0]["state"] == "paid"


async def test_a_refund_that_officers_refuse_pays_nothing_and_counts_no_more(
    till: Till, bureau: Bureau
) -> None:
    intent, asked = await large(till)
    # What waits counts: nothing beyond the rest is promised to anybody else.
    assert (await refund(till, intent, reference="R-2", amount="100.01"))[0] == 409
    assert await bureau.say("wong", asked["approval_id"], "rejected") == "pending"
    assert await bureau.say("lee", asked["approval_id"], "rejected") == "rejected"
    await till.city.settle()
    assert (await state(till, asked))["state"] == "rejected"
    assert "payments.refund_rejected" in await kinds_about(till, asked["id"])
    assert (await refund(till, intent, reference="R-2", amount="250.00"))[1]["state"] == "waiting"


async def test_a_refund_that_nobody_decides_lapses(till: Till, bureau: Bureau) -> None:
    _, asked = await large(till)
    till.city.pass_business_time(seconds=APPROVAL_LIFE_S + 1)
    expired = await till.city.kernel.database.run(
        lambda db: bureau.identity.approvals.expire(db, asked["approval_id"])
    )
    assert expired
    await till.city.settle()
    assert (await state(till, asked))["state"] == "lapsed"
    assert "payments.refund_lapsed" in await kinds_about(till, asked["id"])


async def test_a_waiting_refund_is_called_off_and_goes_from_the_phones(
    till: Till, bureau: Bureau
) -> None:
    _, asked = await large(till)
    path = f"/payments/v1/refunds/{asked['id']}/withdrawal"
    for _ in range(2):
        reply = await till.payee.ask("POST", path)
        assert (reply.status_code, msgspec.json.decode(bytes(reply.body))["state"]) == (
            200, "rejected"
        )
    assert await bureau.asked("wong") == []
    await till.city.settle()
    assert (await state(till, asked))["state"] == "rejected"


async def test_what_is_ordered_is_not_called_off_any_more(till: Till, bureau: Bureau) -> None:
    _, asked = await large(till)
    for name in ("wong", "lee"):
        await bureau.say(name, asked["approval_id"])
    await till.city.settle()
    reply = await till.payee.ask("POST", f"/payments/v1/refunds/{asked['id']}/withdrawal")
    assert (reply.status_code, b"refund_decided" in bytes(reply.body)) == (409, True)
    assert (await state(till, asked))["state"] == "paid"


async def test_a_refund_without_money_fails_and_can_be_asked_again(
    till: Till, bureau: Bureau
) -> None:
    intents = [await paid(till, reference=f"L-{number}") for number in range(3)]
    for number, intent in enumerate(intents):
        _, asked = await refund(till, intent, reference=f"R-{number}", amount="250.00")
        for name in ("chan", "lee"):
            await bureau.say(name, asked["approval_id"])
        await till.city.settle()
    states = [(await read(till, intent))["refunds"][0] for intent in intents]
    assert [each["state"] for each in states] == ["paid", "paid", "failed"]
    assert states[2]["reason_code"] == "AM04"
    assert (await refund(till, intents[2], reference="R-again", amount="50.00"))[0] == 201


async def test_a_refund_that_cannot_be_ordered_when_agreed_to_fails_with_its_reason(
    till: Till, bureau: Bureau
) -> None:
    intent, asked = await large(till)
    city = till.city
    for name in ("chan", "wong"):
        await bureau.say(name, asked["approval_id"])
    suspended = await city.kernel.database.run(
        lambda db: city.directory.set_status(db, LANTAU, Status.SUSPENDED, operator="iris")
    )
    assert not isinstance(suspended, Refused), suspended
    await city.settle()
    failed = await state(till, asked)
    assert (failed["state"], failed["reason_code"], failed["payment_id"]) == (
        "failed", "payments.creditor_agent_offline", ""
    )
    # It counts no more: as much can be asked for again.
    assert (await refund(till, intent, reference="R-2", amount="250.00"))[0] == 201


async def test_the_daily_report_counts_refunds_and_finds_a_planted_difference(
    till: Till, bureau: Bureau
) -> None:
    intent, asked = await large(till)
    _, report = await till.ask(REPORT)
    assert [each["id"] for each in report["refunds_waiting"]] == [asked["id"]]
    for name in ("chan", "wong"):
        await bureau.say(name, asked["approval_id"])
    await refund(till, intent, reference="R-2", amount="0.50")
    await till.city.settle()
    _, report = await till.ask(REPORT)
    assert report["refunded"] == {"HKD": "150.00"}
    assert [each["reference"] for each in report["refunds_waiting"]] == ["R-2"]
    assert (report["is_clean"], report["refunds_differing"]) == (True, [])
    await till.city.kernel.database.run(lambda db: db.execute(
        "UPDATE payments.refunds SET amount_minor = amount_minor - 1 WHERE id = $1", asked["id"]
    ))
    _, report = await till.ask(REPORT)
    assert (report["is_clean"], report["refunds_differing"]) == (False, [asked["id"]])


async def test_a_department_without_two_officers_refunds_nothing_large(till: Till) -> None:
    intent = await paid(till)
    status, refused = await refund(till, intent, amount="150.00")
    assert (status, refused["code"]) == (403, "payments.refund_officer_not_appointed")
    bureau = await open_bureau(till.city, ("chan",))
    status, refused = await refund(till, intent, amount="150.00")
    assert (status, refused["code"]) == (409, "payments.refund_officers_too_few")
    await bureau.appoint("wong")
    assert (await refund(till, intent, amount="150.00"))[1]["state"] == "waiting"


async def test_an_appointment_takes_two_operators_and_never_the_person(
    till: Till, bureau: Bureau
) -> None:
    first = await bureau.enter("otto-as-officer", person="otto")
    assert isinstance(first, Officer)
    assert (first.state, first.agreed_by) == ("asked", "")
    for operator, code in (("iris", "officer_same_operator"), ("otto", "officer_own"),
                           ("wong", "officer_operator_only")):  # fmt: skip
        assert _code(await bureau.agree(first, operator)) == f"payments.{code}"
    assert _code(await bureau.enter("x", "otto", person="otto")) == "payments.officer_own"
    assert _code(await bureau.enter("iris", "iris")) == "payments.officer_own"
    assert _code(await bureau.enter("CHAN", person="iris", operator="otto")) == (
        "payments.officer_taken"
    )
    assert _code(await bureau.enter("other", person="chan")) == "payments.officer_taken"
    assert _code(await bureau.enter("nobody", person="chan", office=HARBOUR)) == (
        "payments.officer_unknown"
    )
    assert _code(await bureau.enter(" chan ", person="iris", operator="otto")) == (
        "payments.intent_malformed"
    )
    ended = await bureau.end(first)
    assert isinstance(ended, Officer)
    assert _code(await bureau.agree(ended)) == "payments.officer_state"
    assert _code(await bureau.end(ended)) == "payments.officer_state"


def _code(answer: object) -> str:
    assert isinstance(answer, Refused), answer
    return str(answer.refusal.value)


async def test_another_departments_refund_is_not_found(till: Till, bureau: Bureau) -> None:
    _, asked = await large(till)
    other = await open_till(till.city, "harbour-service")
    assert (await other.ask(f"/payments/v1/refunds/{asked['id']}"))[0] == 404
    reply = await other.payee.ask("POST", f"/payments/v1/refunds/{asked['id']}/withdrawal")
    assert reply.status_code == 404
    assert (await state(till, asked))["state"] == "waiting"
