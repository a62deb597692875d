"""Rows of cuts, statements, their entries, and reconciliations.

Not for: the ledger's own tables (ledger.api). Invariants: cuts follow one another without a gap in
number or sequence; an issued statement never changes; it adds up (a constraint says so too).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from lionrock.kernel.db import Connection
from lionrock.payments.settlement.domain import (
    Cut,
    Difference,
    Statement,
    StatementEntry,
    StatementState,
)

_CUT = (
    "id, number, business_date, marker_id, created_at, state, ledger_sequence, after_sequence,"
    " finished_at"
)
_STATEMENT = (
    "id, cut_id, organisation_id, currency, ledger_account_id, number, state, opening_minor,"
    " closing_minor, credits_minor, credit_count, debits_minor, debit_count, before_ns"
)
LISTED_MAX = 1_000
STATEMENTS_LISTED_MAX = 400


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared for one cut in one currency, and everything that did not agree."""

    cut_id: str
    currency: str
    entries_checked: int
    payments_checked: int
    statements_checked: int
    done_at: datetime
    differences: tuple[Difference, ...]


async def last_cut(db: Connection) -> Cut | None:
    """Return the newest cut, its row locked so that cuts follow one another."""
    return _cut(await db.fetchrow(
        f"SELECT {_CUT} FROM payments.cuts ORDER BY number DESC LIMIT 1 FOR UPDATE"
    ))


async def load_cut(db: Connection, cut_id: str, *, is_locking: bool = False) -> Cut | None:
    """Return a cut by id, with its row locked until the transaction ends if asked."""
    lock = " FOR UPDATE" if is_locking else ""
    return _cut(await db.fetchrow(
        f"SELECT {_CUT} FROM payments.cuts WHERE id = $1{lock}", cut_id
    ))


async def cut_of_date(db: Connection, business_date: date) -> Cut | None:
    """Return the cut that ended a business date."""
    return _cut(await db.fetchrow(
        f"SELECT {_CUT} FROM payments.cuts WHERE business_date = $1", business_date
    ))


async def recent_cuts(db: Connection, count_max: int) -> list[Cut]:
    """Return the last cuts, newest first."""
    rows = await db.fetch(
        f"SELECT {_CUT} FROM payments.cuts ORDER BY number DESC LIMIT $1", count_max
    )
    return [cut for row in rows if (cut := _cut(row)) is not None]


async def cut_before(db: Connection, number: int) -> Cut | None:
    """Return the cut before the one of a number."""
    return _cut(await db.fetchrow(
        f"SELECT {_CUT} FROM payments.cuts WHERE number = $1", number - 1
    ))


async def insert_cut(db: Connection, cut: Cut) -> bool:
    """Write a new cut; False when its number or date is taken."""
    created = await db.fetchval(
        f"INSERT INTO payments.cuts ({_CUT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        cut.id, cut.number, cut.business_date, UUID(int=cut.marker_id), cut.created_at, cut.state,
        cut.ledger_sequence, cut.after_sequence, cut.finished_at,
    )
    return created is not None


async def mark_cut(db: Connection, cut_id: str, ledger_sequence: int) -> bool:
    """Record at which row of the journal a cut stands; False when that was recorded before."""
    moved = await db.fetchval(
        "UPDATE payments.cuts SET state = 'cut', ledger_sequence = $2"
        " WHERE id = $1 AND state = 'begun' RETURNING 1", cut_id, ledger_sequence,
    )
    return moved is not None


async def mark_stated(db: Connection, cut_id: str, at: datetime) -> bool:
    """Record that all statements of a cut are made; False while one is not, or if it was."""
    moved = await db.fetchval(
        "UPDATE payments.cuts SET state = 'stated', finished_at = $2 WHERE id = $1"
        " AND state = 'cut' AND NOT EXISTS (SELECT 1 FROM payments.statements WHERE cut_id = $1"
        "  AND state IN ('begun', 'collecting')) RETURNING 1", cut_id, at,
    )
    return moved is not None


async def begin_statements(db: Connection, cut: Cut, new_ids: list[str]) -> list[str]:
    """Write a statement for every open settlement account; returns their ids.

    Each opens where the account's statement before it closed. `new_ids` must be enough.
    """
    accounts = await db.fetch(
        "SELECT a.organisation_id, a.currency, a.ledger_account_id,"
        " coalesce(s.closing_minor, 0) AS opening_minor, coalesce(s.number, 0) AS number"
        " FROM payments.settlement_accounts a LEFT JOIN LATERAL ("
        "  SELECT closing_minor, number FROM payments.statements"
        "   WHERE organisation_id = a.organisation_id AND currency = a.currency AND cut_id <> $1"
        "   ORDER BY number DESC LIMIT 1) s ON true"
        " WHERE a.is_open ORDER BY a.organisation_id, a.currency LIMIT $2", cut.id, len(new_ids),
    )
    rows = [
        (new_id, cut.id, a["organisation_id"], a["currency"], a["ledger_account_id"],
         a["number"] + 1, "begun", a["opening_minor"], 0, 0, 0, 0, 0, 0)
        for new_id, a in zip(new_ids, accounts, strict=False)
    ]
    await db.executemany(
        f"INSERT INTO payments.statements ({_STATEMENT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
        " $9, $10, $11, $12, $13, $14) ON CONFLICT (cut_id, organisation_id, currency)"
        " DO NOTHING", rows,
    )
    found = await db.fetch(
        "SELECT id FROM payments.statements WHERE cut_id = $1 ORDER BY id", cut.id
    )
    return [row["id"] for row in found]


async def count_open_accounts(db: Connection) -> int:
    """Return how many settlement accounts are open."""
    found: int = await db.fetchval(
        "SELECT count(*) FROM payments.settlement_accounts WHERE is_open"
    )
    return found


async def load_statement(db: Connection, statement_id: str) -> Statement | None:
    """Return a statement by id."""
    return _statement(await db.fetchrow(
        f"SELECT {_STATEMENT} FROM payments.statements WHERE id = $1", statement_id
    ))


async def list_statements(
    db: Connection, organisation_id: str, currency: str
) -> list[Statement]:
    """Return a participant's statements in a currency, newest first."""
    rows = await db.fetch(
        f"SELECT {_STATEMENT} FROM payments.statements WHERE organisation_id = $1"
        " AND currency = $2 ORDER BY number DESC LIMIT $3",
        organisation_id, currency, STATEMENTS_LISTED_MAX,
    )
    found = [_statement(row) for row in rows]
    return [each for each in found if each is not None]


async def statements_of_cut(db: Connection, cut_id: str, currency: str) -> list[Statement]:
    """Return all statements of a cut in a currency."""
    rows = await db.fetch(
        f"SELECT {_STATEMENT} FROM payments.statements WHERE cut_id = $1 AND currency = $2"
        " ORDER BY organisation_id", cut_id, currency,
    )
    found = [_statement(row) for row in rows]
    return [each for each in found if each is not None]


async def start_collecting(
    db: Connection, statement_id: str, closing_minor: int, before_ns: int
) -> bool:
    """Fix the closing balance and where the collecting of entries begins."""
    moved = await db.fetchval(
        "UPDATE payments.statements SET state = 'collecting', closing_minor = $2, before_ns = $3"
        " WHERE id = $1 AND state = 'begun' RETURNING 1", statement_id, closing_minor, before_ns,
    )
    return moved is not None


async def add_entries(
    db: Connection, statement_id: str, entries: list[StatementEntry], before_ns: tuple[int, int]
) -> bool:
    """Add a page of entries and move on from `before_ns[0]` to `before_ns[1]`, both or neither.

    False when another worker has added this page.
    """
    credits = [each.amount_minor for each in entries if each.amount_minor > 0]
    debits = [-each.amount_minor for each in entries if each.amount_minor < 0]
    moved = await db.fetchval(
        "UPDATE payments.statements SET before_ns = $3, credits_minor = credits_minor + $4,"
        " credit_count = credit_count + $5, debits_minor = debits_minor + $6,"
        " debit_count = debit_count + $7 WHERE id = $1 AND state = 'collecting'"
        " AND before_ns = $2 RETURNING 1",
        statement_id, *before_ns, sum(credits), len(credits), sum(debits), len(debits),
    )
    if moved is None:
        return False
    await db.execute(
        "INSERT INTO payments.statement_entries (statement_id, transfer_id, timestamp_ns,"
        " amount_minor, code) SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[],"
        " $5::int[])",
        statement_id, [UUID(int=each.transfer_id) for each in entries],
        [each.timestamp_ns for each in entries], [each.amount_minor for each in entries],
        [each.code for each in entries],
    )
    return True


async def end_statement(db: Connection, statement_id: str, state: StatementState) -> bool:
    """Issue a statement, or say that it does not add up."""
    assert state in {"issued", "differs"}, "only an end is recorded"
    moved = await db.fetchval(
        "UPDATE payments.statements SET state = $2 WHERE id = $1 AND state = 'collecting'"
        " RETURNING 1", statement_id, state,
    )
    return moved is not None


async def entries_page(
    db: Connection, statement_id: str, *, after: int, limit: int
) -> list[StatementEntry]:
    """Return entries in order of booking, `after` that many."""
    rows = await db.fetch(
        "SELECT transfer_id, timestamp_ns, amount_minor, code FROM payments.statement_entries"
        " WHERE statement_id = $1 ORDER BY timestamp_ns OFFSET $2 LIMIT $3",
        statement_id, after, limit,
    )
    return [
        StatementEntry(
            transfer_id=row["transfer_id"].int, timestamp_ns=row["timestamp_ns"],
            amount_minor=row["amount_minor"], code=row["code"],
        )
        for row in rows
    ]


async def save_reconciliation(db: Connection, found: Reconciliation) -> bool:
    """Write a reconciliation with its differences; False when it is there."""
    created = await db.fetchval(
        "INSERT INTO payments.reconciliations (cut_id, currency, entries_checked,"
        " payments_checked, statements_checked, difference_count, done_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
        found.cut_id, found.currency, found.entries_checked, found.payments_checked,
        found.statements_checked, len(found.differences), found.done_at,
    )
    if created is None:
        return False
    await db.executemany(
        "INSERT INTO payments.differences (cut_id, currency, number, kind, organisation_id,"
        " subject, expected, found) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (found.cut_id, found.currency, number, each.kind, each.organisation_id, each.subject,
             each.expected, each.found)
            for number, each in enumerate(found.differences, start=1)
        ],
    )
    return True


async def load_reconciliations(db: Connection, cut_id: str) -> list[Reconciliation]:
    """Return the reconciliations of a cut, by currency, each with at most LISTED_MAX differences.
    """
    rows = await db.fetch(
        "SELECT cut_id, currency, entries_checked, payments_checked, statements_checked, done_at"
        " FROM payments.reconciliations WHERE cut_id = $1 ORDER BY currency", cut_id,
    )
    made = []
    for row in rows:
        differences = await db.fetch(
            "SELECT kind, organisation_id, subject, expected, found FROM payments.differences"
            " WHERE cut_id = $1 AND currency = $2 ORDER BY number LIMIT $3",
            cut_id, row["currency"], LISTED_MAX,
        )
        made.append(Reconciliation(
            **dict(row), differences=tuple(Difference(**dict(each)) for each in differences)
        ))
    return made


def _cut(row: Any) -> Cut | None:
    if row is None:
        return None
    return Cut(**{**dict(row), "marker_id": row["marker_id"].int})


def _statement(row: Any) -> Statement | None:
    if row is None:
        return None
    return Statement(**{**dict(row), "ledger_account_id": row["ledger_account_id"].int})
