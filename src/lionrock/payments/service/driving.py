"""Driving payments in the process that took their messages: the ledger before the commit, the
messages to banks after it.

The payment is in memory there: nobody has to find its job, claim it, read it again and give it
back. The job stays the promise that it is driven: it lies in the database from the commit on as if
it were claimed, so a worker goes on where this process died or did not get on, and it is deleted
together with the record that everybody was told. It is due sooner where the asked bank did not
take the message; one that took it is not asked again while the claim lasts, for a switch with too
much to do would ask everybody twice.
Not for: what must wait, was recalled, or comes in no message (workers do those as ever).
Invariants: only what is committed is told; whatever fails here is left to the job, but the giving
back of tokens of look-ups, which fill up again by themselves; a process that serves no messages, or
has more than it can tell, leaves payments to workers from the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from lionrock.kernel import jobs
from lionrock.kernel.clock import monotonic_ms
from lionrock.kernel.db import DATABASE_FAILURES, Connection
from lionrock.kernel.gathered import run_gathered
from lionrock.ledger.api import TransferDraft, TransferResult, Unavailable
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.domain.payments import Payment
from lionrock.payments.service.core import Core
from lionrock.payments.service.post import Post, Sent
from lionrock.payments.service.switch import DRIVE_QUEUE, queue_of
from lionrock.payments.service.together import DrivenTogether, Moved

# Messages on their way to banks; with more than these, payments are left to workers.
MAIL_MAX = 4_096
# Messages wait for the ledger so long; after that they are taken without it, for a while.
LEDGER_MS_MAX = 1_000
LEDGER_PAUSE_MS = 2_000
# Nobody waits for the record of what was told.
RECORD_PACE_MS = 25
# What one payment can make the database, the ledger or our own checks say.
_FAILURES = (
    *DATABASE_FAILURES, Unavailable, TimeoutError, ValueError, TypeError, LookupError,
    AssertionError,
)
_log = structlog.get_logger("lionrock.payments")


class Told(msgspec.Struct, frozen=True, eq=False):
    """What was sent after one commit, and the payments that have ended with it."""

    sent: Sent
    ended: Sequence[Payment]


class DrivenHere:
    """Drives the payments of messages that this process takes."""

    def __init__(self, core: Core, post: Post, together: DrivenTogether) -> None:
        self._core = core
        self._post = post
        self._together = together
        self._is_running = False
        # Messages on their way.
        self._mail = 0
        self._away_until_ms = 0.0
        self._telling: set[asyncio.Task[None]] = set()
        self._recording: Gathering[Told, None] = Gathering(
            self._record, pace_ms=RECORD_PACE_MS
        )
        # By itself: it waits for whoever asks or registers at that moment.
        self._giving_back: Gathering[Sequence[Payment], None] = Gathering(
            self._give_back, pace_ms=RECORD_PACE_MS
        )

    def has_room(self, count: int) -> bool:
        """Whether this process can ask about so many more payments."""
        return self._mail + count <= MAIL_MAX

    def due_at(self) -> datetime:
        """When the jobs of payments that are driven here are due (wire time)."""
        return self._core.kernel.wire_clock.now() + timedelta(milliseconds=jobs.CLAIM_MS)

    async def book(self, drafts: Sequence[TransferDraft]) -> list[TransferResult] | None:
        """Have the ledger hold and carry out; None where payments are not driven here, or it does
        not answer: it may have done it.
        """
        if not self._is_running or monotonic_ms() < self._away_until_ms:
            return None
        if not drafts:
            return []
        try:
            async with asyncio.timeout(LEDGER_MS_MAX / 1_000):
                told = await self._core.ledger.create_transfers(drafts)
        except (Unavailable, TimeoutError) as error:
            # Messages of every kind wait behind these.
            self._away_until_ms = monotonic_ms() + LEDGER_PAUSE_MS
            _log.warning("payments_left_to_jobs", count=len(drafts), error=_short(error))
            return None
        return [each.result for each in told]

    def tell(self, moved: Moved) -> None:
        """Send what a commit has fixed, and record what came of it; returns at once."""
        if self._is_running and (moved.mail or moved.ended):
            self._mail += len(moved.mail)
            task = asyncio.create_task(self._tell(moved))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def run_for_ever(self) -> None:
        """While this runs the process drives payments; what is left when it ends, jobs do."""
        self._is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._is_running = False
            for task in self._telling:
                task.cancel()

    async def _tell(self, moved: Moved) -> None:
        try:
            sent = await self._post.send_together(moved.mail, moved.roster)
            await self._recording.ask(Told(sent, moved.ended))
        except _FAILURES as error:
            _log.warning("notices_left_to_jobs", count=len(moved.mail), error=_short(error))
        finally:
            self._mail -= len(moved.mail)
        try:
            if moved.ended:
                await self._giving_back.ask(moved.ended)
        except _FAILURES as error:
            _log.warning("tokens_not_given_back", count=len(moved.ended), error=_short(error))

    async def _give_back(self, ended: Sequence[Sequence[Payment]]) -> list[None]:
        """Give back the tokens of the look-ups that settled payments followed."""
        await self._together.give_back([payment for each in ended for payment in each])
        return [None] * len(ended)

    async def _record(self, told: Sequence[Told]) -> list[None]:
        """Write what was taken by whom, and let go of the jobs of what has ended."""
        ended = sorted(
            (queue_of(payment), payment.id) for each in told for payment in each.ended
        )
        # Those driven here are of this one queue (`is_held_first`).
        asked_in_vain = sorted(
            message.payment_id for each in told for message in (*each.sent.missed, *each.sent.slow)
            if not message.is_outcome and message.payment_id is not None
        )
        kernel = self._core.kernel
        again_at = kernel.wire_clock.now() + timedelta(
            milliseconds=kernel.settings.payment_resend_ms
        )

        async def use_case(db: Connection) -> None:
            await self._post.record_sent(db, [each.sent for each in told])
            await jobs.end(db, ended)
            for payment_id in asked_in_vain:
                await jobs.schedule(db, queue=DRIVE_QUEUE, key=payment_id, due_at=again_at)

        # Gathered: where a bank is away, the jobs of many are one statement.
        await run_gathered(kernel.database, use_case)
        return [None] * len(told)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[: jobs.ERROR_TEXT_MAX]
