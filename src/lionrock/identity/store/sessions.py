"""Sessions: the sign-ins of one browser that end together. A ring: what expired is truncated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.identity.domain.logout import Session
from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring, stamped_slot

SESSIONS = Ring(table="identity.sessions", width_s=3 * 3600, kept_s=3600)
RINGS = (SESSIONS,)


async def insert_session(db: Connection, session: Session) -> None:
    """Begin a session; its id names its slot (`SESSIONS.stamp`)."""
    await db.execute(
        "INSERT INTO identity.sessions (id, browser_hash, client_id, person_id, grant_id,"
        " started_at, expires_at, slot) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        session.id, session.browser_hash, session.client_id, session.person_id,
        session.grant_id, session.started_at, session.expires_at,
        SESSIONS.slot(session.expires_at),
    )  # fmt: skip


async def session(db: Connection, session_id: str) -> Session | None:
    """Return a session by its id."""
    row = await db.fetchrow(
        "SELECT * FROM identity.sessions WHERE id = $1 AND slot = $2",
        session_id, stamped_slot(session_id),
    )  # fmt: skip
    return _session(row) if row else None


async def session_of_grant(db: Connection, grant_id: str) -> str | None:
    """Return the id of the session that a grant began in."""
    found: str | None = await db.fetchval(
        "SELECT id FROM identity.sessions WHERE grant_id = $1", grant_id
    )
    return found


async def hold_open(
    db: Connection, browser_hash: bytes, person_id: str | None, now: datetime
) -> list[Session]:
    """Return and hold what is open in a browser, of one person when given."""
    rows = await db.fetch(
        "SELECT * FROM identity.sessions WHERE browser_hash = $1 AND ended_at IS NULL"
        " AND expires_at > $2 AND ($3::text IS NULL OR person_id = $3) ORDER BY id FOR UPDATE",
        browser_hash, now, person_id,
    )  # fmt: skip
    return [_session(row) for row in rows]


async def hold_of_person(db: Connection, person_id: str, now: datetime) -> list[Session]:
    """Return and hold everything that a person has open, in any browser."""
    rows = await db.fetch(
        "SELECT * FROM identity.sessions WHERE person_id = $1 AND ended_at IS NULL"
        " AND expires_at > $2 ORDER BY id FOR UPDATE",
        person_id, now,
    )  # fmt: skip
    return [_session(row) for row in rows]


async def end_session(db: Connection, session_id: str, at: datetime) -> None:
    """End a session that the transaction holds."""
    await db.execute(
        "UPDATE identity.sessions SET ended_at = $3 WHERE id = $1 AND slot = $2",
        session_id, stamped_slot(session_id), at,
    )  # fmt: skip


def _session(row: Any) -> Session:
    return Session(**{name: row[name] for name in Session.__struct_fields__})
