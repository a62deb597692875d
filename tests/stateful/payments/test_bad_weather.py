"""Many payments both ways while the network loses and repeats, the ledger's answers vanish and
processes die: in the end every book agrees with every other. Seeds are test ids.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Database
from lionrock.kernel.keys import KeyStore
from lionrock.kernel.money import Money
from lionrock.kernel.network import Unreachable
from lionrock.ledger.client import in_process
from lionrock.sandbox.world.bank_magic import MAGIC_AMOUNTS
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    WORLD,
    PaymentsCity,
    build_city,
    world_context,
)
from tests.unit.payments.faults import (
    Killed,
    TrippingDatabase,
    TrippingLedger,
    TrippingNetwork,
    Tripwire,
)

SEEDS = (1, 2, 3, 4)
ROUNDS = 40
BUDGET_MINOR = 1_000_000_00
FUNDED_MINOR = 3_000_00


@dataclasses.dataclass(kw_only=True)
class Weather:
    """A city and what may befall it."""

    city: PaymentsCity
    wire: Tripwire
    chance: random.Random
    networks: list[TrippingNetwork]
    ledger: TrippingLedger

    def clear(self) -> None:
        """Nothing befalls it from now on."""
        self.wire.arm(None)
        for network in self.networks:
            network.heal()
        self.ledger.heal()

    async def work(self) -> None:
        """Some work; one time in four somebody dies in it."""
        self.wire.arm(self.chance.randrange(60) if self.chance.random() < 0.25 else None)
        try:
            await self.city.settle()
        except Killed:
            self.city.clock.advance(seconds=11)
        self.wire.arm(None)


@pytest.fixture(params=SEEDS)
async def weather(
    request: pytest.FixtureRequest, kernel: Kernel, wire_clock: FrozenClock,
    world_database: Database, tmp_path: Path,
) -> AsyncIterator[Weather]:
    """A city in bad weather."""
    chance, wire = random.Random(request.param), Tripwire()
    # Good weather while the city is built; it is made bad afterwards.
    networks = [TrippingNetwork(wire, "platform"), TrippingNetwork(wire, "bank")]
    mortal = dataclasses.replace(
        kernel, database=TrippingDatabase(kernel.database, wire, "platform"), network=networks[0]
    )
    keys = KeyStore(tmp_path / "world-keys", "world", scrypt_cost=2**4)
    context = world_context(
        mortal, wire_clock, TrippingDatabase(world_database, wire, "bank"), keys, networks[1]
    )
    async with in_process(kernel.database, kernel.business_clock) as inner:
        ledger = TrippingLedger(inner, wire)
        city = await build_city(mortal, wire_clock, ledger, context)
        for network in networks:
            network._chance = chance
        ledger._chance = chance
        yield Weather(city=city, wire=wire, chance=chance, networks=networks, ledger=ledger)
    for network in networks:
        await network.close()


async def pay_out(weather: Weather, number: int) -> None:
    """The platform pays the firm, sometimes a magic amount, sometimes an order repeated."""
    amount = weather.chance.choice([*MAGIC_AMOUNTS, weather.chance.randrange(1, 500_00)])
    order = weather.city.order(Money(amount, "HKD"), end_to_end_id=f"P{number}")
    for _ in range(weather.chance.randint(1, 2)):
        await weather.city.initiate(order)


async def transfer(weather: Weather, number: int) -> None:
    """The tea house pays the firm, or the firm pays the tea house."""
    city, chance = weather.city, weather.chance
    is_tea = chance.random() < 0.5
    amount = chance.choice([*MAGIC_AMOUNTS, chance.randrange(1, 400_00)])
    body = {
        "account": TEA_ACCOUNT if is_tea else FIRM_ACCOUNT, "currency": "HKD",
        "amount": Money(amount, "HKD").wire(), "end_to_end_id": f"T{number}",
        "creditor_clearing_code": "307" if is_tea else "512",
        "creditor_account": FIRM_ACCOUNT if is_tea else TEA_ACCOUNT, "creditor_name": "Payee",
    }
    try:
        await city.world.context.network.send(
            "POST", f"{WORLD}/{LANTAU if is_tea else HARBOUR}/operator/transfers",
            {"content-type": "application/json"}, msgspec.json.encode(body),
        )
    except Unreachable:
        return


async def test_in_any_weather_all_books_agree_in_the_end(weather: Weather) -> None:
    city = weather.city
    for number in range(ROUNDS):
        await (pay_out if weather.chance.random() < 0.5 else transfer)(weather, number)
        await weather.work()
        city.clock.advance(seconds=weather.chance.choice([0, 1, 3, 8]))
    weather.clear()
    await city.pass_seconds(400, step=8)
    payments = await load_all(city)
    books = {
        HARBOUR: await city.statement(HARBOUR, FIRM_ACCOUNT),
        LANTAU: await city.statement(LANTAU, TEA_ACCOUNT),
    }
    assert len(payments) > ROUNDS // 3
    check_outcomes(payments, books)
    check_balances(books)
    await check_ledger(city, payments)
    # A payment between banks is an event for nobody.
    paid_out = {p["id"] for p in payments if p["reference"]}
    assert paid_out and {e.payload["payment_id"] for e in city.events} == paid_out
    assert len({event.id for event in city.events}) == len(paid_out)


async def load_all(city: PaymentsCity) -> list[dict[str, Any]]:
    """All payments as rows."""
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT id, state, uetr, amount_minor, reference, debtor_organisation_id,"
        " creditor_organisation_id FROM payments.payments"
    ))
    return [dict(row) for row in rows]


def check_outcomes(payments: list[dict[str, Any]], books: dict[str, Any]) -> None:
    """Settled means credited and debited; rejected means neither."""
    entries = {
        (bank_id, entry["uetr"]): entry["status"]
        for bank_id, book in books.items() for entry in book["entries"]
    }
    seen = set()
    for payment in payments:
        uetr, is_settled = payment["uetr"], payment["state"] == "settled"
        assert payment["state"] in {"settled", "rejected"}, payment
        debtor = payment["debtor_organisation_id"]
        if debtor:
            assert entries[(debtor, uetr)] == ("paid" if is_settled else "returned"), payment
            seen.add((debtor, uetr))
        creditor = (payment["creditor_organisation_id"], uetr)
        status = entries.get(creditor)
        if is_settled:
            assert status == "confirmed", payment
        else:
            assert status in {None, "refused", "ignored", "reversed"}, (payment, status)
        seen.add(creditor)
    assert set(entries) <= seen, "a bank has an entry that the switch knows nothing of"


def check_balances(books: dict[str, Any]) -> None:
    """A balance is the opening balance and what stands."""
    opening = {HARBOUR: 1_000_00, LANTAU: 5_000_00}
    for bank_id, book in books.items():
        total = opening[bank_id]
        for entry in book["entries"]:
            amount = Money.parse(entry["amount"], "HKD").amount_minor
            if entry["direction"] == "in" and entry["status"] == "confirmed":
                total += amount
            if entry["direction"] == "out" and entry["status"] == "paid":
                total -= amount
        assert book["balances"]["HKD"] == Money(total, "HKD").wire()


async def check_ledger(city: PaymentsCity, payments: list[dict[str, Any]]) -> None:
    """The ledger holds nothing any more, and each account is what the payments say."""
    expected = {"": BUDGET_MINOR, HARBOUR: FUNDED_MINOR, LANTAU: FUNDED_MINOR}
    for payment in payments:
        if payment["state"] == "settled":
            expected[payment["debtor_organisation_id"]] -= payment["amount_minor"]
            expected[payment["creditor_organisation_id"]] += payment["amount_minor"]
    for name, amount_minor in expected.items():
        account_id = await city.settlement_id(name) if name else city.budget_id
        [account] = await city.ledger.lookup_accounts([account_id])
        assert account.debits_pending == account.credits_pending == 0
        assert account.credits_posted - account.debits_posted == amount_minor, name
