"""Rows of artefacts by the thousand, as the platform would write them; and sizes on disk."""

from __future__ import annotations

from datetime import datetime

from lionrock.kernel.db import Connection

FILL = {
    "kernel.replays": "INSERT INTO kernel.replays (key, slot, expires_at)"
    " SELECT sha256(gen_random_uuid()::text::bytea), $1, $2 FROM generate_series(1, $3)",
    "identity.pushed_requests": "INSERT INTO identity.pushed_requests (request_hash, client_id,"
    " request, slot, expires_at) SELECT sha256(gen_random_uuid()::text::bytea), 'bench',"
    " jsonb_build_object('filler', repeat('x', 400)), $1, $2 FROM generate_series(1, $3)",
    "identity.sign_ins": "INSERT INTO identity.sign_ins (id, request_hash, client_id,"
    " browser_hash, subject_key, number, started_at, slot, expires_at)"
    " SELECT gen_random_uuid()::text, '\\x00', 'bench', '\\x00', '\\x00', '00', $2, $1, $2"
    " FROM generate_series(1, $3)",
    "identity.codes": "INSERT INTO identity.codes (code_hash, client_id, person_id, grant_id,"
    " request, signed_in_at, slot, expires_at) SELECT sha256(gen_random_uuid()::text::bytea),"
    " 'bench', 'bench', 'bench', jsonb_build_object('filler', repeat('x', 400)), $2, $1, $2"
    " FROM generate_series(1, $3)",
    "identity.access_tokens": "INSERT INTO identity.access_tokens (token_hash, grant_id,"
    " client_id, scopes, jkt, issued_at, slot, expires_at)"
    " SELECT sha256(gen_random_uuid()::text::bytea), gen_random_uuid()::text, 'bench', '{}',"
    " 'bench', $2, $1, $2 FROM generate_series(1, $3)",
}


async def fill(
    db: Connection, *, table: str, slot: int, expires_at: datetime, count: int
) -> None:
    """Add `count` artefacts that expire at one instant."""
    await db.execute(FILL[table], slot, expires_at, count)


async def size(db: Connection, *, table: str) -> int:
    """Return the bytes on disk of a partitioned table, its indexes and long values."""
    total: int = await db.fetchval(
        "SELECT sum(pg_total_relation_size(relid))::bigint"
        " FROM pg_partition_tree($1::text::regclass) WHERE isleaf", table,
    )  # fmt: skip
    return total
