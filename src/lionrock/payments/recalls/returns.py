"""Returns (pacs.004): the credited bank gives back a settled payment, whole or in part.

A return is a payment of kind `return` with the original's accounts the other way round. What was
paid out of an account of the platform goes back there, and no bank is asked.
Invariant: the sum of returns is counted with the original's row locked.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel import outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import Header, PaymentReturn
from lionrock.payments.domain.payments import (
    DEFINITION_OF_KIND,
    Parties,
    Payment,
    Returned,
    Subject,
    order_digest_of,
    settlement_date_of,
    uetr_of,
)
from lionrock.payments.recalls import store
from lionrock.payments.recalls.domain import ReturnState, check_repeats, check_return
from lionrock.payments.recalls.errors import RecallRefusal
from lionrock.payments.service.orders import PAYMENT_PREFIX
from lionrock.payments.service.parts import RoomParts
from lionrock.payments.store import members, payments
from lionrock.payments.store.members import Participant

RETURNED_TOPIC = "payments.payment_returned"
# What the receiver knows the original by when it is the platform itself.
NO_MESSAGE = "NOTPROVIDED"


class Returns:
    """Makes returns and learns how they ended."""

    def __init__(self, parts: RoomParts) -> None:
        self._parts = parts

    async def take(
        self, db: Connection, sender: Participant, header: Header, returned: PaymentReturn
    ) -> Subject | Refused:
        """pacs.004: make a payment back; the same return again (RtrId) is the same payment.

        Refused: ORIGINAL_UNKNOWN (also another's), ORIGINAL_DIFFERS, NOT_SETTLED,
        RETURN_OF_RETURN, RETURN_LATE, RETURN_ABOVE_REST, CURRENCY_DIFFERS, RETURN_ID_REUSED,
        AGENT_OFFLINE.
        """
        vault = self._parts.core.vault
        digest = order_digest_of("pacs.004/1", msgspec.json.encode(returned).decode())
        before = await payments.load_transaction(
            db, vault, sender.organisation_id, returned.return_id
        )
        if before is not None:
            if before.order_digest != digest:
                return Refused(RecallRefusal.RETURN_ID_REUSED)
            await self.tell_again(db, sender, before.id)
            return before.subject
        original = await payments.load_by_uetr(db, vault, returned.uetr, is_locking=True)
        if original is None or original.creditor_organisation_id != sender.organisation_id:
            return Refused(RecallRefusal.ORIGINAL_UNKNOWN)
        refused = await self._check(db, sender, original, returned)
        if refused is not None:
            return refused
        payment = self._payment(header, original, returned, digest)
        if not await payments.insert_payment(db, vault, payment):
            return Refused(RecallRefusal.RETURN_ID_REUSED)
        await store.insert_return(
            db, payment.id, original.id, returned.amount.amount_minor
        )
        await self._parts.orders.accept(db, payment)
        return payment.ordered_subject(header.message_id)

    async def _check(
        self, db: Connection, sender: Participant, original: Payment, returned: PaymentReturn
    ) -> Refused | None:
        kernel = self._parts.core.kernel
        known = original.message_known_to(sender.organisation_id)
        refused = check_repeats(original, known, returned) or check_return(
            original, returned, await store.sum_returns(db, original.id),
            kernel.business_clock.now(), kernel.settings.payment_return_days_max,
        )
        if refused is not None or not original.debtor_organisation_id:
            return refused
        receiver = await members.load_participant(db, original.debtor_organisation_id)
        assert receiver is not None, "participants are never deleted"
        if await self._parts.router.is_online(db, receiver):
            return None
        return Refused(RecallRefusal.AGENT_OFFLINE)

    def _payment(
        self, header: Header, original: Payment, returned: PaymentReturn, digest: bytes
    ) -> Payment:
        kernel = self._parts.core.kernel
        now = kernel.business_clock.now()
        payment_id = kernel.ids.new(PAYMENT_PREFIX)
        receiver_id = original.debtor_organisation_id
        return Payment(
            id=payment_id, state="accepted", kind="return",
            initiator_id=original.creditor_organisation_id, reference="",
            references={"original_payment_id": original.id},
            debtor_organisation_id=original.creditor_organisation_id,
            creditor_organisation_id=receiver_id, end_to_end_id=original.end_to_end_id,
            transaction_id=returned.return_id, uetr=uetr_of(payment_id), amount=returned.amount,
            parties=Parties(
                debtor=original.parties.creditor, creditor=original.parties.debtor,
                returned=Returned(
                    payment_id=original.id,
                    message_id=original.message_known_to(receiver_id) or NO_MESSAGE,
                    definition=DEFINITION_OF_KIND[original.kind],
                    transaction_id=original.transaction_id, uetr=original.uetr,
                    amount=original.amount, reason_code=returned.reason_code,
                    reason_text=returned.reason_text,
                ),
            ),
            debit_account_id=original.credit_account_id,
            credit_account_id=original.debit_account_id, hold_id=kernel.ids.new_u128(),
            post_id=kernel.ids.new_u128(), void_id=kernel.ids.new_u128(),
            settlement_date=settlement_date_of(now), created_at=now, order_digest=digest,
            original_message_id=header.message_id,
        )

    async def tell_again(self, db: Connection, sender: Participant, payment_id: str) -> None:
        """Whoever repeats a return has perhaps missed its outcome."""
        payment = await payments.load_payment(db, self._parts.core.vault, payment_id)
        assert payment is not None, "payments are never deleted"
        if payment.is_final:
            await self._parts.post.notify(db, payment, sender.organisation_id)

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """Count a settled return for good, forget a rejected one; tell the original's pillar."""
        returned = payment.parties.returned
        if returned is None:
            return
        state: ReturnState = "settled" if payment.state == "settled" else "rejected"
        await store.end_return(db, payment.id, state)
        original = await payments.load_payment(
            db, self._parts.core.vault, returned.payment_id
        )
        assert original is not None, "payments are never deleted"
        if state == "settled":
            await outbox.emit(db, self._parts.core.kernel.ids, RETURNED_TOPIC, {
                "payment_id": original.id, "return_id": payment.id,
                "reference": original.reference, "currency": payment.amount.currency,
                "amount_minor": payment.amount.amount_minor,
            })
