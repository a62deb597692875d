"""Every answer of create_accounts, and their order of precedence."""

from __future__ import annotations

import struct

import pytest

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import Operation, Request
from lionrock.ledger.domain.results import ACCOUNT_RESULT, AccountResult
from lionrock.ledger.domain.values import ID_MAX, AccountDraft, AccountFlags
from tests.unit.ledger.books import LINKED, Books, account

BASE = account(7, user_data_128=1, user_data_64=2, user_data_32=3)
LIMITS = int(
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
)
# Offsets in the 128-byte record, for fields that a draft cannot carry.
OFFSETS = {"debits_pending": 16, "debits_posted": 32, "credits_pending": 48,
           "credits_posted": 64, "reserved": 108, "timestamp": 120}


def changed(**fields: int) -> AccountDraft:
    names = ("id", "ledger", "code", "flags", "user_data_128", "user_data_64", "user_data_32")
    return AccountDraft(**({n: getattr(BASE, n) for n in names} | fields))


def raw(books: Books, draft: AccountDraft, **fields: int) -> AccountResult:
    record = bytearray(records.encode_account_draft(draft))
    for name, value in fields.items():
        struct.pack_into("<I" if name == "reserved" else "<Q", record, OFFSETS[name], value)
    [answer] = books.run(Request(Operation.CREATE_ACCOUNTS, bytes(record)))
    return ACCOUNT_RESULT[answer[0]]


def test_a_new_account_opens_with_nothing_on_it() -> None:
    books = Books()
    assert books.open(BASE) == ["ok"]
    stored = books.state.account(7)
    assert stored is not None
    assert (stored.debits_posted, stored.credits_posted, stored.debits_available) == (0, 0, 0)
    assert (stored.user_data_128, stored.user_data_64, stored.user_data_32) == (1, 2, 3)
    assert stored.timestamp > 0


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("timestamp", "timestamp_must_be_zero"),
        ("reserved", "reserved_field"),
        ("debits_pending", "debits_pending_must_be_zero"),
        ("debits_posted", "debits_posted_must_be_zero"),
        ("credits_pending", "credits_pending_must_be_zero"),
        ("credits_posted", "credits_posted_must_be_zero"),
    ],
)
def test_what_only_the_ledger_sets_is_refused(field: str, expected: str) -> None:
    books = Books()
    assert raw(books, BASE, **{field: 1}) == expected
    assert not books.state.accounts


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (changed(flags=1 << 6), "reserved_flag"),
        (changed(flags=int(AccountFlags.IMPORTED)), "reserved_flag"),
        (changed(id=0), "id_must_not_be_zero"),
        (changed(id=ID_MAX), "id_must_not_be_int_max"),
        (changed(flags=LIMITS), "flags_are_mutually_exclusive"),
        (changed(ledger=0), "ledger_must_not_be_zero"),
        (changed(code=0), "code_must_not_be_zero"),
        (changed(flags=LINKED), "linked_event_chain_open"),
    ],
)
def test_a_malformed_account_is_refused_under_its_own_name(
    draft: AccountDraft, expected: str
) -> None:
    books = Books()
    assert books.open(draft) == [expected]
    assert not books.state.accounts


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (BASE, "exists"),
        (changed(flags=int(AccountFlags.HISTORY)), "exists_with_different_flags"),
        (changed(user_data_128=9), "exists_with_different_user_data_128"),
        (changed(user_data_64=9), "exists_with_different_user_data_64"),
        (changed(user_data_32=9), "exists_with_different_user_data_32"),
        (changed(ledger=9), "exists_with_different_ledger"),
        (changed(code=9), "exists_with_different_code"),
    ],
)
def test_a_used_account_id_is_compared_field_by_field(draft: AccountDraft, expected: str) -> None:
    books = Books()
    books.open(BASE)
    before = books.state.account(7)
    assert books.open(draft) == [expected]
    assert books.state.account(7) == before


def test_one_bad_account_in_a_chain_opens_none_of_it() -> None:
    books = Books()
    results = books.open(account(1, LINKED), account(2, LINKED, ledger=0), account(3), account(4))
    assert results == ["linked_event_failed", "ledger_must_not_be_zero", "linked_event_failed",
                       "ok"]
    assert set(books.state.accounts) == {4}
    assert set(books.state.balances) == {4}


PRECEDENCE = [
    ({"timestamp": 1}, {}, "timestamp_must_be_zero"),
    ({"reserved": 1}, {}, "reserved_field"),
    ({}, {"flags": 1 << 7 | LIMITS}, "reserved_flag"),
    ({}, {"id": 0}, "id_must_not_be_zero"),
    ({}, {"flags": LIMITS}, "flags_are_mutually_exclusive"),
    ({"debits_pending": 1}, {}, "debits_pending_must_be_zero"),
    ({"debits_posted": 1}, {}, "debits_posted_must_be_zero"),
    ({"credits_pending": 1}, {}, "credits_pending_must_be_zero"),
    ({"credits_posted": 1}, {}, "credits_posted_must_be_zero"),
    ({}, {"ledger": 0}, "ledger_must_not_be_zero"),
    ({}, {"code": 0}, "code_must_not_be_zero"),
]


@pytest.mark.parametrize("first", range(len(PRECEDENCE)))
def test_of_all_that_is_wrong_the_first_in_the_documented_order_is_named(first: int) -> None:
    in_record: dict[str, int] = {}
    in_draft: dict[str, int] = {}
    for record_fields, draft_fields, _ in reversed(PRECEDENCE[first:]):
        in_record |= record_fields
        in_draft |= draft_fields
    assert raw(Books(), changed(**in_draft), **in_record) == PRECEDENCE[first][2]


def test_the_list_of_answers_and_their_numbers_is_complete_and_unique() -> None:
    assert len(ACCOUNT_RESULT) == len(AccountResult)
    assert ACCOUNT_RESULT[0] is AccountResult.OK
    assert ACCOUNT_RESULT[21] is AccountResult.EXISTS
    assert ACCOUNT_RESULT[8] is AccountResult.FLAGS_ARE_MUTUALLY_EXCLUSIVE


@pytest.mark.parametrize(
    "fields",
    [{"id": -1}, {"id": ID_MAX + 1}, {"ledger": 2**32}, {"code": 2**16}, {"flags": 2**16},
     {"user_data_128": 2**128}, {"user_data_64": 2**64}, {"user_data_32": -1}],
)
def test_a_draft_wider_than_its_fields_is_a_callers_bug(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        changed(**fields)
