"""Registrations that clients manage themselves, initial access tokens, and fetched keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

ATTEMPTS = Ring(table="identity.registration_attempts", width_s=640)
RINGS = (ATTEMPTS,)
# In a round of the sweep.
UNUSED_ROWS_MAX = 500
SELF_REGISTERED = "dyn-"


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A client's own registration; the metadata as it was accepted. `used_at`: its first token."""

    client_id: str
    token_hash: bytes
    metadata: dict[str, Any]
    source_key: bytes
    registered_at: datetime
    used_at: datetime | None = None


class KeyAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a client's keys are, which of them we have, and when we last asked."""

    client_id: str
    uri: str
    kids: frozenset[str]
    tried_at: datetime | None


async def insert_registration(db: Connection, registration: Registration) -> None:
    """Keep a registration."""
    await db.execute(
        "INSERT INTO identity.registrations (client_id, token_hash, metadata, source_key,"
        " registered_at) VALUES ($1, $2, $3, $4, $5)",
        registration.client_id, registration.token_hash, registration.metadata,
        registration.source_key, registration.registered_at,
    )  # fmt: skip


async def lock_registration(
    db: Connection, client_id: str, token_hash: bytes
) -> Registration | None:
    """Return an active client's registration and hold it; with another's token it is not found."""
    row = await db.fetchrow(
        "SELECT r.* FROM identity.registrations r"
        " JOIN identity.clients c ON c.id = r.client_id AND c.is_active"
        " WHERE r.client_id = $1 AND r.token_hash = $2 FOR UPDATE OF r",
        client_id, token_hash,
    )  # fmt: skip
    return Registration(**dict(row)) if row else None


async def replace_registration(
    db: Connection, client_id: str, token_hash: bytes, metadata: dict[str, Any]
) -> None:
    """Change what a held registration says, and the token that manages it."""
    await db.execute(
        "UPDATE identity.registrations SET token_hash = $2, metadata = $3 WHERE client_id = $1",
        client_id, token_hash, metadata,
    )  # fmt: skip


async def delete_registration(db: Connection, client_id: str) -> None:
    """Take a registered client out of use; its row stays for what refers to it."""
    await db.execute("DELETE FROM identity.registrations WHERE client_id = $1", client_id)
    await db.execute("UPDATE identity.clients SET is_active = false WHERE id = $1", client_id)


def is_self_registered(client_id: str) -> bool:
    """Say whether a client is one that registered itself, by its id."""
    return client_id.startswith(SELF_REGISTERED)


async def mark_used(db: Connection, client_id: str, at: datetime) -> None:
    """Note the first time that a registered client was given something."""
    await db.execute(
        "UPDATE identity.registrations SET used_at = $2 WHERE client_id = $1 AND used_at IS NULL",
        client_id, at,
    )  # fmt: skip


async def remove_unused(db: Connection, before: datetime) -> list[str]:
    """Remove clients that registered before an instant and were never given anything.

    At most UNUSED_ROWS_MAX a time. One that something refers to is only taken out of use. Returns
    the ids of those that are out of use now.
    """
    rows = await db.fetch(
        "WITH unused AS (DELETE FROM identity.registrations WHERE ctid = ANY (ARRAY("
        " SELECT ctid FROM identity.registrations WHERE used_at IS NULL AND registered_at < $1"
        " ORDER BY registered_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING client_id)"
        " UPDATE identity.clients SET is_active = false"
        " WHERE id IN (SELECT client_id FROM unused) RETURNING id",
        before, UNUSED_ROWS_MAX,
    )  # fmt: skip
    gone = [row["id"] for row in rows]
    await db.execute(
        "DELETE FROM identity.clients c WHERE c.id = ANY($1)"
        " AND NOT EXISTS (SELECT FROM identity.grants WHERE client_id = c.id)"
        " AND NOT EXISTS (SELECT FROM identity.form_fillings WHERE client_id = c.id)"
        " AND NOT EXISTS (SELECT FROM identity.declared_service_roles WHERE client_id = c.id)"
        " AND NOT EXISTS (SELECT FROM identity.service_roles WHERE client_id = c.id)"
        " AND NOT EXISTS (SELECT FROM identity.services WHERE client_id = c.id)",
        gone,
    )
    return gone


async def lock_registering(db: Connection) -> None:
    """Let registrations pass one by one, so that their limits hold."""
    await db.execute("SELECT pg_advisory_xact_lock(7310251)")


async def count_attempt(
    db: Connection, source_key: bytes, now: datetime, counted_for: timedelta
) -> tuple[int, int]:
    """Count an attempt to register: (those of its source before it, all registrations)."""
    expires_at = now + counted_for
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM identity.registration_attempts"
        "         WHERE source_key = $1 AND expires_at > $2) AS own,"
        " (SELECT count(*) FROM identity.registrations) AS every",
        source_key, now,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO identity.registration_attempts (source_key, slot, expires_at)"
        " VALUES ($1, $2, $3)",
        source_key, ATTEMPTS.slot(expires_at), expires_at,
    )  # fmt: skip
    return row["own"], row["every"]


async def insert_initial_token(
    db: Connection, token_hash: bytes, *, issued_by: str, uses: int, expires_at: datetime
) -> None:
    """Keep an initial access token."""
    await db.execute(
        "INSERT INTO identity.initial_access_tokens (token_hash, issued_by, uses_left, expires_at)"
        " VALUES ($1, $2, $3, $4)",
        token_hash, issued_by, uses, expires_at,
    )  # fmt: skip


async def use_initial_token(db: Connection, token_hash: bytes, now: datetime) -> bool:
    """Use an initial access token once; False when it is unknown, used up or expired."""
    used = await db.fetchval(
        "UPDATE identity.initial_access_tokens SET uses_left = uses_left - 1"
        " WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2 RETURNING 1",
        token_hash, now,
    )  # fmt: skip
    return used is not None


async def lock_key_address(db: Connection, client_id: str) -> KeyAddress | None:
    """Return where an active client's keys are and hold its row; None when they are registered."""
    row = await db.fetchrow(
        "SELECT id, jwks_uri, keys, keys_tried_at FROM identity.clients"
        " WHERE id = $1 AND is_active AND jwks_uri <> '' FOR UPDATE",
        client_id,
    )  # fmt: skip
    return _address(row) if row else None


async def stale_key_addresses(db: Connection, before: datetime, limit: int) -> list[KeyAddress]:
    """Return clients whose keys were last asked for before an instant, the oldest first."""
    rows = await db.fetch(
        "SELECT id, jwks_uri, keys, keys_tried_at FROM identity.clients"
        " WHERE is_active AND jwks_uri <> '' AND keys_tried_at < $1"
        " ORDER BY keys_tried_at LIMIT $2",
        before, limit,
    )  # fmt: skip
    return [_address(row) for row in rows]


async def note_try(db: Connection, client_id: str, at: datetime) -> None:
    """Remember that a client's keys were asked for."""
    await db.execute("UPDATE identity.clients SET keys_tried_at = $2 WHERE id = $1", client_id, at)


async def store_keys(
    db: Connection, client_id: str, uri: str, keys: list[dict[str, Any]], at: datetime
) -> bool:
    """Keep fetched keys; False when the client names another address by now."""
    kept = await db.fetchval(
        "UPDATE identity.clients SET keys = $3, keys_fetched_at = $4, keys_tried_at = $4"
        " WHERE id = $1 AND jwks_uri = $2 RETURNING 1",
        client_id, uri, keys, at,
    )  # fmt: skip
    return kept is not None


def _address(row: Any) -> KeyAddress:
    return KeyAddress(
        client_id=row["id"], uri=row["jwks_uri"], tried_at=row["keys_tried_at"],
        kids=frozenset(jwk.get("kid", "") for jwk in row["keys"]),
    )  # fmt: skip
