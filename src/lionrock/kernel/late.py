"""The transaction of one request, begun as late as can be, and shared where nothing hinders it.

Steps are handed a `LateTransaction` for their connection. Two things it only notes, because their
outcome can wait: `once`, a single-use value with the refusal to give when it was used before, and
`later`, a row to add. A plain read (kernel.reads) runs by itself: at READ COMMITTED each
statement sees its own snapshot anyway, so a transaction around it would add nothing but two round
trips. Any other query begins a transaction of the request's own, in which what was noted runs
first. A request that needed none ends with its notes in a `GroupCommit`: one statement, which is a
transaction of its own, for all requests that are waiting at that moment, answered after it. A
request whose only change is one statement has that run by itself (`alone`), or together with its
notes when it hangs on a row that only one request gets (`claim`).

So the outcome is that of a transaction begun at the start: values are looked up in the order in
which steps presented them, the first used one refuses the request at its own step whatever later
steps came to, what was presented after it is not remembered, and rows of refused requests are not
written. A refusal or failure of one request touches none that shared its commit.

Invariants: nothing is answered before it is durable; single-use values are always decided by
the database; a crash at any point leaves nothing that was acknowledged undone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from lionrock.kernel import replay
from lionrock.kernel.db import Connection, Database, OpenConnection, OpenTransaction
from lionrock.kernel.errors import Refused
from lionrock.kernel.inserts import Insert
from lionrock.kernel.notes import GroupCommit, Note, Row, UsedBefore, claim_with, save
from lionrock.kernel.reads import is_plain_read


class LateTransaction:
    """A `Connection` whose transaction begins with the first query that needs one."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group
        self._notes: list[Note] = []
        self._rows: list[Row] = []
        self._open: OpenTransaction | None = None
        self._reading: OpenConnection | None = None
        # Whether a statement of its own has changed what this request changes.
        self._is_settled = False
        # The step that runs now, for the refusal of what it presents.
        self.step = ""
        # How that step dresses refusals; None: it returns them as they are.
        self.dress: Callable[[Refused], Any] | None = None

    async def run(
        self, steps: Callable[[], Awaitable[tuple[str, Any]]]
    ) -> tuple[str, Any]:
        """Run a request's steps and end as Database.run does; returns (step, answer)."""
        try:
            step, result = await steps()
            note = await self._end(result)
        except UsedBefore as error:
            await self._leave(is_sound=True)
            await self._close(is_kept=True)
            note = error.note
        except BaseException:
            await self._leave(is_sound=False)
            if self._open is not None:
                await self._open.abandon()
            raise
        return (step, result) if note is None else (note.step, note.answer)

    async def once(
        self, realm: str, value: str, expires_at: datetime, refused: Refused
    ) -> Refused | None:
        """Note a single-use value, or look it up at once when the transaction has begun."""
        assert not self._is_settled, "a value is presented before anything changes"
        if self._open is None:
            found = replay.value_of(realm, value, expires_at)
            if found.key in {note.value.key for note in self._notes}:
                return refused
            self._notes.append(Note(found, refused, self.step, self.dress))
            return None
        is_new = await replay.remember(self._open.connection, realm, value, expires_at)
        return None if is_new else refused

    async def later(self, insert: Insert, row: Any) -> None:
        """Note a row, or add it at once when the transaction has begun."""
        assert not self._is_settled, "nothing is changed after the one statement"
        if self._open is None:
            self._rows.append((insert, row))
        else:
            await save(self._open.connection, [((), [(insert, row)])])

    async def alone(self, query: str, *args: Any) -> Any:
        """Run the one statement that changes anything, by itself if nothing was noted or begun."""
        if self._open is not None or self._notes or self._rows:
            return await (await self._begun()).fetchrow(query, *args)
        connection = await self._connected()
        self._is_settled = True
        return await connection.fetchrow(query, *args)

    async def claim(self, changes: str, args: Sequence[Any], rows: Sequence[Row]) -> bool:
        """Make changes by themselves, with the notes, if no row was noted and nothing begun."""
        if self._open is not None or self._rows:
            return (await claim_with(await self._begun(), (), changes, args, rows))[0]
        connection = await self._connected()
        noted, self._notes = self._notes, []
        self._is_settled, used = await claim_with(connection, noted, changes, args, rows)
        if used is not None:
            raise UsedBefore(used)
        return self._is_settled

    async def execute(self, query: str, *args: Any) -> str:
        """See Connection."""
        return str(await (await self._begun()).execute(query, *args))

    async def executemany(self, command: str, args: Iterable[Any]) -> None:
        """See Connection."""
        await (await self._begun()).executemany(command, args)

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """See Connection."""
        return list(await (await self._for(query)).fetch(query, *args))

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await (await self._for(query)).fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """See Connection."""
        return await (await self._for(query)).fetchval(query, *args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Any, columns: Any = None, schema_name: str | None = None
    ) -> str:
        """See Connection."""
        connection = await self._begun()
        return str(await connection.copy_records_to_table(
            table_name, records=records, columns=columns, schema_name=schema_name))

    async def copy_to_table(
        self, table_name: str, *, source: Any, columns: Any = None,
        schema_name: str | None = None, format: str | None = None,
    ) -> str:  # fmt: skip
        """See Connection."""
        connection = await self._begun()
        return await connection.copy_to_table(
            table_name, source=source, columns=columns, schema_name=schema_name, format=format
        )

    async def _for(self, query: str) -> Connection:
        """The connection for a query, in a transaction if it needs one or there is one."""
        if self._open is not None or self._rows or not is_plain_read(query):
            # Also after a row was noted: a read in the same request would miss it.
            return await self._begun()
        return await self._connected()

    async def _connected(self) -> Connection:
        if self._reading is None:
            self._reading = await self._database.connect()
        return self._reading.connection

    async def _begun(self) -> Connection:
        assert not self._is_settled, "nothing is changed after the one statement"
        if self._open is None:
            reading, self._reading = self._reading, None
            self._open = await (reading or await self._database.connect()).begin()
            notes, rows = self._notes, self._rows
            self._notes, self._rows = [], []
            if notes or rows:
                used = (await save(self._open.connection, [(notes, rows)]))[0]
                if used is not None:
                    raise UsedBefore(used)
        return self._open.connection

    async def _end(self, result: Any) -> Note | None:
        is_kept = not isinstance(result, Refused) or result.keep
        assert is_kept or not self._is_settled, "what is settled cannot be undone"
        # Before others are waited for: they may need the connection.
        await self._leave(is_sound=True)
        if self._open is None and not is_kept and self._notes:
            # To be forgotten again, but an earlier step's refusal still comes first.
            await self._begun()
        if self._open is not None:
            await self._close(is_kept=is_kept)
            return None
        rows = [] if isinstance(result, Refused) and not is_kept else self._rows
        return await self._group.commit(self._notes, rows) if self._notes or rows else None

    async def _leave(self, *, is_sound: bool) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            await reading.release(is_sound=is_sound)

    async def _close(self, *, is_kept: bool) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await opened.end(is_kept=is_kept)


async def once(
    db: Connection, realm: str, value: str, expires_at: datetime, refused: Refused
) -> Refused | None:
    """Remember a single-use value (replay.remember); `refused` when it was used before.

    In a request it may be looked up only when the request ends, which the caller does not notice.
    """
    if isinstance(db, LateTransaction):
        return await db.once(realm, value, expires_at, refused)
    return None if await replay.remember(db, realm, value, expires_at) else refused


@contextmanager
def dressing(db: Connection, dress: Callable[[Refused], Any]) -> Iterator[None]:
    """Inside, `dress` makes the answer of values noted by `once` and used before.

    For a step that answers with more than a refusal: it may have ended when that is found out.
    """
    if not isinstance(db, LateTransaction):
        yield
        return
    assert db.dress is None, "one step runs at a time"
    db.dress = dress
    try:
        yield
    finally:
        db.dress = None


async def later(db: Connection, insert: Insert, row: Any) -> None:
    """Add a row; the caller neither reads it nor needs it yet."""
    if isinstance(db, LateTransaction):
        await db.later(insert, row)
    else:
        await save(db, [((), [(insert, row)])])


async def alone(db: Connection, query: str, *args: Any) -> Any:
    """Run the one statement by which a request changes anything, and return its row.

    If the request has changed nothing so far, it needs no BEGIN and no COMMIT. So the request may
    change nothing after it, and may not be refused in a way that would undo it.
    """
    if isinstance(db, LateTransaction):
        return await db.alone(query, *args)
    return await db.fetchrow(query, *args)


# The condition by which a request changes nothing when a value that it brought was used before.
UNLESS_USED = "NOT EXISTS (SELECT FROM refused)"


async def claim(
    db: Connection, changes: str, *args: Any, rows: Sequence[Row] = ()
) -> bool:
    """Make changes that hang on getting a row which only one request gets; say whether it was got.

    `changes` are WITH clauses on `$1` and so on. The first is `claimed`: an UPDATE ... RETURNING 1
    with `UNLESS_USED` among its conditions; the others look whether it returned. With it the rows
    are added. If the request has changed nothing so far, this is all in the one statement that
    remembers its noted values, and once it was claimed the request may change nothing after it.
    """
    if isinstance(db, LateTransaction):
        return await db.claim(changes, args, rows)
    return (await claim_with(db, (), changes, args, rows))[0]
