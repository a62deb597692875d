"""The request objects that were used: as hashes, in a ring (kernel.ring), until they expire.

A ring of its own, as an object lives an hour and kernel.replay remembers for minutes.
"""

from __future__ import annotations

from datetime import datetime

from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

REQUEST_OBJECTS = Ring(table="identity.request_objects", width_s=640)
RINGS = (REQUEST_OBJECTS,)


async def remember(db: Connection, key: bytes, expires_at: datetime) -> bool:
    """Remember an object until it expires; False when it was there, whatever expiry it had then."""
    # Two fronts with one object pass one by one; the look-up is a statement of its own, so that its
    # snapshot sees what the first has committed.
    await db.execute(
        "SELECT pg_advisory_xact_lock(7310250, hashtext(encode($1, 'hex')))", key
    )
    added = await db.fetchval(
        "INSERT INTO identity.request_objects (key, slot, expires_at)"
        " SELECT $1, $2, $3"
        "  WHERE NOT EXISTS (SELECT FROM identity.request_objects WHERE key = $1) RETURNING 1",
        key, REQUEST_OBJECTS.slot(expires_at), expires_at,
    )  # fmt: skip
    return added is not None
