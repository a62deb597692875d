"""Codes and access tokens. Secrets come in as SHA-256 only.

Both tables are rings (kernel.ring): a hash carries the slot that its secret names, so a look-up
reads one partition, and what expired is emptied by slot.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.assurance import Authentication
from lionrock.identity.domain.grants import AccessToken, CodeGrant, hashed_slot
from lionrock.identity.domain.parties import StaffRole
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.store.registration import is_self_registered, mark_used
from lionrock.kernel.db import Connection
from lionrock.kernel.inserts import Column, Insert
from lionrock.kernel.late import UNLESS_USED, claim, later
from lionrock.kernel.ring import Ring

# Codes are kept an hour after their time, so that a late reuse still revokes its tokens.
CODES = Ring(table="identity.codes", width_s=640, kept_s=3_600)
TOKENS = Ring(table="identity.access_tokens", width_s=640, kept_s=60)
RINGS = (CODES, TOKENS)

_TOKEN_ROWS = Insert(
    table=TOKENS.table,
    columns=(
        Column("token_hash", "bytea"), Column("grant_id", "text"), Column("client_id", "text"),
        Column("person_id", "text"), Column("company_id", "text"), Column("mandate_id", "text"),
        Column("scopes", "text", "string_to_array(scopes, ' ')"), Column("jkt", "text"),
        Column("issued_at", "timestamptz"), Column("expires_at", "timestamptz"),
        Column("slot", "smallint"), Column("details", "jsonb"),
        Column("claims", "text", "string_to_array(claims, ' ')"),
    ),
    values=lambda token: (
        token.token_hash, token.grant_id, token.client_id, token.person_id, token.company_id,
        token.mandate_id, " ".join(token.scopes), token.jkt, token.issued_at, token.expires_at,
        TOKENS.slot(token.expires_at), list(token.details), " ".join(token.claims),
    ),
)  # fmt: skip
# What a token t stands on: an active client and person, a grant that was not revoked.
_STANDING = (
    "JOIN identity.clients c ON c.id = t.client_id AND c.is_active"
    " LEFT JOIN identity.persons p ON p.id = t.person_id"
    " LEFT JOIN identity.grants g ON g.id = t.grant_id"
)
_STANDS = "(t.person_id IS NULL OR p.status = 'active') AND g.revoked_at IS NULL"


async def code(
    db: Connection, code_hash: bytes, client_id: str
) -> tuple[CodeGrant, Authentication | None] | None:
    """Return a client's code of an active person; others are not found.

    With it comes how its person was authenticated.
    """
    slot = hashed_slot(code_hash)
    if slot is None:
        return None
    row = await db.fetchrow(
        f"SELECT c.*, a.acr, a.authenticated_at FROM {CODES.partition(slot)} c"
        " JOIN identity.persons p ON p.id = c.person_id AND p.status = 'active'"
        " LEFT JOIN identity.authentications a ON a.grant_id = c.grant_id"
        " WHERE c.code_hash = $1 AND c.client_id = $2",
        code_hash, client_id,
    )  # fmt: skip
    if row is None:
        return None
    how = None
    if row["acr"] is not None:
        how = Authentication(acr=row["acr"], authenticated_at=row["authenticated_at"])
    return _code(row), how


async def use_code(db: Connection, code_hash: bytes, token: AccessToken) -> bool:
    """Use up a code and keep the token that it brings; False when it was used before.

    Of all who show it at once one gets the token. After it the request may change nothing
    (kernel.late.claim).
    """
    assert TOKENS.slot(token.expires_at) == hashed_slot(token.token_hash), "stamped"
    slot = hashed_slot(code_hash)
    assert slot is not None, "a code that was found has a slot"
    await _mark_client(db, token)
    return await claim(
        db,
        f"claimed AS (UPDATE {CODES.partition(slot)} SET used_at = $2"
        f" WHERE code_hash = $1 AND used_at IS NULL AND {UNLESS_USED} RETURNING 1)",
        code_hash, token.issued_at, rows=[(_TOKEN_ROWS, token)],
    )  # fmt: skip


async def insert_token(db: Connection, token: AccessToken) -> None:
    """Keep an access token by its hash, which names its slot (`TOKENS.stamp`).

    In a request it may be written only when that ends.
    """
    assert TOKENS.slot(token.expires_at) == hashed_slot(token.token_hash), "stamped"
    await later(db, _TOKEN_ROWS, token)
    await _mark_client(db, token)


async def _mark_client(db: Connection, token: AccessToken) -> None:
    if is_self_registered(token.client_id):
        await mark_used(db, token.client_id, token.issued_at)


async def access_token(
    db: Connection, token_hash: bytes, *, hold: bool = False
) -> AccessToken | None:
    """Return a token of an active client and an active person; others are not found.

    Held, it is revoked before or after the caller's transaction, never during it.
    """
    slot = hashed_slot(token_hash)
    if slot is None:
        return None
    row = await db.fetchrow(
        f"SELECT t.* FROM {TOKENS.partition(slot)} t {_STANDING}"
        f" WHERE t.token_hash = $1 AND {_STANDS}" + (" FOR SHARE OF t" if hold else ""),
        token_hash,
    )
    return _token(row) if row else None


async def bearer(
    db: Connection, token_hash: bytes, business_now: datetime
) -> tuple[AccessToken, frozenset[StaffRole]] | None:
    """Return what `access_token` returns, with the staff roles its person holds then."""
    slot = hashed_slot(token_hash)
    if slot is None:
        return None
    row = await db.fetchrow(
        "SELECT t.*, ARRAY(SELECT r.role FROM identity.staff_roles r"
        "  WHERE r.person_id = t.person_id AND r.granted_at <= $2"
        "   AND (r.revoked_at IS NULL OR r.revoked_at > $2)) AS staff_roles"
        f" FROM {TOKENS.partition(slot)} t {_STANDING} WHERE t.token_hash = $1 AND {_STANDS}",
        token_hash, business_now,
    )  # fmt: skip
    if row is None:
        return None
    members = dict(row)
    roles = members.pop("staff_roles")
    return _token(members), frozenset(roles)


async def revoke_grant(db: Connection, grant_id: str, at: datetime) -> int:
    """Revoke every token of a grant; returns how many were live."""
    # Held first, so that what is being exchanged for one of them is there to be seen.
    await db.execute(
        "SELECT FROM identity.access_tokens WHERE grant_id = $1 AND revoked_at IS NULL FOR UPDATE",
        grant_id,
    )
    rows = await db.fetch(
        "UPDATE identity.access_tokens SET revoked_at = $2"
        " WHERE grant_id = $1 AND revoked_at IS NULL RETURNING 1",
        grant_id, at,
    )  # fmt: skip
    return len(rows)


async def revoke_token(
    db: Connection, token_hash: bytes, client_id: str, at: datetime
) -> None:
    """Revoke one token of a client; of a person's token also what it was exchanged for."""
    row = await db.fetchrow(
        "UPDATE identity.access_tokens SET revoked_at = $3"
        " WHERE token_hash = $1 AND slot = $4 AND client_id = $2 AND revoked_at IS NULL"
        " RETURNING grant_id, company_id",
        token_hash, client_id, at, hashed_slot(token_hash),
    )  # fmt: skip
    if row is None or row["company_id"] is not None:
        return
    await db.execute(
        "UPDATE identity.access_tokens SET revoked_at = $2"
        " WHERE grant_id = $1 AND company_id IS NOT NULL AND revoked_at IS NULL",
        row["grant_id"], at,
    )  # fmt: skip


def _code(row: Any) -> CodeGrant:
    return CodeGrant(
        code_hash=row["code_hash"], person_id=row["person_id"], grant_id=row["grant_id"],
        request=msgspec.convert(row["request"], AuthorizationRequest),
        signed_in_at=row["signed_in_at"], expires_at=row["expires_at"], used_at=row["used_at"],
    )  # fmt: skip


def _token(row: Any) -> AccessToken:
    members = dict(row) | {
        "scopes": tuple(row["scopes"]), "details": tuple(row["details"]),
        "claims": tuple(row["claims"]),
    }  # fmt: skip
    del members["slot"]
    return AccessToken(**members)
