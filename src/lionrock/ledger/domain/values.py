"""Accounts and transfers in TigerBeetle's model, as values.

Field names, flags and widths are TigerBeetle's, so that a cluster of it can stand in our place
(reference: Account, Transfer). `timeout` is in seconds of the business clock, `timestamp` in
nanoseconds of it. One deviation: amounts and balances are bounded by 2**63 - 1, not 2**128 - 1,
because query tables keep them in 64-bit columns; AMOUNT_MAX plays the part that 2**128 - 1 plays
there (a post of AMOUNT_MAX posts the whole hold).

Not for: rules (accounts.py, transfers.py) or encoding (records.py).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec

ID_MAX = 2**128 - 1  # itself reserved, like zero
AMOUNT_MAX = 2**63 - 1
TIMESTAMP_NS_MAX = 2**63 - 1
NS_PER_S = 1_000_000_000
_WIDTHS = {
    "user_data_128": ID_MAX,
    "user_data_64": 2**64 - 1,
    "user_data_32": 2**32 - 1,
    "ledger": 2**32 - 1,
    "code": 2**16 - 1,
    "flags": 2**16 - 1,
}


class AccountFlags(IntFlag):
    """What an account is bound by (TigerBeetle Account.flags)."""

    NONE = 0
    LINKED = 1 << 0
    DEBITS_MUST_NOT_EXCEED_CREDITS = 1 << 1
    CREDITS_MUST_NOT_EXCEED_DEBITS = 1 << 2
    HISTORY = 1 << 3
    IMPORTED = 1 << 4
    CLOSED = 1 << 5


class TransferFlags(IntFlag):
    """What a transfer does (TigerBeetle Transfer.flags).

    IMPORTED is refused as `reserved_flag`: timestamps here are the batch's alone (README).
    """

    NONE = 0
    LINKED = 1 << 0
    PENDING = 1 << 1
    POST_PENDING_TRANSFER = 1 << 2
    VOID_PENDING_TRANSFER = 1 << 3
    BALANCING_DEBIT = 1 << 4
    BALANCING_CREDIT = 1 << 5
    CLOSING_DEBIT = 1 << 6
    CLOSING_CREDIT = 1 << 7
    IMPORTED = 1 << 8


class HoldStatus(IntEnum):
    """What became of a pending transfer."""

    OPEN = 1
    POSTED = 2
    VOIDED = 3
    EXPIRED = 4


class AccountDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An account to create. A value outside its field's width is a ValueError: a caller's bug."""

    id: int
    ledger: int
    code: int
    flags: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0

    def __post_init__(self) -> None:
        _check_widths(self, ids=("id",))


class TransferDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer to create. A value outside its field's width is a ValueError: a caller's bug.

    Immediate and pending transfers need accounts, amount, ledger and code. A post or void needs
    `pending_id` and takes the rest from its hold where it is zero; a post moves `amount`
    (AMOUNT_MAX: all of it), a void releases everything.
    """

    id: int
    debit_account_id: int = 0
    credit_account_id: int = 0
    amount: int = 0
    pending_id: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    timeout: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0

    def __post_init__(self) -> None:
        _check_widths(self, ids=("id", "debit_account_id", "credit_account_id", "pending_id"))
        if not 0 <= self.amount <= AMOUNT_MAX:
            raise ValueError(f"amount {self.amount} is outside 0..{AMOUNT_MAX}")
        if not 0 <= self.timeout < 2**32:
            raise ValueError(f"timeout {self.timeout} s is outside 0..{2**32 - 1}")


class Account(msgspec.Struct, frozen=True, gc=False):
    """An account as sent (timestamp 0) or as stored, with its balances in minor units."""

    id: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    ledger: int
    code: int
    flags: int
    timestamp: int
    reserved: int = 0

    @property
    def debits_available(self) -> int:
        """What may still be debited under debits_must_not_exceed_credits: holds count."""
        return self.credits_posted - self.debits_posted - self.debits_pending


class Balance(msgspec.Struct, frozen=True, gc=False):
    """The four sums of an account; each and each side's total stay within AMOUNT_MAX."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """A transfer as sent (timestamp 0) or as stored (fields of a post or void filled in)."""

    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    pending_id: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: int
    timestamp: int

    @property
    def expires_at_ns(self) -> int:
        """When the hold lapses, in business nanoseconds; 0 for never."""
        return self.timestamp + self.timeout * NS_PER_S if self.timeout else 0


def _check_widths(draft: AccountDraft | TransferDraft, ids: tuple[str, ...]) -> None:
    for name in ids:
        if not 0 <= getattr(draft, name) <= ID_MAX:
            raise ValueError(f"{name} is not an unsigned 128-bit integer")
    for name, width_max in _WIDTHS.items():
        if not 0 <= getattr(draft, name) <= width_max:
            raise ValueError(f"{name} is outside 0..{width_max}")
