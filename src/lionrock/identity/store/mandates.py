"""Mandates. Rows are never deleted and change once: when they are revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.identity.domain.mandates import Mandate
from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money

MANDATES_MAX = 1_000


async def insert_mandate(db: Connection, mandate: Mandate) -> None:
    """Add a mandate."""
    limit = mandate.amount_max
    await db.execute(
        "INSERT INTO identity.mandates (id, person_id, company_id, role, scopes, valid_from,"
        " valid_to, amount_minor_max, currency, signatures_needed, granted_at, granted_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        mandate.id, mandate.person_id, mandate.company_id, mandate.role, sorted(mandate.scopes),
        mandate.valid_from, mandate.valid_to, limit.amount_minor if limit else None,
        limit.currency if limit else None, mandate.signatures_needed, mandate.granted_at,
        mandate.granted_by,
    )  # fmt: skip


async def revoke_mandate(
    db: Connection, mandate_id: str, company_id: str, at: datetime, by: str
) -> Mandate | None:
    """Revoke a company's mandate; None when the company has none of that id in force."""
    row = await db.fetchrow(
        "UPDATE identity.mandates SET revoked_at = $3, revoked_by = $4"
        " WHERE id = $1 AND company_id = $2 AND revoked_at IS NULL RETURNING *",
        mandate_id, company_id, at, by,
    )  # fmt: skip
    return _mandate(row) if row else None


async def mandates_between(db: Connection, person_id: str, company_id: str) -> list[Mandate]:
    """Return every mandate that a person ever held for a company."""
    rows = await db.fetch(
        "SELECT * FROM identity.mandates WHERE person_id = $1 AND company_id = $2"
        " ORDER BY granted_at, id LIMIT $3",
        person_id, company_id, MANDATES_MAX,
    )  # fmt: skip
    return [_mandate(row) for row in rows]


async def mandates_of_person(db: Connection, person_id: str) -> list[Mandate]:
    """Return every mandate that a person ever held."""
    rows = await db.fetch(
        "SELECT * FROM identity.mandates WHERE person_id = $1 ORDER BY granted_at, id LIMIT $2",
        person_id, MANDATES_MAX,
    )  # fmt: skip
    return [_mandate(row) for row in rows]


async def mandates_of_company(db: Connection, company_id: str) -> list[Mandate]:
    """Return every mandate that was ever held for a company."""
    rows = await db.fetch(
        "SELECT * FROM identity.mandates WHERE company_id = $1 ORDER BY granted_at, id LIMIT $2",
        company_id, MANDATES_MAX,
    )  # fmt: skip
    return [_mandate(row) for row in rows]


async def mandate(db: Connection, mandate_id: str) -> Mandate | None:
    """Return one mandate."""
    row = await db.fetchrow("SELECT * FROM identity.mandates WHERE id = $1", mandate_id)
    return _mandate(row) if row else None


def _mandate(row: Any) -> Mandate:
    limit = row["amount_minor_max"]
    return Mandate(
        id=row["id"], person_id=row["person_id"], company_id=row["company_id"], role=row["role"],
        scopes=frozenset(row["scopes"]), valid_from=row["valid_from"], valid_to=row["valid_to"],
        amount_max=Money(limit, row["currency"]) if limit is not None else None,
        signatures_needed=row["signatures_needed"], granted_at=row["granted_at"],
        granted_by=row["granted_by"], revoked_at=row["revoked_at"],
    )  # fmt: skip
