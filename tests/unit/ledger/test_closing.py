"""Closing an account, and opening it again by giving the closing hold up."""

from __future__ import annotations

import pytest

from lionrock.ledger.domain.copies import Copies
from lionrock.ledger.domain.values import AccountFlags, TransferFlags
from tests.unit.ledger.books import (
    LINKED,
    PAYEE,
    PAYER,
    PENDING,
    POST,
    VOID,
    Books,
    account,
    funded_books,
)

CLOSED = int(AccountFlags.CLOSED)
CLOSING_DEBIT = int(TransferFlags.CLOSING_DEBIT)
CLOSING_CREDIT = int(TransferFlags.CLOSING_CREDIT)


def is_closed(books: Books, account_id: int) -> bool:
    found = books.state.account(account_id)
    assert found is not None
    return bool(found.flags & CLOSED)


@pytest.mark.parametrize(("flag", "closes", "stays"), [
    (CLOSING_DEBIT, PAYER, PAYEE), (CLOSING_CREDIT, PAYEE, PAYER)])
def test_a_closing_hold_closes_its_side_until_it_is_voided(
    flag: int, closes: int, stays: int
) -> None:
    books = funded_books()
    assert books.pay(id=50, amount=0, flags=PENDING | flag) == "ok"
    assert is_closed(books, closes)
    assert not is_closed(books, stays)
    name = "debit" if flag == CLOSING_DEBIT else "credit"
    assert books.pay() == f"{name}_account_already_closed"
    assert books.send(books.resolve(50, VOID)) == ["ok"]
    assert not is_closed(books, closes)
    assert books.pay() == "ok"


def test_a_closing_hold_that_lapses_reopens_the_account() -> None:
    books = funded_books()
    assert books.pay(id=50, amount=0, flags=PENDING | CLOSING_DEBIT, timeout=5) == "ok"
    books.now_s += 6
    books.run()
    assert not is_closed(books, PAYER)


def test_a_closing_hold_cannot_be_posted_since_the_account_it_closed_is_closed() -> None:
    books = funded_books()
    books.pay(id=50, amount=5, flags=PENDING | CLOSING_DEBIT)
    assert books.send(books.resolve(50, POST, 5)) == ["debit_account_already_closed"]
    assert is_closed(books, PAYER)


def test_an_account_is_closed_once() -> None:
    books = funded_books()
    books.pay(amount=0, flags=PENDING | CLOSING_DEBIT)
    assert books.pay(amount=0, flags=PENDING | CLOSING_DEBIT) == "debit_account_already_closed"


def test_one_hold_may_close_both_sides() -> None:
    books = funded_books()
    assert books.pay(id=50, amount=0, flags=PENDING | CLOSING_DEBIT | CLOSING_CREDIT) == "ok"
    assert is_closed(books, PAYER)
    assert is_closed(books, PAYEE)
    books.send(books.resolve(50, VOID))
    assert not is_closed(books, PAYER)
    assert not is_closed(books, PAYEE)


def test_a_chain_that_breaks_leaves_no_account_closed_or_reopened() -> None:
    books = funded_books()
    results = books.send(
        books.draft(amount=0, flags=LINKED | PENDING | CLOSING_DEBIT),
        books.draft(debit_account_id=1, amount=5, code=0))
    assert results == ["linked_event_failed", "code_must_not_be_zero"]
    assert not is_closed(books, PAYER)
    books.pay(id=50, amount=0, flags=PENDING | CLOSING_DEBIT)
    results = books.send(
        books.resolve(50, VOID | LINKED), books.draft(amount=5, code=0))
    assert results == ["linked_event_failed", "code_must_not_be_zero"]
    assert is_closed(books, PAYER)


def test_an_account_that_closed_differs_from_the_one_that_was_opened() -> None:
    books = funded_books(0)
    books.pay(amount=0, flags=PENDING | CLOSING_DEBIT)
    assert books.open(account(PAYER)) == ["exists_with_different_flags"]
    assert books.open(account(PAYER, CLOSED)) == ["exists"]


def test_the_journal_row_tells_which_accounts_closed_and_reopened() -> None:
    books = funded_books(0)
    books.pay(id=50, amount=0, flags=PENDING | CLOSING_DEBIT)
    closed, reopened = Copies(), Copies()
    closed.add(books.entries[-1])
    books.send(books.resolve(50, VOID))
    reopened.add(books.entries[-1])
    key = PAYER.to_bytes(16, "little")
    assert (closed.flags, reopened.flags) == ({key: CLOSED}, {key: 0})
