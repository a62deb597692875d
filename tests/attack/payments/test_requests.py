"""A bank that pays, answers or withdraws requests that are not its own, or asks for nonsense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lionrock.kernel.money import Money
from lionrock.payments.api import (
    CancellationRequest,
    Document,
    PartyAccount,
    PaymentRequest,
    RequestReport,
    uetr_of,
)
from lionrock.payments.requests.errors import ERRORS, RequestRefusal
from tests.attack.payments.hostile import reject_in, transfer
from tests.http.payments.test_recalls import payment_of
from tests.http.payments.test_requests import ask, files, shown
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.debit_city import join_third_bank, post

FIRM = PartyAccount(name="Harbour Robotics", account="307-000001", member="307")
TEA = PartyAccount(name="Little Tea House", account="512-000009", member="512")


def raw_request(city: PaymentsCity, **changes: Any) -> PaymentRequest:
    """A request as the firm's bank would write it, to be changed."""
    now = city.kernel.business_clock.now()
    made = PaymentRequest(
        request_id="BILL-1", end_to_end_id="BILL-1", uetr=uetr_of("bill-1"), due_at=now,
        expires_at=now + timedelta(days=1), may_change_amount=False, amount=Money(9_43, "HKD"),
        debtor=TEA, creditor=FIRM,
    )
    return msgspec.structs.replace(made, **changes)


async def refusal(city: PaymentsCity, bank_id: str, document: Document) -> str:
    """The stable code with which the switch refuses a message."""
    reply = await post(city, bank_id, document)
    assert reply.status >= 400, reply
    return reject_in(reply).reason


async def answer_to(city: PaymentsCity, **changes: Any) -> RequestReport:
    """The debtor's bank's yes to the one request there is, to be changed."""
    row = await city.kernel.database.read(lambda db: db.fetchrow(
        "SELECT id, uetr, sent_message_id FROM payments.requests"
    ))
    assert row is not None
    made = RequestReport(
        original_message_id=row["sent_message_id"], original_definition="pain.013.001.07",
        request_id=row["id"].removeprefix("rtp_"), end_to_end_id="BILL-1", uetr=row["uetr"],
        status="ACCP", accepted_amount=Money(9_43, "HKD"),
    )
    return msgspec.structs.replace(made, **changes)


def test_every_refusal_of_requests_to_pay_has_a_row() -> None:
    assert set(ERRORS) == set(RequestRefusal)
    assert all(len(member.value) <= 35 for member in RequestRefusal)


@pytest.mark.parametrize(
    ("days", "changes", "reason"),
    [
        (1, {"creditor": TEA}, "payments.agent_differs"),
        (0, {}, "payments.request_expiry_wrong"),
        (91, {}, "payments.request_expiry_wrong"),
        (1, {"debtor": FIRM}, "payments.request_debtor_agent_wrong"),
        (1, {"debtor": msgspec.structs.replace(TEA, member="999")},
         "payments.request_debtor_agent_wrong"),
    ],
    ids=["foreign_creditor", "over", "too_long", "own_bank", "no_bank"],
)
async def test_a_request_that_makes_no_sense_is_refused(
    city: PaymentsCity, days: int, changes: dict[str, Any], reason: str
) -> None:
    expires_at = city.kernel.business_clock.now() + timedelta(days=days)
    asked = raw_request(city, expires_at=expires_at, **changes)
    assert await refusal(city, HARBOUR, asked) == reason


async def test_a_debtors_bank_that_is_away_is_not_asked(city: PaymentsCity) -> None:
    await city.kernel.database.run(lambda db: db.execute(
        "UPDATE directory.organisations SET status = 'suspended' WHERE id = $1", LANTAU
    ))
    reason = await refusal(city, HARBOUR, raw_request(city))
    assert reason == "payments.request_debtor_agent_off"


async def test_one_name_and_one_uetr_stand_for_one_request(city: PaymentsCity) -> None:
    asked = raw_request(city)
    assert (await post(city, HARBOUR, asked)).status == 202
    assert (await post(city, HARBOUR, asked)).status == 202
    for changes in ({"amount": Money(10_00, "HKD")}, {"request_id": "BILL-2"}):
        changed = msgspec.structs.replace(asked, **changes)
        assert await refusal(city, HARBOUR, changed) == "payments.request_reused"


async def test_only_the_asked_bank_answers_with_what_it_was_asked(city: PaymentsCity) -> None:
    await ask(city, "9.43")
    await join_third_bank(city)
    yes = await answer_to(city)
    for bank in (HARBOUR, "bank-third"):
        assert await refusal(city, bank, yes) == "payments.request_unknown"
    for changes, reason in (
        ({"original_message_id": "guessed"}, "payments.request_original_differs"),
        ({"uetr": uetr_of("x")}, "payments.request_original_differs"),
        ({"accepted_amount": Money(9_44, "HKD")}, "payments.request_amount_differs"),
        ({"accepted_amount": Money(9_43, "CNY")}, "payments.request_amount_differs"),
        ({"status": "ACSC", "accepted_amount": None}, "payments.request_status_wrong"),
    ):
        assert await refusal(city, LANTAU, await answer_to(city, **changes)) == reason
    assert (await post(city, LANTAU, yes)).status == 202
    assert (await post(city, LANTAU, yes)).status == 202
    no = await answer_to(city, status="RJCT", accepted_amount=None, reason_code="MS02")
    assert await refusal(city, LANTAU, no) == "payments.request_over"
    assert (await shown(city))["state"] == "accepted"


async def test_a_late_answer_is_refused(city: PaymentsCity) -> None:
    await ask(city, "9.43")
    city.pass_business_time(days=1, seconds=1)
    assert await refusal(city, LANTAU, await answer_to(city)) == "payments.request_over"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_id": "f" * 32}, "IRNR"),
        ({"amount": Money(9_44, "HKD")}, "AM09"),
        ({"creditor": msgspec.structs.replace(FIRM, account="307-000009")}, "AC03"),
    ],
    ids=["unknown", "amount", "creditor"],
)
async def test_a_transfer_beside_its_request_is_rejected(
    city: PaymentsCity, changes: dict[str, Any], reason: str
) -> None:
    await ask(city, "9.43")
    [asked] = await files(city, LANTAU)
    named = {"request_id": asked["id"], "amount": Money(9_43, "HKD"), **changes}
    made = transfer(city, **named)
    assert (await post(city, LANTAU, made)).status == 202
    payment = await payment_of(city, made.uetr)
    assert (payment.state, payment.reason_code) == ("rejected", reason)
    assert (await shown(city))["state"] == "asked"


async def test_a_third_bank_neither_pays_nor_sees_nor_withdraws(city: PaymentsCity) -> None:
    await ask(city, "9.43")
    await join_third_bank(city)
    [asked] = await files(city, LANTAU)
    for name in ("BILL-1", asked["id"]):
        exchange = await city.call(
            "bank-third", f"/payments/v1/requests/{name}", b"", method="GET"
        )
        assert exchange.reply.status == 404
    debtor = PartyAccount(name="Third", account="777-1", member="777")
    made = transfer(city, request_id=asked["id"], amount=Money(9_43, "HKD"), debtor=debtor)
    assert (await post(city, "bank-third", made)).status == 202
    assert (await payment_of(city, made.uetr)).reason_code == "IRNR"
    withdrawn = CancellationRequest(
        recall_id="W-1", original_message_id="x", original_definition="pain.013.001.07",
        end_to_end_id="BILL-1", transaction_id="BILL-1", uetr=uetr_of("x"),
        amount=Money(9_43, "HKD"), reason_code="CUST",
    )
    assert await refusal(city, "bank-third", withdrawn) == "payments.request_unknown"
    assert await refusal(city, HARBOUR, withdrawn) == "payments.request_original_differs"
    assert (await shown(city))["state"] == "asked"
