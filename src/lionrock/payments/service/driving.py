"""Driving payments in the process that took their messages, right after the commit that took them.

The payment is in memory there: nobody has to find its job, claim it, read it again and give it
back. The job stays the promise that it is driven: it lies in the database from the first commit on
as if it were claimed, so a worker goes on where this process died or did not get on, and it is
deleted together with the record that everybody was told. It is due sooner where the asked bank did
not take the message; one that took it is not asked again while the claim lasts, for a switch with
too much to do would ask everybody twice. The steps are those of together.py.
Not for: what must wait, was recalled, or comes in no message (workers do those as ever).
Invariants: only what is committed is driven; whatever fails here is left to the job; a process
that serves no messages, or has more than it can drive, leaves the jobs to workers from the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from lionrock.kernel import jobs
from lionrock.kernel.db import DATABASE_FAILURES, Connection
from lionrock.kernel.gathered import run_gathered
from lionrock.ledger.api import Unavailable
from lionrock.payments.addressing.service.gathering import Gathering
from lionrock.payments.domain.payments import Payment
from lionrock.payments.service.core import Core
from lionrock.payments.service.post import Post, Sent
from lionrock.payments.service.switch import DRIVE_QUEUE, queue_of
from lionrock.payments.service.together import DrivenTogether, Moved

# Payments that wait here; those above are left to workers.
WAITING_MAX = 1_024
# In one ledger call and one commit.
TOGETHER_MAX = 128
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
    """Moves the payments of messages that this process takes."""

    def __init__(self, core: Core, post: Post, together: DrivenTogether) -> None:
        self._core = core
        self._post = post
        self._together = together
        self._waiting: list[Payment] = []
        self._wake = asyncio.Event()
        self._is_running = False
        self._telling: set[asyncio.Task[None]] = set()
        self._recording: Gathering[Told, None] = Gathering(
            self._record, pace_ms=RECORD_PACE_MS
        )

    def due_at(self, count: int) -> datetime | None:
        """When the jobs of so many more payments are due (wire time); None: now, for a worker."""
        if not self._is_running or len(self._waiting) + count > WAITING_MAX:
            return None
        return self._core.kernel.wire_clock.now() + timedelta(milliseconds=jobs.CLAIM_MS)

    def drive(self, payments: Sequence[Payment]) -> None:
        """Take payments further: new ones, and those whose bank has answered; returns at once."""
        if self._is_running and payments:
            self._waiting += payments
            self._wake.set()

    async def run_for_ever(self) -> None:
        """The loop of a process that serves messages; what is left when it ends, jobs do."""
        self._is_running = True
        try:
            while True:
                await self._wake.wait()
                some, self._waiting = (
                    self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
                )
                if not self._waiting:
                    self._wake.clear()
                await self._move(some)
        finally:
            self._is_running = False
            for task in self._telling:
                task.cancel()

    async def _move(self, some: Sequence[Payment]) -> None:
        try:
            async with asyncio.timeout(jobs.HANDLER_MS_MAX / 2_000):
                moved = await self._together.move(
                    [each for each in some if each.state == "accepted"],
                    [each for each in some if each.state == "answered"],
                )
        except _FAILURES as error:
            # Whose fault it is shows when each is driven alone.
            _log.warning("payments_left_to_jobs", count=len(some), error=_short(error))
            return
        task = asyncio.create_task(self._tell(moved))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, moved: Moved) -> None:
        try:
            await self._together.give_back(moved)
            sent = await self._post.send_together(moved.mail)
            await self._recording.ask(Told(sent, moved.ended))
        except _FAILURES as error:
            _log.warning("notices_left_to_jobs", count=len(moved.mail), error=_short(error))

    async def _record(self, told: Sequence[Told]) -> list[None]:
        """Write what was taken by whom, and let go of the jobs of what has ended."""
        ended = sorted(
            (queue_of(payment), payment.id) for each in told for payment in each.ended
        )
        # Those driven here are of this one queue (`is_plain`).
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
