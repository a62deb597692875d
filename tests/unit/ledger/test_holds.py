"""Pending transfers: post, part-post, void, expiry; every refusal that names a hold."""

from __future__ import annotations

import pytest

from lionrock.ledger.domain.created import created, holds_resolved
from lionrock.ledger.domain.machine import decode_effects
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    ID_MAX,
    AccountFlags,
    Balance,
    HoldStatus,
    TransferFlags,
)
from tests.unit.ledger.books import (
    LINKED,
    OTHER,
    PAYEE,
    PAYER,
    PENDING,
    POST,
    VOID,
    Books,
    funded_books,
)

CLOSED = int(AccountFlags.CLOSED)
CLOSING_DEBIT = int(TransferFlags.CLOSING_DEBIT)
CLOSING_CREDIT = int(TransferFlags.CLOSING_CREDIT)
HOLD = 500


def held_books(amount: int = 40, timeout: int = 60) -> Books:
    books = funded_books()
    assert books.pay(id=HOLD, amount=amount, flags=PENDING, timeout=timeout,
                     user_data_128=1, user_data_64=2, user_data_32=3) == "ok"
    return books


def test_posting_moves_the_whole_hold() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, POST, AMOUNT_MAX)) == ["ok"]
    assert books.balance(PAYER) == Balance(0, 40, 0, 100)
    assert books.balance(PAYEE) == Balance(0, 0, 0, 40)
    assert books.state.hold_status(HOLD) is HoldStatus.POSTED


@pytest.mark.parametrize(
    ("flags", "status"), [(POST, HoldStatus.POSTED), (VOID, HoldStatus.VOIDED)]
)
def test_the_query_tables_are_told_how_a_hold_ended(flags: int, status: HoldStatus) -> None:
    books = held_books()
    books.send(books.draft(amount=1), books.resolve(HOLD, flags, 40))
    row = created(books.entries[-1])
    assert holds_resolved(row.transfers, b"") == {HOLD: status}


def test_posting_a_part_gives_the_rest_back() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, POST, 15)) == ["ok"]
    assert books.balance(PAYER) == Balance(0, 15, 0, 100)
    assert books.pay(amount=85) == "ok"


def test_posting_nothing_is_a_resolution() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, POST, 0)) == ["ok"]
    assert books.balance(PAYER) == Balance(0, 0, 0, 100)
    assert books.state.hold_status(HOLD) is HoldStatus.POSTED


@pytest.mark.parametrize("amount", [0, 40])
def test_voiding_gives_everything_back(amount: int) -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, VOID, amount)) == ["ok"]
    assert books.balance(PAYER) == Balance(0, 0, 0, 100)
    assert books.balance(PAYEE) == Balance(0, 0, 0, 0)


def test_what_a_post_leaves_out_comes_from_its_hold() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, POST, AMOUNT_MAX, id=501)) == ["ok"]
    post = books.state.transfers[501]
    assert (post.debit_account_id, post.credit_account_id) == (PAYER, PAYEE)
    assert (post.amount, post.user_data_128, post.user_data_64, post.user_data_32) == (40, 1, 2, 3)
    [recorded] = created(books.entries[-1]).transfers
    assert recorded == post


@pytest.mark.parametrize(
    ("pending_id", "fields", "expected"),
    [
        (0, {}, "pending_id_must_not_be_zero"),
        (ID_MAX, {}, "pending_id_must_not_be_int_max"),
        (501, {"id": 501}, "pending_id_must_be_different"),
        (HOLD, {"timeout": 5}, "timeout_reserved_for_pending_transfer"),
        (999, {}, "pending_transfer_not_found"),
        (1, {}, "pending_transfer_not_pending"),
        (HOLD, {"debit_account_id": OTHER}, "pending_transfer_has_different_debit_account_id"),
        (HOLD, {"credit_account_id": OTHER}, "pending_transfer_has_different_credit_account_id"),
        (HOLD, {"ledger": 9}, "pending_transfer_has_different_ledger"),
        (HOLD, {"code": 9}, "pending_transfer_has_different_code"),
    ],
)
@pytest.mark.parametrize("flags", [POST, VOID])
def test_a_resolution_that_does_not_fit_its_hold_is_refused(
    flags: int, pending_id: int, fields: dict[str, int], expected: str
) -> None:
    books = held_books()
    before = dict(books.state.balances)
    assert books.send(books.resolve(pending_id, flags, **fields)) == [expected]
    assert books.state.balances == before
    assert books.state.hold_status(HOLD) is HoldStatus.OPEN


def test_more_than_the_hold_cannot_be_posted() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, POST, 41)) == ["exceeds_pending_transfer_amount"]
    assert books.send(books.resolve(HOLD, VOID, 41)) == ["exceeds_pending_transfer_amount"]
    assert books.send(books.resolve(HOLD, POST, 40)) == ["ok"]


def test_a_part_cannot_be_voided() -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, VOID, 39)) == ["pending_transfer_has_different_amount"]


@pytest.mark.parametrize(
    ("first", "expected"),
    [(POST, "pending_transfer_already_posted"), (VOID, "pending_transfer_already_voided")],
)
@pytest.mark.parametrize("second", [POST, VOID])
def test_a_hold_is_resolved_once(first: int, second: int, expected: str) -> None:
    books = held_books()
    amount = AMOUNT_MAX if first == POST else 0
    assert books.send(books.resolve(HOLD, first, amount)) == ["ok"]
    amount = 40 if second == POST else 0
    assert books.send(books.resolve(HOLD, second, amount)) == [expected]


def test_two_posts_in_one_batch_post_once() -> None:
    books = held_books()
    results = books.send(books.resolve(HOLD, POST, 40), books.resolve(HOLD, POST, 40))
    assert results == ["ok", "pending_transfer_already_posted"]


@pytest.mark.parametrize(
    ("flags", "amount", "again", "expected"),
    [
        (POST, 40, {"amount": 40}, "exists"),
        (POST, 40, {"amount": AMOUNT_MAX}, "exists"),
        (POST, 15, {"amount": 15}, "exists"),
        (POST, 15, {"amount": 16}, "exists_with_different_amount"),
        (POST, 15, {"amount": AMOUNT_MAX}, "exists_with_different_amount"),
        (VOID, 0, {"amount": 0}, "exists"),
        (VOID, 0, {"amount": 40}, "exists"),
        (VOID, 0, {"amount": 39}, "exists_with_different_amount"),
        (POST, 40, {"amount": 40, "user_data_128": 1, "code": 10, "ledger": 344}, "exists"),
        (POST, 40, {"amount": 40, "user_data_128": 9}, "exists_with_different_user_data_128"),
        (POST, 40, {"amount": 40, "user_data_64": 9}, "exists_with_different_user_data_64"),
        (POST, 40, {"amount": 40, "user_data_32": 9}, "exists_with_different_user_data_32"),
        (POST, 40, {"amount": 40, "debit_account_id": OTHER},
         "exists_with_different_debit_account_id"),
        (POST, 40, {"amount": 40, "credit_account_id": OTHER},
         "exists_with_different_credit_account_id"),
        (POST, 40, {"amount": 40, "ledger": 9}, "exists_with_different_ledger"),
        (POST, 40, {"amount": 40, "code": 9}, "exists_with_different_code"),
        (POST, 40, {"amount": 40, "timeout": 9}, "exists_with_different_timeout"),
    ],
)
def test_a_repeated_resolution_is_compared_as_its_hold_fills_it_in(
    flags: int, amount: int, again: dict[str, int], expected: str
) -> None:
    books = held_books()
    assert books.send(books.resolve(HOLD, flags, amount, id=501)) == ["ok"]
    before = dict(books.state.balances)
    assert books.send(books.resolve(HOLD, flags, id=501, **again)) == [expected]
    assert books.state.balances == before


def test_a_post_of_another_hold_under_a_used_id_is_told_apart() -> None:
    books = held_books()
    books.pay(id=600, flags=PENDING)
    assert books.send(books.resolve(HOLD, POST, 40, id=501)) == ["ok"]
    assert books.send(books.resolve(600, POST, 40, id=501)) == ["exists_with_different_pending_id"]


def test_a_hold_lapses_at_its_instant_and_not_before() -> None:
    books = held_books(timeout=60)
    lapses_ns = books.state.next_expiry_ns()
    assert lapses_ns == books.state.transfers[HOLD].timestamp + 60 * 10**9
    books.now_s += 59
    books.run()
    assert books.balance(PAYER).debits_pending == 40
    books.now_s += 2
    books.run()
    assert books.balance(PAYER) == Balance(0, 0, 0, 100)
    assert books.state.hold_status(HOLD) is HoldStatus.EXPIRED
    assert books.state.next_expiry_ns() is None
    effects = decode_effects(books.entries[-1])
    assert holds_resolved([], effects.expired) == {HOLD: HoldStatus.EXPIRED}


@pytest.mark.parametrize("flags", [POST, VOID])
def test_a_lapsed_hold_is_neither_posted_nor_voided(flags: int) -> None:
    books = held_books(timeout=60)
    books.now_s += 61
    amount = 40 if flags == POST else 0
    assert books.send(books.resolve(HOLD, flags, amount)) == ["pending_transfer_expired"]
    assert books.balance(PAYER) == Balance(0, 0, 0, 100)


def test_a_hold_that_lapses_inside_a_batch_is_not_posted_by_it() -> None:
    # The batch begins one nanosecond before the hold lapses: it is still open when the batch
    # starts, and the second event comes at the instant itself.
    books = held_books(timeout=60)
    lapses_ns = books.state.next_expiry_ns()
    assert lapses_ns is not None
    books.state.time_ns = lapses_ns - 2
    books.now_s = 0
    results = books.send(books.draft(amount=1), books.resolve(HOLD, POST, 40))
    assert results == ["ok", "pending_transfer_expired"]
    books.run()
    assert books.state.hold_status(HOLD) is HoldStatus.EXPIRED


def test_a_lapsed_hold_frees_its_money_for_the_same_batch() -> None:
    books = held_books(amount=100, timeout=60)
    assert books.pay(amount=1) == "exceeds_credits"
    books.now_s += 61
    assert books.pay(amount=100) == "ok"


def test_holds_lapse_in_the_order_of_their_instants() -> None:
    books = funded_books()
    for hold_id, timeout in ((31, 30), (32, 10), (33, 20), (34, 10)):
        books.pay(id=hold_id, amount=1, flags=PENDING, timeout=timeout)
    books.now_s += 100
    books.run()
    expired = holds_resolved([], decode_effects(books.entries[-1]).expired)
    assert list(expired) == [32, 34, 33, 31]


def test_a_hold_without_time_out_never_lapses() -> None:
    books = held_books(timeout=0)
    books.now_s += 10**9
    books.run()
    assert books.state.hold_status(HOLD) is HoldStatus.OPEN


def test_a_resolved_hold_does_not_lapse_as_well() -> None:
    books = held_books(timeout=60)
    books.send(books.resolve(HOLD, POST, 40))
    books.now_s += 100
    books.run()
    assert books.balance(PAYER) == Balance(0, 40, 0, 100)


def test_a_post_undone_with_its_chain_leaves_the_hold_open_to_lapse() -> None:
    books = held_books(timeout=60)
    chain = (books.resolve(HOLD, POST | LINKED, 40), books.draft(code=0))
    assert books.send(*chain) == ["linked_event_failed", "code_must_not_be_zero"]
    assert books.state.hold_status(HOLD) is HoldStatus.OPEN
    books.now_s += 61
    books.run()
    assert books.state.hold_status(HOLD) is HoldStatus.EXPIRED


def test_a_hold_made_again_after_its_chain_was_undone_lapses_by_its_own_time_out() -> None:
    books = funded_books()
    first = books.draft(id=HOLD, flags=PENDING | LINKED, timeout=10)
    assert books.send(first, books.draft(code=0))[0] == "linked_event_failed"
    assert books.pay(id=HOLD, flags=PENDING, timeout=100) == "ok"
    books.now_s += 50
    books.run()
    assert books.state.hold_status(HOLD) is HoldStatus.OPEN
    books.now_s += 60
    books.run()
    assert books.state.hold_status(HOLD) is HoldStatus.EXPIRED


def test_posting_onto_an_account_that_has_closed_is_refused_and_voiding_is_not() -> None:
    for closing, account_id, expected in (
        (CLOSING_DEBIT, PAYER, "debit_account_already_closed"),
        (CLOSING_CREDIT, PAYEE, "credit_account_already_closed"),
    ):
        books = held_books()
        assert books.pay(amount=0, flags=PENDING | closing) == "ok"
        assert books.state.accounts[account_id].flags & CLOSED
        assert books.send(books.resolve(HOLD, POST, 40)) == [expected]
        assert books.send(books.resolve(HOLD, VOID)) == ["ok"]


def test_a_resolution_of_a_missing_hold_uses_its_id_up() -> None:
    books = held_books()
    assert books.send(books.resolve(999, POST, 1, id=501)) == ["pending_transfer_not_found"]
    books.pay(id=999, flags=PENDING)
    assert books.send(books.resolve(999, POST, 1, id=501)) == ["id_already_failed"]
