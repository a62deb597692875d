"""All of the portal's SQL: sessions and sign-ins under way, both sealed by the caller.

Invariant: a sign-in is taken once; nobody but the holder of a secret finds its row.
"""

from __future__ import annotations

from datetime import datetime

from lionrock.kernel.db import Connection
from lionrock.kernel.expiring import Expiring

EXPIRING = (Expiring(table="portal.sessions"), Expiring(table="portal.sign_ins"))


async def insert_sign_in(
    db: Connection, secret_hash: bytes, sealed: bytes, expires_at: datetime
) -> None:
    """Keep a sign-in that begins."""
    await db.execute(
        "INSERT INTO portal.sign_ins (secret_hash, sealed, expires_at) VALUES ($1, $2, $3)",
        secret_hash, sealed, expires_at,
    )  # fmt: skip


async def take_sign_in(db: Connection, secret_hash: bytes, now: datetime) -> bytes | None:
    """Take a sign-in away and return what was sealed; None when it is used, late or unknown."""
    row = await db.fetchrow(
        "DELETE FROM portal.sign_ins WHERE secret_hash = $1 RETURNING sealed, expires_at",
        secret_hash,
    )
    return bytes(row["sealed"]) if row is not None and row["expires_at"] > now else None


async def insert_session(
    db: Connection, secret_hash: bytes, sealed: bytes, started_at: datetime, expires_at: datetime
) -> None:
    """Keep a new session."""
    await db.execute(
        """INSERT INTO portal.sessions (secret_hash, sealed, started_at, expires_at)
        VALUES ($1, $2, $3, $4)""",
        secret_hash, sealed, started_at, expires_at,
    )  # fmt: skip


async def session(db: Connection, secret_hash: bytes, now: datetime) -> bytes | None:
    """Return what a live session has sealed."""
    sealed = await db.fetchval(
        "SELECT sealed FROM portal.sessions WHERE secret_hash = $1 AND expires_at > $2",
        secret_hash, now,
    )  # fmt: skip
    return bytes(sealed) if sealed is not None else None


async def reseal_session(db: Connection, secret_hash: bytes, sealed: bytes) -> None:
    """Replace what a session has sealed."""
    await db.execute(
        "UPDATE portal.sessions SET sealed = $2 WHERE secret_hash = $1", secret_hash, sealed
    )


async def delete_session(db: Connection, secret_hash: bytes) -> None:
    """End a session."""
    await db.execute("DELETE FROM portal.sessions WHERE secret_hash = $1", secret_hash)
