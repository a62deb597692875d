"""A small ledger for tests: one call, one batch, results by name."""

from __future__ import annotations

from itertools import count
from typing import Any

from lionrock.ledger.domain import records
from lionrock.ledger.domain.machine import (
    GENESIS_HASH,
    Entry,
    Operation,
    Request,
    execute,
)
from lionrock.ledger.domain.results import (
    ACCOUNT_RESULT,
    TRANSFER_RESULT,
    AccountResult,
    TransferResult,
)
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import (
    NS_PER_S,
    AccountDraft,
    AccountFlags,
    Balance,
    TransferDraft,
    TransferFlags,
)

BANK, PAYER, PAYEE, OTHER = 1, 2, 3, 4
HKD, CODE = 344, 10


def accounts_request(*drafts: AccountDraft) -> Request:
    return Request(
        Operation.CREATE_ACCOUNTS, b"".join(records.encode_account_draft(d) for d in drafts)
    )


def transfers_request(*drafts: TransferDraft) -> Request:
    return Request(
        Operation.CREATE_TRANSFERS, b"".join(records.encode_transfer(d) for d in drafts)
    )


def account(account_id: int, flags: int = 0, ledger: int = HKD, **fields: int) -> AccountDraft:
    return AccountDraft(id=account_id, ledger=ledger, code=CODE, flags=flags, **fields)


class Books:
    """State, clock and journal of one ledger in memory."""

    def __init__(self) -> None:
        self.state = State()
        self.entries: list[Entry] = []
        self.now_s = 1_000
        self._ids = count(1_000)

    @property
    def hash(self) -> bytes:
        return self.entries[-1].hash if self.entries else GENESIS_HASH

    def run(self, *requests: Request) -> list[bytes]:
        time_ns = max(self.now_s * NS_PER_S, self.state.time_ns + 1)
        entry, answers = execute(
            self.state, requests, time_ns=time_ns, sequence=len(self.entries) + 1,
            previous=self.hash,
        )
        self.entries.append(entry)
        return answers

    def open(self, *drafts: AccountDraft) -> list[AccountResult]:
        return [ACCOUNT_RESULT[number] for number in self.run(accounts_request(*drafts))[0]]

    def send(self, *drafts: TransferDraft) -> list[TransferResult]:
        return [TRANSFER_RESULT[number] for number in self.run(transfers_request(*drafts))[0]]

    def draft(self, **fields: Any) -> TransferDraft:
        whole: dict[str, Any] = {
            "id": next(self._ids), "debit_account_id": PAYER, "credit_account_id": PAYEE,
            "amount": 10, "ledger": HKD, "code": CODE,
        }
        return TransferDraft(**(whole | fields))

    def resolve(self, hold_id: int, flags: int, amount: int = 0, **fields: Any) -> TransferDraft:
        return TransferDraft(
            **({"id": next(self._ids)} | fields), pending_id=hold_id, flags=flags, amount=amount
        )

    def pay(self, **fields: Any) -> TransferResult:
        return self.send(self.draft(**fields))[0]

    def balance(self, account_id: int) -> Balance:
        return self.state.balances[account_id]


def funded_books(payer_flags: int = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)) -> Books:
    """BANK pays PAYER 100; PAYER must not overdraw; PAYEE and OTHER are unlimited."""
    books = Books()
    results = books.open(
        account(BANK), account(PAYER, payer_flags), account(PAYEE), account(OTHER)
    )
    assert set(results) == {AccountResult.OK}
    assert books.pay(id=1, debit_account_id=BANK, credit_account_id=PAYER, amount=100) == "ok"
    return books


PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING_TRANSFER)
VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
LINKED = int(TransferFlags.LINKED)
