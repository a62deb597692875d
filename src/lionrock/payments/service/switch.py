"""Driving one payment to its end: hold, send, wait, carry out the outcome. Three beats each.

Each step reads the state, does one thing without a connection, and records what came of it with a
compare-and-set. A step that was done and not recorded is done again with the same ids and bytes:
the ledger answers `exists`, the bank knows the MsgId. So it does not matter where a process dies,
nor whether two workers drive the same payment.

Most payments are driven many at once (plain.py, together.py); here is the way of one alone, which
is also that of everything out of the ordinary.
Not for: taking orders and messages (orders, inbox). Invariants: money moves only by the ledger's
post of the payment's own hold; an outcome is told after the ledger has carried it out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime, timedelta

import msgspec
import structlog

from lionrock.kernel import jobs, outbox
from lionrock.kernel.db import Connection
from lionrock.ledger.api import Unavailable
from lionrock.payments.addressing.service.quota import Quota
from lionrock.payments.domain import reasons
from lionrock.payments.domain.kinds import outgoing
from lionrock.payments.domain.payments import (
    ANSWERS,
    Payment,
    State,
)
from lionrock.payments.service.booking import (
    DONE_BEFORE,
    end_of,
    ended_as,
    hold_of,
    reason_of_ledger,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.courier import SEND_TIMEOUT_MS, Outgoing
from lionrock.payments.service.post import Post, schedule_delivery
from lionrock.payments.store import messages, payments
from lionrock.payments.store.messages import Message

DRIVE_QUEUE = "payments.drive"
# The near-real-time class has a queue of its own, so that many of it delay no instant payment.
DRIVE_NEAR_QUEUE = "payments.drive_near"
SETTLED_TOPIC = "payments.payment_settled"
REJECTED_TOPIC = "payments.payment_rejected"
STEPS_MAX = 8
LEDGER_PAUSE_MS = 200

_log = structlog.get_logger("lionrock.payments")
# None: the state moved (perhaps by another worker), look again.
_StepResult = jobs.Done | jobs.Again | None
# Told of each payment that came to its end, in the transaction that ends it.
Listener = Callable[[Connection, Payment], Awaitable[None]]
# Of several payments those whose end a listener must be told of.
Concerned = Callable[[Connection, Sequence[Payment]], Awaitable[set[str]]]


class Found(msgspec.Struct, frozen=True, eq=False):
    """What there was about ending payments before the transaction that ends them.

    `exchanged`: the messages about them; `concerned`: whose end some listener must be told of.
    """

    exchanged: Sequence[Message]
    concerned: Set[str]


class Switch:
    """Moves payments; one job for each."""

    def __init__(self, core: Core, post: Post, quota: Quota) -> None:
        self._core = core
        self._post = post
        self._quota = quota
        self._listeners: list[tuple[Listener, Concerned | None]] = []
        self._steps: dict[State, Callable[[Payment], Awaitable[_StepResult]]] = {
            "accepted": self._hold,
            "held": self._fix_message,
            "sent": self._send,
            "answered": self._carry_out,
        }

    def listen(self, listener: Listener, concerned: Concerned | None = None) -> None:
        """Have a room told of each payment's end; `concerned` spares it those of no interest."""
        self._listeners.append((listener, concerned))

    async def schedule(
        self, db: Connection, payment: Payment, *, due_at: datetime | None = None
    ) -> None:
        """Have a payment driven on, in the queue of its class: now, or if nobody has by then."""
        await jobs.schedule(db, queue=queue_of(payment), key=payment.id, due_at=due_at)

    async def drive(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a payment: go on until it is final or must wait."""
        for step in range(STEPS_MAX):
            payment = await self.load(job.key)
            assert payment is not None, f"{job.key} was scheduled and is not stored"
            if payment.is_final:
                if step == 0:
                    await self.tell_untold([payment.id])
                return jobs.Done()
            try:
                result = await self._steps[payment.state](payment)
            except Unavailable:
                # Not known whether the ledger did it: the same ids again will tell.
                result = jobs.Again(after_ms=LEDGER_PAUSE_MS)
            if result is not None:
                return result
        return jobs.Again(after_ms=LEDGER_PAUSE_MS)

    async def tell_untold(self, payment_ids: Sequence[str]) -> None:
        """Have the outcomes told that whoever ended these payments perhaps died before sending."""
        kernel = self._core.kernel
        untold = await kernel.database.alone(lambda db: messages.list_untold(db, payment_ids))
        if not untold:
            return
        # Not before a sending that is under way has ended.
        due_at = kernel.wire_clock.now() + timedelta(milliseconds=SEND_TIMEOUT_MS)

        async def use_case(db: Connection) -> None:
            for row_id in untold:
                await schedule_delivery(db, row_id, due_at=due_at)

        await kernel.database.run(use_case)

    async def load(self, payment_id: str) -> Payment | None:
        """Return a payment as it stands."""
        vault = self._core.vault
        # One statement sees one snapshot by itself.
        return await self._core.kernel.database.alone(
            lambda db: payments.load_payment(db, vault, payment_id)
        )

    async def _hold(self, payment: Payment) -> _StepResult:
        """accepted: reserve the money on the debtor's account for the creditor's bank."""
        [outcome] = await self._core.ledger.create_transfers([hold_of(payment)])
        database = self._core.kernel.database
        if outcome.result in DONE_BEFORE:

            async def use_case(db: Connection) -> None:
                if await payments.move_to_held(db, payment.id) and payment.release_at is None:
                    # What need not wait is fixed in the same transaction.
                    await self._fix(db, payment.id)

            await database.run(use_case)
            return None
        code = reason_of_ledger(outcome.result)
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
        made = await self._post.compose(db, there.subject, there.answerer_id, outgoing(there))
        # It is in the receipt of the end, which comes to every payment that is sent.
        await self._post.store(db, made)
        moved = await payments.move_to_sent(
            db, there.id, made.message.message_id, self.deadline_of(there)
        )
        assert moved, "the row was locked in this state"

    async def _answer_unsent(self, db: Connection, payment: Payment) -> None:
        """Decide what was never sent: a recall gives it back, and without a bank it is accepted."""
        code = reasons.ORDER_RECALLED if payment.is_recalled else ""
        moved = await payments.move_to_answered(
            db, payment.id, "reject" if code else "accept", code,
            reasons.REASON_TEXTS[code] if code else "", before="held",
        )
        assert moved, "the row is locked in this state"

    def deadline_of(self, payment: Payment) -> datetime:
        """Until when the bank that is asked now may answer (wire time)."""
        settings = self._core.kernel.settings
        wait_ms = settings.payment_answer_timeout_ms
        if payment.service_class == "C2":
            wait_ms = settings.payment_near_answer_timeout_ms
        return self._core.kernel.wire_clock.now() + timedelta(milliseconds=wait_ms)

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
        return self.wait(payment.deadline_at)

    def wait(self, deadline_at: datetime) -> jobs.Again:
        """Until the next sending, or the deadline.

        An answer that came meanwhile has scheduled the job again: then it is due at once,
        whatever is said here.
        """
        kernel = self._core.kernel
        left = deadline_at - kernel.wire_clock.now()
        left_ms = max(1, int(left.total_seconds() * 1000) + 1)
        return jobs.Again(after_ms=min(kernel.settings.payment_resend_ms, left_ms))

    async def _carry_out(self, payment: Payment) -> _StepResult:
        """answered: post or void the hold, as was decided, and tell everyone."""
        [outcome] = await self._core.ledger.create_transfers([end_of(payment)])
        ended = ended_as(payment, outcome.result)
        await self._core.kernel.database.run(lambda db: self.finish(db, [ended]))
        return None

    async def finish(
        self, db: Connection, ended: Sequence[Payment], mail: list[Outgoing] | None = None
    ) -> list[Payment]:
        """Record the ends that the ledger has carried out and tell everyone; returns what ended."""
        final = [self.final(each) for each in ended]
        moved = await payments.move_many_to_final(db, final)
        final = [each for each in final if each.id in moved]
        await self.close(db, final, mail)
        return final

    async def finish_asked(
        self, db: Connection, ended: Sequence[Payment], found: Found, mail: list[Outgoing],
        arrived: Sequence[Message],
    ) -> list[Payment]:
        """The same for payments that were sent; all of them end, or nothing is kept.

        `arrived`: the answers, written with this transaction; `found`: what `look` has found.
        """
        final = [self.final(each) for each in ended]
        ids = {each.id for each in final}
        exchanged = [each for each in found.exchanged if each.payment_id in ids]
        heard = [each for each in exchanged if _is_answer(each)]
        await payments.end_asked(db, final, len(heard), found.concerned & ids)
        await self.close(db, final, mail, arrived, Found(exchanged, found.concerned))
        return final

    def final(self, payment: Payment) -> Payment:
        """A payment that has its outcome, at its end."""
        return msgspec.structs.replace(
            payment, state="settled" if payment.outcome == "accept" else "rejected",
            finished_at=self._core.kernel.business_clock.now(),
        )

    async def look(self, db: Connection, final: Sequence[Payment]) -> Found:
        """Read what telling of these ends needs, with nothing but reads."""
        exchanged = await self._list_exchanged(db, final)
        concerned: set[str] = set()
        for _, asking in self._listeners:
            if asking is not None:
                concerned |= await asking(db, final)
        return Found(exchanged, concerned)

    async def reject_unsent(
        self, db: Connection, payment: Payment, reason_code: str,
        mail: list[Outgoing] | None = None, arrived: Sequence[Message] = (),
    ) -> Payment:
        """End a payment before anything was sent: not allowed, or not held by the ledger."""
        now = self._core.kernel.business_clock.now()
        text = reasons.REASON_TEXTS[reason_code]
        if await payments.move_to_refused(db, payment.id, reason_code, text, now):
            payment = msgspec.structs.replace(
                payment, state="rejected", outcome="reject", reason_code=reason_code,
                reason_text=text, finished_at=now,
            )
            await self.close(db, [payment], mail, arrived)
        return payment

    async def close(
        self, db: Connection, ended: Sequence[Payment], mail: list[Outgoing] | None = None,
        arrived: Sequence[Message] = (), found: Found | None = None,
    ) -> None:
        """Tell everyone about final outcomes: receipt, both banks, event to whoever has its
        reference, listeners; once per payment.

        `mail`: the caller sends the notices after the commit; without it jobs do, and the tokens
        of look-ups are given back at once. `arrived`: answers that are not in the table yet.
        `found`: what was read before.
        """
        listed = found.exchanged if found else await self._list_exchanged(db, ended)
        exchanged = _exchanged(ended, [*listed, *arrived])
        for payment in ended:
            await self._tell_end(db, payment, exchanged.get(payment.id, {}), mail)
        if mail is None:
            await self.give_back(db, ended)
        # Of the others it is known that nobody is concerned.
        asked = [each for each in ended if each.id in found.concerned] if found else ended
        for listener, concerned in self._listeners:
            heard = {each.id for each in ended}
            if concerned is not None:
                heard = await concerned(db, asked) if asked else set()
            for payment in ended:
                if payment.id in heard:
                    await listener(db, payment)

    async def _list_exchanged(
        self, db: Connection, ended: Sequence[Payment]
    ) -> list[Message]:
        """The messages about ordered payments and about those that a bank was asked for."""
        asked = [each.id for each in ended if each.original_message_id or each.sent_message_id]
        return await messages.list_exchanged(db, asked) if asked else []

    async def _tell_end(
        self, db: Connection, payment: Payment, exchanged: dict[str, str],
        mail: list[Outgoing] | None,
    ) -> None:
        assert payment.is_final, "only an end is told"
        assert (payment.state == "settled") == (payment.outcome == "accept"), "as was decided"
        # A payment between banks concerns nobody else: most are.
        if payment.reference:
            topic = SETTLED_TOPIC if payment.state == "settled" else REJECTED_TOPIC
            await outbox.emit(db, self._core.kernel.ids, topic, {
                "payment_id": payment.id,
                "reference": payment.reference,
                "reason_code": payment.reason_code,
            })
        digests = {"order": payment.order_digest.hex(), **exchanged}
        # Who ordered it in a batch file is told by the file's answer instead.
        if payment.message_known_to(payment.orderer_id):
            digests |= await self._post.notify_end(db, payment, payment.orderer_id, mail)
        if payment.sent_message_id:
            digests |= await self._post.notify_end(db, payment, payment.answerer_id, mail)
        # One receipt says what happened and what each was told: they are one transaction.
        await self._core.record(
            db, f"payments.payment_{payment.state}", payment.subject, digests
        )

    async def give_back(self, db: Connection, ended: Sequence[Payment]) -> None:
        """Give back the tokens of the look-ups that payments followed, in one statement."""
        followed = [
            (payment.debtor_organisation_id, payment.parties.debtor.account) for payment in ended
            if payment.gives_token_back
        ]
        if followed:
            await self._quota.give_back(db, followed)


def _exchanged(
    ended: Sequence[Payment], listed: Sequence[Message]
) -> dict[str, dict[str, str]]:
    """Digests of what ordered payments, and of what the asked banks were sent and answered, by
    payment and definition.

    Further answers of a bank have a number behind the name.
    """
    asked = {payment.id: payment for payment in ended}
    found: dict[str, dict[str, str]] = {}
    for message in listed:
        assert message.payment_id is not None, "it was asked for by payment"
        payment = asked[message.payment_id]
        is_asking = message.message_id == payment.sent_message_id
        is_order = message.message_id == payment.original_message_id
        if is_order and message.organisation_id == payment.orderer_id:
            named = found.setdefault(payment.id, {})
            named[f"ordered.{message.definition}"] = message.digest.hex()
        if message.organisation_id == payment.answerer_id and (_is_answer(message) or is_asking):
            digests = found.setdefault(payment.id, {})
            number = sum(name.startswith(message.definition) for name in digests) + 1
            name = message.definition if number == 1 else f"{message.definition}.{number}"
            digests[name] = message.digest.hex()
    return found


def _is_answer(message: Message) -> bool:
    return message.direction == "in" and message.definition in ANSWERS


def queue_of(payment: Payment) -> str:
    """The queue of a payment's job."""
    return DRIVE_QUEUE if payment.service_class == "C1" else DRIVE_NEAR_QUEUE
