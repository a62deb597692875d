"""Snapshots and forgetting: what stays, what may go, and bytes that say the same."""

from __future__ import annotations

import msgspec
import pytest

from lionrock.ledger.domain import snapshot
from lionrock.ledger.domain.machine import GENESIS_HASH, Damaged, replay
from lionrock.ledger.domain.results import AccountResult, all_created
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import HoldStatus
from tests.unit.ledger.books import PENDING, POST, VOID, Books, account, funded_books


def lived_books() -> tuple[Books, int]:
    """Books with one of everything before and after an instant, and that instant."""
    books = funded_books()
    books.pay(id=20, amount=1, flags=PENDING)  # stays open
    books.pay(id=21, amount=1, flags=PENDING)  # settled before
    books.pay(id=22, amount=1, flags=PENDING)  # settled after
    books.pay(id=23, amount=1, flags=PENDING, timeout=5)  # lapses after
    books.pay(id=24, amount=1_000)  # refused before
    books.send(books.resolve(21, POST, 1, id=31))
    until_ns = books.state.time_ns
    books.send(books.resolve(22, VOID, id=32))
    books.pay(id=25, amount=1_000)  # refused after
    books.now_s += 10
    books.pay(id=26, amount=1)
    return books, until_ns


def restored(books: Books, until_ns: int) -> State:
    encoded = snapshot.take(books.state, 9, bytes(32), until_ns)
    state, sequence, row_hash = snapshot.restore(encoded, snapshot.digest(encoded))
    assert (sequence, row_hash) == (9, bytes(32))
    return state


def test_a_snapshot_leaves_out_exactly_what_was_settled_by_the_instant() -> None:
    books, until_ns = lived_books()
    state = restored(books, until_ns)
    assert set(state.transfers) == {20, 22, 23, 26, 32}
    assert state.holds == {20: HoldStatus.OPEN, 22: HoldStatus.VOIDED, 23: HoldStatus.EXPIRED}
    assert state.settled_ns == {i: books.state.settled_ns[i] for i in (22, 23)}
    assert set(state.failed) == {25}
    assert state.archived_until_ns == until_ns
    assert state.time_ns == books.state.time_ns
    assert (state.accounts, state.balances) == (books.state.accounts, books.state.balances)


def test_a_snapshot_that_leaves_nothing_out_says_so() -> None:
    books, _ = lived_books()
    state = restored(books, 0)
    assert state.archived_until_ns == 0
    for table in ("transfers", "holds", "settled_ns", "failed"):
        assert getattr(state, table) == getattr(books.state, table), table


def test_forgetting_in_memory_is_what_a_snapshot_leaves_out() -> None:
    books, until_ns = lived_books()
    kept = restored(books, until_ns)
    assert books.state.archive(until_ns) == 4  # 1, 21, 31 and the refused 24
    for table in ("transfers", "holds", "settled_ns", "failed", "archived_until_ns"):
        assert getattr(books.state, table) == getattr(kept, table), table
    assert books.state.archive(until_ns) == 0


def test_what_was_settled_at_the_very_instant_was_settled_by_it() -> None:
    books = funded_books()
    books.pay(id=20, amount=1)
    paid_ns = books.state.transfers[20].timestamp
    assert 20 in restored(books, paid_ns - 1).transfers
    assert 20 not in restored(books, paid_ns).transfers
    books.pay(id=21, amount=1, flags=PENDING)
    books.send(books.resolve(21, VOID, id=31))
    settled_ns = books.state.settled_ns[21]
    assert 21 in restored(books, settled_ns - 1).transfers
    assert 21 not in restored(books, settled_ns).transfers


def test_forgetting_only_refused_ids_is_forgetting_too() -> None:
    books = Books()
    books.open(account(2), account(3))
    books.pay(id=20, debit_account_id=99)
    assert books.state.archive(books.state.time_ns) == 1
    assert books.state.archived_until_ns == books.state.time_ns


def test_a_later_snapshot_does_not_claim_that_less_was_left_out() -> None:
    books, until_ns = lived_books()
    books.state.archive(until_ns)
    assert restored(books, 0).archived_until_ns == until_ns


def test_the_same_history_gives_the_same_snapshot() -> None:
    books, until_ns = lived_books()
    again, previous = State(), GENESIS_HASH
    for entry in books.entries:
        replay(again, entry, previous)
        previous = entry.hash
    one = snapshot.take(books.state, 9, previous, until_ns)
    assert snapshot.take(again, 9, previous, until_ns) == one
    assert snapshot.take(restored(books, until_ns), 9, previous, until_ns) == one


def test_holds_that_were_open_in_a_snapshot_still_lapse() -> None:
    books = funded_books()
    books.pay(id=20, amount=1, flags=PENDING, timeout=5)
    state = restored(books, books.state.time_ns)
    assert state.next_expiry_ns() == books.state.next_expiry_ns() is not None


def test_a_snapshot_of_another_version_is_refused() -> None:
    books, _ = lived_books()
    fields = msgspec.msgpack.decode(snapshot.take(books.state, 9, bytes(32), 0))
    other = msgspec.msgpack.encode([snapshot.VERSION + 1, *fields[1:]])
    with pytest.raises(Damaged, match=f"version {snapshot.VERSION + 1}"):
        snapshot.restore(other, snapshot.digest(other))


def test_accounts_opened_or_already_there_stand() -> None:
    assert all_created([AccountResult.OK, AccountResult.EXISTS])
    assert not all_created([AccountResult.OK, AccountResult.EXISTS_WITH_DIFFERENT_CODE])
    with pytest.raises(AssertionError):
        all_created([])
