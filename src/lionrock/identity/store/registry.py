"""What registries stated of companies. Rows are never changed or deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.identity.domain.registry import CompanyStatement
from lionrock.kernel.db import Connection

LISTED_MAX = 100


async def lock_company(db: Connection, company_id: str) -> None:
    """Hold the company's row: statements about one company are taken one after the other."""
    await db.fetchval("SELECT 1 FROM identity.companies WHERE id = $1 FOR UPDATE", company_id)


async def insert_statement(db: Connection, statement: CompanyStatement) -> bool:
    """Add a statement; False when the registry used its reference before."""
    inserted = await db.fetchval(
        "INSERT INTO identity.company_statuses (id, company_id, status, as_of, source,"
        " organisation_id, reference, is_applied, recorded_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (organisation_id, reference) DO NOTHING RETURNING 1",
        statement.id, statement.company_id, statement.status, statement.as_of, statement.source,
        statement.organisation_id, statement.reference, statement.is_applied,
        statement.recorded_at,
    )  # fmt: skip
    return inserted is not None


async def statement(
    db: Connection, organisation_id: str, reference: str
) -> CompanyStatement | None:
    """Return a registry's statement by its reference."""
    row = await db.fetchrow(
        "SELECT * FROM identity.company_statuses WHERE organisation_id = $1 AND reference = $2",
        organisation_id, reference,
    )  # fmt: skip
    return _statement(row) if row else None


async def newest_as_of(db: Connection, company_id: str) -> datetime | None:
    """Return since when the newest status that was stated holds."""
    newest: datetime | None = await db.fetchval(
        "SELECT max(as_of) FROM identity.company_statuses WHERE company_id = $1", company_id
    )
    return newest


async def applied_at(db: Connection, company_id: str, at: datetime) -> str | None:
    """Return the status that we went by at an instant; None when nothing was stated by then."""
    status: str | None = await db.fetchval(
        "SELECT status FROM identity.company_statuses WHERE company_id = $1 AND is_applied"
        " AND recorded_at <= $2 ORDER BY recorded_at DESC, id DESC LIMIT 1",
        company_id, at,
    )  # fmt: skip
    return status


async def statements(db: Connection, company_id: str) -> list[CompanyStatement]:
    """Return what was stated of a company, newest first."""
    rows = await db.fetch(
        "SELECT * FROM identity.company_statuses WHERE company_id = $1"
        " ORDER BY recorded_at DESC, id DESC LIMIT $2",
        company_id, LISTED_MAX,
    )  # fmt: skip
    return [_statement(row) for row in rows]


def _statement(row: Any) -> CompanyStatement:
    return CompanyStatement(**dict(row))
