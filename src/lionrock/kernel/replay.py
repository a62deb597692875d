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

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

REPLAYS = Ring(table="kernel.replays", width_s=120)


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


async def remember_all(db: Connection, units: Sequence[Sequence[Value]]) -> list[int | None]:
    """Remember the values of several requests at once, in one round trip.

    Of each request the values before its first known one are remembered; returns for each the
    position of that one, or None when all were new. No value may be given twice.
    """
    rows = [(value, number) for number, unit in enumerate(units) for value in unit]
    assert len({value.key for value, _ in rows}) == len(rows), "each value is given once"
    locked = sorted((value.realm, value.key) for value, _ in rows)
    found = await db.fetch(
        "SELECT kernel.remember($1, $2, $3, $4, $5) AS position",
        [int.from_bytes(key[:8], "big", signed=True) for _, key in locked],
        [value.key for value, _ in rows],
        [REPLAYS.slot(value.expires_at) for value, _ in rows],
        [value.expires_at for value, _ in rows],
        [number for _, number in rows],
    )
    known = {rows[row["position"] - 1][0].key for row in found}
    return [
        next((n for n, value in enumerate(unit) if value.key in known), None) for unit in units
    ]
