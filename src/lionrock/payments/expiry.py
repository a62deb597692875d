"""What of payments expires, and how its tables are kept from growing.

Deleted a bounded number a time (kernel.expiring), by the platform's sweep. What is not in this list
is kept: payments, messages and receipts are the record of what was owed to whom.
"""

from __future__ import annotations

from lionrock.kernel import expiring
from lionrock.kernel.context import Kernel
from lionrock.kernel.expiring import Expiring
from lionrock.payments.onboarding.store import runs

EXPIRING = (
    # Tests of participants that count no more, with what was exchanged in them.
    runs.EXPIRING,
    # What was sent on a day, once the day is long over.
    Expiring(table="payments.daily_counted", clock="business"),
    Expiring(table="payments.daily_sent", clock="business"),
)  # fmt: skip


async def sweep(kernel: Kernel) -> None:
    """Delete what expired: one round."""
    wire_now, business_now = kernel.wire_clock.now(), kernel.business_clock.now()
    for table in EXPIRING:
        now = wire_now if table.clock == "wire" else business_now
        await expiring.sweep(kernel.database, table, now)
