"""SQL of remote signing: authorizations, their hashes, what was released. Rows in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.signing.csc.domain import Authorization, AuthorizedHash, Digest
from lionrock.identity.signing.domain import SignerKind
from lionrock.kernel.db import Connection

_COLUMNS = (
    "id, approval_id, client_id, person_id, company_id, kind, subject_id, is_of_documents,"
    " created_at, sad_expires_at"
)


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One value signed: with which certificate, under which mandate, when (wire and business)."""

    position: int
    serial: str
    mandate_id: str
    signed_hash: bytes
    signed_at: datetime
    released_at: datetime


async def insert_authorization(
    db: Connection, authorization: Authorization, digests: Sequence[Digest]
) -> None:
    """Keep what a client asked for, with each hash."""
    await db.execute(
        f"INSERT INTO identity.signing_authorizations ({_COLUMNS})"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        authorization.id, authorization.approval_id, authorization.client_id,
        authorization.person_id, authorization.company_id, authorization.kind.value,
        authorization.subject_id, authorization.is_of_documents, authorization.created_at,
        authorization.sad_expires_at,
    )
    await db.executemany(
        "INSERT INTO identity.signing_authorized_hashes"
        " (authorization_id, position, hash, label) VALUES ($1, $2, $3, $4)",
        [(authorization.id, n, digest.hash, digest.label) for n, digest in enumerate(digests)],
    )


async def lock_by_handle(
    db: Connection, handle: str, client_id: str, person_id: str
) -> Authorization | None:
    """Return a client's and person's own authorization, locked until the transaction ends."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.signing_authorizations"
        " WHERE id = $1 AND client_id = $2 AND person_id = $3 FOR UPDATE",
        handle, client_id, person_id,
    )
    return None if row is None else _authorization(row)


async def lock_by_sad(
    db: Connection, sad_hash: bytes, client_id: str, person_id: str
) -> Authorization | None:
    """Return the authorization that activation data belongs to, locked; owners as above."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.signing_authorizations"
        " WHERE sad_hash = $1 AND client_id = $2 AND person_id = $3 FOR UPDATE",
        sad_hash, client_id, person_id,
    )
    return None if row is None else _authorization(row)


async def save_sad(
    db: Connection, authorization_id: str, sad_hash: bytes, expires_at: datetime
) -> None:
    """Let new activation data take the place of what was given before."""
    await db.execute(
        "UPDATE identity.signing_authorizations SET sad_hash = $2, sad_expires_at = $3"
        " WHERE id = $1",
        authorization_id, sad_hash, expires_at,
    )


async def authorized_hashes(db: Connection, authorization_id: str) -> list[AuthorizedHash]:
    """Return the hashes of an authorization in order."""
    rows = await db.fetch(
        "SELECT position, hash, label, released_at FROM identity.signing_authorized_hashes"
        " WHERE authorization_id = $1 ORDER BY position",
        authorization_id,
    )
    return [AuthorizedHash(**dict(row)) for row in rows]


async def save_releases(
    db: Connection, authorization_id: str, releases: Sequence[Release]
) -> None:
    """Mark values as signed; the authorization is locked, so none of them was before."""
    for release in releases:
        saved = await db.fetchval(
            "UPDATE identity.signing_authorized_hashes SET serial = $3, mandate_id = $4,"
            " signed_hash = $5, signed_at = $6, released_at = $7"
            " WHERE authorization_id = $1 AND position = $2 AND released_at IS NULL"
            " RETURNING true",
            authorization_id, release.position, release.serial, release.mandate_id,
            release.signed_hash, release.signed_at, release.released_at,
        )
        assert saved is True, "a value is signed once"


def _authorization(row: Any) -> Authorization:
    values = dict(row)
    return Authorization(**(values | {"kind": SignerKind(values["kind"])}))
