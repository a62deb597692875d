"""Rows of the central institution's books, liquidity transfers, thresholds and alerts.

Not for: deciding (domain, service). Invariants: ledger ids are written once and never change; a
liquidity transfer leaves `accepted` once; a participant has one open alert a currency.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.settlement.domain import Liquidity, LiquidityState, Threshold

_COLUMNS = (
    "id, organisation_id, kind, currency, amount_minor, central_leg_id, switch_leg_id,"
    " end_to_end_id, transaction_id, uetr, message_id, repaid_id, digest, state, reason_code,"
    " reason_text, created_at, finished_at"
)
_PLAIN = (
    "id", "organisation_id", "kind", "end_to_end_id", "transaction_id", "uetr", "message_id",
    "repaid_id", "digest", "state", "reason_code", "reason_text", "created_at", "finished_at",
)
LISTED_MAX = 1_000


class CentralBook(msgspec.Struct, frozen=True, kw_only=True):
    """The simulated institution's own ledger accounts in one currency."""

    currency: str
    issue_account_id: int
    pool_account_id: int
    repo_account_id: int
    is_open: bool


class CentralAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's ledger account at the simulated institution."""

    organisation_id: str
    currency: str
    ledger_account_id: int
    is_open: bool


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's liquidity was low from `raised_at` until `cleared_at`."""

    id: str
    organisation_id: str
    currency: str
    low_minor: int
    available_minor: int
    raised_at: datetime
    cleared_at: datetime | None


async def put_book(db: Connection, currency: str, new_ids: tuple[int, int, int]) -> CentralBook:
    """Return the institution's accounts in a currency, with `new_ids` if there were none."""
    await db.execute(
        "INSERT INTO payments.central_books (currency, issue_account_id, pool_account_id,"
        " repo_account_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        currency, *(UUID(int=each) for each in new_ids),
    )
    found = await load_book(db, currency)
    assert found is not None, "it was written or there before"
    return found


async def load_book(db: Connection, currency: str) -> CentralBook | None:
    """Return the institution's accounts in a currency."""
    row = await db.fetchrow(
        "SELECT currency, issue_account_id, pool_account_id, repo_account_id, is_open"
        " FROM payments.central_books WHERE currency = $1", currency,
    )
    if row is None:
        return None
    return CentralBook(
        currency=row["currency"], issue_account_id=row["issue_account_id"].int,
        pool_account_id=row["pool_account_id"].int, repo_account_id=row["repo_account_id"].int,
        is_open=row["is_open"],
    )


async def put_central_account(
    db: Connection, organisation_id: str, currency: str, new_id: int
) -> CentralAccount:
    """Return a participant's account at the institution, under `new_id` if there was none."""
    await db.execute(
        "INSERT INTO payments.central_accounts (organisation_id, currency, ledger_account_id)"
        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        organisation_id, currency, UUID(int=new_id),
    )
    row = await db.fetchrow(
        "SELECT organisation_id, currency, ledger_account_id, is_open"
        " FROM payments.central_accounts WHERE organisation_id = $1 AND currency = $2",
        organisation_id, currency,
    )
    return CentralAccount(
        organisation_id=row["organisation_id"], currency=row["currency"],
        ledger_account_id=row["ledger_account_id"].int, is_open=row["is_open"],
    )


async def mark_open(db: Connection, organisation_id: str, currency: str) -> None:
    """Remember that the ledger has the institution's accounts and this participant's."""
    await db.execute(
        "UPDATE payments.central_books SET is_open = true WHERE currency = $1", currency
    )
    await db.execute(
        "UPDATE payments.central_accounts SET is_open = true"
        " WHERE organisation_id = $1 AND currency = $2", organisation_id, currency,
    )


async def insert_credit(
    db: Connection, credit_id: str, organisation_id: str, amount: Money, at: datetime
) -> bool:
    """Remember a credit at the institution; False when its id stands for another one."""
    await db.execute(
        "INSERT INTO payments.central_credits (id, organisation_id, currency, amount_minor,"
        " recorded_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        credit_id, organisation_id, amount.currency, amount.amount_minor, at,
    )
    row = await db.fetchrow(
        "SELECT organisation_id, currency, amount_minor FROM payments.central_credits"
        " WHERE id = $1", credit_id,
    )
    return tuple(row) == (organisation_id, amount.currency, amount.amount_minor)


async def insert_transfer(db: Connection, transfer: Liquidity) -> bool:
    """Write a liquidity transfer; False when its TxId or UETR is taken."""
    created = await db.fetchval(
        f"INSERT INTO payments.liquidity_transfers ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6,"
        " $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        transfer.id, transfer.organisation_id, transfer.kind, transfer.amount.currency,
        transfer.amount.amount_minor, UUID(int=transfer.central_leg_id),
        UUID(int=transfer.switch_leg_id), transfer.end_to_end_id, transfer.transaction_id,
        transfer.uetr, transfer.message_id, transfer.repaid_id, transfer.digest, transfer.state,
        transfer.reason_code, transfer.reason_text, transfer.created_at, transfer.finished_at,
    )
    return created is not None


async def load_transfer(db: Connection, transfer_id: str) -> Liquidity | None:
    """Return a liquidity transfer by id."""
    return _transfer(await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.liquidity_transfers WHERE id = $1", transfer_id
    ))


async def find_transfer(
    db: Connection, organisation_id: str, transaction_id: str
) -> Liquidity | None:
    """Return a participant's liquidity transfer by its TxId."""
    return _transfer(await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.liquidity_transfers WHERE organisation_id = $1"
        " AND transaction_id = $2", organisation_id, transaction_id,
    ))


async def find_repayment(db: Connection, repo_id: str) -> Liquidity | None:
    """Return the repayment of a repo that is under way."""
    return _transfer(await db.fetchrow(
        f"SELECT {_COLUMNS} FROM payments.liquidity_transfers WHERE repaid_id = $1"
        " AND state = 'accepted' ORDER BY id LIMIT 1", repo_id,
    ))


async def open_repos(db: Connection, organisation_id: str, currency: str) -> list[Liquidity]:
    """Return a participant's repos that are not repaid and were not rejected."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payments.liquidity_transfers r WHERE organisation_id = $1"
        " AND currency = $2 AND kind = 'repo' AND state <> 'rejected' AND NOT EXISTS ("
        "  SELECT 1 FROM payments.liquidity_transfers b WHERE b.repaid_id = r.id"
        "   AND b.state = 'settled') ORDER BY id LIMIT $3",
        organisation_id, currency, LISTED_MAX,
    )
    found = [_transfer(row) for row in rows]
    return [each for each in found if each is not None]


async def finish_transfer(
    db: Connection, transfer_id: str, state: LiquidityState, code: str, text: str, at: datetime
) -> bool:
    """Record what the ledger did; False when that was recorded before."""
    assert state in {"settled", "rejected"}, "only an end is recorded"
    moved = await db.fetchval(
        "UPDATE payments.liquidity_transfers SET state = $2, reason_code = $3, reason_text = $4,"
        " finished_at = $5 WHERE id = $1 AND state = 'accepted' RETURNING 1",
        transfer_id, state, code, text, at,
    )
    return moved is not None


async def sum_settled(db: Connection, currency: str) -> int:
    """Return what settled liquidity transfers brought into the pool, less what they took out."""
    found: int = await db.fetchval(
        "SELECT coalesce(sum(CASE WHEN kind IN ('in', 'repo') THEN amount_minor"
        "  ELSE -amount_minor END), 0)::bigint FROM payments.liquidity_transfers"
        " WHERE currency = $1 AND state = 'settled'", currency,
    )
    return found


async def is_any_moving(db: Connection, currency: str) -> bool:
    """Say whether a liquidity transfer is under way: in the ledger perhaps, not recorded yet."""
    found: bool = await db.fetchval(
        "SELECT EXISTS (SELECT 1 FROM payments.liquidity_transfers WHERE currency = $1"
        " AND state = 'accepted')", currency,
    )
    return found


async def put_threshold(db: Connection, threshold: Threshold, at: datetime) -> None:
    """Write a participant's threshold in a currency, in place of the one before."""
    await db.execute(
        "INSERT INTO payments.liquidity_thresholds (organisation_id, currency, low_minor,"
        " clear_minor, set_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (organisation_id, currency) DO UPDATE SET low_minor = excluded.low_minor,"
        "  clear_minor = excluded.clear_minor, set_at = excluded.set_at",
        threshold.organisation_id, threshold.currency, threshold.low_minor,
        threshold.clear_minor, at,
    )


async def list_watched(db: Connection) -> list[tuple[Threshold, int, bool]]:
    """Return every threshold with its settlement account in the ledger, and whether it alerts."""
    rows = await db.fetch(
        "SELECT t.organisation_id, t.currency, t.low_minor, t.clear_minor, a.ledger_account_id,"
        " l.id IS NOT NULL AS is_alerted FROM payments.liquidity_thresholds t"
        " JOIN payments.settlement_accounts a USING (organisation_id, currency)"
        " LEFT JOIN payments.liquidity_alerts l ON l.organisation_id = t.organisation_id"
        "  AND l.currency = t.currency AND l.cleared_at IS NULL"
        " WHERE a.is_open ORDER BY t.organisation_id, t.currency LIMIT $1", LISTED_MAX,
    )
    return [
        (
            Threshold(
                organisation_id=row["organisation_id"], currency=row["currency"],
                low_minor=row["low_minor"], clear_minor=row["clear_minor"],
            ),
            row["ledger_account_id"].int, row["is_alerted"],
        )
        for row in rows
    ]


async def raise_alert(db: Connection, alert: Alert) -> bool:
    """Write an open alert; False when there is one already."""
    created = await db.fetchval(
        "INSERT INTO payments.liquidity_alerts (id, organisation_id, currency, low_minor,"
        " available_minor, raised_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        alert.id, alert.organisation_id, alert.currency, alert.low_minor, alert.available_minor,
        alert.raised_at,
    )
    return created is not None


async def clear_alert(
    db: Connection, organisation_id: str, currency: str, at: datetime
) -> str | None:
    """End the open alert; returns its id, None when there was none."""
    found: str | None = await db.fetchval(
        "UPDATE payments.liquidity_alerts SET cleared_at = $3 WHERE organisation_id = $1"
        " AND currency = $2 AND cleared_at IS NULL RETURNING id", organisation_id, currency, at,
    )
    return found


async def list_alerts(db: Connection, organisation_id: str) -> list[Alert]:
    """Return a participant's alerts, newest first, at most LISTED_MAX."""
    rows = await db.fetch(
        "SELECT id, organisation_id, currency, low_minor, available_minor, raised_at, cleared_at"
        " FROM payments.liquidity_alerts WHERE organisation_id = $1 ORDER BY id DESC LIMIT $2",
        organisation_id, LISTED_MAX,
    )
    return [Alert(**dict(row)) for row in rows]


def _transfer(row: Any) -> Liquidity | None:
    if row is None:
        return None
    return Liquidity(
        **{name: row[name] for name in _PLAIN},
        amount=Money(row["amount_minor"], row["currency"]),
        central_leg_id=row["central_leg_id"].int, switch_leg_id=row["switch_leg_id"].int,
    )
