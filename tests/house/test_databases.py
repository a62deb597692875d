"""A database that was used and cleaned equals a new one; one that cannot be cleaned is dropped."""

from __future__ import annotations

import itertools
from typing import Any

import asyncpg
import pytest

from tests.databases import Databases

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""

_numbers = itertools.count(1)


@pytest.fixture
def own(postgres_server: str, worker_id: str) -> Databases:
    """Databases that no other test uses."""
    return Databases(postgres_server, f"house_{worker_id}_{next(_numbers)}")


async def content(url: str) -> dict[str, Any]:
    """Every row of every table, and where every sequence stands."""
    connection = await asyncpg.connect(url)
    try:
        found = {
            name: sorted(map(repr, await connection.fetch(f"SELECT t::text FROM {name} t")))
            for name in [row[0] for row in await connection.fetch(TABLES)]
        }
        rows = await connection.fetch(
            "SELECT schemaname, sequencename, last_value FROM pg_sequences"
        )
        return {**found, "sequences": sorted(map(repr, rows))}
    finally:
        await connection.close()


async def test_a_used_database_comes_back_as_new(own: Databases) -> None:
    async with own.fresh() as url:
        new = await content(url)
        connection = await asyncpg.connect(url)
        await connection.execute("SET session_replication_role = replica")
        for table in [row[0] for row in await connection.fetch(TABLES)]:
            await connection.execute(f"DELETE FROM {table}")
        for row in await connection.fetch(
            "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"
        ):
            await connection.execute(f"SELECT nextval('{row[0]}')")
        # Left open, in the middle of a transaction that holds a lock.
        await connection.execute("BEGIN; LOCK TABLE kernel.jobs")
    async with own.fresh() as again:
        assert again == url, "it was handed out again"
        assert await content(again) == new
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("SELECT 1")


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE kernel.more (n int)", "DROP TABLE kernel.jobs CASCADE",
        "ALTER TABLE kernel.jobs ADD COLUMN more int", "CREATE SCHEMA more",
        "ALTER TABLE kernel.jobs ALTER COLUMN attempt DROP NOT NULL",
        "ALTER TABLE kernel.jobs RENAME TO work", "CREATE INDEX more ON kernel.jobs (key)",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE directory.keys DISABLE TRIGGER ALL", "GRANT SELECT ON kernel.jobs TO PUBLIC",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database());"
        " END $$",
    ],
)
async def test_a_changed_schema_is_never_handed_out_again(own: Databases, change: str) -> None:
    async with own.fresh() as url:
        new = await content(url)
        connection = await asyncpg.connect(url)
        await connection.execute(change)
        await connection.close()
    async with own.fresh() as again:
        assert again != url
        assert await content(again) == new


async def test_a_large_database_is_never_handed_out_again(
    own: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.databases.GROWTH_BYTES_MAX", -1)
    async with own.fresh() as url:
        pass
    async with own.fresh() as again:
        assert again != url
