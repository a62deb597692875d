"""A unit of work about many things at once: what can wait is written together, in one statement.

For use cases that do the same for many things: each part runs as it would alone, one after the
other. Rows to add (`write_with_others`), calls of functions (`call_with_others`) and single-use
values (`once`) are noted. If that is all, the unit is one statement, which needs no BEGIN and no
COMMIT; the first query of any other kind begins a transaction, in which what was noted until then
comes first. Rows that are noted after it are written at the end; calls, with the rows noted until
then, before the next query, for what they change others may look at.
Not for: reads of what was noted in the same unit; nothing is there before `write_noted`.
Invariants: nothing is acknowledged before the commit in which `run_gathered` ends; all of it is
kept or nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import asyncpg
import msgspec

from lionrock.kernel import inserts, replay
from lionrock.kernel.db import Connection, Database, OpenTransaction
from lionrock.kernel.notes import Row, save

T = TypeVar("T")
# What kernel.insist, and functions like it, raise.
OVERTAKEN = "LR001"


class Call(msgspec.Struct, frozen=True, eq=False):
    """A function of the database that changes something, with what it is given (type, value).

    It raises OVERTAKEN where it does not find what its caller has found.
    """

    function: str
    given: Sequence[tuple[str, Any]]

    def expression(self, first: int) -> str:
        """The call in SQL, on the arguments from `$first` on."""
        types = ", ".join(f"${first + n}::{kind}" for n, (kind, _) in enumerate(self.given))
        return f"{self.function}({types})"


class GatheringConnection:
    """A `Connection` that gathers what is noted on it; its transaction begins when it must."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: OpenTransaction | None = None
        self._values: list[replay.Value] = []
        self._calls: list[Call] = []
        self._rows: list[Row] = []

    def once(self, values: Iterable[replay.Value]) -> None:
        """Note single-use values; where one was used before, everything fails with OVERTAKEN."""
        self._values += values

    def call(self, call: Call) -> None:
        """Note a call; calls come in their order, and before all rows."""
        self._calls.append(call)

    def add(self, rows: Iterable[Row]) -> None:
        """Note rows."""
        self._rows += rows

    async def write(self) -> None:
        """Write what was noted, in a transaction that stays open."""
        db = await self._begun()
        if self._is_noted:
            await self._write_noted(db)

    async def write_left(self) -> None:
        """Write what is left; where that is everything, it is the commit too."""
        if not self._is_noted:
            return
        if self._open is None:
            await self._database.alone(self._write_noted)
        else:
            await self._write_noted(self._open.connection)

    async def commit(self) -> None:
        """Commit what was begun."""
        if self._open is not None:
            await self._open.end(is_kept=True)

    async def abandon(self) -> None:
        """Undo everything, after a failure."""
        if self._open is not None:
            await self._open.abandon()

    @property
    def _is_noted(self) -> bool:
        return bool(self._values or self._calls or self._rows)

    async def _begun(self) -> Connection:
        if self._open is None:
            self._open = await self._database.begin()
            if self._is_noted:
                await self._write_noted(self._open.connection)
        elif self._calls:
            await self._write_noted(self._open.connection)
        return self._open.connection

    async def _write_noted(self, db: Connection) -> None:
        values, calls, rows = self._values, self._calls, self._rows
        self._values, self._calls, self._rows = [], [], []
        before, given = replay.clauses(values, 1)
        parts, told = [before], []
        if values:
            told.append("kernel.insist(NOT EXISTS (SELECT FROM known))")
        for call in calls:
            told.append(call.expression(len(given) + 1))
            given += [value for _, value in call.given]
        if rows:
            by_table = inserts.by_table((0, row) for row in rows)
            parts.append(inserts.clauses(tuple(by_table), len(given) + 1))
            given += inserts.arguments(by_table)
        # The server evaluates these in their order, and the rows after them.
        await db.fetch(f"WITH {', '.join(parts)} SELECT {', '.join(told) or '1'}", *given)

    async def execute(self, query: str, *args: Any) -> str:
        """See Connection."""
        return await (await self._begun()).execute(query, *args)

    async def executemany(self, command: str, args: Iterable[Any]) -> None:
        """See Connection."""
        await (await self._begun()).executemany(command, args)

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """See Connection."""
        return await (await self._begun()).fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await (await self._begun()).fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await (await self._begun()).fetchval(query, *args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Any, columns: Any = None, schema_name: str | None = None
    ) -> str:
        """See Connection."""
        return await (await self._begun()).copy_records_to_table(
            table_name, records=records, columns=columns, schema_name=schema_name
        )

    async def copy_to_table(
        self, table_name: str, *, source: Any, columns: Any = None,
        schema_name: str | None = None, format: str | None = None,
    ) -> str:  # fmt: skip
        """See Connection."""
        return await (await self._begun()).copy_to_table(
            table_name, source=source, columns=columns, schema_name=schema_name, format=format
        )


def is_overtaken(error: Exception) -> bool:
    """Whether something was not as its caller had found it, so that a new look may help."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate == OVERTAKEN


async def run_gathered(
    database: Database, use_case: Callable[[GatheringConnection], Awaitable[T]]
) -> T:
    """Run a use case about many things as one unit: all is kept, or nothing.

    Raises what the use case or the database raises; what is noted may fail only at the end.
    """
    connection = GatheringConnection(database)
    try:
        result = await use_case(connection)
        await connection.write_left()
    except BaseException:
        await connection.abandon()
        raise
    await connection.commit()
    return result


async def write_noted(db: Connection) -> None:
    """Write what was noted so far, for a caller who will read it in this transaction."""
    if isinstance(db, GatheringConnection):
        await db.write()


async def write_with_others(db: Connection, rows: Sequence[Row]) -> None:
    """Add rows; the caller does not read them in its transaction.

    Where units are gathered they are written at the end, anywhere else at once.
    """
    if isinstance(db, GatheringConnection):
        db.add(rows)
    elif rows:
        await save(db, [((), rows)])


async def call_with_others(db: Connection, call: Call) -> None:
    """Have a function called; the caller does not read what it changes in its transaction."""
    if isinstance(db, GatheringConnection):
        db.call(call)
    else:
        await db.execute(f"SELECT {call.expression(1)}", *(value for _, value in call.given))
