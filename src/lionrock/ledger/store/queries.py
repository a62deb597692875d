"""Reading the query tables. Every row says as of which journal sequence it stands."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.results import TransferResult
from lionrock.ledger.domain.values import Account, Balance, HoldStatus, Transfer
from lionrock.ledger.store.journal import transfer_of

TRANSFERS_PAGE_MAX = 100
ROWS_COUNTED_MAX = 100_000


async def journal_sequence(db: Connection) -> int:
    """Return the number of the journal's last row; 0 when it has none."""
    return int(await db.fetchval("SELECT coalesce(max(sequence), 0) FROM ledger.journal"))


async def account(db: Connection, account_id: int) -> tuple[Account, int] | None:
    """Return an account and the sequence of the row that last changed it."""
    row = await db.fetchrow("SELECT * FROM ledger.accounts WHERE id = $1", UUID(int=account_id))
    return None if row is None else (account_of(row), row["sequence"])


async def transfer(
    db: Connection, transfer_id: int
) -> tuple[Transfer, HoldStatus | None, int] | None:
    """Return a transfer, what became of it if it is a hold, and the sequence of its row."""
    row = await db.fetchrow("SELECT * FROM ledger.transfers WHERE id = $1", UUID(int=transfer_id))
    return None if row is None else transfer_row(row)


async def refusal(db: Connection, transfer_id: int) -> TransferResult | None:
    """Return the transient refusal that used an id up."""
    found = await db.fetchval("SELECT result FROM ledger.failed_transfers WHERE id = $1",
                              UUID(int=transfer_id))
    return None if found is None else TransferResult(found)


async def holds(
    db: Connection, status: HoldStatus, *, after_ns: int, limit: int
) -> list[tuple[Transfer, HoldStatus | None, int]]:
    """Return open or expired holds with a time-out after `after_ns`, first to lapse first."""
    assert status in {HoldStatus.OPEN, HoldStatus.EXPIRED}, "only these are indexed"
    assert 0 < limit <= TRANSFERS_PAGE_MAX, "pages are bounded"
    rows = await db.fetch(
        "SELECT * FROM ledger.transfers WHERE hold_status = $1 AND expires_at_ns > $2"
        " ORDER BY expires_at_ns LIMIT $3",
        int(status), after_ns, limit,
    )
    return [transfer_row(row) for row in rows]


async def distance(db: Connection) -> tuple[int, int, int]:
    """Return the rows that the query tables lack, the journal's last row, and the time between.

    The time is business nanoseconds from the last row copied to the last one written.
    """
    row = await db.fetchrow(
        "SELECT p.sequence, coalesce(j.sequence, 0) AS last,"
        "  coalesce(j.time_ns - c.time_ns, 0) AS behind_ns"
        " FROM ledger.projection AS p"
        " LEFT JOIN LATERAL (SELECT sequence, time_ns FROM ledger.journal"
        "  ORDER BY sequence DESC LIMIT 1) AS j ON true"
        " LEFT JOIN ledger.journal AS c ON c.sequence = p.sequence"
    )
    return row["last"] - row["sequence"], row["last"], row["behind_ns"]


async def waiting(db: Connection) -> tuple[int, int, int, int | None]:
    """Return the row copied last, the one written last, and what lies between.

    That is the events of at most ROWS_COUNTED_MAX rows, and the oldest row's time (None: no row).
    One statement, so that all four are of one moment.
    """
    row = await db.fetchrow(
        "SELECT p.sequence AS copied, w.events, w.oldest_ns,"
        "  (SELECT coalesce(max(sequence), 0) FROM ledger.journal) AS written"
        " FROM ledger.projection AS p CROSS JOIN LATERAL ("
        "  SELECT coalesce(sum(octet_length(n.results)), 0)::bigint AS events,"
        "   min(n.time_ns) AS oldest_ns FROM (SELECT results, time_ns FROM ledger.journal"
        "    WHERE sequence > p.sequence ORDER BY sequence LIMIT $1) AS n) AS w",
        ROWS_COUNTED_MAX,
    )
    return row["copied"], row["written"], row["events"], row["oldest_ns"]


async def balance_at(
    db: Connection, account_id: int, sequence: int
) -> tuple[Balance, int] | None:
    """Return the balance that an account with history had once row `sequence` was in."""
    row = await db.fetchrow(
        "SELECT * FROM ledger.balances WHERE account_id = $1 AND sequence <= $2"
        " ORDER BY timestamp_ns DESC LIMIT 1",
        UUID(int=account_id), sequence,
    )
    if row is None:
        return None
    balance = Balance(row["debits_pending"], row["debits_posted"], row["credits_pending"],
                      row["credits_posted"])
    return balance, row["sequence"]


async def balance_as_of(db: Connection, account_id: int, at_ns: int) -> tuple[Balance, int] | None:
    """Return the balance that an account with history held at an instant, and since when."""
    row = await db.fetchrow(
        "SELECT * FROM ledger.balances WHERE account_id = $1 AND timestamp_ns <= $2"
        " ORDER BY timestamp_ns DESC LIMIT 1",
        UUID(int=account_id), at_ns,
    )
    if row is None:
        return None
    balance = Balance(row["debits_pending"], row["debits_posted"], row["credits_pending"],
                      row["credits_posted"])
    return balance, row["timestamp_ns"]


def account_of(row: asyncpg.Record) -> Account:
    """Read an account from a row of ledger.accounts."""
    return Account(
        row["id"].int, row["debits_pending"], row["debits_posted"], row["credits_pending"],
        row["credits_posted"], row["user_data_128"].int, row["user_data_64"] % 2**64,
        row["user_data_32"], row["ledger"], row["code"], row["flags"], row["timestamp_ns"],
    )


def transfer_row(row: asyncpg.Record) -> tuple[Transfer, HoldStatus | None, int]:
    """Read a transfer, what became of it if it is a hold, and its row's sequence."""
    status = row["hold_status"]
    return transfer_of(row), HoldStatus(status) if status else None, row["sequence"]
