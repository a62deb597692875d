"""Databases for tests: each test is handed one that equals the migrated template.

Making a database costs about 0.15 s of processor time, cleaning one a tenth of it. So a database
that comes back is cleaned and handed out again: every table that was written is emptied, what the
template holds is put back, sequences start again, connections left open are ended. One whose
catalogue differs from the template's afterwards (a test changed the schema) or that grew large
(dead rows are left behind) is dropped instead. LIONROCK_TEST_NEW_DATABASES=1 makes a new one for
every test.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

TEMPLATE = "template_city"
GROWTH_BYTES_MAX = 4 * 2**20
NEW_EVERY_TIME = os.environ.get("LIONROCK_TEST_NEW_DATABASES", "") == "1"

# What DDL changes and data does not. VACUUM writes pg_class, so its row versions do not count.
_CATALOGUE = " UNION ALL ".join(
    f"SELECT '{name}', count(*), max(xmin::text::bigint), 0::bigint FROM pg_catalog.{name}"
    for name in ("pg_attribute", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_proc", "pg_type",
                 "pg_namespace", "pg_rewrite", "pg_policy", "pg_depend", "pg_extension")
) + """
UNION ALL SELECT 'pg_class', count(*), sum(oid::bigint), sum(hashtext(
    concat_ws(' ', relname, relkind, relnamespace, relpersistence, relrowsecurity, relacl)))
  FROM pg_catalog.pg_class
UNION ALL SELECT 'pg_db_role_setting', count(*), 0, 0 FROM pg_catalog.pg_db_role_setting
  WHERE setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
# What is not empty. Asking PostgreSQL for a size opens each relation: five times the cost of this.
_FILLED = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, n.nspname AS schema, c.relname AS relation,
       c.relkind = 'r' AS is_table, file.size
  FROM pg_catalog.pg_database d, pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
       LATERAL pg_stat_file(format('base/%s/%s', d.oid, c.relfilenode), true) AS file
 WHERE d.datname = current_database() AND c.relkind IN ('r', 't') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND file.size > 0
"""
_SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename) AS name, start_value, last_value
  FROM pg_catalog.pg_sequences
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclasses.dataclass(frozen=True)
class Rows:
    """What a database holds beyond a fresh one: its tables' contents and its sequences."""

    tables: dict[tuple[str, str], bytes]
    sequences: set[Any]


class Databases:
    """The databases of one test process on one server."""

    def __init__(self, socket_directory: str, prefix: str) -> None:
        self._socket = socket_directory
        self.prefix = prefix
        self._numbers = itertools.count(1)
        self._idle: list[str] = []
        self._seed: _Seed | None = None

    def url(self, name: str) -> str:
        """The address of a database of this server."""
        return f"postgresql://lionrock@/{name}?host={self._socket}"

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """Hand out the address of a database that equals the template."""
        name = self._idle.pop() if self._idle else await self._make()
        try:
            yield self.url(name)
        finally:
            await self._take_back(name)

    async def rows_of(self, url: str) -> Rows:
        """Read what a database of ours holds, at one instant."""
        async with (
            _connected(url) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return Rows(await _read_rows(connection), await _as_set(connection, _SEQUENCES))

    async def put_rows(self, url: str, rows: Rows) -> None:
        """Have a fresh database hold what another one held."""
        assert self._seed is not None, "it was made here"
        async with _connected(url) as connection:
            await self._seed.change(connection, rows)

    async def _make(self) -> str:
        name = f"{self.prefix}_{next(self._numbers)}"
        await self._as_admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        if self._seed is None:
            # From a copy: nobody may be connected to the template itself.
            async with _connected(self.url(name)) as connection:
                self._seed = await _Seed.read(connection)
        return name

    async def _take_back(self, name: str) -> None:
        if not NEW_EVERY_TIME and await self._clean(name):
            self._idle.append(name)
        else:
            await self._as_admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _clean(self, name: str) -> bool:
        """Make it equal to the template again; False when only a new one would."""
        assert self._seed is not None, "it was made here"
        try:
            async with _connected(self.url(name)) as connection:
                return await self._seed.restore(connection)
        except asyncpg.PostgresError:
            return False

    async def _as_admin(self, statement: str) -> None:
        async with _connected(self.url("postgres")) as connection:
            await connection.execute(statement)


class _Seed:
    """What a fresh database holds: catalogue, rows, sequences, size."""

    def __init__(
        self, catalogue: set[Any], rows: dict[tuple[str, str], bytes], sequences: set[Any],
        size: int,
    ) -> None:
        self._catalogue = catalogue
        self._rows = rows
        self._sequences = sequences
        self._size = size

    @classmethod
    async def read(cls, connection: Any) -> _Seed:
        """Read a fresh database."""
        rows = await _read_rows(connection)
        return cls(
            await _as_set(connection, _CATALOGUE), rows, await _as_set(connection, _SEQUENCES),
            _size_of(await connection.fetch(_FILLED)),
        )

    async def change(self, connection: Any, rows: Rows) -> None:
        """Have a fresh database hold other rows."""
        await connection.execute("SET session_replication_role = replica")
        for name in self._rows.keys() | rows.tables.keys():
            content = rows.tables.get(name, b"")
            if content != self._rows.get(name):
                await _replace(connection, name, content, is_empty=name not in self._rows)
        for name, start, last in rows.sequences - self._sequences:
            value, is_called = (start, False) if last is None else (last, True)
            await connection.execute(f"SELECT setval('{name}', {value}, {is_called})")

    async def restore(self, connection: Any) -> bool:
        """Put a used database back; False when its schema changed or it grew large."""
        await connection.execute(_END_OTHERS)
        filled = await connection.fetch(_FILLED)
        if _size_of(filled) > self._size + GROWTH_BYTES_MAX:
            return False
        if await _as_set(connection, _CATALOGUE) != self._catalogue:
            return False
        # Guards against changing what is append-only are triggers; they must not see this.
        await connection.execute("SET session_replication_role = replica")
        written = [row["name"] for row in filled if row["is_table"]]
        if written:
            # Truncating makes new files for every table and index: eight times the cost of this.
            await connection.execute("; ".join(f"DELETE FROM {name}" for name in written))
        for (schema, relation), content in self._rows.items():
            await connection.copy_to_table(
                relation, schema_name=schema, source=io.BytesIO(content), format="binary"
            )
        for name, start, last in await _as_set(connection, _SEQUENCES) - self._sequences:
            was = next((row[2] for row in self._sequences if row[0] == name), None)
            value, is_called = (start, False) if was is None else (was, True)
            await connection.execute(f"SELECT setval('{name}', {value}, {is_called})")
            assert last != was, "only what differs is set"
        return True


async def _replace(
    connection: Any, name: tuple[str, str], content: bytes, *, is_empty: bool
) -> None:
    schema, relation = name
    if not is_empty:
        await connection.execute(f'DELETE FROM "{schema}"."{relation}"')
    if content:
        await connection.copy_to_table(
            relation, schema_name=schema, source=io.BytesIO(content), format="binary"
        )


async def _read_rows(connection: Any) -> dict[tuple[str, str], bytes]:
    rows = {}
    for table in await connection.fetch(_FILLED):
        if not table["is_table"]:
            continue
        held = io.BytesIO()
        await connection.copy_from_table(
            table["relation"], schema_name=table["schema"], output=held, format="binary"
        )
        rows[table["schema"], table["relation"]] = held.getvalue()
    return rows


def _size_of(filled: Iterable[Any]) -> int:
    """Bytes of the tables and of what they hold apart, dead rows included."""
    return sum(row["size"] for row in filled)


async def _as_set(connection: Any, query: str) -> set[Any]:
    rows: Iterable[Any] = await connection.fetch(query)
    return {tuple(row.values()) for row in rows}


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
