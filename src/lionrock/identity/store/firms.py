"""Mandates of agent firms: rows are never deleted and change once, when they are revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lionrock.identity.domain.chains import AGENT_LINKS_MAX, FirmMandate
from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money

LINKS_MAX = 1_000
_GRAPH_LOCK = "identity.firm_mandates"


async def lock_graph(db: Connection) -> None:
    """Hold the graph of firms to the transaction's end: two grants at once could close a circle."""
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _GRAPH_LOCK)


async def insert_firm_mandate(db: Connection, mandate: FirmMandate) -> None:
    """Add a firm's mandate."""
    limit = mandate.amount_max
    await db.execute(
        "INSERT INTO identity.firm_mandates (id, holder_company_id, company_id, role, scopes,"
        " valid_from, valid_to, amount_minor_max, currency, signatures_needed, granted_at,"
        " granted_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        mandate.id, mandate.holder_company_id, mandate.company_id, mandate.role,
        sorted(mandate.scopes), mandate.valid_from, mandate.valid_to,
        limit.amount_minor if limit else None, limit.currency if limit else None,
        mandate.signatures_needed, mandate.granted_at, mandate.granted_by,
    )  # fmt: skip


async def revoke_firm_mandate(
    db: Connection, mandate_id: str, company_id: str, at: datetime, by: str
) -> FirmMandate | None:
    """Revoke a company's agent; None when the company has none of that id in force."""
    row = await db.fetchrow(
        "UPDATE identity.firm_mandates SET revoked_at = $3, revoked_by = $4"
        " WHERE id = $1 AND company_id = $2 AND revoked_at IS NULL RETURNING *",
        mandate_id, company_id, at, by,
    )  # fmt: skip
    return _firm_mandate(row) if row else None


async def firm_mandate(db: Connection, mandate_id: str) -> FirmMandate | None:
    """Return one mandate of a firm."""
    row = await db.fetchrow("SELECT * FROM identity.firm_mandates WHERE id = $1", mandate_id)
    return _firm_mandate(row) if row else None


async def firm_mandates_of_company(db: Connection, company_id: str) -> list[FirmMandate]:
    """Return every mandate that a firm ever held for a company."""
    rows = await db.fetch(
        "SELECT * FROM identity.firm_mandates WHERE company_id = $1"
        " ORDER BY granted_at, id LIMIT $2",
        company_id, LINKS_MAX,
    )  # fmt: skip
    return [_firm_mandate(row) for row in rows]


async def links_to(db: Connection, company_id: str) -> list[FirmMandate]:
    """Return the links of every chain that ends at a company, within the depth allowed."""
    return await _links(db, "company_id", "holder_company_id", [company_id])


async def links_from(db: Connection, firm_ids: Sequence[str]) -> list[FirmMandate]:
    """Return the links of every chain that begins with one of these firms, within the depth."""
    return await _links(db, "holder_company_id", "company_id", firm_ids)


async def acts_for(db: Connection, company_id: str, at: datetime) -> list[str]:
    """Return every company that one can act for now or later, over any number of links."""
    rows = await db.fetch(
        "WITH RECURSIVE reached (id) AS ("
        "  SELECT company_id FROM identity.firm_mandates WHERE holder_company_id = $1"
        "   AND revoked_at IS NULL AND (valid_to IS NULL OR valid_to > $2)"
        "  UNION"
        "  SELECT m.company_id FROM identity.firm_mandates m"
        "   JOIN reached r ON m.holder_company_id = r.id"
        "   WHERE m.revoked_at IS NULL AND (m.valid_to IS NULL OR m.valid_to > $2)"
        ") SELECT id FROM reached",
        company_id, at,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def _links(
    db: Connection, here: str, there: str, ids: Sequence[str]
) -> list[FirmMandate]:
    """Walk the graph level by level, each link once; column names are the two constants above."""
    found: dict[str, FirmMandate] = {}
    level = list(ids)
    for _ in range(AGENT_LINKS_MAX):
        if not level:
            break
        rows = await db.fetch(
            f"SELECT * FROM identity.firm_mandates WHERE {here} = ANY($1)"
            " ORDER BY granted_at, id LIMIT $2",
            level, LINKS_MAX,
        )  # fmt: skip
        fresh = [_firm_mandate(row) for row in rows if row["id"] not in found]
        found |= {link.id: link for link in fresh}
        level = sorted({str(row[there]) for row in rows})
    return list(found.values())


def _firm_mandate(row: Any) -> FirmMandate:
    limit = row["amount_minor_max"]
    return FirmMandate(
        id=row["id"], holder_company_id=row["holder_company_id"], company_id=row["company_id"],
        role=row["role"], scopes=frozenset(row["scopes"]), valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        amount_max=Money(limit, row["currency"]) if limit is not None else None,
        signatures_needed=row["signatures_needed"], granted_at=row["granted_at"],
        granted_by=row["granted_by"], revoked_at=row["revoked_at"],
    )  # fmt: skip
