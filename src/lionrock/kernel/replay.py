"""Memory of single-use values (jti, nonce), shared by all fronts through the database.

Source: RFC 9449 s11.1 (DPoP replay), RFC 7523 s3 (jti), RFC 9421 s7.2.2 (nonce). A value is
remembered until it would be refused for its age anyway.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from lionrock.kernel.db import Connection

SWEEP_ROWS_MAX = 1_000


async def remember(db: Connection, realm: str, value: str, expires_at: datetime) -> bool:
    """Remember `value` in `realm` until `expires_at`; False when it was there already.

    Only the SHA-256 is kept. A value used again while another transaction holds it waits for that
    one, so that two fronts never both say True.
    """
    digest = hashlib.sha256(value.encode()).digest()
    row = await db.fetchval(
        "INSERT INTO kernel.replays (realm, value, expires_at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        realm, digest, expires_at,
    )
    return row is not None


async def sweep(db: Connection, now: datetime) -> int:
    """Forget values past their time, at most SWEEP_ROWS_MAX; returns how many."""
    rows = await db.fetch(
        "DELETE FROM kernel.replays WHERE (realm, value) IN (SELECT realm, value"
        " FROM kernel.replays WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1",
        now, SWEEP_ROWS_MAX,
    )
    return len(rows)
