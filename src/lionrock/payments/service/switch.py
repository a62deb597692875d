"""Driving one payment to its end: hold, send, wait, carry out the outcome. Three beats each.

Each step reads the state, does one thing without a connection, and records what came of it with a
compare-and-set. A step that was done and not recorded is done again with the same ids and bytes:
the ledger answers `exists`, the bank knows the MsgId. So it does not matter where a process dies,
nor whether two workers drive the same payment.

Not for: taking orders and messages (orders, inbox). Invariants: money moves only by the ledger's
post of the payment's own hold; the outcome was recorded before the ledger hears of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.ledger.api import (
    AMOUNT_MAX,
    TransferDraft,
    TransferFlags,
    TransferResult,
    Unavailable,
)
from lionrock.payments.addressing.service.quota import Quota
from lionrock.payments.domain import reasons
from lionrock.payments.domain.kinds import outgoing
from lionrock.payments.domain.payments import (
    LEDGER_OF_CURRENCY,
    PAYMENT_TRANSFER_CODE,
    Payment,
    State,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.post import Post
from lionrock.payments.store import payments

DRIVE_QUEUE = "payments.drive"
# The near-real-time class has a queue of its own, so that many of it delay no instant payment.
DRIVE_NEAR_QUEUE = "payments.drive_near"
SETTLED_TOPIC = "payments.payment_settled"
REJECTED_TOPIC = "payments.payment_rejected"
STEPS_MAX = 8
LEDGER_PAUSE_MS = 200
_DONE_BEFORE = (TransferResult.OK, TransferResult.EXISTS)
_REASON_OF_LEDGER = {
    TransferResult.EXCEEDS_CREDITS: reasons.FUNDS_INSUFFICIENT,
    TransferResult.EXCEEDS_DEBITS: reasons.FUNDS_INSUFFICIENT,
    TransferResult.DEBIT_ACCOUNT_ALREADY_CLOSED: reasons.ACCOUNT_CLOSED,
}

_log = structlog.get_logger("lionrock.payments")
# None: the state moved (perhaps by another worker), look again.
_StepResult = jobs.Done | jobs.Again | None
# Told of each payment that came to its end, in the transaction that ends it.
Listener = Callable[[Connection, Payment], Awaitable[None]]


class Switch:
    """Moves payments; one job for each."""

    def __init__(self, core: Core, post: Post, quota: Quota) -> None:
        self._core = core
        self._post = post
        self._quota = quota
        self._listeners: list[Listener] = []
        self._steps: dict[State, Callable[[Payment], Awaitable[_StepResult]]] = {
            "accepted": self._hold,
            "held": self._fix_message,
            "sent": self._send,
            "answered": self._carry_out,
        }

    def listen(self, listener: Listener) -> None:
        """Have a room told of each payment's end."""
        self._listeners.append(listener)

    async def schedule(self, db: Connection, payment: Payment) -> None:
        """Have a payment driven on, in the queue of its class."""
        queue = DRIVE_QUEUE if payment.service_class == "C1" else DRIVE_NEAR_QUEUE
        await jobs.schedule(db, queue=queue, key=payment.id)

    async def drive(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a payment: go on until it is final or must wait."""
        for _ in range(STEPS_MAX):
            payment = await self.load(job.key)
            assert payment is not None, f"{job.key} was scheduled and is not stored"
            if payment.is_final:
                return jobs.Done()
            try:
                result = await self._steps[payment.state](payment)
            except Unavailable:
                # Not known whether the ledger did it: the same ids again will tell.
                result = jobs.Again(after_ms=LEDGER_PAUSE_MS)
            if result is not None:
                return result
        return jobs.Again(after_ms=LEDGER_PAUSE_MS)

    async def load(self, payment_id: str) -> Payment | None:
        """Return a payment as it stands."""
        vault = self._core.vault
        # One statement sees one snapshot by itself.
        return await self._core.kernel.database.alone(
            lambda db: payments.load_payment(db, vault, payment_id)
        )

    async def _hold(self, payment: Payment) -> _StepResult:
        """accepted: reserve the money on the debtor's account for the creditor's bank."""
        draft = TransferDraft(
            id=payment.hold_id,
            debit_account_id=payment.debit_account_id,
            credit_account_id=payment.credit_account_id,
            amount=payment.amount.amount_minor,
            ledger=LEDGER_OF_CURRENCY[payment.amount.currency],
            code=PAYMENT_TRANSFER_CODE,
            flags=TransferFlags.PENDING,
        )
        [outcome] = await self._core.ledger.create_transfers([draft])
        database = self._core.kernel.database
        if outcome.result in _DONE_BEFORE:

            async def use_case(db: Connection) -> None:
                if await payments.move_to_held(db, payment.id) and payment.release_at is None:
                    # What need not wait is fixed in the same transaction.
                    await self._fix(db, payment.id)

            await database.run(use_case)
            return None
        # `id_already_failed` (a repeat after a crash) no longer says why it failed.
        code = _REASON_OF_LEDGER.get(outcome.result, reasons.SETTLEMENT_FAILED)
        _log.info("payment_not_held", payment=payment.id, result=str(outcome.result))
        await database.run(lambda db: self.reject_unsent(db, payment, code))
        return None

    async def _fix_message(self, payment: Payment) -> _StepResult:
        """held: fix the message and the deadline, so that every sending is the same one.

        What is of the near-real-time class waits for its round; what was recalled meanwhile is
        sent to nobody, and what goes to nobody's bank is accepted at once.
        """
        kernel = self._core.kernel
        now = kernel.wire_clock.now()
        is_waiting = payment.release_at is not None and now < payment.release_at
        if is_waiting and not payment.is_recalled:
            assert payment.release_at is not None, "it waits for this"
            left_ms = int((payment.release_at - now).total_seconds() * 1000) + 1
            return jobs.Again(after_ms=left_ms)
        await kernel.database.run(lambda db: self._fix(db, payment.id))
        return None

    async def _fix(self, db: Connection, payment_id: str) -> None:
        there = await payments.load_payment(db, self._core.vault, payment_id, is_locking=True)
        assert there is not None, "payments are never deleted"
        if there.state != "held":
            return
        if there.is_recalled or not there.answerer_id:
            await self._answer_unsent(db, there)
            return
        message = await self._post.write(db, there.subject, there.answerer_id, outgoing(there))
        wait = timedelta(milliseconds=self._answer_timeout_ms(there))
        deadline_at = self._core.kernel.wire_clock.now() + wait
        moved = await payments.move_to_sent(db, there.id, message.message_id, deadline_at)
        assert moved, "the row was locked in this state"

    async def _answer_unsent(self, db: Connection, payment: Payment) -> None:
        """Decide what was never sent: a recall gives it back, and without a bank it is accepted."""
        code = reasons.ORDER_RECALLED if payment.is_recalled else ""
        moved = await payments.move_to_answered(
            db, payment.id, "reject" if code else "accept", code,
            reasons.REASON_TEXTS[code] if code else "", before="held",
        )
        assert moved, "the row is locked in this state"

    def _answer_timeout_ms(self, payment: Payment) -> int:
        settings = self._core.kernel.settings
        if payment.service_class == "C2":
            return settings.payment_near_answer_timeout_ms
        return settings.payment_answer_timeout_ms

    async def _send(self, payment: Payment) -> _StepResult:
        """sent: send (again) and wait; after the deadline decide that the bank did not answer."""
        kernel = self._core.kernel
        assert payment.deadline_at is not None, "the deadline was fixed with the message"
        if kernel.wire_clock.now() >= payment.deadline_at:
            is_debit = payment.kind == "debit"
            code = reasons.DEBTOR_AGENT_TIMED_OUT if is_debit else reasons.AGENT_TIMED_OUT
            await kernel.database.run(
                lambda db: payments.move_to_answered(
                    db, payment.id, "reject", code, reasons.REASON_TEXTS[code]
                )
            )
            return None
        await self._post.send(f"msg_{payment.sent_message_id}")
        # An answer that came meanwhile has scheduled the job again: then it is due at once,
        # whatever is said here.
        left = payment.deadline_at - kernel.wire_clock.now()
        left_ms = max(1, int(left.total_seconds() * 1000) + 1)
        return jobs.Again(after_ms=min(kernel.settings.payment_resend_ms, left_ms))

    async def _carry_out(self, payment: Payment) -> _StepResult:
        """answered: post or void the hold, as was decided, and tell everyone."""
        assert payment.outcome in {"accept", "reject"}, "an outcome was decided"
        is_accepted = payment.outcome == "accept"
        draft = TransferDraft(
            id=payment.post_id if is_accepted else payment.void_id,
            pending_id=payment.hold_id,
            # A post of AMOUNT_MAX posts all of the hold, a void takes no amount.
            amount=AMOUNT_MAX if is_accepted else 0,
            flags=(
                TransferFlags.POST_PENDING_TRANSFER if is_accepted
                else TransferFlags.VOID_PENDING_TRANSFER
            ),
        )
        [outcome] = await self._core.ledger.create_transfers([draft])
        # From here the transfer must succeed.
        if outcome.result not in _DONE_BEFORE:
            raise AssertionError(f"{payment.id}: the ledger says {outcome.result} to its own hold")
        after: State = "settled" if is_accepted else "rejected"
        await self._core.kernel.database.run(lambda db: self._finish(db, payment, after))
        return None

    async def _finish(self, db: Connection, payment: Payment, after: State) -> None:
        now = self._core.kernel.business_clock.now()
        if await payments.move_to_final(db, payment.id, "answered", after, now):
            await self.close(db, msgspec.structs.replace(payment, state=after, finished_at=now))

    async def reject_unsent(
        self, db: Connection, payment: Payment, reason_code: str
    ) -> Payment:
        """End a payment before anything was sent: not allowed, or not held by the ledger."""
        now = self._core.kernel.business_clock.now()
        text = reasons.REASON_TEXTS[reason_code]
        if await payments.move_to_refused(db, payment.id, reason_code, text, now):
            payment = msgspec.structs.replace(
                payment, state="rejected", outcome="reject", reason_code=reason_code,
                reason_text=text, finished_at=now,
            )
            await self.close(db, payment)
        return payment

    async def close(self, db: Connection, payment: Payment) -> None:
        """Tell everyone about a final outcome: event, receipt, both banks; once per payment."""
        assert payment.is_final, "only an end is told"
        assert (payment.state == "settled") == (payment.outcome == "accept"), "as was decided"
        topic = SETTLED_TOPIC if payment.state == "settled" else REJECTED_TOPIC
        await outbox.emit(db, self._core.kernel.ids, topic, {
            "payment_id": payment.id,
            "reference": payment.reference,
            "reason_code": payment.reason_code,
        })
        await self._core.record(
            db, f"payments.payment_{payment.state}", payment.subject,
            {"order": payment.order_digest.hex()},
        )
        # Who ordered it in a batch file is told by the file's answer instead.
        if payment.message_known_to(payment.orderer_id):
            await self._post.notify(db, payment, payment.orderer_id, is_first=True)
        if payment.sent_message_id:
            await self._post.notify(db, payment, payment.answerer_id, is_first=True)
        if payment.state == "settled" and payment.parties.proxy and payment.debtor_organisation_id:
            await self._quota.give_back(
                db, payment.debtor_organisation_id, payment.parties.debtor.account
            )
        for listener in self._listeners:
            await listener(db, payment)
