"""Records keep what they are given; replay gives the same bytes or says what differs."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.ledger.domain import records
from lionrock.ledger.domain.created import created, holds_resolved
from lionrock.ledger.domain.machine import (
    GENESIS_HASH,
    Damaged,
    Entry,
    Operation,
    Request,
    execute,
    mentioned_keys,
    replay,
)
from lionrock.ledger.domain.records import Malformed
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import AMOUNT_MAX, ID_MAX, Account, Transfer
from tests.unit.ledger.books import (
    LINKED,
    PENDING,
    POST,
    Books,
    account,
    accounts_request,
    funded_books,
    transfers_request,
)

u128 = st.integers(0, ID_MAX)
amounts = st.integers(0, AMOUNT_MAX)
u64, u32, u16 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)


@given(st.lists(st.builds(
    Transfer, u128, u128, u128, amounts, u128, u128, u64, u32, u32, u32, u16, u16, u64)))
def test_transfers_come_back_from_their_records(transfers: list[Transfer]) -> None:
    payload = b"".join(records.encode_transfer(t, t.timestamp) for t in transfers)
    assert len(payload) == 128 * len(transfers)
    assert records.decode_transfers(payload) == transfers


@given(st.lists(st.builds(
    Account, u128, amounts, amounts, amounts, amounts, u128, u64, u32, u32, u16, u16, u64)))
def test_accounts_come_back_from_their_records(accounts: list[Account]) -> None:
    payload = b"".join(map(records.encode_account, accounts))
    assert records.decode_accounts(payload) == accounts


@given(st.lists(u128))
def test_ids_come_back(ids: list[int]) -> None:
    assert records.decode_ids(records.encode_ids(ids)) == ids
    assert [records.id_of(key) for key in records.keys(records.encode_ids(ids))] == ids


def test_a_transfer_record_is_laid_out_as_tigerbeetles() -> None:
    record = records.encode_transfer(
        Transfer(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), timestamp=13
    )
    widths = (16, 16, 16, 16, 16, 16, 8, 4, 4, 4, 2, 2, 8)
    expected = b"".join(n.to_bytes(w, "little") for n, w in enumerate(widths, 1))
    assert record == expected


@pytest.mark.parametrize("read", [records.decode_transfers, records.decode_accounts,
                                  records.keys, records.decode_ids])
def test_a_record_cut_short_is_malformed(read: object) -> None:
    assert callable(read)
    with pytest.raises(Malformed):
        read(bytes(127))


def test_amounts_beyond_the_ledgers_range_are_malformed() -> None:
    record = bytearray(128)
    record[48:64] = (AMOUNT_MAX + 1).to_bytes(16, "little")
    with pytest.raises(Malformed):
        records.decode_transfers(bytes(record))
    for offset in (16, 32, 48, 64):
        for amount in (AMOUNT_MAX + 1, 2**64):
            record = bytearray(128)
            record[offset:offset + 16] = amount.to_bytes(16, "little")
            with pytest.raises(Malformed):
                records.decode_accounts(bytes(record))


def test_a_malformed_request_changes_nothing_of_its_batch() -> None:
    books = funded_books()
    good = Request(Operation.CREATE_TRANSFERS, records.encode_transfer(books.draft()))
    before = dict(books.state.balances)
    with pytest.raises(Malformed):
        books.run(good, Request(Operation.CREATE_TRANSFERS, bytes(5)))
    assert books.state.balances == before


def busy_books() -> Books:
    books = funded_books()
    books.pay(id=70, amount=20, flags=PENDING, timeout=5)
    books.pay(id=71, amount=20, flags=PENDING, timeout=50)
    books.send(books.draft(flags=LINKED), books.draft(amount=1_000))
    books.now_s += 10
    books.send(books.resolve(71, POST, 7), books.draft(), books.draft(debit_account_id=99))
    return books


def test_replay_of_the_journal_gives_the_same_state() -> None:
    books = busy_books()
    state, previous = State(), GENESIS_HASH
    for entry in books.entries:
        replay(state, entry, previous)
        previous = entry.hash
    for table in ("accounts", "balances", "transfers", "holds", "settled_ns", "failed",
                  "time_ns"):
        assert getattr(state, table) == getattr(books.state, table), table
    assert list(state.transfers) == list(books.state.transfers)


def changed(entry: Entry, **fields: object) -> Entry:
    return msgspec.structs.replace(entry, **fields)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"input": b"\x90"}, "results"),
        ({"input": b"\xff"}, "unreadable input"),
        ({"results": b"\x01"}, "results"),
        ({"effects": b"\x96\x02" + b"\xc4\x00" * 4 + b"\xc4\x01x"}, "effects"),
        ({"effects": b"\x96\x01" + b"\xc4\x00" * 5}, "effects"),
        ({"hash": bytes(32)}, "hash"),
        ({"time_ns": 5_000 * 10**9}, "hash"),
        ({"sequence": 99}, "hash"),
        ({"time_ns": 1}, "not later"),
    ],
)
def test_a_changed_row_is_noticed_and_named(fields: dict[str, object], what: str) -> None:
    books = funded_books()
    books.pay()
    state, previous = State(), GENESIS_HASH
    for entry in books.entries[:-1]:
        replay(state, entry, previous)
        previous = entry.hash
    with pytest.raises(Damaged, match=what):
        replay(state, changed(books.entries[-1], **fields), previous)


def test_a_row_left_out_is_noticed() -> None:
    books = funded_books()
    state = State()
    replay(state, books.entries[0], GENESIS_HASH)
    books.pay(debit_account_id=1)
    with pytest.raises(Damaged):
        replay(state, books.entries[2], books.entries[0].hash)


def test_a_row_tells_the_query_tables_what_it_added() -> None:
    books = busy_books()
    rows = [created(entry) for entry in books.entries]
    accounts = [a for row in rows for a in row.accounts]
    transfers = [t for row in rows for t in row.transfers]
    failed = {i: timestamp for row in rows for i, _, timestamp in row.failed}
    assert accounts == list(books.state.accounts.values())
    assert transfers == list(books.state.transfers.values())
    assert failed == books.state.failed


def test_a_row_of_several_callers_gives_each_event_its_own_timestamp() -> None:
    books = funded_books()
    books.run(
        transfers_request(books.draft(amount=1), books.draft(amount=1)),
        accounts_request(account(60), account(61)),
        transfers_request(books.draft(amount=1), books.draft(debit_account_id=99)),
    )
    entry = books.entries[-1]
    row = created(entry)
    at = [t.timestamp - entry.time_ns for t in row.transfers]
    assert at == [0, 1, 4]
    assert [a.timestamp - entry.time_ns for a in row.accounts] == [2, 3]
    assert [timestamp - entry.time_ns for _, _, timestamp in row.failed] == [5]
    assert row.transfers == list(books.state.transfers.values())[-3:]
    assert holds_resolved(row.transfers, b"") == {}


def test_a_row_at_the_very_timestamp_of_the_row_before_is_damage() -> None:
    books = funded_books()
    state, first = State(), books.entries[0]
    replay(state, first, GENESIS_HASH)
    with pytest.raises(Damaged, match="not later"):
        replay(state, changed(books.entries[1], time_ns=state.time_ns), first.hash)


def test_unreadable_effects_are_damage() -> None:
    books = funded_books()
    with pytest.raises(Damaged, match="unreadable effects"):
        created(changed(books.entries[-1], effects=b"\xff"))


def test_the_ids_a_batch_depends_on_are_its_own_and_those_of_its_holds() -> None:
    books = Books()
    request = Request(Operation.CREATE_TRANSFERS,
                      records.encode_transfer(books.resolve(5, POST, id=6)))
    opening = Request(Operation.CREATE_ACCOUNTS, records.encode_account_draft(account(9)))
    five, six = records.key_of(5), records.key_of(6)
    assert mentioned_keys([request, opening], lambda _: False) == [six, five]
    assert mentioned_keys([request, opening], lambda _: True) == [five]


def test_timestamps_are_unique_and_increase_even_when_the_clock_stands_still() -> None:
    books = funded_books()
    books.send(*(books.draft(amount=1) for _ in range(20)))
    books.pay(amount=1)
    stamps = [t.timestamp for t in books.state.transfers.values()]
    assert stamps == sorted(set(stamps))


def test_a_batch_may_not_go_back_in_time() -> None:
    books = funded_books()
    with pytest.raises(AssertionError):
        execute(books.state, [], time_ns=1, sequence=9, previous=books.hash)
