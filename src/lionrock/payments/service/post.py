"""Outgoing messages: composed and stored in the transaction that decides them, sent after it.

A message is fixed once: every repeat sends the same bytes under a new HTTP signature, so that the
receiver can tell a repeat by MsgId. Notices (pacs.002) are delivered by jobs until the receiver has
taken them or the tries are used up; the pacs.008 is repeated by the payment's own job.
"""

from __future__ import annotations

import hashlib

import structlog

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Organisation,
    Sender,
    organisation_key,
    send_signed,
)
from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.network import Unreachable
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
from lionrock.payments.store import members, messages
from lionrock.payments.store.messages import Message

DELIVER_QUEUE = "payments.deliver"
ENDPOINT = "payments"
MESSAGES_PATH = "/payments/v1/messages"
MEDIA_TYPE = "application/xml"
SEND_TIMEOUT_MS = 3_000
DELIVERY_TRIES_MAX = 40
DELIVERY_PAUSE_MS_MAX = 60_000

_log = structlog.get_logger("lionrock.payments")


class Post:
    """Writes and sends the switch's messages."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._codes: dict[str, str] = {}

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
        is_new = await messages.insert_message(db, core.vault, message, content)
        assert is_new, "MsgIds are new"
        await core.record(
            db, "payments.message_sent", subject, {message.definition: digest.hexdigest()}
        )
        return message

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

    async def notify(
        self, db: Connection, payment: Payment, organisation_id: str, *, is_first: bool = False
    ) -> None:
        """Tell a participant how a payment stands; a final outcome is told in one message only.

        Asked again, the same message is delivered again. `is_first`: in the transaction that makes
        it final, so that there is no such message yet.
        """
        told = None
        if payment.is_final and not is_first:
            told = await messages.find_outcome(db, payment.id, organisation_id)
        if told is None:
            original = payment.message_known_to(organisation_id)
            assert original, "a participant is told about a message that it knows"
            report = status_report(payment, original)
            told = await self.write(
                db, payment.subject, organisation_id, report, is_outcome=payment.is_final
            )
        await jobs.schedule(db, queue=DELIVER_QUEUE, key=told.id)

    async def send(self, row_id: str) -> bool:
        """Send a stored message once, holding no connection; True when the receiver took it.

        Whatever else the receiver answers is no decision about a payment: its signed messages are.
        """
        core = self._core

        async def load(db: Connection) -> tuple[Message, bytes, Organisation | None]:
            found = await messages.load_content(db, core.vault, row_id)
            assert found is not None, f"{row_id} was scheduled and is not stored"
            message, content = found
            return message, content, await core.directory.get(db, message.organisation_id)

        # Messages never change, and the directory is asked for what holds now: no snapshot needed.
        message, content, receiver = await core.kernel.database.alone(load)
        if receiver is None or not receiver.is_active or ENDPOINT not in receiver.endpoints:
            return False
        try:
            exchange = await send_signed(
                core.kernel.network, core.kernel.wire_clock,
                Sender(PLATFORM_ORGANISATION,
                       organisation_key(core.kernel, PLATFORM_ORGANISATION)),
                method="POST",
                url=receiver.endpoints[ENDPOINT].rstrip("/") + MESSAGES_PATH,
                body=content, headers={"content-type": MEDIA_TYPE}, timeout_ms=SEND_TIMEOUT_MS,
            )
        except Unreachable as error:
            _log.info("message_not_delivered", message=row_id, reason=error.reason.value)
            return False
        if not 200 <= exchange.reply.status < 300:
            _log.info("message_not_taken", message=row_id, status=exchange.reply.status)
            return False
        at = core.kernel.business_clock.now()
        # One statement, which is a transaction of its own.
        await core.kernel.database.alone(lambda db: messages.mark_delivered(db, message.id, at))
        return True

    async def deliver(self, job: jobs.Job) -> jobs.Done | jobs.Again:
        """Job of a notice: send it until it is taken, more slowly each time, then give up.

        A participant that was away longer asks with pacs.028.
        """
        if await self.send(job.key):
            return jobs.Done()
        if job.attempt >= DELIVERY_TRIES_MAX:
            _log.warning("message_given_up", message=job.key)
            return jobs.Done()
        resend_ms = self._core.kernel.settings.payment_resend_ms
        pause_ms = resend_ms * 2 ** min(job.attempt - 1, 16)
        return jobs.Again(after_ms=min(DELIVERY_PAUSE_MS_MAX, pause_ms))
