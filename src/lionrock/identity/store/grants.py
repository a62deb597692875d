"""Grants on record and the refresh families that stand on them.

Every writer of a family holds its grant's row first, so that rotation, revocation and a change of
the grant pass one by one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.claims import ClaimsRequest
from lionrock.identity.domain.grants import Grant
from lionrock.identity.domain.refresh import RefreshFamily
from lionrock.kernel.db import Connection

OWN_GRANTS_MAX = 500
_COLUMNS = (
    "id, client_id, person_id, company_id, mandate_id, scopes, details, claims, consent_ids,"
    " signed_in_at, created_at, updated_at, expires_at, revoked_at"
)


async def save_grant(db: Connection, grant: Grant) -> None:
    """Put a grant on record, or what a held one has become; never revives a revoked one."""
    await db.execute(
        "INSERT INTO identity.grants (id, client_id, person_id, company_id, mandate_id, scopes,"
        " details, claims, consent_ids, signed_in_at, created_at, updated_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT ON CONSTRAINT grants_pk DO UPDATE SET company_id = excluded.company_id,"
        " mandate_id = excluded.mandate_id, scopes = excluded.scopes,"
        " details = excluded.details, claims = excluded.claims,"
        " consent_ids = excluded.consent_ids,"
        " signed_in_at = excluded.signed_in_at, updated_at = excluded.updated_at,"
        " expires_at = excluded.expires_at WHERE identity.grants.revoked_at IS NULL",
        grant.id, grant.client_id, grant.person_id, grant.company_id, grant.mandate_id,
        list(grant.scopes), list(grant.details), _claims(grant), list(grant.consent_ids),
        grant.signed_in_at, grant.created_at, grant.updated_at, grant.expires_at,
    )  # fmt: skip
    if grant.consent_ids:
        await db.execute(
            "INSERT INTO identity.grant_consents (consent_id, grant_id)"
            " SELECT consent_id, $2 FROM unnest($1::text[]) AS consent_id ON CONFLICT DO NOTHING",
            list(grant.consent_ids), grant.id,
        )  # fmt: skip


async def hold_grant(db: Connection, grant_id: str) -> Grant | None:
    """Return a grant and hold it."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.grants WHERE id = $1 FOR UPDATE", grant_id
    )
    return _grant(row) if row else None


async def hold_live_grant(db: Connection, grant_id: str, client_id: str) -> Grant | None:
    """Return a client's own grant in force, of an active person, and hold it."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.grants g WHERE id = $1 AND client_id = $2"
        " AND revoked_at IS NULL AND EXISTS (SELECT FROM identity.persons p"
        " WHERE p.id = g.person_id AND p.status = 'active') FOR UPDATE",
        grant_id, client_id,
    )  # fmt: skip
    return _grant(row) if row else None


async def grant(db: Connection, grant_id: str, client_id: str) -> Grant | None:
    """Return a client's own grant; another client's is not found."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.grants WHERE id = $1 AND client_id = $2",
        grant_id, client_id,
    )  # fmt: skip
    return _grant(row) if row else None


async def grants_of_person(db: Connection, person_id: str, now: datetime) -> list[Grant]:
    """Return a person's grants in force, newest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM identity.grants WHERE person_id = $1 AND revoked_at IS NULL"
        " AND expires_at > $2 ORDER BY updated_at DESC, id LIMIT $3",
        person_id, now, OWN_GRANTS_MAX,
    )  # fmt: skip
    return [_grant(row) for row in rows]


async def grants_of_consent(db: Connection, consent_id: str) -> list[str]:
    """Return the ids of the grants in force that give data by a consent."""
    rows = await db.fetch(
        # The grant has the last word: a consent that it gave up has a row of its own still.
        "SELECT g.id FROM identity.grant_consents c JOIN identity.grants g ON g.id = c.grant_id"
        " WHERE c.consent_id = $1 AND g.consent_ids @> ARRAY[$1] AND g.revoked_at IS NULL"
        " ORDER BY g.id",
        consent_id,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def revoke(db: Connection, grant_id: str, at: datetime, by: str) -> None:
    """Revoke a grant that the transaction holds; its refresh tokens are gone."""
    await db.execute(
        "UPDATE identity.grants SET revoked_at = $2, revoked_by = $3, updated_at = $2"
        " WHERE id = $1 AND revoked_at IS NULL",
        grant_id, at, by,
    )  # fmt: skip
    await end_families(db, grant_id)


async def end_families(db: Connection, grant_id: str) -> None:
    """Forget every refresh family of a grant that the transaction holds."""
    await db.execute("DELETE FROM identity.refresh_families WHERE grant_id = $1", grant_id)


async def insert_family(db: Connection, family: RefreshFamily) -> None:
    """Begin a refresh family."""
    await db.execute(
        "INSERT INTO identity.refresh_families (handle_hash, grant_id, client_id, jkt, generation,"
        " started_at, idle_expires_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        family.handle_hash, family.grant_id, family.client_id, family.jkt, family.generation,
        family.started_at, family.idle_expires_at, family.expires_at,
    )  # fmt: skip


async def family(db: Connection, handle_hash: bytes, client_id: str) -> RefreshFamily | None:
    """Return a client's refresh family; another client's is not found."""
    row = await db.fetchrow(
        "SELECT * FROM identity.refresh_families WHERE handle_hash = $1 AND client_id = $2",
        handle_hash, client_id,
    )  # fmt: skip
    return RefreshFamily(**dict(row)) if row else None


async def rotate_family(
    db: Connection, handle_hash: bytes, generation: int, idle_expires_at: datetime
) -> None:
    """Note a family's newest generation and until when it may rest."""
    await db.execute(
        "UPDATE identity.refresh_families SET generation = $2, idle_expires_at = $3"
        " WHERE handle_hash = $1",
        handle_hash, generation, idle_expires_at,
    )  # fmt: skip


def _claims(grant: Grant) -> Any:
    return None if grant.claims is None else msgspec.to_builtins(grant.claims)


def _grant(row: Any) -> Grant:
    members = dict(row) | {
        "scopes": tuple(row["scopes"]), "details": tuple(row["details"]),
        "consent_ids": tuple(row["consent_ids"]),
        "claims": None if row["claims"] is None else msgspec.convert(row["claims"], ClaimsRequest),
    }  # fmt: skip
    return Grant(**members)
