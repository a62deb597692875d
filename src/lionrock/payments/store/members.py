"""Rows of participants and their accounts.

Not for: what a participant may do (service), proxies (addressing). Invariant: a clearing code and a
ledger account belong to one participant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.kernel.money import Money

_PARTICIPANT = (
    "SELECT p.organisation_id, p.clearing_code, p.takes_bundles, a.currency,"
    " a.ledger_account_id, a.is_open, a.payment_minor_max, a.daily_minor_max"
    " FROM payments.participants p"
    " LEFT JOIN payments.settlement_accounts a USING (organisation_id)"
)


class SettlementAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A participant's account in the ledger for one currency; limits of a payment and of a day."""

    currency: str
    ledger_account_id: int
    is_open: bool
    payment_minor_max: int | None = None
    daily_minor_max: int | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the switch: an organisation of the directory with a clearing code.

    `takes_bundles`: whether it takes many messages in one exchange.
    """

    organisation_id: str
    clearing_code: str
    accounts: dict[str, SettlementAccount]
    takes_bundles: bool = False

    def account(self, currency: str) -> SettlementAccount | None:
        """Its open account in a currency."""
        found = self.accounts.get(currency)
        return found if found is not None and found.is_open else None


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
    """Write an account, or give one that is there other limits; its ledger id never changes."""
    await db.execute(
        "INSERT INTO payments.settlement_accounts AS there (organisation_id, currency,"
        " ledger_account_id, payment_minor_max, daily_minor_max) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (organisation_id, currency) DO UPDATE"
        "  SET payment_minor_max = excluded.payment_minor_max,"
        "  daily_minor_max = excluded.daily_minor_max",
        organisation_id, account.currency, UUID(int=account.ledger_account_id),
        account.payment_minor_max, account.daily_minor_max,
    )


async def set_limits(
    db: Connection, organisation_id: str, currency: str, *, payment_minor_max: int | None,
    daily_minor_max: int | None,
) -> None:
    """Give an account that is there other limits; None: no limit."""
    await db.execute(
        "UPDATE payments.settlement_accounts SET payment_minor_max = $3, daily_minor_max = $4"
        " WHERE organisation_id = $1 AND currency = $2",
        organisation_id, currency, payment_minor_max, daily_minor_max,
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


async def put_bundling(db: Connection, organisation_id: str, *, takes_bundles: bool) -> None:
    """Remember whether a participant takes many messages in one exchange."""
    await db.execute(
        "UPDATE payments.participants SET takes_bundles = $2"
        " WHERE organisation_id = $1 AND takes_bundles <> $2",
        organisation_id, takes_bundles,
    )


async def load_participants(
    db: Connection, organisation_ids: Sequence[str], clearing_codes: Sequence[str] = ()
) -> list[Participant]:
    """Return participants by their organisations or clearing codes, in one round trip."""
    rows = await db.fetch(
        f"{_PARTICIPANT} WHERE p.organisation_id = ANY($1) OR p.clearing_code = ANY($2)"
        " ORDER BY p.organisation_id, a.currency",
        list(organisation_ids), list(clearing_codes),
    )
    together: dict[str, list[Any]] = {}
    for row in rows:
        together.setdefault(row["organisation_id"], []).append(row)
    return [_of_rows(of_one) for of_one in together.values()]


async def list_participants(db: Connection) -> list[Participant]:
    """Return all participants by clearing code."""
    rows = await db.fetch(
        "SELECT organisation_id FROM payments.participants ORDER BY clearing_code"
    )
    found = [await load_participant(db, row["organisation_id"]) for row in rows]
    return [participant for participant in found if participant is not None]


async def _participant(db: Connection, column: str, value: str) -> Participant | None:
    assert column in {"organisation_id", "clearing_code"}, column
    rows = await db.fetch(f"{_PARTICIPANT} WHERE p.{column} = $1 ORDER BY a.currency", value)
    return _of_rows(rows) if rows else None


def _of_rows(rows: Sequence[Any]) -> Participant:
    return Participant(
        organisation_id=rows[0]["organisation_id"],
        clearing_code=rows[0]["clearing_code"],
        accounts={row["currency"]: _account(row) for row in rows if row["currency"]},
        takes_bundles=rows[0]["takes_bundles"],
    )


def _account(row: Any) -> SettlementAccount:
    return SettlementAccount(
        currency=row["currency"], ledger_account_id=row["ledger_account_id"].int,
        is_open=row["is_open"], payment_minor_max=row["payment_minor_max"],
        daily_minor_max=row["daily_minor_max"],
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
