"""kill -9 of the ledger and of PostgreSQL under load: nothing acknowledged lost, nothing doubled.

What this proves is safety against the death of processes. The page cache survives kill -9, so it
says nothing about the loss of power; that is the database's fsync.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from lionrock.app.migrations import all_migrations
from lionrock.kernel.db import Database, migrate
from lionrock.ledger.api import (
    AccountDraft,
    LedgerClient,
    TransferDraft,
    TransferFlags,
    all_created,
    connect,
)
from lionrock.ledger.service.recovery import restore
from tests.crash.ledger.servers import LedgerProcess, durable_server, kill_server, relaunch
from tests.stateful.ledger.conftest import until

pytestmark = pytest.mark.city

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
BANK, SHOP = 1, 2
CALLERS = 6
STEP = 40
PATIENT_S = 90
LINKED = int(TransferFlags.LINKED)
PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)


class Load:
    """Callers that pay in several ways and remember what was acknowledged."""

    def __init__(self, client: LedgerClient) -> None:
        self._client = client
        self.acknowledged: dict[int, int] = {}  # transfer id -> amount
        self.is_over = False

    async def get_somewhere(self, callers: asyncio.Future[list[None]]) -> None:
        """Wait until more was acknowledged: machines differ in speed."""
        enough = len(self.acknowledged) + STEP

        async def is_further() -> bool:
            return len(self.acknowledged) >= enough or callers.done()

        await until(is_further, PATIENT_S)
        if callers.done():
            callers.result()

    async def call(self, number: int) -> None:
        base = (number + 1) * 1_000_000
        step = 0
        while not self.is_over:
            step += 10
            await [self.single, self.batch, self.chain, self.hold][step // 10 % 4](base + step)

    async def send(self, *drafts: TransferDraft) -> None:
        outcomes = await self._client.create_transfers(drafts)
        assert all_created(outcomes), outcomes
        self.acknowledged |= {draft.id: draft.amount for draft in drafts}

    async def single(self, base: int) -> None:
        await self.send(pay(base, 1))

    async def batch(self, base: int) -> None:
        await self.send(*(pay(base + i, 1) for i in range(8)))

    async def chain(self, base: int) -> None:
        await self.send(pay(base, 2, flags=LINKED), pay(base + 1, 3, flags=LINKED),
                        pay(base + 2, 4))

    async def hold(self, base: int) -> None:
        await self.send(pay(base, 5, flags=PENDING))
        await self.send(TransferDraft(id=base + 1, pending_id=base, flags=POST, amount=5))


def pay(transfer_id: int, amount: int, flags: int = 0) -> TransferDraft:
    return TransferDraft(id=transfer_id, debit_account_id=BANK, credit_account_id=SHOP,
                         amount=amount, ledger=344, code=1, flags=flags)


async def open_accounts(client: LedgerClient) -> None:
    drafts = [AccountDraft(id=i, ledger=344, code=1) for i in (BANK, SHOP)]
    assert all_created(await client.create_accounts(drafts))


async def check(database: Database, load: Load) -> None:
    """Replay the journal from its first row and compare with what callers were told."""
    state = (await restore(database, use_snapshot=False)).state
    transfers, balances = state.transfers, state.balances  # each is built anew when asked for
    assert len(load.acknowledged) > 50, "the load must have got somewhere"
    for transfer_id, amount in load.acknowledged.items():
        assert transfers[transfer_id].amount == amount, "acknowledged and lost"
    posted = sum(t.amount for t in transfers.values() if not t.flags & PENDING)
    shop = balances[SHOP]
    assert shop.credits_posted == posted, "doubled"
    held = [t for t in transfers.values() if t.flags & PENDING]
    resolved = {t.pending_id for t in transfers.values() if t.pending_id}
    assert shop.credits_pending == sum(t.amount for t in held if t.id not in resolved)
    chains = [t for t in transfers.values() if t.flags & LINKED]
    for t in chains:
        assert t.id + 1 in transfers, "half a chain"


async def run_load(
    client: LedgerClient, break_something: object, rounds: int, chance: Random
) -> Load:
    assert callable(break_something)
    await open_accounts(client)
    load = Load(client)
    callers = asyncio.gather(*(load.call(number) for number in range(CALLERS)))
    for _ in range(rounds):
        await load.get_somewhere(callers)
        await asyncio.sleep(chance.random() * 0.4)
        await break_something()
    await load.get_somewhere(callers)
    load.is_over = True
    await callers
    return load


@pytest.mark.timeout(400)
async def test_killing_the_ledger_again_and_again_under_load(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    chance = Random(SEED)
    address = str(tmp_path / "l.sock")
    process = LedgerProcess(database_url, address)
    process.start()
    client = connect(address, timeout_ms=90_000)

    async def kill_and_start() -> None:
        process.kill()
        process.start()

    load = await run_load(client, kill_and_start, 6, chance)
    await client.close()
    assert process.end() == 0
    assert process.kills == 6
    await check(database, load)


@pytest.mark.timeout(400)
async def test_killing_the_database_under_load(tmp_path: Path) -> None:
    chance = Random(SEED)
    with durable_server() as server:
        url = server.url("postgres")
        first = await Database.open(url, pool_size_max=2)
        await migrate(first, all_migrations())
        await first.close()
        address = str(tmp_path / "l.sock")
        process = LedgerProcess(url, address)
        process.start()
        client = connect(address, timeout_ms=90_000)

        async def kill_database() -> None:
            kill_server(server)
            await asyncio.sleep(0.1)
            await relaunch(server)

        load = await run_load(client, kill_database, 2, chance)
        await client.close()
        assert process.end() == 0
        checking = await Database.open(url, pool_size_max=2)
        await check(checking, load)
        await checking.close()


@pytest.mark.timeout(200)
async def test_two_ledger_processes_at_once_one_wins_and_the_other_ends(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    first = LedgerProcess(database_url, str(tmp_path / "first.sock"))
    second = LedgerProcess(database_url, str(tmp_path / "second.sock"))
    first.start()
    client = connect(str(tmp_path / "first.sock"), timeout_ms=90_000)
    await open_accounts(client)
    second.start()
    other = connect(str(tmp_path / "second.sock"), timeout_ms=90_000)
    assert all_created(await other.create_transfers([pay(1, 1)]))
    beaten = asyncio.create_task(client.create_transfers([pay(2, 1)]))
    assert first.process is not None
    assert await asyncio.to_thread(first.process.wait, 60) != 0, "the beaten one must say so"
    assert all_created(await other.create_transfers([pay(3, 1)]))
    beaten.cancel()
    await client.close()
    await other.close()
    assert second.end() == 0
    state = (await restore(database)).state
    assert set(state.transfers) == {1, 3}
