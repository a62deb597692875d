"""The query tables: what they copy, waiting for one's own write, crashes between copies."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import (
    AccountRow,
    HoldStatus,
    LedgerClient,
    LedgerReader,
    Projection,
    TransferDraft,
    TransferFlags,
    TransferRow,
)
from lionrock.ledger.service.projection import ENTRIES_PER_COPY
from tests.stateful.ledger.conftest import (
    ACCOUNTS,
    BANK,
    HISTORY,
    PAYEE,
    PAYER,
    copied,
    pay,
    running_writer,
)

PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)


async def account_row(reader: LedgerReader, account_id: int, db: Connection) -> AccountRow | None:
    return await reader.account(db, account_id)


async def transfer_row(
    reader: LedgerReader, transfer_id: int, db: Connection
) -> TransferRow | None:
    return await reader.transfer(db, transfer_id)


@pytest.fixture
def reader(database: Database) -> LedgerReader:
    return LedgerReader(database)


async def test_a_reader_who_waits_for_the_sequence_sees_its_own_write(
    ledger: LedgerClient, reader: LedgerReader, database: Database
) -> None:
    for i in range(1, 20):
        [outcome] = await ledger.create_transfers([pay(i, 5)])
        await copied(reader, outcome.ledger_sequence)
        row = await database.read(lambda db: reader.account(db, PAYER))
        assert row is not None
        assert row.account.credits_posted == 5 * i
        assert row.sequence == outcome.ledger_sequence


async def test_waiting_for_what_is_not_written_ends(reader: LedgerReader) -> None:
    assert not await reader.wait_for(1, timeout_ms=30)


async def test_the_query_tables_say_what_the_ledger_says(
    ledger: LedgerClient, reader: LedgerReader, database: Database, business_clock: FrozenClock
) -> None:
    await ledger.create_transfers([
        pay(1, 100, user_data_128=2**128 - 1, user_data_64=2**64 - 1, user_data_32=2**32 - 1),
        pay(2, 20, flags=PENDING, timeout=60), pay(3, 20, flags=PENDING),
        pay(4, 20, flags=PENDING), pay(5, 1, 98, 99)])
    await ledger.create_transfers([
        TransferDraft(id=6, pending_id=3, flags=POST, amount=5),
        TransferDraft(id=7, pending_id=4, flags=VOID)])
    business_clock.advance(seconds=61)
    [outcome] = await ledger.create_transfers([pay(8, 1)])
    await copied(reader, outcome.ledger_sequence)
    ids = [account.id for account in ACCOUNTS]
    for account in await ledger.lookup_accounts(ids):
        row = await database.read(partial(account_row, reader, account.id))
        assert row is not None
        assert row.account == account
    expected = {1: None, 2: HoldStatus.EXPIRED, 3: HoldStatus.POSTED, 4: HoldStatus.VOIDED,
                6: None, 7: None, 8: None}
    for transfer in await ledger.lookup_transfers(list(range(1, 9))):
        found = await database.read(partial(transfer_row, reader, transfer.id))
        assert found is not None
        assert found.transfer == transfer
        assert found.hold_status == expected[transfer.id]
    assert await database.read(lambda db: reader.transfer(db, 5)) is None
    assert await database.read(lambda db: reader.account(db, 99)) is None


async def test_holds_that_are_open_or_lapsed_can_be_listed(
    ledger: LedgerClient, reader: LedgerReader, database: Database, business_clock: FrozenClock
) -> None:
    await ledger.create_transfers([
        pay(1, flags=PENDING, timeout=60), pay(2, flags=PENDING, timeout=30),
        pay(3, flags=PENDING, timeout=900)])
    business_clock.advance(seconds=61)
    [outcome] = await ledger.create_transfers([pay(8)])
    await copied(reader, outcome.ledger_sequence)

    async def ids(db: Connection, status: HoldStatus) -> list[int]:
        return [row.transfer.id for row in await reader.holds(db, status)]

    assert await database.read(lambda db: ids(db, HoldStatus.EXPIRED)) == [2, 1]
    assert await database.read(lambda db: ids(db, HoldStatus.OPEN)) == [3]


async def test_an_accounts_transfers_come_newest_first_and_in_pages(
    ledger: LedgerClient, reader: LedgerReader, database: Database
) -> None:
    await ledger.create_transfers([pay(i, 1) for i in range(1, 6)])
    [outcome] = await ledger.create_transfers([pay(9, 1, PAYER, PAYEE)])
    await copied(reader, outcome.ledger_sequence)

    async def page(db: Connection) -> list[int]:
        first = await reader.transfers_of_account(db, PAYER, limit=4)
        rest = await reader.transfers_of_account(
            db, PAYER, limit=4, before_ns=first[-1].transfer.timestamp)
        assert await reader.transfers_of_account(db, 99) == []
        return [row.transfer.id for row in first + rest]

    assert await database.read(page) == [9, 5, 4, 3, 2, 1]


async def test_an_account_with_history_tells_its_balance_at_any_row(
    ledger: LedgerClient, reader: LedgerReader, database: Database
) -> None:
    sequences = []
    for i in range(1, 4):
        [outcome] = await ledger.create_transfers([pay(i, 10, BANK, HISTORY)])
        sequences.append(outcome.ledger_sequence)
        await ledger.create_transfers([pay(100 + i)])
    await copied(reader, sequences[-1])

    async def credited(account_id: int, sequence: int, db: Connection) -> int | None:
        balance = await reader.balance_at(db, account_id, sequence)
        return None if balance is None else balance.credits_posted

    for number, sequence in enumerate(sequences, 1):
        for later in (0, 1):
            at = partial(credited, HISTORY, sequence + later)
            assert await database.read(at) == 10 * number
    assert await database.read(partial(credited, HISTORY, 1)) is None
    assert await database.read(partial(credited, PAYER, 99)) is None


async def test_the_first_reason_of_an_id_that_already_failed_can_be_read(
    ledger: LedgerClient, reader: LedgerReader, database: Database
) -> None:
    drafts = [pay(1, 10, PAYER, PAYEE), pay(2, 10, 98), pay(3)]
    outcomes = await ledger.create_transfers(drafts)
    again = await ledger.create_transfers(drafts)
    assert [o.result for o in again] == ["id_already_failed", "id_already_failed", "exists"]
    await copied(reader, again[0].ledger_sequence)

    async def reasons(db: Connection) -> list[str | None]:
        return [await reader.refusal(db, i) for i in (1, 2, 3)]

    assert await database.read(reasons) == [outcomes[0].result, outcomes[1].result, None]


async def test_two_projections_copy_each_row_once(
    database: Database, business_clock: FrozenClock, reader: LedgerReader
) -> None:
    rows = ENTRIES_PER_COPY * 2 + 3
    async with running_writer(database, business_clock) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        for i in range(1, rows):
            await client.create_transfers([pay(i, 1)])
        assert writer.sequence == rows
    projections = [Projection(database) for _ in range(3)]
    copied = await asyncio.gather(*(p.run_once() for p in projections))
    assert sum(copied) in {ENTRIES_PER_COPY, 2 * ENTRIES_PER_COPY, rows}
    await projections[0].catch_up()
    row = await database.read(lambda db: reader.account(db, PAYER))
    assert row is not None
    assert row.account.credits_posted == rows - 1
    assert await projections[1].run_once() == 0


async def test_a_projection_that_breaks_in_the_middle_repeats_nothing(
    database: Database, business_clock: FrozenClock, reader: LedgerReader
) -> None:
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1, 1)])

    class Broken(Exception):
        pass

    async def copy_and_break(db: Connection) -> None:
        from lionrock.ledger.service import projection

        assert await projection._copy_next(db) == 2
        raise Broken

    with pytest.raises(Broken):
        await database.run(copy_and_break)
    assert not await reader.wait_for(1, timeout_ms=0)
    assert await Projection(database).run_once() == 2
    row = await database.read(lambda db: reader.account(db, PAYER))
    assert row is not None
    assert row.account.credits_posted == 1
