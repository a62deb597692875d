"""Limits of a day: how much a participant may send in a currency on one Hong Kong day, net.

Counted is what leaves its account: transfers that it sends (alone, together, in files) and direct
debits that it is asked for, from the moment at which they are taken. Given back is what was
rejected, and of what was settled the part that a return brought back: by a job after the payment's
end, so that the sum may be too high for a moment and never too low. Returns that a participant
sends give back what it was paid, and do not count; nor do the platform's own orders.
Not for: the limit of one payment (routing), who sets limits (onboarding).
Source: ISO 20022 ExternalStatusReason1Code AM23 (AmountExceedsSettlementLimit).
Invariant: one statement of the database decides, never a read before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.payments.domain import reasons
from lionrock.payments.domain.payments import HONG_KONG, Payment, settlement_date_of
from lionrock.payments.service.core import Core
from lionrock.payments.store import daily, payments
from lionrock.payments.store.members import Participant

GIVE_BACK_QUEUE = "payments.daily_give_back"
# A return that comes later gives nothing back; days are over by then.
KEPT_DAYS = 35


class DailyLimits:
    """Counts what participants send in a day."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handlers(self) -> Mapping[str, jobs.Handler]:
        """Job handlers by queue."""
        return {GIVE_BACK_QUEUE: self._give_back}

    async def count(
        self, db: Connection, payment: Payment, debtor: Participant | None
    ) -> str:
        """Count a new payment of a participant's; returns "" or the reason code against it.

        Costs nothing where no limit a day is set.
        """
        account = debtor.account(payment.amount.currency) if debtor is not None else None
        if account is None or account.daily_minor_max is None:
            return ""
        assert debtor is not None and payment.debtor_organisation_id == debtor.organisation_id
        is_counted = await daily.count(db, payment, _end_of(payment))
        return "" if is_counted else reasons.DAY_LIMIT_PASSED

    async def concerned(self, db: Connection, ended: Sequence[Payment]) -> set[str]:
        """Of ended payments those that give something back."""
        # Several returns of one payment may end at once.
        giving = {each.id: about for each in ended if (about := _counted_id(each))}
        if not giving:
            return set()
        counted = await daily.list_counted(db, sorted(set(giving.values())))
        return {ended_id for ended_id, about in giving.items() if about in counted}

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """Have what a payment's end gives back given back, in a transaction of its own.

        The day's row is so never held together with those of payments that end.
        """
        await jobs.schedule(db, queue=GIVE_BACK_QUEUE, key=payment.id)

    async def sent(self, db: Connection, organisation_id: str) -> dict[str, int]:
        """What a participant has sent today in minor units, by currency with a limit."""
        today = settlement_date_of(self._core.kernel.business_clock.now())
        return await daily.load_sent(db, organisation_id, today)

    async def _give_back(self, job: jobs.Job) -> jobs.Done:
        core = self._core

        async def use_case(db: Connection) -> None:
            ended = await payments.load_payment(db, core.vault, job.key)
            assert ended is not None and ended.is_final, "it was scheduled with its end"
            returned = ended.parties.returned
            if ended.state == "rejected":
                await daily.uncount(db, ended.id)
            elif returned is not None:
                await daily.count_return(
                    db, ended.id, returned.payment_id, ended.amount.amount_minor
                )

        await core.kernel.database.run(use_case)
        return jobs.Done()


def _counted_id(ended: Payment) -> str:
    """Which payment's count an ended payment lessens: its own, its original's, or "" for none."""
    if ended.state == "rejected":
        return "" if ended.kind == "return" else ended.id
    returned = ended.parties.returned
    return returned.payment_id if returned is not None else ""


def _end_of(payment: Payment) -> datetime:
    """Until when it is known what was counted for a payment."""
    day = datetime.combine(payment.settlement_date, time(), HONG_KONG)
    return day + timedelta(days=KEPT_DAYS)
