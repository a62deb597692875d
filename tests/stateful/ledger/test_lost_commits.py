"""The reply to a COMMIT is lost: the writer finds out what became of it and answers the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Connection, Database
from lionrock.ledger.api import LedgerReader, Unavailable
from lionrock.ledger.service.recovery import restore
from lionrock.ledger.service.writer import Fenced, Writer
from tests.stateful.ledger.conftest import ACCOUNTS, BANK, PAYER, pay, running_writer, until
from tests.stateful.ledger.sockets import PostgresProxy


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PostgresProxy]:
    async with PostgresProxy(database_url) as opened:
        yield opened


@pytest.fixture
async def proxied(proxy: PostgresProxy) -> AsyncIterator[Database]:
    opened = await Database.open(proxy.url, pool_size_max=4)
    yield opened
    await opened.close()


async def has_cut(proxy: PostgresProxy) -> bool:
    return proxy.cuts_made == 1


async def has_row(database: Database, sequence: int) -> bool:
    return await LedgerReader(database).journal_sequence() >= sequence


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_lost_reply_to_a_commit_is_settled_by_rereading_the_journal(
    cut: str, proxy: PostgresProxy, proxied: Database, database: Database,
    business_clock: FrozenClock,
) -> None:
    async with running_writer(proxied, business_clock) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        for i in range(1, 6):
            proxy.cut = cut
            [outcome] = await client.create_transfers([pay(i, 10)])
            assert (outcome.result, outcome.ledger_sequence) == ("ok", i + 1)
            assert proxy.cuts_made == i
        [bank, payer] = await client.lookup_accounts([BANK, PAYER])
        assert (bank.debits_posted, payer.credits_posted) == (50, 50)
        before = writer.hash
    restored = await restore(database)
    assert (restored.sequence, restored.hash) == (6, before)


async def test_a_commit_whose_fate_is_unknown_waits_for_the_database_to_return(
    proxy: PostgresProxy, proxied: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(proxied, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        proxy.is_down = True
        proxy.cut = "after"
        call = asyncio.create_task(client.create_transfers([pay(1)]))
        await until(partial(has_cut, proxy))
        await asyncio.sleep(0.3)
        assert not call.done(), "nobody may be answered before the outcome is known"
        proxy.is_down = False
        [outcome] = await call
        assert (outcome.result, outcome.ledger_sequence) == ("ok", 2)


async def test_a_writer_replaced_while_it_did_not_know_is_fenced_and_answers_nobody(
    proxy: PostgresProxy, proxied: Database, database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(proxied, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
    writer = Writer(proxied, business_clock)
    await writer.start()
    task = asyncio.create_task(writer.run())
    proxy.is_down = True
    proxy.cut = "after"
    from lionrock.ledger.domain import records
    from lionrock.ledger.wire import Operation

    answer = writer.submit(Operation.CREATE_TRANSFERS, records.encode_transfer(pay(1)))
    await until(partial(has_row, database, 2))
    async with running_writer(database, business_clock) as (_, other):
        [outcome] = await other.create_transfers([pay(1)])
        assert outcome.result == "exists", "the lost commit had been carried out"
        proxy.is_down = False
        with pytest.raises(Unavailable):
            await answer
        with pytest.raises(Fenced):
            await task


async def test_stopping_while_a_commit_is_unknown_answers_nobody(
    proxy: PostgresProxy, proxied: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(proxied, business_clock) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        proxy.is_down = True
        proxy.cut = "before"
        call = asyncio.create_task(client.create_transfers([pay(1)]))
        await until(partial(has_cut, proxy))
        writer.stop()
        with pytest.raises(Unavailable):
            await call
        proxy.is_down = False
    async with running_writer(proxied, business_clock) as (_, client):
        [outcome] = await client.create_transfers([pay(1)])
        assert outcome.result == "ok"


async def test_lookups_while_the_database_is_away_are_unavailable_and_the_writer_goes_on(
    proxy: PostgresProxy, proxied: Database, database: Database, business_clock: FrozenClock
) -> None:
    async with running_writer(proxied, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        proxy.is_down = True
        await cut_all_connections(database)
        with pytest.raises(Unavailable):
            await client.lookup_accounts([BANK])
        proxy.is_down = False
        assert len(await client.lookup_accounts([BANK])) == 1


async def cut_all_connections(database: Database) -> None:
    """As an administrator would; the ledger's pool finds its connections dead."""

    async def use_case(db: Connection) -> None:
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()")

    await database.run(use_case)


async def test_a_database_that_drops_everyone_again_and_again_loses_and_doubles_nothing(
    database_url: str, database: Database, business_clock: FrozenClock
) -> None:
    own = await Database.open(database_url, pool_size_max=4)
    async with running_writer(own, business_clock) as (_, client):
        await client.create_accounts(ACCOUNTS)
        acknowledged = 0

        async def payments() -> None:
            nonlocal acknowledged
            for i in range(1, 200):
                [outcome] = await client.create_transfers([pay(i, 1)])
                assert outcome.result == "ok"
                acknowledged += 1

        paying = asyncio.create_task(payments())
        while not paying.done():
            await cut_all_connections(database)
            before = acknowledged
            while acknowledged == before and not paying.done():  # noqa: ASYNC110 - counted there
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.04)
        await paying
    await own.close()
    state = (await restore(database)).state
    assert acknowledged == 199
    assert state.balances[PAYER].credits_posted == len(state.transfers) == 199
