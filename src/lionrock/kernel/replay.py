"""Memory of single-use values (jti, nonce), shared by all fronts through the database.

Source: RFC 9449 s11.1 (DPoP replay), RFC 7523 s3 (jti), RFC 9421 s7.2.2 (nonce). A value is
remembered until it would be refused for its age anyway; the table is a ring (kernel.ring).

Invariant: of all who present a value in a realm before its expiry, whatever expiry each names and
on whichever front, exactly one is told that it is new. Only hashes are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from lionrock.kernel import inserts
from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

REPLAYS = Ring(table="kernel.replays", width_s=120)
_REMEMBER = "SELECT kernel.remember($1, $2, $3, $4, $5) AS position"
_NONE_KNOWN = (
    "known AS (SELECT 0 AS position WHERE false), refused AS (SELECT 0 AS unit WHERE false)"
)


class Value(msgspec.Struct, frozen=True):
    """One value to remember; `key` stands for realm and value."""

    realm: str
    key: bytes
    expires_at: datetime


def value_of(realm: str, value: str, expires_at: datetime) -> Value:
    """Return what is remembered of a value: a hash of realm and value."""
    digest = hashlib.sha256(value.encode()).digest()
    return Value(realm, hashlib.sha256(realm.encode() + b"\0" + digest).digest(), expires_at)


async def remember(db: Connection, realm: str, value: str, expires_at: datetime) -> bool:
    """Remember `value` in `realm` until `expires_at`; False when it was there already.

    A value used again while another transaction holds it waits for that one, so that two fronts
    never both say True. `expires_at` is at most REPLAYS.reach_s ahead. A transaction that remembers
    several values does so in the order of their realms, or two of them may wait for each other.
    """
    return await remember_all(db, [[value_of(realm, value, expires_at)]]) == [None]


async def remember_all(
    db: Connection, units: Sequence[Sequence[Value]], rows: inserts.Rows | None = None
) -> list[int | None]:
    """Remember the values of several requests at once and add their rows, in one statement.

    Of each request the values before its first known one are remembered; returns for each the
    position of that one, or None when all were new. Rows (with the numbers of their requests) are
    added for those that had no known one. No value may be given twice.
    """
    given = [(value, number) for number, unit in enumerate(units) for value in unit]
    assert len({value.key for value, _ in given}) == len(given), "each value is given once"
    if not given and not rows:
        return [None] * len(units)
    query, arguments = _REMEMBER, _values(given) if given else []
    if rows:
        added = inserts.clauses(tuple(rows), len(arguments) + 1)
        query = f"WITH {_known(1) if given else _NONE_KNOWN}, {added} SELECT position FROM known"
        arguments += inserts.arguments(rows)
    found = await db.fetch(query, *arguments)
    known = {given[row["position"] - 1][0].key for row in found}
    return [
        next((n for n, value in enumerate(unit) if value.key in known), None) for unit in units
    ]


def clauses(values: Sequence[Value], first: int) -> tuple[str, list[Any]]:
    """Return WITH clauses that remember one request's values, and their arguments from `$first` on.

    `known (position)` has the places (from 1) of those that were there; `refused (unit)` has a row
    if there are any.
    """
    if not values:
        return _NONE_KNOWN, []
    return _known(first), _values([(value, 0) for value in values])


@lru_cache
def _known(first: int) -> str:
    given = [f"${first + n}" for n in range(5)]
    return (
        f"known AS MATERIALIZED (SELECT kernel.remember({', '.join(given)}) AS position),"
        f" refused AS MATERIALIZED (SELECT ({given[-1]}::integer[])[position::integer] AS unit"
        " FROM known)"
    )


def _values(given: Sequence[tuple[Value, int]]) -> list[Any]:
    """The arguments of `kernel.remember`."""
    locked = sorted((value.realm, value.key) for value, _ in given)
    return [
        [int.from_bytes(key[:8], "big", signed=True) for _, key in locked],
        [value.key for value, _ in given],
        [REPLAYS.slot(value.expires_at) for value, _ in given],
        [value.expires_at for value, _ in given],
        [number for _, number in given],
    ]
