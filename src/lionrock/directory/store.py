"""The directory's rows: all of its SQL and nothing else. Rows in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lionrock.directory.domain import KeyChange, KeyRecord, Organisation, Status
from lionrock.kernel.db import Connection

ORGANISATIONS_LISTED_MAX = 10_000
CHANGES_LISTED_MAX = 1_000

_ORGANISATION = (
    "SELECT o.id, o.names, o.roles, o.endpoints, o.status, o.is_simulated,"
    " coalesce((SELECT jsonb_agg(k.jwk ORDER BY k.valid_from, k.kid) FROM directory.keys k"
    "  WHERE k.organisation_id = o.id AND k.retired_at IS NULL), '[]'::jsonb) AS keys"
    " FROM directory.organisations o"
)
_CHANGE = (
    "SELECT id, organisation_id, kind, kid, jwk, requested_by, requested_at, status, decided_by,"
    " decided_at FROM directory.key_changes"
)


async def load_organisation(db: Connection, organisation_id: str) -> Organisation | None:
    """Return one organisation with its active keys."""
    row = await db.fetchrow(f"{_ORGANISATION} WHERE o.id = $1", organisation_id)
    return _organisation(row) if row else None


async def load_organisations(
    db: Connection, organisation_ids: Sequence[str]
) -> list[Organisation]:
    """Return several organisations with their active keys, in one round trip."""
    rows = await db.fetch(f"{_ORGANISATION} WHERE o.id = ANY($1)", list(organisation_ids))
    return [_organisation(row) for row in rows]


async def lock_organisation(db: Connection, organisation_id: str) -> Organisation | None:
    """The same, with its row locked until the transaction ends: key changes happen one by one."""
    await db.execute(
        "SELECT 1 FROM directory.organisations WHERE id = $1 FOR UPDATE", organisation_id
    )
    return await load_organisation(db, organisation_id)


async def list_organisations(db: Connection, role: str | None) -> list[Organisation]:
    """Return all organisations, or those with a role, by id."""
    rows = await db.fetch(
        f"{_ORGANISATION} WHERE $1::text IS NULL OR $1 = ANY(o.roles) ORDER BY o.id LIMIT $2",
        role, ORGANISATIONS_LISTED_MAX,
    )
    return [_organisation(row) for row in rows]


async def insert_organisation(
    db: Connection, organisation: Organisation, registered_at: datetime
) -> bool:
    """Insert an organisation without keys; False when its id is there already."""
    row = await db.fetchval(
        "INSERT INTO directory.organisations"
        " (id, names, roles, endpoints, status, is_simulated, registered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
        organisation.id, organisation.names, sorted(organisation.roles), organisation.endpoints,
        organisation.status.value, organisation.simulated, registered_at,
    )
    return row is not None


async def update_description(db: Connection, organisation: Organisation) -> None:
    """Replace names, roles, endpoints and the simulated mark; keys and status stay."""
    await db.execute(
        "UPDATE directory.organisations SET names = $2, roles = $3, endpoints = $4,"
        " is_simulated = $5 WHERE id = $1",
        organisation.id, organisation.names, sorted(organisation.roles), organisation.endpoints,
        organisation.simulated,
    )


async def update_status(db: Connection, organisation_id: str, status: Status) -> None:
    """Set the status."""
    await db.execute(
        "UPDATE directory.organisations SET status = $2 WHERE id = $1",
        organisation_id, status.value,
    )


async def list_keys(db: Connection, organisation_id: str | None = None) -> list[KeyRecord]:
    """Return all keys, retired ones too, of one organisation or of all, oldest first."""
    rows = await db.fetch(
        "SELECT kid, organisation_id, jwk, valid_from, retired_at FROM directory.keys"
        " WHERE $1::text IS NULL OR organisation_id = $1"
        " ORDER BY organisation_id, valid_from, kid",
        organisation_id,
    )
    return [KeyRecord(**dict(row)) for row in rows]


async def insert_key(db: Connection, record: KeyRecord) -> bool:
    """Insert an active key; False when it is, or ever was, anybody's (keys_pk)."""
    row = await db.fetchval(
        "INSERT INTO directory.keys (kid, organisation_id, jwk, valid_from)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1",
        record.kid, record.organisation_id, record.jwk, record.valid_from,
    )
    return row is not None


async def is_key_known(db: Connection, kid: str) -> bool:
    """Say whether a key is, or ever was, anybody's."""
    found = await db.fetchval("SELECT 1 FROM directory.keys WHERE kid = $1", kid)
    return found is not None


async def retire_key(db: Connection, organisation_id: str, kid: str, at: datetime) -> bool:
    """Retire an active key; False when there is no such one."""
    row = await db.fetchval(
        "UPDATE directory.keys SET retired_at = $3"
        " WHERE organisation_id = $1 AND kid = $2 AND retired_at IS NULL RETURNING 1",
        organisation_id, kid, at,
    )
    return row is not None


async def insert_change(db: Connection, change: KeyChange) -> bool:
    """Insert a pending proposal; False when one for that key is pending already."""
    row = await db.fetchval(
        "INSERT INTO directory.key_changes (id, organisation_id, kind, kid, jwk, requested_by,"
        " requested_at, status, decided_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        change.id, change.organisation_id, change.kind, change.kid, change.jwk,
        change.requested_by, change.requested_at, change.status, change.decided_by,
    )
    return row is not None


async def lock_change(db: Connection, change_id: str) -> KeyChange | None:
    """Return a proposal with its row locked until the transaction ends."""
    row = await db.fetchrow(f"{_CHANGE} WHERE id = $1 FOR UPDATE", change_id)
    return KeyChange(**dict(row)) if row else None


async def save_decision(db: Connection, change: KeyChange) -> None:
    """Store who decided a proposal, how and when."""
    assert change.status != "pending", "a decision ends the proposal"
    await db.execute(
        "UPDATE directory.key_changes SET status = $2, decided_by = $3, decided_at = $4"
        " WHERE id = $1",
        change.id, change.status, change.decided_by, change.decided_at,
    )


async def reject_stale_changes(
    db: Connection, organisation_id: str, kid: str, requested_before: datetime, at: datetime
) -> None:
    """Close proposals for a key that ran out of time, so that a new one can be made."""
    await db.execute(
        "UPDATE directory.key_changes SET status = 'rejected', decided_at = $4"
        " WHERE organisation_id = $1 AND kid = $2 AND status = 'pending' AND requested_at <= $3",
        organisation_id, kid, requested_before, at,
    )


async def list_changes(db: Connection, organisation_id: str) -> list[KeyChange]:
    """Return an organisation's proposals, newest first."""
    rows = await db.fetch(
        f"{_CHANGE} WHERE organisation_id = $1 ORDER BY requested_at DESC, id DESC LIMIT $2",
        organisation_id, CHANGES_LISTED_MAX,
    )
    return [KeyChange(**dict(row)) for row in rows]


def _organisation(row: Any) -> Organisation:
    return Organisation(
        id=row["id"],
        names=row["names"],
        roles=frozenset(row["roles"]),
        endpoints=row["endpoints"],
        keys=tuple(row["keys"]),
        status=Status(row["status"]),
        simulated=row["is_simulated"],
    )
