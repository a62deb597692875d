"""Rows of wallets, rates, quotes and movements.

Not for: deciding (domain, service). Invariants: a number has one wallet; a quote makes one top-up;
a movement leaves `accepted` once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.sealing import Vault
from lionrock.payments.settlement.domain import Known
from lionrock.payments.wallets.domain import (
    Movement,
    MovementState,
    Quote,
    Wallet,
    WalletParty,
)

_MOBILE, _PARTY = "wallets.sealed_mobile", "wallet_movements.sealed_party"
_WALLET = (
    "id, operator_id, sealed_mobile, ledger_account_id, room_account_id, room_transfer_id,"
    " balance_minor_max, is_open, opened_at"
)
_MOVEMENT = (
    "id, kind, wallet_id, organisation_id, quote_id, amount_minor, pay_minor, pay_leg_id,"
    " wallet_leg_id, room_leg_id, end_to_end_id, sealed_party, digest, counterpart_id, state,"
    " reason_code, created_at, finished_at"
)
_PLAIN = (
    "id", "kind", "wallet_id", "organisation_id", "quote_id", "end_to_end_id", "digest",
    "counterpart_id", "state", "reason_code", "created_at", "finished_at",
)
UNBOOKED_MAX = 1_000


async def put_rate(db: Connection, operator_id: str, rate_micros: int, at: datetime) -> None:
    """Write an institution's rate in place of the one before."""
    await db.execute(
        "INSERT INTO payments.wallet_rates (operator_id, rate_micros, posted_at)"
        " VALUES ($1, $2, $3) ON CONFLICT (operator_id) DO UPDATE"
        "  SET rate_micros = excluded.rate_micros, posted_at = excluded.posted_at",
        operator_id, rate_micros, at,
    )


async def load_rate(db: Connection, operator_id: str) -> int | None:
    """Return an institution's rate in millionths."""
    found: int | None = await db.fetchval(
        "SELECT rate_micros FROM payments.wallet_rates WHERE operator_id = $1", operator_id
    )
    return found


async def insert_wallet(db: Connection, vault: Vault, wallet: Wallet, lookup_key: bytes) -> bool:
    """Write a new wallet; False when its number has one."""
    created = await db.fetchval(
        "INSERT INTO payments.wallets (id, operator_id, lookup_key, sealed_mobile,"
        " ledger_account_id, room_account_id, room_transfer_id, balance_minor_max, is_open,"
        " opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        wallet.id, wallet.operator_id, lookup_key,
        vault.seal(_MOBILE, wallet.id, wallet.mobile.encode()),
        UUID(int=wallet.ledger_account_id), UUID(int=wallet.room_account_id),
        UUID(int=wallet.room_transfer_id), wallet.balance_minor_max, wallet.is_open,
        wallet.opened_at,
    )
    return created is not None


async def load_wallet(db: Connection, vault: Vault, wallet_id: str) -> Wallet | None:
    """Return a wallet by id."""
    return _wallet(vault, await db.fetchrow(
        f"SELECT {_WALLET} FROM payments.wallets WHERE id = $1", wallet_id
    ))


async def find_wallet(db: Connection, vault: Vault, lookup_key: bytes) -> Wallet | None:
    """Return the wallet of a number."""
    return _wallet(vault, await db.fetchrow(
        f"SELECT {_WALLET} FROM payments.wallets WHERE lookup_key = $1", lookup_key
    ))


async def mark_open(db: Connection, wallet_id: str) -> None:
    """Remember that the ledger has a wallet's accounts."""
    await db.execute("UPDATE payments.wallets SET is_open = true WHERE id = $1", wallet_id)


async def insert_quote(db: Connection, quote: Quote) -> None:
    """Write a new quote."""
    await db.execute(
        "INSERT INTO payments.wallet_quotes (id, wallet_id, organisation_id, amount_minor,"
        " pay_minor, rate_micros, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        quote.id, quote.wallet_id, quote.organisation_id, quote.amount.amount_minor,
        quote.pay.amount_minor, quote.rate_micros, quote.made_at, quote.expires_at,
    )


async def load_quote(db: Connection, quote_id: str, organisation_id: str) -> Quote | None:
    """Return a quote that was made to an organisation."""
    row = await db.fetchrow(
        "SELECT id, wallet_id, organisation_id, amount_minor, pay_minor, rate_micros, made_at,"
        " expires_at FROM payments.wallet_quotes WHERE id = $1 AND organisation_id = $2",
        quote_id, organisation_id,
    )
    if row is None:
        return None
    return Quote(
        id=row["id"], wallet_id=row["wallet_id"], organisation_id=row["organisation_id"],
        amount=Money(row["amount_minor"], "CNY"), pay=Money(row["pay_minor"], "HKD"),
        rate_micros=row["rate_micros"], made_at=row["made_at"], expires_at=row["expires_at"],
    )


async def insert_movement(db: Connection, vault: Vault, movement: Movement) -> bool:
    """Write a new movement; False when its name or quote is used."""
    created = await db.fetchval(
        f"INSERT INTO payments.wallet_movements ({_MOVEMENT}) VALUES ($1, $2, $3, $4, $5, $6, $7,"
        " $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        movement.id, movement.kind, movement.wallet_id, movement.organisation_id,
        movement.quote_id, movement.amount.amount_minor, movement.pay.amount_minor,
        UUID(int=movement.pay_leg_id), UUID(int=movement.wallet_leg_id),
        UUID(int=movement.room_leg_id), movement.end_to_end_id,
        vault.seal_value(_PARTY, movement.id, movement.party), movement.digest,
        movement.counterpart_id, movement.state, movement.reason_code, movement.created_at,
        movement.finished_at,
    )
    return created is not None


async def load_movement(db: Connection, vault: Vault, movement_id: str) -> Movement | None:
    """Return a movement by id."""
    return _movement(vault, await db.fetchrow(
        f"SELECT {_MOVEMENT} FROM payments.wallet_movements WHERE id = $1", movement_id
    ))


async def find_movement(
    db: Connection, vault: Vault, organisation_id: str, end_to_end_id: str
) -> Movement | None:
    """Return a movement by the name that its asker gave it."""
    return _movement(vault, await db.fetchrow(
        f"SELECT {_MOVEMENT} FROM payments.wallet_movements WHERE organisation_id = $1"
        " AND end_to_end_id = $2", organisation_id, end_to_end_id,
    ))


async def finish_movement(
    db: Connection, movement_id: str, state: MovementState, code: str, at: datetime
) -> bool:
    """Record what the ledger did; False when that was recorded before."""
    assert state in {"settled", "rejected"}, "only an end is recorded"
    moved = await db.fetchval(
        "UPDATE payments.wallet_movements SET state = $2, reason_code = $3, finished_at = $4"
        " WHERE id = $1 AND state = 'accepted' RETURNING 1", movement_id, state, code, at,
    )
    return moved is not None


async def known_legs(db: Connection, transfer_ids: list[int]) -> list[Known]:
    """Return the legs of movements that book on settlement accounts, by transfer id."""
    wanted = [UUID(int=each) for each in transfer_ids]
    rows = await db.fetch(
        "SELECT id, wallet_leg_id AS leg_id, 'CNY' AS currency, amount_minor AS leg_minor, kind,"
        "  end_to_end_id FROM payments.wallet_movements"
        "  WHERE wallet_leg_id = ANY($1) AND state <> 'rejected'"
        " UNION ALL"
        " SELECT id, pay_leg_id, 'HKD', pay_minor, kind, end_to_end_id"
        "  FROM payments.wallet_movements WHERE pay_leg_id = ANY($1) AND state <> 'rejected'",
        wanted,
    )
    return [_known(row) for row in rows]


async def unbooked_legs(
    db: Connection, currency: str, after: datetime, before: datetime
) -> tuple[int, list[Known]]:
    """Return how many movements were settled then, and those whose leg stands on no statement."""
    is_paid = currency == "HKD"
    leg, minor = ("pay_leg_id", "pay_minor") if is_paid else ("wallet_leg_id", "amount_minor")
    where = (
        " WHERE m.state = 'settled' AND m.finished_at >= $1 AND m.finished_at < $2"
        f" AND m.{minor} > 0"
    )
    checked: int = await db.fetchval(
        f"SELECT count(*) FROM payments.wallet_movements m{where}", after, before
    )
    # Within one bank the HKD leg does not leave it, and there is none in the ledger.
    moved = " AND m.organisation_id <> m.counterpart_id" if is_paid else ""
    rows = await db.fetch(
        f"SELECT m.id, m.{leg} AS leg_id, '{'HKD' if is_paid else 'CNY'}' AS currency,"
        f" m.{minor} AS leg_minor, m.kind, m.end_to_end_id FROM payments.wallet_movements m"
        f"{where}{moved} AND NOT EXISTS (SELECT 1 FROM payments.statement_entries e"
        f"  WHERE e.transfer_id = m.{leg}) ORDER BY m.id LIMIT $3", after, before, UNBOOKED_MAX,
    )
    return checked, [_known(row) for row in rows]


def _known(row: Any) -> Known:
    return Known(
        transfer_id=row["leg_id"].int, kind=f"wallet_{row['kind']}", subject_id=row["id"],
        amount=Money(row["leg_minor"], row["currency"]), end_to_end_id=row["end_to_end_id"],
    )


def _wallet(vault: Vault, row: Any) -> Wallet | None:
    if row is None:
        return None
    return Wallet(
        id=row["id"], operator_id=row["operator_id"],
        mobile=vault.open(_MOBILE, row["id"], row["sealed_mobile"]).decode(),
        ledger_account_id=row["ledger_account_id"].int,
        room_account_id=row["room_account_id"].int, room_transfer_id=row["room_transfer_id"].int,
        balance_minor_max=row["balance_minor_max"], is_open=row["is_open"],
        opened_at=row["opened_at"],
    )


def _movement(vault: Vault, row: Any) -> Movement | None:
    if row is None:
        return None
    return Movement(
        **{name: row[name] for name in _PLAIN},
        amount=Money(row["amount_minor"], "CNY"), pay=Money(row["pay_minor"], "HKD"),
        pay_leg_id=row["pay_leg_id"].int, wallet_leg_id=row["wallet_leg_id"].int,
        room_leg_id=row["room_leg_id"].int,
        party=vault.open_value(_PARTY, row["id"], row["sealed_party"], WalletParty),
    )
