"""Recalls (camt.056) and their answers (camt.029).

A payment that was not sent yet is cancelled; one that is under way is waited for; a settled one is
asked for at the credited bank, which answers in its own time, within limits. The asker always hears
an end. Runs in the request's transaction; a job refuses what nobody answered.
Invariants: one open recall of a payment; a bank answers what it was asked, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.jobs import JobHandler
from lionrock.payments.domain import reasons
from lionrock.payments.domain.iso20022 import (
    CancellationAnswer,
    CancellationRequest,
    Header,
    PaymentReturn,
)
from lionrock.payments.domain.iso20022.recalls import CancellationStatus
from lionrock.payments.domain.payments import Payment, Subject, order_digest_of
from lionrock.payments.recalls import store
from lionrock.payments.recalls.domain import (
    ALREADY_RETURNED,
    NO_ANSWER,
    NO_ORIGINAL,
    REASONS,
    UNDER_RECALL,
    Recall,
    RecallState,
    check_repeats,
    reason_against_recall,
)
from lionrock.payments.recalls.errors import RecallRefusal
from lionrock.payments.recalls.returns import Returns
from lionrock.payments.service.inbox import Handling, Take
from lionrock.payments.service.parts import RoomParts
from lionrock.payments.store import payments
from lionrock.payments.store.members import Participant

RECALL_PREFIX = "rcl"
RECALL_QUEUE = "payments.recalls"
_ANSWER_STATES: Mapping[CancellationStatus, RecallState] = {
    "ACCR": "accepted", "PDCR": "pending", "RJCR": "refused",
}


class Recalls:
    """The room of returns and recalls."""

    def __init__(self, parts: RoomParts) -> None:
        self._parts = parts
        self.returns = Returns(parts)
        # What a camt.056 may be about besides payments, by the original's definition.
        self._withdrawals: dict[str, Take] = {}
        parts.switch.listen(self.returns.on_closed)
        parts.switch.listen(self.on_closed, self._concerned)

    def extend(self, withdrawals: Mapping[str, Take]) -> None:
        """Let another room take the camt.056 about its own messages."""
        self._withdrawals |= withdrawals

    def handlings(self) -> Mapping[type, Handling]:
        """The rows of the inbox that are about giving back."""
        return {
            PaymentReturn: Handling(take=self.returns.take, again=self.returns.tell_again),
            CancellationRequest: Handling(take=self.take_request),
            CancellationAnswer: Handling(take=self.take_answer),
        }

    def handlers(self) -> Mapping[str, JobHandler]:
        """The room's background work by queue."""
        return {RECALL_QUEUE: self.end_unanswered}

    async def take_request(
        self, db: Connection, sender: Participant, header: Header, request: CancellationRequest
    ) -> Subject | Refused | None:
        """camt.056: cancel, wait, or ask the credited bank; the same recall again is the same one.

        Refused: ORIGINAL_UNKNOWN (also another's), ORIGINAL_DIFFERS, RECALL_ID_REUSED. What cannot
        be given back is answered by camt.029 with the reason.
        """
        if request.original_definition in self._withdrawals:
            return await self._withdrawals[request.original_definition](
                db, sender, header, request
            )
        vault = self._parts.core.vault
        digest = order_digest_of("camt.056/1", msgspec.json.encode(request).decode())
        before = await store.load_named(db, vault, sender.organisation_id, request.recall_id)
        if before is not None:
            is_same = before.request_digest == digest
            return before.subject if is_same else Refused(RecallRefusal.RECALL_ID_REUSED)
        payment = await payments.load_by_uetr(db, vault, request.uetr, is_locking=True)
        if payment is None or payment.debtor_organisation_id != sender.organisation_id:
            return Refused(RecallRefusal.ORIGINAL_UNKNOWN)
        known = payment.message_known_to(sender.organisation_id)
        refused = check_repeats(payment, known, request)
        if refused is not None:
            return refused
        recall = await self._recall(db, sender, request, digest, payment)
        if not await store.insert_recall(db, vault, recall):
            return Refused(RecallRefusal.RECALL_ID_REUSED)
        await self._begin(db, recall, payment)
        return recall.subject

    async def _recall(
        self, db: Connection, sender: Participant, request: CancellationRequest, digest: bytes,
        payment: Payment,
    ) -> Recall:
        """A new recall in the state that the payment calls for."""
        kernel = self._parts.core.kernel
        now = kernel.business_clock.now()
        is_recalled = await store.lock_open(db, self._parts.core.vault, payment.id) is not None
        reason = UNDER_RECALL if is_recalled else reason_against_recall(
            payment, await store.sum_returns(db, payment.id), now,
            kernel.settings.payment_return_days_max,
        )
        state: RecallState = "asked" if payment.state == "settled" else "waiting"
        return Recall(
            id=kernel.ids.new(RECALL_PREFIX), state="refused" if reason else state,
            payment_id=payment.id, organisation_id=sender.organisation_id,
            recall_id=request.recall_id, request_digest=digest, request=request,
            asked_organisation_id=payment.creditor_organisation_id, sent_message_id="",
            created_at=now, ended_at=now if reason else None, reason_code=reason,
        )

    async def _begin(self, db: Connection, recall: Recall, payment: Payment) -> None:
        await self._record(db, recall, "payments.recall_taken")
        if recall.state == "refused":
            await self._tell(db, recall, "RJCR", recall.reason_code, REASONS[recall.reason_code])
        elif recall.state == "asked":
            await self._ask(db, recall, payment)
        else:
            # Too late for that is no harm: then its outcome is waited for.
            await payments.mark_recalled(db, payment.id)
            await self._parts.switch.schedule(db, payment)
            await self._tell(db, recall, "PDCR")

    async def _ask(self, db: Connection, recall: Recall, payment: Payment) -> None:
        """Pass the recall on to the credited bank, in the words that it knows the payment by."""
        kernel = self._parts.core.kernel
        asked = msgspec.structs.replace(
            recall.request, recall_id=recall.wire_id,
            original_message_id=payment.message_known_to(recall.asked_organisation_id),
        )
        sent = await self._parts.post.tell(
            db, recall.subject, recall.asked_organisation_id, asked
        )
        due_at = kernel.business_clock.now() + timedelta(
            days=kernel.settings.payment_recall_answer_days
        )
        await store.set_asked(db, recall.id, sent.message_id, due_at)
        await jobs.schedule(db, queue=RECALL_QUEUE, key=recall.id, business_due_at=due_at)

    async def take_answer(
        self, db: Connection, sender: Participant, _header: Header, answer: CancellationAnswer
    ) -> Subject | Refused:
        """camt.029: it will be given back, is being looked into, or will not be given back.

        Refused: RECALL_UNKNOWN (also another's), ORIGINAL_DIFFERS, RECALL_NOT_ASKED.
        """
        recall = await store.load_recall(
            db, self._parts.core.vault, f"{RECALL_PREFIX}_{answer.recall_id}", is_locking=True
        )
        if recall is None or recall.asked_organisation_id != sender.organisation_id:
            return Refused(RecallRefusal.RECALL_UNKNOWN)
        if (answer.uetr, answer.transaction_id) != (
            recall.request.uetr, recall.request.transaction_id
        ):
            return Refused(RecallRefusal.ORIGINAL_DIFFERS, field="OrgnlUETR")
        after = _ANSWER_STATES[answer.status]
        if recall.state == after:
            return recall.subject
        if recall.state not in {"asked", "pending"}:
            return Refused(RecallRefusal.RECALL_NOT_ASKED, f"It is {recall.state}.")
        await self._move(db, recall, after, answer.reason_code)
        await self._tell(db, recall, answer.status, answer.reason_code, answer.reason_text)
        return recall.subject

    async def _concerned(self, db: Connection, ended: Sequence[Payment]) -> set[str]:
        """Of ended payments those that a recall waits for, or that are returns."""
        originals = {
            each.id: each.parties.returned.payment_id if each.parties.returned else each.id
            for each in ended
        }
        recalled = await store.list_recalled(db, sorted(set(originals.values())))
        return {own_id for own_id, original in originals.items() if original in recalled}

    async def on_closed(self, db: Connection, payment: Payment) -> None:
        """A payment's end decides the recall that waits for it, a return's the one it answers."""
        returned = payment.parties.returned
        recall = await store.lock_open(
            db, self._parts.core.vault, returned.payment_id if returned else payment.id
        )
        if recall is None:
            return
        if returned is not None:
            await self._on_returned(db, recall, payment)
        elif payment.state == "settled":
            await self._move(db, recall, "asked")
            await self._ask(db, recall, payment)
        elif payment.reason_code == reasons.ORDER_RECALLED:
            await self._move(db, recall, "cancelled")
            await self._tell(db, recall, "ACCR")
        else:
            await self._move(db, recall, "refused", NO_ORIGINAL)
            await self._tell(db, recall, "RJCR", NO_ORIGINAL, REASONS[NO_ORIGINAL])

    async def _on_returned(self, db: Connection, recall: Recall, payment: Payment) -> None:
        """A settled return answers the recall: any after a yes, the whole rest before it."""
        if payment.state != "settled" or recall.state == "waiting":
            return
        is_accepted = recall.state == "accepted"
        total = await store.sum_returns(db, recall.payment_id)
        if not is_accepted and total < recall.request.amount.amount_minor:
            return
        await self._move(db, recall, "returned", ALREADY_RETURNED)
        if not is_accepted:
            await self._tell(db, recall, "ACCR")

    async def end_unanswered(self, job: jobs.Job) -> jobs.Done:
        """Job of a recall: what nobody answered, or was promised and never came, is refused."""
        await self._parts.core.kernel.database.run(lambda db: self._end(db, job.key))
        return jobs.Done()

    async def _end(self, db: Connection, recall_id: str) -> None:
        recall = await store.load_recall(
            db, self._parts.core.vault, recall_id, is_locking=True
        )
        assert recall is not None, "recalls are never deleted"
        now = self._parts.core.kernel.business_clock.now()
        if recall.is_open and recall.answer_due_at is not None and now >= recall.answer_due_at:
            await self._move(db, recall, "refused", NO_ANSWER)
            await self._tell(db, recall, "RJCR", NO_ANSWER, REASONS[NO_ANSWER])

    async def _move(
        self, db: Connection, recall: Recall, after: RecallState, reason_code: str = ""
    ) -> None:
        is_end = after in {"returned", "refused", "cancelled"}
        now = self._parts.core.kernel.business_clock.now()
        moved = await store.move(
            db, recall, after, reason_code=reason_code, ended_at=now if is_end else None
        )
        assert moved, "its row is locked"
        await self._record(db, recall, f"payments.recall_{after}")

    async def _tell(
        self, db: Connection, recall: Recall, status: CancellationStatus, reason_code: str = "",
        reason_text: str = "",
    ) -> None:
        """Tell the asker, in its own words for the recall and the payment."""
        asked = recall.request
        await self._parts.post.tell(db, recall.subject, recall.organisation_id, CancellationAnswer(
            recall_id=recall.recall_id, original_message_id=asked.original_message_id,
            original_definition=asked.original_definition, end_to_end_id=asked.end_to_end_id,
            transaction_id=asked.transaction_id, uetr=asked.uetr, status=status,
            reason_code=reason_code, reason_text=reason_text,
        ))

    async def _record(self, db: Connection, recall: Recall, kind: str) -> None:
        digests = {"request": recall.request_digest.hex()}
        await self._parts.core.record(db, kind, recall.subject, digests)

    async def recall(
        self, db: Connection, recall_id: str, organisation_id: str
    ) -> Recall | Refused:
        """Return a recall to the participant that made it under this name; to others none."""
        found = await store.load_named(db, self._parts.core.vault, organisation_id, recall_id)
        return found if found is not None else Refused(RecallRefusal.RECALL_UNKNOWN)

    async def returned(self, db: Connection, recall: Recall) -> int:
        """Return what came back of the recalled payment, or is under way, in minor units."""
        return await store.sum_returns(db, recall.payment_id)
