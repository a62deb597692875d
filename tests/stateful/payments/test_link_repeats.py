"""Events and jobs come more than once and side by side: a link, a fee and a refund happen once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lionrock.kernel.jobs import Job
from lionrock.kernel.money import Money
from lionrock.payments.api import SETTLED_TOPIC, subscriptions
from lionrock.payments.links.service.desk import ENDED_QUEUE
from lionrock.payments.links.service.links import CALLBACK_QUEUE, EXPIRY_QUEUE
from tests.unit.payments.city import FIRM_PHONE, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.payees import OFFICE, Till, open_till

REPEATS = 5


@pytest.fixture
async def till(city: PaymentsCity) -> Till:
    opened = await open_till(city)
    refunds = city.payments.links.refunds
    await refunds.open_account(OFFICE, "HKD")
    await refunds.fund(f"fnd_{99:032x}", OFFICE, Money(500_00, "HKD"))
    return opened


async def count(till: Till, table: str) -> int:
    """How many rows there are."""
    found: int = await till.city.kernel.database.read(
        lambda db: db.fetchval(f"SELECT count(*) FROM {table}")
    )
    return found


async def repeat_ends(till: Till) -> int:
    """Deliver every event again, and follow every payment's end again, several times at once.

    Returns how many ends there were.
    """
    subscribed = subscriptions(till.city.payments)
    follow = till.city.payments.links.handlers()[ENDED_QUEUE]
    rows = await till.city.kernel.database.read(lambda db: db.fetch(
        "SELECT id FROM payments.payments WHERE state IN ('settled', 'rejected')"))
    again = [
        lambda event=event, handler=handler: handler(event)
        for event in list(till.city.events) for handler in subscribed.get(event.topic, ())
    ] + [lambda key=row["id"]: follow(job(ENDED_QUEUE, key)) for row in rows]
    await asyncio.gather(*(each() for each in again for _ in range(REPEATS)))
    await till.city.settle()
    return len(rows)


def job(queue: str, key: str) -> Job:
    return Job(queue=queue, key=key, payload={}, attempt=1)


async def test_a_repeated_settlement_pays_a_fee_once_and_a_refund_once(till: Till) -> None:
    _, fee = await till.ask("/payments/v1/intents", {
        "reference": "L-1", "service": "licence", "amount": "250.00", "due_on": "2026-02-28",
        "titles": {"en": "Licence", "zh-Hant": "牌照", "zh-Hans": "牌照"},
        "proxy_kind": "mobile", "proxy": FIRM_PHONE,
        "callback_url": f"{till.payee.address}/payments/v1/link-results",
    })
    assert (await till.pay(fee))[0] == 202
    await till.city.settle()
    await till.ask(f"/payments/v1/intents/{fee['id']}/refunds", {
        "reference": "R-1", "amount": "50.00", "reason": "x", "officer": "chan",
    })
    await till.city.settle()
    assert till.city.topics().count(SETTLED_TOPIC) == 1, "the refund has a reference of ours"
    receipts = await count(till, "evidence.receipts")
    assert await repeat_ends(till) == 2
    assert await count(till, "evidence.receipts") == receipts
    assert await count(till, "payments.fee_collections") == 1
    [result] = await till.results()
    assert result["times"] == 1
    _, shown = await till.ask(f"/payments/v1/intents/{fee['id']}")
    assert [each["state"] for each in shown["refunds"]] == ["paid"]
    tea = await till.city.statement(LANTAU, TEA_ACCOUNT)
    assert tea["balances"]["HKD"] == "4800.00"


async def test_callbacks_and_expiry_that_run_again_change_nothing(till: Till) -> None:
    link = await till.link()
    await till.pay(link)
    await till.city.settle()
    desk = till.city.payments.links
    handlers: Any = desk.handlers()
    await asyncio.gather(*(
        handlers[queue](job(queue, link["id"]))
        for queue in (CALLBACK_QUEUE, EXPIRY_QUEUE) for _ in range(REPEATS)
    ))
    assert await till.state(link) == "paid"
    [result] = await till.results()
    assert result["times"] == 1


async def test_expiry_and_a_payment_at_the_same_moment_have_one_outcome(till: Till) -> None:
    link = await till.link(life_s=60)
    assert (await till.pay(link))[0] == 202
    till.city.kernel.business_clock.advance(seconds=60)  # type: ignore[attr-defined]  # frozen
    await till.city.settle()
    state = await till.state(link)
    tea = await till.city.statement(LANTAU, TEA_ACCOUNT)
    # Claimed before it expired: paid. Else the money is back.
    assert (state, tea["balances"]["HKD"]) in {("paid", "4911.20"), ("expired", "5000.00")}
    [result] = await till.results()
    assert result["state"] == state
