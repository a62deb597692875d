"""Every answer of create_transfers for immediate and pending transfers, and their precedence."""

from __future__ import annotations

import struct

import pytest

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import Operation, Request
from lionrock.ledger.domain.results import TRANSFER_RESULT, TransferResult
from lionrock.ledger.domain.values import (
    AMOUNT_MAX,
    ID_MAX,
    NS_PER_S,
    TIMESTAMP_NS_MAX,
    AccountFlags,
    Balance,
    TransferDraft,
    TransferFlags,
)
from tests.unit.ledger.books import (
    BANK,
    HKD,
    LINKED,
    OTHER,
    PAYEE,
    PAYER,
    PENDING,
    POST,
    VOID,
    Books,
    account,
    funded_books,
    transfers_request,
)

CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)


def test_an_immediate_transfer_debits_one_and_credits_the_other() -> None:
    books = funded_books()
    assert books.pay(amount=30) == "ok"
    assert books.balance(PAYER) == Balance(0, 30, 0, 100)
    assert books.balance(PAYEE) == Balance(0, 0, 0, 30)


def test_a_pending_transfer_only_reserves() -> None:
    books = funded_books()
    assert books.pay(amount=30, flags=PENDING, timeout=60) == "ok"
    assert books.balance(PAYER) == Balance(30, 0, 0, 100)
    assert books.balance(PAYEE) == Balance(0, 0, 30, 0)


def test_a_transfer_of_nothing_is_a_transfer() -> None:
    books = funded_books()
    assert books.pay(amount=0) == "ok"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"flags": 1 << 9}, "reserved_flag"),
        ({"flags": int(TransferFlags.IMPORTED)}, "reserved_flag"),
        ({"id": 0}, "id_must_not_be_zero"),
        ({"id": ID_MAX}, "id_must_not_be_int_max"),
        ({"flags": PENDING | POST}, "flags_are_mutually_exclusive"),
        ({"flags": PENDING | VOID}, "flags_are_mutually_exclusive"),
        ({"flags": POST | VOID}, "flags_are_mutually_exclusive"),
        *(({"flags": mode | other}, "flags_are_mutually_exclusive")
          for mode in (POST, VOID) for other in (
              TransferFlags.BALANCING_DEBIT, TransferFlags.BALANCING_CREDIT,
              TransferFlags.CLOSING_DEBIT, TransferFlags.CLOSING_CREDIT)),
        ({"debit_account_id": 0}, "debit_account_id_must_not_be_zero"),
        ({"debit_account_id": ID_MAX}, "debit_account_id_must_not_be_int_max"),
        ({"credit_account_id": 0}, "credit_account_id_must_not_be_zero"),
        ({"credit_account_id": ID_MAX}, "credit_account_id_must_not_be_int_max"),
        ({"credit_account_id": PAYER}, "accounts_must_be_different"),
        ({"pending_id": 5}, "pending_id_must_be_zero"),
        ({"timeout": 5}, "timeout_reserved_for_pending_transfer"),
        ({"flags": int(TransferFlags.CLOSING_DEBIT)}, "closing_transfer_must_be_pending"),
        ({"flags": int(TransferFlags.CLOSING_CREDIT)}, "closing_transfer_must_be_pending"),
        ({"ledger": 0}, "ledger_must_not_be_zero"),
        ({"code": 0}, "code_must_not_be_zero"),
        ({"debit_account_id": 99}, "debit_account_not_found"),
        ({"credit_account_id": 99}, "credit_account_not_found"),
        ({"ledger": 9}, "transfer_must_have_the_same_ledger_as_accounts"),
        ({"amount": 101}, "exceeds_credits"),
        ({"amount": 101, "flags": PENDING}, "exceeds_credits"),
        ({"flags": LINKED}, "linked_event_chain_open"),
    ],
)
def test_a_wrong_transfer_is_refused_under_its_own_name_and_moves_nothing(
    fields: dict[str, int], expected: str
) -> None:
    books = funded_books()
    before = dict(books.state.balances)
    assert books.pay(**fields) == expected
    assert books.state.balances == before


def test_a_timestamp_of_the_callers_own_is_refused() -> None:
    books = funded_books()
    record = bytearray(records.encode_transfer(books.draft()))
    struct.pack_into("<Q", record, 120, 1)
    [answer] = books.run(Request(Operation.CREATE_TRANSFERS, bytes(record)))
    assert TRANSFER_RESULT[answer[0]] == "timestamp_must_be_zero"


def test_accounts_of_two_ledgers_do_not_trade() -> None:
    books = funded_books()
    books.open(account(50, ledger=156))
    assert books.pay(credit_account_id=50) == "accounts_must_have_the_same_ledger"


def test_a_holder_cannot_spend_what_is_held() -> None:
    books = funded_books()
    assert books.pay(amount=80, flags=PENDING) == "ok"
    assert books.pay(amount=21) == "exceeds_credits"
    assert books.pay(amount=20) == "ok"


def test_money_that_is_only_pending_cannot_be_spent() -> None:
    books = funded_books()
    books.open(account(50, int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)))
    assert books.pay(credit_account_id=50, amount=80, flags=PENDING) == "ok"
    assert books.pay(debit_account_id=50, amount=1) == "exceeds_credits"


def test_a_credit_limited_account_takes_no_more_than_it_gave() -> None:
    books = funded_books()
    books.open(account(50, CREDITS_LIMITED))
    assert books.pay(debit_account_id=50, amount=10) == "ok"
    assert books.pay(credit_account_id=50, amount=11) == "exceeds_debits"
    assert books.pay(credit_account_id=50, amount=4, flags=PENDING) == "ok"
    assert books.pay(credit_account_id=50, amount=7) == "exceeds_debits"
    assert books.pay(credit_account_id=50, amount=6) == "ok"


def test_a_closed_account_is_neither_debited_nor_credited() -> None:
    books = funded_books()
    books.open(account(50, int(AccountFlags.CLOSED)))
    assert books.pay(debit_account_id=50) == "debit_account_already_closed"
    assert books.pay(credit_account_id=50) == "credit_account_already_closed"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"flags": PENDING}, {"flags": PENDING, "credit_account_id": OTHER},
         "overflows_debits_pending"),
        ({"flags": PENDING}, {"flags": PENDING, "debit_account_id": OTHER},
         "overflows_credits_pending"),
        ({}, {"credit_account_id": OTHER}, "overflows_debits_posted"),
        ({}, {"debit_account_id": OTHER}, "overflows_credits_posted"),
        ({"flags": PENDING}, {"credit_account_id": OTHER}, "overflows_debits"),
        ({"flags": PENDING}, {"debit_account_id": OTHER}, "overflows_credits"),
    ],
)
def test_no_sum_grows_beyond_the_largest_amount(
    first: dict[str, int], second: dict[str, int], expected: str
) -> None:
    base = {"debit_account_id": BANK, "credit_account_id": PAYEE}
    books = Books()
    books.open(account(BANK), account(PAYEE), account(OTHER))
    assert books.pay(**(base | first), amount=AMOUNT_MAX - 5) == "ok"
    assert books.pay(**(base | second), amount=6) == expected
    assert books.pay(**(base | second), amount=5) == "ok"


def test_a_hold_may_not_lapse_beyond_the_end_of_time() -> None:
    books = funded_books()
    books.now_s = 0
    books.state.time_ns = TIMESTAMP_NS_MAX - 10 * NS_PER_S - 2
    assert books.pay(flags=PENDING, timeout=11) == "overflows_timeout"
    assert books.pay(flags=PENDING, timeout=10) == "ok"
    assert books.pay(flags=PENDING, timeout=10) == "overflows_timeout"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "exists"),
        ({"flags": 0}, "exists_with_different_flags"),
        ({"pending_id": 9}, "exists_with_different_pending_id"),
        ({"timeout": 61}, "exists_with_different_timeout"),
        ({"debit_account_id": OTHER}, "exists_with_different_debit_account_id"),
        ({"credit_account_id": OTHER}, "exists_with_different_credit_account_id"),
        ({"amount": 31}, "exists_with_different_amount"),
        ({"user_data_128": 9}, "exists_with_different_user_data_128"),
        ({"user_data_64": 9}, "exists_with_different_user_data_64"),
        ({"user_data_32": 9}, "exists_with_different_user_data_32"),
        ({"ledger": 9}, "exists_with_different_ledger"),
        ({"code": 9}, "exists_with_different_code"),
    ],
)
def test_a_used_id_is_compared_field_by_field_and_moves_nothing(
    fields: dict[str, int], expected: str
) -> None:
    books = funded_books()
    same = {"id": 77, "amount": 30, "flags": PENDING, "timeout": 60, "user_data_128": 1,
            "user_data_64": 2, "user_data_32": 3}
    assert books.pay(**same) == "ok"
    before = dict(books.state.balances)
    assert books.pay(**(same | fields)) == expected
    assert books.state.balances == before


ORDER: list[tuple[dict[str, int], str]] = [
    ({"flags": 1 << 9}, "reserved_flag"),
    ({"id": 0}, "id_must_not_be_zero"),
    ({"flags": POST | VOID}, "flags_are_mutually_exclusive"),
    ({"debit_account_id": 0}, "debit_account_id_must_not_be_zero"),
    ({"credit_account_id": 0}, "credit_account_id_must_not_be_zero"),
    ({"pending_id": 5}, "pending_id_must_be_zero"),
    ({"timeout": 5}, "timeout_reserved_for_pending_transfer"),
    ({"ledger": 0}, "ledger_must_not_be_zero"),
    ({"code": 0}, "code_must_not_be_zero"),
    ({"debit_account_id": 98}, "debit_account_not_found"),
    ({"credit_account_id": 99}, "credit_account_not_found"),
    ({"ledger": 9}, "transfer_must_have_the_same_ledger_as_accounts"),
    ({"amount": AMOUNT_MAX}, "overflows_debits_posted"),
    ({"amount": AMOUNT_MAX - 60}, "exceeds_credits"),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_all_that_is_wrong_the_first_in_the_documented_order_is_named(first: int) -> None:
    books = funded_books()
    assert books.pay(amount=50) == "ok"
    fields: dict[str, int] = {}
    for wrong, _ in reversed(ORDER[first:]):
        fields |= wrong
    assert books.pay(**fields) == ORDER[first][1]


@pytest.mark.parametrize(
    ("fields", "cure"),
    [
        ({"debit_account_id": 50}, "open"),
        ({"credit_account_id": 50}, "open"),
        ({"amount": 101}, "fund"),
    ],
)
def test_a_refused_id_stays_refused_when_the_cause_has_gone(
    fields: dict[str, int], cure: str
) -> None:
    books = funded_books()
    draft = books.draft(id=77, **fields)
    assert books.send(draft)[0] in {"debit_account_not_found", "credit_account_not_found",
                                    "exceeds_credits"}
    if cure == "open":
        books.open(account(50))
    else:
        books.pay(debit_account_id=BANK, credit_account_id=PAYER, amount=100)
    assert books.send(draft) == ["id_already_failed"]
    assert books.pay(**(fields | {"id": 78})) == "ok"


def test_an_id_refused_once_is_refused_to_the_next_event_of_the_same_request() -> None:
    books = funded_books()
    results = books.send(
        books.draft(id=77, amount=101), books.draft(id=77, amount=1), books.draft(id=77))
    assert results == ["exceeds_credits", "id_already_failed", "id_already_failed"]
    chain = (books.draft(flags=LINKED), books.draft(id=78, amount=101), books.draft(id=78))
    assert books.send(*chain) == ["linked_event_failed", "exceeds_credits", "id_already_failed"]


def test_a_closed_or_limited_accounts_refusal_uses_the_id_up() -> None:
    books = funded_books()
    books.open(account(50, int(AccountFlags.CLOSED)), account(51, CREDITS_LIMITED))
    for number, fields in enumerate(
        ({"debit_account_id": 50}, {"credit_account_id": 50}, {"credit_account_id": 51}), 70
    ):
        assert books.pay(id=number, **fields) in {
            "debit_account_already_closed", "credit_account_already_closed", "exceeds_debits"}
        assert books.pay(id=number) == "id_already_failed"


def test_a_malformed_transfer_does_not_use_its_id_up() -> None:
    books = funded_books()
    assert books.pay(id=77, code=0) == "code_must_not_be_zero"
    assert books.pay(id=77) == "ok"


def test_two_transfers_of_one_id_in_one_batch_move_once() -> None:
    books = funded_books()
    draft = books.draft(id=77)
    assert books.send(draft, draft) == ["ok", "exists"]
    assert books.balance(PAYEE).credits_posted == 10


def test_two_callers_with_one_id_in_one_batch_get_one_transfer_and_its_answer() -> None:
    books = funded_books()
    request = transfers_request(books.draft(id=77, amount=100))
    first, second = books.run(request, request)
    assert [TRANSFER_RESULT[first[0]], TRANSFER_RESULT[second[0]]] == ["ok", "exists"]


def test_the_numbers_of_the_answers_are_tigerbeetles() -> None:
    assert len(TRANSFER_RESULT) == len(TransferResult)
    known = {0: "ok", 1: "linked_event_failed", 21: "debit_account_not_found", 46: "exists",
             36: "exists_with_different_flags", 54: "exceeds_credits", 55: "exceeds_debits",
             35: "pending_transfer_expired", 65: "debit_account_already_closed",
             67: "exists_with_different_ledger", 68: "id_already_failed",
             53: "overflows_timeout", 20: "code_must_not_be_zero", 17:
             "timeout_reserved_for_pending_transfer", 12: "accounts_must_be_different"}
    assert {number: TRANSFER_RESULT[number] for number in known} == known


@pytest.mark.parametrize(
    "fields",
    [{"amount": -1}, {"amount": AMOUNT_MAX + 1}, {"timeout": 2**32}, {"timeout": -1},
     {"pending_id": ID_MAX + 1}, {"credit_account_id": -1}, {"debit_account_id": 2**128}],
)
def test_a_draft_wider_than_its_fields_is_a_callers_bug(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        TransferDraft(**({"id": 1, "ledger": HKD} | fields))
