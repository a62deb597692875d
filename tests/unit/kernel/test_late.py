"""Late transactions and shared commits: the outcome is that of a transaction begun at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from lionrock.kernel import late, reads, replay
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.kernel.errors import Refused
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.late import LateTransaction
from lionrock.kernel.notes import GroupCommit, Note, Row, save
from tests.unit.kernel.desk import FIRST, OTHER, SECOND, WRITTEN, Desk


@pytest.fixture
def desk(database: Database, wire_clock: FrozenClock) -> Desk:
    return Desk(database, wire_clock)


EVERYWHERE = pytest.mark.parametrize("query_at", [0, 1, 2, 3])


@EVERYWHERE
async def test_the_first_used_value_refuses_at_its_own_step(desk: Desk, query_at: int) -> None:
    assert await desk.request("a", "b", "1", query_at=query_at) == ("step-3", "done")
    step, refused = await desk.request("a", "c", "2", query_at=query_at)
    assert (step, refused.refusal) == ("step-1", FIRST.refusal)
    step, refused = await desk.request("d", "b", "3", query_at=query_at)
    assert (step, refused.refusal) == ("step-2", SECOND.refusal)
    assert await desk.rows() == ["1"]
    # What came before the used value stays used, what came after it was not touched.
    assert (await desk.request("d", "e", "4", query_at=query_at))[0] == "step-1"
    assert await desk.request("f", "c", "5", query_at=query_at) == ("step-3", "done")


@EVERYWHERE
async def test_a_kept_refusal_keeps_the_values_and_another_forgets_them(
    desk: Desk, query_at: int
) -> None:
    kept = Refused(OTHER.refusal, keep=True)
    assert (await desk.request("a", "b", "1", result=OTHER, query_at=query_at))[1] == OTHER
    assert (await desk.request("a", "b", "2", result=kept, query_at=query_at))[1] == kept
    assert (await desk.request("a", "c", "3", query_at=query_at))[0] == "step-1"


@EVERYWHERE
async def test_a_used_value_comes_before_the_refusal_of_a_later_step(
    desk: Desk, query_at: int
) -> None:
    await desk.request("a", "b", "1")
    assert (await desk.request("c", "b", "2", result=OTHER, query_at=query_at))[0] == "step-2"


async def test_of_the_same_values_at_once_one_request_passes(desk: Desk) -> None:
    other = Desk(desk.database, desk.clock)
    told = await asyncio.gather(*(
        each.request("a", f"b{n}", f"{n}", query_at=n % 2 * 3)
        for n in range(12) for each in (desk, other)))
    assert [step for step, _ in told].count("step-3") == 1
    assert len(await desk.rows()) == 1


async def test_many_requests_share_commits(desk: Desk) -> None:
    told = await asyncio.gather(*(desk.request(f"a{n}", f"b{n}", f"{n}") for n in range(200)))
    assert {step for step, _ in told} == {"step-3"}
    assert len(await desk.rows()) == 200
    assert await _commits(desk.database) < 50


async def _commits(database: Database) -> int:
    """The transactions that wrote the rows: the server's own count has other databases' too."""
    return int(await database.run(lambda db: db.fetchval(
        "SELECT count(DISTINCT xmin::text) FROM kernel.jobs WHERE queue = 'late'")))


async def test_a_row_that_cannot_be_stored_fails_its_own_request_only(desk: Desk) -> None:
    async def fail() -> Callable[[], None] | None:
        with pytest.raises(asyncpg.PostgresError):
            await desk.request("bad1", "bad2", "a\0b")
        return None

    requests = [desk.request(f"a{n}", f"b{n}", f"{n}") for n in range(5)]
    told = await asyncio.gather(*requests, fail(), desk.request("x", "y", "z"))
    assert [each for each in told if each is not None] == [("step-3", "done")] * 6
    assert len(await desk.rows()) == 6
    # Nothing of the failed one is remembered.
    assert await desk.request("bad1", "bad2", "good") == ("step-3", "done")


async def test_a_request_that_is_called_off_while_it_waits_hinders_nobody(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.request("a", "b", "1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    assert await desk.request("c", "d", "2") == ("step-3", "done")


async def test_without_a_database_each_request_hears_of_it(desk: Desk) -> None:
    await desk.database.close()
    told = await asyncio.gather(
        *(desk.request(f"a{n}", f"b{n}", f"{n}") for n in range(5)), return_exceptions=True)
    assert all(isinstance(each, asyncpg.InterfaceError) for each in told)


@pytest.mark.parametrize(("query", "is_plain"), [
    ("SELECT * FROM identity.clients WHERE id = ANY($1) AND is_active", True),
    ("SELECT count(*) FILTER (WHERE a = $1) AS own FROM (SELECT 1) b", True),
    ("SELECT a.*, (SELECT array_agg(p.x ORDER BY p.y) FROM b.c p) AS d FROM e.f a", True),
    ("SELECT 1 FROM a FOR UPDATE", False), ("SELECT 1 FROM a FOR NO KEY UPDATE", False),
    ("SELECT 1 FROM a\nFOR  KEY SHARE OF a", False), ("SELECT 1 FROM a for share", False),
    ("SELECT pg_advisory_xact_lock($1)", False), ("SELECT kernel.remember($1)", False),
    ("SELECT nextval('a')", False), ('SELECT "kernel"."remember"($1)', False),
    ("SELECT a INTO b FROM c", False), ("SELECT 1; DELETE FROM a", False),
    ("WITH a AS (DELETE FROM b) SELECT 1", False), ("UPDATE a SET b = 1 RETURNING 1", False),
    ("INSERT INTO a VALUES ($1)", False), ("DELETE FROM a", False), (" SELECT 1", False),
])  # fmt: skip
def test_only_a_select_without_locks_and_unknown_functions_counts_as_a_plain_read(
    query: str, is_plain: bool
) -> None:
    assert reads.is_plain_read(query) is is_plain


async def test_plain_reads_begin_no_transaction_and_noted_values_are_decided_all_the_same(
    database: Database, wire_clock: FrozenClock
) -> None:
    group = GroupCommit(database)
    expires_at = wire_clock.now() + timedelta(seconds=60)

    async def once() -> tuple[str, Any]:
        transaction = LateTransaction(database, group)

        async def steps() -> tuple[str, Any]:
            transaction.step = "check"
            assert await late.once(transaction, "desk", "v", expires_at, FIRST) is None
            transaction.step = "read"
            assert await transaction.fetchval("SELECT 1") == 1
            assert transaction._open is None, "a read has begun a transaction"
            return "reply", "done"

        return await transaction.run(steps)

    assert await once() == ("reply", "done")
    assert await once() == ("check", FIRST)


async def test_a_read_after_a_noted_row_sees_that_row(
    database: Database, wire_clock: FrozenClock
) -> None:
    transaction = LateTransaction(database, GroupCommit(database))

    async def steps() -> tuple[str, Any]:
        await late.later(transaction, WRITTEN, "seen")
        query = "SELECT key FROM kernel.jobs WHERE queue = 'late' AND key = 'seen'"
        return "read", await transaction.fetchval(query)

    assert await transaction.run(steps) == ("read", "seen")


async def test_the_connection_of_plain_reads_goes_back_also_when_a_step_breaks(
    database: Database,
) -> None:
    for _ in range(20):  # More often than the pool has connections.
        transaction = LateTransaction(database, GroupCommit(database))

        async def steps(transaction: LateTransaction = transaction) -> tuple[str, Any]:
            await transaction.fetchval("SELECT 1")
            raise LookupError

        with pytest.raises(LookupError):
            await asyncio.wait_for(transaction.run(steps), timeout=60)


NOTED = Insert(
    table="kernel.jobs",
    columns=(Column("queue", "text"), Column("key", "text"), Column("payload", "jsonb"),
             Column("due_at", "text", "due_at::timestamptz")),
    values=lambda row: ("noted", row, [row, [], None], "-infinity"),
)  # fmt: skip


async def test_in_one_statement_a_used_value_keeps_out_its_own_rows_and_nobody_elses(
    database: Database, wire_clock: FrozenClock
) -> None:
    expires_at = wire_clock.now() + timedelta(seconds=60)

    def note(value: str, refused: Refused) -> Note:
        return Note(replay.value_of("desk", value, expires_at), refused, value)

    def wish(name: str, *values: str) -> tuple[list[Note], list[Row]]:
        """Rows of two kinds, and values of which the first is refused with FIRST."""
        notes = [note(value, SECOND if n else FIRST) for n, value in enumerate(values)]
        return notes, [(WRITTEN, name), (NOTED, name), (WRITTEN, f"{name}-again")]

    statements = 0

    def count(_: Any) -> None:
        nonlocal statements
        statements += 1

    opened = await database.connect()
    connection: Any = opened.connection
    try:
        assert await save(connection, [wish("before", "a", "b")]) == [None]
        connection.add_query_logger(count)
        used = await save(connection, [
            wish("first", "c"), wish("second", "d", "b", "e"), wish("third"),
            wish("fourth", "a", "f"), ([note("g", FIRST)], []),
        ])  # fmt: skip
        await asyncio.sleep(0)  # Statements are counted in the loop's next round.
        assert statements == 1
        assert [each and (each.step, each.refused) for each in used] == [
            None, ("b", SECOND), None, ("a", FIRST), None]
        # What came after a used value was not touched, what came before it and alone was.
        told = await save(connection, [([note(v, FIRST)], []) for v in ("d", "e", "f", "g")])
        assert [each is None for each in told] == [False, True, True, False]
    finally:
        connection.remove_query_logger(count)
        await opened.release()
    rows = await database.run(lambda db: db.fetch("SELECT queue, key, payload FROM kernel.jobs"))
    kept = {"before", "first", "third"}
    assert {row["key"] for row in rows if row["queue"] == "late"} == {
        *kept, *(f"{name}-again" for name in kept)}
    noted = {row["key"]: row["payload"] for row in rows if row["queue"] == "noted"}
    assert noted == {name: [name, [], None] for name in kept}


async def test_a_statement_of_its_own_needs_no_transaction_and_is_the_last_change(
    database: Database, wire_clock: FrozenClock
) -> None:
    group = GroupCommit(database)
    insert = ("INSERT INTO kernel.jobs (queue, key, payload, due_at)"
              " VALUES ('late', $1, '{}', '-infinity') RETURNING key")

    async def run(key: str, value: str | None, then: Any) -> tuple[str, Any]:
        transaction = LateTransaction(database, group)

        async def steps() -> tuple[str, Any]:
            transaction.step = "check"
            if value is not None:
                expires_at = wire_clock.now() + timedelta(seconds=60)
                await late.once(transaction, "desk", value, expires_at, FIRST)
            transaction.step = "save"
            assert (await late.alone(transaction, insert, key))["key"] == key
            assert (transaction._open is None) is (value is None)
            if then is late.later:
                await late.later(transaction, WRITTEN, f"{key}-too")
                return "save", "done"
            return "save", then

        return await transaction.run(steps)

    assert await run("1", None, "done") == ("save", "done")
    assert await run("2", "v", "done") == ("save", "done")
    # Beside a noted value it is in the request's own transaction, and undone with that.
    assert await run("3", "v", "done") == ("check", FIRST)
    assert await run("4", "w", OTHER) == ("save", OTHER)
    for then in (OTHER, late.later):
        with pytest.raises(AssertionError):
            await run(f"5-{then}", None, then)
    keys = await Desk(database, wire_clock).rows()
    assert [key for key in keys if not key.startswith("5-")] == ["1", "2"]
