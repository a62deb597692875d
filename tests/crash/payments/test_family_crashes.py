"""A process that dies anywhere in a debit, a return, a recall or a request: it ends once.

Every crossing of a transaction, ledger call or HTTP call, on the platform's and on the banks' side,
is a place to die, before and after. The short form tries every so manieth of them, from a start
that follows from the seed; the long form all. After each death the books agree: the switch's
payments, what the banks have at the switch, and their customers' accounts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money
from tests.conftest import SEED
from tests.crash.payments.test_payout_crashes import run_and_die
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    LANTAU,
    TEA_ACCOUNT,
    PaymentsCity,
)
from tests.unit.payments.debit_city import ask, operate, shown, start_mandate
from tests.unit.payments.faults import (
    Tripwire,
)

TEA_MINOR, FIRM_MINOR = 5_000_00, 1_000_00
FUNDED_MINOR = 3_000_00
AMOUNT_MINOR = 1_00
# Claims of the dead run out, and what was sent to a dead one is sent again.
SECONDS_AFTER = 3 * CLAIM_MS / 1000
CROSSINGS_MIN = 15
STRIDES = [pytest.param(11, id="short"), pytest.param(1, id="long", marks=[
    pytest.mark.slow, pytest.mark.timeout(900),
])]

Step = Callable[[int], Awaitable[None]]


async def die_all_along(
    city: PaymentsCity, wire: Tripwire, stride: int, begin: Step, check: Step
) -> int:
    """Begin a thing, die in it, let others take over, check; at each place to die. How many."""
    at, number, died = SEED % stride, 0, True
    while died:
        await begin(number)
        died = await run_and_die(city, wire, at)
        # Claims of the dead run out; the next worker takes over.
        await city.pass_seconds(SECONDS_AFTER, step=3.7)
        await check(number)
        number += 1
        at += stride
    assert at > CROSSINGS_MIN, "fewer places to die than this has"
    return number


async def check_books(city: PaymentsCity, to_firm_minor: int) -> None:
    """What the tea house (at Lantau) has paid the firm (at Harbour), in all books; no holds."""
    for bank, number, opened, sign in (
        (LANTAU, TEA_ACCOUNT, TEA_MINOR, -1), (HARBOUR, FIRM_ACCOUNT, FIRM_MINOR, 1),
    ):
        statement = await city.statement(bank, number)
        assert statement["balances"]["HKD"] == Money(opened + sign * to_firm_minor, "HKD").wire()
        [account] = await city.ledger.lookup_accounts([await city.settlement_id(bank)])
        assert (account.debits_pending, account.credits_pending) == (0, 0), bank
        there = account.credits_posted - account.debits_posted
        assert there == FUNDED_MINOR + sign * to_firm_minor, bank


async def rows(city: PaymentsCity, query: str) -> list[tuple[Any, ...]]:
    """Rows of the platform's database."""
    return [tuple(row) for row in await city.kernel.database.read(lambda db: db.fetch(query))]


async def pay(city: PaymentsCity, number: int) -> str:
    """The tea house pays the firm, and the banks talk; returns the UETR."""
    reply = await operate(city, LANTAU, "transfers", {
        "account": TEA_ACCOUNT, "amount": "1.00", "currency": "HKD",
        "end_to_end_id": f"TEA-{number}", "creditor_clearing_code": "307",
        "creditor_account": FIRM_ACCOUNT, "creditor_name": "Harbour Robotics",
    })
    assert reply.status == 202, reply.body
    await city.settle()
    return str(msgspec.json.decode(reply.body)["uetr"])


@pytest.mark.parametrize("stride", STRIDES)
async def test_dying_anywhere_in_an_authorisation_leaves_one_active_authorisation(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city

    async def begin(number: int) -> None:
        assert (await ask(city, request_id=f"REQ-{number}")).status == 202

    async def check(number: int) -> None:
        states = await rows(city, "SELECT state FROM payments.mandates")
        assert states == [("active",)] * (number + 1), number
        for bank in (HARBOUR, LANTAU):
            active = [m for m in await shown(city, bank) if m["status"] == "active"]
            assert len(active) == number + 1, (bank, number)

    await die_all_along(city, wire, stride, begin, check)


@pytest.mark.parametrize("stride", STRIDES)
async def test_dying_anywhere_in_a_direct_debit_collects_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city

    async def begin(number: int) -> None:
        mandate_id = await start_mandate(city, request_id=f"REQ-{number}")
        reply = await operate(city, HARBOUR, "collections", {
            "mandate_id": mandate_id, "amount": "1.00", "currency": "HKD", "sequence": "FRST",
            "end_to_end_id": f"RENT-{number}",
        })
        assert reply.status == 202, reply.body

    async def check(number: int) -> None:
        made = await rows(city, "SELECT kind, state FROM payments.payments")
        assert made == [("debit", "settled")] * (number + 1), number
        await check_books(city, AMOUNT_MINOR * (number + 1))

    await die_all_along(city, wire, stride, begin, check)


@pytest.mark.parametrize("stride", STRIDES)
async def test_dying_anywhere_in_a_return_gives_the_money_back_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city

    async def begin(number: int) -> None:
        uetr = await pay(city, number)
        reply = await operate(city, HARBOUR, "returns", {
            "uetr": uetr, "amount": "1.00", "return_id": f"RTR-{number}",
        })
        assert reply.status == 202, reply.body

    async def check(number: int) -> None:
        made = await rows(city, "SELECT kind, state FROM payments.payments WHERE kind = 'return'")
        assert made == [("return", "settled")] * (number + 1), number
        await check_books(city, 0)

    await die_all_along(city, wire, stride, begin, check)


@pytest.mark.parametrize("stride", STRIDES)
async def test_dying_anywhere_in_a_recall_brings_the_money_back_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city

    async def begin(number: int) -> None:
        uetr = await pay(city, number)
        reply = await operate(city, LANTAU, "recalls", {"uetr": uetr, "recall_id": f"RCL-{number}"})
        assert reply.status == 202, reply.body

    async def check(number: int) -> None:
        assert await rows(city, "SELECT state FROM payments.recalls") == [
            ("returned",)
        ] * (number + 1), number
        made = await rows(city, "SELECT kind, state FROM payments.payments WHERE kind = 'return'")
        assert made == [("return", "settled")] * (number + 1), number
        await check_books(city, 0)

    await die_all_along(city, wire, stride, begin, check)


@pytest.mark.parametrize("stride", STRIDES)
async def test_dying_anywhere_in_a_request_to_pay_has_it_paid_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city

    async def begin(number: int) -> None:
        reply = await operate(city, HARBOUR, "requests", {
            "account": FIRM_ACCOUNT, "amount": "1.00", "currency": "HKD",
            "request_id": f"BILL-{number}", "end_to_end_id": f"BILL-{number}",
            "debtor_clearing_code": "512", "debtor_account": TEA_ACCOUNT,
            "debtor_name": "Little Tea House", "remittance": "Bill",
        })
        assert reply.status == 202, reply.body

    async def check(number: int) -> None:
        assert await rows(city, "SELECT state FROM payments.requests") == [
            ("paid",)
        ] * (number + 1), number
        made = await rows(city, "SELECT kind, state FROM payments.payments")
        assert made == [("transfer", "settled")] * (number + 1), number
        await check_books(city, AMOUNT_MINOR * (number + 1))

    await die_all_along(city, wire, stride, begin, check)
