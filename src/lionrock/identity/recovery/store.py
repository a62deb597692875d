"""Recoveries, their codes, and messages to persons; and what a completed one ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.identity.recovery.domain import Carried, Channel, Factor, RecoveryAttempt
from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

ATTEMPTS = Ring(table="identity.recovery_attempts", width_s=640)
RINGS = (ATTEMPTS,)
_COLUMNS = (
    "id, person_id, approval_id, started_at, ready_at, expires_at, tries_left, proven, ended_at"
)


async def count_attempt(
    db: Connection, source_key: bytes, now: datetime, expires_at: datetime
) -> int:
    """Count a recovery for its source until an instant; returns how many counted before it."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.recovery_attempts WHERE source_key = $1 AND expires_at > $2",
        source_key, now,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO identity.recovery_attempts (source_key, slot, expires_at)"
        " VALUES ($1, $2, $3)",
        source_key, ATTEMPTS.slot(expires_at), expires_at,
    )  # fmt: skip
    return count


async def insert_recovery(
    db: Connection, recovery: RecoveryAttempt, secret_hash: bytes, subject_key: bytes
) -> None:
    """Begin a recovery; its secret comes in as SHA-256."""
    await db.execute(
        "INSERT INTO identity.recoveries (id, secret_hash, subject_key, person_id, approval_id,"
        " started_at, ready_at, expires_at, tries_left)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        recovery.id, secret_hash, subject_key, recovery.person_id, recovery.approval_id,
        recovery.started_at, recovery.ready_at, recovery.expires_at, recovery.tries_left,
    )  # fmt: skip


async def lock_recovery(db: Connection, secret_hash: bytes) -> RecoveryAttempt | None:
    """Return the recovery of a secret and hold it."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.recoveries WHERE secret_hash = $1 FOR UPDATE",
        secret_hash,
    )
    return _recovery(row) if row else None


async def recovery_of_approval(db: Connection, approval_id: str) -> RecoveryAttempt | None:
    """Return the recovery that an approval asks a person's devices about."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.recoveries WHERE approval_id = $1", approval_id
    )
    return _recovery(row) if row else None


async def count_begun(db: Connection, subject_key: bytes, since: datetime) -> int:
    """Count the recoveries begun in one name since an instant."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM identity.recoveries WHERE subject_key = $1 AND started_at > $2",
        subject_key, since,
    )  # fmt: skip
    return count


async def has_open_notice(db: Connection, person_id: str, now: datetime) -> bool:
    """Say whether a person's devices are being asked about an open recovery."""
    found = await db.fetchval(
        "SELECT 1 FROM identity.recoveries WHERE person_id = $1 AND approval_id IS NOT NULL"
        " AND ended_at IS NULL AND expires_at > $2 LIMIT 1",
        person_id, now,
    )  # fmt: skip
    return found is not None


async def set_notice(db: Connection, recovery_id: str, approval_id: str) -> None:
    """Remember which approval asks the person's devices about a recovery."""
    await db.execute(
        "UPDATE identity.recoveries SET approval_id = $2 WHERE id = $1", recovery_id, approval_id
    )


async def use_try(db: Connection, recovery_id: str) -> None:
    """Use up a try of a recovery whose row is held."""
    await db.execute(
        "UPDATE identity.recoveries SET tries_left = tries_left - 1 WHERE id = $1", recovery_id
    )


async def prove(db: Connection, recovery_id: str, factor: Factor) -> None:
    """Note that a way was proven; proving it again is harmless."""
    await db.execute(
        "UPDATE identity.recoveries SET proven = array_append(array_remove(proven, $2), $2)"
        " WHERE id = $1",
        recovery_id, factor,
    )  # fmt: skip


async def end_recoveries(db: Connection, person_id: str, at: datetime) -> list[str]:
    """End every open recovery of a person; returns the approvals that asked about them."""
    rows = await db.fetch(
        "UPDATE identity.recoveries SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL"
        " RETURNING approval_id",
        person_id, at,
    )  # fmt: skip
    return [row["approval_id"] for row in rows if row["approval_id"] is not None]


async def set_completed(db: Connection, recovery_id: str) -> None:
    """Note that a recovery which ended did so by being completed."""
    await db.execute(
        "UPDATE identity.recoveries SET is_completed = true WHERE id = $1", recovery_id
    )


async def insert_code(
    db: Connection,
    code_hash: bytes,
    person_id: str,
    factor: Factor,
    recovery_id: str | None,
    expires_at: datetime,
) -> None:
    """Remember a code by its hash; one handed over in person is for any recovery of theirs."""
    await db.execute(
        "INSERT INTO identity.recovery_codes (code_hash, person_id, factor, recovery_id,"
        " expires_at) VALUES ($1, $2, $3, $4, $5)",
        code_hash, person_id, factor, recovery_id, expires_at,
    )  # fmt: skip


async def use_code(
    db: Connection, code_hashes: list[bytes], recovery: RecoveryAttempt, at: datetime
) -> Factor | None:
    """Use up a code that fits a person's recovery; returns what it proves."""
    factor: Factor | None = await db.fetchval(
        "UPDATE identity.recovery_codes SET used_at = $4 WHERE code_hash = ANY($1)"
        " AND person_id = $2 AND (recovery_id IS NULL OR recovery_id = $3)"
        " AND used_at IS NULL AND expires_at > $4 RETURNING factor",
        code_hashes, recovery.person_id, recovery.id, at,
    )  # fmt: skip
    return factor


async def insert_message(
    db: Connection,
    message_id: str,
    person_id: str,
    channel: Channel,
    body_sealed: bytes,
    sent_at: datetime,
    expires_at: datetime,
) -> None:
    """Leave a sealed message for a carrier."""
    await db.execute(
        "INSERT INTO identity.messages (id, person_id, channel, body_sealed, sent_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        message_id, person_id, channel, body_sealed, sent_at, expires_at,
    )  # fmt: skip


async def end_in_person_codes(db: Connection, person_id: str, at: datetime) -> None:
    """Use up the codes that were handed over to a person and not used."""
    await db.execute(
        "UPDATE identity.recovery_codes SET used_at = $2"
        " WHERE person_id = $1 AND factor = 'in_person' AND used_at IS NULL",
        person_id, at,
    )  # fmt: skip


async def waiting_message(db: Connection, message_id: str, now: datetime) -> Any | None:
    """Return a message that waits for its carrier, in its time: person, channel, sealed body."""
    return await db.fetchrow(
        "SELECT person_id, channel, body_sealed FROM identity.messages"
        " WHERE id = $1 AND carried_at IS NULL AND refused_at IS NULL AND expires_at > $2",
        message_id, now,
    )  # fmt: skip


async def end_message(
    db: Connection, message_id: str, outcome: Carried, at: datetime
) -> None:
    """Note that a message was carried, or refused for good."""
    column = {"carried": "carried_at", "refused": "refused_at"}[outcome]
    await db.execute(
        f"UPDATE identity.messages SET {column} = $2"
        " WHERE id = $1 AND carried_at IS NULL AND refused_at IS NULL",
        message_id, at,
    )  # fmt: skip


async def messages_of(db: Connection, person_id: str, now: datetime) -> list[Any]:
    """Return a person's messages in their time, newest first: id, channel, body_sealed, sent_at."""
    return await db.fetch(
        "SELECT id, channel, body_sealed, sent_at FROM identity.messages"
        " WHERE person_id = $1 AND expires_at > $2 ORDER BY sent_at DESC, id DESC LIMIT 20",
        person_id, now,
    )  # fmt: skip


async def grants_of(db: Connection, person_id: str) -> list[str]:
    """Return the ids of a person's grants on record in force."""
    rows = await db.fetch(
        "SELECT id FROM identity.grants WHERE person_id = $1 AND revoked_at IS NULL ORDER BY id",
        person_id,
    )
    return [row["id"] for row in rows]


async def revoke_tokens(db: Connection, person_id: str, at: datetime) -> None:
    """Revoke every access token of a person, also one that is being made of another now."""
    await db.execute(
        "SELECT FROM identity.access_tokens WHERE person_id = $1 AND revoked_at IS NULL FOR UPDATE",
        person_id,
    )
    await db.execute(
        "UPDATE identity.access_tokens SET revoked_at = $2"
        " WHERE person_id = $1 AND revoked_at IS NULL",
        person_id, at,
    )  # fmt: skip


async def use_codes(db: Connection, person_id: str, at: datetime) -> None:
    """Use up every code of a person; one that is being redeemed is waited for."""
    await db.execute(
        "UPDATE identity.codes SET used_at = $2 WHERE person_id = $1 AND used_at IS NULL",
        person_id, at,
    )  # fmt: skip


def _recovery(row: Any) -> RecoveryAttempt:
    return RecoveryAttempt(**(dict(row) | {"proven": frozenset(row["proven"])}))
