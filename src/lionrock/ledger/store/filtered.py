"""Querying the query tables by filter. Rows in, values out.

The conditions are put together from fixed pieces, so that each question gets a plan of its own; no
value ever becomes part of a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.filters import AccountFilter, QueryFilter
from lionrock.ledger.domain.values import Account, Balance, HoldStatus, Transfer
from lionrock.ledger.store.projection import signed_64
from lionrock.ledger.store.queries import account_of, transfer_row


class Conditions:
    """Fixed pieces of SQL, and the values they stand for."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.values: list[Any] = []

    def add(self, piece: str, value: object) -> None:
        """Demand `piece`, in which `?` is the value."""
        self.values.append(value)
        self._pieces.append(piece.replace("?", f"${len(self.values)}"))

    def take(self, wanted: QueryFilter | AccountFilter) -> None:
        """Demand what a filter says beside its account or ledger."""
        if wanted.user_data_128:
            self.add("user_data_128 = ?", UUID(int=wanted.user_data_128))
        if wanted.user_data_64:
            self.add("user_data_64 = ?", signed_64(wanted.user_data_64))
        if wanted.user_data_32:
            self.add("user_data_32 = ?", wanted.user_data_32)
        if wanted.code:
            self.add("code = ?", wanted.code)
        if wanted.timestamp_min:
            self.add("timestamp_ns >= ?", wanted.timestamp_min)
        if wanted.timestamp_max:
            self.add("timestamp_ns <= ?", wanted.timestamp_max)

    def where(self) -> str:
        """The whole condition."""
        return " AND ".join(["true", *self._pieces])


async def query_accounts(db: Connection, wanted: QueryFilter) -> list[tuple[Account, int]]:
    """Return the accounts that a filter matches, each with the sequence of its last row."""
    rows = await _query(db, "accounts", wanted)
    return [(account_of(row), row["sequence"]) for row in rows]


async def query_transfers(
    db: Connection, wanted: QueryFilter
) -> list[tuple[Transfer, HoldStatus | None, int]]:
    """Return the transfers that a filter matches."""
    return [transfer_row(row) for row in await _query(db, "transfers", wanted)]


async def _query(db: Connection, table: str, wanted: QueryFilter) -> Sequence[Any]:
    assert table in {"accounts", "transfers"}, "a name of ours, never a caller's"
    conditions = Conditions()
    if wanted.ledger:
        conditions.add("ledger = ?", wanted.ledger)
    conditions.take(wanted)
    order = "DESC" if wanted.is_reversed else "ASC"
    rows: Sequence[Any] = await db.fetch(
        f"SELECT * FROM ledger.{table} WHERE {conditions.where()}"
        f" ORDER BY timestamp_ns {order} LIMIT {wanted.limit:d}",
        *conditions.values,
    )
    return rows


async def account_balances(
    db: Connection, wanted: AccountFilter
) -> list[tuple[int, Balance, int]]:
    """Return an account's kept balances: timestamp, balance, sequence of the row."""
    conditions = Conditions()
    conditions.add("account_id = ?", UUID(int=wanted.account_id))
    if wanted.timestamp_min:
        conditions.add("timestamp_ns >= ?", wanted.timestamp_min)
    if wanted.timestamp_max:
        conditions.add("timestamp_ns <= ?", wanted.timestamp_max)
    order = "DESC" if wanted.is_reversed else "ASC"
    rows = await db.fetch(
        f"SELECT * FROM ledger.balances WHERE {conditions.where()}"
        f" ORDER BY timestamp_ns {order} LIMIT {wanted.limit:d}",
        *conditions.values,
    )
    return [
        (row["timestamp_ns"], Balance(row["debits_pending"], row["debits_posted"],
                                      row["credits_pending"], row["credits_posted"]),
         row["sequence"])
        for row in rows
    ]
