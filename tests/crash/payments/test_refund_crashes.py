"""A process that dies at any step of an agreed refund: the fee is given back exactly once.

From the officers' second yes on, each crossing of a transaction, ledger call or HTTP call, on the
platform's and on the bank's side, is a place to die, before and after. The short form tries every
seventh of them, the long one all.
"""

from __future__ import annotations

import pytest

from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money
from tests.crash.payments.test_payout_crashes import run_and_die
from tests.http.payments.test_intents import paid, refund
from tests.unit.payments.city import LANTAU, TEA_ACCOUNT, PaymentsCity
from tests.unit.payments.faults import Tripwire
from tests.unit.payments.officers import open_bureau
from tests.unit.payments.payees import OFFICE, open_till

AFTER_FEE_MINOR = 4_750_00
CROSSINGS_MIN = 30


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
async def test_dying_at_any_crossing_of_an_agreed_refund_gives_it_back_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire, stride: int
) -> None:
    city = mortal_city
    till = await open_till(city)
    refunds = city.payments.links.refunds
    # One officer alone gives nothing back.
    assert isinstance(await refunds.open_account(OFFICE, "HKD", 0), int)
    funded = await refunds.fund(f"fnd_{99:032x}", OFFICE, Money(500_00, "HKD"))
    assert not isinstance(funded, Refused), funded
    bureau = await open_bureau(city, ("chan", "wong"))
    intent = await paid(till)
    at, count, died = 0, 0, True
    while died:
        status, asked = await refund(till, intent, reference=f"R-{at}", amount="1.00")
        assert (status, asked["state"]) == (201, "waiting"), asked
        await bureau.say("chan", asked["approval_id"])
        assert await bureau.say("wong", asked["approval_id"]) == "approved"
        died = await run_and_die(city, wire, at)
        # Claims of the dead run out; the next worker takes over.
        await city.pass_seconds(CLAIM_MS / 1000 + 1, step=3.7)
        _, shown = await till.ask(f"/payments/v1/refunds/{asked['id']}")
        assert (shown["state"], shown["reason_code"]) == ("paid", ""), (at, wire.places[-3:])
        statement = await city.statement(LANTAU, TEA_ACCOUNT)
        count += 1
        back = Money(AFTER_FEE_MINOR + count * 1_00, "HKD").wire()
        assert statement["balances"]["HKD"] == back, at
        at += stride
    print(f"refunds: died at {count - 1} places, lost 0, doubled 0")
    assert at > CROSSINGS_MIN, "fewer places to die than a refund has"
    _, report = await till.ask("/payments/v1/intents/reports/2026-02-20")
    assert (report["is_clean"], report["refunds_differing"]) == (True, [])
    assert report["refunded"] == {"HKD": Money(count * 1_00, "HKD").wire()}
