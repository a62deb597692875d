"""The desk of links and fee intents: puts the parts together, follows payments to their end.

What has ended is looked at by a job, at least once and in no promised order; it is acted upon once,
by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lionrock.identity.api import DECIDED_TOPIC
from lionrock.kernel.db import Connection
from lionrock.kernel.jobs import Done, Job, JobHandler, schedule
from lionrock.kernel.outbox import EventHandler
from lionrock.payments.domain.payments import Payment
from lionrock.payments.links.domain.links import request_id_of
from lionrock.payments.links.service.callbacks import Callbacks
from lionrock.payments.links.service.intents import Intents
from lionrock.payments.links.service.links import CALLBACK_QUEUE, EXPIRY_QUEUE, Links
from lionrock.payments.links.service.officers import Officers
from lionrock.payments.links.service.pages import PayPages
from lionrock.payments.links.service.refunds import REFUND_PREFIX, Refunds
from lionrock.payments.links.store import intents as intent_store
from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Claim, Orders
from lionrock.payments.service.routing import Router
from lionrock.payments.store import payments

ENDED_QUEUE = "payments.link_ends"


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
        orders.claims.append(Claim(
            is_borne=lambda payment: bool(request_id_of(payment.end_to_end_id)),
            ask=self.links.claim,
        ))

    def handlers(self) -> Mapping[str, JobHandler]:
        """Job handlers by queue."""
        return {
            CALLBACK_QUEUE: self.callbacks.deliver, EXPIRY_QUEUE: self._expire,
            ENDED_QUEUE: self._follow,
        }

    def subscriptions(self) -> Mapping[str, Sequence[EventHandler]]:
        """What this room hears of: what officers decided."""
        return {DECIDED_TOPIC: (self.refunds.on_approval_decided,)}

    async def _expire(self, job: Job) -> Done:
        await self._core.kernel.database.run(lambda db: self.links.expire(db, job.key))
        return Done()

    async def concerned(self, db: Connection, ended: Sequence[Payment]) -> set[str]:
        """Of ended payments those that pay a link, a fee or a refund."""
        refunds = {each.id for each in ended if each.reference.startswith(f"{REFUND_PREFIX}_")}
        found = await intent_store.find_concerned(db, [each.id for each in ended])
        return found | refunds

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """Have a payment's end followed, in a transaction of its own."""
        await schedule(db, queue=ENDED_QUEUE, key=payment.id)

    async def _follow(self, job: Job) -> Done:
        core = self._core

        async def use_case(db: Connection) -> None:
            payment = await payments.load_payment(db, core.vault, job.key)
            assert payment is not None and payment.is_final, "its end had this scheduled"
            if payment.state == "settled":
                link = await self.links.settled(db, payment)
                await self.intents.collected(db, payment, link)
            else:
                await self.links.rejected(db, payment.id)
            await self.refunds.ended(db, payment)

        await core.kernel.database.run(use_case)
        return Done()
