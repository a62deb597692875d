"""Challenges of ceremonies and sessions of the authenticator's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from lionrock.kernel.db import Connection

Purpose = Literal["enrol", "sign_in", "answer"]


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge on record: what for, for which browser, and what it is the hash of."""

    purpose: Purpose
    holder_hash: bytes
    statement: dict[str, Any]
    expires_at: datetime


async def insert_challenge(
    db: Connection,
    challenge: bytes,
    purpose: Purpose,
    holder_hash: bytes,
    statement: Mapping[str, Any],
    expires_at: datetime,
) -> None:
    """Remember a challenge until it is used or its time ends."""
    await db.execute(
        "INSERT INTO identity.passkey_challenges (challenge, purpose, holder_hash, statement,"
        " expires_at) VALUES ($1, $2, $3, $4, $5)",
        challenge, purpose, holder_hash, dict(statement), expires_at,
    )  # fmt: skip


async def take_challenge(db: Connection, challenge: bytes) -> Challenge | None:
    """Use up a challenge, whoever shows it; None when it is not on record (any more)."""
    row = await db.fetchrow(
        "DELETE FROM identity.passkey_challenges WHERE challenge = $1"
        " RETURNING purpose, holder_hash, statement, expires_at",
        challenge,
    )
    return Challenge(**dict(row)) if row else None


async def insert_session(
    db: Connection, session_hash: bytes, device_id: str, expires_at: datetime
) -> None:
    """Begin a session of the page."""
    await db.execute(
        "INSERT INTO identity.passkey_sessions (session_hash, device_id, expires_at)"
        " VALUES ($1, $2, $3)",
        session_hash, device_id, expires_at,
    )  # fmt: skip


async def session_device_id(db: Connection, session_hash: bytes, now: datetime) -> str | None:
    """Return the device that a session in its time began with."""
    found: str | None = await db.fetchval(
        "SELECT device_id FROM identity.passkey_sessions"
        " WHERE session_hash = $1 AND expires_at > $2",
        session_hash, now,
    )  # fmt: skip
    return found


async def end_session(db: Connection, session_hash: bytes) -> None:
    """End a session; ending it again is harmless."""
    await db.execute(
        "DELETE FROM identity.passkey_sessions WHERE session_hash = $1", session_hash
    )
