"""Units about many things: one statement where nothing needs more, all or nothing always."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from lionrock.kernel import jobs, replay
from lionrock.kernel.context import Kernel
from lionrock.kernel.db import Connection, Database, OpenTransaction
from lionrock.kernel.gathered import (
    OVERTAKEN,
    Call,
    GatheringConnection,
    call_with_others,
    run_gathered,
    write_noted,
    write_with_others,
)
from lionrock.kernel.inserts import Column, Insert

THINGS = Insert(
    table="things", columns=(Column("name", "text"), Column("number", "integer")), values=tuple
)
INSISTING = "kernel.insist"


@pytest.fixture
async def things(kernel: Kernel) -> AsyncIterator[Kernel]:
    await kernel.database.run(lambda db: db.execute(
        "CREATE TABLE things (name text PRIMARY KEY, number integer NOT NULL)"
    ))
    yield kernel
    await kernel.database.run(lambda db: db.execute("DROP TABLE things"))


async def named(kernel: Kernel) -> list[str]:
    rows = await kernel.database.run(lambda db: db.fetch("SELECT name FROM things ORDER BY name"))
    return [row["name"] for row in rows]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """A list that grows with each transaction that is begun."""
    begin, found = Database.begin, list[Database]()

    async def begin_and_count(database: Database) -> OpenTransaction:
        found.append(database)
        return await begin(database)

    monkeypatch.setattr(Database, "begin", begin_and_count)
    return found


def value(kernel: Kernel, text: str) -> replay.Value:
    return replay.value_of("test", text, kernel.wire_clock.now() + timedelta(minutes=1))


async def test_what_is_only_noted_is_one_statement(
    things: Kernel, begun: list[Database]
) -> None:
    async def use_case(db: GatheringConnection) -> None:
        db.once([value(things, "v")])
        await write_with_others(db, [(THINGS, ("a", 1)), (THINGS, ("b", 2))])
        await jobs.schedule(db, queue="q", key="k")
        await call_with_others(db, Call(INSISTING, (("boolean", True),)))

    await run_gathered(things.database, use_case)
    assert not begun
    assert await named(things) == ["a", "b"]
    used = await things.database.alone(
        lambda db: used_values(db, [value(things, "v"), value(things, "w")])
    )
    assert used == [1]


async def test_nothing_noted_is_nothing_written(
    things: Kernel, begun: list[Database]
) -> None:
    async def use_case(db: GatheringConnection) -> str:
        db.once([])
        await write_with_others(db, [])
        return "done"

    assert await run_gathered(things.database, use_case) == "done"
    assert not begun


async def test_a_query_finds_what_was_noted_before_it(things: Kernel) -> None:
    async def use_case(db: Connection) -> list[str]:
        await write_with_others(db, [(THINGS, ("a", 1))])
        rows = await db.fetch("SELECT name FROM things")
        await write_with_others(db, [(THINGS, ("b", 2))])
        await write_noted(db)
        rows += await db.fetch("SELECT name FROM things ORDER BY name")
        await write_with_others(db, [(THINGS, ("c", 3))])
        return [row["name"] for row in rows]

    assert await run_gathered(things.database, use_case) == ["a", "a", "b"]
    assert await named(things) == ["a", "b", "c"]


async def test_a_call_comes_before_the_next_query_and_rows_can_wait(things: Kernel) -> None:
    async def use_case(db: Connection) -> tuple[list[str], int]:
        await jobs.schedule(db, queue="q", key="k")
        await db.execute("SELECT 1")
        await write_with_others(db, [(THINGS, ("a", 1))])
        waiting = await db.fetch("SELECT name FROM things")
        await jobs.end(db, [("q", "k")])
        left = await db.fetchval("SELECT count(*) FROM kernel.jobs WHERE queue = 'q'")
        return [row["name"] for row in waiting], left

    assert await run_gathered(things.database, use_case) == ([], 0)
    assert await named(things) == ["a"]


@pytest.mark.parametrize("is_begun", [False, True], ids=["one statement", "a transaction"])
@pytest.mark.parametrize("fault", ["call", "value", "row", "use case"])
async def test_where_one_thing_fails_nothing_is_kept(
    things: Kernel, fault: str, is_begun: bool
) -> None:
    async def first(db: GatheringConnection) -> None:
        db.once([value(things, "used")])
        await write_with_others(db, [(THINGS, ("there", 1))])

    async def use_case(db: GatheringConnection) -> None:
        db.once([value(things, "new")])
        await write_with_others(db, [(THINGS, ("a", 1))])
        await jobs.schedule(db, queue="q", key="k")
        if is_begun:
            await db.execute("SELECT 1")
        match fault:
            case "call":
                await call_with_others(db, Call(INSISTING, (("boolean", False),)))
            case "value":
                db.once([value(things, "used")])
            case "row":
                await write_with_others(db, [(THINGS, ("b", 1)), (THINGS, ("there", 2))])
            case _:
                raise ValueError("of the use case")

    await run_gathered(things.database, first)
    with pytest.raises((asyncpg.PostgresError, ValueError)) as raised:
        await run_gathered(things.database, use_case)
    assert await named(things) == ["there"]
    assert await counted(things) == 0
    used = await things.database.alone(
        lambda db: used_values(db, [value(things, "used"), value(things, "new")])
    )
    assert used == [1]
    if fault in {"call", "value"}:
        assert isinstance(raised.value, asyncpg.PostgresError)
        assert raised.value.sqlstate == OVERTAKEN


async def used_values(db: Connection, values: list[replay.Value]) -> list[int]:
    """The places of those that were used, from 1."""
    keys = [each.key for each in values]
    return [row[0] for row in await db.fetch("SELECT kernel.used_values($1)", keys)]


async def counted(kernel: Kernel) -> Any:
    return await kernel.database.run(
        lambda db: db.fetchval("SELECT count(*) FROM kernel.jobs WHERE queue = 'q'")
    )


async def test_a_call_outside_of_a_unit_is_made_at_once(things: Kernel) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await things.database.run(
            lambda db: call_with_others(db, Call(INSISTING, (("boolean", False),)))
        )


async def test_jobs_that_ended_are_deleted_with_others(things: Kernel) -> None:
    async def schedule(db: Connection) -> None:
        for key in ("a", "b", "c"):
            await jobs.schedule(db, queue="q", key=key)

    await things.database.run(schedule)
    await run_gathered(things.database, lambda db: jobs.end(db, [("q", "a"), ("q", "c")]))
    assert await counted(things) == 1
    await things.database.run(lambda db: jobs.end(db, [("q", "b"), ("r", "b")]))
    assert await counted(things) == 0
