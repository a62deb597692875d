"""Durable jobs and events: at least once, never lost, never two rows for one key."""

from __future__ import annotations

from collections.abc import Sequence

from lionrock.kernel import jobs, outbox
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refusal, Refused
from lionrock.kernel.gathered import run_gathered


class DemoRefusal(Refusal):
    NO = "demo.no"


def worker(kernel: Kernel, **handlers: jobs.Handler) -> jobs.Worker:
    return jobs.Worker(kernel.database, kernel.wire_clock, kernel.business_clock, handlers)


async def test_a_job_runs_once_and_goes(kernel: Kernel) -> None:
    seen = []

    async def handle(job: jobs.Job) -> jobs.Done:
        seen.append(job.payload)
        return jobs.Done()

    await kernel.database.run(
        lambda db: jobs.schedule(db, queue="q", key="k", payload={"a": 1}))
    await kernel.database.run(
        lambda db: jobs.schedule(db, queue="q", key="k", payload={"a": 2}))
    run = worker(kernel, q=handle)
    assert await run.run_until_idle() == 1
    assert seen == [{"a": 2}]
    assert await run.run_due() == 0


async def test_a_refused_use_case_schedules_nothing(kernel: Kernel) -> None:
    async def use_case(db: object) -> Refused:
        await jobs.schedule(db, queue="q", key="k")  # type: ignore[arg-type]  # object
        return Refused(DemoRefusal.NO)

    await kernel.database.run(use_case)
    assert await worker(kernel, q=None).run_due() == 0  # type: ignore[arg-type]  # never called


async def test_a_failing_job_comes_again_later(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    attempts = []

    async def handle(job: jobs.Job) -> jobs.Done:
        attempts.append(job.attempt)
        if len(attempts) < 3:
            raise OSError("not yet")
        return jobs.Done()

    await kernel.database.run(lambda db: jobs.schedule(db, queue="q", key="k"))
    run = worker(kernel, q=handle)
    for _ in range(5):
        await run.run_due()
        wire_clock.advance(seconds=10)
    assert attempts == [1, 2, 3]


async def test_a_job_whose_worker_died_is_claimed_again(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    await kernel.database.run(lambda db: jobs.schedule(db, queue="q", key="k"))
    run = worker(kernel, q=None)  # type: ignore[arg-type]  # never called
    claimed = await kernel.database.run(run._claim)  # the worker dies here
    assert len(claimed) == 1
    assert await kernel.database.run(run._claim) == []
    wire_clock.advance(milliseconds=jobs.CLAIM_MS + 1)
    assert len(await kernel.database.run(run._claim)) == 1


async def test_a_job_scheduled_again_while_it_runs_is_not_lost(kernel: Kernel) -> None:
    runs = []

    async def handle(job: jobs.Job) -> jobs.Done:
        runs.append(job.payload)
        if len(runs) == 1:
            await kernel.database.run(
                lambda db: jobs.schedule(db, queue="q", key="k", payload={"second": True}))
        return jobs.Done()

    await kernel.database.run(lambda db: jobs.schedule(db, queue="q", key="k"))
    await worker(kernel, q=handle).run_until_idle()
    assert runs == [{}, {"second": True}]


async def test_a_business_deadline_waits_for_the_business_clock(
    kernel: Kernel, business_clock: FrozenClock
) -> None:
    async def handle(_job: jobs.Job) -> jobs.Done:
        return jobs.Done()

    due = business_clock.now().replace(hour=23)
    await kernel.database.run(
        lambda db: jobs.schedule(db, queue="q", key="k", business_due_at=due))
    run = worker(kernel, q=handle)
    assert await run.run_due() == 0
    business_clock.advance(days=1)
    assert await run.run_due() == 1


async def test_every_subscriber_gets_an_event_and_a_failing_one_gets_it_again(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    seen: list[str] = []

    async def first(event: outbox.Event) -> None:
        seen.append(f"first {event.payload['n']}")

    async def second(_event: outbox.Event) -> None:
        if "failed" not in seen:
            seen.append("failed")
            raise OSError
        seen.append("second")

    handlers = {outbox.QUEUE: outbox.dispatcher({"demo.happened": [first, second]})}
    await kernel.database.run(
        lambda db: outbox.emit(db, kernel.ids, "demo.happened", {"n": 1}))
    run = jobs.Worker(kernel.database, kernel.wire_clock, kernel.business_clock, handlers)
    await run.run_due()
    wire_clock.advance(seconds=1)
    await run.run_until_idle()
    assert seen == ["first 1", "failed", "first 1", "second"]


async def test_due_jobs_of_a_queue_are_handed_over_together(kernel: Kernel) -> None:
    batches = []

    async def many(claimed: Sequence[jobs.Job]) -> list[jobs.Done | jobs.Again]:
        batches.append(sorted(job.key for job in claimed))
        return [jobs.Done() for _ in claimed]

    async def one(job: jobs.Job) -> jobs.Done:
        raise AssertionError(job.key)

    async def schedule(db: Connection) -> None:
        for key in ("a", "b", "c"):
            await jobs.schedule(db, queue="q", key=key)

    await run_gathered(kernel.database, schedule)
    assert await worker(kernel, q=jobs.Together(many, one)).run_until_idle() == 3
    assert batches == [["a", "b", "c"]]


async def test_the_failure_of_one_of_many_is_not_that_of_its_neighbours(
    kernel: Kernel, wire_clock: FrozenClock
) -> None:
    done: list[str] = []

    async def many(claimed: Sequence[jobs.Job]) -> list[jobs.Done | jobs.Again]:
        raise OSError(f"one of {len(claimed)} is bad")

    async def one(job: jobs.Job) -> jobs.Done:
        if job.key == "bad":
            raise OSError("it is me")
        done.append(job.key)
        return jobs.Done()

    async def schedule(db: Connection) -> None:
        for key in ("a", "bad", "c"):
            await jobs.schedule(db, queue="q", key=key, payload={"key": key})

    await kernel.database.run(schedule)
    run = worker(kernel, q=jobs.Together(many, one))
    await run.run_due()
    assert sorted(done) == ["a", "c"]
    left = await kernel.database.run(
        lambda db: db.fetch("SELECT key, last_error FROM kernel.jobs WHERE queue = 'q'")
    )
    assert [tuple(row) for row in left] == [("bad", "OSError: it is me")]


async def test_jobs_scheduled_in_a_gathered_transaction_are_as_if_scheduled_one_by_one(
    kernel: Kernel,
) -> None:
    due_at = kernel.wire_clock.now()

    async def schedule(db: Connection) -> None:
        await jobs.schedule(db, queue="q", key="twice", payload={"n": [1]})
        await jobs.schedule(db, queue="q", key="twice", payload={"n": [2]})
        await jobs.schedule(db, queue="q", key="due", due_at=due_at)

    await run_gathered(kernel.database, schedule)
    await run_gathered(kernel.database, schedule)
    rows = await kernel.database.run(lambda db: db.fetch(
        "SELECT key, payload, generation, due_at = $1 AS is_due FROM kernel.jobs"
        " WHERE queue = 'q' ORDER BY key", due_at,
    ))
    assert [(row["key"], row["payload"]) for row in rows] == [("due", {}), ("twice", {"n": [2]})]
    assert [row["is_due"] for row in rows] == [True, False]
    assert all(row["generation"] == 2 for row in rows)
