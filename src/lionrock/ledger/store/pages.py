"""Reading an account's transfers by the pages that list them. Rows in, values out.

A page is what one step of the projection brought to one side of an account: ids, newest first, and
the time of its first. Pages of a side follow each other in time and do not overlap. Each round
reads twice as many pages as the last, so that neither a busy account (full pages) nor a quiet one
(one transfer a page) costs many rounds or much that nobody asked for.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from uuid import UUID

from lionrock.kernel.db import Connection
from lionrock.ledger.domain.filters import AccountFilter
from lionrock.ledger.domain.values import TIMESTAMP_NS_MAX, HoldStatus, Transfer
from lionrock.ledger.store.filtered import Conditions
from lionrock.ledger.store.queries import transfer_row

_PAGES_FIRST = 8
_PAGES_MAX = 64
_time_of = itemgetter("timestamp_ns")


async def account_transfers(
    db: Connection, wanted: AccountFilter
) -> list[tuple[Transfer, HoldStatus | None, int]]:
    """Return the transfers of an account that a filter matches."""
    rows: list[Any] = []
    for is_debit, is_wanted in ((True, wanted.has_debits), (False, wanted.has_credits)):
        if is_wanted:
            rows += await _of_side(db, wanted, is_debit=is_debit)
    rows.sort(key=_time_of, reverse=wanted.is_reversed)
    return [transfer_row(row) for row in rows[:wanted.limit]]


async def _of_side(db: Connection, wanted: AccountFilter, *, is_debit: bool) -> list[Any]:
    """The side's first transfers in the wanted order, up to the limit."""
    oldest_ns = await _page_of(db, wanted, is_debit=is_debit)
    newest_ns = wanted.timestamp_max or TIMESTAMP_NS_MAX
    found: list[Any] = []
    count = _PAGES_FIRST
    while len(found) < wanted.limit:
        pages = await _pages(db, wanted, oldest_ns, newest_ns, count, is_debit=is_debit)
        ids = [found_id for page in pages for found_id in page["transfer_ids"]]
        found += await _matching(db, wanted, ids, wanted.limit - len(found))
        if len(pages) < count:
            break
        if wanted.is_reversed:
            newest_ns = pages[-1]["first_ns"] - 1
        else:
            oldest_ns = pages[-1]["first_ns"] + 1
        count = min(2 * count, _PAGES_MAX)
    return found


async def _page_of(db: Connection, wanted: AccountFilter, *, is_debit: bool) -> int:
    """The first instant of the page into which the filter's own first instant falls."""
    if not wanted.timestamp_min:
        return 0
    found = await db.fetchval(
        "SELECT max(first_ns) FROM ledger.account_pages"
        " WHERE account_id = $1 AND is_debit = $2 AND first_ns <= $3",
        UUID(int=wanted.account_id), is_debit, wanted.timestamp_min)
    return found or 0


async def _pages(
    db: Connection, wanted: AccountFilter, oldest_ns: int, newest_ns: int, count: int, *,
    is_debit: bool,
) -> list[Any]:
    order = "DESC" if wanted.is_reversed else "ASC"
    return await db.fetch(
        "SELECT first_ns, transfer_ids FROM ledger.account_pages"
        " WHERE account_id = $1 AND is_debit = $2 AND first_ns BETWEEN $3 AND $4"
        f" ORDER BY first_ns {order} LIMIT {count:d}",
        UUID(int=wanted.account_id), is_debit, oldest_ns, newest_ns)


async def _matching(
    db: Connection, wanted: AccountFilter, ids: list[UUID], limit: int
) -> list[Any]:
    if not ids:
        return []
    conditions = Conditions()
    conditions.add("id = ANY(?::uuid[])", ids)
    conditions.take(wanted)
    order = "DESC" if wanted.is_reversed else "ASC"
    return await db.fetch(
        f"SELECT * FROM ledger.transfers WHERE {conditions.where()}"
        f" ORDER BY timestamp_ns {order} LIMIT {limit:d}",
        *conditions.values)
