"""Rows of messages: every message verbatim, in and out, also those that were refused.

Not for: reading or writing XML (domain.iso20022). Invariant: of one sender, an accepted MsgId
stands for one content for ever.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.gathered import write_with_others
from lionrock.kernel.inserts import Column, Insert
from lionrock.payments.sealing import Vault

_CONTENT = "messages.sealed_content"
# RFC 9110 s8.4.1.2 (the zlib format, RFC 1950); "" for what was stored before there was a coding.
_CODING = "deflate"
_DEFLATE_LEVEL = 1
_COLUMNS = (
    "id, payment_id, subject_id, direction, organisation_id, definition, message_id, digest,"
    " refusal, is_outcome, recorded_at"
)
_SELECT = (
    f"SELECT {_COLUMNS}, (SELECT d.delivered_at FROM payments.deliveries d"
    " WHERE d.message_id = m.id) AS delivered_at"
)
MESSAGES_LISTED_MAX = 200
_MESSAGES = Insert(
    table="payments.messages",
    columns=(
        *(Column(name, "text") for name in (
            "id", "payment_id", "subject_id", "direction", "organisation_id", "definition",
            "message_id",
        )),
        Column("digest", "bytea"), Column("refusal", "text"), Column("is_outcome", "boolean"),
        Column("recorded_at", "timestamptz"), Column("sealed_content", "bytea"),
        Column("content_coding", "text"),
    ),
    values=tuple,
)  # fmt: skip
_DELIVERIES = Insert(
    table="payments.deliveries",
    columns=(Column("message_id", "text"), Column("delivered_at", "timestamptz")),
    values=tuple, again="ON CONFLICT (message_id) DO NOTHING", key=lambda row: row[0],
)  # fmt: skip

Direction = Literal["in", "out"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as stored: `digest` is the SHA-256 of the whole HTTP body.

    `subject_id` is the id of what it is about, "" while that is not known; `payment_id` is the
    same when that is a payment.

    `is_outcome` marks the one message that tells a participant how a payment ended.
    """

    id: str
    payment_id: str | None
    direction: Direction
    organisation_id: str
    definition: str
    message_id: str
    digest: bytes
    recorded_at: datetime
    refusal: str = ""
    is_outcome: bool = False
    delivered_at: datetime | None = None
    subject_id: str = ""


async def insert_message(db: Connection, vault: Vault, message: Message, content: bytes) -> bool:
    """Write a message; False when the sender has used the MsgId before."""
    created = await db.fetchval(
        f"INSERT INTO payments.messages ({_COLUMNS}, sealed_content, content_coding)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        *_sealed_row(vault, message, content),
    )
    return created is not None


async def add_message(db: Connection, vault: Vault, message: Message, content: bytes) -> None:
    """Write a message whose MsgId is new, with others; UniqueViolationError where it is not."""
    await write_with_others(db, [(_MESSAGES, _sealed_row(vault, message, content))])


def _sealed_row(vault: Vault, message: Message, content: bytes) -> tuple[Any, ...]:
    return (
        message.id, message.payment_id, message.subject_id, message.direction,
        message.organisation_id, message.definition, message.message_id, message.digest,
        message.refusal, message.is_outcome, message.recorded_at,
        vault.seal(_CONTENT, message.id, zlib.compress(content, _DEFLATE_LEVEL)), _CODING,
    )


def _content(vault: Vault, row: Any) -> bytes:
    opened = vault.open(_CONTENT, row["id"], row["sealed_content"])
    return zlib.decompress(opened) if row["content_coding"] == _CODING else opened


async def find_accepted(
    db: Connection, direction: Direction, organisation_id: str, message_id: str
) -> Message | None:
    """Return the accepted message of a sender's (or to a receiver's) MsgId."""
    row = await db.fetchrow(
        f"{_SELECT} FROM payments.messages m WHERE direction = $1"
        " AND organisation_id = $2 AND message_id = $3 AND refusal = ''",
        direction, organisation_id, message_id,
    )
    return _message(row)


async def load_content(db: Connection, vault: Vault, row_id: str) -> tuple[Message, bytes] | None:
    """Return a message with its bytes."""
    row = await db.fetchrow(
        f"{_SELECT}, sealed_content, content_coding FROM payments.messages m WHERE id = $1", row_id
    )
    message = _message(row)
    if message is None:
        return None
    return message, _content(vault, row)


async def find_outcome(db: Connection, payment_id: str, organisation_id: str) -> Message | None:
    """Return the message that tells a participant how a payment ended."""
    row = await db.fetchrow(
        f"{_SELECT} FROM payments.messages m WHERE payment_id = $1"
        " AND organisation_id = $2 AND is_outcome",
        payment_id, organisation_id,
    )
    return _message(row)


async def list_exchanged(db: Connection, payment_ids: Sequence[str]) -> list[Message]:
    """Return the accepted messages about payments but those that tell of ends, oldest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS}, NULL::timestamptz AS delivered_at FROM payments.messages"
        " WHERE subject_id = ANY($1) AND subject_id <> '' AND refusal = '' AND NOT is_outcome"
        " ORDER BY id",
        list(payment_ids),
    )
    found = [_message(row) for row in rows]
    return [message for message in found if message is not None]


async def list_contents(
    db: Connection, vault: Vault, payment_id: str
) -> list[tuple[Message, bytes]]:
    """Return the accepted messages of a payment with their bytes, oldest first."""
    return await list_about(db, vault, payment_id)


async def list_about(db: Connection, vault: Vault, subject_id: str) -> list[tuple[Message, bytes]]:
    """Return the accepted messages about anything with their bytes, oldest first."""
    rows = await db.fetch(
        f"{_SELECT}, sealed_content, content_coding FROM payments.messages m WHERE subject_id = $1"
        " AND refusal = '' ORDER BY id LIMIT $2",
        subject_id, MESSAGES_LISTED_MAX,
    )
    found = []
    for row in rows:
        message = _message(row)
        assert message is not None, "the row is there"
        found.append((message, _content(vault, row)))
    return found


async def mark_delivered(db: Connection, row_ids: Sequence[str], at: datetime) -> None:
    """Remember that the receivers took these messages (the first time counts)."""
    await write_with_others(db, [(_DELIVERIES, (row_id, at)) for row_id in row_ids])


async def list_untold(db: Connection, payment_ids: Sequence[str]) -> list[str]:
    """Return the outcome messages of payments that nobody has taken yet."""
    rows = await db.fetch(
        "SELECT m.id FROM payments.messages m WHERE m.payment_id = ANY($1) AND m.is_outcome"
        " AND NOT EXISTS (SELECT FROM payments.deliveries d WHERE d.message_id = m.id)",
        list(payment_ids),
    )
    return [row["id"] for row in rows]


async def mark_refused(db: Connection, row_id: str, refusal: str) -> None:
    """Say that a message was refused after all; its MsgId is free again."""
    await db.execute("UPDATE payments.messages SET refusal = $2 WHERE id = $1", row_id, refusal)


async def attach_subject(
    db: Connection, row_id: str, subject_id: str, payment_id: str | None
) -> None:
    """Say what an incoming message is about, once that is known."""
    await db.execute(
        "UPDATE payments.messages SET subject_id = $2, payment_id = $3 WHERE id = $1",
        row_id, subject_id, payment_id,
    )


def _message(row: Any) -> Message | None:
    if row is None:
        return None
    return Message(**{name: row[name] for name in Message.__struct_fields__})
