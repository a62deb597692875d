"""Incoming messages of participants: kept verbatim, told apart from repeats, and handed on.

What is done with a message is a handler: one row for each kind of document, given by the rooms
(`handlings()` of service.messages, debits, requests, recalls, ...). The reply to the HTTP request
says only that the message was taken (or, as admi.002, why not); what becomes of it is pushed.
Not for: signatures (directory) and XML (domain.iso20022). Invariants: a MsgId of a sender acts
once; a document without a row is refused by the schema before it comes here.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.payments.domain.iso20022 import (
    Envelope,
    Header,
    definition_of,
    read_envelope,
    reference_of,
)
from lionrock.payments.domain.payments import SWITCH_MEMBER, Subject
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.service.core import Core
from lionrock.payments.store import messages
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message

# (db, sender, header, document): what the message is about, None when it is about nothing known.
# A refusal undoes nothing, so a handler refuses before it writes.
Take: TypeAlias = Callable[
    [Connection, Participant, Header, Any], Awaitable[Subject | Refused | None]
]
# (db, sender, subject id): the sender repeated a message that was taken.
Again: TypeAlias = Callable[[Connection, Participant, str], Awaitable[None]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Handling:
    """One row of the inbox: what to do with a document, and what when its message comes again."""

    take: Take
    again: Again | None = None


class Taken(msgspec.Struct, frozen=True):
    """The message was taken; `is_repeat` when it had been before."""

    is_repeat: bool


class Inbox:
    """Takes messages, each in its request's transaction."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._handlings: dict[type, Handling] = {}

    @property
    def kinds(self) -> frozenset[type]:
        """The kinds of documents that are taken."""
        return frozenset(self._handlings)

    def extend(self, handlings: Mapping[type, Handling]) -> None:
        """Add a room's rows; each kind of document has one handler."""
        twice = self._handlings.keys() & handlings.keys()
        assert not twice, f"two handlers for {twice}"
        self._handlings |= handlings

    def read(self, raw: bytes) -> Envelope | Refused:
        """Read a body; refusals of domain.iso20022, and NOT_VALID for what only the switch says."""
        envelope = read_envelope(raw, self._core.schema)
        if isinstance(envelope, Refused) or type(envelope.document) in self._handlings:
            return envelope
        definition = definition_of(envelope.document)
        return Refused(
            PaymentRefusal.NOT_VALID, f"{definition} is sent by the switch, not to it.", "/Document"
        )

    async def keep_refused(
        self, db: Connection, sender: Participant, raw: bytes, refused: Refused
    ) -> Refused:
        """Keep a message that was refused unread, with the reason; the transaction commits."""
        message = self.message(sender, "", reference_of(raw), raw)
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
        handling = self._handlings[type(envelope.document)]
        message = self.message(sender, definition, envelope.header.message_id, raw)
        if not await messages.insert_message(db, self._core.vault, message, raw):
            return await self._repeated(db, sender, message, raw, handling)
        subject = await handling.take(db, sender, envelope.header, envelope.document)
        if isinstance(subject, Refused):
            await messages.mark_refused(db, message.id, subject.refusal.value)
            return msgspec.structs.replace(subject, keep=True)
        if subject is not None:
            await messages.attach_subject(db, message.id, subject.id, subject.payment_id)
            await self.record(db, subject, message)
        return Taken(is_repeat=False)

    async def record(self, db: Connection, subject: Subject, message: Message) -> None:
        """Leave the receipt that holds a message that was taken, unless a later one will."""
        if subject.received_as:
            digests = {**subject.digests, message.definition: message.digest.hex()}
            await self._core.record(db, subject.received_as, subject, digests)

    async def _repeated(
        self, db: Connection, sender: Participant, message: Message, raw: bytes, handling: Handling
    ) -> Taken | Refused:
        """The MsgId was used: the same content is a repeat, another one is refused."""
        before = await messages.find_accepted(
            db, "in", sender.organisation_id, message.message_id
        )
        assert before is not None, "its MsgId was taken"
        if before.digest != message.digest:
            refused = Refused(PaymentRefusal.MESSAGE_ID_REUSED, field="BizMsgIdr")
            return await self.keep_refused(db, sender, raw, refused)
        if before.subject_id and handling.again is not None:
            await handling.again(db, sender, before.subject_id)
        return Taken(is_repeat=True)

    def message(
        self, sender: Participant, definition: str, message_id: str, raw: bytes
    ) -> Message:
        """The row of a message that came, not about anything yet."""
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
