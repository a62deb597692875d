"""Rows of participants, their accounts, the register of proxies and the right to ask it.

Not for: what a participant may do (service). Invariants: a clearing code and a ledger account
belong to one participant; a proxy stands for one account.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money
from lionrock.payments.domain.proxies import Bucket
from lionrock.payments.sealing import Vault

_TARGET = "proxies.sealed_target"


class SettlementAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's account in the ledger for one currency."""

    currency: str
    ledger_account_id: int
    is_open: bool
    payment_minor_max: int | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the switch: an organisation of the directory with a clearing code."""

    organisation_id: str
    clearing_code: str
    accounts: dict[str, SettlementAccount]

    def account(self, currency: str) -> SettlementAccount | None:
        """Its open account in a currency."""
        found = self.accounts.get(currency)
        return found if found is not None and found.is_open else None


class ProxyTarget(msgspec.Struct, frozen=True):
    """Whose account a proxy stands for; kept sealed."""

    account_number: str
    account_name: str


class ProxyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One registration: proxy to account."""

    lookup_key: bytes
    kind: str
    organisation_id: str
    currencies: tuple[str, ...]
    target: ProxyTarget
    registered_at: datetime


async def insert_participant(
    db: Connection, organisation_id: str, clearing_code: str, enrolled_at: datetime
) -> bool:
    """Write a participant; False when the organisation or the code is there already."""
    created = await db.fetchval(
        "INSERT INTO payments.participants (organisation_id, clearing_code, enrolled_at)"
        " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1",
        organisation_id, clearing_code, enrolled_at,
    )
    return created is not None


async def put_account(db: Connection, organisation_id: str, account: SettlementAccount) -> None:
    """Write an account, or give one that is there another limit; its ledger id never changes."""
    await db.execute(
        "INSERT INTO payments.settlement_accounts AS there (organisation_id, currency,"
        " ledger_account_id, payment_minor_max) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (organisation_id, currency) DO UPDATE"
        "  SET payment_minor_max = excluded.payment_minor_max",
        organisation_id, account.currency, UUID(int=account.ledger_account_id),
        account.payment_minor_max,
    )


async def open_accounts(db: Connection, organisation_id: str, currencies: list[str]) -> None:
    """Remember that the ledger has these accounts."""
    await db.execute(
        "UPDATE payments.settlement_accounts SET is_open = true"
        " WHERE organisation_id = $1 AND currency = ANY($2)",
        organisation_id, currencies,
    )


async def load_participant(db: Connection, organisation_id: str) -> Participant | None:
    """Return a participant by its organisation."""
    return await _participant(db, "organisation_id", organisation_id)


async def load_by_clearing_code(db: Connection, clearing_code: str) -> Participant | None:
    """Return a participant by its clearing code."""
    return await _participant(db, "clearing_code", clearing_code)


async def list_participants(db: Connection) -> list[Participant]:
    """Return all participants by clearing code."""
    rows = await db.fetch(
        "SELECT organisation_id FROM payments.participants ORDER BY clearing_code"
    )
    found = [await load_participant(db, row["organisation_id"]) for row in rows]
    return [participant for participant in found if participant is not None]


async def _participant(db: Connection, column: str, value: str) -> Participant | None:
    assert column in {"organisation_id", "clearing_code"}, column
    rows = await db.fetch(
        "SELECT p.organisation_id, p.clearing_code, a.currency, a.ledger_account_id, a.is_open,"
        " a.payment_minor_max FROM payments.participants p"
        " LEFT JOIN payments.settlement_accounts a USING (organisation_id)"
        f" WHERE p.{column} = $1 ORDER BY a.currency",
        value,
    )
    if not rows:
        return None
    return Participant(
        organisation_id=rows[0]["organisation_id"],
        clearing_code=rows[0]["clearing_code"],
        accounts={row["currency"]: _account(row) for row in rows if row["currency"]},
    )


def _account(row: Any) -> SettlementAccount:
    return SettlementAccount(
        currency=row["currency"], ledger_account_id=row["ledger_account_id"].int,
        is_open=row["is_open"], payment_minor_max=row["payment_minor_max"],
    )


async def reserve_account(db: Connection, currency: str, new_id: int) -> int:
    """Return the ledger account on the other side of funding, `new_id` if there was none."""
    await db.execute(
        "INSERT INTO payments.reserve_accounts (currency, ledger_account_id) VALUES ($1, $2)"
        " ON CONFLICT DO NOTHING",
        currency, UUID(int=new_id),
    )
    found: UUID = await db.fetchval(
        "SELECT ledger_account_id FROM payments.reserve_accounts WHERE currency = $1", currency
    )
    return found.int


async def insert_funding(
    db: Connection, funding_id: str, organisation_id: str, amount: Money, recorded_at: datetime
) -> bool:
    """Remember a funding before the ledger hears of it; False when its id was used otherwise."""
    await db.execute(
        "INSERT INTO payments.fundings (id, organisation_id, currency, amount_minor, recorded_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        funding_id, organisation_id, amount.currency, amount.amount_minor, recorded_at,
    )
    row = await db.fetchrow(
        "SELECT organisation_id, currency, amount_minor FROM payments.fundings WHERE id = $1",
        funding_id,
    )
    return tuple(row) == (organisation_id, amount.currency, amount.amount_minor)


async def put_proxy(db: Connection, vault: Vault, entry: ProxyEntry) -> str | None:
    """Write a registration, replacing the one before it.

    Returns the organisation of the one replaced, None when there was none.
    """
    before: str | None = await db.fetchval(
        "SELECT organisation_id FROM payments.proxies WHERE lookup_key = $1 FOR UPDATE",
        entry.lookup_key,
    )
    await db.execute(
        "INSERT INTO payments.proxies (lookup_key, kind, organisation_id, currencies,"
        " sealed_target, registered_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (lookup_key) DO UPDATE SET organisation_id = excluded.organisation_id,"
        "  currencies = excluded.currencies, sealed_target = excluded.sealed_target,"
        "  registered_at = excluded.registered_at",
        entry.lookup_key, entry.kind, entry.organisation_id, list(entry.currencies),
        vault.seal_value(_TARGET, entry.lookup_key.hex(), entry.target), entry.registered_at,
    )
    return before


async def delete_proxy(db: Connection, lookup_key: bytes, organisation_id: str) -> bool:
    """Remove a registration of this participant; another's is not found."""
    deleted = await db.fetchval(
        "DELETE FROM payments.proxies WHERE lookup_key = $1 AND organisation_id = $2 RETURNING 1",
        lookup_key, organisation_id,
    )
    return deleted is not None


async def load_proxy(db: Connection, vault: Vault, lookup_key: bytes) -> ProxyEntry | None:
    """Return the registration of a look-up key."""
    row = await db.fetchrow(
        "SELECT lookup_key, kind, organisation_id, currencies, sealed_target, registered_at"
        " FROM payments.proxies WHERE lookup_key = $1",
        lookup_key,
    )
    if row is None:
        return None
    return ProxyEntry(
        lookup_key=row["lookup_key"], kind=row["kind"], organisation_id=row["organisation_id"],
        currencies=tuple(row["currencies"]), registered_at=row["registered_at"],
        target=vault.open_value(
            _TARGET, row["lookup_key"].hex(), row["sealed_target"], ProxyTarget
        ),
    )


async def lock_bucket(db: Connection, organisation_id: str, full: Bucket) -> Bucket:
    """Return a participant's bucket with its row locked; `full` is written if there was none."""
    await db.execute(
        "INSERT INTO payments.lookup_buckets (organisation_id, tokens, at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        organisation_id, full.tokens, full.at,
    )
    row = await db.fetchrow(
        "SELECT tokens, at FROM payments.lookup_buckets WHERE organisation_id = $1 FOR UPDATE",
        organisation_id,
    )
    return Bucket(row["tokens"], row["at"])


async def save_bucket(db: Connection, organisation_id: str, bucket: Bucket) -> None:
    """Write a bucket back."""
    await db.execute(
        "UPDATE payments.lookup_buckets SET tokens = $2, at = $3 WHERE organisation_id = $1",
        organisation_id, bucket.tokens, bucket.at,
    )
