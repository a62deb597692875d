"""The socket client: reconnects, repeats the same ids, gives up in time."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.ledger.api import LedgerReader, Projection, Unavailable, all_created, connect
from lionrock.ledger.client import IN_FLIGHT_MAX
from lionrock.ledger.service.writer import Fenced
from tests.ports import free_ports
from tests.stateful.ledger.conftest import ACCOUNTS, BANK, PAYEE, PAYER, pay, running_writer
from tests.stateful.ledger.sockets import PATIENT_MS, file_exists, running_server
from tests.stateful.ledger.test_projection import account_row


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_the_ledger_answers_over_its_socket(
    kind: str, database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock") if kind == "unix" else f"127.0.0.1:{free_ports()}"
    async with running_server(database, business_clock, address):
        client = connect(address, timeout_ms=PATIENT_MS)
        assert all_created(await client.create_accounts(ACCOUNTS))
        [outcome] = await client.create_transfers([pay(1, 42)])
        assert (outcome.result, outcome.ledger_sequence) == ("ok", 2)
        [payer] = await client.lookup_accounts([PAYER])
        [transfer] = await client.lookup_transfers([1])
        assert payer.credits_posted == transfer.amount == 42
        await client.close()
    assert not file_exists(address)


async def test_calls_over_one_connection_do_not_mix_their_answers(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock")
    async with running_server(database, business_clock, address):
        client = connect(address, timeout_ms=PATIENT_MS)
        await client.create_accounts(ACCOUNTS)

        async def one(number: int) -> None:
            good = number % 3 != 0
            drafts = [pay(number, 1, credit=PAYEE if good else 99)] * (number % 5 + 1)
            outcomes = await client.create_transfers(drafts)
            assert len(outcomes) == number % 5 + 1
            assert outcomes[0].result == ("ok" if good else "credit_account_not_found")

        await asyncio.gather(*(one(i) for i in range(1, IN_FLIGHT_MAX * 4)))
        await client.close()


async def test_a_client_outlives_a_restart_of_the_ledger(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock")
    client = connect(address, timeout_ms=PATIENT_MS)
    async with running_server(database, business_clock, address):
        await client.create_accounts(ACCOUNTS)
    paying = asyncio.create_task(client.create_transfers([pay(1)]))
    await asyncio.sleep(0.1)
    assert not paying.done()
    async with running_server(database, business_clock, address):
        assert (await paying)[0].result == "ok"
        assert (await client.create_transfers([pay(1)]))[0].result == "exists"
        await client.close()


async def test_payments_go_on_exactly_once_through_many_restarts(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock")
    client = connect(address, timeout_ms=PATIENT_MS)
    async with running_server(database, business_clock, address):
        await client.create_accounts(ACCOUNTS)

    async def payments(base: int) -> None:
        for i in range(40):
            assert all_created(await client.create_transfers([pay(base + i, 1)]))

    paying = asyncio.gather(*(payments(1_000 * n) for n in range(1, 5)))
    while not paying.done():
        async with running_server(database, business_clock, address):
            await asyncio.sleep(0.05)
    await paying
    await client.close()
    async with running_writer(database, business_clock) as (_, checking):
        bank, payer = await checking.lookup_accounts([BANK, PAYER])
        assert bank.debits_posted == payer.credits_posted == 160


async def test_a_client_without_a_ledger_gives_up_in_time(tmp_path: Path) -> None:
    client = connect(str(tmp_path / "nobody.sock"), timeout_ms=100)
    with pytest.raises(Unavailable, match="100 ms"):
        await client.lookup_accounts([1])
    await client.close()


async def test_a_ledger_that_accepts_and_never_answers_is_given_up(tmp_path: Path) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    address = str(tmp_path / "l.sock")
    server = await asyncio.start_unix_server(swallow, address)
    client = connect(address, timeout_ms=150)
    with pytest.raises(Unavailable):
        await client.lookup_accounts([1])
    await client.close()
    server.close()


async def test_a_peer_that_is_no_ledger_is_given_up(tmp_path: Path) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    address = str(tmp_path / "l.sock")
    server = await asyncio.start_unix_server(babble, address)
    client = connect(address, timeout_ms=150)
    with pytest.raises(Unavailable):
        await client.lookup_accounts([1])
    await client.close()
    server.close()


async def test_a_caller_that_gives_up_leaves_the_connection_to_the_others(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock")
    async with running_server(database, business_clock, address):
        client = connect(address, timeout_ms=PATIENT_MS)
        await client.create_accounts(ACCOUNTS)
        impatient = [asyncio.create_task(client.create_transfers([pay(i)])) for i in range(1, 30)]
        await asyncio.sleep(0)
        for task in impatient:
            task.cancel()
        await asyncio.gather(*impatient, return_exceptions=True)
        assert (await client.create_transfers([pay(99)]))[0].result == "ok"
        await client.close()


async def test_a_server_that_was_replaced_ends_and_leaves_its_successors_socket_alone(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    address = str(tmp_path / "l.sock")

    async def serve_until_replaced() -> None:
        async with running_server(database, business_clock, address) as task:
            client = connect(address, timeout_ms=PATIENT_MS)
            await client.create_accounts(ACCOUNTS)
            async with running_writer(database, business_clock) as (_, other):
                await other.create_transfers([pay(1)])
                os.unlink(address)
                successors.append(await asyncio.start_unix_server(lambda *_: None, address))
                looking = asyncio.create_task(client.lookup_accounts([BANK]))
                await asyncio.wait({task}, timeout=60)
                assert task.done()
                looking.cancel()
            await client.close()

    successors: list[asyncio.Server] = []
    with pytest.raises(Fenced):
        await serve_until_replaced()
    assert file_exists(address)
    successors[0].close()


async def test_whole_ledger_reads_during_load_always_sum_to_nothing(
    database: Database, business_clock: FrozenClock, tmp_path: Path
) -> None:
    """The bank test: many clients move money about; no read ever sees it unbalanced."""
    address = str(tmp_path / "l.sock")
    ids = [account.id for account in ACCOUNTS]
    async with running_server(database, business_clock, address):
        first = connect(address, timeout_ms=PATIENT_MS)
        await first.create_accounts(ACCOUNTS)
        clients = [connect(address, timeout_ms=PATIENT_MS) for _ in range(8)]

        async def move(number: int) -> None:
            for i in range(30):
                debit, credit = ids[(number + i) % 4], ids[(number + i + 1) % 4]
                await clients[number].create_transfers(
                    [pay(number * 1_000 + i + 1, number + i, debit, credit)])

        moving = asyncio.gather(*(move(n) for n in range(8)))
        reads = 0
        while not moving.done():
            accounts = await first.lookup_accounts(ids)
            assert sum(a.debits_posted - a.credits_posted for a in accounts) == 0
            limited = next(a for a in accounts if a.id == PAYER)
            assert limited.debits_available >= 0
            reads += 1
        await moving
        assert reads > 3
        projection = Projection(database)
        await projection.catch_up()
        reader = LedgerReader(database)
        for account in await first.lookup_accounts(ids):
            row = await database.read(partial(account_row, reader, account.id))
            assert row is not None
            assert row.account == account
        for client in [first, *clients]:
            await client.close()
