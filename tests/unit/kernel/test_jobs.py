"""Durable jobs and events: at least once, never lost, never two rows for one key."""

from __future__ import annotations

from lionrock.kernel import jobs, outbox
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.context import Kernel
from lionrock.kernel.errors import Refusal, Refused


class DemoRefusal(Refusal):
    NO = "demo.no"


def worker(kernel: Kernel, **handlers: jobs.JobHandler) -> jobs.Worker:
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
