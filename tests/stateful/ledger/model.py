"""A plain model of the ledger, written from TigerBeetle's reference and not from our machine.

Everything is spelled out in the reference's order and with its names; nothing is fast. It keeps
accounts, transfers, holds, ids that are used up, and the history of accounts that ask for it.

Ours and stated in the ledger's README: amounts end at 2**63 - 1; imported events are a reserved
flag; the first event of a batch has the batch's time, the next ones a nanosecond more each, and
holds lapse at the batch's time before any event.

Where the reference's text and TigerBeetle's program differ the text is followed: the repeat of a
post of the whole hold may ask for more than the hold (create_transfers, exists).

Source: TigerBeetle reference, create_accounts, create_transfers, linked events, timeouts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from lionrock.ledger.api import AMOUNT_MAX, Account, AccountFlags, Transfer, TransferFlags

INT_MAX = 2**128 - 1
NS_PER_S = 1_000_000_000
TIME_MAX = 2**63 - 1
LINKED, PENDING, POST, VOID = 1, 2, 4, 8
BALANCING_DEBIT, BALANCING_CREDIT, CLOSING_DEBIT, CLOSING_CREDIT = 16, 32, 64, 128
TRANSFER_FLAGS = 255
assert (TransferFlags.LINKED, TransferFlags.CLOSING_CREDIT) == (LINKED, CLOSING_CREDIT)
DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
HISTORY, CLOSED = int(AccountFlags.HISTORY), int(AccountFlags.CLOSED)
ACCOUNT_FLAGS = LINKED | DEBITS_LIMITED | CREDITS_LIMITED | HISTORY | CLOSED
OK = "ok"
TRANSIENT = {
    "debit_account_not_found", "credit_account_not_found", "pending_transfer_not_found",
    "exceeds_credits", "exceeds_debits",
    "debit_account_already_closed", "credit_account_already_closed",
}
DP, D, CP, C = range(4)  # debits pending and posted, credits pending and posted
Sums = tuple[int, int, int, int]
Event = TypeVar("Event", Account, Transfer)


class Book:
    """An account: what it was opened with, its flags as they stand, and its four sums."""

    def __init__(self, opened: Account) -> None:
        self.opened = opened
        self.flags = opened.flags
        self.sums = [0, 0, 0, 0]


class Model:
    """The ledger as the reference describes it."""

    def __init__(self) -> None:
        self.books: dict[int, Book] = {}
        self.transfers: dict[int, Transfer] = {}
        self.status: dict[int, str] = {}  # of each pending transfer
        self.deadlines: dict[int, int] = {}  # of open holds that have one
        self.used_up: set[int] = set()
        self.history: list[tuple[int, int, Sums]] = []  # account, timestamp, sums
        self._ended: list[int] = []  # holds ended by the chain under way

    def expire(self, time_ns: int) -> None:
        """Give up the holds whose time has come, first to lapse first."""
        due = [(at, self.transfers[i].timestamp, i)
               for i, at in self.deadlines.items() if at <= time_ns]
        for _, _, hold_id in sorted(due):
            hold = self.transfers[hold_id]
            self._release(hold, "expired")
            self._reopen(hold)
            self._note(hold, time_ns)
        self._ended.clear()

    def create_accounts(self, events: Sequence[Account], first_ns: int) -> list[str]:
        """Open accounts; one result name each."""
        return self._run(events, first_ns, self._create_account)

    def create_transfers(self, events: Sequence[Transfer], first_ns: int) -> list[str]:
        """Carry out transfers; one result name each."""
        return self._run(events, first_ns, self._create_transfer)

    def sums(self, account_id: int) -> Sums:
        """The four sums of an account."""
        dp, d, cp, c = self.books[account_id].sums
        return dp, d, cp, c

    def _run(
        self, events: Sequence[Event], first_ns: int, create: Callable[[Event, int], str]
    ) -> list[str]:
        results: list[str] = []
        while len(results) < len(events):
            start = end = len(results)
            while events[end].flags & LINKED and end + 1 < len(events):
                end += 1
            results += self._run_chain(events[start:end + 1], first_ns + start, create)
        return results

    def _run_chain(
        self, chain: Sequence[Event], first_ns: int, create: Callable[[Event, int], str]
    ) -> list[str]:
        is_open = bool(chain[-1].flags & LINKED)
        before = self._mark() if len(chain) > 1 else None
        result, at = OK, 0
        for at, event in enumerate(chain):
            if is_open and at == len(chain) - 1:
                result = "linked_event_chain_open"
            else:
                result = create(event, first_ns + at)
            if result != OK:
                break
        if result == OK:
            self._ended.clear()
            return [OK] * len(chain)
        if before is not None:
            self._undo(before)
        if result in TRANSIENT:
            self.used_up.add(chain[at].id)
        answers = ["linked_event_failed"] * len(chain)
        answers[at] = result
        if is_open:
            answers[-1] = "linked_event_chain_open"
        return answers

    def _mark(self) -> tuple[dict[int, tuple[int, list[int]]], int, int]:
        self._ended.clear()
        books = {i: (book.flags, list(book.sums)) for i, book in self.books.items()}
        return books, len(self.transfers), len(self.history)

    def _undo(self, mark: tuple[dict[int, tuple[int, list[int]]], int, int]) -> None:
        books, transfers_count, history_count = mark
        for account_id in list(self.books):
            if account_id not in books:
                del self.books[account_id]
                continue
            book = self.books[account_id]
            book.flags, book.sums = books[account_id]
        for hold_id in self._ended:
            self._open(self.transfers[hold_id])
        self._ended.clear()
        while len(self.transfers) > transfers_count:
            transfer_id, _ = self.transfers.popitem()
            self.status.pop(transfer_id, None)
            self.deadlines.pop(transfer_id, None)
        del self.history[history_count:]

    def _create_account(self, a: Account, at_ns: int) -> str:
        if a.timestamp:
            return "timestamp_must_be_zero"
        if a.reserved:
            return "reserved_field"
        if a.flags & ~ACCOUNT_FLAGS:
            return "reserved_flag"
        if a.id == 0:
            return "id_must_not_be_zero"
        if a.id == INT_MAX:
            return "id_must_not_be_int_max"
        if a.id in self.books:
            return self._compare_account(a, self.books[a.id])
        if a.flags & DEBITS_LIMITED and a.flags & CREDITS_LIMITED:
            return "flags_are_mutually_exclusive"
        for field in ("debits_pending", "debits_posted", "credits_pending", "credits_posted"):
            if getattr(a, field):
                return f"{field}_must_be_zero"
        if a.ledger == 0:
            return "ledger_must_not_be_zero"
        if a.code == 0:
            return "code_must_not_be_zero"
        self.books[a.id] = Book(msgspec.structs.replace(a, timestamp=at_ns))
        return OK

    def _compare_account(self, a: Account, known: Book) -> str:
        if a.flags != known.flags:  # as they stand: closing changes them
            return "exists_with_different_flags"
        for field in ("user_data_128", "user_data_64", "user_data_32", "ledger", "code"):
            if getattr(a, field) != getattr(known.opened, field):
                return f"exists_with_different_{field}"
        return "exists"

    def _create_transfer(self, t: Transfer, at_ns: int) -> str:
        if t.timestamp:
            return "timestamp_must_be_zero"
        if t.flags & ~TRANSFER_FLAGS:
            return "reserved_flag"
        if t.id == 0:
            return "id_must_not_be_zero"
        if t.id == INT_MAX:
            return "id_must_not_be_int_max"
        if t.id in self.transfers:
            return self._compare_transfer(t, self.transfers[t.id])
        if t.id in self.used_up:
            return "id_already_failed"
        if t.flags & (POST | VOID):
            return self._resolve(t, at_ns)
        return self._move(t, at_ns)

    def _compare_transfer(self, t: Transfer, known: Transfer) -> str:
        for field in ("flags", "pending_id", "timeout"):
            if getattr(t, field) != getattr(known, field):
                return f"exists_with_different_{field}"
        if t.flags & (POST | VOID):
            hold = self.transfers[t.pending_id]
            t = self._filled(t, hold)
            if t.flags & POST and t.amount > hold.amount:
                t = msgspec.structs.replace(t, amount=hold.amount)  # asks for all of it
        fields = ["debit_account_id", "credit_account_id", "amount", "user_data_128",
                  "user_data_64", "user_data_32", "ledger", "code"]
        for field in fields:
            is_within = (field == "amount" and t.flags & (BALANCING_DEBIT | BALANCING_CREDIT)
                         and t.amount >= known.amount)
            if getattr(t, field) != getattr(known, field) and not is_within:
                return f"exists_with_different_{field}"
        return "exists"

    def _filled(self, t: Transfer, hold: Transfer) -> Transfer:
        """What a post or void says with what it leaves to its hold."""
        everything = 0 if t.flags & VOID else AMOUNT_MAX
        changes = {"amount": hold.amount if t.amount == everything else t.amount}
        for field in ("debit_account_id", "credit_account_id", "ledger", "code",
                      "user_data_128", "user_data_64", "user_data_32"):
            changes[field] = getattr(t, field) or getattr(hold, field)
        return msgspec.structs.replace(t, **changes)

    def _move(self, t: Transfer, at_ns: int) -> str:
        refusal = self._wrong_move(t)
        if refusal is not None:
            return refusal
        debit, credit = self.books.get(t.debit_account_id), self.books.get(t.credit_account_id)
        if debit is None:
            return "debit_account_not_found"
        if credit is None:
            return "credit_account_not_found"
        if debit.opened.ledger != credit.opened.ledger:
            return "accounts_must_have_the_same_ledger"
        if t.ledger != debit.opened.ledger:
            return "transfer_must_have_the_same_ledger_as_accounts"
        if debit.flags & CLOSED:
            return "debit_account_already_closed"
        if credit.flags & CLOSED:
            return "credit_account_already_closed"
        amount = t.amount
        if t.flags & BALANCING_DEBIT:
            amount = min(amount, max(0, debit.sums[C] - debit.sums[D] - debit.sums[DP]))
        if t.flags & BALANCING_CREDIT:
            amount = min(amount, max(0, credit.sums[D] - credit.sums[C] - credit.sums[CP]))
        refusal = self._too_much(t, amount, debit, credit, at_ns)
        if refusal is not None:
            return refusal
        stored = msgspec.structs.replace(t, amount=amount, timestamp=at_ns)
        self.transfers[t.id] = stored
        is_pending = bool(t.flags & PENDING)
        debit.sums[DP if is_pending else D] += amount
        credit.sums[CP if is_pending else C] += amount
        if is_pending:
            self._open(stored)
        if t.flags & CLOSING_DEBIT:
            debit.flags |= CLOSED
        if t.flags & CLOSING_CREDIT:
            credit.flags |= CLOSED
        self._note(stored, at_ns)
        return OK

    def _wrong_move(self, t: Transfer) -> str | None:
        """What is wrong with it whatever the ledger holds."""
        for side in ("debit", "credit"):
            account_id = getattr(t, f"{side}_account_id")
            if account_id == 0:
                return f"{side}_account_id_must_not_be_zero"
            if account_id == INT_MAX:
                return f"{side}_account_id_must_not_be_int_max"
        if t.debit_account_id == t.credit_account_id:
            return "accounts_must_be_different"
        if t.pending_id:
            return "pending_id_must_be_zero"
        if not t.flags & PENDING:
            if t.timeout:
                return "timeout_reserved_for_pending_transfer"
            if t.flags & (CLOSING_DEBIT | CLOSING_CREDIT):
                return "closing_transfer_must_be_pending"
        if t.ledger == 0:
            return "ledger_must_not_be_zero"
        if t.code == 0:
            return "code_must_not_be_zero"
        return None

    def _too_much(
        self, t: Transfer, amount: int, debit: Book, credit: Book, at_ns: int
    ) -> str | None:
        checks = [
            (debit.sums[D], "overflows_debits_posted"),
            (credit.sums[C], "overflows_credits_posted"),
            (debit.sums[DP] + debit.sums[D], "overflows_debits"),
            (credit.sums[CP] + credit.sums[C], "overflows_credits"),
        ]
        if t.flags & PENDING:
            checks = [(debit.sums[DP], "overflows_debits_pending"),
                      (credit.sums[CP], "overflows_credits_pending"), *checks]
        for already, name in checks:
            if already + amount > AMOUNT_MAX:
                return name
        if at_ns + t.timeout * NS_PER_S > TIME_MAX:
            return "overflows_timeout"
        if debit.flags & DEBITS_LIMITED and \
                debit.sums[DP] + debit.sums[D] + amount > debit.sums[C]:
            return "exceeds_credits"
        if credit.flags & CREDITS_LIMITED and \
                credit.sums[CP] + credit.sums[C] + amount > credit.sums[D]:
            return "exceeds_debits"
        return None

    def _resolve(self, t: Transfer, at_ns: int) -> str:
        if (t.flags & POST and t.flags & VOID) or t.flags & (
                PENDING | BALANCING_DEBIT | BALANCING_CREDIT | CLOSING_DEBIT | CLOSING_CREDIT):
            return "flags_are_mutually_exclusive"
        if t.pending_id == 0:
            return "pending_id_must_not_be_zero"
        if t.pending_id == INT_MAX:
            return "pending_id_must_not_be_int_max"
        if t.pending_id == t.id:
            return "pending_id_must_be_different"
        if t.timeout:
            return "timeout_reserved_for_pending_transfer"
        hold = self.transfers.get(t.pending_id)
        if hold is None:
            return "pending_transfer_not_found"
        refusal = self._wrong_resolution(t, hold, at_ns)
        if refusal is not None:
            return refusal
        debit, credit = self.books[hold.debit_account_id], self.books[hold.credit_account_id]
        if debit.flags & CLOSED and not t.flags & VOID:
            return "debit_account_already_closed"
        if credit.flags & CLOSED and not t.flags & VOID:
            return "credit_account_already_closed"
        stored = msgspec.structs.replace(self._filled(t, hold), timestamp=at_ns)
        self.transfers[t.id] = stored
        self._release(hold, "voided" if t.flags & VOID else "posted")
        if t.flags & VOID:
            self._reopen(hold)
        else:
            debit.sums[D] += stored.amount
            credit.sums[C] += stored.amount
        self._note(stored, at_ns)
        return OK

    def _wrong_resolution(self, t: Transfer, hold: Transfer, at_ns: int) -> str | None:
        if not hold.flags & PENDING:
            return "pending_transfer_not_pending"
        for field in ("debit_account_id", "credit_account_id", "ledger", "code"):
            if getattr(t, field) not in (0, getattr(hold, field)):
                return f"pending_transfer_has_different_{field}"
        amount = self._filled(t, hold).amount
        if amount > hold.amount:
            return "exceeds_pending_transfer_amount"
        if t.flags & VOID and amount < hold.amount:
            return "pending_transfer_has_different_amount"
        status = self.status[hold.id]
        if status in {"posted", "voided"}:
            return f"pending_transfer_already_{status}"
        if status == "expired" or self.deadlines.get(hold.id, at_ns + 1) <= at_ns:
            return "pending_transfer_expired"
        return None

    def _open(self, hold: Transfer) -> None:
        self.status[hold.id] = "pending"
        if hold.timeout:
            self.deadlines[hold.id] = hold.timestamp + hold.timeout * NS_PER_S

    def _release(self, hold: Transfer, status: str) -> None:
        self.status[hold.id] = status
        self.deadlines.pop(hold.id, None)
        self.books[hold.debit_account_id].sums[DP] -= hold.amount
        self.books[hold.credit_account_id].sums[CP] -= hold.amount
        self._ended.append(hold.id)

    def _reopen(self, hold: Transfer) -> None:
        if hold.flags & CLOSING_DEBIT:
            self.books[hold.debit_account_id].flags &= ~CLOSED
        if hold.flags & CLOSING_CREDIT:
            self.books[hold.credit_account_id].flags &= ~CLOSED

    def _note(self, t: Transfer, at_ns: int) -> None:
        for account_id in (t.debit_account_id, t.credit_account_id):
            if self.books[account_id].flags & HISTORY:
                self.history.append((account_id, at_ns, self.sums(account_id)))
