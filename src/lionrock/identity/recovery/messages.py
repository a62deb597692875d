"""Messages to persons: kept sealed, handed to the city's carrier by a job, read by nobody else.

The carrier is a port, bound in app/: an SMTP relay in serve, the personas' simulated phones and
mailboxes in the sandbox, nobody when the city has none. A message is left with the change that it
tells of, in one transaction; the job carries it at least once, and stops when its time is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from lionrock.identity.domain.parties import Person
from lionrock.identity.recovery import store
from lionrock.identity.recovery.domain import Carried, Channel
from lionrock.identity.service.parties import Parties
from lionrock.identity.service.vault import Vault
from lionrock.kernel import jobs
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import Again, Done
from lionrock.kernel.mail import Mail, SmtpRelay

QUEUE = "identity.message"
RETRY_MS_FIRST = 1_000
RETRY_MS_MAX = 60_000
_SUBJECT = Text("Your Lion Rock identity", "你的 Lion Rock 身分", "您的 Lion Rock 身份")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as its person would read it."""

    id: str
    channel: Channel
    body: str
    sent_at: datetime


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way: `recipient` is an e-mail address, or a phone number (E.164)."""

    id: str
    channel: Channel
    recipient: str
    subject: str
    body: str
    written_at: datetime


class Carrier(Protocol):
    """Who carries messages, over which channels."""

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels that reach persons; none: this city sends no messages."""
        ...

    async def carry(self, letter: Letter) -> Carried:
        """Carry a letter, at least once: "carried", "later" (again), "refused" (for good)."""
        ...


class NoCarrier:
    """A city that sends no messages: nothing is left to be carried."""

    channels: frozenset[Channel] = frozenset()

    async def carry(self, _letter: Letter) -> Carried:
        """There is nobody; what was left when there was one waits no longer."""
        return "refused"


class MailCarrier:
    """E-mail over the city's SMTP relay. It reaches no phone."""

    channels: frozenset[Channel] = frozenset({"email"})

    def __init__(self, relay: SmtpRelay) -> None:
        self._relay = relay

    async def carry(self, letter: Letter) -> Carried:
        """Send it as plain mail."""
        if letter.channel not in self.channels:
            return "refused"
        mail = Mail(
            id=letter.id, recipient=letter.recipient, subject=letter.subject, body=letter.body,
            written_at=letter.written_at,
        )  # fmt: skip
        sent = await self._relay.send(mail)
        return "carried" if sent == "sent" else sent


class Messages:
    """What persons are sent. Every function but `carry` works in the caller's transaction."""

    def __init__(self, kernel: Kernel, vault: Vault, parties: Parties) -> None:
        self._kernel = kernel
        self._vault = vault
        self._parties = parties
        self.carrier: Carrier = NoCarrier()

    def channels(self, wanted: Iterable[Channel] = ("phone", "email")) -> list[Channel]:
        """Return which channels reach persons, of some."""
        return [channel for channel in wanted if channel in self.carrier.channels]

    async def leave(
        self, db: Connection, person_id: str, channel: Channel, body: str, expires_at: datetime
    ) -> None:
        """Leave a message for the carrier; until `expires_at` (business clock) it is tried."""
        message_id = self._kernel.ids.new("msg")
        now = self._kernel.business_clock.now()
        sealed = self._vault.seal("message", message_id, body)
        await store.insert_message(db, message_id, person_id, channel, sealed, now, expires_at)
        await jobs.schedule(db, queue=QUEUE, key=message_id)

    async def of_person(self, db: Connection, person_id: str) -> list[Message]:
        """Return a person's messages, newest first: for the sandbox's own page."""
        rows = await store.messages_of(db, person_id, self._kernel.business_clock.now())
        return [
            Message(
                id=row["id"], channel=row["channel"], sent_at=row["sent_at"],
                body=self._vault.unseal("message", row["id"], row["body_sealed"]),
            )
            for row in rows
        ]  # fmt: skip

    async def carry(self, message_id: str, attempt: int) -> Done | Again:
        """Carry a message that waits (the job): between two transactions, holding none."""
        run = self._kernel.database.run
        letter = await run(lambda db: self._waiting(db, message_id))
        if letter is None:
            return Done()
        outcome = await self.carrier.carry(letter)
        if outcome == "later":
            return Again(after_ms=min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** min(attempt - 1, 10)))
        at = self._kernel.business_clock.now()
        await run(lambda db: store.end_message(db, message_id, outcome, at))
        return Done()

    async def _waiting(self, db: Connection, message_id: str) -> Letter | None:
        row = await store.waiting_message(db, message_id, self._kernel.business_clock.now())
        if row is None:
            return None
        person = await self._parties.person(db, row["person_id"])
        if isinstance(person, Refused) or person.status != "active":
            return None
        # The mail's date is of the wire's time, not of the business clock that may be moved.
        return Letter(
            id=message_id, channel=row["channel"], recipient=_address(person, row["channel"]),
            subject=" · ".join((_SUBJECT.en, _SUBJECT.zh_hant, _SUBJECT.zh_hans)),
            body=self._vault.unseal("message", message_id, row["body_sealed"]),
            written_at=self._kernel.wire_clock.now(),
        )  # fmt: skip


def _address(person: Person, channel: Channel) -> str:
    return person.email if channel == "email" else person.phone
