"""The writer on a real PostgreSQL: answers after commit, restarts, fencing, lapsing holds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import (
    LedgerClient,
    TransferDraft,
    TransferFlags,
    Unavailable,
    all_created,
)
from lionrock.ledger.service.recovery import restore
from lionrock.ledger.service.writer import WAITING_MAX, Busy, Fenced, Malformed, Writer
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
