"""Operations of operators. What was asked arrives sealed; rows change once, when decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.kernel.db import Connection

LISTED_MAX = 100
_LOCK = "identity.operators"


class OperationRow(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as stored."""

    id: str
    kind: str
    deed_sealed: bytes
    deed_digest: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    state: str
    decided_by: str | None = None
    decided_at: datetime | None = None
    outcome: dict[str, Any] | None = None


async def lock_operators(db: Connection) -> None:
    """Hold the set of operators: of two decisions at once, the second one sees the first."""
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _LOCK)


async def count_operators(db: Connection, at: datetime) -> int:
    """Count the active persons who hold the role operator."""
    count: int = await db.fetchval(
        "SELECT count(DISTINCT r.person_id) FROM identity.staff_roles r"
        " JOIN identity.persons p ON p.id = r.person_id AND p.status = 'active'"
        " WHERE r.role = 'operator' AND r.granted_at <= $1"
        "  AND (r.revoked_at IS NULL OR r.revoked_at > $1)",
        at,
    )
    return count


async def insert_operation(db: Connection, row: OperationRow) -> None:
    """Add an operation as asked for."""
    await db.execute(
        "INSERT INTO identity.operations (id, kind, deed_sealed, deed_digest, requested_by,"
        " requested_at, expires_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        row.id, row.kind, row.deed_sealed, row.deed_digest, row.requested_by, row.requested_at,
        row.expires_at, row.state,
    )  # fmt: skip


async def count_pending(db: Connection, person_id: str, now: datetime) -> int:
    """Count a person's undecided operations, holding the person's row."""
    await db.fetchval(
        "SELECT 1 FROM identity.persons WHERE id = $1 FOR NO KEY UPDATE", person_id
    )
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.operations WHERE requested_by = $1 AND state = 'pending'"
        " AND expires_at > $2",
        person_id, now,
    )  # fmt: skip
    return count


async def lock_operation(db: Connection, operation_id: str) -> OperationRow | None:
    """Return an operation and hold it: it is decided once."""
    row = await db.fetchrow(
        "SELECT * FROM identity.operations WHERE id = $1 FOR UPDATE", operation_id
    )
    return OperationRow(**dict(row)) if row else None


async def operation(db: Connection, operation_id: str) -> OperationRow | None:
    """Return an operation."""
    row = await db.fetchrow("SELECT * FROM identity.operations WHERE id = $1", operation_id)
    return OperationRow(**dict(row)) if row else None


async def operations(db: Connection) -> list[OperationRow]:
    """Return operations, newest first."""
    rows = await db.fetch(
        "SELECT * FROM identity.operations ORDER BY requested_at DESC, id DESC LIMIT $1",
        LISTED_MAX,
    )
    return [OperationRow(**dict(row)) for row in rows]


async def decide_operation(
    db: Connection,
    operation_id: str,
    state: str,
    *,
    by: str,
    at: datetime,
    outcome: dict[str, Any],
) -> bool:
    """Decide an operation once; False when it was decided before."""
    changed = await db.fetchval(
        "UPDATE identity.operations SET state = $2, decided_by = $3, decided_at = $4, outcome = $5"
        " WHERE id = $1 AND state = 'pending' RETURNING 1",
        operation_id, state, by, at, outcome,
    )  # fmt: skip
    return changed is not None
