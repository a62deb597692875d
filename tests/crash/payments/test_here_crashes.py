"""A front that dies at any step boundary while it drives payments itself: each ends exactly once.

Banks' customers pay through the switch; the front takes the messages, holds, asks, posts and tells
(service/driving.py), all in tasks of its own, and no worker runs. Each crossing of a transaction,
statement, ledger call or HTTP call, on either side, is a place to die for both sides at once. Then
a worker goes on with what the jobs say.
"""

from __future__ import annotations

import asyncio

from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money
from tests.http.payments.test_transfers import pay, statement
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, PaymentsCity
from tests.unit.payments.faults import Killed, Tripwire

FUNDED_MINOR, OPENING_MINOR = 3_000_00, 1_000_00
AMOUNTS = ("1.00", "1.01", "9.04")
PAID_MINOR = 2_01
PLACES_BETWEEN = 2
PLACES_MAX = 200
TURNS_MAX = 300

_LEFT = (
    "SELECT count(*) FILTER (WHERE p.state NOT IN ('settled', 'rejected'))"
    " + (SELECT count(*) FROM kernel.jobs WHERE queue LIKE 'payments.d%') FROM payments.payments p"
)


async def left(city: PaymentsCity) -> int:
    """Payments and jobs that have not ended."""
    return int(await city.kernel.database.read(lambda db: db.fetchval(_LEFT)))


async def work_until_done_or_dead(city: PaymentsCity, wire: Tripwire) -> None:
    """The banks work, and the front's own loop drives; no worker of the platform runs."""
    front = asyncio.create_task(city.payments.here.run_for_ever())
    try:
        for _ in range(TURNS_MAX):
            await city.world.worker.run_due()
            if wire.is_dead or await left(city) == 0:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("neither done nor dead")
    except Killed:
        return
    finally:
        front.cancel()
        await asyncio.gather(front, return_exceptions=True)


async def test_dying_anywhere_where_payments_are_driven_by_who_took_them(
    mortal_city: PaymentsCity, wire: Tripwire
) -> None:
    city, paid_minor, is_dead = mortal_city, 0, True
    for at in range(0, PLACES_MAX, PLACES_BETWEEN):
        wire.arm(at, is_lasting=True)
        taken = await asyncio.gather(
            *(pay(city, amount=amount, end_to_end_id=f"H-{at}-{amount}") for amount in AMOUNTS),
            return_exceptions=True,
        )
        if not wire.is_dead:
            await work_until_done_or_dead(city, wire)
        is_dead = wire.is_dead
        wire.arm(None)
        # Nothing is left to chance: the jobs of both sides carry on.
        await city.pass_seconds(2 * CLAIM_MS / 1000 + 1, step=3.7)
        assert await left(city) == 0, at
        if all(not isinstance(each, BaseException) for each in taken):
            paid_minor += PAID_MINOR
        else:
            # The counter died before it took all of them: what it did take was paid.
            paid_minor = await credited(city)
        books = [await city.available(await city.settlement_id(bank)) for bank in (LANTAU, HARBOUR)]
        assert books == [FUNDED_MINOR - paid_minor, FUNDED_MINOR + paid_minor], at
        balance, _ = await statement(city, HARBOUR, FIRM_ACCOUNT)
        assert balance == Money(OPENING_MINOR + paid_minor, "HKD").wire(), at
        if not is_dead:
            break
    assert not is_dead, "more places to die than were tried"
    # Of each payment one message asks and one tells each side, whoever died when.
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT p.id, count(*) FILTER (WHERE m.is_outcome) AS told, count(*) FILTER ("
        " WHERE m.definition = 'pacs.008.001.08') AS asked, count(*) FILTER (WHERE m.is_outcome"
        " AND m.id IN (SELECT message_id FROM payments.deliveries)) AS taken"
        " FROM payments.payments p JOIN payments.messages m ON m.payment_id = p.id"
        " WHERE m.direction = 'out' GROUP BY p.id"))
    assert {(row["told"], row["asked"], row["taken"]) for row in rows} == {(2, 1, 2)}


async def credited(city: PaymentsCity) -> int:
    """What the switch's payments that settled come to, in minor units."""
    return int(await city.kernel.database.read(lambda db: db.fetchval(
        "SELECT coalesce(sum(amount_minor), 0) FROM payments.payments WHERE state = 'settled'")))
