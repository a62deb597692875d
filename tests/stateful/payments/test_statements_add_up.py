"""Whatever happens around a cut, statements add up, follow one another, and nothing differs.

Seeded random days: payments (some refused, some slow), liquidity in and out, with the cut begun
while they are under way.
"""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money, format_minor
from lionrock.payments.domain.payments import settlement_date_of
from lionrock.payments.settlement.domain import Statement
from tests.conftest import SEED
from tests.crash.payments.test_payout_crashes import run_and_die
from tests.unit.payments.city import (
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
)
from tests.unit.payments.faults import (
    Tripwire,
)
from tests.unit.payments.treasury import endow, reconciled, settle_slowly

BANKS = (HARBOUR, LANTAU)
MAGIC_MINOR = (9_04, 9_12, 9_14)


async def act(city: PaymentsCity, chance: random.Random, number: int) -> None:
    """One thing that happens: a payment from the budget, a bank's own, or liquidity."""
    amount_minor = chance.choice([chance.randint(1, 90_00), *MAGIC_MINOR])
    what = chance.randrange(4)
    if what < 2:
        await city.initiate(city.order(
            Money(amount_minor, "HKD"), end_to_end_id=f"PAYOUT-{number}"
        ))
        return
    path = "/operator/liquidity"
    body: dict[str, str] = {
        "direction": chance.choice(["in", "out"]), "currency": chance.choice(["HKD", "CNY"]),
    }
    bank = chance.choice(BANKS)
    if what == 3:
        bank, path = LANTAU, "/operator/transfers"
        body = {
            "account": TEA_ACCOUNT, "currency": "HKD", "end_to_end_id": f"T-{number}",
            "proxy_kind": "mobile", "proxy": "51230001",
        }
    await send(city, bank, path, {**body, "amount": format_minor(amount_minor, "HKD")})


async def send(city: PaymentsCity, bank: str, path: str, body: dict[str, str]) -> None:
    """Ask a simulated bank to do something."""
    await city.world.context.network.send(
        "POST", f"{WORLD}/{bank}{path}", {"content-type": "application/json"},
        msgspec.json.encode(body),
    )


async def begin_cut(city: PaymentsCity) -> None:
    """Begin the cut of today, as midnight would."""
    today = settlement_date_of(city.kernel.business_clock.now())

    async def use_case(db: Connection) -> None:
        cut = await city.payments.settlement.cuts.begin(db, today)
        assert cut is not None, "the one before is made"

    await city.kernel.database.run(use_case)


async def check_statements(city: PaymentsCity) -> int:
    """Every issued statement adds up and opens where the one before closed; returns entries."""
    entries = 0
    for bank in BANKS:
        for currency in ("HKD", "CNY"):
            opening = 0
            for statement in reversed(await statements_of(city, bank, currency)):
                assert statement.adds_up, statement
                assert statement.opening_minor == opening, statement
                opening = statement.closing_minor
                entries += statement.credit_count + statement.debit_count
    return entries


async def statements_of(city: PaymentsCity, bank: str, currency: str) -> list[Statement]:
    """A bank's issued statements, newest first."""

    async def use_case(db: Connection) -> list[Statement]:
        owner = await city.payments.participant(db, bank)
        assert owner is not None
        return await city.payments.settlement.statements(db, owner, currency)

    return await city.kernel.database.read(use_case)


async def days(
    city: PaymentsCity, business: FrozenClock, chance: random.Random, count: int
) -> None:
    """Some days, each with its cut in the middle of things."""
    for bank in BANKS:
        await endow(city, bank)
        await endow(city, bank, "CNY")
    number = 0
    for _ in range(count):
        for _ in range(chance.randint(3, 8)):
            number += 1
            await act(city, chance, number)
            if chance.random() < 0.5:
                await city.platform_worker.run_due()
        await begin_cut(city)
        for _ in range(3):
            number += 1
            await act(city, chance, number)
            await city.platform_worker.run_due()
            await city.world.worker.run_due()
        await settle_slowly(city)
        today = settlement_date_of(business.now())
        for currency in ("HKD", "CNY"):
            made = await reconciled(city, today, currency)
            assert made.differences == (), (SEED, made)
        business.advance(seconds=timedelta(days=1).total_seconds())
    assert await check_statements(city) > 2 * count, SEED


async def test_random_days_make_statements_that_add_up(
    city: PaymentsCity, business_clock: FrozenClock
) -> None:
    await days(city, business_clock, random.Random(SEED), 2)


@pytest.mark.slow
async def test_many_random_days_make_statements_that_add_up(
    city: PaymentsCity, business_clock: FrozenClock
) -> None:
    await days(city, business_clock, random.Random(SEED + 1), 12)


async def test_dying_at_any_crossing_of_a_cut_leaves_one_cut_that_agrees(
    mortal_platform: PaymentsCity, wire: Tripwire, business_clock: FrozenClock
) -> None:
    city, at, died = mortal_platform, 0, True
    await endow(city)
    while died:
        await city.initiate(city.order(Money(1_00 + at, "HKD"), end_to_end_id=f"PAYOUT-{at}"))
        await send(city, HARBOUR, "/operator/liquidity",
                   {"direction": "in", "amount": "1.00", "currency": "HKD"})
        await city.settle()
        await begin_cut(city)
        died = await run_and_die(city, wire, at)
        await city.pass_seconds(CLAIM_MS / 1000 + 1, step=3.7)
        await settle_slowly(city)
        made = await reconciled(city, settlement_date_of(business_clock.now()))
        assert made.differences == (), at
        business_clock.advance(seconds=timedelta(days=1).total_seconds())
        at += 3
    assert at > 15, "fewer places to die than a cut has"
    await check_statements(city)
