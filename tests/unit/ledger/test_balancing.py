"""Balancing transfers: as much as asked, but no more than a side still has."""

from __future__ import annotations

import pytest

from lionrock.ledger.domain.created import created
from lionrock.ledger.domain.values import AMOUNT_MAX, AccountFlags, TransferFlags
from tests.unit.ledger.books import (
    BANK,
    LINKED,
    PAYEE,
    PAYER,
    PENDING,
    POST,
    Books,
    account,
    funded_books,
)

DEBIT = int(TransferFlags.BALANCING_DEBIT)
CREDIT = int(TransferFlags.BALANCING_CREDIT)


def amount_of(books: Books, transfer_id: int) -> int:
    amount = books.state.transfers[transfer_id].amount
    [told] = [t for entry in books.entries for t in created(entry).transfers
              if t.id == transfer_id]
    assert told.amount == amount, "the query tables are told what was moved"
    return amount


@pytest.mark.parametrize(("asked", "moved"), [(30, 30), (100, 100), (101, 100), (AMOUNT_MAX, 100)])
def test_a_balancing_debit_moves_no_more_than_the_debit_account_has(
    asked: int, moved: int
) -> None:
    books = funded_books()
    assert books.pay(id=50, amount=asked, flags=DEBIT) == "ok"
    assert amount_of(books, 50) == moved
    assert books.balance(PAYEE).credits_posted == moved


def test_holds_count_against_what_a_balancing_debit_may_take() -> None:
    books = funded_books()
    books.pay(amount=60, flags=PENDING)
    assert books.pay(id=50, amount=AMOUNT_MAX, flags=DEBIT) == "ok"
    assert amount_of(books, 50) == 40


def test_a_balancing_debit_of_an_empty_account_moves_nothing_and_is_created() -> None:
    books = funded_books()
    books.pay(amount=100)
    assert books.pay(id=50, amount=7, flags=DEBIT) == "ok"
    assert amount_of(books, 50) == 0


def test_a_balancing_debit_of_an_overdrawn_account_moves_nothing() -> None:
    books = funded_books(0)
    books.pay(amount=130)
    assert books.pay(id=50, amount=7, flags=DEBIT) == "ok"
    assert amount_of(books, 50) == 0


def test_a_balancing_credit_fills_the_credit_account_up_to_its_debits() -> None:
    books = Books()
    limit = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
    books.open(account(BANK), account(PAYER), account(PAYEE, limit))
    books.pay(debit_account_id=PAYEE, credit_account_id=BANK, amount=25)
    assert books.pay(id=50, amount=90, flags=CREDIT) == "ok"
    assert amount_of(books, 50) == 25
    assert books.pay(id=51, amount=90, flags=CREDIT) == "ok"
    assert amount_of(books, 51) == 0


def test_balancing_both_sides_moves_the_smaller_room() -> None:
    books = funded_books()
    books.pay(debit_account_id=PAYEE, credit_account_id=BANK, amount=25)
    assert books.pay(id=50, amount=90, flags=DEBIT | CREDIT) == "ok"
    assert amount_of(books, 50) == 25


def test_a_balancing_transfer_may_be_a_hold_of_what_was_there() -> None:
    books = funded_books()
    assert books.pay(id=50, amount=AMOUNT_MAX, flags=DEBIT | PENDING, timeout=5) == "ok"
    assert books.balance(PAYER).debits_pending == 100
    assert books.send(books.resolve(50, POST, AMOUNT_MAX)) == ["ok"]
    assert books.balance(PAYER).debits_posted == 100


def test_a_balancing_transfer_sent_again_exists_unless_it_asks_for_less_than_was_moved() -> None:
    books = funded_books()
    sent = books.draft(id=50, amount=300, flags=DEBIT)
    assert books.send(sent) == ["ok"]
    assert books.send(sent) == ["exists"]
    for amount, expected in ((100, "exists"), (AMOUNT_MAX, "exists"),
                             (99, "exists_with_different_amount")):
        assert books.pay(id=50, amount=amount, flags=DEBIT) == expected


def test_a_chain_that_breaks_leaves_nothing_of_a_balancing_transfer() -> None:
    books = funded_books()
    before = books.state.balances
    results = books.send(books.draft(id=50, amount=300, flags=DEBIT | LINKED),
                         books.draft(amount=1))
    assert results == ["linked_event_failed", "exceeds_credits"]
    assert books.state.balances == before
    assert 50 not in books.state.transfers
    assert created(books.entries[-1]).transfers == []


def test_a_fully_posted_hold_exists_for_whoever_asks_for_all_of_it_or_more() -> None:
    books = funded_books()
    books.pay(id=60, amount=40, flags=PENDING)
    assert books.send(books.resolve(60, POST, AMOUNT_MAX, id=61)) == ["ok"]
    for amount, expected in ((40, "exists"), (41, "exists"), (AMOUNT_MAX, "exists"),
                             (39, "exists_with_different_amount")):
        assert books.send(books.resolve(60, POST, amount, id=61)) == [expected]
