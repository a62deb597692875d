"""Queries over the query tables: filters, order, limits, balances of any moment, lag."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from lionrock.kernel.clock import FrozenClock
from lionrock.kernel.db import Database
from lionrock.ledger.api import (
    AccountDraft,
    AccountFilter,
    LedgerClient,
    LedgerReader,
    Projection,
    QueryFilter,
    TransferDraft,
    TransferFlags,
)
from lionrock.ledger.domain.values import TIMESTAMP_NS_MAX
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
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
CLOSING = int(TransferFlags.CLOSING_CREDIT)
BALANCING = int(TransferFlags.BALANCING_DEBIT)
U64_MAX = 2**64 - 1


async def caught_up(ledger: LedgerClient, database: Database, *drafts: TransferDraft) -> None:
    outcomes = await ledger.create_transfers(drafts)
    assert {o.result for o in outcomes} == {"ok"}
    await copied(LedgerReader(database), outcomes[0].ledger_sequence)


@pytest.fixture
async def paid(ledger: LedgerClient, database: Database) -> None:
    """Ten payments: odd ones carry user data, every third goes to PAYEE."""
    await caught_up(ledger, database, *(
        pay(i, i, credit=PAYEE if i % 3 == 0 else PAYER,
            user_data_128=7 if i % 2 else 0, user_data_64=U64_MAX if i == 5 else 0,
            user_data_32=9 if i == 6 else 0) for i in range(1, 11)))


@pytest.mark.parametrize(("fields", "expected"), [
    ({}, list(range(1, 11))),
    ({"is_reversed": True, "limit": 3}, [10, 9, 8]),
    ({"user_data_128": 7}, [1, 3, 5, 7, 9]),
    ({"user_data_64": U64_MAX}, [5]),
    ({"user_data_32": 9}, [6]),
    ({"ledger": 345}, []),
    ({"ledger": 344, "code": 7, "limit": 2}, [1, 2]),
    ({"code": 8}, []),
])
async def test_transfers_are_found_by_every_field_of_a_query(
    paid: None, database: Database, fields: dict[str, Any], expected: list[int]
) -> None:
    reader = LedgerReader(database)
    rows = await database.read(lambda db: reader.query_transfers(db, QueryFilter(**fields)))
    assert [row.transfer.id for row in rows] == expected
    if fields.get("user_data_64"):
        assert rows[0].transfer.user_data_64 == U64_MAX


async def test_times_of_a_query_are_inclusive(paid: None, database: Database) -> None:
    reader = LedgerReader(database)
    rows = await database.read(lambda db: reader.query_transfers(db, QueryFilter()))
    times = [row.transfer.timestamp for row in rows]
    wanted = QueryFilter(timestamp_min=times[2], timestamp_max=times[5])
    found = await database.read(lambda db: reader.query_transfers(db, wanted))
    assert [row.transfer.id for row in found] == [3, 4, 5, 6]
    of_account = AccountFilter(
        account_id=BANK, timestamp_min=times[2], timestamp_max=times[5], is_reversed=True)
    found = await database.read(lambda db: reader.get_account_transfers(db, of_account))
    assert [row.transfer.id for row in found] == [6, 5, 4, 3]


@pytest.mark.parametrize(("fields", "expected"), [
    ({"account_id": PAYEE}, [3, 6, 9]),
    ({"account_id": PAYEE, "has_credits": False}, []),
    ({"account_id": PAYEE, "has_debits": False, "limit": 2}, [3, 6]),
    ({"account_id": BANK, "user_data_128": 7, "is_reversed": True}, [9, 7, 5, 3, 1]),
    ({"account_id": BANK, "code": 8}, []),
    ({"account_id": 99}, []),
])
async def test_an_accounts_transfers_are_found_by_side_and_field(
    paid: None, database: Database, fields: dict[str, Any], expected: list[int]
) -> None:
    reader = LedgerReader(database)
    wanted = AccountFilter(**fields)
    rows = await database.read(lambda db: reader.get_account_transfers(db, wanted))
    assert [row.transfer.id for row in rows] == expected


async def test_accounts_are_found_by_their_fields(
    ledger: LedgerClient, database: Database
) -> None:
    drafts = [AccountDraft(id=20 + i, ledger=999, code=i, user_data_64=U64_MAX - i)
              for i in range(1, 4)]
    assert set(await ledger.create_accounts(drafts)) == {"ok"}
    await caught_up(ledger, database, pay(1))
    reader = LedgerReader(database)
    for wanted, expected in (
        (QueryFilter(ledger=999), [21, 22, 23]),
        (QueryFilter(ledger=999, is_reversed=True, limit=1), [23]),
        (QueryFilter(user_data_64=U64_MAX - 2), [22]),
        (QueryFilter(code=3, ledger=999), [23]),
    ):
        rows = await database.read(partial(reader.query_accounts, wanted=wanted))
        assert [row.account.id for row in rows] == expected
    assert rows[0].account.user_data_64 == U64_MAX - 3


async def test_an_account_with_history_tells_what_it_held_after_every_event(
    ledger: LedgerClient, database: Database, business_clock: FrozenClock
) -> None:
    await caught_up(
        ledger, database, pay(1, 10, BANK, HISTORY), pay(2, 5, HISTORY, BANK),
        pay(3, 4, HISTORY, BANK, flags=PENDING, timeout=30), pay(4, 1))
    business_clock.advance(seconds=60)
    await caught_up(ledger, database, pay(5, 1, BANK, HISTORY))
    reader = LedgerReader(database)
    rows = await database.read(
        lambda db: reader.get_account_balances(db, AccountFilter(account_id=HISTORY)))
    told = [(r.balance.debits_pending, r.balance.debits_posted, r.balance.credits_posted)
            for r in rows]
    # The lapse and the payment that came with it share an instant; the later one counts.
    assert told == [(0, 0, 10), (0, 5, 10), (4, 5, 10), (0, 5, 11)]
    second = rows[1].timestamp_ns
    as_of = await database.read(lambda db: reader.balance_as_of(db, HISTORY, second))
    assert as_of == rows[1].balance
    before = await database.read(
        lambda db: reader.balance_as_of(db, HISTORY, rows[0].timestamp_ns - 1))
    assert before is None
    wanted = AccountFilter(account_id=HISTORY, timestamp_min=second, limit=2, is_reversed=True)
    page = await database.read(lambda db: reader.get_account_balances(db, wanted))
    assert page == [rows[3], rows[2]]
    nobody = AccountFilter(account_id=PAYER)
    assert await database.read(lambda db: reader.get_account_balances(db, nobody)) == []


async def test_balances_are_filtered_by_time_alone(database: Database) -> None:
    reader = LedgerReader(database)
    narrow: list[dict[str, Any]] = [{"code": 1}, {"has_debits": False}, {"user_data_32": 1}]
    for fields in narrow:
        wanted = AccountFilter(account_id=HISTORY, **fields)
        with pytest.raises(ValueError, match="time alone"):
            await database.read(partial(reader.get_account_balances, wanted=wanted))


@pytest.mark.parametrize("fields", [
    {"limit": 0}, {"limit": 1_001}, {"timestamp_min": -1}, {"timestamp_max": TIMESTAMP_NS_MAX + 1},
    {"timestamp_min": 2, "timestamp_max": 1},
])
def test_a_filter_that_makes_no_sense_is_a_bug_of_the_caller(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"limit|timestamp"):
        QueryFilter(**fields)
    with pytest.raises(ValueError, match=r"limit|timestamp"):
        AccountFilter(account_id=1, **fields)


@pytest.mark.parametrize("fields", [
    {"account_id": 0}, {"account_id": 2**128 - 1},
    {"account_id": 1, "has_debits": False, "has_credits": False}])
def test_an_account_filter_names_an_account_and_a_side(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"account_id|neither"):
        AccountFilter(**fields)
    assert QueryFilter(limit=1_000).limit == 1_000


async def test_the_query_tables_show_closed_accounts_and_what_a_balancing_transfer_moved(
    ledger: LedgerClient, database: Database
) -> None:
    await caught_up(ledger, database, pay(1, 30), pay(2, 99, PAYER, PAYEE, flags=BALANCING),
                    pay(3, 0, BANK, PAYEE, flags=PENDING | CLOSING))
    reader = LedgerReader(database)
    balancing = await database.read(lambda db: reader.transfer(db, 2))
    closed = await database.read(lambda db: reader.account(db, PAYEE))
    assert balancing is not None
    assert closed is not None
    assert balancing.transfer.amount == closed.account.credits_posted == 30
    assert closed.account.flags & 1 << 5
    await caught_up(ledger, database, TransferDraft(id=4, pending_id=3, flags=VOID))
    reopened = await database.read(lambda db: reader.account(db, PAYEE))
    assert reopened is not None
    assert not reopened.account.flags & 1 << 5


async def test_the_lag_of_the_copies_is_told_in_rows_and_time(
    database: Database, business_clock: FrozenClock
) -> None:
    reader = LedgerReader(database)
    async with running_writer(database, business_clock) as (writer, client):
        await client.create_accounts(ACCOUNTS)
        await Projection(database).catch_up()
        business_clock.advance(seconds=9)
        await client.create_transfers([pay(1)])
        await client.create_transfers([pay(2), pay(3)])
        lag = await database.read(reader.lag)
        assert (lag.rows, lag.journal_sequence) == (2, 3)
        assert 9 <= lag.behind_ns / 1e9 < 10
        assert writer.lag.events >= 3
        await Projection(database).catch_up()
        lag = await database.read(reader.lag)
        assert (lag.rows, lag.behind_ns) == (0, 0)
