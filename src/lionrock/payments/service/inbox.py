"""Incoming messages of participants: kept verbatim, told apart from repeats, and acted upon.

The reply to the HTTP request says only that the message was taken (or, as admi.002, why not);
what becomes of a payment is told by pacs.002, pushed.
Not for: signatures (directory) and XML (domain.iso20022). Invariants: a MsgId of a sender acts
once; a participant learns nothing about payments that are not its own.
"""

from __future__ import annotations

import hashlib

import msgspec

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain import reasons
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Envelope,
    MessageReject,
    StatusReport,
    StatusRequest,
    definition_of,
    read_envelope,
    reference_of,
)
from lionrock.payments.domain.payments import (
    SWITCH_MEMBER,
    AnswerEffect,
    Payment,
    check_report,
    effect_of,
)
from lionrock.payments.domain.proxies import COST_FOUND, COST_NOT_FOUND
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.service.orders import Orders
from lionrock.payments.service.post import Post
from lionrock.payments.service.quota import Quota
from lionrock.payments.service.switch import DRIVE_QUEUE
from lionrock.payments.store import messages, payments
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message


class Taken(msgspec.Struct, frozen=True):
    """The message was taken; `is_repeat` when it had been before."""

    is_repeat: bool


class Inbox:
    """Takes messages, each in its request's transaction."""

    def __init__(self, core: Core, orders: Orders, post: Post, quota: Quota) -> None:
        self._core = core
        self._orders = orders
        self._post = post
        self._quota = quota

    def read(self, raw: bytes) -> Envelope | Refused:
        """Read a body; refusals of domain.iso20022."""
        return read_envelope(raw, self._core.schema)

    async def keep_refused(
        self, db: Connection, sender: Participant, raw: bytes, refused: Refused
    ) -> Refused:
        """Keep a message that was refused unread, with the reason; the transaction commits."""
        message = self._message(sender, "", reference_of(raw), raw)
        await messages.insert_message(
            db, self._core.vault,
            msgspec.structs.replace(message, refusal=refused.refusal.value), raw,
        )
        return msgspec.structs.replace(refused, keep=True)

    async def take(
        self, db: Connection, sender: Participant, envelope: Envelope, raw: bytes
    ) -> Taken | Refused:
        """Take a readable message: keep it, then act on it once.

        A refusal is kept with the message; it undoes nothing, because nothing was done before.
        """
        refused = check_addresses(sender, envelope)
        if refused is not None:
            return await self.keep_refused(db, sender, raw, refused)
        definition = definition_of(envelope.document)
        message = self._message(sender, definition, envelope.header.message_id, raw)
        if not await messages.insert_message(db, self._core.vault, message, raw):
            return await self._repeated(db, sender, message, raw)
        payment = await self._act(db, sender, envelope)
        if isinstance(payment, Refused):
            await messages.mark_refused(db, message.id, payment.refusal.value)
            return msgspec.structs.replace(payment, keep=True)
        if payment is not None:
            await messages.attach_payment(db, message.id, payment.id)
            await self._core.record(
                db, "payments.message_received", payment, {definition: message.digest.hex()}
            )
        return Taken(is_repeat=False)

    async def _repeated(
        self, db: Connection, sender: Participant, message: Message, raw: bytes
    ) -> Taken | Refused:
        """The MsgId was used: the same content is a repeat, another one is refused."""
        before = await messages.find_accepted(
            db, "in", sender.organisation_id, message.message_id
        )
        assert before is not None, "its MsgId was taken"
        if before.digest != message.digest:
            refused = Refused(PaymentRefusal.MESSAGE_ID_REUSED, field="BizMsgIdr")
            return await self.keep_refused(db, sender, raw, refused)
        if before.payment_id is not None:
            payment = await payments.load_payment(db, self._core.vault, before.payment_id)
            assert payment is not None, "payments are never deleted"
            # Whoever repeats an order has perhaps missed its outcome.
            if payment.is_final and payment.debtor_organisation_id == sender.organisation_id:
                await self._post.notify(db, payment, sender.organisation_id)
        return Taken(is_repeat=True)

    async def _act(
        self, db: Connection, sender: Participant, envelope: Envelope
    ) -> Payment | Refused | None:
        document = envelope.document
        if isinstance(document, CreditTransfer):
            return await self._take_transfer(db, sender, envelope, document)
        if isinstance(document, StatusReport):
            return await self._take_report(db, sender, document)
        if isinstance(document, StatusRequest):
            return await self._take_request(db, sender, document)
        return await self._take_reject(db, sender, document)

    async def _take_transfer(
        self, db: Connection, sender: Participant, envelope: Envelope, transfer: CreditTransfer
    ) -> Payment | Refused:
        payment = await self._orders.take_transfer(db, sender, envelope.header, transfer)
        is_repeat = (
            isinstance(payment, Payment)
            and payment.original_message_id != envelope.header.message_id
        )
        if isinstance(payment, Payment) and is_repeat and payment.is_final:
            await self._post.notify(db, payment, sender.organisation_id)
        return payment

    async def _take_report(
        self, db: Connection, sender: Participant, report: StatusReport
    ) -> Payment | Refused:
        """pacs.002: decides a payment that waits for it; later it can only be told the outcome."""
        payment = await payments.load_by_uetr(
            db, self._core.vault, report.uetr, is_locking=True
        )
        # Another bank's payment and none at all are the same to the sender.
        if payment is None or payment.creditor_organisation_id != sender.organisation_id:
            return Refused(PaymentRefusal.TRANSACTION_UNKNOWN)
        refused = check_report(payment, report)
        if refused is not None:
            return refused
        effect = effect_of(payment, report)
        if effect is AnswerEffect.LATE and payment.is_final:
            await self._post.notify(db, payment, sender.organisation_id)
        if effect in {AnswerEffect.ACCEPT, AnswerEffect.REJECT}:
            await self._decide(db, payment, effect, report.reason_code, report.reason_text)
        return payment

    async def _take_request(
        self, db: Connection, sender: Participant, request: StatusRequest
    ) -> Payment | Refused:
        """pacs.028: tell the status of one of the sender's own payments, at a price."""
        bucket = await self._quota.open(db, sender.organisation_id)
        if isinstance(bucket, Refused):
            return bucket
        # Not locked: whoever finishes a payment holds it and then asks for the bucket.
        payment = await payments.load_by_uetr(db, self._core.vault, request.uetr)
        known = _message_known_to(payment, sender)
        cost = COST_FOUND if known else COST_NOT_FOUND
        await self._quota.charge(db, sender.organisation_id, bucket, cost)
        if payment is None or known is None:
            return Refused(PaymentRefusal.TRANSACTION_UNKNOWN)
        if (request.original_message_id, request.transaction_id) != (known, payment.transaction_id):
            return Refused(PaymentRefusal.ORIGINAL_DIFFERS, field="OrgnlGrpInf")
        await self._post.notify(db, payment, sender.organisation_id)
        return payment

    async def _take_reject(
        self, db: Connection, sender: Participant, reject: MessageReject
    ) -> Payment | None:
        """admi.002: a bank that refuses our pacs.008 unread will not credit: that is a rejection.

        About another message of ours it is kept and changes nothing.
        """
        payment = await payments.lock_by_sent_message(
            db, self._core.vault, sender.organisation_id, reject.related_reference
        )
        if payment is not None and payment.state == "sent":
            code = reasons.MESSAGE_REFUSED
            await self._decide(
                db, payment, AnswerEffect.REJECT, code, reasons.REASON_TEXTS[code]
            )
        return payment

    async def _decide(
        self, db: Connection, payment: Payment, effect: AnswerEffect, code: str, text: str
    ) -> None:
        is_accepted = effect is AnswerEffect.ACCEPT
        assert is_accepted != bool(code), "a rejection, and only it, has a reason"
        moved = await payments.move_to_answered(
            db, payment.id, "accept" if is_accepted else "reject", code, text
        )
        assert moved, "the row is locked and was found in state sent"
        await jobs.schedule(db, queue=DRIVE_QUEUE, key=payment.id)

    def _message(
        self, sender: Participant, definition: str, message_id: str, raw: bytes
    ) -> Message:
        return Message(
            id=self._core.kernel.ids.new("msg"), payment_id=None, direction="in",
            organisation_id=sender.organisation_id, definition=definition, message_id=message_id,
            digest=hashlib.sha256(raw).digest(),
            recorded_at=self._core.kernel.business_clock.now(),
        )


def check_addresses(sender: Participant, envelope: Envelope) -> Refused | None:
    """The header names the signer as sender and the switch as receiver."""
    header = envelope.header
    if header.from_member != sender.clearing_code:
        return Refused(
            PaymentRefusal.SENDER_DIFFERS, f"Signed by {sender.clearing_code}.", "/AppHdr/Fr"
        )
    if header.to_member != SWITCH_MEMBER:
        return Refused(PaymentRefusal.RECEIVER_DIFFERS, f"This is {SWITCH_MEMBER}.", "/AppHdr/To")
    return None


def _message_known_to(payment: Payment | None, sender: Participant) -> str | None:
    """The MsgId under which a participant knows a payment; None when it is not its own."""
    if payment is None:
        return None
    if payment.debtor_organisation_id == sender.organisation_id:
        return payment.original_message_id
    if payment.creditor_organisation_id == sender.organisation_id:
        return payment.sent_message_id or None
    return None
