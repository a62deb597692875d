"""The two messages that make up a payment, many at once: a new pacs.008, a bank's first pacs.002.

The ledger comes first. What the messages are about is read, several reads at a time; the ledger
holds the money of all new transfers and carries out all answers in one call; then one transaction
writes everything that has become of it: the payment is asked about (or has ended), the messages to
the banks are fixed. Each message is so one transaction of the switch, not two.
What dies between the ledger and the commit leaves nothing that is not found again: the hold has the
id of what the sender said, so its repeat finds it, and else it lapses (what is refused after all is
given back at once); an answer that comes again,
or the time-out, is told by the ledger how the payment ended (booking.ended_as).
Whatever is not plain is left to the way of one message (inbox.py): what cannot be routed, was said
before, or comes while the ledger does not answer.
Invariants: a message is answered after the commit that keeps it; an outcome is told after the
ledger has carried it out; what was read before the transaction is checked again by a
compare-and-set or a unique key, and then all of it is undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence, Set
from functools import partial

import msgspec
import structlog

from lionrock.kernel.db import DATABASE_FAILURES, Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.gathered import write_noted
from lionrock.kernel.replay import Value
from lionrock.ledger.api import TransferResult
from lionrock.payments.domain import reasons
from lionrock.payments.domain.iso20022 import (
    CreditTransfer,
    Envelope,
    definition_of,
)
from lionrock.payments.domain.kinds import outgoing
from lionrock.payments.domain.payments import (
    Payment,
    Subject,
)
from lionrock.payments.service.booking import (
    DONE_BEFORE,
    end_of,
    hold_of,
    is_held_first,
    reason_of_ledger,
)
from lionrock.payments.service.brought import (
    Brought,
    answered_by,
    named_ones,
    reports_of,
    transactions_of,
    transfers_of,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.driving import DrivenHere
from lionrock.payments.service.inbox import Inbox, Taken
from lionrock.payments.service.orders import Orders, digest_of_transfer
from lionrock.payments.service.participants import ROLE
from lionrock.payments.service.post import Post
from lionrock.payments.service.roster import Roster, load_roster
from lionrock.payments.service.routing import Registered, codes_of, holders_of
from lionrock.payments.service.switch import Found, Switch
from lionrock.payments.service.together import Moved
from lionrock.payments.store import messages, payments
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message
from lionrock.payments.store.objections import Objections, Signer, find_objections

_log = structlog.get_logger("lionrock.payments")


class Ordered(msgspec.Struct, frozen=True, eq=False):
    """A new payment, and what the ledger said to its hold; None where it was not asked."""

    payment: Payment
    result: TransferResult | None


class Looked(msgspec.Struct, frozen=True, eq=False):
    """What speaks against messages; new payments, and payments with the outcomes that their banks'
    reports decide; who takes part.
    """

    objections: Objections
    ordered: dict[Brought, Payment]
    answered: dict[Brought, Payment]
    roster: Roster


class Prepared(msgspec.Struct, frozen=True, eq=False):
    """What is known of plain messages before the transaction that takes them.

    `answered`: payments with the outcomes that their banks' reports have had in the ledger, and
    what telling of their ends needs.
    """

    ordered: dict[Brought, Ordered]
    answered: dict[Brought, Payment]
    found: Found
    roster: Roster


_NOBODY = Roster({}, {}, 0)
_NOTHING_FOUND = Found((), frozenset())


class PlainMessages:
    """Takes plain messages together."""

    def __init__(
        self, core: Core, inbox: Inbox, orders: Orders, post: Post, switch: Switch,
        here: DrivenHere,
    ) -> None:
        self._core = core
        self._inbox = inbox
        self._orders = orders
        self._post = post
        self._switch = switch
        self._here = here

    async def look(
        self, brought: Sequence[Brought], signers: Collection[Signer], nonces: Sequence[Value]
    ) -> Looked:
        """Read what messages are about and what speaks against them; nothing is done yet.

        `signers`, `nonces`: of the signatures under which they came.
        """
        named = named_ones(brought)
        transfers, reports = transfers_of(named), reports_of(named)
        alone = self._core.kernel.database.alone
        objections, registered, asked = await asyncio.gather(
            alone(partial(
                find_objections, role=ROLE, signers=signers, nonces=nonces, messages=named.keys(),
                transactions=transactions_of(transfers),
                uetrs=[transfer.uetr for transfer in transfers.values()],
            )),
            alone(partial(
                self._orders.router.find_registered, transfers=list(transfers.values())
            )),
            alone(partial(
                payments.load_by_uetrs, vault=self._core.vault,
                uetrs=sorted(report.uetr for report in reports.values()),
            )),
        )
        roster = await self._roster(transfers, registered, asked.values())
        unused = {each for name, each in named.items() if name not in objections.messages}
        routed = [(each.sender, transfer) for each, transfer in transfers.items()]
        routes = self._orders.router.routes(routed, registered, roster)
        ordered: dict[Brought, Payment] = {}
        for (each, transfer), found in zip(transfers.items(), routes, strict=True):
            name = each.sender.organisation_id, transfer.transaction_id
            is_new = name not in objections.transactions and transfer.uetr not in objections.uetrs
            if each in unused and is_new and not isinstance(found, Refused):
                assert isinstance(each.envelope, Envelope), "it was read"
                ordered[each] = self._orders.transferred(
                    roster.participants[each.sender.organisation_id], each.envelope.header,
                    transfer, digest_of_transfer(transfer), found,
                )
        answered = {
            each: answer for each, report in reports.items()
            if each in unused and (answer := answered_by(asked.get(report.uetr), each, report))
        }
        return Looked(objections, ordered, answered, roster)

    async def _roster(
        self, transfers: Mapping[Brought, CreditTransfer], registered: Sequence[Registered],
        asked: Collection[Payment],
    ) -> Roster:
        """Whoever sends, is paid, or is told how payments end."""
        if not transfers and not asked:
            return _NOBODY
        return await self._core.kernel.database.alone(partial(
            load_roster, directory=self._core.directory,
            organisation_ids={
                *(each.sender.organisation_id for each in transfers), *holders_of(registered),
                *(each.orderer_id for each in asked), *(each.answerer_id for each in asked),
            },
            clearing_codes=codes_of(list(transfers.values())),
        ))

    async def book(self, looked: Looked, fresh: Set[Brought]) -> Prepared:
        """Have the ledger hold and carry out what those messages that are in `fresh` say."""
        ordered = {each: payment for each, payment in looked.ordered.items() if each in fresh}
        answered = {each: payment for each, payment in looked.answered.items() if each in fresh}
        if not ordered and not answered:
            return Prepared({}, {}, _NOTHING_FOUND, looked.roster)
        holding = {
            each: payment for each, payment in ordered.items()
            if is_held_first(payment) and not self._orders.may_be_claimed(payment)
        }
        if not self._here.has_room(len(holding)):
            holding = {}
        drafts = [
            *map(hold_of, holding.values()), *map(end_of, answered.values())
        ]
        ends = [self._switch.final(each) for each in answered.values()]
        results, found = await asyncio.gather(self._here.book(drafts), self._find(ends))
        if results is None:
            # Not known whether the ledger did it; the ids are the same again.
            unbooked = {each: Ordered(payment, None) for each, payment in ordered.items()}
            return Prepared(unbooked, {}, _NOTHING_FOUND, looked.roster)
        held = dict(zip(holding, results[: len(holding)], strict=True))
        told = zip(answered.items(), results[len(holding):], strict=True)
        done = {each: payment for (each, payment), result in told if result in DONE_BEFORE}
        return Prepared(
            {each: Ordered(payment, held.get(each)) for each, payment in ordered.items()},
            # Where another end came before, or nothing is known of it, it is looked at anew.
            done if found else {}, found or _NOTHING_FOUND, looked.roster,
        )

    async def _find(self, ends: Sequence[Payment]) -> Found | None:
        """What telling of these ends needs; None where the database does not say. The ledger is at
        work meanwhile, so nothing is raised.
        """
        if not ends:
            return _NOTHING_FOUND
        try:
            return await self._core.kernel.database.alone(partial(self._switch.look, final=ends))
        except DATABASE_FAILURES as error:
            _log.warning("ends_not_looked_at", count=len(ends), error=type(error).__name__)
            return None

    async def let_go(
        self, ordered: Mapping[Brought, Ordered], decided: Sequence[Brought]
    ) -> None:
        """Give back what was held for messages that were refused, or rejected, after all.

        `decided`: those of which it is known. What is not given back here lapses.
        """
        held = {
            order.payment.hold_id: order.payment for each in decided
            if (order := ordered.get(each)) and order.result in DONE_BEFORE
        }
        if not held:
            return
        try:
            there = await self._core.kernel.database.alone(
                partial(payments.find_held, hold_ids=sorted(held))
            )
        except DATABASE_FAILURES as error:
            _log.warning("holds_left_to_lapse", count=len(held), error=type(error).__name__)
            return
        await self._here.book([
            end_of(msgspec.structs.replace(payment, outcome="reject"))
            for hold_id, payment in held.items() if hold_id not in there
        ])

    async def save(
        self, db: Connection, prepared: Prepared, moved: Moved
    ) -> dict[Brought, Taken]:
        """Write what has become of messages; returns their answers.

        `moved` is told what to send after the commit. Where somebody else took the same meanwhile,
        the database refuses all of it.
        """
        if prepared.ordered:
            await self._save_orders(db, prepared.ordered, prepared.roster, moved)
        if prepared.answered:
            await self._save_answers(db, prepared.answered, prepared.found, moved)
        return dict.fromkeys((*prepared.ordered, *prepared.answered), Taken(is_repeat=False))

    async def _save_orders(
        self, db: Connection, ordered: dict[Brought, Ordered], roster: Roster, moved: Moved
    ) -> None:
        # Before the messages that they lead to: these are listed by their ids.
        came = {each: self._came(each, order.payment) for each, order in ordered.items()}
        held = {each: order.payment for each, order in ordered.items()
                if order.result in DONE_BEFORE}
        asked = {
            each: await self._ask(
                db, payment, roster.participants[each.sender.organisation_id], moved
            )
            # In one order of senders, for what one has sent today is held until the commit.
            for each, payment in sorted(held.items(), key=_by_sender)
        }
        rows = [*asked.values(), *(o.payment for e, o in ordered.items() if e not in asked)]
        await payments.add_payments(db, self._core.vault, rows)
        if len(asked) < len(ordered):
            # Those that are not held are moved on in this transaction.
            await write_noted(db)
        for each, order in ordered.items():
            accepted = order.payment
            if each in asked:
                # What the day's limit is against is carried out like any outcome, by its job.
                due_at = self._here.due_at() if asked[each].state == "sent" else None
                await self._switch.schedule(db, asked[each], due_at=due_at)
            elif order.result is not None:
                await self._refuse(db, order, came[each], moved)
            else:
                sender = roster.participants[each.sender.organisation_id]
                accepted = await self._orders.accept_unless_claimed(db, accepted, sender)
            subject = accepted.ordered_subject(accepted.original_message_id)
            await self._keep(db, each, came[each], subject)

    async def _ask(
        self, db: Connection, payment: Payment, sender: Participant, moved: Moved
    ) -> Payment:
        """A payment whose money is held, with the message that asks its bank; or its rejection,
        where its sender has sent what it may in a day.
        """
        code = await self._orders.daily.count(db, payment, sender)
        if code:
            return msgspec.structs.replace(
                payment, state="answered", outcome="reject", reason_code=code,
                reason_text=reasons.REASON_TEXTS[code],
            )
        made = await self._post.compose(
            db, payment.subject, payment.answerer_id, outgoing(payment)
        )
        await self._post.store(db, made)
        moved.mail.append(made)
        return msgspec.structs.replace(
            payment, state="sent", sent_message_id=made.message.message_id,
            deadline_at=self._switch.deadline_of(payment),
        )

    async def _refuse(
        self, db: Connection, order: Ordered, came: Message, moved: Moved
    ) -> None:
        """End a payment that the ledger did not hold; its receipt has the order, as any end's."""
        payment, result = order.payment, order.result
        assert result is not None, "the ledger was asked"
        _log.info("payment_not_held", payment=payment.id, result=str(result))
        # Whoever sends the notices may die before: then the job does.
        await self._switch.schedule(db, payment, due_at=self._here.due_at())
        ended = await self._switch.reject_unsent(
            db, payment, reason_of_ledger(result), moved.mail, [came]
        )
        moved.ended.append(ended)

    async def _save_answers(
        self, db: Connection, answered: dict[Brought, Payment], found: Found, moved: Moved
    ) -> None:
        arrived = [
            await self._keep(db, each, self._came(each, payment), payment.decided_subject)
            for each, payment in answered.items()
        ]
        moved.ended += await self._switch.finish_asked(
            db, list(answered.values()), found, moved.mail, arrived
        )

    def _came(self, each: Brought, payment: Payment) -> Message:
        assert isinstance(each.envelope, Envelope), "it was read"
        definition = definition_of(each.envelope.document)
        return msgspec.structs.replace(
            self._inbox.message(each.sender, definition, each.envelope.header.message_id, each.raw),
            subject_id=payment.id, payment_id=payment.id,
        )

    async def _keep(
        self, db: Connection, each: Brought, came: Message, subject: Subject
    ) -> Message:
        """Keep a message that was taken, with the receipt that holds it."""
        await messages.add_message(db, self._core.vault, came, each.raw)
        await self._inbox.record(db, subject, came)
        return came


def _by_sender(each: tuple[Brought, Payment]) -> tuple[str, str, str]:
    _, payment = each
    return payment.debtor_organisation_id, payment.amount.currency, payment.id
