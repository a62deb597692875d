"""How the persons behind grants were authenticated."""

from __future__ import annotations

from datetime import datetime

from lionrock.identity.domain.assurance import Authentication
from lionrock.kernel.db import Connection

INSERT_AUTHENTICATION = (
    "INSERT INTO identity.authentications AS known (grant_id, acr, authenticated_at, forget_at)"
)
ON_NEWER_SIGN_IN = (
    "ON CONFLICT (grant_id) DO UPDATE"
    " SET acr = excluded.acr, authenticated_at = excluded.authenticated_at,"
    "  forget_at = greatest(known.forget_at, excluded.forget_at)"
    " WHERE known.authenticated_at <= excluded.authenticated_at"
)

async def insert_authentication(
    db: Connection, grant_id: str, authentication: Authentication, forget_at: datetime
) -> None:
    """Keep how a grant's person was authenticated; a newer sign-in's word takes the older's place.

    An older one that comes late (two sign-ins at once) changes nothing.
    """
    await db.execute(
        f"{INSERT_AUTHENTICATION} VALUES ($1, $2, $3, $4) {ON_NEWER_SIGN_IN}",
        grant_id, authentication.acr, authentication.authenticated_at, forget_at,
    )  # fmt: skip


async def keep_authentication(db: Connection, grant_id: str, until: datetime) -> None:
    """Keep a grant's authentication until then: the grant is on record now."""
    await db.execute(
        "UPDATE identity.authentications SET forget_at = greatest(forget_at, $2)"
        " WHERE grant_id = $1",
        grant_id, until,
    )  # fmt: skip


async def authentication(db: Connection, grant_id: str) -> Authentication | None:
    """Return how a grant's person was authenticated."""
    row = await db.fetchrow(
        "SELECT acr, authenticated_at FROM identity.authentications WHERE grant_id = $1", grant_id
    )
    return Authentication(**dict(row)) if row else None
