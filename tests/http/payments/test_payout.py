"""A payout through the switch, end to end, over real HTTP messages between platform and bank."""

from __future__ import annotations

from pathlib import Path

from lionrock.kernel.money import Money
from lionrock.payments.api import Envelope, envelope_schema, read_envelope
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, PaymentsCity
from tests.unit.payments.samples import OfficialSchemas


async def test_a_payout_reaches_the_firms_account_and_settles_once(
    city: PaymentsCity, shared: Path
) -> None:
    payment = await city.initiate(city.order())
    await city.settle()
    payment = await city.load(payment.id)
    assert payment.state == "settled"
    assert await city.available(city.budget_id) == 900_000_00
    settlement = await city.settlement_id(HARBOUR)
    assert await city.available(settlement) == 100_000_00 + 3_000_00
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
    assert Money(1, "HKD").wire() == "0.01"
