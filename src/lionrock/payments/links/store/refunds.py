"""Rows of refunds and of the accounts that they are paid from. Moves are compare-and-set."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.payments.links.domain.intents import Refund, RefundState, may_move_refund

_COLUMNS = (
    "id, state, intent_id, department_id, reference, amount_minor, currency, reason,"
    " requested_by,"
    " decided_by, created_at, payment_id, reason_code, approval_id"
)


class RefundAccount(msgspec.Struct, frozen=True):
    """An account in the ledger, and up to which amount one officer alone refunds from it."""

    ledger_account_id: int
    single_minor_max: int


async def put_account(
    db: Connection, organisation_id: str, currency: str, new_id: int, single_minor_max: int
) -> RefundAccount:
    """Write an account, or give the one that is there another limit; its ledger id stays."""
    row = await db.fetchrow(
        "INSERT INTO payments.refund_accounts (organisation_id, currency, ledger_account_id,"
        " single_minor_max) VALUES ($1, $2, $3, $4) ON CONFLICT (organisation_id, currency)"
        " DO UPDATE SET single_minor_max = excluded.single_minor_max"
        " RETURNING ledger_account_id, single_minor_max",
        organisation_id, currency, UUID(int=new_id), single_minor_max,
    )
    return RefundAccount(row["ledger_account_id"].int, row["single_minor_max"])


async def load_account(
    db: Connection, organisation_id: str, currency: str
) -> RefundAccount | None:
    """Return a department's account for refunds in a currency."""
    row = await db.fetchrow(
        "SELECT ledger_account_id, single_minor_max FROM payments.refund_accounts"
        " WHERE organisation_id = $1 AND currency = $2",
        organisation_id, currency,
    )
    return row and RefundAccount(row["ledger_account_id"].int, row["single_minor_max"])


async def insert_refund(db: Connection, refund: Refund) -> bool:
    """Write a new refund; False when the department used its reference before."""
    created = await db.fetchval(
        "INSERT INTO payments.refunds (id, state, intent_id, department_id, reference,"
        " amount_minor, currency, reason, requested_by, created_at, approval_id)"
        " VALUES ($1, 'waiting', $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT ON CONSTRAINT refunds_reference_unique DO NOTHING RETURNING 1",
        refund.id, refund.intent_id, refund.department_id, refund.reference, refund.amount_minor,
        refund.currency, refund.reason, refund.requested_by, refund.created_at,
        refund.approval_id,
    )
    return created is not None


async def load_own(db: Connection, refund_id: str, department_id: str) -> Refund | None:
    """Return a department's own refund, its row locked; another's is not found."""
    return await _load(db, "id = $1 AND department_id = $2", refund_id, department_id)


async def load_refund(db: Connection, refund_id: str) -> Refund | None:
    """Return a refund, its row locked."""
    return await _load(db, "id = $1", refund_id)


async def find_by_approval(db: Connection, approval_id: str) -> Refund | None:
    """Return the refund that officers are asked about; its row is not locked."""
    row: Any = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.refunds WHERE approval_id = $1", approval_id
    )
    return None if row is None else Refund(**dict(row))


async def load_by_reference(
    db: Connection, department_id: str, reference: str
) -> Refund | None:
    """Return the refund of a department's own reference."""
    return await _load(db, "department_id = $1 AND reference = $2", department_id, reference)


async def _load(db: Connection, where: str, *values: object) -> Refund | None:
    row: Any = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.refunds WHERE {where} FOR UPDATE", *values
    )
    return None if row is None else Refund(**dict(row))


async def refunds_of(db: Connection, intent_id: str) -> list[Refund]:
    """Return all refunds of an intent, oldest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.refunds WHERE intent_id = $1 ORDER BY id", intent_id
    )
    return [Refund(**dict(row)) for row in rows]


async def refunds_on(db: Connection, department_id: str, day: date) -> list[Refund]:
    """Return the refunds that were ordered on a Hong Kong day."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.refunds WHERE department_id = $1 AND ordered_on = $2"
        " ORDER BY id",
        department_id, day,
    )
    return [Refund(**dict(row)) for row in rows]


async def move_to_ordered(
    db: Connection, refund_id: str, payment_id: str, decided_by: str, ordered_on: date
) -> bool:
    """waiting -> ordered."""
    moved = await db.fetchval(
        "UPDATE payments.refunds SET state = 'ordered', payment_id = $2, decided_by = $3,"
        " ordered_on = $4 WHERE id = $1 AND state = 'waiting' RETURNING 1",
        refund_id, payment_id, decided_by, ordered_on,
    )
    return moved is not None


async def close_waiting(
    db: Connection, refund_id: str, after: RefundState, reason_code: str = ""
) -> bool:
    """waiting -> rejected | lapsed | failed; False when it waits no more."""
    assert may_move_refund("waiting", after), after
    moved = await db.fetchval(
        "UPDATE payments.refunds SET state = $2, reason_code = $3"
        " WHERE id = $1 AND state = 'waiting' RETURNING 1",
        refund_id, after, reason_code,
    )
    return moved is not None


async def waiting_of(db: Connection, department_id: str) -> list[Refund]:
    """Return a department's refunds that wait for its officers, oldest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.refunds WHERE department_id = $1"
        " AND state = 'waiting' ORDER BY id",
        department_id,
    )
    return [Refund(**dict(row)) for row in rows]


async def without_payment(db: Connection, department_id: str, day: date) -> list[str]:
    """Refunds ordered on a day that differ from their payment, in state, sum or currency.

    Only what has ended on both sides is compared: the event of an end may be on its way.
    """
    rows = await db.fetch(
        "SELECT r.id FROM payments.refunds r LEFT JOIN payments.payments p ON p.id = r.payment_id"
        " WHERE r.department_id = $1 AND r.ordered_on = $2 AND r.state IN ('paid', 'failed')"
        "  AND (p.id IS NULL OR p.amount_minor <> r.amount_minor OR p.currency <> r.currency"
        "   OR p.state <> CASE r.state WHEN 'paid' THEN 'settled' ELSE 'rejected' END)"
        " ORDER BY r.id",
        department_id, day,
    )
    return [row["id"] for row in rows]


async def finish(db: Connection, refund_id: str, after: RefundState, reason_code: str) -> bool:
    """ordered -> paid | failed; False when it was finished before."""
    assert may_move_refund("ordered", after), after
    moved = await db.fetchval(
        "UPDATE payments.refunds SET state = $2, reason_code = $3"
        " WHERE id = $1 AND state = 'ordered' RETURNING 1",
        refund_id, after, reason_code,
    )
    return moved is not None
