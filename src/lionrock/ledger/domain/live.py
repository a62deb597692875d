"""What changes in place: an account as it stands, and a hold from opening to end.

Plain slotted objects and no frozen values: the writer changes several hundred thousand sums a
second. Nobody but the state machine holds them.
"""

from __future__ import annotations

from lionrock.ledger.domain.values import (
    NS_PER_S,
    Account,
    AccountFlags,
    Balance,
    HoldStatus,
)

_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_NOT_PLAIN = int(AccountFlags.CLOSED | AccountFlags.HISTORY)

# One event as unpacked: id, debit and credit account (keys), amount low and high, pending_id and
# user_data_128 (keys), user_data_64, user_data_32, timeout, ledger, code, flags, timestamp.
Event = tuple[
    bytes, bytes, bytes, int, int, bytes, bytes, int, int, int, int, int, int, int]


class LiveAccount:
    """An account: its sums and flags as they stand."""

    __slots__ = (
        "credits_pending", "credits_posted", "debits_pending", "debits_posted", "flags", "id",
        "is_credits_limited", "is_debits_limited", "key", "ledger", "opened", "plain_ledger",
    )

    def __init__(self, key: bytes, account: Account) -> None:
        self.key = key
        self.id = account.id
        self.opened = account
        self.debits_pending = account.debits_pending
        self.debits_posted = account.debits_posted
        self.credits_pending = account.credits_pending
        self.credits_posted = account.credits_posted
        self.ledger = account.ledger
        self.is_debits_limited = bool(account.flags & _DEBITS_LIMITED)
        self.is_credits_limited = bool(account.flags & _CREDITS_LIMITED)
        self.set_flags(account.flags)

    def set_flags(self, flags: int) -> None:
        """Take new flags; `plain_ledger` is the ledger while nothing but sums need looking at."""
        self.flags = flags
        self.plain_ledger = 0 if flags & _NOT_PLAIN else self.ledger

    def sums(self) -> tuple[int, int, int, int]:
        """Debits pending and posted, credits pending and posted."""
        return (self.debits_pending, self.debits_posted, self.credits_pending,
                self.credits_posted)

    def restore(self, *sums: int) -> None:
        """Put the sums back."""
        (self.debits_pending, self.debits_posted, self.credits_pending,
         self.credits_posted) = sums

    def balance(self) -> Balance:
        """The sums as a value."""
        return Balance(*self.sums())

    def account(self) -> Account:
        """The account as a value, as it stands."""
        return self._value(*self.sums())

    def opened_as(self) -> Account:
        """The account as a value, without its sums."""
        return self._value(0, 0, 0, 0)

    def _value(
        self, debits_pending: int, debits_posted: int, credits_pending: int, credits_posted: int
    ) -> Account:
        opened = self.opened
        return Account(
            self.id, debits_pending, debits_posted, credits_pending, credits_posted,
            opened.user_data_128, opened.user_data_64, opened.user_data_32, opened.ledger,
            opened.code, self.flags, opened.timestamp,
        )


class Hold:
    """A pending transfer, open until something becomes of it."""

    __slots__ = ("amount", "credit", "debit", "expires_at_ns", "fields", "settled_ns", "status",
                 "timestamp")

    def __init__(
        self, fields: Event, amount: int, timestamp: int, debit: LiveAccount, credit: LiveAccount
    ) -> None:
        self.fields = fields  # as sent; only the amount may differ
        self.amount = amount
        self.timestamp = timestamp
        self.debit = debit
        self.credit = credit
        self.status = HoldStatus.OPEN
        self.settled_ns = 0
        timeout_s = fields[9]
        self.expires_at_ns = timestamp + timeout_s * NS_PER_S if timeout_s else 0

    def settle(self, status: HoldStatus, settled_ns: int) -> None:
        """Record what became of it and when (OPEN and 0: undone)."""
        self.status = status
        self.settled_ns = settled_ns

    def is_settled_by(self, until_ns: int) -> bool:
        """Say whether nothing about it has changed after `until_ns`, or ever will."""
        return 0 < self.settled_ns <= until_ns

