"""Rows of fee intents and of what came in for departments. Moves are compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.links.domain.intents import Intent, IntentDraft
from lionrock.payments.sealing import Vault

_DRAFT = "intents.sealed_draft"
_COLUMNS = (
    "id, state, sealed_draft, number, link_id, created_at, payment_id, paid_at, receipt"
)


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A settled payment to a department's account, and the fee that it was for."""

    payment_id: str
    organisation_id: str
    intent_id: str | None
    amount: Money
    settled_on: date


async def insert_intent(db: Connection, vault: Vault, intent: Intent) -> bool:
    """Write a new intent; False when the department used its reference before."""
    draft = intent.draft
    created = await db.fetchval(
        "INSERT INTO payments.intents (id, state, department_id, reference, number, link_id,"
        " draft_digest, sealed_draft, currency, amount_minor, due_on, created_at)"
        " VALUES ($1, 'open', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT ON CONSTRAINT intents_reference_unique DO NOTHING RETURNING 1",
        intent.id, draft.department_id, draft.reference, intent.number, intent.link_id,
        draft.digest(), vault.seal_value(_DRAFT, intent.id, draft), draft.amount.currency,
        draft.amount.amount_minor, draft.due_on, intent.created_at,
    )
    return created is not None


async def load_own(
    db: Connection, vault: Vault, intent_id: str, department_id: str
) -> Intent | None:
    """Return a department's own intent, its row locked; another's is not found."""
    return await _load(db, vault, "id = $1 AND department_id = $2", intent_id, department_id)


async def load_by_reference(
    db: Connection, vault: Vault, department_id: str, reference: str
) -> Intent | None:
    """Return the intent of a department's own reference, its row locked."""
    return await _load(
        db, vault, "department_id = $1 AND reference = $2", department_id, reference
    )


async def load_by_link(db: Connection, vault: Vault, link_id: str) -> Intent | None:
    """Return the intent that a link is for, its row locked."""
    return await _load(db, vault, "link_id = $1", link_id)


async def load_by_number(
    db: Connection, vault: Vault, department_id: str, number: str
) -> Intent | None:
    """Return a department's intent by the number on its bill, its row locked."""
    return await _load(db, vault, "department_id = $1 AND number = $2", department_id, number)


async def _load(db: Connection, vault: Vault, where: str, *values: object) -> Intent | None:
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.intents WHERE {where} FOR UPDATE", *values
    )
    return None if row is None else _intent(vault, row)


def _intent(vault: Vault, row: Any) -> Intent:
    return Intent(
        id=row["id"], state=row["state"], number=row["number"], link_id=row["link_id"],
        draft=vault.open_value(_DRAFT, row["id"], row["sealed_draft"], IntentDraft),
        created_at=row["created_at"], payment_id=row["payment_id"], paid_at=row["paid_at"],
        receipt=row["receipt"],
    )


async def move_to_paid(
    db: Connection, intent_id: str, payment_id: str, paid_at: datetime, receipt: str
) -> bool:
    """open -> paid; False when it is not open."""
    moved = await db.fetchval(
        "UPDATE payments.intents SET state = 'paid', payment_id = $2, paid_at = $3, receipt = $4"
        " WHERE id = $1 AND state = 'open' RETURNING 1",
        intent_id, payment_id, paid_at, receipt,
    )
    return moved is not None


async def move_to_cancelled(db: Connection, intent_id: str) -> bool:
    """open -> cancelled; False when it is not open."""
    moved = await db.fetchval(
        "UPDATE payments.intents SET state = 'cancelled'"
        " WHERE id = $1 AND state = 'open' RETURNING 1",
        intent_id,
    )
    return moved is not None


async def put_account(
    db: Connection, lookup_key: bytes, department_id: str, participant_id: str
) -> None:
    """Remember an account under which a department is paid; the first department keeps it."""
    await db.execute(
        "INSERT INTO payments.collection_accounts (lookup_key, organisation_id, participant_id)"
        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        lookup_key, department_id, participant_id,
    )


async def find_concerned(db: Connection, payment_ids: Sequence[str]) -> set[str]:
    """Which of these payments pay a link, or go to a bank where a department has an account."""
    rows = await db.fetch(
        "SELECT payment_id FROM payments.links WHERE payment_id = ANY($1)"
        " UNION SELECT p.id FROM payments.payments p JOIN payments.collection_accounts c"
        "  ON c.participant_id = p.creditor_organisation_id WHERE p.id = ANY($1)",
        list(payment_ids),
    )
    return {row["payment_id"] for row in rows}


async def department_of(db: Connection, lookup_key: bytes) -> str | None:
    """Return the department that is paid under an account."""
    found: str | None = await db.fetchval(
        "SELECT organisation_id FROM payments.collection_accounts WHERE lookup_key = $1",
        lookup_key,
    )
    return found


async def insert_collection(db: Connection, collection: Collection) -> bool:
    """Write what came in; False when it was written before."""
    created = await db.fetchval(
        "INSERT INTO payments.fee_collections (payment_id, organisation_id, intent_id, currency,"
        " amount_minor, settled_on) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        collection.payment_id, collection.organisation_id, collection.intent_id,
        collection.amount.currency, collection.amount.amount_minor, collection.settled_on,
    )
    return created is not None


async def collections_of(
    db: Connection, department_id: str, day: date
) -> list[Collection]:
    """What came in for a department on a Hong Kong day."""
    rows = await db.fetch(
        "SELECT payment_id, organisation_id, intent_id, currency, amount_minor, settled_on"
        " FROM payments.fee_collections WHERE organisation_id = $1 AND settled_on = $2"
        " ORDER BY payment_id",
        department_id, day,
    )
    return [
        Collection(
            payment_id=row["payment_id"], organisation_id=row["organisation_id"],
            intent_id=row["intent_id"], settled_on=row["settled_on"],
            amount=Money(row["amount_minor"], row["currency"]),
        )
        for row in rows
    ]


async def paid_without_payment(
    db: Connection, department_id: str, begin: datetime, end: datetime
) -> list[str]:
    """Intents paid in [begin, end) for which the switch has no settled payment of that sum."""
    rows = await db.fetch(
        "SELECT i.id FROM payments.intents i LEFT JOIN payments.payments p ON p.id = i.payment_id"
        "  AND p.state = 'settled' AND p.amount_minor = i.amount_minor"
        "  AND p.currency = i.currency"
        " LEFT JOIN payments.fee_collections c ON c.intent_id = i.id"
        " WHERE i.department_id = $1 AND i.paid_at >= $2 AND i.paid_at < $3"
        "  AND (p.id IS NULL OR c.payment_id IS DISTINCT FROM i.payment_id) ORDER BY i.id",
        department_id, begin, end,
    )
    return [row["id"] for row in rows]


async def due_unpaid(db: Connection, department_id: str, day: date) -> list[str]:
    """Intents that were due on a day and are still open."""
    rows = await db.fetch(
        "SELECT id FROM payments.intents WHERE department_id = $1 AND due_on = $2"
        " AND state = 'open' ORDER BY id",
        department_id, day,
    )
    return [row["id"] for row in rows]
