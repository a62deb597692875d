"""Messages of participants, taken many at once: one commit for all that wait at that moment.

They come in deliveries: one message, or a bundle of them, under one signature and so one nonce.

Each is answered after the commit that keeps it, and is kept, refused or told apart from repeats as
if it had come alone. The plain cases of the two messages that make up a payment (a new pacs.008, a
bank's first pacs.002) are read and written with one statement for all; everything else goes the way
of one message (inbox.py) in the same transaction. If all together fail, each is taken by itself, so
that only the one at fault hears of it.
Invariants: nothing is answered before it is durable; a nonce is remembered with what came with it,
or before; payments' rows are locked in the order of their ids; a delivery whose nonce was used
before does nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias

import msgspec
import structlog

from lionrock.directory.api import Organisation
from lionrock.kernel import replay
from lionrock.kernel.db import CONNECTION_LOST, DATABASE_FAILURES, Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.gathered import run_gathered, write_with_others
from lionrock.kernel.signatures import SignatureRefusal
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Envelope,
    StatusReport,
    definition_of,
)
from lionrock.payments.domain.iso20022.returns import PAYMENT_RETURN
from lionrock.payments.domain.payments import (
    AnswerEffect,
    Outcome,
    Payment,
    Subject,
    check_report,
    effect_of,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.driving import DrivenHere
from lionrock.payments.service.inbox import Inbox, Taken, check_addresses
from lionrock.payments.service.orders import Orders, check_agent, digest_of_transfer
from lionrock.payments.service.routing import Destination
from lionrock.payments.service.switch import Switch
from lionrock.payments.service.together import is_plain
from lionrock.payments.store import members, messages, payments
from lionrock.payments.store.members import Participant

# Messages in one transaction, unless one delivery has more.
TOGETHER_MAX = 128
_log = structlog.get_logger("lionrock.payments")
Known: TypeAlias = tuple[Organisation | None, Participant | None]


class Collided(Exception):
    """Somebody else took the same at the same moment; each message is looked at by itself."""


# What one message can make the database, its driver or our own checks say.
_FAILURES = (
    *DATABASE_FAILURES, ValueError, TypeError, LookupError, AssertionError, Collided,
)


class Brought(msgspec.Struct, frozen=True, eq=False):
    """A message whose signature holds; `envelope` is a Refused where it could not be read."""

    sender: Participant
    envelope: Envelope | Refused
    raw: bytes

    @property
    def name(self) -> tuple[str, str]:
        """Sender and MsgId; these stand for one content."""
        assert isinstance(self.envelope, Envelope), "it was read"
        return self.sender.organisation_id, self.envelope.header.message_id


class Delivery(msgspec.Struct, frozen=True, eq=False):
    """What came under one signature: one message, or those of a bundle."""

    messages: Sequence[Brought]
    nonce: replay.Value


# How each message of a delivery was answered; an exception where that is not known.
Answers: TypeAlias = Sequence[Taken | Refused | Exception]


class Intake:
    """Takes what participants send to one process."""

    def __init__(
        self, core: Core, inbox: Inbox, orders: Orders, switch: Switch, here: DrivenHere
    ) -> None:
        self._core = core
        self._here = here
        self._inbox = inbox
        self._orders = orders
        self._switch = switch
        self._callers: Gathering[str, Known] = Gathering(self._know)
        self._bringing: Gathering[Delivery, Answers | Refused] = Gathering(
            self._take_all, apart=lambda each: each.nonce.key
        )

    async def caller(self, organisation_id: str) -> Known:
        """Return who says to call, as directory and register have it now."""
        return await self._callers.ask(organisation_id)

    async def take(self, delivery: Delivery) -> Answers | Refused:
        """Take a delivery; returns an answer to each message, after the commit.

        Refused: the nonce was used before (SignatureRefusal.REPLAYED). Raises what the database
        raises when it is not known what was committed.
        """
        assert delivery.messages, "something was delivered"
        return await self._bringing.ask(delivery)

    async def _know(self, organisation_ids: Sequence[str]) -> list[Known]:
        wanted = sorted(set(organisation_ids))

        async def read(db: Connection) -> list[Known]:
            organisations = await self._core.directory.get_many(db, wanted)
            there = {each.organisation_id: each
                     for each in await members.load_participants(db, wanted)}
            return [(organisations.get(each), there.get(each)) for each in organisation_ids]

        return await self._core.kernel.database.alone(read)

    async def _take_all(self, deliveries: Sequence[Delivery]) -> list[Answers | Refused]:
        answers: list[Answers | Refused] = []
        for some in _shared_out(deliveries):
            answers += await self._take_some(some)
        return answers

    async def _take_some(self, deliveries: Sequence[Delivery]) -> Sequence[Answers | Refused]:
        database = self._core.kernel.database
        try:
            answers, driven = await run_gathered(database, lambda db: self._save(db, deliveries))
            self._here.drive(driven)
            return answers
        except CONNECTION_LOST:
            # Whether it was committed is not known: the senders bring it again.
            raise
        except _FAILURES as error:
            # Whose fault it is shows when each is alone.
            _log.info("messages_failed_together", count=len(deliveries),
                      error=f"{type(error).__name__}: {error}"[:200])
        return [await self._take_alone(each) for each in deliveries]

    async def _take_alone(self, delivery: Delivery) -> Answers | Refused:
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
        return await self._inbox.take(db, each.sender, each.envelope, each.raw)

    async def _save(
        self, db: Connection, deliveries: Sequence[Delivery]
    ) -> tuple[list[Answers | Refused], list[Payment]]:
        """Take deliveries; returns the answers, and the payments to drive on after the commit."""
        told = await replay.remember_all(db, [[each.nonce] for each in deliveries])
        fresh = [
            each for each, position in zip(deliveries, told, strict=True) if position is None
        ]
        driven: list[Payment] = []
        brought = [each for one in fresh for each in one.messages]
        taken = iter(await self._save_new(db, brought, driven))
        answers: list[Answers | Refused] = [
            [next(taken) for _ in each.messages] if position is None
            else Refused(SignatureRefusal.REPLAYED)
            for each, position in zip(deliveries, told, strict=True)
        ]
        return answers, driven

    async def _save_new(
        self, db: Connection, brought: Sequence[Brought], driven: list[Payment]
    ) -> list[Taken | Refused]:
        new = dict(enumerate(brought))
        answers: dict[int, Taken | Refused] = {}
        plain = await self._plain(db, new)
        for payments_taken in (
            await self._take_transfers(db, plain), await self._take_reports(db, plain)
        ):
            answers |= dict.fromkeys(payments_taken, Taken(is_repeat=False))
            driven += [each for each in payments_taken.values() if each is not None]
        for number, each in new.items():
            if number not in answers:
                answers[number] = await self._take_one(db, each)
        return [answers[number] for number in range(len(brought))]

    async def _plain(self, db: Connection, new: dict[int, Brought]) -> dict[int, Brought]:
        """Those whose addresses are right and whose MsgId is new, here and in the database."""
        found: dict[int, Brought] = {}
        names: set[tuple[str, str]] = set()
        for number, each in new.items():
            if isinstance(each.envelope, Refused) or each.name in names:
                continue
            if check_addresses(each.sender, each.envelope) is None:
                found[number] = each
                names.add(each.name)
        used = await messages.find_used(db, "in", sorted(names)) if names else set()
        return {number: each for number, each in found.items() if each.name not in used}

    async def _take_transfers(
        self, db: Connection, plain: dict[int, Brought]
    ) -> dict[int, Payment | None]:
        """New pacs.008 that can be routed; returns what was taken: what to drive here, or None."""
        given: dict[int, tuple[Brought, CreditTransfer]] = {}
        ids: set[tuple[str, str]] = set()
        for number, each in plain.items():
            transfer = each.envelope.document if isinstance(each.envelope, Envelope) else None
            if not isinstance(transfer, CreditTransfer) or check_agent(each.sender, transfer):
                continue
            name = (each.sender.organisation_id, transfer.transaction_id)
            if name not in ids:
                ids.add(name)
                given[number] = (each, transfer)
        if not given:
            return {}
        used = await payments.find_transactions(db, sorted(ids))
        fresh = {
            number: (each, transfer) for number, (each, transfer) in given.items()
            if (each.sender.organisation_id, transfer.transaction_id) not in used
        }
        routes = await self._orders.router.of_transfers(
            db, [(each.sender, transfer) for each, transfer in fresh.values()]
        )
        made: dict[int, Payment] = {
            number: self._payment(each, transfer, found)
            for (number, (each, transfer)), found in zip(fresh.items(), routes, strict=True)
            if not isinstance(found, Refused)
        }
        if not made:
            return {}
        inserted = await payments.insert_payments(db, self._core.vault, list(made.values()))
        if len(inserted) != len(made):
            # A UETR or TxId was taken meanwhile.
            raise Collided
        taken: dict[int, Payment | None] = {}
        due_at = self._here.due_at(len(made))
        # In one order of senders, for what one has sent today is held until the commit.
        for number, payment in sorted(made.items(), key=_by_sender):
            is_here = due_at is not None and is_plain(payment)
            accepted = await self._orders.accept_unless_claimed(
                db, payment, plain[number].sender, due_at=due_at if is_here else None
            )
            taken[number] = accepted if is_here and not accepted.is_final else None
            await self._keep(
                db, plain[number], accepted.ordered_subject(payment.original_message_id)
            )
        return taken

    def _payment(self, each: Brought, transfer: CreditTransfer, found: Destination) -> Payment:
        assert isinstance(each.envelope, Envelope), "it was read"
        return self._orders.transferred(
            each.sender, each.envelope.header, transfer, digest_of_transfer(transfer), found
        )

    async def _take_reports(
        self, db: Connection, plain: dict[int, Brought]
    ) -> dict[int, Payment | None]:
        """Banks' first pacs.002 about payments that wait for them; returns what was taken: what to
        drive here, or None.
        """
        given: dict[str, tuple[int, StatusReport]] = {}
        for number, each in plain.items():
            report = each.envelope.document if isinstance(each.envelope, Envelope) else None
            if isinstance(report, StatusReport) and report.original_definition != PAYMENT_RETURN:
                given.setdefault(report.uetr, (number, report))
        if not given:
            return {}
        there = await payments.lock_by_uetrs(db, self._core.vault, sorted(given))
        moves: list[tuple[str, Outcome, str, str]] = []
        taken: dict[int, Payment] = {}
        for uetr, payment in there.items():
            number, report = given[uetr]
            if payment.answerer_id != plain[number].sender.organisation_id:
                continue
            if payment.state != "sent" or check_report(payment, report) is not None:
                continue
            effect = effect_of(payment, report)
            if effect not in {AnswerEffect.ACCEPT, AnswerEffect.REJECT}:
                continue
            outcome: Outcome = "accept" if effect is AnswerEffect.ACCEPT else "reject"
            assert (outcome == "reject") == bool(report.reason_code), "only a rejection has one"
            moves.append((payment.id, outcome, report.reason_code, report.reason_text))
            taken[number] = msgspec.structs.replace(
                payment, state="answered", outcome=outcome, reason_code=report.reason_code,
                reason_text=report.reason_text,
            )
        if not moves:
            return {}
        moved = await payments.move_many_to_answered(db, moves)
        assert len(moved) == len(moves), "the rows are locked and were found in state sent"
        is_here = self._here.due_at(len(taken)) is not None
        for number, payment in taken.items():
            if not is_here:
                await self._switch.schedule(db, payment)
            await self._keep(db, plain[number], payment.decided_subject)
        return {number: payment if is_here else None for number, payment in taken.items()}

    async def _keep(self, db: Connection, each: Brought, subject: Subject) -> None:
        """Keep a message that was taken, with the receipt that holds it."""
        assert isinstance(each.envelope, Envelope), "it was read"
        definition = definition_of(each.envelope.document)
        message = msgspec.structs.replace(
            self._inbox.message(each.sender, definition, each.envelope.header.message_id, each.raw),
            subject_id=subject.id, payment_id=subject.payment_id,
        )
        row = messages.sealed_row(self._core.vault, message, each.raw)
        await write_with_others(db, messages.insert_rows, row)
        await self._inbox.record(db, subject, message)


def _by_sender(made: tuple[int, Payment]) -> tuple[str, str, int]:
    number, payment = made
    return payment.debtor_organisation_id, payment.amount.currency, number


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
