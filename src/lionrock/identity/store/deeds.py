"""Deeds that await the officers' approval, and roles at services. Rows are never deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.deeds import Deed, DeedRequest, DeedState, ServiceRole
from lionrock.kernel.db import Connection

LISTED_MAX = 100


async def insert_deed(db: Connection, request: DeedRequest) -> None:
    """Add a deed as asked for."""
    await db.execute(
        "INSERT INTO identity.mandate_deeds (id, company_id, kind, deed, requested_by, approval_id,"
        " state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        request.id, request.company_id, request.kind, msgspec.to_builtins(request.deed),
        request.requested_by, request.approval_id, request.state, request.created_at,
    )  # fmt: skip


async def lock_deed(db: Connection, approval_id: str) -> DeedRequest | None:
    """Return the deed that an approval is about and hold it."""
    row = await db.fetchrow(
        "SELECT * FROM identity.mandate_deeds WHERE approval_id = $1 FOR UPDATE", approval_id
    )
    return _deed(row) if row else None


async def deed(db: Connection, company_id: str, deed_id: str) -> DeedRequest | None:
    """Return a company's deed; another company's is not found."""
    row = await db.fetchrow(
        "SELECT * FROM identity.mandate_deeds WHERE id = $1 AND company_id = $2",
        deed_id, company_id,
    )  # fmt: skip
    return _deed(row) if row else None


async def deeds(db: Connection, company_id: str) -> list[DeedRequest]:
    """Return a company's deeds, newest first."""
    rows = await db.fetch(
        "SELECT * FROM identity.mandate_deeds WHERE company_id = $1"
        " ORDER BY created_at DESC, id DESC LIMIT $2",
        company_id, LISTED_MAX,
    )  # fmt: skip
    return [_deed(row) for row in rows]


async def count_pending(db: Connection, company_id: str) -> int:
    """Count a company's undecided deeds, holding its row: the limit holds among many at once."""
    await db.fetchval(
        "SELECT 1 FROM identity.companies WHERE id = $1 FOR NO KEY UPDATE", company_id
    )
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.mandate_deeds WHERE company_id = $1 AND state = 'pending'",
        company_id,
    )
    return count


async def close_deed(
    db: Connection, deed_id: str, state: DeedState, outcome: str, at: datetime
) -> bool:
    """Decide a deed once; False when it was decided before."""
    changed = await db.fetchval(
        "UPDATE identity.mandate_deeds SET state = $2, outcome = $3, decided_at = $4"
        " WHERE id = $1 AND state = 'pending' RETURNING 1",
        deed_id, state, outcome, at,
    )  # fmt: skip
    return changed is not None


async def hold_service(db: Connection, client_id: str) -> bool:
    """Hold a service's row; False when there is none."""
    found = await db.fetchval(
        "SELECT 1 FROM identity.clients WHERE id = $1 FOR NO KEY UPDATE", client_id
    )
    return found is not None


async def declare_roles(db: Connection, client_id: str, roles: Iterable[str]) -> None:
    """Add the names of roles that a service declares."""
    await db.executemany(
        "INSERT INTO identity.declared_service_roles (client_id, role) VALUES ($1, $2)"
        " ON CONFLICT DO NOTHING",
        [(client_id, role) for role in sorted(set(roles))],
    )


async def declared_roles(db: Connection, client_id: str) -> frozenset[str]:
    """Return the names of roles that a service declared."""
    rows = await db.fetch(
        "SELECT role FROM identity.declared_service_roles WHERE client_id = $1", client_id
    )
    return frozenset(row["role"] for row in rows)


async def insert_service_role(db: Connection, role: ServiceRole) -> bool:
    """Assign a role; False when the mandate has it at this service already."""
    inserted = await db.fetchval(
        "INSERT INTO identity.service_roles (id, mandate_id, company_id, client_id, role,"
        " granted_at, granted_by) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (mandate_id, client_id, role) WHERE revoked_at IS NULL DO NOTHING"
        " RETURNING 1",
        role.id, role.mandate_id, role.company_id, role.client_id, role.role, role.granted_at,
        role.granted_by,
    )  # fmt: skip
    return inserted is not None


async def end_service_role(
    db: Connection, role_id: str, company_id: str, at: datetime, by: str
) -> ServiceRole | None:
    """Take a company's role at a service away; None when it has none of that id in force."""
    row = await db.fetchrow(
        "UPDATE identity.service_roles SET revoked_at = $3, revoked_by = $4"
        " WHERE id = $1 AND company_id = $2 AND revoked_at IS NULL RETURNING *",
        role_id, company_id, at, by,
    )  # fmt: skip
    return _service_role(row) if row else None


async def service_role(db: Connection, role_id: str, company_id: str) -> ServiceRole | None:
    """Return a company's role in force."""
    row = await db.fetchrow(
        "SELECT * FROM identity.service_roles WHERE id = $1 AND company_id = $2"
        " AND revoked_at IS NULL",
        role_id, company_id,
    )  # fmt: skip
    return _service_role(row) if row else None


async def service_roles_of_company(db: Connection, company_id: str) -> list[ServiceRole]:
    """Return the roles in force that a company assigned."""
    rows = await db.fetch(
        "SELECT * FROM identity.service_roles WHERE company_id = $1 AND revoked_at IS NULL"
        " ORDER BY granted_at, id",
        company_id,
    )
    return [_service_role(row) for row in rows]


async def service_roles(
    db: Connection, mandate_ids: Iterable[str], client_id: str
) -> tuple[str, ...]:
    """Return the names of the roles that mandates have at a service now."""
    rows = await db.fetch(
        "SELECT DISTINCT role FROM identity.service_roles WHERE mandate_id = ANY($1)"
        " AND client_id = $2 AND revoked_at IS NULL ORDER BY role",
        list(mandate_ids), client_id,
    )  # fmt: skip
    return tuple(row["role"] for row in rows)


def _deed(row: Any) -> DeedRequest:
    return DeedRequest(
        id=row["id"], company_id=row["company_id"], deed=msgspec.convert(row["deed"], Deed),
        requested_by=row["requested_by"], approval_id=row["approval_id"], state=row["state"],
        created_at=row["created_at"], outcome=row["outcome"], decided_at=row["decided_at"],
    )  # fmt: skip


def _service_role(row: Any) -> ServiceRole:
    return ServiceRole(
        id=row["id"], mandate_id=row["mandate_id"], company_id=row["company_id"],
        client_id=row["client_id"], role=row["role"], granted_at=row["granted_at"],
        granted_by=row["granted_by"], revoked_at=row["revoked_at"],
    )  # fmt: skip
