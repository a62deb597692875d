"""A transaction of many use cases at once: rows that can wait are written together at its end.

For jobs that do the same for many things: each use case runs as it would alone, one after the
other, and what it notes with `write_with_others` is gathered and written by one statement for each
kind of row. Not for: reads of what was noted in the same transaction; nothing is there before
`write_noted`.
Invariant: nothing is acknowledged before the transaction that `run_gathered` commits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from lionrock.kernel.db import Connection, Database

T = TypeVar("T")
Writer = Callable[[Connection, Sequence[Any]], Awaitable[None]]


class GatheringConnection:
    """A `Connection` inside a transaction that gathers the rows noted on it."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._rows: dict[Writer, list[Any]] = {}

    def note(self, writer: Writer, row: Any) -> None:
        """Have a row written at the end."""
        self._rows.setdefault(writer, []).append(row)

    async def write(self) -> None:
        """Write what was noted, each kind of row by one call, in the order of first use."""
        rows, self._rows = self._rows, {}
        for writer, noted in rows.items():
            await writer(self._db, noted)

    async def execute(self, query: str, *args: Any) -> str:
        """See Connection."""
        return await self._db.execute(query, *args)

    async def executemany(self, command: str, args: Iterable[Any]) -> None:
        """See Connection."""
        await self._db.executemany(command, args)

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """See Connection."""
        return await self._db.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await self._db.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await self._db.fetchval(query, *args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Any, columns: Any = None, schema_name: str | None = None
    ) -> str:
        """See Connection."""
        return await self._db.copy_records_to_table(
            table_name, records=records, columns=columns, schema_name=schema_name
        )

    async def copy_to_table(
        self, table_name: str, *, source: Any, columns: Any = None,
        schema_name: str | None = None, format: str | None = None,
    ) -> str:  # fmt: skip
        """See Connection."""
        return await self._db.copy_to_table(
            table_name, source=source, columns=columns, schema_name=schema_name, format=format
        )


async def run_gathered(
    database: Database, use_case: Callable[[Connection], Awaitable[T]]
) -> T:
    """Run a use case about many things in one transaction; its noted rows are written last.

    Raises what the use case or a writer raises; then nothing is kept.
    """

    async def gathering(db: Connection) -> T:
        connection = GatheringConnection(db)
        result = await use_case(connection)
        await connection.write()
        return result

    return await database.run(gathering)


async def write_noted(db: Connection) -> None:
    """Write what was noted so far, for a caller who will read it in this transaction."""
    if isinstance(db, GatheringConnection):
        await db.write()


async def write_with_others(db: Connection, writer: Writer, row: Any) -> None:
    """Write a row with `writer`, which takes many; the caller does not read it in its transaction.

    In a gathered transaction it is written at the end, anywhere else at once.
    """
    if isinstance(db, GatheringConnection):
        db.note(writer, row)
    else:
        await writer(db, [row])
