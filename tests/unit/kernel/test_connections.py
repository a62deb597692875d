"""Connections at hand: who gets which, what is never handed out, and commits that are none."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import asyncpg
import pytest

from lionrock.kernel import connections
from lionrock.kernel.db import Connection, Database, TransactionLost
from tests.conftest import SEED

COUNT_MAX = 3


@pytest.fixture
async def database(database_url: str) -> Any:
    """A database with few connections."""
    opened = await Database.open(database_url, pool_size_max=COUNT_MAX)
    yield opened
    await opened.close()


async def backend(db: Connection) -> int:
    """Which process of the server serves a connection."""
    return int(await db.fetchval("SELECT pg_backend_pid()"))


async def test_a_sound_connection_serves_the_next_one_too(database: Database) -> None:
    assert len({await database.run(backend) for _ in range(5)}) == 1


async def test_who_waits_longest_gets_the_next_connection(database: Database) -> None:
    held = [await database.connect() for _ in range(COUNT_MAX)]
    served: list[int] = []

    async def wait(number: int) -> None:
        opened = await database.connect()
        served.append(number)
        await opened.release(is_sound=True)

    waiting = []
    for number in range(6):
        waiting.append(asyncio.create_task(wait(number)))
        await asyncio.sleep(0)
    # The third gives up while it waits.
    waiting[2].cancel()
    await asyncio.sleep(0)
    assert served == []
    for opened in held:
        await opened.release(is_sound=True)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == [0, 1, 3, 4, 5]


async def test_one_who_gives_up_when_served_passes_the_connection_on(database: Database) -> None:
    held = [await database.connect() for _ in range(COUNT_MAX)]
    first = asyncio.create_task(database.connect())
    second = asyncio.create_task(database.connect())
    await asyncio.sleep(0)
    await held[0].release(is_sound=True)
    # Served, but it has not run since.
    first.cancel()
    opened = await asyncio.wait_for(second, 60)
    with pytest.raises(asyncio.CancelledError):
        await first
    for each in (opened, *held[1:]):
        await each.release(is_sound=True)


async def test_what_was_left_open_is_rolled_back_before_another_has_it(
    database: Database,
) -> None:
    opened = await database.connect()
    await opened.connection.execute("BEGIN")
    await opened.connection.execute("CREATE TABLE kernel.left_open (id int)")
    with pytest.MonkeyPatch.context() as patch:
        # The pool complains to the loop, which pytest would make a failure of.
        patch.setattr(asyncio.get_running_loop(), "call_exception_handler", print, raising=False)
        await opened.release(is_sound=True)
    found = await database.run(lambda db: db.fetchval("SELECT to_regclass('kernel.left_open')"))
    assert found is None


async def test_a_connection_that_the_server_ended_is_handed_to_nobody(database: Database) -> None:
    opened = await database.connect()
    ended = await backend(opened.connection)
    await opened.release(is_sound=True)
    other = await asyncpg.connect(dsn=None, **await address(database))
    await other.execute("SELECT pg_terminate_backend($1, 5000)", ended)
    await other.close()
    await asyncio.sleep(0.05)
    assert await database.run(backend) != ended


async def address(database: Database) -> dict[str, str]:
    """Where a database is, as asyncpg wants it."""
    query = "SELECT current_database(), current_setting('unix_socket_directories')"
    name, folder = await database.run(lambda db: db.fetchrow(query))
    return {"database": name, "host": folder, "user": "lionrock"}


async def test_a_cancelled_query_does_not_meet_the_next_user(database: Database) -> None:
    for _ in range(COUNT_MAX + 1):
        task = asyncio.create_task(database.run(lambda db: db.execute("SELECT pg_sleep(60)")))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.wait_for(database.run(backend), 60) > 0


async def test_a_commit_after_a_failure_that_nobody_told_is_no_commit(database: Database) -> None:
    async def swallow(db: Connection) -> str:
        await db.execute("CREATE TABLE kernel.never_kept (id int)")
        with contextlib.suppress(asyncpg.DivisionByZeroError):
            await db.execute("SELECT 1 / 0")
        return "done"

    with pytest.raises(TransactionLost):
        await database.run(swallow)
    found = await database.run(lambda db: db.fetchval("SELECT to_regclass('kernel.never_kept')"))
    assert found is None


async def test_a_connection_goes_through_the_pool_now_and_then(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "USES_MAX", 3)
    opened = await database.connect()
    wrapper = opened.connection
    await opened.release(is_sound=True)
    for _ in range(3):
        opened = await database.connect()
        last = opened.connection
        await opened.release(is_sound=True)
    assert last is not wrapper, "the pool wraps a connection anew for each who takes it"


async def test_never_more_are_out_than_the_pool_has_whatever_becomes_of_them(
    database: Database,
) -> None:
    chance = random.Random(SEED)
    first = await database.connect()
    out, most = 1, 1

    async def use() -> None:
        nonlocal out, most
        opened = await database.connect()
        out += 1
        most = max(most, out)
        is_sound = False
        try:
            if chance.random() < 0.3:
                await opened.connection.execute("SELECT 1 / 0")
            await opened.connection.execute("SELECT 1")
            is_sound = True
        finally:
            out -= 1
            await opened.release(is_sound=is_sound)

    tasks = [asyncio.create_task(use()) for _ in range(60)]
    for task in tasks:
        if chance.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
    async with asyncio.timeout(60):
        while most == 1:  # noqa: ASYNC110 - counted above
            await asyncio.sleep(0)
    out -= 1
    await first.release(is_sound=True)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    known = (asyncpg.DivisionByZeroError, asyncio.CancelledError)
    assert [each for each in done if each is not None and not isinstance(each, known)] == []
    assert 1 < most <= COUNT_MAX
    held = [await asyncio.wait_for(database.connect(), 60) for _ in range(COUNT_MAX)]
    for opened in held:
        await opened.release(is_sound=True)
