"""A participant's treasury for tests: liquidity, ends of days, what was reconciled."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    Envelope,
    Header,
    LiquidityTransfer,
    start,
)
from lionrock.payments.settlement.store.statements import Reconciliation
from tests.unit.payments.city import HARBOUR, WORLD, PaymentsCity

QUEUES = (
    "payments.cut", "payments.statement", "payments.reconcile", "payments.liquidity",
)
ROUNDS_MIN, ROUNDS_MAX = 5, 400
CENTRAL_MINOR = 50_000_00
FUNDED_MINOR = 3_000_00
UETR = "6f1c2a3b-0d4e-4f5a-8b6c-7d8e9f0a1b{:02x}"


async def endow(city: PaymentsCity, bank_id: str = HARBOUR, currency: str = "HKD") -> None:
    """Put money on a bank's central account."""
    done = await city.payments.settlement.central.credit(
        city.kernel.ids.new("crd"), bank_id, Money(CENTRAL_MINOR, currency)
    )
    assert not isinstance(done, Refused), done


def move(
    direction: Any, amount_minor: int, number: int = 1, **changes: Any
) -> LiquidityTransfer:
    """A liquidity transfer of Harbour's."""
    transfer = LiquidityTransfer(
        settlement_date=date(2026, 2, 20), end_to_end_id=f"LIQ-{number}",
        transaction_id=f"liq{number}", uetr=UETR.format(number),
        amount=Money(amount_minor, "HKD"), member="307", direction=direction,
    )
    return msgspec.structs.replace(transfer, **changes)


async def send(city: PaymentsCity, transfer: LiquidityTransfer, message_id: str = "m1") -> Any:
    """Send it as Harbour and let it be driven; returns the reply."""
    header = Header(
        from_member="307", to_member="LRSWITCH", message_id=message_id,
        created_at=datetime(2026, 2, 20, 9, tzinfo=UTC),
    )
    exchange = await city.post_message(HARBOUR, Envelope(header, transfer))
    await city.settle()
    return exchange.reply


async def transfer_of(city: PaymentsCity, transaction_id: str, bank_id: str = HARBOUR) -> Any:
    """A liquidity transfer as its participant reads it over HTTP."""
    path = f"/payments/v1/settlement/liquidity/{transaction_id}"
    exchange = await city.call(bank_id, path, b"", method="GET")
    return msgspec.json.decode(exchange.reply.body)


async def call(
    city: PaymentsCity, method: str, path: str, body: Any = None, bank_id: str = HARBOUR
) -> tuple[int, Any]:
    """A signed call of JSON; returns status and decoded body."""
    raw = msgspec.json.encode(body) if body is not None else b""
    exchange = await city.call(
        bank_id, f"/payments/v1/settlement/{path}", raw, method=method,
        media_type="application/json",
    )
    return exchange.reply.status, msgspec.json.decode(exchange.reply.body)


async def end_day(city: PaymentsCity, business: FrozenClock) -> None:
    """Let midnight pass in Hong Kong."""
    now = business.now()
    midnight = now.astimezone(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    if midnight <= now:
        midnight += timedelta(days=1)
    business.advance(seconds=(midnight - now).total_seconds() + 1)
    await settle_slowly(city)


async def settle_slowly(city: PaymentsCity) -> None:
    """Work until cuts are made: the query tables follow the ledger in their own, real time."""
    for number in range(ROUNDS_MAX):
        await city.pass_seconds(0.3, step=0.3)
        left = await city.kernel.database.read(lambda db: db.fetchval(
            "SELECT count(*) FROM kernel.jobs WHERE queue = ANY($1)", list(QUEUES)
        ))
        if number >= ROUNDS_MIN and not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the cut is not made")


async def reconciled(city: PaymentsCity, day: date, currency: str = "HKD") -> Reconciliation:
    """What was compared at the cut of a date."""
    found = await city.kernel.database.read(
        lambda db: city.payments.settlement.reconciliations(db, day)
    )
    assert not isinstance(found, Refused), found
    [made] = [each for each in found[1] if each.currency == currency]
    return made


async def pay(city: PaymentsCity, amount_minor: int, number: int) -> Any:
    """A settled payment from the budget to Harbour's customer."""
    payment = await city.initiate(
        city.order(Money(amount_minor, "HKD"), end_to_end_id=f"PAYOUT-{number}")
    )
    await city.settle()
    return await city.load(payment.id)


async def alert_codes(city: PaymentsCity) -> list[str]:
    """The codes of the alerts that Harbour has written down, in order."""
    reply = await city.world.context.network.send("GET", f"{WORLD}/{HARBOUR}/liquidity")
    return [each["code"] for each in msgspec.json.decode(reply.body)["alerts"]]


async def begin(city: PaymentsCity) -> None:
    """What a platform does when it starts."""
    await city.kernel.database.run(lambda db: start(db, city.payments))
    await city.settle()
