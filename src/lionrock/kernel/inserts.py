"""Rows that are added in the statement that remembers single-use values (kernel.replay).

An `Insert` says how rows of one table are added: its columns, and what of a row stands in each.
Many rows of many requests are one INSERT, their values column by column in arrays, so that a
statement has the same text and the same plan for one row and for a hundred.

Not for: rows whose writing needs a look at the table first; those begin a transaction.

Invariant: a row is added unless its request (`unit`) is one of those that the statement refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

_STATEMENTS_KNOWN_MAX = 256


class Column(msgspec.Struct, frozen=True):
    """A column: its type as it is handed over and, if it is stored as another, how that is made.

    Arrays of arrays would be unnested into their parts: an array travels as something else, and
    what is jsonb, which may be a list, as its text.
    """

    name: str
    type: str
    stored_as: str = ""

    @property
    def sent_as(self) -> str:
        """The type of an element of its array."""
        return "text" if self.type == "jsonb" else self.type

    @property
    def expression(self) -> str:
        """What is stored, made of what was sent."""
        return self.stored_as or (f"{self.name}::jsonb" if self.type == "jsonb" else self.name)

    def sent(self, values: Sequence[Any]) -> list[Any]:
        """Return rows' values as the elements of its array."""
        if self.type != "jsonb":
            return list(values)
        return [None if each is None else msgspec.json.encode(each).decode() for each in values]


class Insert(msgspec.Struct, frozen=True, eq=False):
    """How rows are added to `table`; `values` returns those of a row in the columns' order.

    `again`: the ON CONFLICT clause, if there is one. It needs a `key`: of rows of one key the last
    is written, and all in the order of their keys, for two statements may write the same.
    """

    table: str
    columns: tuple[Column, ...]
    values: Callable[[Any], tuple[Any, ...]]
    again: str = ""
    key: Callable[[Any], Any] | None = None


# Rows by how they are added, each with the number of the request that it belongs to.
Rows = Mapping[Insert, Sequence[tuple[int, Any]]]


def by_table(given: Iterable[tuple[int, tuple[Insert, Any]]]) -> Rows:
    """Return rows (number of the request; how it is added, row) by how they are added.

    In one order: the same tables are one statement, whichever row came first.
    """
    found: dict[Insert, list[tuple[int, Any]]] = {}
    for number, (insert, row) in given:
        found.setdefault(insert, []).append((number, row))
    return {
        insert: _each_once(insert, rows)
        for insert, rows in sorted(found.items(), key=lambda each: each[0].table)
    }


def _each_once(insert: Insert, rows: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    if insert.key is None:
        return rows
    last = {insert.key(row): (number, row) for number, row in rows}
    return [last[key] for key in sorted(last)]


def arguments(rows: Rows) -> list[list[Any]]:
    """Return the arguments of `clauses`: of each table its columns' values, then the units."""
    found: list[list[Any]] = []
    for insert, given in rows.items():
        values = [insert.values(row) for _, row in given]
        assert all(len(each) == len(insert.columns) for each in values), "a value a column"
        sent = zip(insert.columns, zip(*values, strict=True), strict=True)
        found += [column.sent(each) for column, each in sent]
        found.append([unit for unit, _ in given])
    return found


@lru_cache(maxsize=_STATEMENTS_KNOWN_MAX)
def clauses(inserts: tuple[Insert, ...], first: int, but: str = "refused") -> str:
    """Return the WITH clauses that add rows, their arguments from `$first` on.

    They leave out the requests that an earlier clause, `but (unit)`, names.
    """
    texts = []
    for number, insert in enumerate(inserts):
        assert bool(insert.again) == (insert.key is not None), "who writes again has an order"
        names = ", ".join(column.name for column in insert.columns)
        stored = ", ".join(column.expression for column in insert.columns)
        types = [*(column.sent_as for column in insert.columns), "integer"]
        arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(types))
        texts.append(
            f"rows_{number} AS (INSERT INTO {insert.table} ({names}) SELECT {stored}"
            f" FROM unnest({arrays}) AS given ({names}, of_unit)"
            f" WHERE of_unit NOT IN (SELECT unit FROM {but}) {insert.again})"
        )
        first += len(types)
    return ", ".join(texts)
