"""Writing the query tables: set-based copies of what journal rows added. Rows in, values out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.copies import Copies, Moment
from lionrock.ledger.domain.values import Account, HoldStatus
from lionrock.ledger.store.binary import (
    COLUMNS,
    PAGE_COLUMNS,
    SIGNATURE,
    TRAILER,
    page_rows,
    transfer_rows,
)

_PIECE_BYTES = 100_000


class Position(msgspec.Struct, frozen=True):
    """How far the query tables are: through which row, and through which timestamp."""

    sequence: int
    until_ns: int


async def position(db: Connection) -> Position:
    """Return how far the query tables are."""
    row = await db.fetchrow("SELECT sequence, until_ns FROM ledger.projection")
    return Position(row["sequence"], row["until_ns"])


async def is_behind(db: Connection) -> bool:
    """Say whether the journal has rows that are not copied; looks, and locks nothing."""
    return bool(await db.fetchval(
        # The last row by the index: asked whether one exists that is later, PostgreSQL reads all.
        "SELECT (SELECT max(sequence) FROM ledger.journal) > sequence FROM ledger.projection"
    ))


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
        "  $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])",
        *_columns(
            (UUID(int=a.id), a.ledger, a.code, a.flags, UUID(int=a.user_data_128),
             signed_64(a.user_data_64), a.user_data_32, a.timestamp, sequence)
            for sequence, a in accounts
        ),
    )


async def add_transfers(db: Connection, transfers: Sequence[tuple[int, bytes]]) -> None:
    """Insert transfers: the records of each journal row, pending ones as open holds."""
    if not transfers:
        return
    await db.copy_to_table(
        "transfers", schema_name="ledger", columns=COLUMNS, format="binary",
        source=_in_pieces(transfer_rows(stored, sequence) for sequence, stored in transfers),
    )


async def add_account_pages(db: Connection, copies: Copies) -> None:
    """List the transfers under the accounts that they touched, in the order of the key."""
    if not copies.ids:
        return
    await db.copy_to_table(
        "account_pages", schema_name="ledger", columns=PAGE_COLUMNS, format="binary",
        source=_in_pieces(_pages(copies)),
    )


def _pages(copies: Copies) -> Iterator[bytes]:
    for account in sorted(copies.touched, key=_in_key_order):
        for is_debit, side in ((False, copies.credited), (True, copies.debited)):
            places = side.get(account)
            if places:
                yield page_rows(account, places, copies, is_debit=is_debit)


async def _in_pieces(rows: Iterable[bytes]) -> AsyncIterator[bytes]:
    """What COPY reads, in pieces: the server takes one in while the next one is made."""
    piece, size = [SIGNATURE], 0
    for row in rows:
        piece.append(row)
        size += len(row)
        if size >= _PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    piece.append(TRAILER)
    yield b"".join(piece)


def _in_key_order(account: bytes) -> bytes:
    return account[::-1]


async def set_hold_statuses(db: Connection, statuses: Mapping[bytes, HoldStatus]) -> None:
    """Record what became of holds."""
    if not statuses:
        return
    await db.execute(
        "UPDATE ledger.transfers AS t SET hold_status = s.hold_status"
        " FROM unnest($1::uuid[], $2::smallint[]) AS s (id, hold_status) WHERE t.id = s.id",
        [uuid_of(key) for key in statuses], [int(status) for status in statuses.values()],
    )


async def add_failed(db: Connection, failed: Sequence[tuple[int, bytes, str, int]]) -> None:
    """Insert ids used up by refusals: (sequence, id, result, timestamp)."""
    if not failed:
        return
    await db.execute(
        "INSERT INTO ledger.failed_transfers (sequence, id, result, timestamp_ns)"
        " SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bigint[])",
        *_columns((sequence, uuid_of(key), result, timestamp)
                  for sequence, key, result, timestamp in failed),
    )


async def change_balances(db: Connection, copies: Copies) -> None:
    """Add to each touched account what the rows moved."""
    if not copies.touched:
        return
    await db.execute(
        "UPDATE ledger.accounts AS a SET sequence = b.sequence,"
        "  debits_pending = a.debits_pending + b.debits_pending,"
        "  debits_posted = a.debits_posted + b.debits_posted,"
        "  credits_pending = a.credits_pending + b.credits_pending,"
        "  credits_posted = a.credits_posted + b.credits_posted"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
        "  $6::bigint[]) AS b (id, sequence, debits_pending, debits_posted, credits_pending,"
        "  credits_posted) WHERE a.id = b.id",
        *_columns(
            (uuid_of(key), sequence, copies.debits_pending.get(key, 0),
             copies.debits_posted(key), copies.credits_pending.get(key, 0),
             copies.credits_posted(key))
            for key, sequence in copies.touched.items()
        ),
    )


async def set_flags(db: Connection, flags: Mapping[bytes, int]) -> None:
    """Record accounts that were closed or reopened."""
    if not flags:
        return
    await db.execute(
        "UPDATE ledger.accounts AS a SET flags = f.flags"
        " FROM unnest($1::uuid[], $2::int[]) AS f (id, flags) WHERE a.id = f.id",
        [uuid_of(key) for key in flags], list(flags.values()),
    )


async def add_history(db: Connection, moments: Iterable[Moment]) -> None:
    """Insert the balances of accounts with history, one a moment."""
    rows = [(uuid_of(key), *rest) for key, *rest in moments]
    if not rows:
        return
    await db.execute(
        "INSERT INTO ledger.balances (account_id, timestamp_ns, sequence, debits_pending,"
        "  debits_posted, credits_pending, credits_posted)"
        " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],"
        "  $5::bigint[], $6::bigint[], $7::bigint[])"
        # A hold may lapse at the very instant of the row's first transfer.
        " ON CONFLICT ON CONSTRAINT balances_pk DO UPDATE SET"
        "  debits_pending = excluded.debits_pending, debits_posted = excluded.debits_posted,"
        "  credits_pending = excluded.credits_pending, credits_posted = excluded.credits_posted",
        *_columns(rows),
    )


def uuid_of(key: bytes) -> UUID:
    """Return an id as the tables hold it."""
    return UUID(bytes=key[::-1])


def signed_64(value: int) -> int:
    """Return an unsigned 64-bit value as a signed column holds it."""
    return value if value < 2**63 else value - 2**64


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
