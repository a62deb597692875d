"""A bank that gives back what is not its own to give, or too much, or asks for others' money."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from lionrock.payments.api import (
    CancellationAnswer,
    CancellationRequest,
    Document,
    Payment,
    PaymentReturn,
    settlement_date_of,
)
from lionrock.payments.recalls.errors import ERRORS, RecallRefusal
from tests.attack.payments.hostile import reject_in
from tests.http.payments.test_recalls import pay, payment_of, recall, recall_shown
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.debit_city import join_third_bank, post

FUNDED_MINOR = 3_000_00


def raw_return(city: PaymentsCity, payment: Payment, **changes: Any) -> PaymentReturn:
    """A return as the firm's bank would write it, to be changed."""
    made = PaymentReturn(
        settlement_date=settlement_date_of(city.kernel.business_clock.now()), return_id="RTR-1",
        original_message_id=payment.sent_message_id, original_definition="pacs.008.001.08",
        end_to_end_id=payment.end_to_end_id, transaction_id=payment.transaction_id,
        uetr=payment.uetr, original_amount=payment.amount, amount=payment.amount,
        reason_code="CUST",
    )
    return msgspec.structs.replace(made, **changes)


def raw_recall(payment: Payment, **changes: Any) -> CancellationRequest:
    """A recall as the tea house's bank would write it, to be changed."""
    made = CancellationRequest(
        recall_id="RCL-1", original_message_id=payment.original_message_id,
        original_definition="pacs.008.001.08", end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id, uetr=payment.uetr, amount=payment.amount,
        reason_code="DUPL",
    )
    return msgspec.structs.replace(made, **changes)


async def refusal(city: PaymentsCity, bank_id: str, document: Document) -> str:
    """The stable code with which the switch refuses a message."""
    reply = await post(city, bank_id, document)
    assert reply.status >= 400, reply
    return reject_in(reply).reason


def test_every_refusal_of_returns_and_recalls_has_a_row() -> None:
    assert set(ERRORS) == set(RecallRefusal)
    assert all(len(member.value) <= 35 for member in RecallRefusal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"original_message_id": "guessed"}, "payments.return_original_differs"),
        ({"original_definition": "pacs.003.001.08"}, "payments.return_original_differs"),
        ({"end_to_end_id": "OTHER"}, "payments.return_original_differs"),
        ({"transaction_id": "other"}, "payments.return_original_differs"),
        ({"original_amount": Money(300_00, "HKD")}, "payments.return_original_differs"),
        ({"amount": Money(250_01, "HKD")}, "payments.return_above_rest"),
        ({"amount": Money(1_00, "CNY")}, "payments.return_currency_differs"),
        ({"uetr": "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"}, "payments.return_original_unknown"),
    ],
)
async def test_a_return_that_is_not_of_its_payment_is_refused(
    city: PaymentsCity, changes: dict[str, Any], reason: str
) -> None:
    payment = await pay(city)
    assert await refusal(city, HARBOUR, raw_return(city, payment, **changes)) == reason
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 250_00


async def test_only_the_credited_bank_returns(city: PaymentsCity) -> None:
    payment = await pay(city)
    await join_third_bank(city)
    mine = raw_return(city, payment, original_message_id=payment.original_message_id)
    for bank in (LANTAU, "bank-third"):
        assert await refusal(city, bank, mine) == "payments.return_original_unknown"


async def test_what_is_not_settled_is_not_returned(city: PaymentsCity) -> None:
    payment = await pay(city, "9.10")
    reason = await refusal(city, HARBOUR, raw_return(city, payment))
    assert reason == "payments.return_not_settled"


async def test_a_return_comes_within_its_time(city: PaymentsCity) -> None:
    payment = await pay(city)
    city.pass_business_time(days=365)
    assert await refusal(city, HARBOUR, raw_return(city, payment)) == "payments.return_late"


async def test_a_bank_that_is_away_is_not_sent_a_return(city: PaymentsCity) -> None:
    payment = await pay(city)
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE directory.organisations SET status = 'suspended' WHERE id = $1", LANTAU
    ))
    reason = await refusal(city, HARBOUR, raw_return(city, payment))
    assert reason == "payments.return_agent_offline"


async def test_a_return_id_with_another_content_returns_nothing(city: PaymentsCity) -> None:
    payment = await pay(city)
    returned = raw_return(city, payment, amount=Money(50_00, "HKD"))
    assert (await post(city, HARBOUR, returned)).status == 202
    assert (await post(city, HARBOUR, returned)).status == 202
    changed = msgspec.structs.replace(returned, amount=Money(60_00, "HKD"))
    assert await refusal(city, HARBOUR, changed) == "payments.return_id_reused"
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 200_00


async def test_returns_at_once_are_together_no_more_than_the_payment(
    city: PaymentsCity,
) -> None:
    payment = await pay(city)
    returns = [
        raw_return(city, payment, return_id=f"R{n}", amount=Money(100_00, "HKD"))
        for n in range(5)
    ]
    replies = await asyncio.gather(*(post(city, HARBOUR, one) for one in returns))
    assert sorted(reply.status for reply in replies) == [202, 202, 409, 409, 409]
    await city.settle()
    assert await city.available(await city.settlement_id(LANTAU)) == FUNDED_MINOR - 50_00


async def test_a_return_is_not_recalled_as_if_it_were_the_payment(city: PaymentsCity) -> None:
    payment = await pay(city)
    assert (await post(city, HARBOUR, raw_return(city, payment))).status == 202
    await city.settle()
    back = raw_recall(payment, original_message_id=payment.sent_message_id)
    assert await refusal(city, HARBOUR, back) == "payments.return_original_unknown"
    row = await city.kernel.database.read(lambda db: db.fetchrow(
        "SELECT uetr FROM payments.payments WHERE kind = 'return'"
    ))
    assert row is not None
    returned = await payment_of(city, row["uetr"])
    again = raw_return(
        city, returned, return_id="R2", original_definition="pacs.004.001.10",
        original_message_id=returned.sent_message_id, uetr=returned.uetr,
    )
    assert await refusal(city, LANTAU, again) == "payments.return_of_return"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"original_message_id": "guessed"}, "payments.return_original_differs"),
        ({"amount": Money(1_00, "HKD")}, "payments.return_original_differs"),
        ({"amount": Money(250_00, "CNY")}, "payments.return_original_differs"),
        ({"uetr": "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c"}, "payments.return_original_unknown"),
    ],
)
async def test_a_recall_that_is_not_of_its_payment_is_refused(
    city: PaymentsCity, changes: dict[str, Any], reason: str
) -> None:
    payment = await pay(city)
    assert await refusal(city, LANTAU, raw_recall(payment, **changes)) == reason


async def test_only_the_debited_bank_recalls(city: PaymentsCity) -> None:
    payment = await pay(city)
    await join_third_bank(city)
    for bank in (HARBOUR, "bank-third"):
        reason = await refusal(city, bank, raw_recall(payment))
        assert reason == "payments.return_original_unknown"


async def test_a_recall_id_with_another_content_recalls_nothing(city: PaymentsCity) -> None:
    payment = await pay(city, "9.32")
    asked = raw_recall(payment)
    assert (await post(city, LANTAU, asked)).status == 202
    assert (await post(city, LANTAU, asked)).status == 202
    changed = msgspec.structs.replace(asked, reason_code="FRAD")
    assert await refusal(city, LANTAU, changed) == "payments.recall_id_reused"


async def test_only_the_asked_bank_answers_and_only_once(city: PaymentsCity) -> None:
    payment = await pay(city, "9.32")
    await recall(city, payment)
    await join_third_bank(city)
    row = await city.kernel.database.read(lambda db: db.fetchrow("SELECT id FROM payments.recalls"))
    assert row is not None
    no = CancellationAnswer(
        recall_id=row["id"].removeprefix("rcl_"), original_message_id=payment.sent_message_id,
        original_definition="pacs.008.001.08", end_to_end_id=payment.end_to_end_id,
        transaction_id=payment.transaction_id, uetr=payment.uetr, status="RJCR",
        reason_code="CUST",
    )
    for bank in (LANTAU, "bank-third"):
        assert await refusal(city, bank, no) == "payments.recall_unknown"
    other = msgspec.structs.replace(no, uetr="6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b2c")
    assert await refusal(city, HARBOUR, other) == "payments.return_original_differs"
    assert (await post(city, HARBOUR, no)).status == 202
    yes = msgspec.structs.replace(no, status="ACCR", reason_code="")
    assert await refusal(city, HARBOUR, yes) == "payments.recall_not_asked"
    assert (await recall_shown(city))["state"] == "refused"


async def test_a_recall_is_seen_by_who_made_it_only(city: PaymentsCity) -> None:
    await recall(city, await pay(city, "9.32"))
    exchange = await city.call(HARBOUR, "/payments/v1/recalls/RCL-1", b"", method="GET")
    assert exchange.reply.status == 404
