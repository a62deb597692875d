"""Everything that the switch has said on the wire is valid, by two validators.

Debits, requests, recalls and transfers check their own messages; here are those of the rooms that
speak beside a payment: liquidity, alerts, refusals, statements, answers to files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.payments.api import LEDGER_OF_CURRENCY
from lionrock.payments.domain.iso20022 import DEFINITIONS
from tests.http.payments.test_files import carry_out, upload
from tests.unit.payments.batch import credit_file
from tests.unit.payments.city import HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.official import problems
from tests.unit.payments.samples import OfficialSchemas
from tests.unit.payments.treasury import begin, call, end_day, endow, move, pay, send


@pytest.fixture
def business(business_clock: FrozenClock) -> FrozenClock:
    """The business clock, to move."""
    return business_clock


async def said(city: PaymentsCity) -> list[tuple[str, bytes]]:
    """Every message that the switch has stored, sent or taken: (definition, HTTP body)."""
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT DISTINCT payment_id, subject_id FROM payments.messages"
    ))
    found = []
    for row in rows:
        if row["payment_id"]:
            found += await city.messages(row["payment_id"])
        elif row["subject_id"]:
            found += await city.subject_messages(row["subject_id"])
    return found


async def test_messages_about_liquidity_and_payments_are_valid_by_both_validators(
    city: PaymentsCity, shared: Path
) -> None:
    await begin(city)
    await endow(city)
    status, _ = await call(city, "PUT", "thresholds", {
        "currency": "HKD", "low": "5000.00", "clear": "6000.00"
    })
    assert status == 200
    await send(city, move("in", 1_000_00))
    await send(city, move("out", 9_000_000_00, number=2), "m2")
    await pay(city, 1_00, 1)
    await pay(city, 9_04, 2)
    await city.pass_seconds(30, step=5)
    official, seen = OfficialSchemas(shared), set()
    for definition, raw in await said(city):
        assert official.problems(raw, definition) == []
        seen.add(definition)
    told = {"pacs.009.001.08", "pacs.008.001.08", "pacs.002.001.10", "admi.004.001.02"}
    assert told <= seen, seen
    assert seen <= set(DEFINITIONS)


async def test_a_refusal_of_an_unreadable_message_is_valid_by_both_validators(
    city: PaymentsCity, shared: Path
) -> None:
    exchange = await city.call(HARBOUR, "/payments/v1/messages", b"<Envelope/>")
    assert exchange.reply.status == 400
    assert OfficialSchemas(shared).problems(exchange.reply.body, "admi.002.001.01") == []


async def test_statements_and_notifications_are_valid_by_both_validators(
    city: PaymentsCity, business: FrozenClock, shared: Path
) -> None:
    await begin(city)
    payment = await pay(city, 12_34, 1)
    await end_day(city, business)
    for currency in LEDGER_OF_CURRENCY:
        _status, listed = await call(city, "GET", f"statements?currency={currency}")
        for each in listed["statements"]:
            path = f"/payments/v1/settlement/statements/{each['id']}?format=camt.053"
            exchange = await city.call(HARBOUR, path, b"", method="GET")
            assert problems(shared, "camt.053.001.08", exchange.reply.body) == []
    path = f"/payments/v1/settlement/notifications/{payment.id}"
    exchange = await city.call(HARBOUR, path, b"", method="GET")
    assert problems(shared, "camt.054.001.08", exchange.reply.body) == []


@pytest.mark.parametrize("amounts", [[1_00, 9_04], []])
async def test_answers_to_files_are_valid_by_both_validators(
    city: PaymentsCity, shared: Path, amounts: list[int]
) -> None:
    raw = credit_file(amounts) if amounts else b"<nothing/>"
    shown = await carry_out(city, await upload(city, raw))
    parts = []
    for number in range(shown["answer_parts"]):
        exchange = await city.call(
            LANTAU, f"/payments/v1/files/{shown['id']}/answer/{number}", b"", method="GET"
        )
        parts.append(exchange.reply.body)
    assert problems(shared, "pain.002.001.10", b"".join(parts)) == []
