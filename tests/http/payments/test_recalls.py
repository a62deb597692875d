"""Returns and recalls between two banks over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.payments.api import Payment
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
)
from tests.unit.payments.debit_city import operate
from tests.unit.payments.samples import OfficialSchemas

FUNDED_MINOR = 3_000_00


async def pay(city: PaymentsCity, amount: str = "250.00", **changes: str) -> Payment:
    """The tea house pays the firm, and the banks talk."""
    reply = await operate(city, LANTAU, "transfers", {
        "account": TEA_ACCOUNT, "amount": amount, "currency": "HKD", "end_to_end_id": "TEA-1",
        "creditor_clearing_code": "307", "creditor_account": FIRM_ACCOUNT,
        "creditor_name": "Harbour Robotics",
    } | changes)
    assert reply.status == 202, reply.body
    await city.settle()
    return await payment_of(city, msgspec.json.decode(reply.body)["uetr"])


async def payment_of(city: PaymentsCity, uetr: str) -> Payment:
    """The payment of a UETR."""
    row = await city.kernel.database.read(
        lambda db: db.fetchrow("SELECT id FROM payments.payments WHERE uetr = $1", uetr)
    )
    assert row is not None
    return await city.load(row["id"])


async def give_back(
    city: PaymentsCity, payment: Payment, amount: str, return_id: str = "RTR-1"
) -> Payment | None:
    """The firm's bank returns; the return as a payment."""
    reply = await operate(city, HARBOUR, "returns", {
        "uetr": payment.uetr, "amount": amount, "return_id": return_id,
    })
    assert reply.status == 202, reply.body
    await city.settle()
    row = await city.kernel.database.read(lambda db: db.fetchrow(
        "SELECT id FROM payments.payments WHERE kind = 'return' AND transaction_id = $1",
        return_id,
    ))
    return await city.load(row["id"]) if row is not None else None


async def recall(city: PaymentsCity, payment: Payment, recall_id: str = "RCL-1") -> dict[str, Any]:
    """The tea house's bank recalls; the recall as the switch shows it."""
    reply = await operate(city, LANTAU, "recalls", {
        "uetr": payment.uetr, "recall_id": recall_id,
    })
    assert reply.status == 202, reply.body
    await city.settle()
    return await recall_shown(city, recall_id)


async def recall_shown(city: PaymentsCity, recall_id: str = "RCL-1") -> dict[str, Any]:
    """A recall as the switch shows it."""
    exchange = await city.call(LANTAU, f"/payments/v1/recalls/{recall_id}", b"", method="GET")
    assert exchange.reply.status == 200, exchange.reply
    shown: dict[str, Any] = msgspec.json.decode(exchange.reply.body)
    return shown


async def balances(city: PaymentsCity) -> tuple[str, str, int]:
    """The tea house, the firm, and what the tea house's bank has at the switch."""
    tea = await city.statement(LANTAU, TEA_ACCOUNT)
    firm = await city.statement(HARBOUR, FIRM_ACCOUNT)
    settlement = await city.available(await city.settlement_id(LANTAU))
    return tea["balances"]["HKD"], firm["balances"]["HKD"], settlement


async def bank_recalls(city: PaymentsCity, bank_id: str) -> list[dict[str, Any]]:
    """The recalls in a bank's own files."""
    reply = await city.world.context.network.send("GET", f"{WORLD}/{bank_id}/recalls")
    found: list[dict[str, Any]] = msgspec.json.decode(reply.body)["recalls"]
    return found


async def test_a_return_gives_the_money_back_once(city: PaymentsCity, shared: Path) -> None:
    payment = await pay(city)
    returned = await give_back(city, payment, "250.00")
    assert returned is not None
    assert (returned.state, returned.kind) == ("settled", "return")
    assert await balances(city) == ("5000.00", "1000.00", FUNDED_MINOR)
    messages = await city.messages(returned.id)
    assert [kind for kind, _ in messages] == ["pacs.004.001.10"] * 2 + ["pacs.002.001.10"] * 3
    official = OfficialSchemas(shared)
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * 5


async def test_returns_are_never_more_than_the_payment(city: PaymentsCity) -> None:
    payment = await pay(city)
    first = await give_back(city, payment, "100.00", "R1")
    second = await give_back(city, payment, "150.00", "R2")
    assert first is not None
    assert second is not None
    assert (first.state, second.state) == ("settled", "settled")
    assert await give_back(city, payment, "0.01", "R3") is None
    assert (await balances(city))[2] == FUNDED_MINOR


async def test_a_return_that_is_refused_may_be_tried_again(city: PaymentsCity) -> None:
    payment = await pay(city, "9.34")
    refused = await give_back(city, payment, "9.34", "R1")
    assert refused is not None
    assert (refused.state, refused.reason_code) == ("rejected", "AC04")
    smaller = await give_back(city, payment, "9.00", "R2")
    assert smaller is not None
    assert smaller.state == "settled"


async def test_a_return_comes_in_time_or_not_at_all(city: PaymentsCity) -> None:
    payment = await pay(city)
    city.pass_business_time(days=365)
    assert await give_back(city, payment, "1.00") is None


async def test_what_the_platform_paid_goes_back_to_its_account(city: PaymentsCity) -> None:
    payment = await city.initiate(city.order())
    await city.settle()
    payment = await city.load(payment.id)
    before = await city.available(city.budget_id)
    returned = await give_back(city, payment, "40000.00")
    assert returned is not None
    assert returned.state == "settled"
    assert await city.available(city.budget_id) == before + 40_000_00


async def test_a_recall_that_is_agreed_to_is_followed_by_the_return(
    city: PaymentsCity, shared: Path
) -> None:
    payment = await pay(city)
    shown = await recall(city, payment)
    assert (shown["state"], shown["returned"]) == ("returned", "250.00")
    assert await balances(city) == ("5000.00", "1000.00", FUNDED_MINOR)
    assert [r["status"] for r in await bank_recalls(city, LANTAU)] == ["ACCR"]
    [row] = await city.kernel.database.read(
        lambda db: db.fetch("SELECT id FROM payments.recalls")
    )
    messages = await city.subject_messages(row["id"])
    assert [kind for kind, _ in messages] == ["camt.056.001.08"] * 2 + ["camt.029.001.09"] * 2
    official = OfficialSchemas(shared)
    assert [official.problems(raw, kind) for kind, raw in messages] == [[]] * 4


async def test_a_recall_that_is_refused_ends_with_the_reason(city: PaymentsCity) -> None:
    shown = await recall(city, await pay(city, "9.30"))
    assert (shown["state"], shown["reason_code"], shown["returned"]) == ("refused", "CUST", "0.00")
    assert [(r["status"], r["reason"]) for r in await bank_recalls(city, LANTAU)] == [
        ("RJCR", "CUST")
    ]


@pytest.mark.parametrize(("accepted", "state"), [(True, "returned"), (False, "refused")])
async def test_a_recall_that_is_looked_into_is_answered_later(
    city: PaymentsCity, accepted: bool, state: str
) -> None:
    shown = await recall(city, await pay(city, "9.31"))
    assert shown["state"] == "pending"
    assert [r["status"] for r in await bank_recalls(city, LANTAU)] == ["PDCR"]
    [asked] = await bank_recalls(city, HARBOUR)
    reply = await operate(city, HARBOUR, f"recalls/{asked['id']}/answers", {"accepted": accepted})
    assert reply.status == 202
    await city.settle()
    assert (await recall_shown(city))["state"] == state


@pytest.mark.parametrize("amount", ["9.32", "9.33"], ids=["silent", "promise"])
async def test_a_recall_nobody_answers_or_keeps_ends_as_refused(
    city: PaymentsCity, amount: str
) -> None:
    shown = await recall(city, await pay(city, amount))
    assert shown["ended_at"] is None
    city.pass_business_time(days=11)
    await city.settle()
    shown = await recall_shown(city)
    assert (shown["state"], shown["reason_code"]) == ("refused", "NOAS")


async def test_a_return_that_crosses_the_recall_answers_it(city: PaymentsCity) -> None:
    payment = await pay(city, "9.32")
    assert (await recall(city, payment))["state"] == "asked"
    await give_back(city, payment, "4.00", "R1")
    assert (await recall_shown(city))["state"] == "asked"
    await give_back(city, payment, "5.32", "R2")
    assert (await recall_shown(city))["state"] == "returned"
    assert [r["status"] for r in await bank_recalls(city, LANTAU)] == ["ACCR"]


async def test_what_was_returned_is_not_recalled(city: PaymentsCity) -> None:
    payment = await pay(city)
    await give_back(city, payment, "250.00")
    shown = await recall(city, payment)
    assert (shown["state"], shown["reason_code"]) == ("refused", "ARDT")


async def test_a_payment_has_one_open_recall(city: PaymentsCity) -> None:
    payment = await pay(city, "9.32")
    assert (await recall(city, payment, "A"))["state"] == "asked"
    shown = await recall(city, payment, "B")
    assert (shown["state"], shown["reason_code"]) == ("refused", "ARPL")


async def test_a_payment_that_was_not_sent_yet_is_cancelled(city: PaymentsCity) -> None:
    payment = await pay(city, service_class="C2")
    assert payment.state == "held"
    shown = await recall(city, payment)
    assert shown["state"] == "cancelled"
    payment = await city.load(payment.id)
    assert (payment.state, payment.reason_code) == ("rejected", "DS02")
    assert await balances(city) == ("5000.00", "1000.00", FUNDED_MINOR)
    assert "pacs.008.001.08" not in [kind for kind, _ in (await city.messages(payment.id))[1:]]


async def test_a_recall_waits_for_a_payment_that_is_under_way(city: PaymentsCity) -> None:
    payment = await pay(city, "9.10")
    assert payment.state == "sent"
    shown = await recall(city, payment)
    assert shown["state"] == "waiting"
    await city.pass_seconds(22)
    shown = await recall_shown(city)
    assert (shown["state"], shown["reason_code"]) == ("refused", "NOOR")


async def test_a_late_answer_to_a_recall_changes_nothing(city: PaymentsCity) -> None:
    await recall(city, await pay(city, "9.31"))
    city.pass_business_time(days=11)
    await city.settle()
    [asked] = await bank_recalls(city, HARBOUR)
    await operate(city, HARBOUR, f"recalls/{asked['id']}/answers", {"accepted": False})
    await city.settle()
    assert (await recall_shown(city))["reason_code"] == "NOAS"
