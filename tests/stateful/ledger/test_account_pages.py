"""The pages that list an account's transfers: every cut of them answers as the transfers would."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lionrock.ledger
from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import AccountFilter, LedgerReader, Projection, TransferRow
from lionrock.ledger.store.binary import PAGE_IDS_MAX
from lionrock.ledger.store.pages import _PAGES_FIRST
from tests.stateful.ledger.conftest import ACCOUNTS, BANK, PAYEE, PAYER, pay, running_writer

STEP = 2 * PAGE_IDS_MAX + 1  # of BANK's debits: two full pages and one of a single transfer
STEPS = 3
LATE = 20  # steps of one transfer each: more pages than the first round reads
ALL = list(range(1, STEPS * STEP + LATE + 1))


@pytest.fixture
async def busy(database: Database, business_clock: FrozenClock) -> list[int]:
    """BANK pays PAYER and every fifth time PAYEE, copied in steps; the transfers' times."""
    assert LATE > _PAGES_FIRST
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        cuts = [*range(0, STEPS * STEP, STEP), *range(STEPS * STEP, len(ALL))]
        for first, last in zip(cuts, [*cuts[1:], len(ALL)], strict=True):
            await client.create_transfers([
                pay(i, 1, credit=PAYER if i % 5 else PAYEE, user_data_32=int(i == 7))
                for i in ALL[first:last]])
            await Projection(database).catch_up()
    rows: list[Any] = await database.read(partial(_all, "timestamp_ns"))
    return [row["timestamp_ns"] for row in rows]


async def _all(columns: str, db: Connection) -> list[Any]:
    return await db.fetch(f"SELECT {columns} FROM ledger.transfers ORDER BY timestamp_ns")


async def found(database: Database, **fields: Any) -> list[int]:
    async def ask(db: Connection) -> list[TransferRow]:
        return await LedgerReader(database).get_account_transfers(db, AccountFilter(**fields))

    return [row.transfer.id for row in await database.read(ask)]


async def test_the_transfers_of_a_busy_account_come_whole_and_in_order(
    busy: list[int], database: Database
) -> None:
    assert await found(database, account_id=BANK) == ALL
    assert await found(database, account_id=BANK, is_reversed=True) == ALL[::-1]
    of_payee = [i for i in ALL if i % 5 == 0]
    assert await found(database, account_id=PAYEE) == of_payee
    assert await found(database, account_id=PAYEE, is_reversed=True, limit=9) == of_payee[:-10:-1]
    assert await found(database, account_id=BANK, limit=1) == [1]
    assert await found(database, account_id=BANK, user_data_32=1, is_reversed=True) == [7]


async def test_a_stretch_of_time_that_cuts_pages_is_whole_at_both_ends(
    busy: list[int], database: Database
) -> None:
    edges = [1, 2, PAGE_IDS_MAX, PAGE_IDS_MAX + 1, STEP, STEP + 1, STEPS * STEP, len(ALL) - 1]
    for low in edges:
        for high in (edge for edge in edges if edge >= low):
            between = {"timestamp_min": busy[low - 1], "timestamp_max": busy[high - 1]}
            expected = list(range(low, high + 1))
            assert await found(database, account_id=BANK, **between) == expected
            backwards = await found(database, account_id=BANK, is_reversed=True, **between)
            assert backwards == expected[::-1]


async def test_pages_of_a_hundred_walk_through_the_whole_history(
    busy: list[int], database: Database
) -> None:
    reader = LedgerReader(database)

    async def walk(db: Connection) -> list[int]:
        ids: list[int] = []
        rows = await reader.transfers_of_account(db, BANK)
        while rows:
            ids += [row.transfer.id for row in rows]
            before_ns = rows[-1].transfer.timestamp
            rows = await reader.transfers_of_account(db, BANK, before_ns=before_ns)
        return ids

    assert await database.read(walk) == ALL[::-1]
    assert await database.read(partial(_before_all, reader)) == []


async def _before_all(reader: LedgerReader, db: Connection) -> list[TransferRow]:
    return await reader.transfers_of_account(db, BANK, before_ns=0)


async def test_pages_made_from_the_transfers_of_an_older_city_answer_the_same(
    busy: list[int], database: Database
) -> None:
    folder = Path(lionrock.ledger.__file__).parent / "migrations"
    migration = (folder / "0003_account_pages.sql").read_text()
    start = migration.index("INSERT INTO ledger.account_pages")

    async def make_again(db: Connection) -> None:
        await db.execute("DELETE FROM ledger.account_pages")
        await db.execute(migration[start:migration.index(";", start)])
        counts = await db.fetchrow(
            "SELECT max(cardinality(transfer_ids)) AS most, sum(cardinality(transfer_ids)) AS all"
            " FROM ledger.account_pages")
        assert counts["most"] == PAGE_IDS_MAX
        assert counts["all"] == 2 * len(ALL)

    await database.run(make_again)
    assert await found(database, account_id=BANK) == ALL
    assert await found(database, account_id=PAYER) == [i for i in ALL if i % 5]
