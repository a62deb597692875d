"""A ledger in process on a real database, opened with a few accounts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.ledger.api import (
    AccountDraft,
    AccountFlags,
    LedgerClient,
    LedgerReader,
    TransferDraft,
    Unavailable,
    in_process,
)
from lionrock.ledger.service.keeping import Limits
from lionrock.ledger.service.writer import Answer, Fenced, Writer
from lionrock.ledger.wire import Operation

BANK, PAYER, PAYEE, HISTORY = 1, 2, 3, 4
ACCOUNTS = [
    AccountDraft(id=BANK, ledger=344, code=1),
    AccountDraft(id=PAYER, ledger=344, code=2,
                 flags=int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)),
    AccountDraft(id=PAYEE, ledger=344, code=2),
    AccountDraft(id=HISTORY, ledger=344, code=2, flags=int(AccountFlags.HISTORY)),
]


def pay(transfer_id: int, amount: int = 10, debit: int = BANK, credit: int = PAYER,
        **fields: int) -> TransferDraft:
    return TransferDraft(id=transfer_id, debit_account_id=debit, credit_account_id=credit,
                         amount=amount, ledger=344, code=7, **fields)


@pytest.fixture
async def ledger(database: Database, business_clock: FrozenClock) -> AsyncIterator[LedgerClient]:
    async with in_process(database, business_clock) as client:
        assert set(await client.create_accounts(ACCOUNTS)) == {"ok"}
        yield client


@asynccontextmanager
async def running_writer(
    database: Database, clock: FrozenClock, limits: Limits | None = None
) -> AsyncIterator[tuple[Writer, LedgerClient]]:
    """A writer without a projection, and a client of it; ends as a process would."""
    writer = Writer(database, clock, limits)
    await writer.start()
    task = asyncio.create_task(writer.run())

    async def exchange(operation: Operation, payload: bytes) -> Answer:
        return await writer.submit(operation, payload)

    async def close() -> None:
        writer.stop()

    try:
        yield writer, LedgerClient(exchange, close)
    finally:
        writer.stop()
        with suppress(Fenced, Unavailable):  # replaced, or stopped without a database
            await task


async def copied(reader: LedgerReader, sequence: int) -> None:
    """Wait until the query tables have a row of the journal, however slow the machine is."""
    await until(partial(reader.wait_for, sequence))


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    """Wait for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition is in the database
            await asyncio.sleep(0.01)
