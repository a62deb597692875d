"""Finding payments by any name that somebody may give one, for the operator.

Not for: participants and persons, who see their own only (service.payments). Invariant: each name
is looked up by an index; nothing is matched in part.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.payments.settlement.store.liquidity import Alert
from lionrock.payments.store.messages import Message

FOUND_MAX = 50
ALERTS_MAX = 50
_MESSAGE = (
    "id, payment_id, subject_id, direction, organisation_id, definition, message_id, digest,"
    " refusal, is_outcome, recorded_at, (SELECT d.delivered_at FROM payments.deliveries d"
    " WHERE d.message_id = m.id) AS delivered_at"
)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """A text as each kind of name; `ledger_id` when it can be one."""

    text: str
    ledger_id: UUID | None


async def find_payment_ids(db: Connection, names: Names) -> list[str]:
    """Return the payments with this id, EndToEndId, TxId, UETR, MsgId, or the ledger's id of their
    hold or of what was booked (which statements name), newest first.

    At most FOUND_MAX: an EndToEndId is the payer's own and may stand for many.
    """
    rows = await db.fetch(
        "SELECT id FROM payments.payments WHERE id = $1 OR uetr = lower($1)"
        "  OR transaction_id = $1 OR end_to_end_id = $1"
        "  OR hold_id = $2 OR post_id = $2"
        # Two parts of one question, each of which an index answers.
        " UNION SELECT payment_id FROM payments.messages WHERE message_id = $1 AND refusal = ''"
        "  AND payment_id IS NOT NULL"
        " UNION SELECT payment_id FROM payments.messages WHERE message_id = $1 AND refusal <> ''"
        "  AND payment_id IS NOT NULL"
        " ORDER BY id DESC LIMIT $3",
        names.text, names.ledger_id, FOUND_MAX,
    )
    return [row["id"] for row in rows]


async def list_recent_ids(db: Connection, count_max: int) -> list[str]:
    """Return the payments that were taken last."""
    rows = await db.fetch(
        "SELECT id FROM payments.payments ORDER BY id DESC LIMIT $1", min(count_max, FOUND_MAX)
    )
    return [row["id"] for row in rows]


async def list_message_rows(db: Connection, payment_id: str) -> list[Message]:
    """Return a payment's messages without their contents, oldest first, refused ones too."""
    rows = await db.fetch(
        f"SELECT {_MESSAGE} FROM payments.messages m WHERE subject_id = $1 ORDER BY id LIMIT 200",
        payment_id,
    )
    return [Message(**dict(row)) for row in rows]


async def list_all_alerts(db: Connection) -> list[Alert]:
    """Return the liquidity alerts of all participants, open ones first, then newest first."""
    rows = await db.fetch(
        "SELECT id, organisation_id, currency, low_minor, available_minor, raised_at, cleared_at"
        " FROM payments.liquidity_alerts ORDER BY cleared_at IS NOT NULL, id DESC LIMIT $1",
        ALERTS_MAX,
    )
    return [Alert(**dict(row)) for row in rows]
