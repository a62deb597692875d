"""A payout through the switch, end to end, over real HTTP messages between platform and bank."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import Enrolment, Envelope, envelope_schema, read_envelope
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas

BUDGET_MINOR = 1_000_000_00
FUNDED_MINOR = 3_000_00
ANSWER_TIMEOUT_S = 20


async def test_a_payout_reaches_the_firms_account_and_settles_once(
    city: PaymentsCity, shared: Path
) -> None:
    payment = await city.initiate(city.order())
    await city.settle()
    payment = await city.load(payment.id)
    assert payment.state == "settled"
    assert await city.available(city.budget_id) == BUDGET_MINOR - 100_000_00
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR + 100_000_00
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"] == {"HKD": "101000.00"}
    assert [entry["status"] for entry in statement["entries"]] == ["confirmed"]
    assert [(e.topic, e.payload) for e in city.events] == [
        ("payments.payment_settled",
         {"payment_id": payment.id, "reference": "pyo_1", "reason_code": ""}),
    ]
    messages = await city.messages(payment.id)
    assert [kind for kind, _ in messages] == [
        "pacs.008.001.08", "pacs.002.001.10", "pacs.002.001.10",
    ]
    official = OfficialSchemas(shared)
    for kind, raw in messages:
        assert official.problems(raw, kind) == []
        assert isinstance(read_envelope(raw, envelope_schema()), Envelope)


async def test_every_step_and_message_left_a_receipt_under_the_orders_references(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order())
    await city.settle()
    receipts = await city.receipts()
    assert [receipt["kind"] for receipt in receipts] == [
        "payments.payment_accepted", "payments.payment_settled",
    ]
    named = {"payment_id": payment.id, "case_id": "cas_0192"}
    assert all(receipt["references"] == named for receipt in receipts)
    digests = {digest for receipt in receipts for digest in receipt["digests"].values()}
    for _, raw in await city.messages(payment.id):
        assert hashlib.sha256(raw).hexdigest() in digests


async def test_the_same_order_again_is_the_same_payment(city: PaymentsCity) -> None:
    first = await city.initiate(city.order())
    again = await city.initiate(city.order())
    await city.settle()
    third = await city.initiate(city.order())
    assert first.id == again.id == third.id
    await city.settle()
    assert await city.available(city.budget_id) == BUDGET_MINOR - 100_000_00
    assert len(city.events) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": Money(1, "HKD")}, "payments.order_reused"),
        ({"creditor_proxy": "51230002"}, "payments.order_reused"),
    ],
)
async def test_another_order_under_the_same_name_is_refused(
    city: PaymentsCity, change: dict[str, Any], code: str
) -> None:
    await city.initiate(city.order())
    assert await refusal(city, **change) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"creditor_proxy": "51239999"}, "payments.proxy_not_found"),
        ({"creditor_proxy": "what"}, "payments.proxy_malformed"),
        ({"creditor_proxy_kind": "email"}, "payments.proxy_malformed"),
        ({"amount": Money(1, "CNY")}, "payments.currency_not_taken"),
        ({"amount": Money(0, "HKD")}, "payments.amount_out_of_range"),
        ({"end_to_end_id": "x" * 36}, "payments.order_malformed"),
    ],
)
async def test_an_order_that_cannot_be_routed_is_refused_and_leaves_nothing(
    city: PaymentsCity, change: dict[str, Any], code: str
) -> None:
    assert await refusal(city, **change) == code
    await city.settle()
    assert await city.kernel.database.read(
        lambda db: db.fetchval("SELECT count(*) FROM payments.payments")
    ) == 0


async def refusal(city: PaymentsCity, **change: Any) -> str:
    """The code for which an order is refused."""
    order = city.order(**change)
    taken = await city.kernel.database.run(
        lambda db: city.payments.initiate_credit_transfer(db, order)
    )
    assert isinstance(taken, Refused), taken
    return str(taken.refusal.value)


async def test_an_amount_above_the_banks_limit_is_refused(city: PaymentsCity) -> None:
    await city.payments.enrol_participant(Enrolment(
        organisation_id=HARBOUR, clearing_code="307", payment_minor_max={"HKD": 500_00}
    ))
    assert await refusal(city, amount=Money(500_01, "HKD")) == "payments.amount_out_of_range"
    payment = await city.initiate(city.order(Money(500_00, "HKD")))
    await city.settle()
    assert (await city.load(payment.id)).state == "settled"


async def test_a_suspended_bank_gets_no_payments(city: PaymentsCity) -> None:
    from lionrock.directory.api import Status

    await city.kernel.database.run(
        lambda db: city.directory.set_status(db, HARBOUR, Status.SUSPENDED, operator="iris")
    )
    assert await refusal(city) == "payments.creditor_agent_offline"


async def test_more_than_the_budget_is_rejected_by_the_ledger(city: PaymentsCity) -> None:
    payment = await city.initiate(city.order(Money(BUDGET_MINOR + 1, "HKD")))
    await city.settle()
    payment = await city.load(payment.id)
    assert (payment.state, payment.reason_code) == ("rejected", "AM04")
    assert await city.messages(payment.id) == []
    assert await city.available(city.budget_id) == BUDGET_MINOR
    assert [event.payload["reason_code"] for event in city.events] == ["AM04"]


@pytest.mark.parametrize(
    ("amount_minor", "reason"), [(9_02, "AM02"), (9_04, "AC04"), (9_06, "AC06")]
)
async def test_a_banks_refusal_gives_the_money_back_with_its_reason(
    city: PaymentsCity, amount_minor: int, reason: str
) -> None:
    payment = await city.initiate(city.order(Money(amount_minor, "HKD")))
    await city.settle()
    payment = await city.load(payment.id)
    assert (payment.state, payment.reason_code) == ("rejected", reason)
    assert await city.available(city.budget_id) == BUDGET_MINOR
    assert await city.available(await city.settlement_id(HARBOUR)) == FUNDED_MINOR
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"] == {"HKD": "1000.00"}
    assert city.topics() == ["payments.payment_rejected"]


async def test_a_bank_that_refuses_the_message_unread_rejects_the_payment(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order(Money(9_15, "HKD")))
    await city.settle()
    payment = await city.load(payment.id)
    assert (payment.state, payment.reason_code) == ("rejected", "FF10")
    kinds = [kind for kind, _ in await city.messages(payment.id)]
    assert kinds == ["pacs.008.001.08", "admi.002.001.01", "pacs.002.001.10"]


async def test_a_silent_bank_ends_in_a_certain_rejection_after_the_time_out(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order(Money(9_10, "HKD")))
    await city.pass_seconds(ANSWER_TIMEOUT_S - 1)
    assert (await city.load(payment.id)).state == "sent"
    assert await city.available(city.budget_id) == BUDGET_MINOR - 9_10
    await city.pass_seconds(2)
    payment = await city.load(payment.id)
    assert (payment.state, payment.reason_code) == ("rejected", "AB05")
    assert await city.available(city.budget_id) == BUDGET_MINOR
    assert city.topics() == ["payments.payment_rejected"]


async def test_a_late_acceptance_changes_nothing_and_the_bank_takes_its_credit_back(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order(Money(9_11, "HKD")))
    await city.settle()
    assert (await city.statement(HARBOUR, FIRM_ACCOUNT))["balances"] == {"HKD": "1009.11"}
    await city.pass_seconds(ANSWER_TIMEOUT_S + 2)
    assert (await city.load(payment.id)).reason_code == "AB05"
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert (statement["balances"], statement["entries"][0]["status"]) == (
        {"HKD": "1000.00"}, "reversed",
    )
    await city.pass_seconds(90, step=5)
    payment = await city.load(payment.id)
    assert payment.state == "rejected"
    kinds = [kind for kind, _ in await city.messages(payment.id)]
    # The late report is kept; the one notice about the outcome was delivered again for it.
    assert kinds == ["pacs.008.001.08", "pacs.002.001.10", "pacs.002.001.10"]
    assert (await city.statement(HARBOUR, FIRM_ACCOUNT))["balances"] == {"HKD": "1000.00"}
    assert len(city.events) == 1


async def test_an_answer_given_twice_settles_once(city: PaymentsCity) -> None:
    payment = await city.initiate(city.order(Money(9_12, "HKD")))
    await city.pass_seconds(5)
    assert (await city.load(payment.id)).state == "settled"
    assert await city.available(city.budget_id) == BUDGET_MINOR - 9_12
    assert len(city.events) == 1


async def test_a_bank_that_contradicts_itself_is_held_to_its_first_word(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order(Money(9_13, "HKD")))
    await city.pass_seconds(5)
    assert (await city.load(payment.id)).state == "settled"
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["entries"][0]["status"] == "confirmed"
    assert len(city.events) == 1


async def test_a_busy_bank_gets_the_same_message_again(city: PaymentsCity) -> None:
    payment = await city.initiate(city.order(Money(9_14, "HKD")))
    await city.settle()
    assert (await city.load(payment.id)).state == "sent"
    await city.pass_seconds(3)
    assert (await city.load(payment.id)).state == "settled"
    sent = [kind for kind, _ in await city.messages(payment.id) if kind == "pacs.008.001.08"]
    assert len(sent) == 1


async def test_a_bank_that_is_down_and_comes_back_in_time_is_paid(city: PaymentsCity) -> None:
    application = city.kernel.network.applications.pop("http://world.test")
    city.kernel.network.applications["http://world.test"] = _down
    payment = await city.initiate(city.order())
    await city.pass_seconds(6)
    assert (await city.load(payment.id)).state == "sent"
    city.kernel.network.applications["http://world.test"] = application
    await city.pass_seconds(3)
    assert (await city.load(payment.id)).state == "settled"
    assert (await city.statement(HARBOUR, FIRM_ACCOUNT))["balances"] == {"HKD": "101000.00"}


async def test_a_bank_that_stays_down_gets_the_outcome_when_it_is_back(
    city: PaymentsCity,
) -> None:
    application = city.kernel.network.applications.pop("http://world.test")
    city.kernel.network.applications["http://world.test"] = _down
    payment = await city.initiate(city.order())
    await city.pass_seconds(30)
    assert (await city.load(payment.id)).reason_code == "AB05"
    assert await city.available(city.budget_id) == BUDGET_MINOR
    city.kernel.network.applications["http://world.test"] = application
    await city.pass_seconds(120, step=10)
    rows = await city.kernel.database.read(
        lambda db: city.payments.message_rows(db, payment.id)
    )
    notice = [row for row in rows if row.definition == "pacs.002.001.10"]
    assert [row.delivered_at is not None for row in notice] == [True]
    assert (await city.statement(HARBOUR, FIRM_ACCOUNT))["balances"] == {"HKD": "1000.00"}


async def _down(scope: Any, receive: Any, send: Any) -> None:
    """An application that is there and answers with an error."""
    await send({"type": "http.response.start", "status": 502, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_late_answer_makes_the_switch_tell_the_outcome_again(
    city: PaymentsCity,
) -> None:
    payment = await city.initiate(city.order(Money(9_11, "HKD")))
    await city.pass_seconds(ANSWER_TIMEOUT_S + 2)

    async def deliveries() -> int:
        return int(await city.kernel.database.read(lambda db: db.fetchval(
            "SELECT count(*) FROM kernel.jobs WHERE queue = 'payments.deliver'"
        )))

    assert await deliveries() == 0
    city.clock.advance(seconds=90)
    await city.world.worker.run_due()
    kinds = [kind for kind, _ in await city.messages(payment.id)]
    assert kinds.count("pacs.002.001.10") == 2
    assert await deliveries() == 1
