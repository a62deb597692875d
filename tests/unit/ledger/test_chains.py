"""Linked events: all or nothing, and what a repeat of a chain is told."""

from __future__ import annotations

import copy

from lionrock.ledger.api import TransferOutcome, all_created
from lionrock.ledger.domain.results import TransferResult
from tests.unit.ledger.books import (
    LINKED,
    PAYEE,
    PAYER,
    PENDING,
    Books,
    funded_books,
    transfers_request,
)


def tables(books: Books) -> object:
    state = books.state
    return copy.deepcopy((state.accounts, state.balances, state.transfers, state.holds))


def outcomes(results: list[TransferResult]) -> list[TransferOutcome]:
    return [TransferOutcome(result, 1) for result in results]


def test_a_chain_that_holds_is_carried_out_whole() -> None:
    books = funded_books()
    results = books.send(books.draft(flags=LINKED), books.draft(flags=LINKED), books.draft())
    assert results == ["ok"] * 3
    assert books.balance(PAYEE).credits_posted == 30


def test_a_chain_that_breaks_leaves_no_trace_but_the_refused_id() -> None:
    books = funded_books()
    before = tables(books)
    chain = [books.draft(id=71, flags=LINKED), books.draft(id=72, amount=95, flags=LINKED),
             books.draft(id=73)]
    results = books.send(*chain)
    assert results == ["linked_event_failed", "exceeds_credits", "linked_event_failed"]
    assert tables(books) == before
    assert set(books.state.failed) == {72}


def test_chains_in_one_request_fail_apart() -> None:
    books = funded_books()
    results = books.send(
        books.draft(flags=LINKED), books.draft(code=0),
        books.draft(flags=LINKED), books.draft(),
        books.draft(),
    )
    assert results == ["linked_event_failed", "code_must_not_be_zero", "ok", "ok", "ok"]


def test_a_chain_left_open_fails_and_the_open_end_is_named() -> None:
    books = funded_books()
    before = tables(books)
    results = books.send(books.draft(), books.draft(flags=LINKED), books.draft(flags=LINKED))
    assert results == ["ok", "linked_event_failed", "linked_event_chain_open"]
    assert before != tables(books)
    assert books.balance(PAYEE).credits_posted == 10


def test_an_open_chain_that_also_breaks_names_both() -> None:
    books = funded_books()
    results = books.send(books.draft(flags=LINKED), books.draft(flags=LINKED, code=0),
                         books.draft(flags=LINKED))
    assert results == ["linked_event_failed", "code_must_not_be_zero", "linked_event_chain_open"]


def test_a_chain_does_not_reach_into_another_callers_request() -> None:
    books = funded_books()
    first, second = books.run(
        transfers_request(books.draft(flags=LINKED)), transfers_request(books.draft())
    )
    assert (first, second) == (bytes([2]), bytes([0]))


def test_within_a_chain_money_flows_in_order() -> None:
    books = funded_books()
    results = books.send(
        books.draft(debit_account_id=PAYER, credit_account_id=PAYEE, amount=100, flags=LINKED),
        books.draft(debit_account_id=PAYEE, credit_account_id=PAYER, amount=100, flags=LINKED),
        books.draft(debit_account_id=PAYER, credit_account_id=PAYEE, amount=100, flags=PENDING),
    )
    assert results == ["ok"] * 3


def test_a_repeated_chain_is_recognised_as_done() -> None:
    books = funded_books()
    chain = [books.draft(flags=LINKED), books.draft(flags=LINKED), books.draft()]
    assert all_created(outcomes(books.send(*chain)))
    again = books.send(*chain)
    assert again == ["exists", "linked_event_failed", "linked_event_failed"]
    assert all_created(outcomes(again))
    assert books.balance(PAYEE).credits_posted == 30


def test_a_repeated_chain_that_had_failed_stays_failed() -> None:
    books = funded_books()
    chain = [books.draft(flags=LINKED), books.draft(amount=1_000)]
    assert not all_created(outcomes(books.send(*chain)))
    books.pay(debit_account_id=1, credit_account_id=PAYER, amount=10_000)
    again = books.send(*chain)
    assert again == ["linked_event_failed", "id_already_failed"]
    assert not all_created(outcomes(again))


def test_other_mixtures_are_not_taken_for_success() -> None:
    names = TransferResult
    for results in (
        [names.EXISTS, names.EXCEEDS_CREDITS],
        [names.LINKED_EVENT_FAILED, names.EXISTS],
        [names.OK, names.LINKED_EVENT_FAILED],
        [names.EXISTS_WITH_DIFFERENT_AMOUNT, names.LINKED_EVENT_FAILED],
    ):
        assert not all_created(outcomes(results))
