"""The daily reconciliation of a department: its fees against the settled payments, both ways.

Read in one snapshot. Not for: the switch's own books (settlement).
Invariant: collected = matched + unmatched, by currency.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import HONG_KONG
from lionrock.payments.links.domain.intents import Refund
from lionrock.payments.links.store import intents as store
from lionrock.payments.links.store import refunds as refund_store
from lionrock.payments.links.store.intents import Collection


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One Hong Kong day of one department; ids of intents, payments, refunds."""

    department_id: str
    day: date
    matched: list[Collection]
    unmatched: list[Collection]
    paid_without_payment: list[str]
    due_unpaid: list[str]
    refunds: list[Refund]
    refunds_differing: list[str]
    refunds_waiting: list[Refund]

    @property
    def is_clean(self) -> bool:
        """Whether every payment has its fee, every paid fee and every refund its payment."""
        differing = self.paid_without_payment or self.refunds_differing
        return not self.unmatched and not differing


async def report_of(db: Connection, department_id: str, day: date) -> Report:
    """Make the report of a day, which may still go on."""
    begin = datetime.combine(day, time(0), tzinfo=HONG_KONG)
    found = await store.collections_of(db, department_id, day)
    matched = [each for each in found if each.intent_id is not None]
    unmatched = [each for each in found if each.intent_id is None]
    assert len(matched) + len(unmatched) == len(found), "each is one or the other"
    return Report(
        department_id=department_id, day=day, matched=matched, unmatched=unmatched,
        paid_without_payment=await store.paid_without_payment(
            db, department_id, begin, begin + timedelta(days=1)
        ),
        due_unpaid=await store.due_unpaid(db, department_id, day),
        refunds=await refund_store.refunds_on(db, department_id, day),
        refunds_differing=await refund_store.without_payment(db, department_id, day),
        refunds_waiting=await refund_store.waiting_of(db, department_id),
    )
