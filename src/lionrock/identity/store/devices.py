"""Devices of persons and the codes that enrol them; constraint names become outcomes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from lionrock.identity.domain.parties import Device
from lionrock.identity.store.parties import taken
from lionrock.kernel.db import Connection
from lionrock.kernel.errors import Refused

_COLUMNS = (
    "d.id, d.person_id, d.public_jwk, d.enrolled_at, d.trusted_from, d.kind, d.credential_id,"
    " d.sign_count, d.notice_id"
)
# In use: not revoked, and the holder is active.
_IN_USE = (
    "FROM identity.devices d JOIN identity.persons p ON p.id = d.person_id"
    " WHERE d.revoked_at IS NULL AND p.status = 'active'"
)


async def insert_device(db: Connection, device: Device, thumbprint: str) -> Refused | None:
    """Add a device; DEVICE_KEY_TAKEN when its key was enrolled before, by anybody, ever."""
    try:
        await db.execute(
            "INSERT INTO identity.devices (id, person_id, public_jwk, thumbprint, enrolled_at,"
            " trusted_from, kind, credential_id, sign_count, notice_id)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            device.id, device.person_id, device.public_jwk, thumbprint, device.enrolled_at,
            device.trusted_from, device.kind, device.credential_id, device.sign_count,
            device.notice_id,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        return taken(error)
    return None


async def device(db: Connection, device_id: str) -> Device | None:
    """Return a device in use whose holder is active."""
    row = await db.fetchrow(f"SELECT {_COLUMNS} {_IN_USE} AND d.id = $1", device_id)
    return _device(row) if row else None


async def lock_passkey(db: Connection, credential_id: bytes) -> Device | None:
    """Return a passkey in use and hold it: its counter is compared and raised by one at a time."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} {_IN_USE} AND d.credential_id = $1 FOR UPDATE OF d", credential_id
    )
    return _device(row) if row else None


async def devices_of(db: Connection, person_id: str) -> list[Device]:
    """Return a person's devices in use, oldest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} {_IN_USE} AND d.person_id = $1 ORDER BY d.enrolled_at, d.id",
        person_id,
    )
    return [_device(row) for row in rows]


async def device_by_notice(db: Connection, notice_id: str) -> Device | None:
    """Return the device in use that an approval asks the older devices about."""
    row = await db.fetchrow(f"SELECT {_COLUMNS} {_IN_USE} AND d.notice_id = $1", notice_id)
    return _device(row) if row else None


async def set_notice(db: Connection, device_id: str, notice_id: str) -> None:
    """Remember which approval asks about a device."""
    await db.execute(
        "UPDATE identity.devices SET notice_id = $2 WHERE id = $1", device_id, notice_id
    )


async def trust_device(db: Connection, device_id: str, at: datetime) -> None:
    """End a device's waiting period; one that has ended is left as it is."""
    await db.execute(
        "UPDATE identity.devices SET trusted_from = least(trusted_from, $2) WHERE id = $1",
        device_id, at,
    )  # fmt: skip


async def set_sign_count(db: Connection, device_id: str, sign_count: int) -> None:
    """Remember a passkey's counter, whose row the transaction holds."""
    await db.execute(
        "UPDATE identity.devices SET sign_count = $2 WHERE id = $1", device_id, sign_count
    )


async def end_device(db: Connection, device_id: str, at: datetime) -> bool:
    """Take a device out of use for ever; False when it is not in use."""
    changed = await db.fetchval(
        "UPDATE identity.devices SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"
        " RETURNING 1",
        device_id, at,
    )  # fmt: skip
    return changed is not None


async def end_devices(db: Connection, person_id: str, at: datetime) -> int:
    """Take all of a person's devices out of use for ever; returns how many were in use."""
    rows = await db.fetch(
        "UPDATE identity.devices SET revoked_at = $2 WHERE person_id = $1 AND revoked_at IS NULL"
        " RETURNING 1",
        person_id, at,
    )  # fmt: skip
    return len(rows)


async def insert_enrolment_code(
    db: Connection, code_hash: bytes, person_id: str, expires_at: datetime
) -> None:
    """Remember an enrolment code by its hash."""
    await db.execute(
        "INSERT INTO identity.enrolment_codes (code_hash, person_id, expires_at)"
        " VALUES ($1, $2, $3)",
        code_hash, person_id, expires_at,
    )  # fmt: skip


async def enrolment_code_person(db: Connection, code_hash: bytes, at: datetime) -> str | None:
    """Return a good code's person without using the code up; else None."""
    found: str | None = await db.fetchval(
        "SELECT person_id FROM identity.enrolment_codes WHERE code_hash = $1"
        " AND used_at IS NULL AND expires_at > $2",
        code_hash, at,
    )  # fmt: skip
    return found


async def use_enrolment_code(db: Connection, code_hash: bytes, at: datetime) -> str | None:
    """Use up a code; returns its person, or None when it is unknown, used or past its time."""
    found: str | None = await db.fetchval(
        "UPDATE identity.enrolment_codes SET used_at = $2 WHERE code_hash = $1"
        " AND used_at IS NULL AND expires_at > $2 RETURNING person_id",
        code_hash, at,
    )  # fmt: skip
    return found


async def end_enrolment_codes(db: Connection, person_id: str, at: datetime) -> None:
    """Use up every open enrolment code of a person."""
    await db.execute(
        "UPDATE identity.enrolment_codes SET used_at = $2 WHERE person_id = $1"
        " AND used_at IS NULL",
        person_id, at,
    )  # fmt: skip


def _device(row: Any) -> Device:
    return Device(**dict(row))
