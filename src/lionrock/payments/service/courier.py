"""Carrying the switch's messages to participants: signed, one by one or many in one exchange.

Who takes bundles is sent what waits for it in one exchange (domain/bundles.py); while one is under
way the next collects, so that an idle switch sends at once and a busy one sends many together, and
nobody waits for a timer. One message is sent in the plain form. A bundle that is not answered as
one may have arrived all the same: nothing of it counts as taken, and its messages come again alone.
Not for: what is sent, and when it is sent again (post).
Invariant: a message is taken when its receiver says so of that message.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from lionrock.directory.api import (
    PLATFORM_ORGANISATION,
    Organisation,
    Sender,
    organisation_key,
    send_signed,
)
from lionrock.kernel.network import Reply, Unreachable
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.domain.bundles import BUNDLE_TYPE, read_answers, split, write_bundle
from lionrock.payments.service.core import Core
from lionrock.payments.service.roster import ENDPOINT, is_online
from lionrock.payments.store.messages import Message

MESSAGES_PATH = "/payments/v1/messages"
BUNDLES_PATH = "/payments/v1/message-bundles"
MEDIA_TYPE = "application/xml"
SEND_TIMEOUT_MS = 3_000

_log = structlog.get_logger("lionrock.payments")


class Outgoing(msgspec.Struct, frozen=True):
    """A message that is fixed, with its bytes."""

    message: Message
    content: bytes


class Carried(msgspec.Struct, frozen=True, eq=False):
    """Messages on their way, with their receiver as the directory has it now."""

    mail: Sequence[Outgoing]
    receiver: Organisation


class Courier:
    """Carries messages; one for each process."""

    def __init__(self, core: Core) -> None:
        self._core = core
        # One for each participant that was sent a bundle: there are few, and they are for ever.
        self._bundling: dict[str, Gathering[Carried, list[bool]]] = {}

    async def send(self, made: Outgoing, receiver: Organisation | None) -> bool:
        """Send a message by itself; True when the receiver took it.

        Whatever else the receiver answers is no decision about a payment: its signed messages are.
        """
        return is_online(receiver) and await self._send_one(made, receiver)

    async def send_bundled(
        self, mail: Sequence[Outgoing], receiver: Organisation | None
    ) -> list[bool]:
        """Send messages with whatever else waits for their receiver; says which were taken."""
        if not is_online(receiver):
            return [False] * len(mail)
        waiting = self._bundling.get(receiver.id)
        if waiting is None:
            waiting = self._bundling[receiver.id] = Gathering(self._send_all)
        return await waiting.ask(Carried(mail, receiver))

    async def _send_all(self, carried: Sequence[Carried]) -> list[list[bool]]:
        # The last of what the directory said, within a moment (roster.ROSTER_AGE_MS_MAX).
        receiver = carried[-1].receiver
        mail = [made for each in carried for made in each.mail]
        taken: list[bool] = []
        for part in split([made.content for made in mail]):
            taken += await self._send_some(mail[part.start : part.stop], receiver)
        told = iter(taken)
        return [[next(told) for _ in each.mail] for each in carried]

    async def _send_some(
        self, mail: Sequence[Outgoing], receiver: Organisation
    ) -> list[bool]:
        if len(mail) == 1:
            return [await self._send_one(mail[0], receiver)]
        body = write_bundle([made.content for made in mail])
        reply = await self._exchange(receiver, BUNDLES_PATH, body, BUNDLE_TYPE)
        answers = None
        if reply is not None and reply.status == 200:
            answers = read_answers(reply.body, len(mail))
        if answers is None:
            _log.info("bundle_not_taken", count=len(mail), receiver=receiver.id,
                      status=reply.status if reply else 0)
            return [False] * len(mail)
        return [told.is_taken for told in answers]

    async def _send_one(self, made: Outgoing, receiver: Organisation) -> bool:
        reply = await self._exchange(receiver, MESSAGES_PATH, made.content, MEDIA_TYPE)
        if reply is None:
            return False
        if not 200 <= reply.status < 300:
            _log.info("message_not_taken", message=made.message.id, status=reply.status)
            return False
        return True

    async def _exchange(
        self, receiver: Organisation, path: str, body: bytes, media_type: str
    ) -> Reply | None:
        """One signed call to a participant; None when it does not answer."""
        kernel = self._core.kernel
        key = organisation_key(kernel, PLATFORM_ORGANISATION)
        try:
            exchange = await send_signed(
                kernel.network, kernel.wire_clock, Sender(PLATFORM_ORGANISATION, key),
                method="POST", url=receiver.endpoints[ENDPOINT].rstrip("/") + path, body=body,
                headers={"content-type": media_type}, timeout_ms=SEND_TIMEOUT_MS,
            )
        except Unreachable as error:
            _log.info("message_not_delivered", receiver=receiver.id, reason=error.reason.value)
            return None
        return exchange.reply
