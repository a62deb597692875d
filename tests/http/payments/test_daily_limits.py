"""What a participant may send on a Hong Kong day: counted once, given back once, never passed."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.api import (
    CreditTransfer,
    Enrolment,
    Envelope,
    Header,
    PartyAccount,
    Payment,
    settlement_date_of,
    sweep,
    uetr_of,
)
from lionrock.payments.domain.reasons import REASON_TEXTS
from tests.conftest import SEED
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.debit_city import operate, outcome_of, start_mandate

TOGETHER = 12


async def limit(city: PaymentsCity, bank: str = LANTAU, code: str = "512", **minor: int) -> None:
    """Give a bank limits of a day, minor units by currency."""
    enrolled = await city.payments.enrol_participant(
        Enrolment(organisation_id=bank, clearing_code=code, daily_minor_max=minor)
    )
    assert not isinstance(enrolled, Refused), enrolled


async def order(city: PaymentsCity, name: str, amount: str, currency: str = "HKD") -> str:
    """The tea house orders a payment to the firm; its UETR."""
    reply = await operate(city, LANTAU, "transfers", {
        "account": TEA_ACCOUNT, "amount": amount, "currency": currency, "end_to_end_id": name,
        "creditor_clearing_code": "307", "creditor_account": FIRM_ACCOUNT,
        "creditor_name": "Harbour Robotics",
    })
    assert reply.status == 202, reply.body
    return str(msgspec.json.decode(reply.body)["uetr"])


async def pay(city: PaymentsCity, name: str, amount: str, currency: str = "HKD") -> Payment:
    """The same, and the banks talk."""
    uetr = await order(city, name, amount, currency)
    await city.settle()
    return await outcome_of(city, uetr)


async def sent(city: PaymentsCity, bank: str = LANTAU) -> dict[str, int]:
    """What is counted of today; it is the sum of what was counted for each payment."""
    today = settlement_date_of(city.kernel.business_clock.now())

    async def read(db: Connection) -> tuple[dict[str, int], dict[str, int]]:
        rows = await db.fetch(
            "SELECT currency, sum(amount_minor)::bigint AS sum FROM payments.daily_counted"
            " WHERE organisation_id = $1 AND day = $2 GROUP BY currency", bank, today,
        )
        return await city.payments.daily.sent(db, bank), {r["currency"]: r["sum"] for r in rows}

    counted, summed = await city.kernel.database.read(read)
    assert {c: minor for c, minor in counted.items() if minor} == {
        c: minor for c, minor in summed.items() if minor
    }
    return counted


async def test_what_fits_is_paid_and_what_passes_the_limit_is_rejected_as_am23(
    city: PaymentsCity,
) -> None:
    await limit(city, HKD=10_00)
    assert (await pay(city, "A", "9.50")).state == "settled"
    passing = await pay(city, "B", "0.51")
    assert (passing.state, passing.reason_code) == ("rejected", "AM23")
    assert passing.reason_text == REASON_TEXTS["AM23"]
    assert (await pay(city, "C", "0.50")).state == "settled", "up to the limit and not below it"
    assert await sent(city) == {"HKD": 10_00}
    assert await city.available(await city.settlement_id(LANTAU)) == 3_000_00 - 10_00
    statement = await city.statement(LANTAU, TEA_ACCOUNT)
    refused = next(each for each in statement["entries"] if each["end_to_end_id"] == "B")
    assert "AM23" in refused["reason"], "the payer's bank is told why"


async def test_a_payment_above_the_whole_limit_is_rejected_on_an_empty_day(
    city: PaymentsCity,
) -> None:
    await limit(city, HKD=1_00)
    assert (await pay(city, "A", "1.01")).reason_code == "AM23"
    assert await sent(city) == {}


async def test_currencies_and_days_are_counted_apart(city: PaymentsCity) -> None:
    await limit(city, HKD=10_00, CNY=1_00)
    assert (await pay(city, "A", "10.00")).state == "settled"
    assert (await pay(city, "B", "1.01", "CNY")).reason_code == "AM23"
    city.pass_business_time(hours=24)
    assert await sent(city) == {}
    assert (await pay(city, "C", "10.00")).state == "settled"


async def test_what_a_bank_receives_makes_no_room_and_other_banks_are_not_limited(
    city: PaymentsCity,
) -> None:
    await limit(city, HKD=5_00)
    reply = await operate(city, HARBOUR, "transfers", {
        "account": FIRM_ACCOUNT, "amount": "50.00", "currency": "HKD", "end_to_end_id": "IN-1",
        "creditor_clearing_code": "512", "creditor_account": TEA_ACCOUNT,
        "creditor_name": "Little Tea House",
    })
    assert reply.status == 202
    await city.settle()
    assert (await outcome_of(city, msgspec.json.decode(reply.body)["uetr"])).state == "settled"
    assert (await pay(city, "A", "5.01")).reason_code == "AM23"
    rows = "SELECT count(*) FROM payments.daily_sent"
    assert await city.kernel.database.read(lambda db: db.fetchval(rows)) == 0


async def test_what_is_rejected_gives_its_amount_back(city: PaymentsCity) -> None:
    await limit(city, HKD=10_00)
    refused = await pay(city, "A", "9.04")
    assert (refused.state, refused.reason_code) == ("rejected", "AC04")
    assert await sent(city) == {"HKD": 0}
    assert (await pay(city, "B", "10.00")).state == "settled"


async def test_what_a_return_brings_back_makes_room_once(city: PaymentsCity) -> None:
    await limit(city, HKD=10_00)
    paid = await pay(city, "A", "10.00")
    reply = await operate(city, HARBOUR, "returns", {
        "uetr": paid.uetr, "amount": "4.00", "return_id": "RTR-1",
    })
    assert reply.status == 202, reply.body
    await city.settle()
    assert await sent(city) == {"HKD": 6_00}
    assert (await sent(city, HARBOUR)) == {}, "what is given back is not sent"
    [given] = await city.kernel.database.read(
        lambda db: db.fetch("SELECT id FROM payments.payments WHERE kind = 'return'")
    )
    returned = await city.load(given["id"])
    for _ in range(2):
        await city.kernel.database.run(
            lambda db: city.payments.daily.on_closed(db, returned)
        )
        await city.settle()
    assert await sent(city) == {"HKD": 6_00}, "told again, counted once"
    assert (await pay(city, "B", "4.01")).reason_code == "AM23"
    assert (await pay(city, "C", "4.00")).state == "settled"


async def test_two_returns_of_one_payment_that_end_together_both_make_room(
    city: PaymentsCity,
) -> None:
    await limit(city, HKD=10_00)
    paid = await pay(city, "A", "10.00")
    for name, amount in (("RTR-1", "4.00"), ("RTR-2", "2.50")):
        reply = await operate(city, HARBOUR, "returns", {
            "uetr": paid.uetr, "amount": amount, "return_id": name,
        })
        assert reply.status == 202, reply.body
    await city.settle()
    assert await sent(city) == {"HKD": 3_50}
    rows = await city.kernel.database.read(
        lambda db: db.fetch("SELECT id FROM payments.payments WHERE kind = 'return'")
    )
    both = [await city.load(row["id"]) for row in rows]
    heard = await city.kernel.database.read(lambda db: city.payments.daily.concerned(db, both))
    assert heard == {each.id for each in both} and len(heard) == 2


async def test_a_collection_counts_for_the_bank_that_is_debited(city: PaymentsCity) -> None:
    mandate_id = await start_mandate(city)
    await limit(city, HKD=20_00)

    async def collect(name: str, amount: str, sequence: str) -> Payment:
        reply = await operate(city, HARBOUR, "collections", {
            "mandate_id": mandate_id, "amount": amount, "currency": "HKD",
            "sequence": sequence, "end_to_end_id": name,
        })
        assert reply.status == 202, reply.body
        await city.settle()
        return await outcome_of(city, msgspec.json.decode(reply.body)["uetr"])

    assert (await collect("RENT-1", "20.01", "FRST")).reason_code == "AM23"
    assert await sent(city) == {}
    assert (await collect("RENT-2", "15.00", "FRST")).state == "settled"
    assert await sent(city) == {"HKD": 15_00}
    assert (await pay(city, "A", "5.01")).reason_code == "AM23"


def transfer(number: int, amount_minor: int, day: Any) -> CreditTransfer:
    """A transfer from the tea house to the firm."""
    return CreditTransfer(
        settlement_date=day, end_to_end_id=f"T-{number}", transaction_id=f"T-{number}",
        uetr=uetr_of(f"t_{number}"), amount=Money(amount_minor, "HKD"),
        debtor=PartyAccount(name="Little Tea House", account=TEA_ACCOUNT, member="512"),
        creditor=PartyAccount(name="Harbour Robotics", account=FIRM_ACCOUNT, member="307"),
    )


async def test_payments_in_transactions_of_their_own_never_pass_the_limit_together(
    city: PaymentsCity,
) -> None:
    chance, limit_minor = random.Random(SEED), 25_00
    print("seed", SEED)
    await limit(city, HKD=limit_minor)
    amounts = [chance.randint(3_00, 6_00) for _ in range(TOGETHER)]
    sender = await city.kernel.database.read(lambda db: city.payments.participant(db, LANTAU))
    assert sender is not None
    now = city.kernel.business_clock.now()

    async def take(number: int, amount_minor: int) -> Payment | Refused:
        asked = transfer(number, amount_minor, settlement_date_of(now))
        header = Header(
            from_member="512", to_member="LRSWITCH", message_id=f"M-{number}", created_at=now
        )
        assert sender is not None
        return await city.kernel.database.run(
            lambda db: city.payments.orders.take_transfer(db, sender, header, asked)
        )

    taken = await asyncio.gather(*(take(n, amount) for n, amount in enumerate(amounts)))
    states = [each.state for each in taken if isinstance(each, Payment)]
    assert len(states) == TOGETHER
    accepted = sum(a for a, state in zip(amounts, states, strict=True) if state == "accepted")
    rejected = [a for a, state in zip(amounts, states, strict=True) if state == "rejected"]
    assert accepted <= limit_minor and rejected, (amounts, states)
    assert await sent(city) == {"HKD": accepted}
    assert accepted + min(rejected) > limit_minor, "what still fitted was not refused"


async def test_messages_taken_together_never_pass_the_limit(city: PaymentsCity) -> None:
    await limit(city, HKD=5_00)
    today = settlement_date_of(city.kernel.business_clock.now())

    async def post(number: int) -> int:
        asked = transfer(number, 1_00, today)
        header = Header(
            from_member="512", to_member="LRSWITCH", message_id=f"MSG-{number}",
            created_at=city.kernel.business_clock.now(),
        )
        return (await city.post_message(LANTAU, Envelope(header, asked))).reply.status

    statuses = await asyncio.gather(*map(post, range(TOGETHER)))
    assert set(statuses) == {202}
    await city.settle()
    rows = await city.kernel.database.read(lambda db: db.fetch(
        "SELECT state, reason_code, count(*) FROM payments.payments GROUP BY state, reason_code"
    ))
    assert {tuple(row) for row in rows} == {("settled", "", 5), ("rejected", "AM23", 7)}
    assert await sent(city) == {"HKD": 5_00}


async def test_where_no_limit_of_a_day_is_set_nothing_is_counted(city: PaymentsCity) -> None:
    assert (await pay(city, "A", "9.00")).state == "settled"
    assert await sent(city) == {}


async def test_what_was_counted_is_deleted_when_the_day_is_long_over(city: PaymentsCity) -> None:
    await limit(city, HKD=10_00)
    await pay(city, "A", "1.00")
    counts = (
        "SELECT (SELECT count(*) FROM payments.daily_sent),"
        " (SELECT count(*) FROM payments.daily_counted)"
    )

    async def left() -> tuple[int, ...]:
        await sweep(city.kernel)
        return tuple(await city.kernel.database.read(lambda db: db.fetchrow(counts)))

    # From five in the afternoon to the midnight of 35 days after the day began.
    city.pass_business_time(days=34, hours=7)
    assert await left() == (1, 1)
    city.pass_business_time(seconds=1)
    assert await left() == (0, 0)


@pytest.mark.parametrize("limits", [{"USD": 1}, {"HKD": 0}, {"HKD": -1}])
async def test_a_limit_of_a_day_is_positive_and_of_an_account(
    city: PaymentsCity, limits: dict[str, int]
) -> None:
    refused = await city.payments.enrol_participant(
        Enrolment(organisation_id=LANTAU, clearing_code="512", daily_minor_max=limits)
    )
    assert isinstance(refused, Refused) and refused.field == "daily_minor_max"
