"""Rows of the officers who decide refunds. Moves are compare-and-set."""

from __future__ import annotations

from datetime import datetime

from lionrock.kernel.db import Connection
from lionrock.payments.links.domain.refunds import Officer

_COLUMNS = (
    "id, organisation_id, name, person_id, state, asked_by, asked_at, changed_at, agreed_by"
)


async def insert(db: Connection, officer: Officer) -> bool:
    """Write an appointment that was asked for; False when name or person are taken."""
    created = await db.fetchval(
        "INSERT INTO payments.refund_officers (id, organisation_id, name, person_id, state,"
        " asked_by, asked_at, changed_at) VALUES ($1, $2, $3, $4, 'asked', $5, $6, $6)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        officer.id, officer.organisation_id, officer.name, officer.person_id, officer.asked_by,
        officer.asked_at,
    )
    return created is not None


async def load(db: Connection, officer_id: str) -> Officer | None:
    """Return an appointment, its row locked."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.refund_officers WHERE id = $1 FOR UPDATE", officer_id
    )
    return row and Officer(**dict(row))


async def appoint(db: Connection, officer_id: str, agreed_by: str, at: datetime) -> bool:
    """asked -> appointed."""
    moved = await db.fetchval(
        "UPDATE payments.refund_officers SET state = 'appointed', agreed_by = $2, changed_at = $3"
        " WHERE id = $1 AND state = 'asked' RETURNING 1",
        officer_id, agreed_by, at,
    )
    return moved is not None


async def end(db: Connection, officer_id: str, at: datetime) -> bool:
    """asked or appointed -> ended."""
    moved = await db.fetchval(
        "UPDATE payments.refund_officers SET state = 'ended', changed_at = $2"
        " WHERE id = $1 AND state <> 'ended' RETURNING 1",
        officer_id, at,
    )
    return moved is not None


async def in_office(db: Connection, organisation_id: str) -> list[Officer]:
    """Return a department's officers, by name."""
    return await _list(db, "organisation_id = $1 AND state = 'appointed'", organisation_id)


async def standing(db: Connection) -> list[Officer]:
    """Return all departments' officers and whoever is to become one."""
    return await _list(db, "state <> 'ended'")


async def _list(db: Connection, where: str, *values: object) -> list[Officer]:
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.refund_officers WHERE {where}"
        " ORDER BY organisation_id, name",
        *values,
    )
    return [Officer(**dict(row)) for row in rows]
