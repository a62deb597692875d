"""The writer on a real PostgreSQL: answers after commit, restarts, fencing, lapsing holds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import (
    AMOUNT_MAX,
    LedgerClient,
    Projection,
    TransferDraft,
    TransferFlags,
    Unavailable,
    all_created,
    in_process,
)
from lionrock.ledger.domain.machine import Damaged
from lionrock.ledger.service.recovery import restore
from lionrock.ledger.service.writer import WAITING_MAX, Busy, Fenced, Limits, Malformed, Writer
from lionrock.ledger.wire import Operation
from tests.stateful.ledger.conftest import (
    ACCOUNTS,
    BANK,
    PAYEE,
    PAYER,
    pay,
    running_writer,
    until,
)

PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)


async def rows(database: Database) -> int:
    async def count(db: Connection) -> int:
        return int(await db.fetchval("SELECT count(*) FROM ledger.journal"))

    return await database.read(count)


async def run_sql(database: Database, statement: str) -> None:
    async def use_case(db: Connection) -> None:
        await db.execute(statement)

    await database.run(use_case)


async def test_a_payment_moves_money_and_says_where_it_is_written(ledger: LedgerClient) -> None:
    [outcome] = await ledger.create_transfers([pay(1, 100)])
    assert (outcome.result, outcome.ledger_sequence) == ("ok", 2)
    bank, payer = await ledger.lookup_accounts([BANK, PAYER])
    assert (bank.debits_posted, payer.credits_posted, payer.debits_available) == (100, 100, 100)
    [stored] = await ledger.lookup_transfers([1])
    assert (stored.amount, stored.debit_account_id) == (100, BANK)
    assert stored.timestamp > 0


async def test_lookups_skip_what_does_not_exist_and_keep_the_order(ledger: LedgerClient) -> None:
    assert [a.id for a in await ledger.lookup_accounts([PAYEE, 99, BANK])] == [PAYEE, BANK]
    assert await ledger.lookup_transfers([98, 99]) == []


async def test_an_empty_call_asks_nothing(ledger: LedgerClient) -> None:
    assert await ledger.create_accounts([]) == []
    assert await ledger.create_transfers([]) == []
    assert await ledger.lookup_accounts([]) == []
    assert await ledger.lookup_transfers([]) == []


async def test_a_thousand_events_are_taken_in_one_call_and_one_more_is_not(
    ledger: LedgerClient,
) -> None:
    drafts = [pay(i) for i in range(1, 1_001)]
    assert all_created(await ledger.create_transfers(drafts))
    with pytest.raises(ValueError, match="at most 1000"):
        await ledger.create_transfers([*drafts, pay(1_001)])
    assert len(await ledger.lookup_transfers(list(range(1, 1_001)))) == 1_000


async def test_requests_that_wait_together_are_committed_together(
    ledger: LedgerClient, database: Database
) -> None:
    before = await rows(database)
    outcomes = await asyncio.gather(*(ledger.create_transfers([pay(i)]) for i in range(1, 201)))
    assert {o.result for [o] in outcomes} == {"ok"}
    assert await rows(database) - before < 20


async def test_the_same_id_at_the_same_time_moves_once(ledger: LedgerClient) -> None:
    outcomes = await asyncio.gather(*(ledger.create_transfers([pay(1, 5)]) for _ in range(50)))
    names = sorted(str(o.result) for [o] in outcomes)
    assert names == ["exists"] * 49 + ["ok"]
    [payer] = await ledger.lookup_accounts([PAYER])
    assert payer.credits_posted == 5


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


async def test_the_writer_that_came_first_cannot_commit_after_the_second(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (_, first):
        await first.create_accounts(ACCOUNTS)
        async with running_writer(database, business_clock) as (second_writer, second):
            with pytest.raises(Unavailable):
                await first.create_transfers([pay(1)])
            assert (await second.create_transfers([pay(1)]))[0].result == "ok"
            assert await rows(database) == second_writer.sequence == 2
    restored = await restore(database)
    assert restored.state.balances[PAYER].credits_posted == 10


async def test_a_writer_that_was_replaced_gives_no_stale_reads(
    database: Database, business_clock: FrozenClock
) -> None:
    first = Writer(database, business_clock)
    await first.start()
    task = asyncio.create_task(first.run())
    second = Writer(database, business_clock)
    await second.start()
    with pytest.raises(Unavailable):
        await first.submit(Operation.LOOKUP_ACCOUNTS, bytes(16))
    with pytest.raises(Fenced):
        await task
    with pytest.raises(Unavailable):
        first.submit(Operation.LOOKUP_ACCOUNTS, bytes(16))


async def test_two_writers_at_once_never_both_commit(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)

    async def pay_three(client: LedgerClient, base: int) -> list[int]:
        """Pay until replaced; return the ids that were acknowledged."""
        acknowledged = []
        with suppress(Unavailable):
            for transfer_id in range(base, base + 3):
                [outcome] = await client.create_transfers([pay(transfer_id, 1)])
                assert outcome.result == "ok"
                acknowledged.append(transfer_id)
        return acknowledged

    async def fight(base: int) -> list[int]:
        """Keep taking over and paying."""
        acknowledged = []
        for number in range(8):
            async with running_writer(database, business_clock) as (_, client):
                acknowledged += await pay_three(client, base + number * 10)
        return acknowledged

    acknowledged = [i for ids in await asyncio.gather(fight(1_000), fight(2_000)) for i in ids]
    state = (await restore(database)).state
    assert acknowledged, "somebody must get through"
    assert set(acknowledged) <= set(state.transfers)
    # What was not acknowledged may stand or not; nothing stands twice.
    assert state.balances[PAYER].credits_posted == len(state.transfers)


async def test_a_hold_lapses_by_the_business_clock_although_nobody_asks(
    ledger: LedgerClient, business_clock: FrozenClock
) -> None:
    await ledger.create_transfers([pay(1, 100, flags=PENDING, timeout=60)])
    business_clock.advance(seconds=61)

    async def is_released() -> bool:
        [bank] = await ledger.lookup_accounts([BANK])
        return bank.debits_pending == 0

    await until(is_released)
    [outcome] = await ledger.create_transfers(
        [TransferDraft(id=2, pending_id=1, flags=POST, amount=100)])
    assert outcome.result == "pending_transfer_expired"


async def test_the_ledger_starts_from_a_snapshot_and_the_rows_after_it(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_rows=5)
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
    async with running_writer(database, business_clock, Limits(snapshot_rows=2)) as (_, client):
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([pay(1)])
        await client.create_transfers([pay(2)])
    await run_sql(database, statement)
    with pytest.raises(Damaged, match=what):
        await Writer(database, business_clock).start()


async def test_settled_transfers_left_to_disk_are_still_known(
    database: Database, business_clock: FrozenClock
) -> None:
    limits = Limits(snapshot_rows=4, transfers_in_memory_max=0)
    async with in_process(database, business_clock, limits) as client:
        await client.create_accounts(ACCOUNTS)
        await client.create_transfers([
            pay(1, 100), pay(2, 20, PAYER, PAYEE, flags=PENDING),
            pay(3, 20, PAYER, PAYEE, flags=PENDING), pay(4, 900, PAYER, PAYEE)])
        await client.create_transfers(
            [TransferDraft(id=5, pending_id=2, flags=POST, amount=15)])
        for i in range(100, 112):
            await asyncio.sleep(0.03)  # the projection follows
            await client.create_transfers([pay(i, 1)])
        await check_the_past(client)
    async with in_process(database, business_clock, limits) as client:
        await check_the_past(client)
    # Replay from the snapshot with recall, and from the start without, agree.
    partial, whole = await restore(database), await restore(database, use_snapshot=False)
    assert partial.state.archived_until_ns > 0
    assert len(partial.state.transfers) < len(whole.state.transfers)
    assert partial.hash == whole.hash


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
    limits = Limits(snapshot_rows=1, transfers_in_memory_max=0)
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
    limits = Limits(snapshot_rows=1, transfers_in_memory_max=0)
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


async def test_a_writer_refuses_query_tables_that_lack_what_its_snapshot_left_to_them(
    database: Database, business_clock: FrozenClock
) -> None:
    async with in_process(database, business_clock, Limits(snapshot_rows=3)) as client:
        await client.create_accounts(ACCOUNTS)
        for i in range(1, 6):
            await asyncio.sleep(0.03)
            await client.create_transfers([pay(i)])
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


async def test_more_waiting_requests_than_the_limit_are_turned_away(
    database: Database, business_clock: FrozenClock
) -> None:
    writer = Writer(database, business_clock)
    await writer.start()
    for _ in range(WAITING_MAX):
        writer.submit(Operation.LOOKUP_ACCOUNTS, bytes(16))
    with pytest.raises(Busy):
        writer.submit(Operation.LOOKUP_ACCOUNTS, bytes(16))


@pytest.mark.parametrize(
    ("operation", "payload"),
    [
        (Operation.CREATE_TRANSFERS, b""),
        (Operation.CREATE_TRANSFERS, bytes(127)),
        (Operation.CREATE_TRANSFERS, bytes(128 * 1_001)),
        (Operation.CREATE_TRANSFERS, bytes(55) + b"\x80" + bytes(72)),
        (Operation.CREATE_TRANSFERS, bytes(56) + b"\x01" + bytes(71)),
        (Operation.CREATE_ACCOUNTS, bytes(23) + b"\x80" + bytes(104)),
        (Operation.CREATE_ACCOUNTS, bytes(24) + b"\x01" + bytes(103)),
        (Operation.LOOKUP_ACCOUNTS, bytes(15)),
        (Operation.LOOKUP_TRANSFERS, b""),
        (Operation.LOOKUP_TRANSFERS, bytes(16 * 1_001)),
    ],
)
async def test_a_request_beyond_size_or_range_is_not_queued(
    database: Database, business_clock: FrozenClock, operation: Operation, payload: bytes
) -> None:
    writer = Writer(database, business_clock)
    await writer.start()
    with pytest.raises(Malformed):
        writer.submit(operation, payload)


async def test_the_largest_request_is_queued(
    database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(database, business_clock) as (writer, _):
        answer = await writer.submit(Operation.CREATE_TRANSFERS, bytes(128 * 1_000))
        assert answer.payload == bytes([5]) * 1_000  # id_must_not_be_zero, a thousand times


async def test_an_answer_comes_only_after_the_row_is_there_for_others_to_read(
    ledger: LedgerClient, database: Database
) -> None:
    async def head(db: Connection) -> int:
        return int(await db.fetchval("SELECT max(sequence) FROM ledger.journal"))

    for i in range(1, 20):
        [outcome] = await ledger.create_transfers([pay(i)])
        assert await database.read(head) >= outcome.ledger_sequence


async def test_the_journals_rows_are_those_that_were_answered(
    ledger: LedgerClient, database: Database
) -> None:
    await ledger.create_transfers([pay(1)])

    async def last(db: Connection) -> bytes:
        return bytes(await db.fetchval("SELECT input FROM ledger.journal WHERE sequence = 2"))

    [[operation, events]] = msgspec.msgpack.decode(await database.read(last))
    assert (operation, len(events)) == (2, 128)
