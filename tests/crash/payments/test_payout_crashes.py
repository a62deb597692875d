"""A process that dies at any step boundary of a payout: it ends exactly once all the same.

Each crossing of a transaction, ledger call or HTTP call, on the platform's and on the bank's side,
is a place to die, before and after. Every one is tried.
"""

from __future__ import annotations

from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money
from tests.unit.payments.city import (
    FIRM_ACCOUNT,
    HARBOUR,
    PaymentsCity,
)
from tests.unit.payments.faults import (
    Killed,
    Tripwire,
)

BUDGET_MINOR = 1_000_000_00
OPENING_MINOR = 1_000_00
FUNDED_MINOR = 3_000_00
CROSSINGS_MIN = 30


async def run_and_die(city: PaymentsCity, wire: Tripwire, at: int) -> bool:
    """Work until nothing is due or death; says whether it died."""
    wire.arm(at)
    try:
        await city.settle()
    except Killed:
        return True
    finally:
        wire.arm(None)
    return False


async def test_dying_at_any_crossing_of_a_payout_still_pays_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire
) -> None:
    city, paid_minor, at, died = mortal_city, 0, 0, True
    while died:
        amount = Money(1_00 + at, "HKD")
        payment = await city.initiate(city.order(amount, end_to_end_id=f"PAYOUT-{at}"))
        died = await run_and_die(city, wire, at)
        # Claims of the dead run out; the next worker takes over.
        await city.pass_seconds(CLAIM_MS / 1000 + 1, step=3.7)
        there = await city.load(payment.id)
        assert there.state == "settled", (at, there.state, there.reason_code)
        paid_minor += amount.amount_minor
        assert await city.available(city.budget_id) == BUDGET_MINOR - paid_minor, at
        statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
        assert statement["balances"] == {
            "HKD": Money(OPENING_MINOR + paid_minor, "HKD").wire()
        }, at
        at += 1
    assert at > CROSSINGS_MIN, "fewer places to die than a payout has"
    settlement = await city.settlement_id(HARBOUR)
    assert await city.available(settlement) == FUNDED_MINOR + paid_minor
    # Events are delivered at least once; each payment has exactly one.
    ids = {event.id for event in city.events}
    assert len(ids) == at
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert [entry["status"] for entry in statement["entries"]] == ["confirmed"] * at


async def test_dying_at_any_crossing_of_a_refused_payout_gives_everything_back(
    mortal_city: PaymentsCity, wire: Tripwire
) -> None:
    city, at, died = mortal_city, 0, True
    while died:
        order = city.order(Money(9_04, "HKD"), end_to_end_id=f"PAYOUT-{at}")
        payment = await city.initiate(order)
        died = await run_and_die(city, wire, at)
        await city.pass_seconds(CLAIM_MS / 1000 + 1, step=3.7)
        there = await city.load(payment.id)
        assert (there.state, there.reason_code) == ("rejected", "AC04"), at
        assert await city.available(city.budget_id) == BUDGET_MINOR, at
        at += 1
    assert at > CROSSINGS_MIN
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"] == {"HKD": "1000.00"}
    assert len({event.id for event in city.events}) == at
