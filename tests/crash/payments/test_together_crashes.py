"""A process that dies at any step boundary while it pays many at once: each ends exactly once.

The payments are held, sent, decided and posted together (service/together.py) and their messages
are taken together (service/intake.py); each crossing of a transaction, statement, ledger call or
HTTP call, on the platform's and on the bank's side, is a place to die, before and after.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from lionrock.kernel.jobs import CLAIM_MS
from lionrock.kernel.money import Money
from tests.crash.payments.test_payout_crashes import run_and_die
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR, PaymentsCity
from tests.unit.payments.faults import Tripwire

BUDGET_MINOR = 1_000_000_00
OPENING_MINOR = 1_000_00
TOGETHER = 4
REFUSED_MINOR = 9_04
PLACES_BETWEEN = 3
PLACES_MAX = 150


async def test_dying_between_any_steps_of_many_payments_pays_each_exactly_once(
    mortal_city: PaymentsCity, wire: Tripwire
) -> None:
    city, paid_minor, count, died = mortal_city, 0, 0, True
    sent: Counter[str] = Counter()
    for at in range(0, PLACES_MAX, PLACES_BETWEEN):
        amounts = [1_00 + number for number in range(TOGETHER - 1)] + [REFUSED_MINOR]
        ordered = await asyncio.gather(*(
            city.initiate(city.order(Money(amount, "HKD"), end_to_end_id=f"M-{at}-{amount}"))
            for amount in amounts
        ))
        died = await run_and_die(city, wire, at)
        # Claims of the dead run out; the next worker takes over.
        await city.pass_seconds(CLAIM_MS / 1000 + 1, step=3.7)
        for payment in ordered:
            there = await city.load(payment.id)
            is_refused = payment.amount.amount_minor == REFUSED_MINOR
            assert there.state == ("rejected" if is_refused else "settled"), (at, there)
            # One message asks, and one tells each side, whoever died when.
            kinds = [kind for kind, _ in await city.messages(payment.id)]
            sent[payment.id] = kinds.count("pacs.008.001.08")
            assert kinds.count("pacs.002.001.10") == 2, (at, kinds)
        paid_minor += sum(amounts) - REFUSED_MINOR
        count += len(amounts)
        assert await city.available(city.budget_id) == BUDGET_MINOR - paid_minor, at
        if not died:
            break
    assert not died, "more places to die than were tried"
    assert set(sent.values()) == {1}, "no payment is asked for under two ids"
    statement = await city.statement(HARBOUR, FIRM_ACCOUNT)
    assert statement["balances"] == {"HKD": Money(OPENING_MINOR + paid_minor, "HKD").wire()}
    assert len({event.id for event in city.events}) == count
