"""Rows of entries: staged while the file is checked, begun as payments, ended with those.

Not for: files (files.py). Invariants: an entry has one payment at most; it begins in the
transaction that makes the payment, and ends as that one does.
"""

from __future__ import annotations

from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.files.domain.values import Entry, EntryState
from lionrock.payments.sealing import Vault

_ENTRY = "file_entries.sealed_entry"
_STATE = (
    "number, block_id, instruction_id, end_to_end_id, status, payment_id, reason_code, reason_text"
)


async def clear_staged(db: Connection, file_id: str) -> None:
    """Forget what an earlier check staged; nothing of it was begun."""
    await db.execute(
        "DELETE FROM payments.file_entries WHERE file_id = $1 AND status = 'staged'", file_id
    )


async def stage(db: Connection, vault: Vault, file_id: str, entries: list[Entry]) -> None:
    """Write entries that were read."""
    await db.copy_records_to_table(
        "file_entries", schema_name="payments",
        columns=(
            "file_id", "number", "block_id", "instruction_id", "end_to_end_id", "sealed_entry",
            "status", "reason_code", "reason_text",
        ),
        records=[
            (file_id, each.number, each.block_id, each.instruction_id, each.end_to_end_id,
             vault.seal_value(_ENTRY, f"{file_id}/{each.number}", each), "staged", "", "")
            for each in entries
        ],
    )


async def lock_staged(
    db: Connection, vault: Vault, file_id: str, limit: int
) -> list[Entry]:
    """Return the next entries to begin, their rows locked."""
    rows = await db.fetch(
        "SELECT number, sealed_entry FROM payments.file_entries WHERE file_id = $1"
        " AND status = 'staged' ORDER BY number LIMIT $2 FOR UPDATE", file_id, limit,
    )
    return [
        vault.open_value(_ENTRY, f"{file_id}/{row['number']}", row["sealed_entry"], Entry)
        for row in rows
    ]


async def count_under_way(db: Connection, file_id: str, limit: int) -> int:
    """Return how many entries are begun and have not ended, `limit` at most."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM (SELECT 1 FROM payments.file_entries WHERE file_id = $1"
        " AND status = 'begun' LIMIT $2) AS counted", file_id, limit,
    )
    return found


async def mark_begun(db: Connection, file_id: str, payment_ids: dict[int, str]) -> None:
    """Entries have their payments now, by number."""
    await db.execute(
        "UPDATE payments.file_entries e SET status = 'begun', payment_id = d.payment_id"
        " FROM unnest($2::int[], $3::text[]) AS d (number, payment_id)"
        " WHERE e.file_id = $1 AND e.number = d.number AND e.status = 'staged'",
        file_id, list(payment_ids), list(payment_ids.values()),
    )


async def mark_rejected(
    db: Connection, file_id: str, reasons: dict[int, tuple[str, str]]
) -> None:
    """Entries for which no payment could be made: reason code and text by number."""
    await db.execute(
        "UPDATE payments.file_entries e SET status = 'rejected', reason_code = d.code,"
        " reason_text = d.text FROM unnest($2::int[], $3::text[], $4::text[])"
        "  AS d (number, code, text)"
        " WHERE e.file_id = $1 AND e.number = d.number AND e.status = 'staged'",
        file_id, list(reasons), [code for code, _ in reasons.values()],
        [text for _, text in reasons.values()],
    )


async def follow(db: Connection, file_id: str, limit: int) -> tuple[int, int]:
    """End entries whose payments have ended; returns how many settled and how many not."""
    rows = await db.fetch(
        "WITH ended AS (SELECT e.number, p.state, p.reason_code, p.reason_text"
        "  FROM payments.file_entries e JOIN payments.payments p ON p.id = e.payment_id"
        "  WHERE e.file_id = $1 AND e.status = 'begun' AND p.state IN ('settled', 'rejected')"
        "  ORDER BY e.number LIMIT $2 FOR UPDATE OF e)"
        " UPDATE payments.file_entries e SET status = ended.state,"
        "  reason_code = ended.reason_code, reason_text = ended.reason_text FROM ended"
        " WHERE e.file_id = $1 AND e.number = ended.number RETURNING e.status", file_id, limit,
    )
    settled = sum(row["status"] == "settled" for row in rows)
    return settled, len(rows) - settled


async def page(
    db: Connection, file_id: str, *, after: int, limit: int
) -> list[EntryState]:
    """Return how entries stand, those after number `after`, in order."""
    rows = await db.fetch(
        f"SELECT {_STATE} FROM payments.file_entries WHERE file_id = $1 AND number > $2"
        " ORDER BY number LIMIT $3", file_id, after, limit,
    )
    return [_state(row) for row in rows]


def _state(row: Any) -> EntryState:
    return EntryState(**dict(row))
