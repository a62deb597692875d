"""Rows of returns and recalls. Moves are compare-and-set.

Not for: deciding moves (domain). Invariant: whoever returns holds the original payment's row, so
that the sum of returns is counted one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.domain.iso20022 import CancellationRequest
from lionrock.payments.recalls.domain import Recall, RecallState, ReturnState, may_move
from lionrock.payments.sealing import Vault

_REQUEST = "recalls.sealed_request"
_COLUMNS = (
    "id, state, payment_id, organisation_id, recall_id, request_digest, sealed_request,"
    " asked_organisation_id, sent_message_id, created_at, answer_due_at, ended_at, reason_code"
)
_PLAIN = (
    "id", "state", "payment_id", "organisation_id", "recall_id", "request_digest",
    "asked_organisation_id", "sent_message_id", "created_at", "answer_due_at", "ended_at",
    "reason_code",
)


async def insert_return(
    db: Connection, payment_id: str, original_payment_id: str, amount_minor: int
) -> None:
    """Write a return that is under way."""
    await db.execute(
        "INSERT INTO payments.returns (payment_id, original_payment_id, amount_minor, state)"
        " VALUES ($1, $2, $3, 'under_way')",
        payment_id, original_payment_id, amount_minor,
    )


async def end_return(db: Connection, payment_id: str, state: ReturnState) -> None:
    """Record how a return ended."""
    await db.execute(
        "UPDATE payments.returns SET state = $2 WHERE payment_id = $1 AND state = 'under_way'",
        payment_id, state,
    )


async def sum_returns(db: Connection, original_payment_id: str) -> int:
    """Return what was returned of a payment, or is under way back, in minor units."""
    total = await db.fetchval(
        "SELECT coalesce(sum(amount_minor), 0) FROM payments.returns"
        " WHERE original_payment_id = $1 AND state <> 'rejected'",
        original_payment_id,
    )
    return int(total)


async def insert_recall(db: Connection, vault: Vault, recall: Recall) -> bool:
    """Write a recall; False when its name is taken or another one of the payment is open."""
    created = await db.fetchval(
        f"INSERT INTO payments.recalls ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING 1",
        recall.id, recall.state, recall.payment_id, recall.organisation_id, recall.recall_id,
        recall.request_digest, vault.seal_value(_REQUEST, recall.id, recall.request),
        recall.asked_organisation_id, recall.sent_message_id, recall.created_at,
        recall.answer_due_at, recall.ended_at, recall.reason_code,
    )
    return created is not None


async def load_recall(
    db: Connection, vault: Vault, recall_id: str, *, is_locking: bool = False
) -> Recall | None:
    """Return a recall, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.recalls WHERE id = $1{lock}", recall_id
    )
    return _recall(vault, row)


async def load_named(
    db: Connection, vault: Vault, organisation_id: str, recall_id: str
) -> Recall | None:
    """Return the recall that a participant made under a name of its own."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.recalls WHERE organisation_id = $1 AND recall_id = $2",
        organisation_id, recall_id,
    )
    return _recall(vault, row)


async def list_recalled(db: Connection, payment_ids: Sequence[str]) -> set[str]:
    """Of payments those with an open recall."""
    rows = await db.fetch(
        "SELECT payment_id FROM payments.recalls WHERE payment_id = ANY($1) AND ended_at IS NULL",
        list(payment_ids),
    )
    return {row["payment_id"] for row in rows}


async def lock_open(db: Connection, vault: Vault, payment_id: str) -> Recall | None:
    """Return the open recall of a payment, its row locked."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.recalls WHERE payment_id = $1 AND ended_at IS NULL"
        " FOR UPDATE",
        payment_id,
    )
    return _recall(vault, row)


async def set_asked(
    db: Connection, recall_id: str, message_id: str, answer_due_at: datetime
) -> None:
    """Remember our message that asks the credited bank, and until when it answers."""
    await db.execute(
        "UPDATE payments.recalls SET sent_message_id = $2, answer_due_at = $3 WHERE id = $1",
        recall_id, message_id, answer_due_at,
    )


async def move(
    db: Connection, recall: Recall, after: RecallState, *, reason_code: str = "",
    ended_at: datetime | None = None,
) -> bool:
    """Move a recall; False when it was elsewhere."""
    assert may_move(recall.state, after), f"{recall.state} does not lead to {after}"
    moved = await db.fetchval(
        "UPDATE payments.recalls SET state = $3, reason_code = $4, ended_at = $5"
        " WHERE id = $1 AND state = $2 RETURNING 1",
        recall.id, recall.state, after, reason_code, ended_at,
    )
    return moved is not None


def _recall(vault: Vault, row: Any) -> Recall | None:
    if row is None:
        return None
    request = vault.open_value(_REQUEST, row["id"], row["sealed_request"], CancellationRequest)
    return Recall(**{name: row[name] for name in _PLAIN}, request=request)
