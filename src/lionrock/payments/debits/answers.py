"""The debtor's answer (pain.012) to a request for an authorisation, or for other terms of one.

Invariant: an answer counts once, from the debtor's bank, about the message that waits for it; a
late or crossed one finds nothing that waits and is refused.
"""

from __future__ import annotations

import msgspec

from lionrock.kernel import outbox
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.debits import store
from lionrock.payments.debits.domain import Mandate
from lionrock.payments.debits.errors import DebitRefusal
from lionrock.payments.debits.parts import AGREED_TOPIC, Parts
from lionrock.payments.domain.iso20022 import Header, MandateAcceptance
from lionrock.payments.domain.iso20022.mandates import MANDATE_AMENDMENT, MANDATE_INITIATION
from lionrock.payments.domain.payments import Subject
from lionrock.payments.store.members import Participant


class Answers:
    """Takes the answers of debtors' banks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(
        self, db: Connection, sender: Participant, _header: Header, answer: MandateAcceptance
    ) -> Subject | Refused:
        """pain.012: agree or refuse, and tell the creditor's bank.

        Refused: MANDATE_UNKNOWN, NOT_FOR_SENDER (the creditor's bank), NOT_ASKED.
        """
        mandate = await self._parts.own(db, sender, answer.mandate_id)
        if mandate is None:
            return Refused(DebitRefusal.MANDATE_UNKNOWN)
        if sender.organisation_id != mandate.debtor_organisation_id:
            return Refused(DebitRefusal.NOT_FOR_SENDER)
        is_pending = mandate.state == "pending"
        waiting = MANDATE_INITIATION if is_pending else MANDATE_AMENDMENT
        if mandate.answer_due_at is None or (
            answer.original_message_id, answer.original_definition
        ) != (mandate.sent_message_id, waiting):
            return Refused(DebitRefusal.NOT_ASKED, f"It is {mandate.state}.")
        if is_pending:
            await self._decide(db, mandate, answer)
        else:
            await store.settle_proposal(db, mandate, is_accepted=answer.is_accepted)
            word = "amended" if answer.is_accepted else "kept"
            await self._parts.record(db, mandate, f"payments.mandate_{word}")
        told = msgspec.structs.replace(answer, original_message_id=mandate.asked_message_id)
        await self._parts.post.tell(db, mandate.subject, mandate.creditor_organisation_id, told)
        return mandate.subject

    async def _decide(
        self, db: Connection, mandate: Mandate, answer: MandateAcceptance
    ) -> None:
        kernel = self._parts.core.kernel
        if answer.is_accepted:
            moved = await store.move(db, mandate, "active")
            await self._parts.record(db, mandate, "payments.mandate_active")
            await outbox.emit(db, kernel.ids, AGREED_TOPIC, {"mandate_id": mandate.id})
        else:
            moved = await store.move(
                db, mandate, "refused", reason_code=answer.reason_code,
                ended_at=kernel.business_clock.now(),
            )
            await self._parts.record(db, mandate, "payments.mandate_refused")
        assert moved, "its row is locked in state pending"
