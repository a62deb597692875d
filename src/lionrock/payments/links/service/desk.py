"""The desk of links and fee intents: puts the parts together, follows payments to their end.

Events come at least once and in no promised order; each is acted upon once, by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.identity.api import DECIDED_TOPIC
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Done, Job, JobHandler
from lionrock.kernel.outbox import Event, EventHandler
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.domain.payments import Payment
from lionrock.payments.links.service.callbacks import Callbacks
from lionrock.payments.links.service.intents import Intents
from lionrock.payments.links.service.links import CALLBACK_QUEUE, EXPIRY_QUEUE, Links
from lionrock.payments.links.service.officers import Officers
from lionrock.payments.links.service.pages import PayPages
from lionrock.payments.links.service.refunds import REFUND_PREFIX, Refunds
from lionrock.payments.links.store import intents as intent_store
from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.routing import Router
from lionrock.payments.service.switch import REJECTED_TOPIC, SETTLED_TOPIC
from lionrock.payments.store import payments


class LinkDesk:
    """Links, and what follows from their payments."""

    def __init__(self, core: Core, router: Router, orders: Orders) -> None:
        self._core = core
        self.links = Links(core, router)
        self.callbacks = Callbacks(core)
        self.intents = Intents(core, self.links)
        self.officers = Officers(core)
        self.refunds = Refunds(core, orders, self.officers)
        self.pages = PayPages(core, self.links, self.intents)
        self._concerned: Gathering[str, bool] = Gathering(self._find_concerned)
        orders.claims.append(self.links.claim)

    def handlers(self) -> Mapping[str, JobHandler]:
        """Job handlers by queue."""
        return {CALLBACK_QUEUE: self.callbacks.deliver, EXPIRY_QUEUE: self._expire}

    def subscriptions(self) -> Mapping[str, Sequence[EventHandler]]:
        """What this room hears of: how payments ended, what officers decided."""
        return {
            SETTLED_TOPIC: (self._on_settled,), REJECTED_TOPIC: (self._on_rejected,),
            DECIDED_TOPIC: (self.refunds.on_approval_decided,),
        }

    async def _expire(self, job: Job) -> Done:
        await self._core.kernel.database.run(lambda db: self.links.expire(db, job.key))
        return Done()

    async def _on_settled(self, event: Event) -> None:
        async def use_case(db: Connection) -> None:
            payment = await self._payment(db, event)
            link = await self.links.settled(db, payment)
            await self.intents.collected(db, payment, link)
            await self.refunds.ended(db, payment)

        if await self._concerns(event):
            await self._core.kernel.database.run(use_case)

    async def _on_rejected(self, event: Event) -> None:
        async def use_case(db: Connection) -> None:
            payment = await self._payment(db, event)
            await self.links.rejected(db, payment.id)
            await self.refunds.ended(db, payment)

        if await self._concerns(event):
            await self._core.kernel.database.run(use_case)

    async def _concerns(self, event: Event) -> bool:
        """Whether a payment may matter here: one question for all that ended now; most do not."""
        if event.payload["reference"].startswith(f"{REFUND_PREFIX}_"):
            return True
        return await self._concerned.ask(event.payload["payment_id"])

    async def _find_concerned(self, payment_ids: Sequence[str]) -> list[bool]:
        # One statement sees one snapshot by itself.
        found = await self._core.kernel.database.alone(
            lambda db: intent_store.find_concerned(db, payment_ids)
        )
        return [each in found for each in payment_ids]

    async def _payment(self, db: Connection, event: Event) -> Payment:
        payment = await payments.load_payment(db, self._core.vault, event.payload["payment_id"])
        assert payment is not None, "payments are never deleted"
        return payment
