"""Driving many payments at once: one ledger call, one transaction, all messages sent together.

The steps are those of one payment (switch.py) in the same order: the ledger holds or carries out,
then what came of it is recorded with a compare-and-set and the messages are fixed, then they are
sent. What is out of the ordinary (a payment that waits for a round, was recalled, goes to nobody's
bank, or has to be asked again) goes the way of one alone; so does each payment when all together
failed, so that the fault of one is not that of its neighbours.
For jobs that a worker has claimed; who takes messages goes two steps at a time (plain.py).
Invariants: nothing is sent before the commit that fixed it; a process that dies at any point leaves
the jobs, and each step done again is the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec
import structlog

from lionrock.kernel import jobs
from lionrock.kernel.db import Connection
from lionrock.kernel.gathered import run_gathered
from lionrock.ledger.api import TransferResult, Unavailable
from lionrock.payments.domain.kinds import outgoing
from lionrock.payments.domain.payments import Payment
from lionrock.payments.service.booking import (
    DONE_BEFORE,
    end_of,
    ended_as,
    hold_of,
    reason_of_ledger,
)
from lionrock.payments.service.core import Core
from lionrock.payments.service.courier import Outgoing
from lionrock.payments.service.post import Post
from lionrock.payments.service.roster import Roster
from lionrock.payments.service.switch import (
    LEDGER_PAUSE_MS,
    Switch,
)
from lionrock.payments.store import payments

_log = structlog.get_logger("lionrock.payments")


class Asked(msgspec.Struct, frozen=True):
    """A held payment with the message that asks its bank, and until when the bank may answer."""

    payment: Payment
    made: Outgoing
    deadline_at: datetime


class Moved(msgspec.Struct):
    """What one transaction has moved: how the jobs end, and what is to be sent, to whom."""

    outcomes: dict[str, jobs.Done | jobs.Again]
    mail: list[Outgoing]
    ended: list[Payment]
    roster: Roster | None = None


class DrivenTogether:
    """Moves payments, many at once."""

    def __init__(self, core: Core, post: Post, switch: Switch) -> None:
        self._core = core
        self._post = post
        self._switch = switch

    async def drive(self, claimed: Sequence[jobs.Job]) -> list[jobs.Done | jobs.Again]:
        """Jobs of payments: take each as far as it goes; returns how they end, in their order."""
        vault, database = self._core.vault, self._core.kernel.database
        ids = sorted({job.key for job in claimed})
        there = await database.alone(lambda db: payments.load_payments(db, vault, ids))
        assert len(there) == len(ids), "what was scheduled is stored"
        ended = [each.id for each in there.values() if each.is_final]
        if ended:
            await self._switch.tell_untold(ended)
        outcomes: dict[str, jobs.Done | jobs.Again] = dict.fromkeys(ended, jobs.Done())
        holding = [each for each in there.values() if is_plain(each)]
        ending = [each for each in there.values() if each.state == "answered"]
        if holding or ending:
            moved = await self.move(holding, ending)
            outcomes |= moved.outcomes
            sent = await self._post.send_together(moved.mail)
            await run_gathered(database, lambda db: self._post.record_sent(db, [sent]))
            await self.give_back(moved.ended)
        left = [job for job in claimed if job.key not in outcomes]
        alone = await asyncio.gather(*(self._switch.drive(job) for job in left))
        outcomes |= {job.key: result for job, result in zip(left, alone, strict=True)}
        return [outcomes[job.key] for job in claimed]

    async def move(self, holding: Sequence[Payment], ending: Sequence[Payment]) -> Moved:
        """Hold and carry out in one ledger call, record all in one commit; nothing is sent yet.

        `holding`: plain and accepted; `ending`: answered.
        """
        drafts = [hold_of(each) for each in holding] + [end_of(each) for each in ending]
        try:
            told = await self._core.ledger.create_transfers(drafts)
        except Unavailable:
            # Not known whether the ledger did it: the same ids again will tell.
            again = jobs.Again(after_ms=LEDGER_PAUSE_MS)
            return Moved({each.id: again for each in (*holding, *ending)}, [], [])
        results = [each.result for each in told]
        held = list(zip(holding, results[: len(holding)], strict=True))
        ended = [
            ended_as(payment, result)
            for payment, result in zip(ending, results[len(holding):], strict=True)
        ]
        return await run_gathered(
            self._core.kernel.database, lambda db: self._record(db, held, ended)
        )

    async def give_back(self, ended: Sequence[Payment]) -> None:
        """Give back the tokens of the look-ups that settled payments followed, after the commit.

        Their locks are those of look-ups, which need not wait for it.
        """
        if any(each.gives_token_back for each in ended):
            await self._core.kernel.database.alone(lambda db: self._switch.give_back(db, ended))

    async def _record(
        self, db: Connection, held: Sequence[tuple[Payment, TransferResult]],
        ending: Sequence[Payment],
    ) -> Moved:
        moved = Moved({}, [], [])
        await self._record_sent(
            db, [payment for payment, result in held if result in DONE_BEFORE], moved
        )
        for payment, result in held:
            if result not in DONE_BEFORE:
                _log.info("payment_not_held", payment=payment.id, result=str(result))
                code = reason_of_ledger(result)
                ended = await self._switch.reject_unsent(db, payment, code, moved.mail)
                moved.outcomes[payment.id] = jobs.Done()
                if ended.is_final:
                    moved.ended.append(ended)
        await self._record_ends(db, ending, moved)
        return moved

    async def _record_sent(
        self, db: Connection, holding: Sequence[Payment], moved: Moved
    ) -> None:
        """accepted to sent: the ledger holds the money, and the messages are fixed."""
        asked = [
            Asked(
                each,
                await self._post.compose(db, each.subject, each.answerer_id, outgoing(each)),
                self._switch.deadline_of(each),
            )
            for each in holding
        ]
        if not asked:
            return
        sent = await payments.move_many_to_sent(db, [
            (each.payment.id, each.made.message.message_id, each.deadline_at) for each in asked
        ])
        for each in asked:
            # Who is not among them was moved by somebody else or recalled: it is looked at anew.
            if each.payment.id in sent:
                await self._post.store(db, each.made)
                moved.mail.append(each.made)
                moved.outcomes[each.payment.id] = self._switch.wait(each.deadline_at)

    async def _record_ends(
        self, db: Connection, ending: Sequence[Payment], moved: Moved
    ) -> None:
        """answered to settled or rejected: the ledger has carried out the outcome."""
        if not ending:
            return
        ended = await self._switch.finish(db, ending, moved.mail)
        moved.ended += ended
        moved.outcomes |= {each.id: jobs.Done() for each in ended}


def is_plain(payment: Payment) -> bool:
    """Whether a payment is new, may be sent at once, and there is a bank to ask."""
    return (
        payment.state == "accepted" and payment.release_at is None and not payment.is_recalled
        and bool(payment.answerer_id)
    )
