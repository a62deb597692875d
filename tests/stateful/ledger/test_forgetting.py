"""What memory has forgotten makes no difference: random histories with restarts and late copies."""

from __future__ import annotations

import os
from random import Random

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.ledger.api import (
    AMOUNT_MAX,
    LedgerClient,
    Projection,
    TransferDraft,
    TransferFlags,
)
from lionrock.ledger.service.keeping import Limits
from lionrock.ledger.service.recovery import restore
from tests.stateful.ledger.conftest import ACCOUNTS, BANK, PAYEE, PAYER, pay, running_writer

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
LINKED = int(TransferFlags.LINKED)
WINDOW = 16  # few ids at a time, so that the past is mentioned all the time


def random_draft(chance: Random, first_id: int) -> TransferDraft:
    transfer_id = first_id + chance.randrange(WINDOW)
    kind = chance.random()
    if kind < 0.35:
        flags = chance.choice([POST, VOID])
        amount = chance.choice([0, 1, 5, AMOUNT_MAX])
        return TransferDraft(
            id=transfer_id, pending_id=first_id + chance.randrange(WINDOW), flags=flags,
            amount=amount)
    debit, credit = chance.choice([(BANK, PAYER), (PAYER, PAYEE), (BANK, PAYEE), (98, PAYER)])
    flags = PENDING if kind < 0.75 else 0
    timeout = chance.choice([0, 3, 30]) if flags else 0
    return pay(transfer_id, chance.choice([1, 5, 20]), debit, credit, flags=flags,
               timeout=timeout)


async def live_for_a_while(
    client: LedgerClient, projection: Projection, clock: FrozenClock, chance: Random,
    first_id: int,
) -> None:
    """Between two restarts: payments, time passing, copies that come late or not at all."""
    for _ in range(chance.randint(2, 14)):
        action = chance.random()
        if action < 0.2:
            clock.advance(seconds=chance.choice([1, 4, 40]))
        elif action < 0.35:
            await projection.run_once()
        elif action < 0.5:
            hold_id = first_id + chance.randrange(WINDOW)
            for number in range(2):
                await client.create_transfers([TransferDraft(
                    id=chance.getrandbits(100) + 1_000, pending_id=hold_id, flags=POST,
                    amount=AMOUNT_MAX if number == 0 else 0)])
        else:
            drafts = [random_draft(chance, first_id) for _ in range(chance.randint(1, 4))]
            await client.create_transfers(drafts)


@pytest.mark.parametrize("run", range(6))
async def test_a_ledger_that_forgets_answers_as_one_that_remembers_everything(
    database: Database, business_clock: FrozenClock, run: int
) -> None:
    print(f"seed {SEED} run {run}")
    chance = Random(SEED * 100 + run)
    projection = Projection(database)
    limits = Limits(
        snapshot_rows=chance.choice([1, 2, 3]), snapshot_spacing=0, transfers_in_memory_max=0)
    for life in range(12):
        async with running_writer(database, business_clock, limits) as (_, client):
            if life == 0:
                await client.create_accounts(ACCOUNTS)
            await live_for_a_while(
                client, projection, business_clock, chance, 1 + 4 * life)
    # Replaying without snapshots compares every answer that was given with what a ledger that
    # never forgot anything would have said.
    remembering = await restore(database, use_snapshot=False)
    forgetting = await restore(database)
    assert forgetting.hash == remembering.hash
    assert forgetting.state.archived_until_ns > 0
    assert forgetting.state.balances == remembering.state.balances
    assert forgetting.state.next_expiry_ns() == remembering.state.next_expiry_ns()
