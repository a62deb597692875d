"""Back-channel requests on record. Secrets come in as SHA-256 or sealed only.

The table is a ring (kernel.ring): an auth_req_id names its slot, so polling reads one partition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.identity.domain.ciba import CibaRecord
from lionrock.identity.domain.grants import hashed_slot
from lionrock.kernel.db import Connection
from lionrock.kernel.ring import Ring

# Kept a while after their time: a late poll reads "expired", a late notice still has its content.
REQUESTS = Ring(table="identity.ciba_requests", width_s=600, kept_s=900)
RINGS = (REQUESTS,)
_COLUMNS = ", ".join(CibaRecord.__struct_fields__)


async def insert(db: Connection, record: CibaRecord) -> None:
    """Keep a request; its auth_req_id names its slot (`REQUESTS.stamp`)."""
    slot = REQUESTS.slot(record.expires_at)
    assert slot == hashed_slot(record.request_hash), "it was stamped with its own slot"
    await db.execute(
        "INSERT INTO identity.ciba_requests (id, slot, request_hash, client_id, mode, scopes,"
        " acr_values, jkt, subject_key, person_id, approval_id, interval_s, started_at,"
        " expires_at, sealed, details)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        record.id, slot, record.request_hash, record.client_id, record.mode,
        list(record.scopes), list(record.acr_values), record.jkt, record.subject_key,
        record.person_id, record.approval_id, record.interval_s, record.started_at,
        record.expires_at, record.sealed, list(record.details),
    )  # fmt: skip


async def lock(db: Connection, request_hash: bytes, client_id: str) -> CibaRecord | None:
    """Return a client's request and hold it; another client's is not found."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.ciba_requests"
        " WHERE request_hash = $1 AND slot = $3 AND client_id = $2 FOR UPDATE",
        request_hash, client_id, hashed_slot(request_hash),
    )  # fmt: skip
    return _record(row) if row else None


async def lock_by_id(db: Connection, request_id: str) -> CibaRecord | None:
    """Return a request by its own id and hold it."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM identity.ciba_requests WHERE id = $1 FOR UPDATE", request_id
    )
    return _record(row) if row else None


async def mode(db: Connection, request_id: str) -> str | None:
    """Return how a request is answered; None when there is none."""
    found: str | None = await db.fetchval(
        "SELECT mode FROM identity.ciba_requests WHERE id = $1", request_id
    )
    return found


async def save_poll(db: Connection, record: CibaRecord, at: datetime, interval_s: int) -> None:
    """Remember when a held request was asked after, and the interval from now on."""
    await db.execute(
        "UPDATE identity.ciba_requests SET polled_at = $3, interval_s = $4"
        " WHERE request_hash = $1 AND slot = $2",
        record.request_hash, hashed_slot(record.request_hash), at, interval_s,
    )  # fmt: skip


async def use(db: Connection, record: CibaRecord, at: datetime, delivery: bytes | None) -> None:
    """Use up a held request; with the sealed tokens when they are pushed."""
    assert record.used_at is None, "a request brings tokens once"
    await db.execute(
        "UPDATE identity.ciba_requests SET used_at = $3, delivery = $4"
        " WHERE request_hash = $1 AND slot = $2",
        record.request_hash, hashed_slot(record.request_hash), at, delivery,
    )  # fmt: skip


async def finish_notice(db: Connection, request_id: str, at: datetime, status: int | None) -> None:
    """Remember that nothing more is sent: the answer's status, None when there was none."""
    await db.execute(
        "UPDATE identity.ciba_requests SET noticed_at = $2, notice_status = $3, delivery = NULL"
        " WHERE id = $1",
        request_id, at, status,
    )  # fmt: skip


async def count_asked(
    db: Connection, subject_key: bytes, since: datetime, client_id: str
) -> tuple[int, int]:
    """Count what a person was asked and did not approve: (by this client, by all clients)."""
    row = await db.fetchrow(
        "SELECT count(*) FILTER (WHERE r.client_id = $3) AS own, count(*) AS every"
        " FROM identity.ciba_requests r"
        " JOIN identity.approvals a ON a.id = r.approval_id AND a.state <> 'approved'"
        " WHERE r.subject_key = $1 AND r.started_at > $2",
        subject_key, since, client_id,
    )  # fmt: skip
    return row["own"], row["every"]


async def lock_subject(db: Connection, subject_key: bytes) -> None:
    """Let requests for one person pass one by one, so that their limit holds."""
    await db.execute(
        "SELECT pg_advisory_xact_lock(7310003, hashtext(encode($1, 'hex')))", subject_key
    )


async def remember_subject(db: Connection, sector: str, subject: str, person_id: str) -> None:
    """Keep whom a pairwise subject names; again is harmless."""
    await db.execute(
        "INSERT INTO identity.hinted_subjects (sector, subject, person_id) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        sector, subject, person_id,
    )  # fmt: skip


async def person_of_subject(db: Connection, sector: str, subject: str) -> str | None:
    """Return the active person that a sector's pairwise subject names."""
    found: str | None = await db.fetchval(
        "SELECT h.person_id FROM identity.hinted_subjects h"
        " JOIN identity.persons p ON p.id = h.person_id AND p.status = 'active'"
        " WHERE h.sector = $1 AND h.subject = $2",
        sector, subject,
    )  # fmt: skip
    return found


def _record(row: Any) -> CibaRecord:
    members = dict(row)
    for name in ("scopes", "acr_values", "details"):
        members[name] = tuple(members[name])
    return CibaRecord(**members)
