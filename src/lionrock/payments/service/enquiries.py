"""Status enquiries (pacs.028): cheap, few, and never the way to learn an outcome.

Runs in the request's transaction. Not for: the notices themselves (post). Invariant: the bucket is
charged also for what is refused, so that a storm runs dry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.enquiries import (
    COST_KNOWN,
    COST_UNKNOWN,
    charged,
    check_enquiry,
    check_may_ask,
    refilled,
)
from lionrock.payments.domain.iso20022 import Header, StatusRequest
from lionrock.payments.domain.iso20022.returns import PAYMENT_RETURN
from lionrock.payments.domain.payments import Payment, Subject
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.service.inbox import Handling
from lionrock.payments.service.post import Post
from lionrock.payments.store import enquiries, payments
from lionrock.payments.store.members import Participant


class Enquiries:
    """Answers participants that ask how a payment stands."""

    def __init__(self, core: Core, post: Post) -> None:
        self._core = core
        self._post = post

    def handlings(self) -> Mapping[type, Handling]:
        """The row of the inbox."""
        return {StatusRequest: Handling(take=self.take)}

    async def take(
        self, db: Connection, sender: Participant, _header: Header, request: StatusRequest
    ) -> Subject | Refused:
        """Tell the status of one of the sender's own payments.

        Refused: ENQUIRIES_EXHAUSTED, ENQUIRY_EARLY, ENQUIRIES_SPENT (each with a time to come
        again), TRANSACTION_UNKNOWN, ORIGINAL_DIFFERS.
        """
        settings = self._core.kernel.settings
        now, full_tokens = self._core.kernel.wire_clock.now(), settings.payment_enquiry_tokens_max
        bucket = refilled(
            await enquiries.lock_bucket(
                db, sender.organisation_id, refilled(None, now, full_tokens)
            ),
            now, full_tokens,
        )
        refused = check_may_ask(bucket)
        if refused is not None:
            return refused
        # Not locked: an enquiry must not stand in the way of the payment that it asks about.
        payment = await self._asked(db, sender, request)
        known = payment.message_known_to(sender.organisation_id) if payment else ""
        cost = COST_KNOWN if known else COST_UNKNOWN
        await enquiries.save_bucket(db, sender.organisation_id, charged(bucket, cost))
        if payment is None or not known:
            return Refused(PaymentRefusal.TRANSACTION_UNKNOWN)
        if (request.original_message_id, request.transaction_id) != (known, payment.transaction_id):
            return Refused(PaymentRefusal.ORIGINAL_DIFFERS, field="OrgnlGrpInf")
        return await self._answered(db, sender, payment)

    async def _answered(
        self, db: Connection, sender: Participant, payment: Payment
    ) -> Subject | Refused:
        kernel = self._core.kernel
        refused = check_enquiry(
            await enquiries.load_count(db, payment.id, sender.organisation_id),
            kernel.settings.payment_enquiries_max,
            kernel.business_clock.now() - payment.created_at,
            timedelta(milliseconds=kernel.settings.payment_enquiry_after_ms),
        )
        if refused is not None:
            return refused
        await enquiries.count_one(db, payment.id, sender.organisation_id)
        await self._post.notify(db, payment, sender.organisation_id)
        return payment.subject

    async def _asked(
        self, db: Connection, sender: Participant, request: StatusRequest
    ) -> Payment | None:
        vault = self._core.vault
        if request.original_definition == PAYMENT_RETURN:
            return await payments.load_by_message(
                db, vault, sender.organisation_id, request.original_message_id
            )
        return await payments.load_by_uetr(db, vault, request.uetr)
