"""Expired rows are deleted, a bounded number a time; live and held ones never."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lionrock.kernel import expiring
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.kernel.expiring import Expiring

TABLE = "kernel.jobs"
JOBS = Expiring(table=TABLE, ends="due_at", kept_s=60, where="queue = 'demo'")


async def _add(database: Database, ends: datetime, count: int, queue: str = "demo") -> None:
    await database.run(lambda db: db.execute(
        "INSERT INTO kernel.jobs (queue, key, payload, due_at)"
        " SELECT $1, gen_random_uuid()::text, '{}', $2 FROM generate_series(1, $3)",
        queue, ends, count))


async def _count(db: Connection) -> int:
    return int(await db.fetchval(f"SELECT count(*) FROM {TABLE} WHERE queue = 'demo'"))


async def test_row_is_kept_to_the_end_of_its_time_and_not_a_moment_longer(
    database: Database, wire_clock: FrozenClock
) -> None:
    now = wire_clock.now()
    await _add(database, now, 1)
    assert await expiring.sweep(database, JOBS, now + timedelta(seconds=60)) == 0
    assert await expiring.sweep(database, JOBS, now + timedelta(seconds=60, microseconds=1)) == 1


async def test_rows_outside_of_the_condition_stay(
    database: Database, wire_clock: FrozenClock
) -> None:
    now = wire_clock.now()
    await _add(database, now, 1, queue="other")
    assert await expiring.sweep(database, JOBS, now + timedelta(days=1)) == 0


async def test_sweep_deletes_no_more_than_a_round_and_the_next_the_rest(
    database: Database, wire_clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "ROWS_MAX", 10)
    now = wire_clock.now()
    await _add(database, now, 10 * expiring.STATEMENTS_MAX + 1)
    later = now + timedelta(days=1)
    swept = [await expiring.sweep(database, JOBS, later) for _ in range(3)]
    assert swept == [10 * expiring.STATEMENTS_MAX, 1, 0]


async def test_row_that_somebody_holds_is_left_for_the_next_time(
    database: Database, wire_clock: FrozenClock
) -> None:
    now = wire_clock.now()
    await _add(database, now, 3)
    later = now + timedelta(days=1)

    async def hold(db: Connection) -> int:
        await db.fetch(f"SELECT FROM {TABLE} WHERE queue = 'demo' LIMIT 1 FOR UPDATE")
        return await expiring.sweep(database, JOBS, later)

    assert await database.run(hold) == 2
    assert await expiring.sweep(database, JOBS, later) == 1
    assert await database.run(_count) == 0
