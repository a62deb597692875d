"""Codes and access tokens. Secrets come in as SHA-256 only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from lionrock.identity.domain.grants import AccessToken, CodeGrant
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.kernel.db import Connection

SWEEP_ROWS_MAX = 1_000


async def insert_code(db: Connection, code: CodeGrant) -> None:
    """Keep an authorization code's grant."""
    await db.execute(
        "INSERT INTO identity.codes (code_hash, client_id, person_id, grant_id, request,"
        " signed_in_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        code.code_hash, code.request.client_id, code.person_id, code.grant_id,
        msgspec.to_builtins(code.request), code.signed_in_at, code.expires_at,
    )  # fmt: skip


async def lock_code(db: Connection, code_hash: bytes, client_id: str) -> CodeGrant | None:
    """Return a client's code and hold it; another client's is not found."""
    row = await db.fetchrow(
        "SELECT * FROM identity.codes WHERE code_hash = $1 AND client_id = $2 FOR UPDATE",
        code_hash, client_id,
    )  # fmt: skip
    if row is None:
        return None
    return CodeGrant(
        code_hash=row["code_hash"], person_id=row["person_id"], grant_id=row["grant_id"],
        request=msgspec.convert(row["request"], AuthorizationRequest),
        signed_in_at=row["signed_in_at"], expires_at=row["expires_at"], used_at=row["used_at"],
    )  # fmt: skip


async def use_code(db: Connection, code_hash: bytes, at: datetime) -> None:
    """Use up a code that the transaction holds."""
    await db.execute(
        "UPDATE identity.codes SET used_at = $2 WHERE code_hash = $1", code_hash, at
    )


async def insert_token(db: Connection, token: AccessToken) -> None:
    """Keep an access token by its hash."""
    await db.execute(
        "INSERT INTO identity.access_tokens (token_hash, grant_id, client_id, person_id,"
        " company_id, mandate_id, scopes, jkt, issued_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        token.token_hash, token.grant_id, token.client_id, token.person_id, token.company_id,
        token.mandate_id, list(token.scopes), token.jkt, token.issued_at, token.expires_at,
    )  # fmt: skip


async def access_token(db: Connection, token_hash: bytes) -> AccessToken | None:
    """Return a token of an active client and an active person; others are not found."""
    row = await db.fetchrow(
        "SELECT t.* FROM identity.access_tokens t"
        " JOIN identity.clients c ON c.id = t.client_id AND c.is_active"
        " LEFT JOIN identity.persons p ON p.id = t.person_id"
        " WHERE t.token_hash = $1 AND (t.person_id IS NULL OR p.status = 'active')",
        token_hash,
    )
    return _token(row) if row else None


async def revoke_grant(db: Connection, grant_id: str, at: datetime) -> int:
    """Revoke every token of a grant; returns how many were live."""
    rows = await db.fetch(
        "UPDATE identity.access_tokens SET revoked_at = $2"
        " WHERE grant_id = $1 AND revoked_at IS NULL RETURNING 1",
        grant_id, at,
    )  # fmt: skip
    return len(rows)


async def sweep(db: Connection, before: datetime) -> int:
    """Forget requests, codes and tokens that ended before an instant, a bounded number a time."""
    total = 0
    for table, key in (
        ("sign_ins", "id"), ("pushed_requests", "request_hash"), ("codes", "code_hash"),
        ("access_tokens", "token_hash"),
    ):  # fmt: skip
        rows = await db.fetch(
            f"DELETE FROM identity.{table} WHERE {key} IN (SELECT {key} FROM identity.{table}"
            " WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1",
            before, SWEEP_ROWS_MAX,
        )  # fmt: skip
        total += len(rows)
    return total


def _token(row: Any) -> AccessToken:
    return AccessToken(**(dict(row) | {"scopes": tuple(row["scopes"])}))
