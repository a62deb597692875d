"""Clients, pushed requests, sign-ins, codes and access tokens. Secrets come in as SHA-256 only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from lionrock.identity.domain.grants import AccessToken, CodeGrant, PushedRequest, SignIn
from lionrock.identity.domain.parties import Client
from lionrock.identity.domain.requests import AuthorizationRequest
from lionrock.identity.store.parties import taken
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused
from lionrock.kernel.i18n import Text

SWEEP_ROWS_MAX = 1_000


async def insert_client(db: Connection, client: Client, at: datetime) -> Refused | None:
    """Register a client; CLIENT_EXISTS when the id is taken."""
    try:
        await db.execute(
            "INSERT INTO identity.clients (id, names, organisation_id, sector, redirect_uris,"
            " scopes, keys, is_active, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            client.id, msgspec.to_builtins(client.names), client.organisation_id, client.sector,
            list(client.redirect_uris), sorted(client.scopes), list(client.keys),
            client.is_active, at,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        return taken(error)
    return None


async def replace_client(db: Connection, client: Client) -> bool:
    """Replace what a client registered; False when there is none of that id."""
    changed = await db.fetchval(
        "UPDATE identity.clients SET names = $2, organisation_id = $3, sector = $4,"
        " redirect_uris = $5, scopes = $6, keys = $7, is_active = $8 WHERE id = $1 RETURNING 1",
        client.id, msgspec.to_builtins(client.names), client.organisation_id, client.sector,
        list(client.redirect_uris), sorted(client.scopes), list(client.keys), client.is_active,
    )  # fmt: skip
    return changed is not None


async def client(db: Connection, client_id: str) -> Client | None:
    """Return an active client."""
    row = await db.fetchrow(
        "SELECT * FROM identity.clients WHERE id = $1 AND is_active", client_id
    )
    if row is None:
        return None
    return Client(
        id=row["id"], names=msgspec.convert(row["names"], Text),
        organisation_id=row["organisation_id"], sector=row["sector"],
        redirect_uris=tuple(row["redirect_uris"]), scopes=frozenset(row["scopes"]),
        keys=tuple(row["keys"]), is_active=row["is_active"],
    )  # fmt: skip


async def insert_pushed(db: Connection, pushed: PushedRequest) -> None:
    """Keep a pushed request."""
    await db.execute(
        "INSERT INTO identity.pushed_requests (request_hash, client_id, request, expires_at)"
        " VALUES ($1, $2, $3, $4)",
        pushed.request_hash, pushed.request.client_id, msgspec.to_builtins(pushed.request),
        pushed.expires_at,
    )  # fmt: skip


async def pushed(db: Connection, request_hash: bytes, client_id: str) -> PushedRequest | None:
    """Return a client's pushed request; another client's is not found."""
    row = await db.fetchrow(
        "SELECT * FROM identity.pushed_requests WHERE request_hash = $1 AND client_id = $2",
        request_hash, client_id,
    )  # fmt: skip
    if row is None:
        return None
    return PushedRequest(
        request_hash=row["request_hash"],
        request=msgspec.convert(row["request"], AuthorizationRequest),
        expires_at=row["expires_at"], used_at=row["used_at"],
    )  # fmt: skip


async def use_pushed(db: Connection, request_hash: bytes, at: datetime) -> bool:
    """Use up a pushed request; False when it was used before."""
    used = await db.fetchval(
        "UPDATE identity.pushed_requests SET used_at = $2"
        " WHERE request_hash = $1 AND used_at IS NULL RETURNING 1",
        request_hash, at,
    )  # fmt: skip
    return used is not None


async def insert_sign_in(db: Connection, sign_in: SignIn) -> None:
    """Begin a sign-in."""
    await db.execute(
        "INSERT INTO identity.sign_ins (id, request_hash, client_id, browser_hash, subject_key,"
        " person_id, approval_id, number, started_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        sign_in.id, sign_in.request_hash, sign_in.client_id, sign_in.browser_hash,
        sign_in.subject_key, sign_in.person_id, sign_in.approval_id, sign_in.number,
        sign_in.started_at, sign_in.expires_at,
    )  # fmt: skip


async def sign_in(db: Connection, sign_in_id: str, browser_hash: bytes) -> SignIn | None:
    """Return a browser's own sign-in and hold it; another browser's is not found."""
    row = await db.fetchrow(
        "SELECT * FROM identity.sign_ins WHERE id = $1 AND browser_hash = $2 FOR UPDATE",
        sign_in_id, browser_hash,
    )  # fmt: skip
    return SignIn(**dict(row)) if row else None


async def finish_sign_in(
    db: Connection, sign_in_id: str, at: datetime, *, is_approved: bool
) -> bool:
    """End a sign-in; False when it had ended."""
    ended = await db.fetchval(
        "UPDATE identity.sign_ins SET finished_at = $2, is_approved = $3"
        " WHERE id = $1 AND finished_at IS NULL RETURNING 1",
        sign_in_id, at, is_approved,
    )  # fmt: skip
    return ended is not None


async def lock_subject(db: Connection, subject_key: bytes) -> None:
    """Let attempts at one identifier pass one by one, so that their limit holds."""
    await db.execute("SELECT pg_advisory_xact_lock(7310002, hashtext(encode($1, 'hex')))",
                     subject_key)  # fmt: skip


async def count_sign_ins(
    db: Connection, subject_key: bytes, since: datetime, client_id: str
) -> tuple[int, int]:
    """Count an identifier's attempts that did not succeed: (of this client, of all clients)."""
    row = await db.fetchrow(
        "SELECT count(*) FILTER (WHERE client_id = $3) AS own, count(*) AS every"
        " FROM identity.sign_ins WHERE subject_key = $1 AND started_at > $2 AND NOT is_approved",
        subject_key, since, client_id,
    )  # fmt: skip
    return row["own"], row["every"]


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
        " JOIN identity.persons p ON p.id = t.person_id AND p.status = 'active'"
        " WHERE t.token_hash = $1",
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
