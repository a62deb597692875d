"""Outgoing messages: composed and stored in the transaction that decides them, sent after it.

A message is fixed once: every repeat sends the same bytes under a new HTTP signature, so that the
receiver can tell a repeat by MsgId. Notices (pacs.002) are delivered by jobs until the receiver has
taken them or the tries are used up; the pacs.008 is repeated by the payment's own job. What many
payments' jobs have written together they send together right after their commit; only a notice that
was not taken then gets a job of its own. A receiver that takes bundles is sent what waits for it in
one exchange, the next when the answer is there (courier.py).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from lionrock.directory.api import Organisation
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.payments.domain.iso20022 import (
    Document,
    Envelope,
    Header,
    check_written,
    definition_of,
    write_envelope,
)
from lionrock.payments.domain.payments import SWITCH_MEMBER, Payment, Subject, status_report
from lionrock.payments.service.core import Core
from lionrock.payments.service.courier import SEND_TIMEOUT_MS, Courier, Outgoing
from lionrock.payments.service.roster import Roster, load_roster
from lionrock.payments.store import members, messages
from lionrock.payments.store.messages import Message

DELIVER_QUEUE = "payments.deliver"
# How long those who send together wait for each other; who takes longer is heard of later.
SEND_GRACE_MS = 1_000
DELIVERY_TRIES_MAX = 40
DELIVERY_PAUSE_MS_MAX = 60_000

# In a job's payload: whoever has taken the message meanwhile is not sent it again.
IS_ONCE = "is_once"

_log = structlog.get_logger("lionrock.payments")


class Sent(msgspec.Struct, frozen=True, eq=False):
    """What came of sending: who took it (message rows), who did not, of whom nothing is known."""

    taken: list[str]
    missed: list[Message]
    slow: list[Message]


async def schedule_delivery(db: Connection, row_id: str, *, due_at: datetime) -> None:
    """Have a message delivered by a job from an instant on, unless it was taken by then."""
    await jobs.schedule(
        db, queue=DELIVER_QUEUE, key=row_id, payload={IS_ONCE: True}, due_at=due_at
    )


class Post:
    """Writes and sends the switch's messages."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._codes: dict[str, str] = {}
        self._courier = Courier(core)
        # Sendings that took longer than others waited.
        self._slow: set[asyncio.Task[None]] = set()

    async def write(
        self,
        db: Connection,
        subject: Subject,
        organisation_id: str,
        document: Document,
        *,
        is_outcome: bool = False,
    ) -> Message:
        """Compose and store a message to a participant, with a receipt; returns its row."""
        made = await self.compose(db, subject, organisation_id, document, is_outcome=is_outcome)
        await self.keep(db, subject, made)
        return made.message

    async def compose(
        self,
        db: Connection,
        subject: Subject,
        organisation_id: str,
        document: Document,
        *,
        is_outcome: bool = False,
    ) -> Outgoing:
        """Compose a message to a participant and check it; it is stored by `keep`."""
        core = self._core
        row_id = core.kernel.ids.new("msg")
        header = Header(
            from_member=SWITCH_MEMBER,
            to_member=await self._clearing_code(db, organisation_id),
            message_id=row_id.removeprefix("msg_"),
            created_at=core.kernel.business_clock.now(),
        )
        content = write_envelope(Envelope(header, document))
        wrong = check_written(content, core.schema)
        assert wrong is None, f"we would send what we refuse: {wrong}"
        digest = hashlib.sha256(content)
        message = Message(
            id=row_id, payment_id=subject.payment_id, subject_id=subject.id,
            direction="out", organisation_id=organisation_id,
            definition=definition_of(document), message_id=header.message_id,
            digest=digest.digest(), is_outcome=is_outcome, recorded_at=header.created_at,
        )
        return Outgoing(message, content)

    async def keep(self, db: Connection, subject: Subject, made: Outgoing) -> None:
        """Store a composed message, with a receipt; from the commit on it is never another one."""
        message = made.message
        await self.store(db, made)
        await self._core.record(
            db, "payments.message_sent", subject, {message.definition: message.digest.hex()}
        )

    async def store(self, db: Connection, made: Outgoing) -> None:
        """Store a composed message whose digest is in a receipt of the caller's, or will be."""
        await messages.add_message(db, self._core.vault, made.message, made.content)

    async def _clearing_code(self, db: Connection, organisation_id: str) -> str:
        """A participant's code, read once: it never changes, and participants are for ever."""
        code = self._codes.get(organisation_id)
        if code is None:
            receiver = await members.load_participant(db, organisation_id)
            assert receiver is not None, "participants are never deleted"
            code = self._codes[organisation_id] = receiver.clearing_code
        return code

    async def tell(
        self, db: Connection, subject: Subject, organisation_id: str, document: Document
    ) -> Message:
        """Write a message and have it delivered until it is taken; returns its row."""
        told = await self.write(db, subject, organisation_id, document)
        await jobs.schedule(db, queue=DELIVER_QUEUE, key=told.id)
        return told

    async def notify(self, db: Connection, payment: Payment, organisation_id: str) -> None:
        """Tell a participant how a payment stands; a final outcome is told in one message only.

        Asked again, the same message is delivered again.
        """
        told = None
        if payment.is_final:
            told = await messages.find_outcome(db, payment.id, organisation_id)
        if told is None:
            made = await self._compose_report(db, payment, organisation_id)
            await self.keep(db, payment.subject, made)
            told = made.message
        await jobs.schedule(db, queue=DELIVER_QUEUE, key=told.id)

    async def notify_end(
        self, db: Connection, payment: Payment, organisation_id: str,
        mail: list[Outgoing] | None = None,
    ) -> dict[str, str]:
        """Tell a participant of an end in the transaction that makes it one.

        `mail`: who has the payment's job sends it after the commit (`send_together`), so it needs
        no job of its own. Returns the message's digest for the receipt of the end, which is that of
        these messages too, under the definition's name and the receiver's code.
        """
        assert payment.is_final, "only an end is told"
        made = await self._compose_report(db, payment, organisation_id)
        await self.store(db, made)
        if mail is not None:
            mail.append(made)
        else:
            await jobs.schedule(db, queue=DELIVER_QUEUE, key=made.message.id)
        code = await self._clearing_code(db, organisation_id)
        return {f"{made.message.definition}.{code.lower()}": made.message.digest.hex()}

    async def _compose_report(
        self, db: Connection, payment: Payment, organisation_id: str
    ) -> Outgoing:
        original = payment.message_known_to(organisation_id)
        assert original, "a participant is told about a message that it knows"
        return await self.compose(
            db, payment.subject, organisation_id, status_report(payment, original),
            is_outcome=payment.is_final,
        )

    async def send_together(
        self, mail: Sequence[Outgoing], roster: Roster | None = None
    ) -> Sent:
        """Send messages just committed, all at once; `record_sent` keeps what came of it.

        `roster`: what was read of their receivers before the commit; it is read anew where that
        was longer than a moment ago.
        """
        sent = Sent([], [], [])
        if not mail:
            return sent
        receivers = {each.message.organisation_id for each in mail}
        if roster is None or not roster.holds_for(receivers):
            roster = await self._core.kernel.database.alone(partial(
                load_roster, directory=self._core.directory, organisation_ids=receivers
            ))
        bundling = {
            each.organisation_id for each in roster.participants.values() if each.takes_bundles
        }
        sending = {
            asyncio.create_task(self._carry(
                some, roster.organisations.get(receiver_id), is_bundled=receiver_id in bundling
            )): some
            for receiver_id, some in _shared_out(mail, bundling)
        }
        done, _ = await asyncio.wait(sending, timeout=SEND_GRACE_MS / 1000)
        # All are looked at before one is raised: none is left that nobody heard of.
        failed = [task for task in done if task.exception() is not None]
        for task in failed:
            task.result()
        for task, some in sending.items():
            if task not in done:
                sent.slow.extend(made.message for made in some)
                self._watch(task, some)
                continue
            for made, is_taken in zip(some, task.result(), strict=True):
                if is_taken:
                    sent.taken.append(made.message.id)
                else:
                    sent.missed.append(made.message)
        return sent

    async def _carry(
        self, mail: Sequence[Outgoing], receiver: Organisation | None, *, is_bundled: bool
    ) -> list[bool]:
        if is_bundled:
            return await self._courier.send_bundled(mail, receiver)
        return [await self._courier.send(made, receiver) for made in mail]

    async def record_sent(self, db: Connection, sent: Sequence[Sent]) -> None:
        """Write which messages were taken, in one transaction.

        A notice that was not is left to a job; who asks for an answer asks again by its own.
        """
        kernel = self._core.kernel
        at, now = kernel.business_clock.now(), kernel.wire_clock.now()
        again_at = now + timedelta(milliseconds=kernel.settings.payment_resend_ms)
        slow_at = now + timedelta(milliseconds=SEND_TIMEOUT_MS)
        taken = [row_id for each in sent for row_id in each.taken]
        if taken:
            await messages.mark_delivered(db, taken, at)
        for each in sent:
            for message, due_at in (
                *((one, again_at) for one in each.missed), *((one, slow_at) for one in each.slow)
            ):
                if message.is_outcome:
                    await schedule_delivery(db, message.id, due_at=due_at)

    def _watch(self, task: asyncio.Task[list[bool]], mail: Sequence[Outgoing]) -> None:
        """Have a sending that others no longer wait for recorded when it ends."""

        async def record() -> None:
            for made, is_taken in zip(mail, await task, strict=True):
                if is_taken:
                    await self._mark(made.message.id)

        watching = asyncio.create_task(record())
        self._slow.add(watching)
        watching.add_done_callback(self._slow.discard)

    async def _mark(self, row_id: str) -> None:
        at = self._core.kernel.business_clock.now()
        # One statement, which is a transaction of its own.
        await self._core.kernel.database.alone(
            lambda db: messages.mark_delivered(db, [row_id], at)
        )

    async def send(self, row_id: str, *, is_once: bool = False) -> bool:
        """Send a stored message once, holding no connection; True when the receiver took it.

        `is_once`: not if somebody has taken it already. Whatever else the receiver answers is no
        decision about a payment: its signed messages are.
        """
        core = self._core

        async def load(db: Connection) -> tuple[Message, bytes, Organisation | None]:
            found = await messages.load_content(db, core.vault, row_id)
            assert found is not None, f"{row_id} was scheduled and is not stored"
            message, content = found
            return message, content, await core.directory.get(db, message.organisation_id)

        # Messages never change, and the directory is asked for what holds now: no snapshot needed.
        message, content, receiver = await core.kernel.database.alone(load)
        if is_once and message.delivered_at is not None:
            return True
        if not await self._courier.send(Outgoing(message, content), receiver):
            return False
        await self._mark(message.id)
        return True

    async def deliver(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a notice: send it until it is taken, more slowly each time, then give up.

        A participant that was away longer asks with pacs.028.
        """
        if await self.send(job.key, is_once=IS_ONCE in job.payload):
            return jobs.Done()
        if job.attempt >= DELIVERY_TRIES_MAX:
            _log.warning("message_given_up", message=job.key)
            return jobs.Done()
        resend_ms = self._core.kernel.settings.payment_resend_ms
        pause_ms = resend_ms * 2 ** min(job.attempt - 1, 16)
        return jobs.Again(after_ms=min(DELIVERY_PAUSE_MS_MAX, pause_ms))


def _shared_out(
    mail: Sequence[Outgoing], bundling: Set[str]
) -> list[tuple[str, list[Outgoing]]]:
    """Messages by receiver: those of one that takes bundles together, the others each alone."""
    together: dict[str, list[Outgoing]] = {}
    shared: list[tuple[str, list[Outgoing]]] = []
    for made in mail:
        receiver_id = made.message.organisation_id
        if receiver_id in bundling:
            together.setdefault(receiver_id, []).append(made)
        else:
            shared.append((receiver_id, [made]))
    return [*shared, *together.items()]
