"""Rows of files, their parts as uploaded, and the parts of their answers.

Not for: what is in them (domain.stream). Invariants: a name of a sender stands for one file; a part
is written once; states move forwards only; who checks a file holds its lease.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.files.domain.values import BatchFile, Totals
from lionrock.payments.sealing import Vault

_PART, _ANSWER, _DETAIL = (
    "file_parts.sealed_content", "file_answers.sealed_content", "files.sealed_detail",
)
_COLUMNS = (
    "id, organisation_id, name, definition, byte_count, part_count, digest, state, refusal,"
    " sealed_detail, message_id, created_on, entry_count, control_sum, begun_count,"
    " settled_count, rejected_count, answer_parts, answer_digest, opened_at, answered_at"
)
FILES_LISTED_MAX = 200


async def insert_file(db: Connection, file: BatchFile) -> bool:
    """Write a new file; False when its sender has used the name."""
    created = await db.fetchval(
        "INSERT INTO payments.files (id, organisation_id, name, definition, byte_count,"
        " part_count, digest, state, refusal, message_id, created_on, entry_count, control_sum,"
        " begun_count, settled_count, rejected_count, answer_parts, holder, lease_until,"
        " opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', '', '', '', 0, 0, 0, 0, 0, 0, '',"
        " '-infinity', $8) ON CONFLICT DO NOTHING RETURNING 1",
        file.id, file.organisation_id, file.name, file.definition, file.byte_count,
        file.part_count, file.digest, file.opened_at,
    )
    return created is not None


async def find_file(
    db: Connection, vault: Vault, organisation_id: str, name: str
) -> BatchFile | None:
    """Return a sender's file by its name."""
    return _file(vault, await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.files WHERE organisation_id = $1 AND name = $2",
        organisation_id, name,
    ))


async def load_file(
    db: Connection, vault: Vault, file_id: str, *, is_locking: bool = False
) -> BatchFile | None:
    """Return a file by id, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    return _file(vault, await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.files WHERE id = $1{lock}", file_id
    ))


async def list_files(
    db: Connection, vault: Vault, organisation_id: str
) -> list[BatchFile]:
    """Return a sender's files, newest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.files WHERE organisation_id = $1 ORDER BY id DESC"
        " LIMIT $2", organisation_id, FILES_LISTED_MAX,
    )
    found = [_file(vault, row) for row in rows]
    return [each for each in found if each is not None]


async def count_unfinished(db: Connection, organisation_id: str) -> int:
    """Return how many of a sender's files are not answered."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM payments.files WHERE organisation_id = $1"
        " AND state <> 'answered'", organisation_id,
    )
    return found


async def insert_part(
    db: Connection, vault: Vault, file_id: str, number: int, content: bytes, digest: bytes
) -> bool:
    """Write a part; False when there is one of that number (see `part_digest`)."""
    created = await db.fetchval(
        "INSERT INTO payments.file_parts (file_id, number, byte_count, digest, sealed_content)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1",
        file_id, number, len(content), digest,
        vault.seal(_PART, f"{file_id}/{number}", content),
    )
    return created is not None


async def part_digest(db: Connection, file_id: str, number: int) -> bytes | None:
    """Return the SHA-256 of a part, None when it is not there."""
    found: bytes | None = await db.fetchval(
        "SELECT digest FROM payments.file_parts WHERE file_id = $1 AND number = $2",
        file_id, number,
    )
    return found


async def measure_parts(db: Connection, file_id: str) -> tuple[int, int]:
    """Return how many parts and bytes are there."""
    row = await db.fetchrow(
        "SELECT count(*) AS part_count, coalesce(sum(byte_count), 0)::bigint AS byte_count"
        " FROM payments.file_parts WHERE file_id = $1", file_id,
    )
    return row["part_count"], row["byte_count"]


async def missing_parts(db: Connection, file_id: str, part_count: int, limit: int) -> list[int]:
    """Return the numbers of the first parts that are not there."""
    rows = await db.fetch(
        "SELECT n FROM generate_series(1, $2) AS n WHERE NOT EXISTS ("
        " SELECT 1 FROM payments.file_parts WHERE file_id = $1 AND number = n) ORDER BY n LIMIT $3",
        file_id, part_count, limit,
    )
    return [row["n"] for row in rows]


async def load_part(db: Connection, vault: Vault, file_id: str, number: int) -> bytes:
    """Return the content of a part that is there."""
    sealed = await db.fetchval(
        "SELECT sealed_content FROM payments.file_parts WHERE file_id = $1 AND number = $2",
        file_id, number,
    )
    assert sealed is not None, "a received file has all its parts"
    return vault.open(_PART, f"{file_id}/{number}", sealed)


async def mark_received(db: Connection, file_id: str) -> bool:
    """All parts are there: the file is to be checked; False when it was so before."""
    return await _move(db, file_id, "open", "received")


async def take_lease(
    db: Connection, file_id: str, holder: str, now: datetime, until: datetime
) -> bool:
    """Become, or stay, the one that checks a file; False when another one does or it is done."""
    taken = await db.fetchval(
        "UPDATE payments.files SET holder = $2, lease_until = $4 WHERE id = $1"
        " AND state = 'received' AND (holder = $2 OR lease_until < $3) RETURNING 1",
        file_id, holder, now, until,
    )
    return taken is not None


async def mark_accepted(
    db: Connection, file_id: str, organisation_id: str, totals: Totals
) -> bool:
    """The file is good: its entries may begin; False when its MsgId stands for another file."""
    is_taken = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM payments.files WHERE organisation_id = $1"
        " AND message_id = $2 AND refusal = '')", organisation_id, totals.message_id,
    )
    if is_taken:
        return False
    moved = await db.fetchval(
        "UPDATE payments.files SET state = 'accepted', message_id = $2, created_on = $3,"
        " entry_count = $4, control_sum = $5 WHERE id = $1 AND state = 'received' RETURNING 1",
        file_id, totals.message_id, totals.created_on, totals.entry_count, totals.control_sum,
    )
    return moved is not None


async def mark_refused(
    db: Connection, vault: Vault, file_id: str, refusal: str, detail: str
) -> bool:
    """The file is refused as a whole; False when that was decided before."""
    sealed = vault.seal(_DETAIL, file_id, detail.encode())
    moved = await db.fetchval(
        "UPDATE payments.files SET state = 'refused', refusal = $2, sealed_detail = $3"
        " WHERE id = $1 AND state = 'received' RETURNING 1", file_id, refusal, sealed,
    )
    return moved is not None


async def add_counts(
    db: Connection, file_id: str, *, begun: int = 0, settled: int = 0, rejected: int = 0
) -> None:
    """Count entries on; the file is done with the last one."""
    await db.execute(
        "UPDATE payments.files SET begun_count = begun_count + $2,"
        " settled_count = settled_count + $3, rejected_count = rejected_count + $4,"
        " state = CASE WHEN settled_count + rejected_count + $3 + $4 = entry_count THEN 'done'"
        "  ELSE state END WHERE id = $1 AND state = 'accepted'",
        file_id, begun, settled, rejected,
    )


async def insert_answer_part(
    db: Connection, vault: Vault, file_id: str, number: int, content: bytes
) -> None:
    """Write a part of the answer; the same part again changes nothing."""
    await db.execute(
        "INSERT INTO payments.file_answers (file_id, number, sealed_content) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        file_id, number, vault.seal(_ANSWER, f"{file_id}/{number}", content),
    )


async def count_answer_parts(db: Connection, file_id: str) -> int:
    """Return how many parts of the answer are written; they are written in order."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM payments.file_answers WHERE file_id = $1", file_id
    )
    return found


async def load_answer_part(
    db: Connection, vault: Vault, file_id: str, number: int
) -> bytes | None:
    """Return a part of an answer."""
    sealed = await db.fetchval(
        "SELECT sealed_content FROM payments.file_answers WHERE file_id = $1 AND number = $2",
        file_id, number,
    )
    return vault.open(_ANSWER, f"{file_id}/{number}", sealed) if sealed is not None else None


async def mark_answered(
    db: Connection, file_id: str, parts: int, digest: bytes, at: datetime
) -> bool:
    """The answer is complete; False when it was so before."""
    moved = await db.fetchval(
        "UPDATE payments.files SET state = 'answered', answer_parts = $2, answer_digest = $3,"
        " answered_at = $4 WHERE id = $1 AND state IN ('done', 'refused') RETURNING 1",
        file_id, parts, digest, at,
    )
    return moved is not None


async def _move(db: Connection, file_id: str, before: str, after: str) -> bool:
    moved = await db.fetchval(
        "UPDATE payments.files SET state = $3 WHERE id = $1 AND state = $2 RETURNING 1",
        file_id, before, after,
    )
    return moved is not None


def _file(vault: Vault, row: Any) -> BatchFile | None:
    if row is None:
        return None
    values = dict(row)
    sealed = values.pop("sealed_detail")
    detail = vault.open(_DETAIL, row["id"], sealed).decode() if sealed is not None else ""
    return BatchFile(**{**values, "control_sum": int(row["control_sum"])}, detail=detail)
