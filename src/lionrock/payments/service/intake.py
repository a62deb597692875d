"""Messages of participants, taken many at once: one commit for all that wait at that moment.

They come in deliveries: one message, or a bundle of them, under one signature and so one nonce.

Each is answered after the commit that keeps it, and is kept, refused or told apart from repeats as
if it had come alone. The plain cases of the two messages that make up a payment are done together
(plain.py); everything else goes the way of one message (inbox.py) in the same transaction. If all
together fail, each is taken by itself, so that only the one at fault hears of it.
Invariants: nothing is answered before it is durable; a nonce is remembered with what came with it,
or before; a delivery whose nonce was used before, or whose signer may not act any more, writes
nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal, TypeAlias

import msgspec
import structlog

from lionrock.kernel import replay
from lionrock.kernel.db import (
    DATABASE_FAILURES,
    Connection,
    TransactionLost,
    is_rolled_back,
)
from lionrock.kernel.errors import Refused
from lionrock.kernel.gathered import (
    GatheringConnection,
    is_overtaken,
    run_gathered,
    write_noted,
)
from lionrock.kernel.signatures import SignatureRefusal
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.service.brought import Brought
from lionrock.payments.service.core import Core
from lionrock.payments.service.driving import DrivenHere
from lionrock.payments.service.inbox import Inbox, Taken
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.plain import Ordered, PlainMessages, Prepared
from lionrock.payments.service.together import Moved
from lionrock.payments.store import members
from lionrock.payments.store.objections import Objections, Signer, find_objections

# Messages in one transaction, unless one delivery has more.
TOGETHER_MAX = 128
# A round that begins sooner after the one before it has few messages in it and costs as much.
PACE_MS = 25
# Somebody else can be quicker once; who is always overtaken is taken alone.
TRIES_TOGETHER = 2
_log = structlog.get_logger("lionrock.payments")

# What one message can make the database, its driver or our own checks say.
_FAILURES = (
    *DATABASE_FAILURES, ValueError, TypeError, LookupError, AssertionError, TransactionLost,
)


class Delivery(msgspec.Struct, frozen=True, eq=False):
    """What came under one signature: one message, or those of a bundle.

    `nonce`: of that signature; `signer`: the organisation, and the kid that it signed with.
    """

    messages: Sequence[Brought]
    nonce: replay.Value
    signer: Signer


# How each message of a delivery was answered; an exception where that is not known.
Answers: TypeAlias = Sequence[Taken | Refused | Exception]
# Nothing was done: whoever signed it may not act any more, as was believed.
FALLEN: Literal["fallen"] = "fallen"
Answered: TypeAlias = Answers | Refused | Literal["fallen"]


class Intake:
    """Takes what participants send to one process."""

    def __init__(
        self, core: Core, inbox: Inbox, plain: PlainMessages, here: DrivenHere
    ) -> None:
        self._core = core
        self._here = here
        self._inbox = inbox
        self._plain = plain
        self._bringing: Gathering[Delivery, Answered] = Gathering(
            self._take_all, apart=lambda each: each.nonce.key, pace_ms=PACE_MS
        )

    async def take(self, delivery: Delivery) -> Answered:
        """Take a delivery; returns an answer to each message, after the commit.

        FALLEN: its signer is no active participant with that key any more. Refused: the nonce was
        used before (SignatureRefusal.REPLAYED). Raises what the database raises when it is not
        known what was committed.
        """
        assert delivery.messages, "something was delivered"
        return await self._bringing.ask(delivery)

    async def _take_all(self, deliveries: Sequence[Delivery]) -> list[Answered]:
        answers: list[Answered] = []
        for some in _shared_out(deliveries):
            answers += await self._take_some(some)
        return answers

    async def _take_some(self, deliveries: Sequence[Delivery]) -> Sequence[Answered]:
        # Of every try: a later one may find that somebody else was quicker.
        ordered: dict[Brought, Ordered] = {}
        for tries_left in reversed(range(TRIES_TOGETHER)):
            try:
                objections, prepared = await self._prepare(deliveries)
                ordered |= prepared.ordered
                answers, moved = await run_gathered(
                    self._core.kernel.database,
                    partial(self._save, deliveries=deliveries, objections=objections,
                            prepared=prepared),
                )
            except _FAILURES as error:
                if not is_rolled_back(error):
                    # Whether it was committed is not known: the senders bring it again.
                    raise
                _log.info("messages_failed_together", count=len(deliveries),
                          error=f"{type(error).__name__}: {error}"[:200])
                if not is_overtaken(error) or not tries_left:
                    break
            else:
                self._here.tell(moved)
                if len(ordered) > len(prepared.ordered):
                    await self._plain.let_go(ordered, [
                        # Who has fallen may bring it again, and then finds its hold.
                        each for one, told in zip(deliveries, answers, strict=True)
                        if told != FALLEN for each in one.messages
                    ])
                return answers
        # Whose fault it is shows when each is alone.
        alone = [await self._take_alone(each) for each in deliveries]
        # Of what failed again nothing is let go: it comes again and finds its hold.
        await self._plain.let_go(ordered, [
            each for one, told in zip(deliveries, alone, strict=True)
            if not isinstance(told, (Refused, str))
            for each, answer in zip(one.messages, told, strict=True)
            if not isinstance(answer, Exception)
        ])
        return alone

    async def _prepare(self, deliveries: Sequence[Delivery]) -> tuple[Objections, Prepared]:
        """Read, and have the ledger hold and carry out; nothing of deliveries that are not taken.

        Returns what speaks against them as well.
        """
        looked = await self._plain.look(
            [each for one in deliveries for each in one.messages],
            {one.signer for one in deliveries}, [one.nonce for one in deliveries],
        )
        fresh = {
            each for one in deliveries if _why_not(one, looked.objections) is None
            for each in one.messages
        }
        return looked.objections, await self._plain.book(looked, fresh)

    async def _take_alone(self, delivery: Delivery) -> Answered:
        try:
            objections = await self._core.kernel.database.alone(
                partial(find_objections, role=ROLE, signers=[delivery.signer])
            )
            if objections.fallen:
                return FALLEN
            return await self._take_standing(delivery)
        except _FAILURES as error:
            # What its neighbours were answered stands.
            return [error] * len(delivery.messages)

    async def _take_standing(self, delivery: Delivery) -> Answered:
        database = self._core.kernel.database
        if len(delivery.messages) == 1:
            return await self._try(lambda db: self._take_first(db, delivery))
        # Before any of its messages: whoever repeats the bundle is refused, not obeyed in part.
        told = await database.run(lambda db: replay.remember_all(db, [[delivery.nonce]]))
        if told != [None]:
            return Refused(SignatureRefusal.REPLAYED)
        answers: list[Taken | Refused | Exception] = []
        for each in delivery.messages:
            answers += await self._try(partial(self._take_one, each=each))
        return answers

    async def _try(
        self, use_case: Callable[[Connection], Awaitable[Taken | Refused]]
    ) -> list[Taken | Refused | Exception]:
        """Take one message in a transaction of its own."""
        try:
            return [await self._core.kernel.database.run(use_case)]
        except _FAILURES as error:
            return [error]

    async def _take_first(self, db: Connection, delivery: Delivery) -> Taken | Refused:
        if await replay.remember_all(db, [[delivery.nonce]]) != [None]:
            return Refused(SignatureRefusal.REPLAYED)
        return await self._take_one(db, delivery.messages[0])

    async def _take_one(self, db: Connection, each: Brought) -> Taken | Refused:
        if isinstance(each.envelope, Refused):
            return await self._inbox.keep_refused(db, each.sender, each.raw, each.envelope)
        # With the accounts and limits that it has now.
        sender = await members.load_participant(db, each.sender.organisation_id)
        assert sender is not None, "participants are never deleted"
        return await self._inbox.take(db, sender, each.envelope, each.raw)

    async def _save(
        self, db: GatheringConnection, *, deliveries: Sequence[Delivery],
        objections: Objections, prepared: Prepared,
    ) -> tuple[list[Answered], Moved]:
        """Take deliveries but those that nothing is done for; returns the answers, and what to send
        after the commit.
        """
        why_not = [_why_not(each, objections) for each in deliveries]
        new = [each for each, why in zip(deliveries, why_not, strict=True) if why is None]
        db.once(each.nonce for each in new)
        fresh = [each for one in new for each in one.messages]
        moved = Moved({}, [], [], prepared.roster)
        taken: dict[Brought, Taken | Refused] = {
            **await self._plain.save(db, prepared, moved)
        }
        for each in (each for each in fresh if each not in taken):
            # It may repeat, or ask about, what has just been taken.
            await write_noted(db)
            taken[each] = await self._take_one(db, each)
        answers: list[Answered] = [
            why if why is not None else [taken[each] for each in one.messages]
            for one, why in zip(deliveries, why_not, strict=True)
        ]
        return answers, moved


def _why_not(
    delivery: Delivery, objections: Objections
) -> Refused | Literal["fallen"] | None:
    """Why nothing is done for a delivery."""
    if delivery.signer in objections.fallen:
        return FALLEN
    if delivery.nonce.key in objections.nonces:
        return Refused(SignatureRefusal.REPLAYED)
    return None


def _shared_out(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Deliveries in their order, for transactions of a bounded number of messages."""
    shared: list[list[Delivery]] = []
    count = TOGETHER_MAX
    for each in deliveries:
        if count + len(each.messages) > TOGETHER_MAX:
            shared.append([])
            count = 0
        shared[-1].append(each)
        count += len(each.messages)
    return shared
