"""Several workers that drive the same payments at the same time pay each of them once."""

from __future__ import annotations

import asyncio

from lionrock.kernel.jobs import Job
from lionrock.kernel.money import Money
from lionrock.payments.service.switch import DRIVE_QUEUE
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, PaymentsCity

PAYMENTS = 6
WORKERS = 4


async def test_workers_that_drive_one_payment_at_once_do_not_disturb_each_other(
    city: PaymentsCity,
) -> None:
    ids = [
        (await city.initiate(city.order(Money(10_00, "HKD"), end_to_end_id=f"P{number}"))).id
        for number in range(PAYMENTS)
    ]
    jobs = [
        Job(queue=DRIVE_QUEUE, key=payment_id, payload={}, attempt=1)
        for payment_id in ids for _ in range(WORKERS)
    ]
    # No worker may meet an error: the loser of each race sees what the winner did.
    await asyncio.gather(*(city.payments.switch.drive(job) for job in jobs))
    await city.settle()
    await asyncio.gather(*(city.payments.switch.drive(job) for job in jobs))
    await city.settle()
    for payment_id in ids:
        assert (await city.load(payment_id)).state == "settled"
        kinds = [kind for kind, _ in await city.messages(payment_id)]
        assert kinds == ["pacs.008.001.08", "pacs.002.001.10", "pacs.002.001.10"]
    assert await city.available(city.budget_id) == 1_000_000_00 - PAYMENTS * 10_00
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"] == {"HKD": "1060.00"}
    assert len(city.events) == PAYMENTS


async def test_orders_taken_at_once_under_one_name_are_one_payment(city: PaymentsCity) -> None:
    taken = await asyncio.gather(*(city.initiate(city.order()) for _ in range(WORKERS)))
    assert len({payment.id for payment in taken}) == 1
    await city.settle()
    assert await city.available(city.budget_id) == 1_000_000_00 - 100_000_00
