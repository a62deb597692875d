"""Writing the query tables: set-based copies of what journal rows added. Rows in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.values import (
    Account,
    AccountFlags,
    Balance,
    HoldStatus,
    Transfer,
    TransferFlags,
)

_PENDING = int(TransferFlags.PENDING)


class Position(msgspec.Struct, frozen=True):
    """How far the query tables are: through which row, and through which timestamp."""

    sequence: int
    until_ns: int


async def position(db: Connection) -> Position:
    """Return how far the query tables are."""
    row = await db.fetchrow("SELECT sequence, until_ns FROM ledger.projection")
    return Position(row["sequence"], row["until_ns"])


async def claim_position(db: Connection) -> Position | None:
    """Lock the projection for this transaction; None when another process is copying."""
    row = await db.fetchrow(
        "SELECT sequence, until_ns FROM ledger.projection FOR UPDATE SKIP LOCKED"
    )
    return None if row is None else Position(row["sequence"], row["until_ns"])


async def set_position(db: Connection, reached: Position) -> None:
    """Record how far the query tables are now."""
    await db.execute("UPDATE ledger.projection SET sequence = $1, until_ns = $2",
                     reached.sequence, reached.until_ns)


async def add_accounts(db: Connection, accounts: Sequence[tuple[int, Account]]) -> None:
    """Insert newly opened accounts, each with the sequence of its row."""
    if not accounts:
        return
    await db.execute(
        "INSERT INTO ledger.accounts (id, ledger, code, flags, user_data_128, user_data_64,"
        "  user_data_32, timestamp_ns, sequence)"
        " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::int[], $5::uuid[],"
        "  $6::numeric[], $7::bigint[], $8::bigint[], $9::bigint[])",
        *_columns(
            (UUID(int=a.id), a.ledger, a.code, a.flags, UUID(int=a.user_data_128),
             a.user_data_64, a.user_data_32, a.timestamp, sequence)
            for sequence, a in accounts
        ),
    )


async def add_transfers(db: Connection, transfers: Sequence[tuple[int, Transfer]]) -> None:
    """Insert transfers, each with the sequence of its row; pending ones as open holds."""
    if not transfers:
        return
    await db.execute(
        "INSERT INTO ledger.transfers (id, debit_account_id, credit_account_id, amount,"
        "  pending_id, user_data_128, user_data_64, user_data_32, timeout, ledger, code, flags,"
        "  timestamp_ns, expires_at_ns, hold_status, sequence)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::uuid[],"
        "  $6::uuid[], $7::numeric[], $8::bigint[], $9::bigint[], $10::bigint[], $11::int[],"
        "  $12::int[], $13::bigint[], $14::bigint[], $15::smallint[], $16::bigint[])",
        *_columns(
            (UUID(int=t.id), UUID(int=t.debit_account_id), UUID(int=t.credit_account_id),
             t.amount, UUID(int=t.pending_id), UUID(int=t.user_data_128), t.user_data_64,
             t.user_data_32, t.timeout, t.ledger, t.code, t.flags, t.timestamp, t.expires_at_ns,
             int(HoldStatus.OPEN) if t.flags & _PENDING else None, sequence)
            for sequence, t in transfers
        ),
    )


async def set_hold_statuses(db: Connection, statuses: Mapping[int, HoldStatus]) -> None:
    """Record what became of holds."""
    if not statuses:
        return
    await db.execute(
        "UPDATE ledger.transfers AS t SET hold_status = s.hold_status"
        " FROM unnest($1::uuid[], $2::smallint[]) AS s (id, hold_status) WHERE t.id = s.id",
        [UUID(int=i) for i in statuses], [int(status) for status in statuses.values()],
    )


async def add_failed(
    db: Connection, failed: Sequence[tuple[int, int, TransferResult, int]]
) -> None:
    """Insert ids used up by refusals: (sequence, id, result, timestamp)."""
    if not failed:
        return
    await db.execute(
        "INSERT INTO ledger.failed_transfers (sequence, id, result, timestamp_ns)"
        " SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[])",
        *_columns(
            (sequence, UUID(int=i), str(result), timestamp)
            for sequence, i, result, timestamp in failed
        ),
    )


async def set_balances(
    db: Connection, balances: Sequence[tuple[int, int, int, Balance]]
) -> None:
    """Record balances after batches: (account, sequence, time_ns, balance), oldest first.

    The account keeps its last; accounts with the flag `history` keep every one.
    """
    if not balances:
        return
    latest = {account_id: (sequence, balance) for account_id, sequence, _, balance in balances}
    await db.execute(
        "UPDATE ledger.accounts AS a SET sequence = b.sequence,"
        "  debits_pending = b.debits_pending, debits_posted = b.debits_posted,"
        "  credits_pending = b.credits_pending, credits_posted = b.credits_posted"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
        "  $6::bigint[]) AS b (id, sequence, debits_pending, debits_posted, credits_pending,"
        "  credits_posted) WHERE a.id = b.id",
        *_columns((UUID(int=i), sequence, *_sums(b)) for i, (sequence, b) in latest.items()),
    )
    await db.execute(
        "INSERT INTO ledger.balances (account_id, sequence, time_ns, debits_pending,"
        "  debits_posted, credits_pending, credits_posted)"
        " SELECT b.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],"
        "  $5::bigint[], $6::bigint[], $7::bigint[]) AS b (account_id, sequence, time_ns,"
        "  debits_pending, debits_posted, credits_pending, credits_posted)"
        " JOIN ledger.accounts AS a ON a.id = b.account_id AND a.flags & $8 <> 0",
        *_columns((UUID(int=i), sequence, time_ns, *_sums(b))
                  for i, sequence, time_ns, b in balances),
        int(AccountFlags.HISTORY),
    )


def _sums(balance: Balance) -> tuple[int, int, int, int]:
    return (balance.debits_pending, balance.debits_posted, balance.credits_pending,
            balance.credits_posted)


def _columns(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
