"""Low-liquidity alerts: one watch over all thresholds, once a second while there are any.

An alert begins when what a participant may still spend falls below its lower amount, and ends when
the higher one is there again; in between nothing is said. Each step is an event, and an admi.004
to the participant. Not for: lending (liquidity.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.ledger.api import Unavailable
from lionrock.payments.domain.iso20022 import SystemEvent
from lionrock.payments.domain.payments import Subject
from lionrock.payments.service.core import Core
from lionrock.payments.service.post import DELIVER_QUEUE, Post
from lionrock.payments.settlement.domain import Threshold, alert_step
from lionrock.payments.settlement.errors import SettlementRefusal
from lionrock.payments.settlement.store import liquidity as store
from lionrock.payments.settlement.store.liquidity import Alert
from lionrock.payments.store.members import Participant

WATCH_QUEUE = "payments.liquidity_watch"
LOW_TOPIC = "payments.liquidity_low"
RESTORED_TOPIC = "payments.liquidity_restored"
WATCH_MS = 1_000
LOW_CODE, RESTORED_CODE = "LIQL", "LIQN"
PREFIX = "lal"


class Alerts:
    """Sets thresholds and watches them."""

    def __init__(self, core: Core, post: Post) -> None:
        self._core = core
        self._post = post

    def handlers(self) -> Mapping[str, jobs.JobHandler]:
        """The watch."""
        return {WATCH_QUEUE: self._watch}

    async def set_threshold(
        self, db: Connection, owner: Participant, low: Money, clear: Money
    ) -> Threshold | Refused:
        """Set when a participant is warned, and until when. THRESHOLD_MALFORMED, ACCOUNT_NOT_OPEN.
        """
        if owner.account(low.currency) is None:
            return Refused(SettlementRefusal.ACCOUNT_NOT_OPEN, low.currency, field="currency")
        is_apart = 0 < low.amount_minor < clear.amount_minor
        if low.currency != clear.currency or not is_apart:
            return Refused(SettlementRefusal.THRESHOLD_MALFORMED)
        threshold = Threshold(
            organisation_id=owner.organisation_id, currency=low.currency,
            low_minor=low.amount_minor, clear_minor=clear.amount_minor,
        )
        await store.put_threshold(db, threshold, self._core.kernel.business_clock.now())
        await jobs.schedule(db, queue=WATCH_QUEUE, key="all")
        return threshold

    async def _watch(self, _job: jobs.Job) -> jobs.Done | jobs.Again:
        """Compare every account that has a threshold with what the ledger says now."""
        database = self._core.kernel.database
        watched = await database.read(store.list_watched)
        if not watched:
            return jobs.Done()
        try:
            accounts = await self._core.ledger.lookup_accounts([each[1] for each in watched])
        except Unavailable:
            return jobs.Again(after_ms=WATCH_MS)
        available = {account.id: account.debits_available for account in accounts}
        for threshold, account_id, is_alerted in watched:
            await self._compare(threshold, available[account_id], is_alerted=is_alerted)
        return jobs.Again(after_ms=WATCH_MS)

    async def _compare(
        self, threshold: Threshold, available_minor: int, *, is_alerted: bool
    ) -> None:
        step = alert_step(threshold, available_minor, is_alerted=is_alerted)
        database = self._core.kernel.database
        if step == "raise":
            await database.run(lambda db: self._raise(db, threshold, available_minor))
        elif step == "clear":
            await database.run(lambda db: self._clear(db, threshold, available_minor))

    async def _raise(self, db: Connection, threshold: Threshold, available_minor: int) -> None:
        alert = Alert(
            id=self._core.kernel.ids.new(PREFIX), organisation_id=threshold.organisation_id,
            currency=threshold.currency, low_minor=threshold.low_minor,
            available_minor=available_minor, raised_at=self._core.kernel.business_clock.now(),
            cleared_at=None,
        )
        if await store.raise_alert(db, alert):
            await self._tell(db, alert.id, threshold, available_minor, is_low=True)

    async def _clear(self, db: Connection, threshold: Threshold, available_minor: int) -> None:
        now = self._core.kernel.business_clock.now()
        cleared = await store.clear_alert(
            db, threshold.organisation_id, threshold.currency, now
        )
        if cleared is not None:
            await self._tell(db, cleared, threshold, available_minor, is_low=False)

    async def _tell(
        self, db: Connection, alert_id: str, threshold: Threshold, available_minor: int, *,
        is_low: bool,
    ) -> None:
        currency = threshold.currency
        limit_minor = threshold.low_minor if is_low else threshold.clear_minor
        available, limit = Money(available_minor, currency), Money(limit_minor, currency)
        event = SystemEvent(
            code=LOW_CODE if is_low else RESTORED_CODE,
            parameters=(currency, available.wire(), limit.wire()),
            description=_sentence(available, limit, is_low=is_low),
            at=self._core.kernel.business_clock.now(),
        )
        subject = Subject(id=alert_id, references={"alert_id": alert_id})
        message = await self._post.write(db, subject, threshold.organisation_id, event)
        await jobs.schedule(db, queue=DELIVER_QUEUE, key=message.id)
        await outbox.emit(db, self._core.kernel.ids, LOW_TOPIC if is_low else RESTORED_TOPIC, {
            "alert_id": alert_id, "organisation": threshold.organisation_id,
            "currency": currency, "available": available.wire(), "limit": limit.wire(),
        })


def _sentence(available: Money, limit: Money, *, is_low: bool) -> str:
    how = "below" if is_low else "again at or above"
    return (
        f"Your liquidity at the switch is {available.currency} {available.wire()}, "
        f"{how} {limit.wire()}."
    )
