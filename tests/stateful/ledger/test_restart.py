"""Restarts: from journal and snapshot, with the past on disk; damage is named and refused."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import (
    AMOUNT_MAX,
    LedgerClient,
    Projection,
    TransferDraft,
    TransferFlags,
    in_process,
)
from lionrock.ledger.domain.machine import Damaged
from lionrock.ledger.service.keeping import Limits
from lionrock.ledger.service.recovery import restore
from lionrock.ledger.service.writer import Writer
from tests.stateful.ledger.conftest import ACCOUNTS, PAYEE, PAYER, pay, running_writer, until

PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)


async def run_sql(database: Database, statement: str) -> None:
    async def use_case(db: Connection) -> None:
        await db.execute(statement)

    await database.run(use_case)


async def test_a_restart_knows_everything_that_was_answered(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1, 100), pay(2, 30, PAYER, PAYEE, flags=PENDING)])
        await client.create_transfers([pay(3, 71, PAYER, PAYEE)])  # refused
        before = writer.hash
    async with running_writer(database, business_clock) as (writer, client):
        assert writer.hash == before
        [payer] = await client.lookup_accounts([PAYER])
        assert (payer.debits_pending, payer.credits_posted) == (30, 100)
        outcomes = await client.create_transfers([
            pay(1, 100), pay(3, 1, PAYER, PAYEE),
            TransferDraft(id=4, pending_id=2, flags=POST, amount=AMOUNT_MAX),
        ])
        assert [o.result for o in outcomes] == ["exists", "id_already_failed", "ok"]


async def test_the_ledger_starts_from_a_snapshot_and_the_rows_after_it(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_spacing=0, snapshot_rows=5)
    async with running_writer(database, business_clock, limits) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        for i in range(1, 13):
            await client.create_transfers([pay(i, flags=PENDING if i % 3 == 0 else 0, timeout=0)])
        before = writer.hash

    async def count(db: Connection) -> list[int]:
        found = await db.fetch("SELECT sequence FROM ledger.snapshots ORDER BY sequence")
        return [row["sequence"] for row in found]

    assert await database.read(count) == [5, 10]
    from_snapshot = await restore(database)
    from_start = await restore(database, use_snapshot=False)
    assert from_snapshot.hash == from_start.hash == before
    for table in ("accounts", "balances", "transfers", "holds", "settled_ns", "failed",
                  "time_ns"):
        assert getattr(from_snapshot.state, table) == getattr(from_start.state, table), table


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger.journal SET input = results WHERE sequence = 2", "row 2: unreadable"),
        ("UPDATE ledger.journal SET results = '\\x36' WHERE sequence = 2", "row 2: replay gives"),
        ("DELETE FROM ledger.journal WHERE sequence = 1", "row 1 is missing"),
        ("DELETE FROM ledger.journal WHERE sequence = 2", "row 2 is missing"),
        ("UPDATE ledger.journal SET time_ns = 1 WHERE sequence = 3", "row 3 is not later"),
    ],
)
async def test_a_ledger_does_not_start_on_a_changed_journal(
    database: Database, business_clock: FrozenClock, statement: str, what: str
) -> None:
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1)])
        await client.create_transfers([pay(2)])
    await run_sql(database, statement)
    with pytest.raises(Damaged, match=what):
        await Writer(database, business_clock).start()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger.snapshots SET state = '\\x90'", "digest"),
        ("UPDATE ledger.snapshots SET state = '\\x90', digest = sha256('\\x90')", "unreadable"),
        ("UPDATE ledger.snapshots SET sequence = 1", "not of this journal"),
        ("UPDATE ledger.journal SET hash = sha256('x') WHERE sequence = 2", "not of this journal"),
    ],
)
async def test_a_ledger_does_not_start_on_a_changed_snapshot(
    database: Database, business_clock: FrozenClock, statement: str, what: str
) -> None:
    limits = Limits(snapshot_spacing=0, snapshot_rows=2)
    async with running_writer(database, business_clock, limits) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1)])
        await client.create_transfers([pay(2)])
    await run_sql(database, statement)
    with pytest.raises(Damaged, match=what):
        await Writer(database, business_clock).start()


async def test_settled_transfers_left_to_disk_are_still_known(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_spacing=0, snapshot_rows=4, transfers_in_memory_max=0)
    async with in_process(database, business_clock, limits) as client:
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([
            pay(1, 100), pay(2, 20, PAYER, PAYEE, flags=PENDING),
            pay(3, 20, PAYER, PAYEE, flags=PENDING), pay(4, 900, PAYER, PAYEE)])
        await client.create_transfers(
            [TransferDraft(id=5, pending_id=2, flags=POST, amount=15)])
        await pay_until_archived(client, database)
        await check_the_past(client)
    async with in_process(database, business_clock, limits) as client:
        await check_the_past(client)
    # Replay from the snapshot with recall, and from the start without, agree.
    partial, whole = await restore(database), await restore(database, use_snapshot=False)
    assert partial.state.archived_until_ns > 0
    assert len(partial.state.transfers) < len(whole.state.transfers)
    assert partial.hash == whole.hash


async def pay_until_archived(client: LedgerClient, database: Database) -> None:
    """Pay, from id 100 on, until a snapshot leaves transfers to the query tables."""
    ids = itertools.count(100)

    async def is_archived() -> bool:
        for _ in range(12):
            await client.create_transfers([pay(next(ids), 1)])
        return (await restore(database)).state.archived_until_ns > 0

    await until(is_archived)


async def check_the_past(client: LedgerClient) -> None:
    outcomes = await client.create_transfers([
        pay(1, 100), pay(1, 99), pay(4, 1, PAYER, PAYEE),
        TransferDraft(id=5, pending_id=2, flags=POST, amount=15),
        TransferDraft(id=6, pending_id=2, flags=POST, amount=15),
        TransferDraft(id=7, pending_id=1, flags=POST, amount=15),
    ])
    assert [o.result for o in outcomes] == [
        "exists", "exists_with_different_amount", "id_already_failed", "exists",
        "pending_transfer_already_posted", "pending_transfer_not_pending"]
    found = await client.lookup_transfers([1, 5, 999, 111])
    assert [t.id for t in found] == [1, 5, 111]


@pytest.mark.parametrize("flags", [POST, VOID])
async def test_a_hold_resolved_after_the_last_copy_stays_resolved(
    database: Database, business_clock: FrozenClock, flags: int
) -> None:
    # The hold is old enough to be left to disk, but disk has not heard of its resolution.
    limits = Limits(snapshot_spacing=0, snapshot_rows=1, transfers_in_memory_max=0)
    amount = 10 if flags == POST else 0
    expected = f"pending_transfer_already_{'posted' if flags == POST else 'voided'}"
    async with running_writer(database, business_clock, limits) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1, flags=PENDING)])
        await Projection(database).catch_up()
        await client.create_transfers(
            [TransferDraft(id=2, pending_id=1, flags=flags, amount=amount)])
        [again] = await client.create_transfers(
            [TransferDraft(id=3, pending_id=1, flags=flags, amount=amount)])
        assert again.result == expected
    async with running_writer(database, business_clock, limits) as (_, client):
        [again] = await client.create_transfers(
            [TransferDraft(id=4, pending_id=1, flags=flags, amount=amount)])
        assert again.result == expected
    await Projection(database).catch_up()
    assert (await restore(database)).hash == (await restore(database, use_snapshot=False)).hash


async def test_a_hold_lapsed_after_the_last_copy_stays_lapsed(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_spacing=0, snapshot_rows=1, transfers_in_memory_max=0)
    async with running_writer(database, business_clock, limits) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1, flags=PENDING, timeout=5)])
        await Projection(database).catch_up()
        business_clock.advance(seconds=6)
        await client.create_transfers([pay(9)])
    async with running_writer(database, business_clock, limits) as (_, client):
        [late] = await client.create_transfers(
            [TransferDraft(id=2, pending_id=1, flags=POST, amount=10)])
        assert late.result == "pending_transfer_expired"


async def test_a_ledger_whose_clock_is_behind_its_journal_goes_on_in_the_journals_time(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1, 100), pay(2, 30, flags=PENDING, timeout=60)])
    behind = FrozenClock(business_clock.now() - timedelta(hours=1))
    async with running_writer(database, behind) as (writer, client):
        [outcome] = await client.create_transfers([pay(3, 5)])
        assert outcome.result == "ok"
        old, new = await client.lookup_transfers([1, 3])
        assert 0 < new.timestamp - old.timestamp < 1_000_000, "after it, by nanoseconds"
        # An hour passes until the clock is where the hold was made, and then its minute.
        for transfer_id, seconds, pending in ((4, 3_655, 30), (5, 10, 0)):
            behind.advance(seconds=seconds)
            await client.create_transfers([pay(transfer_id, 1)])
            [payer] = await client.lookup_accounts([PAYER])
            assert payer.credits_pending == pending, seconds
        before = writer.hash
    assert (await restore(database)).hash == before


async def test_a_writer_refuses_query_tables_that_lack_what_its_snapshot_left_to_them(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_spacing=0, snapshot_rows=3)
    async with in_process(database, business_clock, limits) as client:
        await client.create_accounts(ACCOUNTS)
        await pay_until_archived(client, database)
    await run_sql(database, "UPDATE ledger.projection SET sequence = 0, until_ns = 0")
    with pytest.raises(Damaged, match="query tables"):
        await Writer(database, business_clock).start()


async def test_a_ledger_does_not_start_on_a_database_that_lost_committed_rows(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1)])
    await Projection(database).catch_up()
    await run_sql(database, "DELETE FROM ledger.journal WHERE sequence = 2")
    with pytest.raises(Damaged, match="lost committed rows"):
        await Writer(database, business_clock).start()


async def test_a_replay_that_comes_to_other_balances_than_a_checkpoint_stops_the_start(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_rows=2, snapshot_spacing=0)
    async with running_writer(database, business_clock, limits) as (_, client):
        await client.create_accounts(ACCOUNTS)
        for i in range(1, 4):
            await client.create_transfers([pay(i)])
    await restore(database, use_snapshot=False)

    async def change(db: Connection) -> None:
        await db.execute("UPDATE ledger.checkpoints SET state_hash = $1 WHERE sequence = 2",
                         bytes(32))

    await database.run(change)
    with pytest.raises(Damaged, match="row 2"):
        await restore(database, use_snapshot=False)


async def test_memory_of_transfers_stays_bounded_while_the_history_grows(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_rows=10, snapshot_spacing=0, transfers_in_memory_max=500)
    projection = Projection(database)
    async with running_writer(database, business_clock, limits) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        in_memory = []
        for round_ in range(30):
            drafts = [pay(1 + round_ * 200 + i, 1) for i in range(200)]
            assert {o.result for o in await client.create_transfers(drafts)} == {"ok"}
            await projection.catch_up()
            await writer.look_at_copies()
            in_memory.append(writer.transfers_in_memory)
        assert max(in_memory) <= 500 + 2 * 200, in_memory
        # And what was forgotten is still known.
        outcomes = await client.create_transfers([pay(1, 1), pay(2, 2), pay(6_001, 1)])
        assert [str(o.result) for o in outcomes] == [
            "exists", "exists_with_different_amount", "ok"]
        assert [t.id for t in await client.lookup_transfers([3, 5_999])] == [3, 5_999]


async def test_a_writer_waits_for_copies_that_lag_too_far_and_goes_on_when_they_come(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(uncopied_max=100)
    async with running_writer(database, business_clock, limits) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(i, 1) for i in range(1, 120)])
        waiting = asyncio.create_task(client.create_transfers([pay(500, 1)]))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await Projection(database).catch_up()
        async with asyncio.timeout(60):
            assert [str(o.result) for o in await waiting] == ["ok"]
