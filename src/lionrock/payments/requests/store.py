"""Rows of requests to pay. Moves are compare-and-set.

Not for: deciding moves (domain). Invariant: a payment pays one request, a request has one payment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lionrock.kernel.db import Connection
from lionrock.payments.domain.iso20022 import PaymentRequest
from lionrock.payments.requests.domain import END_STATES, Request, RequestState, may_move
from lionrock.payments.sealing import Vault

_REQUEST = "requests.sealed_request"
_COLUMNS = (
    "id, state, creditor_organisation_id, debtor_organisation_id, request_id, request_digest,"
    " uetr, currency, amount_minor, accepted_minor, sealed_request, asked_message_id,"
    " sent_message_id, created_at, expires_at, ended_at, payment_id, reason_code"
)
_PLAIN = (
    "id", "state", "creditor_organisation_id", "debtor_organisation_id", "request_id",
    "request_digest", "accepted_minor", "asked_message_id", "sent_message_id", "created_at",
    "expires_at", "ended_at", "payment_id", "reason_code",
)


async def insert_request(db: Connection, vault: Vault, request: Request) -> bool:
    """Write a new request; False when its name or UETR is taken."""
    asked = request.asked
    created = await db.fetchval(
        f"INSERT INTO payments.requests ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING RETURNING 1",
        request.id, request.state, request.creditor_organisation_id,
        request.debtor_organisation_id, request.request_id, request.request_digest, asked.uetr,
        asked.amount.currency, asked.amount.amount_minor, request.accepted_minor,
        vault.seal_value(_REQUEST, request.id, asked), request.asked_message_id,
        request.sent_message_id, request.created_at, request.expires_at, request.ended_at,
        request.payment_id, request.reason_code,
    )
    return created is not None


async def load_request(
    db: Connection, vault: Vault, request_id: str, *, is_locking: bool = False
) -> Request | None:
    """Return a request, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.requests WHERE id = $1{lock}", request_id
    )
    return _request(vault, row)


async def load_named(
    db: Connection, vault: Vault, organisation_id: str, request_id: str, *,
    is_locking: bool = False,
) -> Request | None:
    """Return the request that a creditor's bank made under a name of its own."""
    lock = " FOR UPDATE" if is_locking else ""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.requests WHERE creditor_organisation_id = $1"
        f" AND request_id = $2{lock}",
        organisation_id, request_id,
    )
    return _request(vault, row)


async def set_sent(db: Connection, request_id: str, message_id: str) -> None:
    """Remember our message that asks the debtor's bank."""
    await db.execute(
        "UPDATE payments.requests SET sent_message_id = $2 WHERE id = $1", request_id, message_id
    )


async def move(
    db: Connection, request: Request, after: RequestState, now: datetime, *,
    reason_code: str = "", accepted_minor: int | None = None, payment_id: str | None = None,
) -> bool:
    """Move a request; False when it was elsewhere. The accepted amount stays once it is there."""
    assert may_move(request.state, after), f"{request.state} does not lead to {after}"
    moved = await db.fetchval(
        "UPDATE payments.requests SET state = $3, reason_code = $4, ended_at = $5,"
        " accepted_minor = coalesce($6, accepted_minor), payment_id = $7"
        " WHERE id = $1 AND state = $2 RETURNING 1",
        request.id, request.state, after, reason_code, now if after in END_STATES else None,
        accepted_minor, payment_id,
    )
    return moved is not None


def _request(vault: Vault, row: Any) -> Request | None:
    if row is None:
        return None
    asked = vault.open_value(_REQUEST, row["id"], row["sealed_request"], PaymentRequest)
    return Request(**{name: row[name] for name in _PLAIN}, asked=asked)
