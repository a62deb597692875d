"""The machine and the plain model side by side: the same requests, then every difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from lionrock.ledger.api import Account, Transfer
from lionrock.ledger.domain import records, snapshot
from lionrock.ledger.domain.created import created
from lionrock.ledger.domain.machine import (
    GENESIS_HASH,
    HISTORY,
    Entry,
    Operation,
    Request,
    decode_effects,
    replay,
)
from lionrock.ledger.domain.results import ACCOUNT_RESULT, TRANSFER_RESULT
from lionrock.ledger.domain.state import State
from lionrock.ledger.domain.values import HoldStatus
from tests.stateful.ledger.model import CLOSED, Model, Sums
from tests.unit.ledger.books import Books

RESERVED_AT = 108
Call = Sequence[Account] | Sequence[Transfer]
STATUS = {HoldStatus.OPEN: "pending", HoldStatus.POSTED: "posted", HoldStatus.VOIDED: "voided",
          HoldStatus.EXPIRED: "expired"}


class Comparison:
    """A machine, a model, and what both have been asked so far."""

    def __init__(self, now_s: int = 1_000) -> None:
        self.books = Books()
        self.books.now_s = now_s
        self.model = Model()
        self.operations = 0

    def play(self, *calls: Call) -> list[list[str]]:
        """Send calls as one batch; results, history and balances must agree."""
        answers = self.books.run(*(_request(call) for call in calls))
        entry = self.books.entries[-1]
        noted_before = len(self.model.history)
        self.model.expire(entry.time_ns)
        timestamp, all_results = entry.time_ns, []
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(call[0], Transfer):
                told = [str(TRANSFER_RESULT[number]) for number in answer]
                expected = self.model.create_transfers(cast(Sequence[Transfer], call), timestamp)
            else:
                told = [str(ACCOUNT_RESULT[number]) for number in answer]
                expected = self.model.create_accounts(cast(Sequence[Account], call), timestamp)
            assert told == expected, _first_difference(call, told, expected)
            timestamp += len(call)
            self.operations += len(call)
            all_results.append(told)
        assert _history(entry) == self.model.history[noted_before:], entry.sequence
        self.compare_balances()
        return all_results

    def wait(self, seconds: int) -> None:
        """Let business time pass and holds lapse."""
        self.books.now_s += seconds
        self.play()

    def compare_balances(self) -> None:
        """Sums and flags of every account, and debits against credits."""
        live = self.books.state.live
        assert len(live) == len(self.model.books)
        totals: dict[int, list[int]] = {}
        for account in live.values():
            book = self.model.books[account.id]
            sums = account.sums()
            assert sums == tuple(book.sums), (account.id, sums, book.sums)
            assert account.flags == book.flags, account.id
            total = totals.setdefault(account.ledger, [0, 0])
            total[0] += sums[0] - sums[2]
            total[1] += sums[1] - sums[3]
        assert all(total == [0, 0] for total in totals.values()), "debits are credits"

    def compare_everything(self) -> None:
        """All that the ledger remembers: accounts, transfers, holds, ids used up."""
        state, model = self.books.state, self.model
        self.compare_balances()
        assert {i: book.opened for i, book in model.books.items()} == {
            i: _as_opened(account, model.books[i].opened.flags)
            for i, account in state.accounts.items()
        }
        assert state.transfers == model.transfers
        assert {i: STATUS[status] for i, status in state.holds.items()} == model.status
        assert set(state.failed) == model.used_up
        assert state.next_expiry_ns() == min(model.deadlines.values(), default=None)
        for account_id in model.books:
            assert added_up(model, account_id) == model.sums(account_id), "the model itself"

    def check_replay(self) -> None:
        """A replay from the first row and a snapshot give the very same state."""
        replayed, previous = State(), GENESIS_HASH
        for entry in self.books.entries:
            replay(replayed, entry, previous)
            previous = entry.hash
        sequence, state = len(self.books.entries), self.books.state
        taken = snapshot.take(state, sequence, previous, 0)
        assert snapshot.take(replayed, sequence, previous, 0) == taken
        restored, at, row_hash = snapshot.restore(taken, snapshot.digest(taken))
        assert (at, row_hash) == (sequence, previous)
        assert snapshot.take(restored, sequence, previous, 0) == taken
        assert restored.next_expiry_ns() == state.next_expiry_ns()
        told = [t for entry in self.books.entries for t in created(entry).transfers]
        assert told == list(state.transfers.values())


def added_up(model: Model, account_id: int) -> Sums:
    """An account's sums, from nothing but the transfers and what became of the holds."""
    sums = [0, 0, 0, 0]
    for t in model.transfers.values():
        is_hold = t.id in model.status
        if is_hold and model.status[t.id] != "pending":
            continue
        if t.pending_id and model.status[t.pending_id] == "voided":
            continue
        sides = (t.debit_account_id, t.credit_account_id)
        for at, side in enumerate(sides):
            if side == account_id:
                sums[2 * at + (0 if is_hold else 1)] += t.amount
    return sums[0], sums[1], sums[2], sums[3]


def _request(call: Call) -> Request:
    if isinstance(call[0], Transfer):
        transfers = cast(Sequence[Transfer], call)
        return Request(Operation.CREATE_TRANSFERS, b"".join(
            records.encode_transfer(t, t.timestamp) for t in transfers))
    return Request(Operation.CREATE_ACCOUNTS, b"".join(
        map(_account_record, cast(Sequence[Account], call))))


def _account_record(a: Account) -> bytes:
    """An account's record, also one with the reserved field that our encoder never fills."""
    record = bytearray(records.encode_account(a))
    record[RESERVED_AT:RESERVED_AT + 4] = a.reserved.to_bytes(4, "little")
    return bytes(record)


def _history(entry: Entry) -> list[tuple[int, int, Sums]]:
    return [(records.id_of(key), at_ns, (dp, d, cp, c)) for key, at_ns, dp, d, cp, c
            in HISTORY.iter_unpack(decode_effects(entry).history)]


def _as_opened(account: Account, flags: int) -> Account:
    """An account of the state without what transfers did to its flags since."""
    assert account.flags & ~CLOSED == flags & ~CLOSED, "only closing changes flags"
    return Account(*(getattr(account, field) if field != "flags" else flags
                     for field in account.__struct_fields__))


def _first_difference(call: Call, told: list[str], expected: list[str]) -> str:
    at = next(i for i, pair in enumerate(zip(told, expected, strict=True)) if pair[0] != pair[1])
    return f"event {at} of {len(call)}: the machine says {told[at]}, the model {expected[at]}: " \
           f"{call[at]}"
