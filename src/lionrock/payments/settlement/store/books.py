"""What payments' own records know of postings on settlement accounts, to compare with the ledger.

One pair of functions for each kind of record: `known_*` finds records by the ledger's transfer ids,
`unbooked_*` finds settled records whose posting stands on no statement. Not for: comparing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.settlement.domain import Known

UNBOOKED_MAX = 1_000
# How records are called on statements.
KINDS = {
    "transfer": "credit_transfer", "debit": "direct_debit", "return": "return",
    "liquidity": "liquidity_transfer",
}
_PAYMENT = (
    "SELECT p.id, p.kind, p.post_id AS transfer_id, p.currency, p.amount_minor, p.end_to_end_id,"
    " p.transaction_id, p.uetr FROM payments.payments p"
)
_LIQUIDITY = (
    "SELECT p.id, 'liquidity' AS kind, p.switch_leg_id AS transfer_id, p.currency,"
    " p.amount_minor, p.end_to_end_id,"
    " p.transaction_id, p.uetr FROM payments.liquidity_transfers p"
)
# One entry for each participant: the platform's own side of a payment is on no statement.
_PAYMENT_ENTRIES = (
    "(p.debtor_organisation_id <> '')::int + (p.creditor_organisation_id <> '')::int"
)
_ENTRIES = "(SELECT count(*) FROM payments.statement_entries e WHERE e.transfer_id = {})"


async def known_payments(db: Connection, transfer_ids: list[int]) -> list[Known]:
    """Return payments by the id of their post.

    The ledger posts before the record says so (docs/decisions/0042): what is under way counts.
    """
    rows = await db.fetch(
        f"{_PAYMENT} WHERE p.post_id = ANY($1) AND p.state <> 'rejected'", _uuids(transfer_ids)
    )
    return [_known(row) for row in rows]


async def known_liquidity(db: Connection, transfer_ids: list[int]) -> list[Known]:
    """Return liquidity transfers by the id of their leg on the settlement account."""
    rows = await db.fetch(
        f"{_LIQUIDITY} WHERE p.switch_leg_id = ANY($1) AND p.state <> 'rejected'",
        _uuids(transfer_ids),
    )
    return [_known(row) for row in rows]


async def known_fundings(db: Connection, transfer_ids: list[int]) -> list[Known]:
    """Return fundings, whose transfer has the 128 bits of the funding's own id."""
    rows = await db.fetch(
        "SELECT id, currency, amount_minor FROM payments.fundings WHERE right(id, 32) = ANY($1)",
        [f"{each:032x}" for each in transfer_ids],
    )
    return [
        Known(
            transfer_id=int(row["id"].rpartition("_")[2], 16), kind="funding",
            subject_id=row["id"], amount=Money(row["amount_minor"], row["currency"]),
        )
        for row in rows
    ]


async def unbooked_payments(
    db: Connection, currency: str, after: datetime, before: datetime
) -> tuple[int, list[Known]]:
    """Return how many payments were settled in [after, before), and those not on statements."""
    where = (
        " WHERE p.state = 'settled' AND p.currency = $1 AND p.finished_at >= $2"
        " AND p.finished_at < $3"
    )
    checked: int = await db.fetchval(
        f"SELECT count(*) FROM payments.payments p{where}", currency, after, before
    )
    rows = await db.fetch(
        f"{_PAYMENT}{where} AND {_ENTRIES.format('p.post_id')} < {_PAYMENT_ENTRIES}"
        " ORDER BY p.id LIMIT $4", currency, after, before, UNBOOKED_MAX,
    )
    return checked, [_known(row) for row in rows]


async def unbooked_liquidity(
    db: Connection, currency: str, after: datetime, before: datetime
) -> tuple[int, list[Known]]:
    """Return how many liquidity transfers were settled then, and those not on statements."""
    where = (
        " WHERE p.state = 'settled' AND p.currency = $1 AND p.finished_at >= $2"
        " AND p.finished_at < $3"
    )
    checked: int = await db.fetchval(
        f"SELECT count(*) FROM payments.liquidity_transfers p{where}", currency, after, before
    )
    rows = await db.fetch(
        f"{_LIQUIDITY}{where} AND {_ENTRIES.format('p.switch_leg_id')} < 1"
        " ORDER BY p.id LIMIT $4", currency, after, before, UNBOOKED_MAX,
    )
    return checked, [_known(row) for row in rows]


async def sum_fundings(db: Connection, currency: str) -> int:
    """Return what was credited against the reserve without the central institution."""
    found: int = await db.fetchval(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments.fundings"
        " WHERE currency = $1", currency,
    )
    return found


async def load_reserve(db: Connection, currency: str) -> int | None:
    """Return the ledger account on the other side of settlement accounts, if there is one."""
    found: UUID | None = await db.fetchval(
        "SELECT ledger_account_id FROM payments.reserve_accounts WHERE currency = $1", currency
    )
    return found.int if found is not None else None


def _known(row: Any) -> Known:
    return Known(
        transfer_id=row["transfer_id"].int, kind=KINDS[row["kind"]], subject_id=row["id"],
        amount=Money(row["amount_minor"], row["currency"]),
        end_to_end_id=row["end_to_end_id"], transaction_id=row["transaction_id"],
        uetr=row["uetr"],
    )


def _uuids(ids: list[int]) -> list[UUID]:
    return [UUID(int=each) for each in ids]
