"""Durable jobs: what must happen later, at least once, whatever crashes in between.

A job is a row (queue, key). Scheduling the same pair again makes it due again and never duplicates
it. A worker claims due rows with SKIP LOCKED, runs their handlers side by side while holding no
connection, and deletes or postpones the rows, many in one commit. A slow job delays no other one. A
worker that dies leaves the claim to run out. Handlers are therefore idempotent.

Two clocks: `due_at` is wire time (retries), `business_due_at` is business time (deadlines).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog

from lionrock.kernel.clock import BusinessClock, WireClock, monotonic_ms
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.gathered import Call, call_with_others, write_with_others
from lionrock.kernel.inserts import Column, Insert

CLAIM_MS = 10_000
HANDLER_MS_MAX = 8_000
CLAIMS_MAX = 64
# Jobs that one worker runs side by side; many that are run together count as one.
RUNNING_MAX = 64
# How long what has ended waits for others, to be written with them.
GATHER_MS = 2
RETRY_MS_FIRST = 100
RETRY_MS_MAX = 5_000
ERROR_TEXT_MAX = 500
POLL_MS = 25
# Claims are at least this far apart, so that a busy worker finds several jobs at a time.
PACE_MS = 8

_log = structlog.get_logger("lionrock.jobs")


class Job(msgspec.Struct, frozen=True):
    """One claimed job; `attempt` counts from 1."""

    queue: str
    key: str
    payload: dict[str, Any]
    attempt: int
    generation: int = 0


class Done(msgspec.Struct, frozen=True):
    """The job is finished; its row goes (unless it was scheduled again meanwhile)."""


class Again(msgspec.Struct, frozen=True):
    """Run me again after this many milliseconds of wire time."""

    after_ms: int = 500


JobHandler = Callable[[Job], Awaitable[Done | Again]]


class Together(msgspec.Struct, frozen=True):
    """A handler of many jobs at once: `many` returns how each ended, in their order.

    When it raises, each is run by `one`, so that the failure of one is not that of its neighbours.
    """

    many: Callable[[Sequence[Job]], Awaitable[Sequence[Done | Again]]]
    one: JobHandler


Handler = JobHandler | Together
_JOBS = Insert(
    table="kernel.jobs",
    columns=(
        Column("queue", "text"), Column("key", "text"), Column("payload", "jsonb"),
        Column("due_at", "timestamptz", "coalesce(due_at, '-infinity'::timestamptz)"),
        Column("business_due_at", "timestamptz"), Column("generation", "bigint"),
    ),
    values=lambda row: (*row, 1),
    again="ON CONFLICT (queue, key) DO UPDATE SET payload = excluded.payload, attempt = 0,"
    " due_at = excluded.due_at, business_due_at = excluded.business_due_at,"
    " generation = jobs.generation + 1",
    key=lambda row: row[:2],
)  # fmt: skip


class Ended(msgspec.Struct, frozen=True):
    """How one claimed job ended, at an instant of wire time."""

    job: Job
    outcome: Done | Again
    at: datetime
    error_text: str | None


async def schedule(
    db: Connection,
    *,
    queue: str,
    key: str,
    payload: dict[str, Any] | None = None,
    due_at: datetime | None = None,
    business_due_at: datetime | None = None,
) -> None:
    """Make a job due in the caller's transaction: at once, or at a wire and/or business instant."""
    row = (queue, key, payload or {}, due_at, business_due_at)
    await write_with_others(db, [(_JOBS, row)])


async def end(db: Connection, jobs: Sequence[tuple[str, str]]) -> None:
    """Delete jobs (queue, key) whose work somebody has done without claiming them.

    Whoever runs one of them meanwhile finds nothing to write.
    """
    if jobs:
        await call_with_others(db, Call("kernel.end_jobs", (
            ("text[]", [queue for queue, _ in jobs]), ("text[]", [key for _, key in jobs]),
        )))  # fmt: skip


class Worker:
    """Claims and runs due jobs of the queues it has handlers for."""

    def __init__(
        self,
        database: Database,
        wire_clock: WireClock,
        business_clock: BusinessClock,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._database = database
        self._wire_clock = wire_clock
        self._business_clock = business_clock
        self._handlers = handlers
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask the loop to end after the jobs it is running."""
        self._stopping.set()

    async def run_due(self) -> int:
        """Claim and run one round of due jobs; returns how many were run."""
        jobs = await self._database.alone(partial(self._claim, count_max=CLAIMS_MAX))
        await self._end(_flat(await asyncio.gather(*self._runs(jobs))))
        return len(jobs)

    async def _end(self, ended: Sequence[Ended]) -> None:
        """Write how jobs ended, together; what somebody else holds at this moment by itself."""
        if not ended:
            return
        finished = await self._database.run(lambda db: self._finish_all(db, ended))
        left = [each for each in ended if (each.job.queue, each.job.key) not in finished]
        if not left:
            return
        # Most of these were scheduled again while they ran, and there is nothing to write.
        held = await self._database.alone(lambda db: _still_there(db, left))
        for each in left:
            if (each.job.queue, each.job.key) in held:
                await self._database.alone(partial(self._finish, ended=each))

    async def run_until_idle(self, rounds_max: int = 500) -> int:
        """Run rounds until none is due (tests, the sandbox's test clock); returns jobs run."""
        total = 0
        for _ in range(rounds_max):
            count = await self.run_due()
            if count == 0:
                return total
            total += count
        raise RuntimeError(f"still busy after {rounds_max} rounds")

    async def run_for_ever(self) -> None:
        """The worker process's loop: survives a database that goes away and returns."""
        running: set[asyncio.Task[list[Ended]]] = set()
        while not self._stopping.is_set():
            begun_ms = monotonic_ms()
            try:
                count = await self._start_due(running)
                await self._end(await self._take_ended(running, is_idle=count == 0))
                left_ms = begun_ms + PACE_MS - monotonic_ms()
                if left_ms > 0:
                    await asyncio.sleep(left_ms / 1000)
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever broke
                _log.warning("worker_round_failed", error=type(error).__name__)
                await self._pause(500)
        await self._end(_flat(await asyncio.gather(*running)))

    async def _start_due(self, running: set[asyncio.Task[list[Ended]]]) -> int:
        """Claim as many as there is room for and start them; returns how many."""
        free = min(CLAIMS_MAX, RUNNING_MAX - len(running))
        if free <= 0:
            return 0
        jobs = await self._database.alone(partial(self._claim, count_max=free))
        running.update(asyncio.create_task(run) for run in self._runs(jobs))
        return len(jobs)

    def _runs(self, jobs: Sequence[Job]) -> list[Coroutine[Any, Any, list[Ended]]]:
        """What to run for these jobs: one for each, or one for all of a queue run together."""
        runs: list[Coroutine[Any, Any, list[Ended]]] = []
        together: dict[str, list[Job]] = {}
        for job in jobs:
            handler = self._handlers[job.queue]
            if isinstance(handler, Together):
                together.setdefault(job.queue, []).append(job)
            else:
                runs.append(self._run_alone(job, handler))
        runs += [self._run_together(all_of_queue) for all_of_queue in together.values()]
        return runs

    async def _take_ended(
        self, running: set[asyncio.Task[list[Ended]]], *, is_idle: bool
    ) -> list[Ended]:
        """Wait until something ends, or until it is time to look for due jobs again."""
        wait_ms = POLL_MS if is_idle else GATHER_MS
        if not running:
            await self._pause(wait_ms)
            return []
        await asyncio.wait(running, timeout=wait_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
        if is_idle:
            await asyncio.sleep(GATHER_MS / 1000)
        done = {task for task in running if task.done()}
        running -= done
        return _flat([task.result() for task in done])

    async def _pause(self, pause_ms: int) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), pause_ms / 1000)
        except TimeoutError:
            return

    async def _claim(self, db: Connection, count_max: int = CLAIMS_MAX) -> list[Job]:
        now = self._wire_clock.now()
        rows = await db.fetch(
            "UPDATE kernel.jobs SET due_at = $1, attempt = attempt + 1 WHERE (queue, key) IN ("
            " SELECT queue, key FROM kernel.jobs WHERE due_at <= $2"
            "  AND (business_due_at IS NULL OR business_due_at <= $3) AND queue = ANY($4)"
            "  ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED)"
            " RETURNING queue, key, payload, attempt, generation",
            now + timedelta(milliseconds=CLAIM_MS),
            now,
            self._business_clock.now(),
            list(self._handlers),
            count_max,
        )
        return [Job(**dict(row)) for row in rows]

    async def _run_alone(self, job: Job, handler: JobHandler) -> list[Ended]:
        return [await self._run(job, handler)]

    async def _run_together(self, jobs: Sequence[Job]) -> list[Ended]:
        """Run jobs of one queue at once, and one by one when that fails."""
        handler = self._handlers[jobs[0].queue]
        assert isinstance(handler, Together), "the others run alone"
        try:
            async with asyncio.timeout(HANDLER_MS_MAX / 2_000):
                outcomes = await handler.many(jobs)
        except Exception as error:  # noqa: BLE001 - whose fault it is shows when each runs alone
            _log.warning("jobs_failed_together", queue=jobs[0].queue, count=len(jobs),
                         error=f"{type(error).__name__}: {error}"[:ERROR_TEXT_MAX])
            return list(await asyncio.gather(*(self._run(job, handler.one) for job in jobs)))
        at = self._wire_clock.now()
        return [
            Ended(job, outcome, at, None) for job, outcome in zip(jobs, outcomes, strict=True)
        ]

    async def _run(self, job: Job, handler: JobHandler) -> Ended:
        outcome: Done | Again
        error_text = None
        try:
            async with asyncio.timeout(HANDLER_MS_MAX / 1000):
                outcome = await handler(job)
        except Exception as error:  # noqa: BLE001 - one job's failure never stops the others
            error_text = f"{type(error).__name__}: {error}"[:ERROR_TEXT_MAX]
            _log.warning("job_failed", queue=job.queue, key=job.key, attempt=job.attempt,
                         error=error_text, exc_info=job.attempt == 1)
            wait_ms = min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** min(job.attempt - 1, 10))
            outcome = Again(after_ms=wait_ms)
        return Ended(job, outcome, self._wire_clock.now(), error_text)

    async def _finish_all(self, db: Connection, ended: Sequence[Ended]) -> set[tuple[str, str]]:
        """Delete or postpone the rows of jobs that ended in one commit; returns which were.

        It waits for nobody: a row that somebody schedules again at this moment is left out, for
        two who wait for each other's rows would never end.
        """
        done = [each.job for each in ended if isinstance(each.outcome, Done)]
        rows = await db.fetch(
            "DELETE FROM kernel.jobs WHERE (queue, key) IN ("
            " SELECT j.queue, j.key FROM kernel.jobs j"
            "  JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS d (queue, key, generation)"
            "   USING (queue, key, generation) FOR UPDATE OF j SKIP LOCKED)"
            " RETURNING queue, key",
            [job.queue for job in done], [job.key for job in done],
            [job.generation for job in done],
        )  # fmt: skip
        again = [each for each in ended if isinstance(each.outcome, Again)]
        if again:
            rows += await db.fetch(
                "UPDATE kernel.jobs AS j SET due_at = d.due_at, last_error = d.last_error"
                " FROM (SELECT j.queue, j.key, d.due_at, d.last_error FROM kernel.jobs j"
                "  JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[])"
                "   AS d (queue, key, generation, due_at, last_error)"
                "   USING (queue, key, generation) FOR UPDATE OF j SKIP LOCKED) AS d"
                " WHERE j.queue = d.queue AND j.key = d.key RETURNING j.queue, j.key",
                [each.job.queue for each in again], [each.job.key for each in again],
                [each.job.generation for each in again], [_due_again(each) for each in again],
                [each.error_text for each in again],
            )  # fmt: skip
        return {(row["queue"], row["key"]) for row in rows}

    async def _finish(self, db: Connection, ended: Ended) -> None:
        job, outcome = ended.job, ended.outcome
        if isinstance(outcome, Done):
            # Scheduled again while it ran: the generation moved, so the row must stay.
            await db.execute(
                "DELETE FROM kernel.jobs WHERE queue = $1 AND key = $2 AND generation = $3",
                job.queue, job.key, job.generation,
            )
            return
        await db.execute(
            "UPDATE kernel.jobs SET due_at = $4, last_error = $5"
            " WHERE queue = $1 AND key = $2 AND generation = $3",
            job.queue, job.key, job.generation, _due_again(ended), ended.error_text,
        )


async def _still_there(db: Connection, ended: Sequence[Ended]) -> set[tuple[str, str]]:
    """Which of these jobs nobody has scheduled again or taken away since they were claimed."""
    rows = await db.fetch(
        "SELECT queue, key FROM kernel.jobs JOIN unnest($1::text[], $2::text[], $3::bigint[])"
        " AS d (queue, key, generation) USING (queue, key, generation)",
        [each.job.queue for each in ended], [each.job.key for each in ended],
        [each.job.generation for each in ended],
    )
    return {(row["queue"], row["key"]) for row in rows}


def _flat(ended: Iterable[Sequence[Ended]]) -> list[Ended]:
    return [each for some in ended for each in some]


def _due_again(ended: Ended) -> datetime:
    assert isinstance(ended.outcome, Again), "the others are done"
    return ended.at + timedelta(milliseconds=ended.outcome.after_ms)
