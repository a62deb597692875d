"""The straight way for plain requests answers as the long one does, whatever is in them."""

from __future__ import annotations

import os
from random import Random

import pytest

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import Operation, Request
from lionrock.ledger.domain.values import AMOUNT_MAX, AccountFlags, TransferDraft, TransferFlags
from tests.unit.ledger.books import CODE, HKD, Books, account

SEED = int(os.environ.get("LIONROCK_TEST_SEED", "20260220"))
FLAGS = {
    1: 0, 2: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS, 3: 0,
    4: AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS, 5: AccountFlags.HISTORY, 6: AccountFlags.CLOSED,
}


def random_request(chance: Random) -> list[TransferDraft]:
    """Mostly plain transfers; now and then a used id, a stranger, another ledger, a hold."""
    is_odd = chance.random() < 0.3
    drafts = []
    for _ in range(chance.randint(1, 12)):
        flags = int(TransferFlags.PENDING) if is_odd and chance.random() < 0.2 else 0
        drafts.append(TransferDraft(
            id=chance.randint(1, 400 if is_odd else 2**100),
            debit_account_id=chance.randint(1, 6 if is_odd else 5),
            credit_account_id=chance.choice([1, 2, 3, 4, 5, 99] if is_odd else [1, 2, 3, 4, 5]),
            amount=chance.choice([0, 1, 7, 30, AMOUNT_MAX] if is_odd else [1, 7, 30]),
            ledger=chance.choice([HKD, HKD, HKD, 9]) if is_odd else HKD,
            code=CODE, flags=flags))
    return drafts


@pytest.mark.parametrize("run", range(8))
def test_a_request_at_once_and_its_events_one_by_one_come_to_the_same(run: int) -> None:
    print(f"seed {SEED} run {run}")
    chance = Random(SEED * 100 + run)
    together, apart = Books(), Books()
    for books in (together, apart):
        books.open(*(account(i, int(flags)) for i, flags in FLAGS.items()), account(7, ledger=9))
    for _ in range(150):
        events = [records.encode_transfer(draft) for draft in random_request(chance)]
        whole = together.run(Request(Operation.CREATE_TRANSFERS, b"".join(events)))
        single = apart.run(*(Request(Operation.CREATE_TRANSFERS, event) for event in events))
        assert b"".join(whole) == b"".join(single)
        assert together.entries[-1].effects == apart.entries[-1].effects
    for table in ("balances", "transfers", "holds", "failed", "time_ns"):
        assert getattr(together.state, table) == getattr(apart.state, table), table
