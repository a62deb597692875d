"""What requests only note, and the commits that they share: single-use values and rows to add.

A request that changes nothing else hands its notes to the process's `GroupCommit`: one statement,
which is a transaction of its own, for all requests that are waiting at that moment, answered after
it. Or it claims a row in the statement that saves its own notes (`claim_with`).

Invariants: nothing is answered before it is durable; single-use values are always decided by the
database; a refusal or failure of one request touches none that shared its commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lionrock.kernel import inserts, replay
from lionrock.kernel.db import DATABASE_FAILURES, Connection, Database, is_rolled_back
from lionrock.kernel.errors import Refused
from lionrock.kernel.inserts import Insert

SHARING_MAX = 64
# What one request's values can make PostgreSQL or its driver say.
_FAILURES = (*DATABASE_FAILURES, ValueError, TypeError)

# A row to add, and how rows of its kind are added.
Row = tuple[Insert, Any]


class Note(msgspec.Struct, frozen=True):
    """A single-use value: `refused` at `step` is the answer when it was used before.

    With `dress` it is dressed as the step that presented the value dresses its refusals.
    """

    value: replay.Value
    refused: Refused
    step: str
    dress: Callable[[Refused], Any] | None = None

    @property
    def answer(self) -> Any:
        """What the request is answered with."""
        return self.refused if self.dress is None else self.dress(self.refused)


class UsedBefore(Exception):
    """A noted value was used before; ends the request at the step that presented it."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.step)
        self.note = note


class Waiting(msgspec.Struct, frozen=True):
    """What one request brings to a shared commit; the answer is the used note, or None."""

    notes: Sequence[Note]
    rows: Sequence[Row]
    answer: asyncio.Future[Note | None]

    @property
    def keys(self) -> set[bytes]:
        """The keys of its values."""
        return {note.value.key for note in self.notes}


class GroupCommit:
    """One per process: commits of requests that only have notes, a group at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def commit(
        self, notes: Sequence[Note], rows: Sequence[Row]
    ) -> Note | None:
        """Commit a request's notes with those of others; returns the first value used before.

        Raises what the database raises for these values.
        """
        answer: asyncio.Future[Note | None] = asyncio.get_running_loop().create_future()
        self._queue.append(Waiting(notes, rows, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._commit_group(self._take())
        finally:
            self._task = None

    def _take(self) -> list[Waiting]:
        """Take those who wait longest; one who brings a value that is among them comes later."""
        group: list[Waiting] = []
        left: list[Waiting] = []
        keys: set[bytes] = set()
        for waiting in self._queue:
            if len(group) == SHARING_MAX or keys & waiting.keys:
                left.append(waiting)
                continue
            group.append(waiting)
            keys |= waiting.keys
        self._queue = left
        return group

    async def _commit_group(self, group: list[Waiting]) -> None:
        async def use_case(db: Connection) -> list[Note | None]:
            return await save(db, [(waiting.notes, waiting.rows) for waiting in group])

        try:
            used = await self._database.alone(use_case)
        except _FAILURES as error:
            if len(group) > 1 and is_rolled_back(error):
                # Whose fault it was is not known: each alone, so that only that one hears of it.
                for waiting in group:
                    await self._commit_group([waiting])
                return
            for waiting in group:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        except BaseException:
            for waiting in group:
                waiting.answer.cancel()
            raise
        for waiting, note in zip(group, used, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(note)


async def save(
    db: Connection, requests: Sequence[tuple[Sequence[Note], Sequence[Row]]]
) -> list[Note | None]:
    """Look up and remember the values of requests, add the rows of those with no used one.

    In one statement, which needs no BEGIN and no COMMIT of its own.
    """
    units = [[note.value for note in notes] for notes, _ in requests]
    added = [(number, row) for number, (_, rows) in enumerate(requests) for row in rows]
    told = await replay.remember_all(db, units, inserts.by_table(added))
    return [
        notes[position] if position is not None else None
        for (notes, _), position in zip(requests, told, strict=True)
    ]


async def claim_with(
    db: Connection, notes: Sequence[Note], changes: str, args: Sequence[Any], rows: Sequence[Row]
) -> tuple[bool, Note | None]:
    """Save notes, and make changes with rows if their first one, `claimed`, changes something.

    `changes` are WITH clauses (kernel.late.claim). Returns whether it was claimed, and the first
    value that was used before; then nothing is changed. In one statement.
    """
    before, values = replay.clauses([note.value for note in notes], len(args) + 1)
    parts, given = [before, changes], [*args, *values]
    if rows:
        parts.append(_UNCLAIMED)
        beside = inserts.by_table([(0, row) for row in rows])
        parts.append(inserts.clauses(tuple(beside), len(given) + 1, "unclaimed"))
        given += inserts.arguments(beside)
    row = await db.fetchrow(f"WITH {', '.join(parts)} {_TOLD}", *given)
    used = min(row["known"], default=None)
    return row["is_claimed"], notes[used - 1] if used is not None else None


_UNCLAIMED = "unclaimed AS (SELECT 0 AS unit WHERE NOT EXISTS (SELECT FROM claimed))"
_TOLD = (
    "SELECT EXISTS (SELECT FROM claimed) AS is_claimed,"
    " ARRAY(SELECT position FROM known) AS known"
)
